//! A first send goes straight through.

use std::sync::Arc;

use syncline_engine::Ending;
use syncline_testkit::{Gate, MemoryStore};

use crate::world::{World, completed, of, things};

#[tokio::test]
async fn the_first_write_leaves_before_the_last_record_is_read() {
    let world = World::of_things(2000);
    let gate = Gate::default();
    // The reading does not go on before something has arrived.
    world.source.hold_reading("things", 5, &gate);
    world.target.on_write(move |_| gate.open());
    let report = world.send().await;
    world.check_in_step();
    assert_eq!(of(&report, "things").created, 2000);
}

#[tokio::test]
async fn every_page_size_gives_the_same() {
    for page_size in [1, 3, usize::MAX] {
        let world = World::of_things(250);
        let source = MemoryStore::new(world.source.catalog().clone()).with_page_size(page_size);
        for lines in [things(250, 1), things(251, 1)] {
            source.set("things", lines);
            let mut run = world.ready();
            run.source = Arc::new(source.clone());
            completed(&run.go().await);
            assert_eq!(world.target.contents(), source.contents());
        }
        assert_eq!(world.target.journal().len(), 251);
    }
}

#[tokio::test]
async fn the_number_of_lanes_changes_nothing() {
    for concurrency in [0, 1, 33] {
        let world = World::of_things(200);
        let mut run = world.ready();
        run.concurrency = concurrency;
        completed(&run.go().await);
        world.check_in_step();
        assert_eq!(world.target.journal().len(), 200);
    }
}

#[tokio::test]
async fn a_source_that_cannot_be_read_again_is_sent_whole_or_not_at_all() {
    let world = World::new("things:");
    let source = MemoryStore::new(world.source.catalog().clone()).without_places();
    source.set("things", things(30, 1));
    let run = |source: &MemoryStore| {
        let mut run = world.ready();
        run.source = Arc::new(source.clone());
        run
    };
    completed(&run(&source).go().await);
    assert_eq!(world.target.contents(), source.contents());
    // A comparison needs places. A change must not be passed over as if it had been compared.
    source.set("things", things(30, 2));
    let report = run(&source).go().await;
    let in_step = world.target.contents() == source.contents();
    assert!(
        in_step || matches!(report.ending, Ending::Failed(_)),
        "{:?}",
        report.ending
    );
}
