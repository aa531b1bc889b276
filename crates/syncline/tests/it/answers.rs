//! Answers that are slow, broken, or ask to come again.

use syncline::{Ending, FailureKind};
use syncline_sandbox::{FaultAction, FaultMatch};

use crate::site::{
    STUDENTS, Site, every, faulty_sandbox, plan, posts, report, rule, sandbox, status,
};

/// Sends 40 students to a sandbox that misbehaves; all of them are there in the end, once.
async fn all_arrive(on: FaultMatch, action: FaultAction) -> (syncline::SendSummary, u64) {
    let what = format!("{action:?}");
    let sandbox = faulty_sandbox(on, action).await;
    let site = Site::with_students(40);
    let summary = site.send(sandbox.url()).await;
    assert!(
        matches!(summary.report.ending, Ending::Completed),
        "{what}: {:?}",
        summary.report.ending
    );
    assert_eq!(summary.exit_status(true), 0, "{what}");
    assert_eq!(sandbox.count(STUDENTS).unwrap(), 40, "{what}");
    assert_eq!(report(&summary).accepted(), 40, "{what}");
    let again = site.send(sandbox.url()).await;
    assert_eq!(report(&again).unchanged, 40, "{what}");
    assert_eq!(again.report.traffic.attempts, 0, "{what}");
    let posts = posts(&sandbox);
    (summary, posts)
}

#[tokio::test(flavor = "multi_thread")]
async fn server_errors_are_tried_again() {
    for code in [500, 502, 503, 504] {
        let (summary, posts) = all_arrive(every(5), status(code, &[])).await;
        let traffic = &summary.report.traffic;
        assert!(traffic.server_errors > 0, "{code}");
        assert_eq!(traffic.server_errors, traffic.retries, "{code}");
        assert_eq!(traffic.attempts, 40 + traffic.retries, "{code}");
        assert_eq!(posts, traffic.attempts, "{code}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_to_slow_down_is_counted_apart() {
    let (summary, _) = all_arrive(every(5), status(429, &[])).await;
    assert!(summary.report.traffic.throttled > 0);
    assert_eq!(summary.report.traffic.server_errors, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_after_is_waited_for() {
    for code in [429, 503] {
        let first = FaultMatch {
            first: Some(1),
            ..FaultMatch::default()
        };
        let (summary, _) = all_arrive(first, status(code, &[("Retry-After", "1")])).await;
        let seconds = summary.report.ended - summary.report.started;
        assert!((1.0..5.0).contains(&seconds), "{code}: {seconds} s");
        assert_eq!(summary.report.traffic.retries, 1, "{code}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_after_of_zero_or_of_no_meaning_is_no_wait() {
    for value in ["0", "soon", "Sun, 06 Nov 1994 08:49:37 GMT"] {
        let (summary, _) = all_arrive(every(5), status(503, &[("Retry-After", value)])).await;
        let seconds = summary.report.ended - summary.report.started;
        assert!(seconds < 5.0, "{value}: {seconds} s");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_error_that_stays_stops_the_run() {
    let sandbox = faulty_sandbox(every(1), status(503, &[])).await;
    let site = Site::with_students(40);
    let summary = site.send(sandbox.url()).await;
    let attempts = u64::from(site.retry.attempts_max);
    assert_eq!(
        summary.exit_status(true),
        FailureKind::Unavailable.exit_status()
    );
    assert!(posts(&sandbox) <= 4 * attempts, "{} POSTs", posts(&sandbox));

    sandbox.set_faults(plan([]));
    let summary = site.send(sandbox.url()).await;
    assert_eq!(summary.exit_status(true), 0);
    assert_eq!(sandbox.count(STUDENTS).unwrap(), 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_answer_is_no_answer() {
    // The answer to a POST has no body, so the announced length alone is wrong.
    let (summary, posts) = all_arrive(every(5), FaultAction::Truncate).await;
    assert!(summary.report.traffic.unreachable > 0);
    assert_eq!(posts, summary.report.traffic.attempts);
    // The server had stored those records before the answer broke off.
    let updated = report(&summary).updated;
    assert!(
        (1..=summary.report.traffic.retries).contains(&updated),
        "{updated}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn success_needs_neither_json_nor_location() {
    for action in [FaultAction::NonJson, FaultAction::DropLocation] {
        let (summary, posts) = all_arrive(every(1), action).await;
        assert_eq!(report(&summary).created, 40);
        assert_eq!(posts, 40);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_without_json_is_told_by_what_it_is() {
    let html = FaultAction::Status {
        status: 400,
        body: "<html><title>Request blocked</title></html>".to_owned(),
        headers: [("Content-Type".to_owned(), "text/html".to_owned())].into(),
    };
    let first = FaultMatch {
        first: Some(1),
        ..FaultMatch::default()
    };
    let sandbox = faulty_sandbox(first, html).await;
    let summary = Site::with_students(5).send(sandbox.url()).await;
    assert_eq!(summary.exit_status(true), 1);
    let failures = &report(&summary).failures;
    assert_eq!(failures.len(), 1);
    assert_eq!(
        failures[0].message,
        "status 400 with a web page titled \"Request blocked\""
    );
    assert_eq!(sandbox.count(STUDENTS).unwrap(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_server_is_tried_again_and_then_given_up() {
    let sandbox = sandbox().await;
    let slow = |first: u64| {
        let mut slow = rule(
            FaultMatch {
                first: Some(first),
                ..FaultMatch::default()
            },
            FaultAction::Delay,
        );
        slow.delay_ms = 1500;
        plan([slow])
    };
    sandbox.set_faults(slow(2));
    let mut site = Site::with_students(12);
    site.settings.push("timeout: 0.3".to_owned());
    let summary = site.send(sandbox.url()).await;
    assert_eq!(summary.exit_status(true), 0, "{:?}", summary.report.ending);
    assert_eq!(summary.report.traffic.unreachable, 2);
    assert_eq!(sandbox.count(STUDENTS).unwrap(), 12);

    site.write("students.jsonl", crate::site::students(13..=16));
    site.retry.attempts_max = 2;
    sandbox.set_faults(slow(u64::MAX));
    let summary = site.send(sandbox.url()).await;
    assert_eq!(summary.exit_status(true), 3);
    let Ending::Failed(error) = summary.report.ending else {
        panic!("{:?}", summary.report.ending);
    };
    assert!(
        error.to_string().contains("did not answer in time"),
        "{error}"
    );
}
