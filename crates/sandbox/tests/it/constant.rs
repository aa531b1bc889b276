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
