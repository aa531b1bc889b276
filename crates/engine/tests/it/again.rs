//! What is sent when it was sent before.

use syncline_engine::{Baseline, Resend};
use syncline_model::{ChangeKind, FailureClass};
use syncline_testkit::fixtures::{district, key, payload, referring};

use crate::world::{Run, World, completed, of, things};

#[tokio::test]
async fn nothing_is_sent_twice() {
    let world = World::of(district());
    world.target.check_references();
    world.source.set(
        "agencies",
        [payload(1, 1), referring(2, &["agencies/1"], 1)],
    );
    world
        .source
        .set("schools", [referring(1, &["agencies/2"], 1)]);
    world.source.set(
        "students",
        (0..50).map(|id| referring(id, &["schools/1"], 1)),
    );
    world.send().await;
    world.check_in_step();
    assert_eq!(world.writes_of_another_run().await, 0);
    assert_eq!(world.writes_of_another_run().await, 0);
}

#[tokio::test]
async fn a_record_spelled_otherwise_is_the_same_record() {
    let world = World::new("things:");
    world.source.set(
        "things",
        ["{\"id\":\"1\",\"n\":[1.50,{\"b\":2,\"a\":\"\\u00e9\"}]}"],
    );
    world.send().await;
    world.source.set(
        "things",
        ["{ \"n\" : [15e-1,{\"a\":\"é\",\"b\":2.0}], \"id\":\"1\" }"],
    );
    assert_eq!(world.writes_of_another_run().await, 0);
}

#[tokio::test]
async fn only_what_changed_is_sent() {
    let world = World::of_things(100);
    world.send().await;
    let mut lines = things(110, 1);
    lines[17] = payload(17, 2);
    lines[99] = payload(99, 2);
    world.source.set("things", lines);
    world.target.forget_journal();
    let report = world.send().await;
    world.check_in_step();
    let mut kinds: Vec<_> = world
        .target
        .journal()
        .into_iter()
        .map(|write| (write.kind, write.key))
        .collect();
    kinds.sort();
    let mut expected: Vec<_> = (100..110).map(|id| (ChangeKind::Create, key(id))).collect();
    expected.extend([(ChangeKind::Update, key(17)), (ChangeKind::Update, key(99))]);
    expected.sort();
    assert_eq!(kinds, expected);
    let report = of(&report, "things");
    assert_eq!(
        (report.created, report.updated, report.unchanged),
        (10, 2, 98)
    );
}

#[tokio::test]
async fn what_a_source_no_longer_has_stays_where_it_is() {
    let world = World::of_things(50);
    world.send().await;
    world.source.set("things", things(10, 1));
    assert_eq!(world.writes_of_another_run().await, 0);
    assert_eq!(world.target.size(), 50);
}

#[tokio::test]
async fn a_record_refused_for_its_content_is_offered_again_until_it_is_taken() {
    let world = World::of_things(30);
    world
        .target
        .refuse(|attempt| attempt.is("things", "7").then_some(FailureClass::Content));
    let report = world.send().await;
    assert_eq!(
        (of(&report, "things").created, of(&report, "things").failed),
        (29, 1)
    );
    assert_eq!(report.owed, 1);
    assert_eq!(world.writes_of_another_run().await, 1);
    world.target.accept_all();
    let report = world.send().await;
    world.check_in_step();
    assert_eq!((of(&report, "things").created, report.owed), (1, 0));
    assert_eq!(world.writes_of_another_run().await, 0);
}

#[tokio::test]
async fn records_refused_in_number_are_not_taken_for_updates_when_they_are_offered_again() {
    let world = World::of_things(100);
    world.target.refuse(|attempt| {
        let key = attempt.key.as_str();
        let is_refused = !key.ends_with("7\"]") && !key.ends_with("8\"]") && !key.ends_with("9\"]");
        is_refused.then_some(FailureClass::Content)
    });
    let report = world.send().await;
    assert_eq!((of(&report, "things").created, report.owed), (30, 70));
    world.target.accept_all();
    world.target.forget_journal();
    let report = world.send().await;
    assert_eq!(
        of(&report, "things").verdicts,
        [],
        "the target holds none of them"
    );
    assert_eq!((of(&report, "things").created, report.owed), (70, 0));
    world.check_in_step();
    let mut journal = world.target.journal().into_iter();
    assert!(journal.all(|write| write.kind == ChangeKind::Create));
}

#[tokio::test]
async fn a_refused_update_is_offered_again_and_a_withdrawn_one_is_owed_no_more() {
    let world = World::of_things(10);
    world.send().await;
    let mut lines = things(10, 1);
    lines[4] = payload(4, 2);
    world.source.set("things", lines);
    world
        .target
        .refuse(|attempt| attempt.is("things", "4").then_some(FailureClass::Content));
    assert_eq!(world.send().await.owed, 1);
    world.source.set("things", things(10, 1));
    world.target.accept_all();
    assert_eq!(world.send().await.owed, 0);
    world.check_in_step();
}

#[tokio::test]
async fn what_was_refused_for_its_content_and_left_the_source_stays_owed_and_is_not_offered() {
    let world = World::of_things(30);
    world
        .target
        .refuse(|attempt| attempt.is("things", "7").then_some(FailureClass::Content));
    assert_eq!(world.send().await.owed, 1);
    world.target.accept_all();
    let mut lines = things(30, 1);
    let refused = lines.remove(7);
    world.source.set("things", lines.clone());
    world.target.forget_journal();
    for _ in 0..2 {
        let report = world.send().await;
        let things = of(&report, "things");
        assert_eq!((report.owed, things.absent, things.failed), (1, 1, 0));
    }
    assert_eq!(world.target.forget_journal(), 0);
    let owed = world.owed();
    assert_eq!((owed.len(), &owed[0].payload), (1, &refused));
    // Back in the source, it is offered like any other.
    lines.push(refused);
    world.source.set("things", lines);
    let report = world.send().await;
    assert_eq!((report.owed, of(&report, "things").created), (0, 1));
    world.check_in_step();
}

async fn writes_of_resending(world: &World, resend: Resend) -> usize {
    world.target.forget_journal();
    let mut run: Run = world.ready();
    run.baseline = Baseline::Ledger(resend);
    let report = run.go().await;
    completed(&report);
    assert_eq!(
        of(&report, "things").verdicts,
        [],
        "what is asked for is no surprise"
    );
    world.check_in_step();
    world.target.forget_journal()
}

#[tokio::test]
async fn what_is_asked_for_is_sent_again() {
    let world = World::of_things(40);
    world.send().await;
    let distant = i64::from(u32::MAX);
    let by = |older_than, newer_than, status: Option<u16>| Resend {
        older_than,
        newer_than,
        statuses: status.into_iter().collect(),
    };
    for (resend, expected) in [
        (by(Some(distant), None, None), 40),
        (by(Some(1), None, None), 0),
        (by(None, Some(1), None), 40),
        (by(None, Some(distant), None), 0),
        (by(None, None, Some(404)), 0),
        // Accepted as created at first, and as updated when they were sent again.
        (by(None, None, Some(201)), 0),
        (by(None, None, Some(200)), 40),
    ] {
        let text = format!("{resend:?}");
        assert_eq!(
            writes_of_resending(&world, resend).await,
            expected,
            "{text}"
        );
    }
}

#[tokio::test]
async fn without_a_baseline_everything_is_sent_again() {
    let world = World::of_things(40);
    world.send().await;
    world.target.forget_journal();
    let mut run = world.ready();
    run.baseline = Baseline::Nothing;
    let report = run.go().await;
    completed(&report);
    assert_eq!(world.target.forget_journal(), 40);
    assert_eq!(
        (
            of(&report, "things").updated,
            of(&report, "things").duplicates
        ),
        (40, 0)
    );
    assert_eq!(world.writes_of_another_run().await, 0);
}
