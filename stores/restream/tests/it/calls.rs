//! Lists, stages, definitions, and what goes wrong with them.

use serde_json::json;
use syncline_sandbox::restream::{Behaviour, RestreamConfig};
use syncline_store::ErrorKind;
use syncline_store_restream::{DataQuery, Filters, Restream, StageFilters, StageName};

use crate::{AT, client, service, settings, time, with};

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_what_the_service_has_and_keep_what_nobody_knows() {
    let service = service().await;
    let api = client(&service);
    let sites = api.sites(&Filters::none()).await.unwrap();
    let ids: Vec<u64> = sites.iter().map(|site| site.id).collect();
    assert_eq!(ids, service.sites());
    let pads = api.pads(&Filters::none()).await.unwrap();
    let ids: Vec<u64> = pads.iter().map(|pad| pad.id).collect();
    assert_eq!(ids, service.pads());
    let pad = api.pad(pads[0].id);
    let on_pad = pad.sites(Filters::none()).await.unwrap();
    assert!(!on_pad.is_empty() && on_pad.iter().all(|site| site.pad_id == Some(pads[0].id)));
    let one = api.site(sites[0].id).get_site().await.unwrap();
    assert_eq!(one.name, sites[0].name);
    assert!(one.json().contains("\"lease_name\""));
    let states = pad.states().await.unwrap();
    assert_eq!(states.len(), on_pad.len());
    let fields = api.site(sites[0].id).fields().await.unwrap();
    assert!(fields.iter().any(|field| field.name == "slurry_rate"));
    assert!(!pad.sources().await.unwrap().is_empty());
    let named = Filters::none().with("name_search", &sites[0].name);
    assert!(api.sites(&named).await.unwrap().len() <= sites.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn stages_come_with_their_aggregations() {
    let service = service().await;
    let wells = client(&service).site(service.sites()[0]);
    let filters = StageFilters {
        state: Some(StageName::Frac),
        ..StageFilters::default()
    };
    let stages = wells.stages(&filters).await.unwrap();
    let finished: Vec<u64> = stages.iter().filter_map(|stage| stage.id).collect();
    assert!(!finished.is_empty());
    let (told, reasons) = wells.aggregations(&stages, &filters).await.unwrap();
    assert_eq!(reasons, [""; 0]);
    assert!(
        told.iter()
            .all(|(id, values)| finished.contains(id) && !values.is_empty())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn definitions_are_made_changed_and_deleted() {
    let service = service().await;
    let pad = client(&service).pad(service.pads()[0]);
    let before = pad.stage_aggregations().await.unwrap().len();
    let wanted = [json!({
        "name": "avg_low_rate",
        "config": {"field": "slurry_rate", "aggregation": "average"},
        "description": "d",
    })];
    let valid = pad.validate_stage_aggregations(&wanted).await.unwrap();
    assert_eq!(valid, json!({"valid": true}));
    assert_eq!(pad.stage_aggregations().await.unwrap().len(), before);
    let made = pad.create_stage_aggregations(&wanted).await.unwrap();
    let id = made[0].id;
    assert_eq!(
        pad.stage_aggregation(id).await.unwrap().name,
        "avg_low_rate"
    );
    let label = json!({"label": "Low"});
    let changed = pad.change_stage_aggregation(id, &label, false);
    assert_eq!(changed.await.unwrap().label.as_deref(), Some("Low"));
    pad.delete_stage_aggregation(id).await.unwrap();
    let gone = pad.stage_aggregation(id).await.unwrap_err();
    assert_eq!(gone.kind, ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_or_is_not_there_is_named_and_secrets_are_not() {
    let service = with(RestreamConfig {
        behaviour: Behaviour {
            forbidden: [1001].into(),
            ..Behaviour::default()
        },
        ..RestreamConfig::default()
    })
    .await;
    let api = client(&service);
    let denied = api.site(1001).get_site().await.unwrap_err();
    assert_eq!(denied.kind, ErrorKind::Denied, "{denied}");
    let missing = api.site(4711).get_site().await.unwrap_err();
    assert_eq!(missing.kind, ErrorKind::NotFound, "{missing}");
    assert!(missing.message.contains("/sites/4711/"), "{missing}");
    let range = DataQuery::range(time(AT), time(AT + 1));
    let missing = api
        .site(4711)
        .data(range)
        .stream()
        .unwrap()
        .next()
        .await
        .unwrap_err();
    assert_eq!(missing.kind, ErrorKind::NotFound, "{missing}");
    let wrong = Restream::open(settings(&service, "wrong-and-hidden")).unwrap();
    let refused = wrong.sites(&Filters::none()).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Denied, "{refused}");
    assert!(!format!("{refused:?}").contains("hidden"));
    let again = wrong.pads(&Filters::none()).await.unwrap_err();
    assert_eq!(again.kind, ErrorKind::Denied);
    let asked = service.requests().count("POST", "/o/token/");
    // One for the good client, one for the other: credentials that were refused are not tried again.
    assert_eq!(asked, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ends_is_replaced_once() {
    let service = service().await;
    let api = client(&service);
    api.pads(&Filters::none()).await.unwrap();
    service.expire_tokens();
    api.pads(&Filters::none()).await.unwrap();
    service.expire_tokens();
    let range = DataQuery::range(time(AT), time(AT + 9));
    let mut stream = api.site(service.sites()[0]).data(range).stream().unwrap();
    assert!(stream.next().await.unwrap().is_some());
    let asked = service.requests().count("POST", "/o/token/");
    assert_eq!(asked, 3);
}
