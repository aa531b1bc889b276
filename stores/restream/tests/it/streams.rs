//! Streams of measurements: complete, in order, and going on where they were cut.

use std::sync::Arc;

use futures_util::StreamExt as _;
use syncline_model::{CollectionName, Coverage, Scope};
use syncline_sandbox::FaultAction;
use syncline_sandbox::restream::{Behaviour, RestreamConfig};
use syncline_store::{Batch, ErrorKind, Query, Store as _};
use syncline_store_restream::{DataQuery, Place, Resolution, RestreamStore, Set};

use crate::{AT, all, client, data_fault, impatient, service, time, with};

fn range() -> DataQuery {
    DataQuery::range(time(AT), time(AT + 59))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_second_comes_once_and_in_order() {
    let service = service().await;
    let site = service.sites()[0];
    let stream = client(&service).site(site).data(range()).stream().unwrap();
    let (records, resumed) = all(stream).await;
    let seconds: Vec<i64> = records.iter().map(|record| record.timestamp).collect();
    assert_eq!(seconds, (AT..AT + 60).collect::<Vec<_>>());
    assert!(records.iter().all(|record| record.site == Some(site)));
    assert_eq!(resumed, 0);
    let minutes = DataQuery {
        resolution: Resolution::Minute,
        ..range()
    };
    let (records, _) = all(client(&service).site(site).data(minutes).stream().unwrap()).await;
    assert_eq!(records.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_cut_goes_on_without_a_gap_and_without_repeating() {
    let service = service().await;
    let api = client(&service);
    let routed = DataQuery {
        routed: true,
        ..range()
    };
    let places = [
        (api.site(service.sites()[0]), range()),
        (api.pad(service.pads()[0]), routed),
        (api.pad(service.pads()[0]), range()),
    ];
    for (wells, query) in places {
        let (whole, _) = all(wells.data(query.clone()).stream().unwrap()).await;
        assert!(!whole.is_empty());
        for records in [0, 1, 17, 59] {
            service.set_faults(data_fault(FaultAction::Cut { records }, 2));
            let (found, resumed) = all(wells.data(query.clone()).stream().unwrap()).await;
            assert_eq!(found, whole, "cut after {records}");
            assert!((1..=2).contains(&resumed), "cut after {records}: {resumed}");
            service.set_faults(data_fault(FaultAction::Delay, 0));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_falls_silent_goes_on_as_well() {
    let service = service().await;
    let site = service.sites()[0];
    let (whole, _) = all(client(&service).site(site).data(range()).stream().unwrap()).await;
    for records in [0, 17] {
        service.set_faults(data_fault(FaultAction::Stall { records }, 1));
        let (found, resumed) = all(impatient(&service)
            .site(site)
            .data(range())
            .stream()
            .unwrap())
        .await;
        assert_eq!(found, whole, "silent after {records}");
        assert!(resumed >= 1, "silent after {records}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_makes_no_progress_ends_with_an_error() {
    let service = service().await;
    service.set_faults(data_fault(FaultAction::Cut { records: 5 }, 1_000));
    let mut stream = client(&service)
        .site(service.sites()[0])
        .data(range())
        .stream()
        .unwrap();
    let mut seconds = Vec::new();
    let error = loop {
        match stream.next().await {
            Ok(Some(record)) => seconds.push(record.timestamp),
            Ok(None) => panic!("a stream that is always cut has no end"),
            Err(error) if error.is_transient() => break error,
            Err(error) => panic!("{error}"),
        }
        if seconds.len() == 60 {
            return;
        }
    };
    let whole: Vec<i64> = (AT..).take(seconds.len()).collect();
    assert_eq!(seconds, whole, "{error}");
    assert!(stream.next().await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_array_is_an_error_and_not_an_empty_stream() {
    let service = service().await;
    let body = |body: &str| FaultAction::Status {
        status: 200,
        body: body.to_owned(),
        headers: [("content-type".to_owned(), "application/json".to_owned())].into(),
    };
    for wrong in [
        "null",
        "{\"detail\":\"no\"}",
        "",
        "[1]",
        "{\"timestamp\":1}\n{}",
    ] {
        service.set_faults(data_fault(body(wrong), 1));
        let mut stream = client(&service)
            .site(service.sites()[0])
            .data(range())
            .stream()
            .unwrap();
        let error = stream.next().await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidData, "{wrong}: {error}");
    }
    service.set_faults(data_fault(body("[]"), 1));
    let (records, _) = all(client(&service)
        .site(service.sites()[0])
        .data(range())
        .stream()
        .unwrap())
    .await;
    assert_eq!(records, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn compressed_and_busy_services_are_read_as_well() {
    let service = with(RestreamConfig {
        behaviour: Behaviour {
            gzip: true,
            concurrency: Some(3),
            ..Behaviour::default()
        },
        ..RestreamConfig::default()
    })
    .await;
    let api = client(&service);
    let sites = service.sites().into_iter().cycle().take(16);
    let streams = sites.map(|site| all(api.site(site).data(range()).stream().unwrap()));
    let found = futures_util::future::join_all(streams).await;
    assert!(
        found
            .iter()
            .all(|(records, resumed)| records.len() == 60 && *resumed == 0)
    );
    assert_eq!(service.requests().count_status("GET", "/data/", 429), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_hands_on_what_has_arrived_and_says_that_it_is_complete() {
    let service = service().await;
    let name = CollectionName::new("rates");
    let site = service.sites()[0];
    let sets = [(name.clone(), Set::Data(Place::Site(site), range()))];
    let store = RestreamStore::new(client(&service), sets).unwrap();
    let catalog = store.describe().await.unwrap();
    let collection = Arc::new(catalog.collections[&name].clone());
    let mut batches = store.read(Query::records(collection)).await.unwrap();
    let (mut records, mut complete) = (Vec::new(), false);
    while let Some(batch) = batches.next().await {
        match batch.unwrap() {
            Batch::Put(some) => records.extend(some),
            Batch::End {
                coverage, counts, ..
            } => {
                complete = matches!(coverage, Coverage::Complete(_)) && counts.records == 60;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(complete);
    assert_eq!(records.len(), 60);
    assert_eq!(records[0].key.as_str(), format!("[{site},{AT}]"));
    let sites = Arc::new(catalog.collections[&CollectionName::new("sites")].clone());
    let by_place = Query {
        scope: Scope::At(vec![]),
        ..Query::records(sites)
    };
    let refused = store.read(by_place).await.err().unwrap();
    assert_eq!(refused.kind, ErrorKind::Unsupported);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_handed_on_before_another_byte_arrives() {
    for gzip in [false, true] {
        let service = with(RestreamConfig {
            behaviour: Behaviour {
                gzip,
                ..Behaviour::default()
            },
            ..RestreamConfig::default()
        })
        .await;
        let site = service.sites()[0];
        for records in [1, 2, 5] {
            // After these the service says nothing more, so that no later byte can help.
            service.set_faults(data_fault(FaultAction::Stall { records }, 1));
            let mut stream = client(&service).site(site).data(range()).stream().unwrap();
            for second in AT.. {
                let record = stream.next().await.unwrap().unwrap();
                assert_eq!(record.timestamp, second);
                if second == AT + i64::try_from(records).unwrap() - 1 {
                    break;
                }
            }
        }
    }
}

#[test]
fn many_streams_on_one_thread_keep_within_the_limits() {
    let servers = tokio::runtime::Runtime::new().unwrap();
    let service = servers.block_on(with(RestreamConfig {
        behaviour: Behaviour {
            concurrency: Some(3),
            ..Behaviour::default()
        },
        ..RestreamConfig::default()
    }));
    let one_thread = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let api = client(&service);
    let sites = service.sites().into_iter().cycle().take(64);
    let streams = sites.map(|site| all(api.site(site).data(range()).stream().unwrap()));
    let found = one_thread.block_on(futures_util::future::join_all(streams));
    assert!(
        found
            .iter()
            .all(|(records, resumed)| records.len() == 60 && *resumed == 0)
    );
    assert_eq!(service.requests().count_status("GET", "/data/", 429), 0);
    assert_eq!(service.requests().count("POST", "/o/token/"), 1);
}
