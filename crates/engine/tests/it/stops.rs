//! Runs that are told to stop, at every step, and go on afterwards.

use std::sync::Arc;

use syncline_engine::{Ending, Event};
use syncline_ledger::RunOutcome;
use syncline_testkit::Gate;

use crate::silent::Silent;
use crate::world::{Run, World, completed, things};

/// A run that is told to stop as the write with this number arrives.
fn stopping_at(world: &World, write: u64) -> Run {
    let run = world.ready();
    let stop = run.stop.clone();
    let before = u64::try_from(world.target.journal().len()).unwrap();
    world.target.on_write(move |number| {
        if number == before + write {
            stop.cancel();
        }
    });
    run
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_first_send_stopped_at_any_write_goes_on_without_repeating_one() {
    for step in 1..=25 {
        let world = World::new("a: ; b: a; c: a");
        for name in ["a", "b", "c"] {
            world.source.set(name, things(8, 1));
        }
        let report = stopping_at(&world, step).go().await;
        let written = world.target.journal().len();
        if step <= 24 {
            assert!(
                matches!(report.ending, Ending::Interrupted),
                "{step}: {:?}",
                report.ending
            );
            assert_eq!(world.last_outcome(), Some(RunOutcome::Interrupted));
            let under_way = 4;
            assert!(
                u64::try_from(written).unwrap() < step + under_way,
                "{step}: went on"
            );
        } else {
            completed(&report);
        }
        world.send().await;
        world.check_in_step();
        // All answers came, so nothing is written twice.
        assert_eq!(world.target.journal().len(), 24, "{step}");
        assert_eq!(world.writes_of_another_run().await, 0, "{step}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_comparison_stopped_at_any_write_goes_on_without_repeating_one() {
    for step in 1..=12 {
        let world = World::of_things(10);
        world.send().await;
        world.source.set("things", things(20, 2));
        let mut run = stopping_at(&world, step);
        run.guards.update_share_max = 1.0;
        let report = run.go().await;
        assert!(
            matches!(report.ending, Ending::Interrupted),
            "{step}: {:?}",
            report.ending
        );
        world.send().await;
        world.check_in_step();
        assert_eq!(world.target.journal().len(), 30, "{step}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_run_stopped_among_parked_records_loses_none() {
    use syncline_testkit::fixtures::referring;
    for step in 1..=24 {
        let world = World::new("early: ; late: early");
        world.target.check_references();
        world
            .source
            .set("early", (0..10).map(|id| referring(id, &["late/1"], 1)));
        world.source.set("late", things(3, 1));
        stopping_at(&world, step).go().await;
        assert_eq!(world.send().await.owed, 0, "{step}");
        world.check_in_step();
        let accepted = world.accepted();
        assert_eq!(accepted, 13, "{step}");
    }
}

#[tokio::test]
async fn a_run_told_to_stop_before_it_begins_writes_nothing() {
    let world = World::of_things(10);
    let run = world.ready();
    run.stop.cancel();
    let report = run.go().await;
    assert!(
        matches!(report.ending, Ending::Interrupted),
        "{:?}",
        report.ending
    );
    assert_eq!(world.target.size(), 0);
}

#[tokio::test]
async fn a_run_stops_though_its_source_says_nothing_more() {
    for compared in [false, true] {
        let world = World::of_things(10);
        if compared {
            world.send().await;
            world.source.set("things", things(20, 1));
        }
        let never = Gate::default();
        world.source.hold_reading("things", 5, &never);
        let run = world.ready();
        let (stop, events) = (run.stop.clone(), Arc::clone(&run.events));
        let report = tokio::spawn(run.go());
        // It has read what there is, and waits.
        let has_read = |event: &Event| {
            matches!(event, Event::Progress(progress)
                if progress.collections.iter().any(|collection| collection.read == 5))
        };
        while events.count(has_read) == 0 {
            tokio::task::yield_now().await;
        }
        stop.cancel();
        let report = report.await.unwrap();
        assert!(
            matches!(report.ending, Ending::Interrupted),
            "{:?}",
            report.ending
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_stops_though_its_target_does_not_answer_and_only_those_are_sent_again() {
    let world = World::of_things(30);
    let mut run = stopping_at(&world, 2);
    run.target = Arc::new(Silent::new(&world.target, &Gate::default()));
    let report = run.go().await;
    assert!(
        matches!(report.ending, Ending::Interrupted),
        "{:?}",
        report.ending
    );
    let unanswered = world.target.journal().len();
    assert!((2..=4).contains(&unanswered), "{unanswered}");
    world.send().await;
    world.check_in_step();
    assert_eq!(world.target.journal().len(), 30 + unanswered);
}

#[tokio::test]
async fn a_ledger_is_free_as_soon_as_the_run_has_ended() {
    let world = World::of_things(3);
    for _ in 0..5 {
        // Opening the ledger fails while anybody holds it.
        world.send().await;
    }
    world.check_in_step();
}
