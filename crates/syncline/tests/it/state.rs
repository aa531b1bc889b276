//! What one run knows of another: kept apart per target and year, thrown away when told to.

use std::path::PathBuf;

use serde_json::Value;
use syncline_sandbox::ApiVersion;

use crate::site::{
    STUDENTS, Site, durable, posts, quiet, report, sandbox, sandbox_with, send, students,
    token_requests,
};

#[tokio::test(flavor = "multi_thread")]
async fn every_target_has_a_memory_of_its_own() {
    let (one, other) = (sandbox().await, sandbox().await);
    let site = Site::with_students(10);
    for target in [&one, &other] {
        let summary = site.send(target.url()).await;
        assert_eq!(report(&summary).created, 10);
        assert_eq!(target.count(STUDENTS).unwrap(), 10);
    }
    for target in [&one, &other] {
        let summary = site.send(target.url()).await;
        assert_eq!(report(&summary).unchanged, 10);
        assert_eq!(posts(target), 10);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_year_has_a_memory_of_its_own() {
    let mut site = Site::with_students(10);
    let mut address = ([127, 0, 0, 1], 0).into();
    for year in [2025, 2026] {
        let sandbox = sandbox_with(|config| {
            config.listen = address;
            config.api = ApiVersion::V6_2;
            config.school_year = Some(year);
        })
        .await;
        address = sandbox.address();
        site.settings = vec![format!("year: {year}"), "mode: year_specific".to_owned()];
        let summary = site.send(sandbox.url()).await;
        assert_eq!(report(&summary).created, 10, "{year}");
        assert_eq!(sandbox.count(STUDENTS).unwrap(), 10);
        let summary = site.send(sandbox.url()).await;
        assert_eq!(report(&summary).unchanged, 10, "{year}");
        sandbox.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_survives_a_restart_of_the_target() {
    let site = Site::with_students(10);
    let data = site.folder.path().join("api.sqlite");
    let first = durable(([127, 0, 0, 1], 0).into(), &data).await;
    site.send(first.url()).await;
    let address = first.address();
    first.stop().await;
    let second = durable(address, &data).await;
    let summary = site.send(second.url()).await;
    assert_eq!(report(&summary).unchanged, 10);
    assert_eq!(posts(&second), 0);
    assert_eq!(second.count(STUDENTS).unwrap(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_is_kept_and_stale_metadata_can_be_thrown_away() {
    let sandbox = sandbox().await;
    let site = Site::with_students(3);
    site.send(sandbox.url()).await;
    let documents = |sandbox: &syncline_sandbox::Sandbox| {
        sandbox.requests().count("GET", "/swagger.json")
            + sandbox.requests().count("GET", "dependencies")
    };
    let fetched = documents(&sandbox);
    assert!(fetched > 0, "{:?}", sandbox.requests().counts);
    site.write("students.jsonl", students(4..=6));
    site.send(sandbox.url()).await;
    assert_eq!(documents(&sandbox), fetched);

    // As if the API had got its students only after its metadata was kept.
    let cache = metadata_file(&site);
    let mut kept: Value = serde_json::from_slice(&std::fs::read(&cache).unwrap()).unwrap();
    for part in ["collections", "dependencies"] {
        let part = kept["metadata"][part].as_object_mut().unwrap();
        assert!(part.remove(STUDENTS).is_some());
    }
    std::fs::write(&cache, kept.to_string()).unwrap();
    let failure = site.try_send(sandbox.url()).await.unwrap_err();
    assert!(
        failure
            .message
            .contains("students.jsonl: the API has no endpoint"),
        "{failure:?}"
    );

    let tokens = token_requests(&sandbox);
    let mut config = site.config(sandbox.url());
    crate::site::api(&mut config).settings.wipe = true;
    site.write("students.jsonl", students(7..=8));
    let summary = send(&config, quiet()).await.unwrap();
    assert_eq!(report(&summary).created, 2);
    assert_eq!(documents(&sandbox), 2 * fetched);
    assert_eq!(token_requests(&sandbox), tokens + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_metadata_is_fetched_anew() {
    let sandbox = sandbox().await;
    let site = Site::with_students(3);
    site.send(sandbox.url()).await;
    std::fs::write(metadata_file(&site), "{\"format\":1,").unwrap();
    let summary = site.send(sandbox.url()).await;
    assert_eq!(summary.exit_status(true), 0);
    assert_eq!(report(&summary).unchanged, 3);
}

fn metadata_file(site: &Site) -> PathBuf {
    let folder = site.folder.path().join(".syncline/cache");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with("metadata-")
        })
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}
