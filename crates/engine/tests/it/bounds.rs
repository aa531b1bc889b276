//! Bounds: of memory, of the disk, and of how much may change unasked.

use std::sync::Arc;

use syncline_engine::{Ending, EngineError, Event, RunReport};
use syncline_ledger::{LedgerError, OwedClass};
use syncline_model::FailureClass;
use syncline_plan::Guard;
use syncline_testkit::fixtures::{key, payload};

use crate::world::{World, completed, of, things};

#[tokio::test]
async fn a_small_memory_gives_the_same_as_a_large_one() {
    let mut journals = Vec::new();
    for memory_budget in [4096, 1 << 24] {
        let world = World::of_things(3000);
        world.send().await;
        world.target.forget_journal();
        let mut lines = things(3300, 1);
        for line in (0..3000).step_by(7) {
            lines[line] = payload(line, 2);
        }
        // Repeated keys, far from one another.
        lines.extend((0..300).map(|id| payload(id * 11, 3)));
        world.source.set("things", lines);
        let mut run = world.ready();
        run.memory_budget = memory_budget;
        let report = run.go().await;
        completed(&report);
        world.check_in_step();
        let things = of(&report, "things");
        let counts = (
            things.read,
            things.duplicates,
            things.created,
            things.updated,
            things.unchanged,
        );
        let journal = world.target.journal().into_iter();
        let mut written: Vec<_> = journal.map(|write| (write.kind, write.payload)).collect();
        written.sort();
        journals.push((counts, written));
        assert_eq!(world.writes_of_another_run().await, 0);
    }
    assert_eq!(journals[0].0, (3600, 300, 300, 663, 2337));
    assert!(journals[0] == journals[1]);
}

fn is_full(report: &RunReport) -> bool {
    matches!(
        &report.ending,
        Ending::Failed(EngineError::Ledger(LedgerError::Full { .. }))
    )
}

#[tokio::test]
async fn a_full_disk_stops_the_run_and_loses_no_record() {
    let mut full = 0;
    for pages in [8, 16, 24, 40, 64] {
        let world = World::of_things(2500);
        let mut run = world.ready();
        run.ledger_pages = Some(pages);
        let report = run.go().await;
        full += usize::from(is_full(&report));
        assert!(
            is_full(&report) || matches!(report.ending, Ending::Completed),
            "{report:?}"
        );
        world.send().await;
        world.check_in_step();
        assert_eq!(world.writes_of_another_run().await, 0, "{pages}");
    }
    assert!(full >= 3, "{full}");
}

#[tokio::test]
async fn a_disk_that_fills_up_while_changes_are_sent_loses_no_record() {
    let world = World::of_things(300);
    world.send().await;
    world.source.set("things", things(4000, 1));
    let mut run = world.ready();
    run.ledger_pages = Some(20);
    let report = run.go().await;
    assert!(is_full(&report), "{:?}", report.ending);
    world.send().await;
    world.check_in_step();
    assert_eq!(world.writes_of_another_run().await, 0);
}

#[tokio::test]
async fn a_guard_holds_only_what_it_names() {
    let world = World::of_things(40);
    world.send().await;
    let mut lines = things(50, 1);
    for (id, line) in lines.iter_mut().enumerate().take(30) {
        *line = payload(id, 2);
    }
    world.source.set("things", lines);
    for round in 1..=2 {
        let run = world.ready();
        let events = Arc::clone(&run.events);
        let report = run.go().await;
        completed(&report);
        let things = of(&report, "things");
        assert_eq!(
            (things.created, things.updated),
            (if round == 1 { 10 } else { 0 }, 0)
        );
        assert_eq!((things.held, things.failed, report.owed), (30, 0, 30));
        let guards: Vec<Guard> = things
            .verdicts
            .iter()
            .map(|verdict| verdict.guard)
            .collect();
        assert_eq!(guards, [Guard::UpdateShare]);
        assert_eq!(events.count(|event| matches!(event, Event::Held(..))), 1);
        assert!(
            world
                .owed()
                .iter()
                .all(|owed| owed.class == OwedClass::Held)
        );
        assert_eq!(world.target.size(), 50);
        assert_eq!(
            world.target.journal().len(),
            50,
            "nothing that is held is sent"
        );
    }
    let mut run = world.ready();
    run.guards.update_share_max = 1.0;
    let report = run.go().await;
    assert_eq!((of(&report, "things").updated, report.owed), (30, 0));
    world.check_in_step();
}

#[tokio::test]
async fn a_held_change_that_is_taken_back_is_owed_no_more() {
    let world = World::of_things(40);
    world.send().await;
    world.source.set("things", things(40, 2));
    for _ in 0..2 {
        assert_eq!(world.send().await.owed, 40);
    }
    world.source.set("things", things(40, 1));
    let report = world.send().await;
    assert_eq!(report.owed, 0, "{:?}", of(&report, "things").verdicts);
    assert_eq!(of(&report, "things").unchanged, 40);
    world.check_in_step();
    assert_eq!(world.target.journal().len(), 40, "nothing had to be sent");
    assert_eq!(world.writes_of_another_run().await, 0);
}

#[tokio::test]
async fn a_correction_brings_the_rest_of_what_was_held_within_the_limit() {
    let world = World::of_things(40);
    world.send().await;
    world.source.set("things", things(40, 2));
    assert_eq!(world.send().await.owed, 40);
    let mut lines = things(40, 1);
    for (id, line) in lines.iter_mut().enumerate().take(5) {
        *line = payload(id, 2);
    }
    world.source.set("things", lines);
    world.target.forget_journal();
    let report = world.send().await;
    assert_eq!((report.owed, of(&report, "things").updated), (0, 5));
    assert_eq!(world.target.forget_journal(), 5);
    world.check_in_step();
}

#[tokio::test]
async fn what_became_unknown_before_it_was_held_is_sent_again_when_it_is_taken_back() {
    let world = World::of_things(40);
    let mut lines = things(30, 1);
    lines.extend((30..40).map(|number| payload(number, 0)));
    world.source.set("things", lines);
    world.send().await;
    // The answer about one of the updates is lost: the target may hold either version.
    let mut lines = things(50, 1);
    lines[7] = payload(7, 2);
    world.source.set("things", lines);
    world.target.refuse(|attempt| {
        attempt
            .is("things", "7")
            .then_some(FailureClass::Unavailable)
    });
    assert_eq!(world.send().await.owed, 1);
    world.target.accept_all();
    world.source.set("things", things(50, 3));
    assert_eq!(world.send().await.owed, 50);
    world.source.set("things", things(50, 1));
    world.target.forget_journal();
    assert_eq!(world.send().await.owed, 0);
    let journal = world.target.journal();
    let keys: Vec<_> = journal.iter().map(|write| write.key.clone()).collect();
    assert_eq!(keys, [key(7)]);
    world.check_in_step();
}

#[tokio::test]
async fn a_small_collection_may_change_altogether() {
    let world = World::of_things(20);
    world.send().await;
    world.source.set("things", things(20, 2));
    let report = world.send().await;
    assert_eq!(of(&report, "things").updated, 20);
    world.check_in_step();
}

#[tokio::test]
async fn a_run_that_cannot_say_what_was_refused_does_not_go_on() {
    let world = World::of_things(200);
    fs_err::create_dir_all(world.reject_file()).unwrap();
    world
        .target
        .refuse(|attempt| attempt.is("things", "5").then_some(FailureClass::Content));
    let report = world.ready().go().await;
    assert!(
        matches!(report.ending, Ending::Failed(EngineError::File(_))),
        "{:?}",
        report.ending
    );
    fs_err::remove_dir(world.reject_file()).unwrap();
    let report = world.send().await;
    assert_eq!(
        (report.owed, world.rejects().len(), world.target.size()),
        (1, 1, 199)
    );
}
