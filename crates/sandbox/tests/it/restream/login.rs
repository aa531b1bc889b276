//! Tokens, and limits on who asks how often.

use std::time::Duration;

use syncline_sandbox::restream::{Behaviour, RestreamConfig};

use super::{AT, Fixture, range};

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_given_for_the_right_secret_only() {
    let fixture = Fixture::new().await;
    let answer = fixture.log_in("restreamSecret");
    let token = answer.json();
    assert_eq!(
        (token["expires_in"].as_u64(), token["token_type"].as_str()),
        (Some(36_000), Some("Bearer"))
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(fixture.log_in("wrong").status, 401);
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let post = |headers: &[(&str, &str)], body: &str| {
        fixture.ask("POST", "/o/token/", headers, body).status
    };
    assert_eq!(
        post(&[form], "client_id=restream&client_secret=restreamSecret"),
        400
    );
    assert_eq!(post(&[("Content-Type", "application/json")], "{}"), 400);
    assert_eq!(fixture.ask("GET", "/o/token/", &[], "").status, 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_without_a_live_token_are_refused() {
    let fixture = Fixture::with(RestreamConfig {
        record: true,
        ..RestreamConfig::default()
    })
    .await;
    let ask = |token: &str| {
        let path = format!("{}/sites/", super::REST);
        fixture.ask("GET", &path, &[("Authorization", token)], "")
    };
    for token in ["", "Bearer nobody's", "Basic x", "Bearer"] {
        let answer = ask(token);
        assert_eq!(answer.status, 401, "{token}");
        assert!(answer.header("www-authenticate").is_some());
        assert!(answer.json()["detail"].is_string());
    }
    assert_eq!(fixture.get("/sites/").status, 200);
    fixture.restream.expire_tokens();
    assert_eq!(fixture.get("/sites/").status, 401);
    let log = fixture.restream.requests();
    assert!(
        log.requests.iter().all(|one| one.body.is_empty()),
        "secrets are not kept"
    );
    assert_eq!(log.count_status("GET", "/sites/", 401), 5);
    let short = Fixture::with(RestreamConfig {
        token_lifetime: Duration::ZERO,
        ..RestreamConfig::default()
    });
    assert_eq!(short.await.get("/sites/").status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_for_too_many_tokens_is_banned() {
    let fixture = Fixture::behaving(Behaviour {
        token_ban: Some(3),
        ..Behaviour::default()
    })
    .await;
    let statuses = [(); 4].map(|()| fixture.log_in("restreamSecret").status);
    assert_eq!(statuses, [200, 200, 403, 403]);
    assert_eq!(fixture.get("/sites/").status, 200, "what was given goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_at_once_and_in_a_second_have_a_limit() {
    let fixture = Fixture::behaving(Behaviour {
        concurrency: Some(1),
        ..Behaviour::default()
    })
    .await;
    let slow = serde_json::json!([{"match": {"path": "/1001/data/"}, "action": {"kind": "stall", "records": 1}}]);
    fixture.arm(&slow);
    let path = format!("{}/sites/1001/data/?{}", super::REST, range(AT, AT + 99));
    let mut held = super::faults::begin(&fixture, &path);
    assert!(super::faults::until(&mut held, "{\"timestamp\":").contains("200 OK"));
    let refused = fixture.get("/sites/1002/data/");
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (429, Some("1"))
    );
    assert_eq!(
        fixture.get("/sites/").status,
        200,
        "another shape of endpoint"
    );
    let limited = Fixture::with(RestreamConfig {
        rate_limit: Some(3),
        ..RestreamConfig::default()
    })
    .await;
    let statuses: Vec<u16> = (0..12).map(|_| limited.get("/states/5/").status).collect();
    assert!(
        statuses.contains(&404) && statuses.contains(&429),
        "{statuses:?}"
    );
}
