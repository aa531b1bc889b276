//! How much a publication deletes unasked.

use syncline::{PublishArgs, PublishSummary};
use syncline_model::Digest;
use syncline_plan::{Amount, GuardPolicy};
use syncline_sandbox::ApiVersion::V7_3;
use syncline_sandbox::{FaultAction, FaultMatch, FaultRule};

use crate::publishing_pair::{Pair, STUDENTS, student};
use crate::site::{plan, status};

/// Two servers that both hold so many students.
async fn published(students: usize) -> Pair {
    let pair = Pair::empty(V7_3, V7_3).await;
    let hand = pair.hand().await;
    for number in 0..students {
        hand.put(STUDENTS, &student(number, "Ada")).await;
    }
    assert_eq!(pair.publish().await.exit_status(), 0);
    pair
}

/// A publication with the limits as shipped.
async fn guarded(pair: &Pair, change: impl FnOnce(&mut PublishArgs)) -> PublishSummary {
    let published = pair.publish_with(|arguments| {
        arguments.settings.guards = GuardPolicy::default();
        arguments.settings.overlap = Some(0);
        change(arguments);
    });
    published.await.unwrap()
}

async fn delete(pair: &Pair, numbers: std::ops::Range<usize>) {
    let hand = pair.hand().await;
    for number in numbers {
        hand.delete(STUDENTS, &student(number, "Ada")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deletes_beyond_a_limit_are_owed_and_judged_again_until_they_are_allowed() {
    let pair = published(30).await;
    delete(&pair, 0..3).await;
    pair.hand().await.put(STUDENTS, &student(9, "Eve")).await;
    let before = pair.publish_mark(STUDENTS);
    let held = guarded(&pair, |_| {}).await;
    assert_eq!(
        (held.exit_status(), held.deletes_held(), held.owed()),
        (4, 3, 3)
    );
    let report = &held.report.collections[STUDENTS];
    let verdict = &report.verdicts[0];
    assert_eq!(
        (report.verdicts.len(), verdict.guard.name()),
        (1, "delete-share")
    );
    assert_eq!(
        (verdict.observed, verdict.allowed),
        (Amount::Share(0.1), Amount::Share(0.05))
    );
    assert_eq!((report.updated, report.deleted, report.failed), (1, 0, 0));
    assert_eq!(pair.target.count(STUDENTS).unwrap(), 30);
    assert_eq!(held.parts[STUDENTS].behind, None);
    assert_ne!(
        pair.publish_mark(STUDENTS),
        before,
        "what is owed does not hold the mark"
    );

    // Nothing new in the source: they are judged again, with and without reading it.
    for owed_only in [false, true] {
        let again = guarded(&pair, |arguments| arguments.owed_only = owed_only).await;
        assert_eq!(
            (again.exit_status(), again.deletes_held()),
            (4, 3),
            "{owed_only}"
        );
    }
    let too_few = guarded(&pair, |arguments| {
        arguments.settings.allowed_deletes = Some(2);
    })
    .await;
    assert_eq!(
        (too_few.exit_status(), pair.target.count(STUDENTS).unwrap()),
        (4, 30)
    );
    let allowed = guarded(&pair, |arguments| {
        arguments.owed_only = true;
        arguments.settings.allowed_deletes = Some(3);
    });
    let allowed = allowed.await;
    assert_eq!((allowed.exit_status(), allowed.owed()), (0, 0));
    assert_eq!(allowed.report.collections[STUDENTS].deleted, 3);
    pair.must_be_equal("after they were allowed").await;

    // Read once more on account of the overlap, they are no deletes any more.
    let over = guarded(&pair, |arguments| arguments.settings.overlap = Some(1000)).await;
    assert_eq!((over.exit_status(), over.parts[STUDENTS].gone), (0, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn deletes_are_limited_by_number_whatever_their_share() {
    let pair = published(30).await;
    delete(&pair, 0..4).await;
    let limits = |arguments: &mut PublishArgs| {
        arguments.settings.guards.delete_share_max = 1.0;
        arguments.settings.guards.delete_count_max = 3;
    };
    let held = guarded(&pair, limits).await;
    assert_eq!(held.exit_status(), 4);
    let verdicts = &held.report.collections[STUDENTS].verdicts;
    assert_eq!(
        verdicts[0].to_string(),
        "delete-count: 4 records to delete, at most 3 allowed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn small_collections_are_exempt_from_shares() {
    let pair = published(20).await;
    delete(&pair, 0..19).await;
    assert_eq!(guarded(&pair, |_| {}).await.exit_status(), 0);
    pair.must_be_equal("after the deletes").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_comes_back_while_its_delete_is_held_stays() {
    let pair = published(30).await;
    delete(&pair, 0..3).await;
    assert_eq!(guarded(&pair, |_| {}).await.exit_status(), 4);
    let hand = pair.hand().await;
    for number in 0..3 {
        hand.put(STUDENTS, &student(number, "Ada")).await;
    }
    let back = guarded(&pair, |_| {}).await;
    assert_eq!((back.exit_status(), back.owed()), (0, 0));
    assert_eq!(pair.target.count(STUDENTS).unwrap(), 30);
    pair.must_be_equal("after they came back").await;
}

/// The source does not let students be read, and still tells which of them went.
fn students_are_forbidden() -> [FaultRule; 3] {
    let rule = |path: &str, action| FaultRule {
        on: FaultMatch {
            method: Some("GET".to_owned()),
            path: Some(path.to_owned()),
            ..FaultMatch::default()
        },
        action,
        ..FaultRule::default()
    };
    [
        rule("/ed-fi/students/deletes", FaultAction::Delay),
        rule("/ed-fi/students/keyChanges", FaultAction::Delay),
        rule("/ed-fi/students", status(403, &[])),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_came_back_unseen_stays() {
    let pair = published(3).await;
    let hand = pair.hand().await;
    hand.delete(STUDENTS, &student(0, "Ada")).await;
    hand.delete(STUDENTS, &student(1, "Ada")).await;
    hand.put(STUDENTS, &student(1, "Ada")).await;
    pair.source.set_faults(plan(students_are_forbidden()));
    let unread = guarded(&pair, |_| {}).await;
    assert_ne!(unread.exit_status(), 0);
    assert_eq!(pair.target.count(STUDENTS).unwrap(), 3);
    pair.source.set_faults(plan([]));
    let owed = guarded(&pair, |arguments| arguments.owed_only = true).await;
    assert_eq!(owed.exit_status(), 0);
    assert_eq!(pair.target.count(STUDENTS).unwrap(), 2);
    assert_eq!(guarded(&pair, |_| {}).await.exit_status(), 0);
    pair.must_be_equal("after it was read again").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_protected_stays_and_is_told() {
    let pair = published(25).await;
    delete(&pair, 0..2).await;
    let key = pair.hand().await.record(STUDENTS, &student(1, "Ada")).key;
    let digest: Digest = key.digest();
    for protected in ["students".to_owned(), format!("students:{digest}")] {
        let one = protected.contains(':');
        let summary = guarded(&pair, |arguments| {
            arguments.settings.guards.delete_share_max = 1.0;
            arguments.settings.protected = vec![protected];
        });
        let summary = summary.await;
        let report = &summary.report.collections[STUDENTS];
        let expected = if one { (1, 1) } else { (2, 0) };
        assert_eq!((report.protected, report.deleted), expected);
        assert_eq!(
            summary.exit_status(),
            0,
            "nobody has to do anything about it"
        );
    }
    assert_eq!(pair.target.count(STUDENTS).unwrap(), 24);
    let free = guarded(&pair, |_| {}).await;
    assert_eq!((free.exit_status(), free.owed()), (0, 0));
    pair.must_be_equal("once nothing is protected").await;
}
