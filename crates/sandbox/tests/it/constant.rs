//! The constant-answer server: quick answers, and nothing else.

use serde_json::json;
use syncline_sandbox::{ConstantServer, SandboxConfig};

use crate::client::exchange;
use crate::fixture::model;

#[tokio::test(flavor = "multi_thread")]
async fn every_post_is_accepted_unread() {
    let server = ConstantServer::start(SandboxConfig::new(model()))
        .await
        .unwrap();
    let address = server.address();
    let ask =
        |method: &str, path: &str, body: &[u8]| exchange(address, method, path, &[], body).unwrap();
    let discovery = ask("GET", "/", b"").json();
    assert_eq!(
        discovery["urls"]["dataManagementApi"],
        json!(format!("{}/data/v3/", server.url()))
    );
    let token = ask("POST", "/oauth/token", b"grant_type=client_credentials").json();
    assert_eq!(token["token_type"], "bearer");
    assert!(
        ask("GET", "/metadata/data/v3/dependencies", b"")
            .json()
            .as_array()
            .unwrap()
            .len()
            > 5
    );
    for body in [b"not json".to_vec(), vec![b'x'; 200_000]] {
        let answer = ask("POST", "/data/v3/ed-fi/students", &body);
        assert_eq!((answer.status, answer.body.len()), (201, 0));
        assert_eq!(answer.id().len(), 32);
        assert!(answer.header("etag").is_some());
    }
    assert_eq!(ask("GET", "/data/v3/ed-fi/students", b"").status, 405);
    assert_eq!(server.posts(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_a_folder_come_in_pages_that_never_change() {
    let folder = tempfile::tempdir().unwrap();
    let line = |number: usize| format!("{{\"studentUniqueId\":\"{number}\"}}\n");
    let lines: String = (0..60).map(line).collect();
    std::fs::write(folder.path().join("students.jsonl"), lines).unwrap();
    let config = SandboxConfig::new(model());
    let server = ConstantServer::start_with(config, Some(folder.path()))
        .await
        .unwrap();
    let address = server.address();
    let students = |rest: &str| {
        let path = format!("/data/v3/ed-fi/students{rest}");
        exchange(address, "GET", &path, &[], b"").unwrap()
    };
    let first = students("?limit=25&totalCount=true");
    assert_eq!(first.json().as_array().unwrap().len(), 25);
    assert_eq!(first.json()[24]["studentUniqueId"], "24");
    assert!(first.json()[0]["_etag"].is_string());
    assert_eq!(first.header("total-count"), Some("60"));
    let last = students("?offset=50&limit=25").json();
    assert_eq!(last.as_array().unwrap().len(), 10);

    let tokens = students("/partitions?number=2").json();
    let mut seen = Vec::new();
    for token in tokens["pageTokens"].as_array().unwrap() {
        let mut next = Some(token.as_str().unwrap().to_owned());
        while let Some(token) = next {
            let page = students(&format!("?pageToken={token}&pageSize=25"));
            let records = page.json();
            let ids = records.as_array().unwrap().iter();
            seen.extend(ids.map(|one| one["studentUniqueId"].as_str().unwrap().to_owned()));
            next = page.header("next-page-token").map(str::to_owned);
        }
    }
    let all: Vec<String> = (0..60).map(|number| number.to_string()).collect();
    assert_eq!(seen, all);

    for nothing in ["?minChangeVersion=2", "/deletes?limit=5", "/keyChanges"] {
        assert_eq!(students(nothing).json(), json!([]), "{nothing}");
    }
    let path = "/changeQueries/v1/availableChangeVersions";
    let versions = exchange(address, "GET", path, &[], b"").unwrap().json();
    assert_eq!(versions["newestChangeVersion"], 1);
}

#[tokio::test]
async fn a_line_that_is_no_record_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("students.jsonl"), "{\"a\":1}\n7\n").unwrap();
    let config = SandboxConfig::new(model());
    let error = ConstantServer::start_with(config, Some(folder.path()))
        .await
        .unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        source.ends_with("students.jsonl, line 2: no record"),
        "{source}"
    );
}
