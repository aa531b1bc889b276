//! Publications that are killed after the target has taken a change and before anything of that is
//! durable, where what the source does next makes it look as if nothing had been changed.

use serde_json::Value;
use syncline_model::{Outcome, Record};
use syncline_sandbox::{ApiVersion, FaultAction, FaultMatch, FaultRule};

use crate::publishing_pair::{ENROLMENTS, Hand, Pair, STUDENTS, enrolment, student};
use crate::publishing_untold::forbidden;
use crate::site::plan;

use ApiVersion::V7_3;

/// Publishes, and kills that once the target has taken a change by a method, which it never answers.
async fn kill(pair: &Pair, method: &str, is_taken: impl AsyncFn(&Hand) -> bool) {
    let unanswered = FaultRule {
        on: FaultMatch {
            method: Some(method.to_owned()),
            path: Some("/ed-fi/".to_owned()),
            ..FaultMatch::default()
        },
        action: FaultAction::Delay,
        delay_ms: 600_000,
        ..FaultRule::default()
    };
    let hand = pair.target_hand().await;
    pair.target.set_faults(plan([unanswered]));
    {
        let mut publishing = std::pin::pin!(pair.publish());
        let mut taken = std::pin::pin!(until(&hand, is_taken));
        tokio::select! {
            _ = &mut publishing => panic!("it came to its end"),
            () = &mut taken => {}
        }
    }
    pair.target.set_faults(plan([]));
    pair.settle().await;
}

async fn until(hand: &Hand, is_taken: impl AsyncFn(&Hand) -> bool) {
    while !is_taken(hand).await {
        tokio::task::yield_now().await;
    }
}

fn has(records: &[Record], text: &str) -> bool {
    let mut payloads = records.iter().map(|record| record.payload.as_ref());
    payloads.any(|payload| String::from_utf8_lossy(payload).contains(text))
}

async fn must_be_made(outcome: impl Future<Output = Outcome>) {
    let outcome = outcome.await;
    assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
}

/// A school with enrolments of as many students, published.
async fn published(enrolments: usize) -> (Pair, Hand) {
    let pair = Pair::empty(V7_3, V7_3).await;
    let hand = pair.hand().await;
    hand.enrol(enrolments).await;
    assert_eq!(pair.publish().await.exit_status(), 0);
    (pair, hand)
}

async fn must_get_equal(pair: &Pair) {
    let published = pair.publish_with(|arguments| arguments.settings.overlap = Some(0));
    let summary = published.await.unwrap();
    assert_eq!((summary.exit_status(), summary.owed()), (0, 0));
    pair.must_be_equal("after a run was killed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_the_source_takes_back_is_taken_back() {
    let (pair, hand) = published(2).await;
    hand.put(STUDENTS, &student(1, "Bea")).await;
    kill(&pair, "POST", async |hand| {
        has(&hand.list(STUDENTS).await, "Bea")
    })
    .await;
    hand.put(STUDENTS, &student(1, "Ada")).await;
    must_get_equal(&pair).await;
    assert!(!has(&pair.target_hand().await.list(STUDENTS).await, "Bea"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_and_is_there_again_is_written_again() {
    let (pair, hand) = published(2).await;
    must_be_made(hand.delete(ENROLMENTS, &enrolment(1, 0, 20))).await;
    let target = &pair.target;
    kill(&pair, "DELETE", async |_| {
        target.count(ENROLMENTS).unwrap() == 1
    })
    .await;
    hand.put(ENROLMENTS, &enrolment(1, 0, 20)).await;
    must_get_equal(&pair).await;
    assert_eq!(pair.target.count(ENROLMENTS).unwrap(), 2);
}

/// A key changes, the run that makes that is killed, the key changes once more, and nobody is told
/// which keys changed any more.
async fn rekeyed(then: &Value) {
    let (pair, hand) = published(2).await;
    let (old, new) = (enrolment(1, 0, 20), enrolment(1, 0, 21));
    must_be_made(hand.rekey(ENROLMENTS, &old, &new)).await;
    kill(&pair, "PUT", async |hand| {
        has(&hand.list(ENROLMENTS).await, "2025-08-21")
    })
    .await;
    must_be_made(hand.rekey(ENROLMENTS, &new, then)).await;
    pair.source.set_faults(plan([forbidden()]));
    must_get_equal(&pair).await;
    assert_eq!(pair.target.count(ENROLMENTS).unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_key_that_the_source_takes_back_untold_is_taken_back() {
    rekeyed(&enrolment(1, 0, 20)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_key_that_changes_again_untold_leaves_no_record_behind() {
    rekeyed(&enrolment(1, 0, 22)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_run_left_under_way_is_listed_until_it_is_settled() {
    let (pair, hand) = published(1).await;
    hand.put(STUDENTS, &student(7, "Bea")).await;
    kill(&pair, "POST", async |hand| {
        has(&hand.list(STUDENTS).await, "Bea")
    })
    .await;
    let only_owed = pair.publish_with(|arguments| arguments.owed_only = true);
    let summary = only_owed.await.unwrap();
    assert_eq!(summary.owed(), 1, "only the source can tell");
    must_get_equal(&pair).await;
}
