//! Tokens: kept, renewed once, and never asked for without end.

use syncline::{Ending, FailureKind};
use syncline_sandbox::{FaultMatch, FaultRule};

use crate::site::{
    STUDENTS, Site, every, faulty_sandbox, plan, posts, quiet, report, sandbox, send, status,
    students, token_requests, until,
};

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_end_midway_are_renewed_once() {
    let sandbox = sandbox().await;
    let site = Site::with_students(400);
    let config = site.config(sandbox.url());
    let sending = tokio::spawn(async move { send(&config, quiet()).await });
    until(&sandbox, |log| log.count("POST", "/ed-fi/students") >= 50).await;
    sandbox.expire_tokens();
    let summary = sending.await.unwrap().unwrap();
    assert_eq!(summary.exit_status(true), 0);
    assert_eq!(sandbox.count(STUDENTS).unwrap(), 400);
    assert_eq!(report(&summary).created, 400);
    assert_eq!(token_requests(&sandbox), 2);
    let refused = sandbox.requests().count_status("POST", STUDENTS, 401);
    assert!((1..=4).contains(&refused), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_401_is_survived() {
    let tenth = FaultMatch {
        between: Some((10, 10)),
        ..FaultMatch::default()
    };
    let sandbox = faulty_sandbox(tenth, status(401, &[])).await;
    let summary = Site::with_students(40).send(sandbox.url()).await;
    assert_eq!(summary.exit_status(true), 0);
    assert_eq!(sandbox.count(STUDENTS).unwrap(), 40);
    assert_eq!(token_requests(&sandbox), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_401_for_ever_stops_the_run_after_a_few_tokens() {
    let sandbox = faulty_sandbox(every(1), status(401, &[])).await;
    let site = Site::with_students(200);
    let summary = site.send(sandbox.url()).await;
    let Ending::Failed(error) = summary.report.ending else {
        panic!("{:?}", summary.report.ending);
    };
    assert!(error.to_string().contains("401"), "{error}");
    // The first token, and at most one more for each request that was under way.
    let tokens = token_requests(&sandbox);
    assert!((2..=5).contains(&tokens), "{tokens} tokens");
    assert!(posts(&sandbox) <= 2 * 4, "{} POSTs", posts(&sandbox));
    assert_eq!(sandbox.count(STUDENTS).unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_are_refused_are_offered_once() {
    let sandbox = sandbox().await;
    let site = Site::with_students(200);
    let mut config = site.config(sandbox.url());
    let credentials = &mut crate::site::api(&mut config).settings.credentials;
    credentials.client_secret = "wrong".to_owned().into();
    let summary = send(&config, quiet()).await.unwrap();
    assert_eq!(
        summary.exit_status(true),
        FailureKind::Configuration.exit_status()
    );
    assert_eq!(token_requests(&sandbox), 1);
    assert_eq!(posts(&sandbox), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_kept_for_the_next_run() {
    let sandbox = sandbox().await;
    let site = Site::with_students(5);
    site.send(sandbox.url()).await;
    assert_eq!(token_requests(&sandbox), 1);
    site.write("students.jsonl", students(6..=9));
    let summary = site.send(sandbox.url()).await;
    assert_eq!(report(&summary).created, 4);
    assert_eq!(token_requests(&sandbox), 1);

    // A kept token that the server has forgotten costs one more request.
    sandbox.expire_tokens();
    site.write("students.jsonl", students(10..=13));
    let summary = site.send(sandbox.url()).await;
    assert_eq!(report(&summary).created, 4);
    assert_eq!(token_requests(&sandbox), 2);
    assert_eq!(sandbox.count(STUDENTS).unwrap(), 13);

    // It is good for the secret that it was given for, and for no other.
    let mut config = site.config(sandbox.url());
    let credentials = &mut crate::site::api(&mut config).settings.credentials;
    credentials.client_secret = "wrong".to_owned().into();
    site.write("students.jsonl", students(14..=15));
    let summary = send(&config, quiet()).await.unwrap();
    let expected = FailureKind::Configuration.exit_status();
    assert_eq!(summary.exit_status(true), expected);
    assert_eq!(sandbox.count(STUDENTS).unwrap(), 13);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_token_is_read_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = sandbox().await;
    let site = Site::with_students(1);
    site.send(sandbox.url()).await;
    let cache = site.folder.path().join(".syncline/cache");
    let modes: Vec<u32> = std::fs::read_dir(cache)
        .unwrap()
        .map(Result::unwrap)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("token-"))
        .map(|entry| entry.metadata().unwrap().permissions().mode() & 0o777)
        .collect();
    assert_eq!(modes, [0o600]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_endpoint_that_is_busy_is_asked_again() {
    let sandbox = sandbox().await;
    let busy = FaultRule {
        on: FaultMatch {
            path: Some("/oauth/token".to_owned()),
            first: Some(2),
            ..FaultMatch::default()
        },
        action: status(503, &[]),
        ..FaultRule::default()
    };
    sandbox.set_faults(plan([busy]));
    let summary = Site::with_students(20).send(sandbox.url()).await;
    assert_eq!(summary.exit_status(true), 0, "{:?}", summary.report.ending);
    assert_eq!(sandbox.count(STUDENTS).unwrap(), 20);
    assert_eq!(token_requests(&sandbox), 3);
}
