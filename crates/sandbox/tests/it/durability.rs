//! What a data file keeps.

use std::path::PathBuf;

use syncline_sandbox::{Sandbox, SandboxConfig};

use crate::fixture::{Fixture, model, school, student};

fn on_file(path: PathBuf) -> SandboxConfig {
    SandboxConfig {
        data: Some(path),
        ..SandboxConfig::new(model())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledged_write_is_in_the_file_while_the_server_still_runs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sandbox.sqlite");
    let first = Fixture::with(on_file(file.clone())).await;
    for number in 0..20 {
        first.create("/ed-fi/students", &student(&number.to_string()));
    }
    let copy = folder.path().join("copy.sqlite");
    for suffix in ["", "-wal"] {
        let from = format!("{}{suffix}", file.display());
        std::fs::copy(from, format!("{}{suffix}", copy.display())).unwrap();
    }
    let second = Sandbox::start(on_file(copy)).await.unwrap();
    assert_eq!(second.count("ed-fi/students").unwrap(), 20);
    drop(first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_finds_everything_and_seeds_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sandbox.sqlite");
    let fixture = Fixture::with(on_file(file.clone())).await;
    let id = fixture.create("/ed-fi/students", &student("1"));
    fixture.create("/ed-fi/schools", &school(1));
    let female = fixture.get("/ed-fi/sexDescriptors").json()[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        fixture
            .delete(&format!("/ed-fi/sexDescriptors/{female}"))
            .status,
        204
    );
    let before = fixture.get(&format!("/ed-fi/students/{id}")).text();
    fixture.sandbox.stop().await;
    let fixture = Fixture::with(on_file(file)).await;
    assert_eq!(fixture.get(&format!("/ed-fi/students/{id}")).text(), before);
    assert_eq!(fixture.sandbox.count("ed-fi/sexDescriptors").unwrap(), 0);
    assert_eq!(fixture.sandbox.count("ed-fi/schoolYearTypes").unwrap(), 60);
    assert_eq!(fixture.post("/ed-fi/students", &student("1")).id(), id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_or_dropped_server_no_longer_answers() {
    let fixture = Fixture::new().await;
    let address = fixture.sandbox.address();
    fixture.sandbox.stop().await;
    assert!(std::net::TcpStream::connect(address).is_err());
    let error = Fixture::new()
        .await
        .sandbox
        .count("ed-fi/pupils")
        .unwrap_err();
    assert_eq!(error.to_string(), "there is no resource ed-fi/pupils");
}
