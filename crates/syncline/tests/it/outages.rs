//! Servers that are away: before the run, during it, for ever.

use std::net::TcpListener;

use syncline::{Ending, FailureKind};
use syncline_sandbox::{FaultAction, FaultMatch, FaultRule};

use crate::site::{
    STUDENTS, Site, durable, every, faulty_sandbox, plan, posts, quiet, report, rule, sandbox,
    send, until,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_down_at_the_start_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let failure = Site::with_students(1).try_send(&url).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unavailable);
    assert!(
        failure
            .message
            .starts_with(&format!("{url} cannot be reached")),
        "{failure:?}"
    );
    assert!(failure.hints[0].contains("host and port"), "{failure:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_reset_now_and_then_are_counted_and_made_anew() {
    let sandbox = faulty_sandbox(every(50), FaultAction::Reset).await;
    let summary = Site::with_students(300).send(sandbox.url()).await;
    assert_eq!(summary.exit_status(true), 0);
    assert_eq!(sandbox.count(STUDENTS).unwrap(), 300);
    let traffic = &summary.report.traffic;
    assert_eq!(traffic.unreachable, 6);
    assert_eq!(traffic.attempts, 306);
    assert_eq!(report(&summary).created, 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_lost_leaves_one_record() {
    for action in [FaultAction::Reset, FaultAction::Close] {
        let sandbox = sandbox().await;
        let lost = FaultRule {
            applied: true,
            ..rule(every(4), action)
        };
        sandbox.set_faults(plan([lost]));
        let site = Site::with_students(60);
        let summary = site.send(sandbox.url()).await;
        let (created, updated) = (report(&summary).created, report(&summary).updated);
        assert_eq!(sandbox.count(STUDENTS).unwrap(), 60);
        assert_eq!(created + updated, 60);
        // A record whose answer is lost twice is updated once.
        let lost = summary.report.traffic.unreachable;
        assert!(
            lost >= 15 && (1..=lost).contains(&updated),
            "{updated} of {lost}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_in_the_middle_is_waited_out() {
    let outage = FaultMatch {
        between: Some((20, 45)),
        ..FaultMatch::default()
    };
    let sandbox = faulty_sandbox(outage, FaultAction::Reset).await;
    let mut site = Site::with_students(80);
    site.retry.attempts_max = 30;
    let summary = site.send(sandbox.url()).await;
    assert_eq!(summary.exit_status(true), 0);
    assert_eq!(summary.report.traffic.unreachable, 26);
    assert_eq!(sandbox.count(STUDENTS).unwrap(), 80);
    assert_eq!(posts(&sandbox), 80 + 26);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_that_does_not_end_stops_the_run_and_the_next_one_goes_on() {
    let outage = FaultMatch {
        after: 30,
        ..FaultMatch::default()
    };
    let sandbox = faulty_sandbox(outage, FaultAction::Reset).await;
    let site = Site::with_students(80);
    let summary = site.send(sandbox.url()).await;
    assert_eq!(summary.exit_status(true), 3);
    assert!(matches!(summary.report.ending, Ending::Failed(_)));
    assert_eq!(report(&summary).accepted(), 30);
    let sent = posts(&sandbox);

    sandbox.set_faults(plan([]));
    let summary = site.send(sandbox.url()).await;
    assert_eq!(summary.exit_status(true), 0);
    assert_eq!(report(&summary).unchanged, 30);
    assert_eq!(sandbox.count(STUDENTS).unwrap(), 80);
    assert_eq!(posts(&sandbox) - sent, 50);
    assert_eq!(summary.report.owed, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_restarted_in_the_middle_gets_the_rest() {
    let site = Site::with_students(400);
    let data = site.folder.path().join("api.sqlite");
    let first = durable(([127, 0, 0, 1], 0).into(), &data).await;
    let address = first.address();
    let mut config = site.config(first.url());
    let patient = &mut crate::site::api(&mut config).retry;
    patient.attempts_max = 200;
    let sending = tokio::spawn(async move { send(&config, quiet()).await });
    until(&first, |log| log.count("POST", "/ed-fi/students") >= 50).await;
    first.stop().await;
    assert!(!sending.is_finished());
    let second = durable(address, &data).await;
    let summary = sending.await.unwrap().unwrap();
    assert_eq!(summary.exit_status(true), 0, "{:?}", summary.report.ending);
    assert_eq!(second.count(STUDENTS).unwrap(), 400);
    assert_eq!(report(&summary).accepted(), 400);
}
