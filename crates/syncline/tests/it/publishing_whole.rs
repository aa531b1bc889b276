//! Sources that do not tell what went are read as a whole and compared with what was published.

use syncline::{PublishArgs, PublishStart};
use syncline_plan::GuardPolicy;
use syncline_sandbox::schema::embedded;
use syncline_sandbox::{ApiVersion, FaultAction, FaultMatch, FaultRule, Sandbox, SandboxConfig};
use tokio_util::sync::CancellationToken;

use crate::publishing_pair::{Pair, SCHOOLS, STUDENTS, school, student};
use crate::site::{plan, status, until};

use ApiVersion::{V5_4, V6_2, V7_3};

/// Two servers, the source without change queries and with so many students.
async fn without_change_queries(students: usize) -> Pair {
    let mut pair = Pair::empty(V7_3, V7_3).await;
    let config = SandboxConfig {
        change_queries: false,
        ..SandboxConfig::new(embedded().unwrap())
    };
    pair.source = Sandbox::start(config).await.unwrap();
    let hand = pair.hand().await;
    for number in 0..students {
        hand.put(STUDENTS, &student(number, "Ada")).await;
    }
    pair
}

fn guarded(arguments: &mut PublishArgs) {
    arguments.settings.guards = GuardPolicy::default();
}

fn full(arguments: &mut PublishArgs) {
    arguments.start = PublishStart::Full;
}

/// Lets requests to a path of the source fail.
fn break_source(pair: &Pair, path: &str, code: u16) {
    let refusal = FaultRule {
        on: FaultMatch {
            method: Some("GET".to_owned()),
            path: Some(path.to_owned()),
            ..FaultMatch::default()
        },
        action: status(code, &[]),
        ..FaultRule::default()
    };
    pair.source.set_faults(plan([refusal]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_without_change_queries_says_by_its_silence_what_went() {
    let pair = without_change_queries(30).await;
    let first = pair.publish().await;
    assert_eq!(first.exit_status(), 0);
    assert!(
        first.notes[0].contains("no change queries"),
        "{:?}",
        first.notes
    );
    let hand = pair.hand().await;
    hand.put(STUDENTS, &student(2, "Eve")).await;
    hand.delete(STUDENTS, &student(3, "Ada")).await;
    let second = pair.publish_with(guarded).await.unwrap();
    assert_eq!(second.exit_status(), 0, "{:#?}", second.report.collections);
    let report = &second.report.collections[STUDENTS];
    assert_eq!(
        (report.updated, report.unchanged, report.deleted),
        (1, 28, 1)
    );
    pair.must_be_equal("after the second").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_shrank_or_came_up_empty_deletes_nothing_unasked() {
    let pair = without_change_queries(30).await;
    assert_eq!(pair.publish().await.exit_status(), 0);
    let hand = pair.hand().await;
    let guards = |arguments: &mut PublishArgs| {
        guarded(arguments);
        arguments.settings.guards.delete_share_max = 1.0;
    };
    for (remain, guard) in [(20, "shrunken-source"), (0, "empty-source")] {
        for number in remain..30 {
            hand.delete(STUDENTS, &student(number, "Ada")).await;
        }
        let held = pair.publish_with(guards).await.unwrap();
        assert_eq!(held.exit_status(), 4, "{guard}");
        let verdicts = &held.report.collections[STUDENTS].verdicts;
        let names: Vec<_> = verdicts
            .iter()
            .map(|verdict| verdict.guard.name())
            .collect();
        assert_eq!(names, [guard]);
        assert_eq!(pair.target.count(STUDENTS).unwrap(), 30);
    }
    let allowed = pair.publish_with(|arguments| {
        guarded(arguments);
        arguments.settings.allowed_deletes = Some(30);
    });
    assert_eq!(allowed.await.unwrap().exit_status(), 0);
    assert_eq!(pair.target.count(STUDENTS).unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_deleted_on_account_of_a_reading_that_broke_off() {
    let mut pair = without_change_queries(30).await;
    pair.page_size = 10;
    assert_eq!(pair.publish().await.exit_status(), 0);
    pair.hand().await.delete(STUDENTS, &student(3, "Ada")).await;
    let refusal = FaultRule {
        on: FaultMatch {
            method: Some("GET".to_owned()),
            path: Some("/ed-fi/students".to_owned()),
            after: 1,
            first: Some(1),
            ..FaultMatch::default()
        },
        action: status(403, &[]),
        ..FaultRule::default()
    };
    pair.source.set_faults(plan([refusal]));
    let broken = pair.publish().await;
    assert_eq!(broken.exit_status(), 1, "{:#?}", broken.parts[STUDENTS]);
    assert!(broken.report.collections[STUDENTS].error.is_some());
    assert_eq!(broken.report.collections[STUDENTS].deleted, 0);
    assert_eq!(pair.target.count(STUDENTS).unwrap(), 30);
    pair.source.set_faults(plan([]));
    assert_eq!(pair.publish().await.exit_status(), 0);
    pair.must_be_equal("after a whole reading").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_publication_deletes_what_went() {
    let pair = Pair::empty(V6_2, V7_3).await;
    let hand = pair.hand().await;
    for number in 0..30 {
        hand.put(STUDENTS, &student(number, "Ada")).await;
    }
    assert_eq!(pair.publish().await.exit_status(), 0);
    hand.delete(STUDENTS, &student(4, "Ada")).await;
    let ignored = |arguments: &mut PublishArgs| {
        arguments.settings.overlap = Some(0);
        arguments.settings.ignore_deletes = true;
    };
    let ignored = pair.publish_with(ignored).await.unwrap();
    assert_eq!(
        (ignored.exit_status(), pair.target.count(STUDENTS).unwrap()),
        (0, 30)
    );
    // The mark is beyond it: the feed does not tell it any more.
    let quiet = pair
        .publish_with(|arguments| arguments.settings.overlap = Some(0))
        .await
        .unwrap();
    assert_eq!(
        (quiet.exit_status(), pair.target.count(STUDENTS).unwrap()),
        (0, 30)
    );
    let all = pair.publish_with(full).await.unwrap();
    assert_eq!(
        all.exit_status(),
        0,
        "{:#?}",
        all.report.collections[STUDENTS]
    );
    assert_eq!(all.report.collections[STUDENTS].deleted, 1);
    assert_eq!(all.parts[STUDENTS].compared, None, "it was asked for");
    pair.must_be_equal("after everything was read").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_while_everything_is_read_does_not_pass_for_gone() {
    let mut pair = Pair::empty(V6_2, V7_3).await;
    pair.page_size = 5;
    let hand = pair.hand().await;
    for number in 0..60 {
        hand.put(STUDENTS, &student(number, "Ada")).await;
    }
    assert_eq!(pair.publish().await.exit_status(), 0);
    let publishing = pair.publish_with(full);
    let mut publishing = std::pin::pin!(publishing);
    let mut number = 0;
    let summary = loop {
        let other = student(number % 60, &format!("Name{number}"));
        tokio::select! {
            biased;
            ended = &mut publishing => break ended.unwrap(),
            () = hand.put(STUDENTS, &other) => number += 1,
        }
    };
    assert_eq!(summary.report.collections[STUDENTS].deleted, 0);
    assert_eq!(pair.target.count(STUDENTS).unwrap(), 60);
    assert_eq!(pair.publish().await.exit_status(), 0);
    pair.must_be_equal("after a quiet publication").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deletes_without_their_keys_are_found_by_comparison() {
    let pair = Pair::empty(V5_4, V7_3).await;
    let hand = pair.hand().await;
    for number in 0..3 {
        hand.put(STUDENTS, &student(number, "Ada")).await;
    }
    assert_eq!(pair.publish().await.exit_status(), 0);
    hand.delete(STUDENTS, &student(1, "Ada")).await;
    let told = |arguments: &mut PublishArgs| arguments.settings.ignore_deletes = true;
    let ignored = pair.publish_with(told).await.unwrap();
    assert_eq!(
        (ignored.exit_status(), pair.target.count(STUDENTS).unwrap()),
        (0, 3)
    );
    let summary = pair.publish().await;
    assert_eq!(summary.exit_status(), 0, "{:#?}", summary.parts[STUDENTS]);
    let why = summary.parts[STUDENTS].compared.clone().unwrap();
    assert!(why.contains("which keys were deleted"), "{why}");
    assert_eq!(pair.target.count(STUDENTS).unwrap(), 2);
    pair.must_be_equal("after the comparison").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deletes_that_may_not_be_read_are_found_by_comparison_in_their_collection_alone() {
    let pair = Pair::empty(V7_3, V7_3).await;
    let hand = pair.hand().await;
    hand.put(SCHOOLS, &school(0)).await;
    for number in 0..3 {
        hand.put(STUDENTS, &student(number, "Ada")).await;
    }
    assert_eq!(pair.publish().await.exit_status(), 0);
    hand.delete(STUDENTS, &student(1, "Ada")).await;
    hand.put(SCHOOLS, &school(1)).await;
    break_source(&pair, "/ed-fi/students/deletes", 403);
    let compared = pair.publish().await;
    assert_eq!(compared.exit_status(), 0, "{:#?}", compared.parts[STUDENTS]);
    let parts = compared.parts.values();
    assert_eq!(parts.filter(|part| part.compared.is_some()).count(), 1);
    assert_eq!(pair.target.count(SCHOOLS).unwrap(), 2);
    pair.must_be_equal("after the comparison").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deletes_that_cannot_be_had_for_a_while_hold_the_marks() {
    let pair = Pair::empty(V7_3, V7_3).await;
    let hand = pair.hand().await;
    hand.put(STUDENTS, &student(1, "Ada")).await;
    assert_eq!(pair.publish().await.exit_status(), 0);
    let mark = pair.publish_mark(STUDENTS);
    hand.delete(STUDENTS, &student(1, "Ada")).await;
    break_source(&pair, "/ed-fi/students/deletes", 503);
    let failed = pair.publish().await;
    assert_eq!(failed.exit_status(), 3, "{:?}", failed.report.ending);
    assert_eq!(pair.publish_mark(STUDENTS), mark);
    pair.source.set_faults(plan([]));
    assert_eq!(pair.publish().await.exit_status(), 0);
    assert_eq!(pair.target.count(STUDENTS).unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_changed_in_the_target_is_left_alone_by_a_comparison_until_it_is_as_it_was() {
    let pair = without_change_queries(6).await;
    assert_eq!(pair.publish().await.exit_status(), 0);
    let (hand, other) = (pair.hand().await, pair.target_hand().await);
    other.put(STUDENTS, &student(3, "Other")).await;
    for number in [3, 4] {
        hand.delete(STUDENTS, &student(number, "Ada")).await;
    }
    for deleted in [1, 0] {
        let held = pair.publish().await;
        assert_eq!((held.exit_status(), held.owed()), (1, 1));
        let (part, report) = (&held.parts[STUDENTS], &held.report.collections[STUDENTS]);
        assert_eq!((part.left_alone, report.deleted), (1, deleted), "{part:#?}");
        let reason = &report.failures[0].message;
        assert!(reason.contains("changed on the server"), "{reason}");
        assert_eq!(pair.target.count(STUDENTS).unwrap(), 5);
    }
    let drift = pair.compare(|arguments| arguments.reasons = true).await;
    let keys: Vec<&str> = drift.collections[STUDENTS]
        .examples
        .iter()
        .map(|one| one.key.as_str())
        .collect();
    assert_eq!(keys, ["[\"S3\"]"], "what is left alone can be named");

    other.put(STUDENTS, &student(3, "Ada")).await;
    let settled = pair.publish().await;
    assert_eq!((settled.exit_status(), settled.owed()), (0, 0));
    assert_eq!(settled.parts[STUDENTS].left_alone, 0);
    pair.must_be_equal("once it was as it had been written")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deletes_that_waited_for_others_are_tried_again_side_by_side() {
    let pair = Pair::empty(V7_3, V7_3).await;
    let hand = pair.hand().await;
    let records = 24;
    for number in 0..records {
        hand.put(STUDENTS, &student(number, "Ada")).await;
    }
    assert_eq!(pair.publish().await.exit_status(), 0);
    for number in 0..records {
        hand.delete(STUDENTS, &student(number, "Ada")).await;
    }
    // Each is in use when it is tried first; then the first one is not answered for a long time.
    let first = records as u64;
    let rule = |between, action, delay_ms| FaultRule {
        on: FaultMatch {
            method: Some("DELETE".to_owned()),
            path: Some("/ed-fi/students/".to_owned()),
            between: Some(between),
            ..FaultMatch::default()
        },
        action,
        delay_ms,
        ..FaultRule::default()
    };
    pair.target.set_faults(plan([
        rule((1, first), status(409, &[]), 0),
        rule((first + 1, first + 1), FaultAction::Delay, 600_000),
    ]));
    let stop = CancellationToken::new();
    let going = async {
        until(&pair.target, |log| {
            log.count_status("DELETE", STUDENTS, 204) >= 6
        })
        .await;
        stop.cancel();
    };
    let (summary, ()) = tokio::join!(pair.publish_until(stop.clone(), |_| {}), going);
    assert_eq!(summary.unwrap().exit_status(), 5);
    pair.target.set_faults(plan([]));
    let summary = pair.publish().await;
    assert_eq!((summary.exit_status(), summary.owed()), (0, 0));
    assert_eq!(pair.target.count(STUDENTS).unwrap(), 0);
}
