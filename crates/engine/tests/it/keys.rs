//! Keys that come more than once: their order is kept, and the last one counts.

use std::sync::Arc;

use bytes::Bytes;
use syncline_engine::Duplicate;
use syncline_store::layers::{Fault, FaultSeed, Faulty};
use syncline_testkit::fixtures::{key, payload};

use crate::world::{World, completed, of, things};

/// Sixty lines of twenty keys, each key three times; the last time, keys below ten have the
/// content of the second time.
fn repeated() -> Vec<Bytes> {
    let mut lines = things(20, 1);
    lines.extend(things(20, 2));
    lines.extend((0..20).map(|id| payload(id, if id < 10 { 2 } else { 3 })));
    lines
}

/// The versions in which a key was written, in order.
fn versions(world: &World, id: usize) -> Vec<String> {
    let journal = world.target.journal();
    let writes = journal.iter().filter(|write| write.key == key(id));
    writes
        .map(|write| {
            serde_json::from_slice::<serde_json::Value>(&write.payload).unwrap()["v"].to_string()
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_first_send_keeps_the_order_within_each_key() {
    let world = World::new("things:");
    world.source.set("things", repeated());
    let report = world.send().await;
    world.check_in_step();
    assert_eq!(versions(&world, 3), ["1", "2", "2"]);
    for id in 10..20 {
        assert_eq!(versions(&world, id), ["1", "2", "3"]);
    }
    let report = of(&report, "things");
    assert_eq!((report.read, report.duplicates), (60, 40));
    let same = report
        .duplicate_examples
        .iter()
        .filter(|example| example.same_content);
    assert!(same.count() <= 10);
    assert!(
        report
            .duplicate_examples
            .iter()
            .all(|example| example.line > 20)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_change_that_has_to_be_tried_again_is_not_overtaken_by_the_next_of_its_key() {
    for nth in 1..=3 {
        let world = World::new("things:");
        world
            .source
            .set("things", [payload(1, 1), payload(1, 2), payload(1, 3)]);
        let faulty = Faulty::new(
            world.target.clone(),
            FaultSeed::Nth(nth, Fault::LostRequest),
        );
        let mut run = world.ready();
        run.target = Arc::new(faulty);
        completed(&run.go().await);
        assert_eq!(versions(&world, 1), ["1", "2", "3"], "{nth}");
    }
}

#[tokio::test]
async fn a_comparison_sends_the_last_of_each_key_and_tells_the_others() {
    let world = World::of_things(20);
    world.send().await;
    world.target.forget_journal();
    world.source.set("things", repeated());
    let mut run = world.ready();
    run.guards.update_share_max = 1.0;
    let report = run.go().await;
    completed(&report);
    world.check_in_step();
    assert_eq!(
        (versions(&world, 3), versions(&world, 12)),
        (vec!["2".to_owned()], vec!["3".to_owned()])
    );
    assert_eq!(world.target.journal().len(), 20);
    let report = of(&report, "things");
    assert_eq!(
        (report.read, report.duplicates, report.updated),
        (60, 40, 20)
    );
    let example = |line: u64, same_content: bool| Duplicate {
        file: "things.jsonl".to_owned(),
        line: 41,
        earlier_line: Some(line),
        same_content,
    };
    let first: Vec<&Duplicate> = report
        .duplicate_examples
        .iter()
        .filter(|example| example.line == 41)
        .collect();
    // Which keys are among the examples follows from their digests.
    assert!(first.is_empty() || first == [&example(1, false), &example(21, true)]);
    let same = report
        .duplicate_examples
        .iter()
        .filter(|example| example.same_content)
        .count();
    assert!(same > 0 && same < 20);
}

#[tokio::test]
async fn a_repeated_key_of_the_same_content_is_unchanged_afterwards() {
    let world = World::new("things:");
    world.source.set("things", repeated());
    world.send().await;
    world.target.forget_journal();
    let report = world.send().await;
    assert_eq!(world.target.journal(), []);
    let report = of(&report, "things");
    assert_eq!((report.unchanged, report.duplicates), (20, 40));
}
