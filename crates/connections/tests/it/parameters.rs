//! AWS Parameter Store.

use std::collections::BTreeMap;

use syncline_connections::{AwsSettings, ConnectionStore, ConnectionsError};

use crate::ssm::{KEY_ID, ParameterStore, REGION, SECRET};

const NORTH: &str = "/ed-fi/apiPublisher/connections/North_v6.1";

fn store(server: &ParameterStore, secret: &str) -> ConnectionStore {
    let environment = [
        ("AWS_ACCESS_KEY_ID", KEY_ID),
        ("AWS_SECRET_ACCESS_KEY", secret),
        ("AWS_REGION", REGION),
    ];
    let text = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    ConnectionStore::Aws(Box::new(AwsSettings {
        endpoint_url: Some(server.url.clone()),
        environment: environment
            .map(text)
            .into_iter()
            .collect::<BTreeMap<_, _>>(),
        ..AwsSettings::default()
    }))
}

async fn with_connection() -> ParameterStore {
    let server = ParameterStore::start().await;
    for (name, kind, value) in [
        ("url", "String", "https://north.example"),
        ("key", "SecureString", "key-of-north"),
        ("secret", "SecureString", "secret-of-north"),
        (
            "lastChangeVersionsProcessed",
            "SecureString",
            r#"{"Other": 3}"#,
        ),
        ("deeper/url", "String", "not of this connection"),
    ] {
        server.put(&format!("{NORTH}/{name}"), kind, value);
    }
    // One name begins as the other does.
    server.put(&format!("{NORTH}.2/url"), "String", "https://other.example");
    server
}

#[tokio::test]
async fn plain_and_secure_parameters_are_one_connection_over_all_pages() {
    let server = with_connection().await;
    for number in 0..18 {
        server.put(&format!("{NORTH}/more{number}"), "String", "x");
    }
    let found = store(&server, SECRET)
        .read("North_v6.1")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.get("URL"), Some("https://north.example"));
    assert_eq!(found.get("secret"), Some("secret-of-north"));
    assert_eq!((found.names().count(), server.pages()), (22, 3));
    assert!(!format!("{found:?}").contains("of-north"));
    let none = store(&server, SECRET).read("Nowhere").await.unwrap();
    assert_eq!(none, None);
}

#[tokio::test]
async fn change_versions_that_are_written_at_the_same_time_are_all_there() {
    let server = with_connection().await;
    let kept = store(&server, SECRET);
    let clone = kept.clone();
    let (first, second, third) = tokio::join!(
        kept.write_position("North_v6.1", "State", 17),
        clone.write_position("North_v6.1", "Region", 18),
        kept.write_position("North_v6.1", "Other", 19),
    );
    for written in [first, second, third] {
        written.unwrap();
    }
    let (_, text) = server
        .get(&format!("{NORTH}/lastChangeVersionsProcessed"))
        .unwrap();
    let found: serde_json::Value = serde_json::from_str(&text).unwrap();
    let expected = serde_json::json!({"Other": 19, "State": 17, "Region": 18});
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_change_version_is_written_beside_those_of_other_targets() {
    let server = with_connection().await;
    let kept = store(&server, SECRET);
    kept.write_position("North_v6.1", "State", 17)
        .await
        .unwrap();
    kept.write_position("North_v6.1", "state", 19)
        .await
        .unwrap();
    let name = format!("{NORTH}/lastChangeVersionsProcessed");
    let (kind, text) = server.get(&name).unwrap();
    assert_eq!(
        (kind.as_str(), text.as_str()),
        ("SecureString", r#"{"Other":3,"State":19}"#)
    );
    kept.write_position("South", "State", 4).await.unwrap();
    let made = server.get("/ed-fi/apiPublisher/connections/South/lastChangeVersionsProcessed");
    assert_eq!(
        made.unwrap(),
        ("String".to_owned(), r#"{"State":4}"#.to_owned())
    );
}

#[tokio::test]
async fn one_parameter_may_hold_all_credentials() {
    let server = with_connection().await;
    let name = format!("{NORTH}/credentials");
    let all = r#"{"url": "https://new.example", "Key": "k2", "secret": "secret-2"}"#;
    server.put(&name, "SecureString", all);
    let kept = store(&server, SECRET);
    let found = kept.read("North_v6.1").await.unwrap().unwrap();
    let values = ["url", "key", "secret"].map(|name| found.get(name).unwrap());
    assert_eq!(values, ["https://new.example", "k2", "secret-2"]);
    for (text, lacking) in [(r#"{"url": "u", "key": "key-3"}"#, "secret"), ("oh", "url")] {
        server.put(&name, "SecureString", text);
        let error = kept.read("North_v6.1").await.unwrap_err();
        let message = error.to_string();
        assert!(message.contains(&format!("no `{lacking}`")), "{message}");
        assert!(
            !message.contains("key-3") && error.hint().is_some(),
            "{message}"
        );
    }
}

#[tokio::test]
async fn what_the_service_refuses_is_told_without_secrets() {
    let server = with_connection().await;
    let error = store(&server, "another-secret")
        .read("North_v6.1")
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("InvalidSignatureException"),
        "{error}"
    );
    server.deny("PutParameter");
    let error = store(&server, SECRET)
        .write_position("North_v6.1", "State", 1)
        .await;
    let error = error.unwrap_err();
    assert!(
        error.hint().unwrap().contains("ssm:PutParameter"),
        "{error}"
    );
    let told = format!("{error} {error:?}");
    assert!(
        !told.contains("another-secret") && !told.contains(SECRET),
        "{told}"
    );
    let mut gone = server;
    "http://127.0.0.1:9".clone_into(&mut gone.url);
    let error = store(&gone, SECRET).read("North_v6.1").await.unwrap_err();
    assert!(
        matches!(error, ConnectionsError::Unavailable { .. }),
        "{error}"
    );
}
