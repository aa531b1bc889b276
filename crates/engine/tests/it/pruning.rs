//! What was sent before and is gone from the source is deleted, when that is asked for, and only
//! as far as the guards and the reading allow.

use std::collections::BTreeSet;
use std::sync::Arc;

use syncline_engine::{Baseline, Ending, Planned, Prune, RunReport};
use syncline_model::{ChangeKind, CollectionName, FailureClass};
use syncline_plan::Guard;
use syncline_store::layers::{Fault, FaultSeed, Faulty};
use syncline_testkit::ReadingEnd;
use syncline_testkit::fixtures::{key, payload, referring};

use crate::sources::altered;
use crate::world::{Run, World, completed, of, things};

fn pruning(world: &World) -> Run {
    let mut run = world.ready();
    run.prune = Some(Prune::default());
    run
}

fn allowing(world: &World, deletes: u64) -> Run {
    let mut run = world.ready();
    run.prune = Some(Prune {
        allowed: Some(deletes),
        ..Prune::default()
    });
    run
}

async fn prune(world: &World) -> RunReport {
    let report = pruning(world).go().await;
    completed(&report);
    report
}

fn guards(report: &RunReport) -> Vec<Guard> {
    let verdicts = of(report, "things").verdicts.iter();
    verdicts.map(|verdict| verdict.guard).collect()
}

/// A hundred things sent, of which the first few are gone from the source now.
async fn hundred_without(gone: usize) -> World {
    let world = World::of_things(100);
    world.send().await;
    world.source.set("things", things(100, 1).split_off(gone));
    world.target.forget_journal();
    world
}

/// Agencies, schools that refer to them, and students that refer to schools; all sent.
async fn district() -> World {
    let world = World::new("agencies: ; schools: agencies; students: schools");
    world.target.check_references();
    fill(&world, 3);
    world.send().await;
    world.target.forget_journal();
    world
}

/// Puts a number of each into the source, and many more of what nothing refers to.
fn fill(world: &World, number: usize) {
    let more = (100..200).map(|id| payload(id, 1));
    let agencies = (0..number).map(|id| payload(id, 1)).chain(more.clone());
    world.source.set("agencies", agencies);
    for (name, target) in [("schools", "agencies"), ("students", "schools")] {
        let own = (0..number).map(|id| referring(id, &[&format!("{target}/{id}")], 1));
        world.source.set(name, own.chain(more.clone()));
    }
}

#[tokio::test]
async fn what_is_gone_from_the_source_goes_from_the_target() {
    let world = hundred_without(5).await;
    let report = prune(&world).await;
    world.check_in_step();
    let counts = of(&report, "things");
    assert_eq!((counts.deleted, counts.held, counts.unchanged), (5, 0, 95));
    let mut journal = world.target.journal().into_iter();
    assert!(journal.all(|write| write.kind == ChangeKind::Delete));
    assert_eq!(world.target.forget_journal(), 5);
    // It is not known any more: coming back, it is new.
    prune(&world).await;
    assert_eq!(world.target.forget_journal(), 0);
    world.source.set("things", things(100, 1));
    assert_eq!(of(&prune(&world).await, "things").created, 5);
}

#[tokio::test]
async fn deletes_come_after_all_writes_and_in_reverse_order() {
    let world = district().await;
    fill(&world, 1);
    let agencies = (100..210).map(|id| payload(id, 1));
    world
        .source
        .set("agencies", agencies.chain([payload(0, 1)]));
    completed(&pruning(&world).go().await);
    world.check_in_step();
    let steps: Vec<(ChangeKind, String)> = world
        .target
        .journal()
        .iter()
        .map(|write| (write.kind, write.collection.to_string()))
        .collect();
    let mut expected = vec![(ChangeKind::Create, "agencies".to_owned()); 10];
    for name in ["students", "schools", "agencies"] {
        expected.extend(vec![(ChangeKind::Delete, name.to_owned()); 2]);
    }
    assert_eq!(steps, expected);
}

#[tokio::test]
async fn too_many_deletes_are_held_and_everything_else_goes_on() {
    for round in 0..2 {
        let world = hundred_without(6).await;
        let more = things(103, 1).split_off(6);
        world.source.set("things", more);
        let report = prune(&world).await;
        let things = of(&report, "things");
        assert_eq!((things.created, things.deleted, things.held), (3, 0, 6));
        assert_eq!((things.deletes_held, report.owed), (6, 0));
        assert_eq!(guards(&report), [Guard::DeleteShare]);
        assert_eq!(world.target.size(), 103);
        // Once more with as many allowed as there are, or not quite.
        let report = allowing(&world, 5 + round).go().await;
        completed(&report);
        assert_eq!(of(&report, "things").deleted, 6 * round);
        assert_eq!(guards(&report).is_empty(), round == 1);
    }
}

#[tokio::test]
async fn a_source_that_came_up_empty_or_shrank_empties_nothing() {
    for (left, expected) in [
        (0, vec![Guard::EmptySource, Guard::DeleteShare]),
        (60, vec![Guard::ShrunkenSource, Guard::DeleteShare]),
    ] {
        let world = hundred_without(100 - left).await;
        for _ in 0..2 {
            let report = prune(&world).await;
            assert_eq!(
                guards(&report),
                expected,
                "a run that is held is no measure"
            );
            assert_eq!(world.target.size(), 100);
        }
        let report = allowing(&world, 100).go().await;
        assert_eq!(of(&report, "things").deleted, 100 - left as u64);
        world.check_in_step();
    }
}

#[tokio::test]
async fn a_small_collection_that_came_up_empty_is_held_as_well() {
    let world = World::of_things(3);
    world.send().await;
    world.source.set("things", things(0, 1));
    assert_eq!(guards(&prune(&world).await), [Guard::EmptySource]);
    world.source.set("things", things(1, 1));
    assert_eq!(of(&prune(&world).await, "things").deleted, 2);
}

#[tokio::test]
async fn a_source_that_has_nothing_of_a_collection_any_more_came_up_empty() {
    let world = district().await;
    let without = |allowed| {
        let mut run = world.ready();
        let name = CollectionName::new("students");
        run.prune = Some(Prune {
            without_source: [name].into(),
            allowed,
            ..Prune::default()
        });
        run
    };
    // It is not read at all.
    world.source.end_reading("students", 0, ReadingEnd::Error);
    let report = without(None).go().await;
    completed(&report);
    let students = of(&report, "students");
    assert_eq!((students.deleted, students.held), (0, 103));
    assert_eq!(students.verdicts[0].guard, Guard::EmptySource);
    let report = without(Some(103)).go().await;
    completed(&report);
    assert_eq!(of(&report, "students").deleted, 103);
    assert_eq!(of(&report, "schools").deleted, 0);
}

#[tokio::test]
async fn nothing_is_deleted_because_something_was_not_read() {
    let world = hundred_without(2).await;
    let mut lines = things(100, 1).split_off(2);
    lines.push("no record".into());
    world.source.set("things", lines);
    for allowed in [None, Some(1000)] {
        let mut run = pruning(&world);
        run.prune = Some(Prune {
            allowed,
            ..Prune::default()
        });
        let report = run.go().await;
        completed(&report);
        assert_eq!(guards(&report), [Guard::IncompleteCoverage]);
        assert_eq!(of(&report, "things").deletes_held, 2);
    }
    for end in [ReadingEnd::Error, ReadingEnd::Silence] {
        world.source.set("things", things(100, 1).split_off(2));
        world.source.end_reading("things", 50, end);
        let report = pruning(&world).go().await;
        assert!(matches!(report.ending, Ending::Failed(_)), "{report:?}");
    }
    assert_eq!(world.target.size(), 100);
    world.source.read_whole();
    prune(&world).await;
    world.check_in_step();
}

#[tokio::test]
async fn a_source_that_changes_while_it_is_sent_says_nothing_about_what_is_gone() {
    let world = hundred_without(2).await;
    let mut lines = things(100, 1).split_off(2);
    lines[0] = payload(2, 2);
    world.source.set("things", lines);
    let report = altered(&world, pruning(&world), |source| {
        let mut lines = things(100, 1).split_off(2);
        lines[0] = payload(2, 3);
        source.set("things", lines);
    })
    .await;
    assert_eq!(guards(&report), [Guard::IncompleteCoverage]);
    assert_eq!(of(&report, "things").deletes_held, 2);
    assert_eq!(world.target.size(), 100);
    prune(&world).await;
    world.check_in_step();
}

#[tokio::test]
async fn what_somebody_else_changed_or_deleted_is_not_deleted_again() {
    let world = hundred_without(4).await;
    let there = world.target.contents();
    let theirs: Vec<_> = there["things"]
        .values()
        .filter(|line| **line != payload(1, 1) && **line != payload(0, 1))
        .cloned()
        .chain([payload(1, 7)])
        .collect();
    world.target.set("things", theirs);
    let report = prune(&world).await;
    let things = of(&report, "things");
    assert_eq!((things.deleted, things.missing, things.failed), (2, 1, 1));
    assert_eq!(
        things.failures[0].message,
        "not deleted: the content is not accepted"
    );
    assert!(world.target.contents()["things"].contains_key(&key(1)));
    // It stays known, and is looked at again.
    assert_eq!(of(&prune(&world).await, "things").failed, 1);
    assert_eq!((report.owed, world.rejects().len()), (0, 0));
}

#[tokio::test]
async fn refused_deletes_are_offered_again_told_and_stay_known() {
    let world = district().await;
    fill(&world, 2);
    // One that somebody else's record refers to, and one that goes once its students have gone.
    world.target.refuse(|attempt| {
        let refused = attempt.kind == ChangeKind::Delete && attempt.is("schools", "2");
        refused.then_some(FailureClass::MissingReference)
    });
    let report = pruning(&world).go().await;
    completed(&report);
    let (schools, agencies) = (of(&report, "schools"), of(&report, "agencies"));
    assert_eq!((schools.deleted, schools.failed), (0, 1));
    assert_eq!((agencies.deleted, report.owed), (1, 0));
    assert!(schools.failures[0].message.starts_with("not deleted: "));
    world.target.accept_all();
    let report = prune(&world).await;
    assert_eq!(of(&report, "schools").deleted, 1);
    world.check_in_step();
}

#[tokio::test]
async fn a_delete_that_waits_for_another_one_goes_when_that_has_gone() {
    let world = hundred_without(3).await;
    world.target.refuse(|attempt| {
        let waits = attempt.kind == ChangeKind::Delete
            && attempt.is("things", "0")
            && attempt.holds("things", "1");
        waits.then_some(FailureClass::MissingReference)
    });
    let report = prune(&world).await;
    assert_eq!(
        (of(&report, "things").deleted, of(&report, "things").failed),
        (3, 0)
    );
    world.check_in_step();
}

#[tokio::test]
async fn what_is_left_out_or_protected_stays() {
    let world = district().await;
    fill(&world, 1);
    let mut run = pruning(&world);
    run.only = vec!["students"];
    let report = run.go().await;
    assert_eq!(of(&report, "students").deleted, 2);
    assert_eq!(world.target.size(), 2 * 103 + 101);
    let mut run = world.ready();
    run.prune = Some(Prune {
        protected: [CollectionName::new("agencies")].into(),
        protected_keys: [(CollectionName::new("schools"), key(2).digest())].into(),
        ..Prune::default()
    });
    let report = run.go().await;
    completed(&report);
    let counts = |name| (of(&report, name).deleted, of(&report, name).protected);
    assert_eq!((counts("schools"), counts("agencies")), ((1, 1), (0, 2)));
    assert!(of(&report, "agencies").held == 0);
}

#[tokio::test]
async fn without_being_asked_nothing_is_deleted() {
    let world = hundred_without(3).await;
    let report = world.send().await;
    assert_eq!(
        (of(&report, "things").deleted, of(&report, "things").held),
        (0, 0)
    );
    assert_eq!(world.target.size(), 100);
}

#[tokio::test]
async fn a_target_that_fails_at_any_step_is_brought_in_step_by_the_next_run() {
    for fault in [Fault::LostRequest, Fault::LostAnswer, Fault::Stop] {
        for nth in 1..=8 {
            let world = district().await;
            fill(&world, 1);
            let mut run = pruning(&world);
            run.target = Arc::new(Faulty::new(
                world.target.clone(),
                FaultSeed::Nth(nth, fault),
            ));
            let report = run.go().await;
            let is_stopped = fault == Fault::Stop && nth <= 6;
            assert_eq!(
                matches!(report.ending, Ending::Failed(_)),
                is_stopped,
                "{fault:?} {nth}: {report:?}"
            );
            let report = prune(&world).await;
            world.check_in_step();
            let failed: u64 = report.collections.values().map(|one| one.failed).sum();
            assert_eq!(failed, 0, "{fault:?} {nth}");
            assert_eq!(deleted(&world), 6, "{fault:?} {nth}");
        }
    }
}

/// How many records were deleted; one that is not there any more answers like a deleted one.
fn deleted(world: &World) -> usize {
    let journal = world.target.journal();
    let deletes = journal
        .iter()
        .filter(|write| write.kind == ChangeKind::Delete && write.accepted);
    let keys = deletes.map(|write| (&write.collection, write.key.digest()));
    keys.collect::<BTreeSet<_>>().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_run_stopped_at_any_step_is_gone_on_with() {
    for step in 1..=6 {
        let world = district().await;
        fill(&world, 1);
        let run = pruning(&world);
        let stop = run.stop.clone();
        let before = 309;
        world.target.on_write(move |number| {
            if number == before + step {
                stop.cancel();
            }
        });
        let report = run.go().await;
        assert!(matches!(report.ending, Ending::Interrupted), "{step}");
        prune(&world).await;
        world.check_in_step();
        assert_eq!(world.accepted(), 6, "{step}: nothing is deleted twice");
    }
}

#[tokio::test]
async fn what_is_owed_for_what_is_gone_is_owed_no_more() {
    let world = World::of_things(100);
    let refused = |id: &'static str, class| {
        move |attempt: &syncline_testkit::Attempt<'_>| attempt.is("things", id).then_some(class)
    };
    // One that the target never took, and one update that it did not take.
    world
        .target
        .refuse(refused("0", FailureClass::MissingReference));
    world.send().await;
    let mut lines = things(100, 1);
    lines[1] = payload(1, 2);
    world.source.set("things", lines);
    world
        .target
        .refuse(refused("1", FailureClass::MissingReference));
    assert_eq!(world.send().await.owed, 2);
    world.target.accept_all();
    world.target.forget_journal();
    world.source.set("things", things(100, 1).split_off(2));
    let report = prune(&world).await;
    assert_eq!((report.owed, of(&report, "things").deleted), (0, 1));
    let journal = world.target.journal();
    assert!(journal.iter().all(|write| write.kind == ChangeKind::Delete));
    world.check_in_step();
}

#[tokio::test]
async fn a_record_known_under_two_keys_is_not_deleted() {
    let world = hundred_without(2).await;
    // The target takes key 0 for the same record as key 50: both have one name.
    let (mut ledger, scope) = world.hold();
    let name = CollectionName::new("things");
    let (known, handle) = ledger
        .find(scope, &name, &key(50).digest())
        .unwrap()
        .unwrap();
    let run = ledger
        .begin_run(&syncline_ledger::RunStart {
            command: "a test".to_owned(),
            scope,
            started: 0,
        })
        .unwrap();
    let receipt = syncline_ledger::Receipt {
        collection: name,
        key: key(0).digest(),
        digest: known.digest,
        at: known.at,
        status: 200,
        handle: handle.map(|handle| handle.0),
        result: syncline_ledger::ReceiptResult::Settled(syncline_model::Done::Updated),
    };
    ledger.record(scope, run, &[receipt]).unwrap();
    drop(ledger);
    let report = prune(&world).await;
    assert_eq!(of(&report, "things").deleted, 1);
    assert_eq!(deleted(&world), 1);
    prune(&world).await;
    assert_eq!(world.target.forget_journal(), 1);
}

/// What a run would do to the things, and that it did nothing.
async fn counted(mut run: Run, world: &World) -> Planned {
    run.only_counts = true;
    let owed = world.owed().len();
    let report = run.go().await;
    completed(&report);
    assert_eq!(world.target.forget_journal(), 0);
    assert_eq!(world.owed().len(), owed);
    let things = of(&report, "things");
    assert_eq!((things.accepted(), things.finished), (0, true));
    things.planned.unwrap()
}

#[tokio::test]
async fn what_would_be_done_is_counted_and_then_done() {
    let world = World::of_things(100);
    drop(world.hold());
    let all = Planned {
        creates: 100,
        ..Planned::default()
    };
    assert_eq!(counted(world.ready(), &world).await, all);
    assert_eq!(of(&world.send().await, "things").created, 100);
    world.target.forget_journal();
    // Two go, three change, four come, and one key comes twice.
    let mut lines = things(104, 1).split_off(2);
    for id in [10, 11, 12] {
        lines[id - 2] = payload(id, 2);
    }
    lines.push(payload(103, 1));
    world.source.set("things", lines);
    let expected = |deletes| Planned {
        creates: 4,
        updates: 3,
        deletes,
    };
    assert_eq!(counted(world.ready(), &world).await, expected(0));
    assert_eq!(counted(pruning(&world), &world).await, expected(2));
    let mut forced = world.ready();
    forced.baseline = Baseline::Nothing;
    let everything = Planned {
        creates: 102,
        ..Planned::default()
    };
    assert_eq!(counted(forced, &world).await, everything);
    let report = prune(&world).await;
    let done = of(&report, "things");
    assert_eq!((done.created, done.updated, done.deleted), (4, 3, 2));
    world.check_in_step();
}

#[tokio::test]
async fn counting_what_would_be_done_is_no_measure_for_guards() {
    let held = async |is_counted_first: bool| {
        let world = hundred_without(40).await;
        if is_counted_first {
            let planned = counted(allowing(&world, 40), &world).await;
            assert_eq!(planned.deletes, 40);
            assert_eq!(counted(pruning(&world), &world).await.deletes, 0, "held");
        }
        guards(&prune(&world).await)
    };
    assert_eq!(held(false).await, held(true).await);
    assert!(held(true).await.contains(&Guard::ShrunkenSource));
}
