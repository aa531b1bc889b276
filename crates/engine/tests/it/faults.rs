//! Writes that break, one by one and by chance: in the end the target holds what it should.

use std::collections::BTreeSet;
use std::sync::Arc;

use syncline_engine::{Ending, EngineError};
use syncline_model::FailureClass;
use syncline_store::ErrorKind;
use syncline_store::layers::{Fault, FaultSeed, Faulty};
use syncline_testkit::Attempt;
use syncline_testkit::fixtures::{catalog, payload, referring};

use crate::world::{World, completed, of, things};

/// Three collections that refer to one another, thirteen records, one of them parked at first.
fn district() -> World {
    let world = World::new("agencies: agencies; schools: agencies; students: schools");
    world.target.check_references();
    world.source.set(
        "agencies",
        [referring(2, &["agencies/1"], 1), payload(1, 1)],
    );
    world.source.set(
        "schools",
        (0..3).map(|id| referring(id, &["agencies/2"], 1)),
    );
    world.source.set(
        "students",
        (0..8).map(|id| referring(id, &["schools/2"], 1)),
    );
    world
}

fn breaking(world: &World, seed: FaultSeed) -> crate::world::Run {
    let mut run = world.ready();
    run.target = Arc::new(Faulty::new(world.target.clone(), seed));
    run
}

/// Writes that took effect, repeated ones left out.
fn distinct_writes(world: &World) -> usize {
    let journal = world.target.journal();
    let accepted = journal.iter().filter(|write| write.accepted);
    accepted
        .map(|write| (&write.collection, &write.key))
        .collect::<BTreeSet<_>>()
        .len()
}

#[tokio::test]
async fn a_lost_request_is_made_up_for_in_the_same_run() {
    for nth in 1..=16 {
        let world = district();
        let report = breaking(&world, FaultSeed::Nth(nth, Fault::LostRequest))
            .go()
            .await;
        completed(&report);
        world.check_in_step();
        assert_eq!(report.owed, 0, "{nth}");
        let accepted = world.accepted();
        assert_eq!(accepted, 13, "{nth}: no record is written twice");
        assert_eq!(world.writes_of_another_run().await, 0, "{nth}");
    }
}

#[tokio::test]
async fn a_lost_answer_changes_nothing() {
    for nth in 1..=16 {
        let world = district();
        let report = breaking(&world, FaultSeed::Nth(nth, Fault::LostAnswer))
            .go()
            .await;
        completed(&report);
        world.check_in_step();
        assert_eq!(report.owed, 0, "{nth}");
        let accepted = world.accepted();
        assert!(
            accepted <= 14,
            "{nth}: one record may be written once more, not {accepted}"
        );
        assert_eq!(world.writes_of_another_run().await, 0, "{nth}");
    }
}

#[tokio::test]
async fn a_target_that_stops_ends_the_run_and_the_next_one_completes_it() {
    let mut stopped = 0;
    for nth in 1..=16 {
        let world = district();
        let report = breaking(&world, FaultSeed::Nth(nth, Fault::Stop))
            .go()
            .await;
        if matches!(report.ending, Ending::Completed) {
            assert!(nth > 13, "{nth}");
            continue;
        }
        stopped += 1;
        assert!(
            matches!(report.ending, Ending::Failed(_)),
            "{nth}: {:?}",
            report.ending
        );
        let before = distinct_writes(&world);
        assert!(before < 13, "{nth}");
        assert_eq!(world.send().await.owed, 0, "{nth}");
        world.check_in_step();
        let accepted = world.accepted();
        assert_eq!(accepted, 13, "{nth}: no record is written twice");
        assert_eq!(world.writes_of_another_run().await, 0, "{nth}");
    }
    assert!(stopped >= 13);
}

#[tokio::test]
async fn updates_survive_every_fault_as_well() {
    for fault in [Fault::LostRequest, Fault::LostAnswer, Fault::Stop] {
        for nth in 1..=5 {
            let world = World::of_things(30);
            world.send().await;
            let mut lines = things(30, 1);
            for line in [3, 11, 12, 29] {
                lines[line] = payload(line, 2);
            }
            world.source.set("things", lines);
            let report = breaking(&world, FaultSeed::Nth(nth, fault)).go().await;
            assert_eq!(
                matches!(report.ending, Ending::Completed),
                fault != Fault::Stop || nth == 5,
                "{fault:?} {nth}"
            );
            world.send().await;
            world.check_in_step();
            assert_eq!(world.writes_of_another_run().await, 0, "{fault:?} {nth}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn faults_by_chance_end_in_a_plain_map() {
    for seed in 0..20 {
        let world = district();
        let mut chance = fastrand::Rng::with_seed(seed);
        let more = (8..60).map(|id| referring(id % 40, &["schools/2"], chance.u64(1..9)));
        world.source.add_unit("students", "more.jsonl", more);
        let mut runs = 0;
        loop {
            let faults = FaultSeed::Rate {
                seed: seed * 100 + runs,
                rate: 0.35,
            };
            let report = breaking(&world, faults).go().await;
            runs += 1;
            if matches!(report.ending, Ending::Completed) && report.owed == 0 {
                break;
            }
            assert!(runs < 10, "seed {seed} does not come to an end: {report:?}");
        }
        world.check_in_step();
        assert_eq!(world.writes_of_another_run().await, 0, "seed {seed}");
    }
}

#[tokio::test]
async fn a_target_that_does_not_know_the_caller_is_not_asked_again_and_again() {
    let world = World::of_things(200);
    world.target.refuse(|_| Some(FailureClass::Unauthenticated));
    let report = world.ready().go().await;
    let kind = match &report.ending {
        Ending::Failed(EngineError::Store(error)) => Some(error.kind),
        _ => None,
    };
    assert_eq!(kind, Some(ErrorKind::Denied), "{:?}", report.ending);
    assert!(world.target.journal().len() <= 4);
    world.target.accept_all();
    world.send().await;
    world.check_in_step();
}

#[tokio::test]
async fn what_was_done_together_with_the_change_that_stopped_the_run_is_remembered() {
    let mut described = catalog("things:");
    described.capabilities.batch = 50;
    let world = World::of(described);
    world.source.set("things", things(200, 1));
    let is_unknown = |attempt: &Attempt<'_>| attempt.is("things", "120");
    let refuse =
        move |attempt: &Attempt<'_>| is_unknown(attempt).then_some(FailureClass::Unauthenticated);
    world.target.refuse(refuse);
    let report = world.ready().go().await;
    assert!(matches!(report.ending, Ending::Failed(_)), "{report:?}");
    let accepted = world.accepted();
    assert!(accepted > 0);
    world.target.accept_all();
    assert_eq!(world.writes_of_another_run().await, 200 - accepted);
    world.check_in_step();
}

#[tokio::test]
async fn a_target_that_is_gone_ends_the_run_instead_of_failing_record_by_record() {
    for class in [FailureClass::Unavailable, FailureClass::Throttled] {
        let world = World::of_things(500);
        world.target.refuse(move |_| Some(class));
        let report = world.ready().go().await;
        assert!(
            matches!(report.ending, Ending::Failed(_)),
            "{class:?}: {:?}",
            report.ending
        );
        assert_eq!(of(&report, "things").failed, 0);
        assert!(
            world.target.journal().len() < 50,
            "{}",
            world.target.journal().len()
        );
        world.target.accept_all();
        assert_eq!(world.send().await.owed, 0);
        world.check_in_step();
    }
}

#[tokio::test]
async fn a_record_that_breaks_the_target_does_not_keep_the_others() {
    let world = World::of_things(200);
    world.target.refuse(|attempt| {
        attempt
            .is("things", "7")
            .then_some(FailureClass::Unavailable)
    });
    let report = world.send().await;
    assert_eq!(
        (of(&report, "things").created, of(&report, "things").failed),
        (199, 1)
    );
    assert_eq!(report.owed, 1);
    world.target.accept_all();
    assert_eq!(world.send().await.owed, 0);
    world.check_in_step();
}

#[tokio::test]
async fn a_collection_that_may_not_be_written_yet_is_offered_again_once() {
    let world = World::of_things(50);
    world.target.refuse(|_| Some(FailureClass::Denied));
    let report = world.send().await;
    assert_eq!((of(&report, "things").failed, report.owed), (50, 50));
    assert_eq!(world.target.forget_journal(), 100);
    world.target.accept_all();
    assert_eq!(world.send().await.owed, 0);
    world.check_in_step();
    assert_eq!(world.target.journal().len(), 50);
}
