//! Tokens: every way to ask and every refusal.

use std::time::Duration;

use serde_json::json;
use syncline_sandbox::{ApiVersion, SandboxConfig};

use crate::client::{Answer, exchange};
use crate::fixture::{Fixture, model};

const FORM: &str = "application/x-www-form-urlencoded";
const GRANT: &str = "grant_type=client_credentials";
const BASIC: &str = "Basic cG9wdWxhdGVkOnBvcHVsYXRlZFNlY3JldA==";

fn ask(fixture: &Fixture, headers: &[(&str, &str)], body: &str) -> Answer {
    exchange(
        fixture.sandbox.address(),
        "POST",
        "/oauth/token",
        headers,
        body.as_bytes(),
    )
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_come_by_header_or_body_form_or_json() {
    let fixture = Fixture::new().await;
    let posted = format!("{GRANT}&client_id=populated&client_secret=populatedSecret");
    let json_body = r#"{"Grant_Type":"Client_Credentials","CLIENT_ID":"populated","client_secret":"populatedSecret"}"#;
    let cases = [
        (
            vec![("Content-Type", FORM), ("Authorization", BASIC)],
            GRANT,
        ),
        (vec![("Content-Type", FORM)], posted.as_str()),
        (
            vec![("Content-Type", "application/json; charset=utf-8")],
            json_body,
        ),
    ];
    for (headers, body) in cases {
        let answer = ask(&fixture, &headers, body);
        assert_eq!(answer.status, 200, "{body}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let token = answer.json();
        assert_eq!(token["access_token"].as_str().map(str::len), Some(32));
        assert_eq!(
            (&token["expires_in"], &token["token_type"]),
            (&json!(1800), &json!("bearer"))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_a_login_has_its_answer() {
    let fixture = Fixture::new().await;
    let basic = |value: &'static str| vec![("Content-Type", FORM), ("Authorization", value)];
    let cases = [
        (basic("Basic"), GRANT, 400, "invalid_request"),
        (basic("Digest abc"), GRANT, 401, "invalid_client"),
        (basic("Basic ***"), GRANT, 400, "invalid_request"),
        (basic("Basic YTpiOmM="), GRANT, 400, "invalid_client"),
        (
            basic("Basic cG9wdWxhdGVkOg=="),
            GRANT,
            401,
            "invalid_request",
        ),
        (
            basic("Basic cG9wdWxhdGVkOnNlY3JldA=="),
            GRANT,
            401,
            "invalid_client",
        ),
        (
            basic(BASIC),
            "grant_type=password",
            400,
            "unsupported_grant_type",
        ),
        (basic(BASIC), "", 400, "unsupported_grant_type"),
        (
            basic(BASIC),
            "grant_type=client_credentials&client_id=populated",
            400,
            "invalid_client",
        ),
        (
            basic(BASIC),
            "grant_type=client_credentials&scope=255901",
            400,
            "invalid_scope",
        ),
        (vec![("Content-Type", FORM)], GRANT, 401, "invalid_request"),
    ];
    for (headers, body, status, error) in cases {
        let answer = ask(&fixture, &headers, body);
        assert_eq!(answer.status, status, "{headers:?} {body}");
        assert_eq!(answer.json(), json!({"error": error}), "{headers:?} {body}");
    }
    assert_eq!(
        ask(&fixture, &[("Authorization", BASIC)], GRANT).status,
        415
    );
    let old = Fixture::version(ApiVersion::V8_0).await;
    assert_eq!(
        ask(&old, &[("Content-Type", FORM)], GRANT).json()["type"],
        "urn:ed-fi:api:bad-request"
    );
    let wrong = ask(&old, &basic("Basic cG9wdWxhdGVkOnNlY3JldA=="), GRANT);
    assert_eq!(
        (wrong.status, wrong.json()["type"].clone()),
        (401, json!("urn:ed-fi:api:unauthorized"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_has_at_most_fifteen_live_tokens_from_7_3_on() {
    let mut fixture = Fixture::new().await;
    let headers = [("Content-Type", FORM), ("Authorization", BASIC)];
    for _ in 1..15 {
        assert_eq!(ask(&fixture, &headers, GRANT).status, 200);
    }
    let refused = ask(&fixture, &headers, GRANT);
    assert_eq!(refused.status, 429);
    assert_eq!(
        refused.json()["type"],
        "urn:ed-fi:api:security:authentication:too-many-tokens"
    );
    assert_eq!(refused.json()["title"], "Too Many Tokens");
    fixture.sandbox.expire_tokens();
    assert_eq!(fixture.get("/ed-fi/students").status, 401);
    fixture.log_in();
    assert_eq!(fixture.get("/ed-fi/students").status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_without_a_live_token_are_refused() {
    let lifetime = SandboxConfig {
        token_lifetime: Duration::ZERO,
        ..SandboxConfig::new(model())
    };
    let expired = Fixture::with(lifetime).await;
    assert_eq!(
        expired.get("/ed-fi/students").json()["errors"],
        json!(["Invalid token"])
    );
    let fixture = Fixture::new().await;
    let cases = [
        (None, "Authorization header is missing."),
        (Some("Basic x"), "Unknown Authorization header scheme."),
        (
            Some("Bearer"),
            "Missing Authorization header bearer token value.",
        ),
        (Some("Bearer 0123"), "Invalid token"),
    ];
    for (header, error) in cases {
        let headers: Vec<_> = header
            .map(|value| ("Authorization", value))
            .into_iter()
            .collect();
        let answer = exchange(
            fixture.sandbox.address(),
            "GET",
            "/data/v3/ed-fi/students",
            &headers,
            b"",
        )
        .unwrap();
        assert_eq!(answer.status, 401);
        let problem = answer.json();
        assert_eq!(problem["type"], "urn:ed-fi:api:security:authentication");
        assert_eq!(problem["title"], "Authentication Failed");
        assert_eq!(problem["errors"], json!([error]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_can_be_looked_into() {
    let fixture = Fixture::new().await;
    let bearer = fixture.token.clone();
    let token = bearer.trim_start_matches("Bearer ").to_owned();
    let ask = |body: &serde_json::Value| {
        let headers = [
            ("Content-Type", "application/json"),
            ("Authorization", bearer.as_str()),
        ];
        let body = body.to_string();
        exchange(
            fixture.sandbox.address(),
            "POST",
            "/oauth/token_info",
            &headers,
            body.as_bytes(),
        )
        .unwrap()
    };
    let info = ask(&json!({"token": token})).json();
    assert_eq!(
        (&info["active"], &info["client_id"]),
        (&json!(true), &json!("populated"))
    );
    let students = info["resources"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["resource"] == "/ed-fi/students");
    assert_eq!(
        students.unwrap()["operations"],
        json!(["Create", "Read", "Update", "Delete", "ReadChanges"])
    );
    assert_eq!(
        ask(&json!({})).json()["detail"],
        "An invalid token was provided"
    );
    assert_eq!(
        ask(&json!({"token": "0".repeat(32)})).json()["detail"],
        "The authentication token and the token to inspect must match."
    );
}
