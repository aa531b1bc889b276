//! Frozen views in the style of each version.

use serde_json::json;
use syncline_sandbox::{ApiVersion, SandboxConfig};

use crate::client::Answer;
use crate::fixture::{Fixture, model, student};

fn count(fixture: &Fixture, header: (&str, &str)) -> usize {
    let answer = read(fixture, "/ed-fi/students", header);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json().as_array().unwrap().len()
}

fn read(fixture: &Fixture, path: &str, header: (&str, &str)) -> Answer {
    fixture.send("GET", path, &[header], b"").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn up_to_6_2_a_client_chooses_from_a_list() {
    let fixture = Fixture::version(ApiVersion::V6_2).await;
    let id = fixture.create("/ed-fi/students", &student("a"));
    let before = fixture.newest();
    let taken = fixture.sandbox.take_snapshot("Year-2024").unwrap();
    fixture.create("/ed-fi/students", &student("b"));
    fixture.delete(&format!("/ed-fi/students/{id}"));
    let listed = fixture.outside("GET", "/changeQueries/v1/snapshots").json();
    assert_eq!(listed[0]["snapshotIdentifier"], "Year-2024");
    assert_eq!(listed[0]["id"], json!(taken.id));
    assert_eq!(listed[0]["snapshotDateTime"].as_str().unwrap().len(), 19);
    let one = format!("/changeQueries/v1/snapshots/{}", taken.id);
    assert_eq!(fixture.outside("GET", &one).json(), listed[0]);
    let header = ("Snapshot-Identifier", "Year-2024");
    assert_eq!(count(&fixture, header), 1);
    assert_eq!(
        read(&fixture, &format!("/ed-fi/students/{id}"), header).status,
        200
    );
    assert_eq!(
        read(&fixture, "/ed-fi/students/deletes", header).text(),
        "[]"
    );
    let all = [("Authorization", fixture.token.as_str()), header];
    let path = "/changeQueries/v1/availableChangeVersions";
    let address = fixture.sandbox.address();
    let versions = crate::client::exchange(address, "GET", path, &all, b"").unwrap();
    assert_eq!(versions.json()["newestChangeVersion"], before);
    let write = fixture.json("POST", "/ed-fi/students", &[header], &student("c"));
    assert_eq!(
        (write.status, write.json()),
        (405, json!({"message": "Snapshots are read-only."}))
    );
    assert!(fixture.sandbox.expire_snapshot("Year-2024"));
    assert!(!fixture.sandbox.expire_snapshot("Year-2024"));
    let gone = read(&fixture, "/ed-fi/students", header);
    assert_eq!(
        (gone.status, gone.json()),
        (410, json!({"message": "Snapshot not available."}))
    );
    assert_eq!(fixture.outside("GET", &one).status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn from_7_a_server_has_one_or_none() {
    let fixture = Fixture::new().await;
    let header = ("Use-Snapshot", "true");
    let missing = read(&fixture, "/ed-fi/students?limit=0", header);
    assert_eq!(missing.status, 404);
    assert_eq!(missing.json()["detail"], "Snapshot not found.");
    assert_eq!(
        missing.json()["errors"],
        json!(["The snapshot connection for the ODS has not been configured."])
    );
    fixture.create("/ed-fi/students", &student("a"));
    fixture.sandbox.take_snapshot("now").unwrap();
    fixture.create("/ed-fi/students", &student("b"));
    assert_eq!(count(&fixture, header), 1);
    assert_eq!(count(&fixture, ("Use-Snapshot", "false")), 2);
    for value in ["true", "false"] {
        let headers = [("Use-Snapshot", value)];
        let write = fixture.json("POST", "/ed-fi/students", &headers, &student("c"));
        assert_eq!(write.status, 405);
        assert_eq!(write.header("allow"), Some("GET"));
        assert_eq!(
            write.json()["type"],
            "urn:ed-fi:api:snapshots:method-not-allowed"
        );
        assert_eq!(write.json()["title"], "Method Not Allowed with Snapshots");
    }
    assert_eq!(
        fixture.outside("GET", "/changeQueries/v1/snapshots").status,
        404
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_a_data_file_outlives_the_server_until_it_expires() {
    let folder = tempfile::tempdir().unwrap();
    let config = || SandboxConfig {
        data: Some(folder.path().join("ods.sqlite")),
        ..SandboxConfig::new(model())
    };
    let fixture = Fixture::with(config()).await;
    fixture.create("/ed-fi/students", &student("a"));
    let taken = fixture.sandbox.take_snapshot("kept").unwrap();
    fixture.create("/ed-fi/students", &student("b"));
    fixture.sandbox.stop().await;
    let fixture = Fixture::with(config()).await;
    assert_eq!(fixture.sandbox.snapshots(), [taken]);
    assert_eq!(count(&fixture, ("Use-Snapshot", "true")), 1);
    fixture.sandbox.expire_snapshot("kept");
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("snapshot"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
    assert!(fixture.sandbox.take_snapshot("../out").is_err());
}
