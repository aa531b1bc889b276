//! What a service may say that is not as documented, and what a caller may ask that makes no sense.

use std::time::Duration;

use syncline_sandbox::FaultAction;
use syncline_sandbox::{FaultMatch, FaultPlan, FaultRule};
use syncline_store::ErrorKind;
use syncline_store_restream::{Access, DataQuery, Filters, Restream, StageFilters, merged};

use crate::{AT, all, client, data_fault, service, settings, time};

/// A plan that answers requests with a body of our own.
fn answers(path: &str, body: &str) -> FaultPlan {
    let rule = FaultRule {
        on: FaultMatch {
            path: Some(path.to_owned()),
            ..FaultMatch::default()
        },
        action: FaultAction::Status {
            status: 200,
            body: body.to_owned(),
            headers: [("content-type".to_owned(), "application/json".to_owned())].into(),
        },
        ..FaultRule::default()
    };
    FaultPlan {
        rules: vec![rule],
        ..FaultPlan::default()
    }
}

fn range() -> DataQuery {
    DataQuery::range(time(AT), time(AT + 59))
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_are_none_are_told_and_what_came_before_them_is_handed_on() {
    let service = service().await;
    let site = client(&service).site(1001);
    let good = format!("{{\"timestamp\":{AT},\"site_id\":1001,\"a\":1}}");
    for (odd, what) in [
        (r#"{"timestamp":"noon","a":"hidden"}"#, "whole seconds"),
        (r#"{"timestamp":null,"a":"hidden"}"#, "whole seconds"),
        (r#"{"timestamp":1.5,"a":"hidden"}"#, "whole seconds"),
        (r#"{"timestamp":1,"site_id":"1001","a":"hidden"}"#, "u64"),
        (r#"{"site_id":1001,"a":"hidden"}"#, "timestamp"),
        (r#"{"timestamp":1,"a":hidden}"#, "expected value"),
        ("7", "no JSON object"),
        ("null", "no JSON object"),
    ] {
        service.set_faults(answers("/data/", &format!("[{good},{odd}]")));
        let mut stream = site.data(range()).stream().unwrap();
        assert_eq!(stream.next().await.unwrap().unwrap().json, good, "{odd}");
        let error = stream.next().await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidData, "{odd}: {error}");
        assert!(error.message.contains("site 1001"), "{odd}: {error}");
        assert!(error.message.contains(what), "{odd}: {error}");
        assert!(!error.message.contains("hidden"), "{odd}: {error}");
        assert!(stream.next().await.unwrap().is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_always_cut_short_is_an_error_in_the_end() {
    let service = service().await;
    service.set_faults(answers(
        "/data/",
        &format!("[{{\"timestamp\":{AT}}},{{\"timest"),
    ));
    let mut stream = client(&service).site(1001).data(range()).stream().unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap().timestamp, AT);
    let error = stream.next().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
    assert!(error.message.contains("ends inside"), "{error}");
    service.set_faults(answers("/sites/", "[{\"id\":1001,\"name\":\"Me"));
    let error = client(&service).sites(&Filters::none()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidData, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_clocks_and_seconds_do_is_lost() {
    let service = service().await;
    let site = client(&service).site(1001);
    let bodies = [
        // No value where there was a number.
        (
            r#"{"timestamp":5,"a":1},{"timestamp":6,"a":null}"#,
            vec![5, 6],
        ),
        // The clock goes back.
        (
            r#"{"timestamp":5},{"timestamp":6},{"timestamp":4},{"timestamp":5}"#,
            vec![5, 6, 4, 5],
        ),
        // A second comes twice, with other values.
        (
            r#"{"timestamp":5,"a":1},{"timestamp":5,"a":2},{"timestamp":6}"#,
            vec![5, 5, 6],
        ),
    ];
    for (body, expected) in bodies {
        service.set_faults(answers("/data/", &format!("[{body}]")));
        let (records, _) = all(site.data(range()).stream().unwrap()).await;
        let seconds: Vec<i64> = records.iter().map(|record| record.timestamp).collect();
        assert_eq!(seconds, expected, "{body}");
        let texts: Vec<&str> = records
            .iter()
            .map(|record| std::str::from_utf8(&record.json).unwrap())
            .collect();
        assert_eq!(texts.join(","), body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stages_and_events_that_nobody_knows_are_kept_and_impossible_ones_are_named() {
    let service = service().await;
    let site = client(&service).site(1001);
    let stage = r#"{"state":"coil_reel","start":"2025-01-01T00:00:00Z","end":null,"site":1001}"#;
    service.set_faults(answers("/history/", &format!("[{stage}]")));
    let stages = site.stages(&StageFilters::default()).await.unwrap();
    assert_eq!(
        (stages[0].state.as_str(), stages[0].id),
        ("coil_reel", None)
    );
    service.set_faults(answers("/history/", r#"[{"state":7,"site":1001}]"#));
    let error = site.stages(&StageFilters::default()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidData, "{error}");
    assert!(error.message.contains("/history/"), "{error}");
    // An event whose end lies before its start still names a second.
    let event = |start: &str, end: &str| {
        format!(
            "{{\"change_log\":[{{\"id\":1,\"site\":1001,\"modification_type\":\"new\",\
             \"start_date\":{start},\"end_date\":{end}}}]}}"
        )
    };
    let (early, late) = ("\"2025-01-01T00:00:00Z\"", "\"2025-01-01T00:10:00Z\"");
    service.set_faults(answers("/data_changes/", &event(late, early)));
    let events = site.changes().await.unwrap();
    let ranges = merged(events.iter().map(|event| &**event));
    assert_eq!((ranges.len(), ranges[0].start), (1, ranges[0].end));
    service.set_faults(answers("/data_changes/", &event(late, "null")));
    let error = site.changes().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidData, "{error}");
    service.set_faults(answers("/data_changes/", "[]"));
    assert_eq!(
        site.changes().await.unwrap_err().kind,
        ErrorKind::InvalidData
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_without_seconds_are_refused_and_those_without_records_are_empty() {
    let service = service().await;
    let site = client(&service).site(1001);
    for query in [
        DataQuery::range(time(AT), time(AT - 1)),
        DataQuery::from(time(AT)..time(AT)),
    ] {
        let refused = site.data(query).stream().unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Configuration);
        assert!(refused.message.contains("before its start"), "{refused}");
    }
    let before = DataQuery::range(time(0), time(59));
    let (records, resumed) = all(site.data(before).stream().unwrap()).await;
    assert_eq!((records.len(), resumed), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_revoked_midway_is_replaced_or_ends_the_stream() {
    let service = service().await;
    let api = client(&service);
    let (whole, _) = all(api.site(1001).data(range()).stream().unwrap()).await;
    service.set_faults(data_fault(FaultAction::Cut { records: 17 }, 1));
    let mut stream = api.site(1001).data(range()).stream().unwrap();
    let mut found = vec![stream.next().await.unwrap().unwrap()];
    service.expire_tokens();
    while let Some(record) = stream.next().await.unwrap() {
        found.push(record);
    }
    assert_eq!((found, stream.resumed()), (whole, 1));

    let folder = tempfile::tempdir().unwrap();
    let mut fetching = settings(&service, "restreamSecret");
    fetching.token_cache = Some(folder.path().join("token"));
    let fetching = Restream::open(fetching).unwrap();
    fetching.pads(&Filters::none()).await.unwrap();
    let kept = std::fs::read(folder.path().join("token")).unwrap();
    let kept: serde_json::Value = serde_json::from_slice(&kept).unwrap();
    let token = kept["access_token"].as_str().unwrap().to_owned();
    let mut given = settings(&service, "unused");
    given.access = Access::Token(token.clone().into());
    given.idle = Duration::from_millis(300);
    let given = Restream::open(given).unwrap();
    // A stream that falls silent is opened again; one that is reset may lose its first record, too.
    service.set_faults(data_fault(FaultAction::Stall { records: 17 }, 9));
    let mut stream = given.site(1001).data(range()).stream().unwrap();
    // The stream has been opened with the token when its first record comes.
    let mut seconds = vec![stream.next().await.unwrap().unwrap().timestamp];
    service.expire_tokens();
    let error = loop {
        match stream.next().await {
            Ok(record) => seconds.push(record.unwrap().timestamp),
            Err(error) => break error,
        }
    };
    let whole: Vec<i64> = (AT..).take(17).collect();
    assert_eq!(seconds, whole);
    assert_eq!(error.kind, ErrorKind::Denied, "{error}");
    assert!(!format!("{error:?}").contains(&token));
}
