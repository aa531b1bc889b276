//! The suite that every store has to pass, over lists, measurements and stages.

use std::sync::Arc;

use bytes::Bytes;
use syncline_model::{Catalog, CollectionName};
use syncline_store::Store as _;
use syncline_store_restream::{DataQuery, Place, Restream, RestreamStore, Set, StageFilters};
use syncline_testkit::conformance::{self, Trial};

use crate::{AT, client, service, time};

/// A collection, and a record of it to be declined.
fn trial(catalog: &Catalog, (name, payload): (&str, &'static str)) -> Trial {
    Trial {
        collection: Arc::new(catalog.collections[name].clone()),
        payloads: vec![Bytes::from(payload)],
    }
}

/// A store with measurements and stages of a site and of its pad.
fn store(api: Restream, site: u64, pad: u64) -> RestreamStore {
    let query = DataQuery {
        fields: Some(vec![
            "slurry_rate".to_owned(),
            "wellhead_pressure".to_owned(),
        ]),
        ..DataQuery::range(time(AT), time(AT + 1_300))
    };
    let routed = DataQuery {
        routed: true,
        ..query.clone()
    };
    let stages = StageFilters::default();
    let sets = [
        ("measured", Set::Data(Place::Site(site), query)),
        ("routed", Set::Data(Place::Pad(pad), routed)),
        ("stages", Set::Stages(Place::Site(site), stages.clone())),
        ("pad_stages", Set::Stages(Place::Pad(pad), stages)),
    ];
    let sets = sets.map(|(name, set)| (CollectionName::new(name), set));
    RestreamStore::new(api, sets).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_conforms_as_a_store() {
    let service = service().await;
    let (site, pad) = (service.sites()[0], service.pads()[0]);
    let store = store(client(&service), site, pad);
    let catalog = store.describe().await.unwrap();
    let stage = r#"{"site":7,"start":"2025-01-01T00:00:00Z"}"#;
    let record = r#"{"site_id":7,"timestamp":1735689600,"slurry_rate":1.50}"#;
    let trials = [
        ("pads", r#"{"id":7}"#),
        ("sites", r#"{"id":7}"#),
        ("states", r#"{"id":7}"#),
        ("measured", record),
        ("routed", record),
        ("stages", stage),
        ("pad_stages", stage),
    ]
    .map(|named| trial(&catalog, named));
    conformance::run(&store, &trials).await;
    conformance::narrow(&store, &trials).await;
}
