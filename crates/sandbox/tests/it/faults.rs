//! Planned faults happen as planned.

use std::io::ErrorKind;

use syncline_sandbox::{FaultAction, FaultMatch, FaultPlan, FaultRule, SandboxConfig};

use crate::fixture::{Fixture, model, student};

async fn faulty(action: FaultAction, applied: bool) -> Fixture {
    let on = FaultMatch {
        method: Some("POST".to_owned()),
        path: Some("/ed-fi/students".to_owned()),
        first: Some(1),
        ..FaultMatch::default()
    };
    let rule = FaultRule {
        on,
        action,
        delay_ms: 0,
        applied,
    };
    let fixture = Fixture::with(SandboxConfig {
        record: true,
        ..SandboxConfig::new(model())
    })
    .await;
    fixture.sandbox.set_faults(FaultPlan {
        seed: 1,
        rules: vec![rule],
    });
    fixture
}

fn unavailable() -> FaultAction {
    FaultAction::Status {
        status: 503,
        body: "<h1>busy</h1>".to_owned(),
        headers: [("Retry-After".to_owned(), "7".to_owned())].into(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_replaces_the_answer_before_or_after_the_effect() {
    for (applied, count) in [(false, 0), (true, 1)] {
        let fixture = faulty(unavailable(), applied).await;
        let answer = fixture.post("/ed-fi/students", &student("1"));
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (503, "<h1>busy</h1>")
        );
        assert_eq!(answer.header("retry-after"), Some("7"));
        assert_eq!(fixture.sandbox.count("ed-fi/students").unwrap(), count);
        let again = fixture.post("/ed-fi/students", &student("1"));
        assert_eq!(again.status, if applied { 200 } else { 201 });
        let log = fixture.sandbox.requests();
        assert_eq!(log.count_status("POST", "/ed-fi/students", 503), 1);
        assert_eq!(log.count("POST", "/ed-fi/students"), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_reset_or_closed_without_an_answer() {
    let cases = [
        (FaultAction::Reset, ErrorKind::ConnectionReset),
        (FaultAction::Close, ErrorKind::UnexpectedEof),
    ];
    for (action, kind) in cases {
        for applied in [false, true] {
            let fixture = faulty(action.clone(), applied).await;
            let body = student("1").to_string();
            let headers = [("Content-Type", "application/json")];
            let result = fixture.send("POST", "/ed-fi/students", &headers, body.as_bytes());
            assert_eq!(result.unwrap_err().kind(), kind, "{action:?}");
            assert_eq!(
                fixture.sandbox.count("ed-fi/students").unwrap(),
                u64::from(applied)
            );
            assert_eq!(fixture.post("/ed-fi/students", &student("2")).status, 201);
            let log = fixture.sandbox.requests();
            assert_eq!(log.count_status("POST", "/ed-fi/students", 0), 1);
            assert_eq!(log.requests.last().unwrap().body, student("2").to_string());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_answer_announces_more_than_it_sends() {
    let fixture = Fixture::new().await;
    fixture.create("/ed-fi/students", &student("1"));
    let on = FaultMatch {
        method: Some("GET".to_owned()),
        ..FaultMatch::default()
    };
    let rule = FaultRule {
        on,
        action: FaultAction::Truncate,
        ..FaultRule::default()
    };
    fixture.sandbox.set_faults(FaultPlan {
        seed: 1,
        rules: vec![rule],
    });
    let answer = fixture.get("/ed-fi/students");
    assert_eq!(answer.status, 200);
    assert!(answer.body.starts_with(b"[{\"id\":"));
    assert!(answer.body.len() < answer.announced().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_lose_their_location_or_their_form() {
    let fixture = faulty(FaultAction::DropLocation, false).await;
    let answer = fixture.post("/ed-fi/students", &student("1"));
    assert_eq!((answer.status, answer.header("location")), (201, None));
    let fixture = faulty(FaultAction::NonJson, false).await;
    let answer = fixture.post("/ed-fi/students", &student("1"));
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (201, Some("text/html"))
    );
    assert!(answer.text().starts_with("<html>"));
    assert_eq!(fixture.sandbox.count("ed-fi/students").unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_seed_and_order_give_the_same_faults() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let on = FaultMatch {
            method: Some("POST".to_owned()),
            path: Some("/ed-fi/".to_owned()),
            rate: Some(0.4),
            ..FaultMatch::default()
        };
        let rule = FaultRule {
            on,
            action: unavailable(),
            ..FaultRule::default()
        };
        let fixture = Fixture::new().await;
        fixture.sandbox.set_faults(FaultPlan {
            seed: 42,
            rules: vec![rule],
        });
        let post = |number: u32| {
            fixture
                .post("/ed-fi/students", &student(&number.to_string()))
                .status
        };
        runs.push((0..30).map(post).collect::<Vec<u16>>());
    }
    assert_eq!(runs[0], runs[1]);
    assert!(runs[0].contains(&503) && runs[0].contains(&201));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_keeps_bodies_only_when_recording_and_never_secrets() {
    let fixture = faulty(FaultAction::Delay, false).await;
    fixture.create("/ed-fi/students", &student("1"));
    fixture.get("/ed-fi/students?limit=1");
    let log = fixture.sandbox.requests();
    assert_eq!(log.total, 3);
    assert_eq!(log.count_status("POST", "/oauth/token", 200), 1);
    assert!(log.requests[0].body.is_empty());
    assert_eq!(log.requests[1].body, student("1").to_string());
    assert_eq!(log.requests[2].path, "/data/v3/ed-fi/students?limit=1");
    let plain = Fixture::new().await;
    plain.create("/ed-fi/students", &student("1"));
    assert_eq!(
        (
            plain.sandbox.requests().total,
            plain.sandbox.requests().requests.len()
        ),
        (2, 0)
    );
}
