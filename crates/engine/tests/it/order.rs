//! Which collection goes when.

use std::collections::BTreeMap;

use syncline_engine::Event;
use syncline_testkit::{Gate, fixtures};

use crate::world::{World, completed, things};

/// A graph over some collections, each of which waits for some of those before it.
fn any_graph(seed: u64) -> String {
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut names: Vec<String> = (0..7).map(|number| format!("c{number}")).collect();
    chance.shuffle(&mut names);
    let mut entries = Vec::new();
    for (position, name) in names.iter().enumerate() {
        let waits_for: Vec<&str> = names[..position]
            .iter()
            .filter(|_| chance.f64() < 0.4)
            .map(String::as_str)
            .collect();
        entries.push(format!("{name}: {}", waits_for.join(" ")));
    }
    entries.join(";")
}

/// Where the first and the last write of each collection stand in the journal.
fn spans(world: &World) -> BTreeMap<String, (usize, usize)> {
    let mut spans = BTreeMap::new();
    for (at, write) in world.target.journal().iter().enumerate() {
        let name = write.collection.as_str().to_owned();
        spans.entry(name).or_insert((at, at)).1 = at;
    }
    spans
}

#[tokio::test]
async fn a_collection_begins_when_all_it_depends_on_have_ended() {
    for seed in 0..12 {
        let graph = any_graph(seed);
        let world = World::new(&graph);
        for name in world.target.catalog().collections.keys() {
            world.source.set(name.as_str(), things(9, 1));
        }
        world.send().await;
        let spans = spans(&world);
        assert_eq!(spans.len(), 7);
        for (name, waits_for) in &world.target.catalog().dependencies {
            for earlier in waits_for {
                let (ended, began) = (spans[earlier.as_str()].1, spans[name.as_str()].0);
                assert!(
                    ended < began,
                    "{name} began before {earlier} ended, in {graph}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_collection_does_not_wait_for_one_it_does_not_depend_on() {
    let world = World::new("fast: ; slow: ; after_fast: fast; after_slow: slow");
    for name in ["fast", "slow", "after_fast", "after_slow"] {
        world.source.set(name, things(3, 1));
    }
    // The slow one ends only after the one behind the fast one has begun.
    let gate = Gate::default();
    world.source.hold_reading("slow", 2, &gate);
    world.target.refuse(move |attempt| {
        if attempt.collection.as_str() == "after_fast" {
            gate.open();
        }
        None
    });
    world.send().await;
    world.check_in_step();
    let spans = spans(&world);
    assert!(spans["after_fast"].0 < spans["slow"].1);
    assert!(spans["slow"].1 < spans["after_slow"].0);
}

#[tokio::test]
async fn a_circle_is_told_and_everything_in_it_arrives() {
    let world = World::of(fixtures::circle());
    world.target.check_references();
    world.source.set(
        "courses",
        [
            fixtures::payload(1, 1),
            fixtures::referring(2, &["offerings/1"], 1),
        ],
    );
    world.source.set(
        "offerings",
        [
            fixtures::referring(1, &["courses/1"], 1),
            fixtures::referring(2, &["courses/2"], 1),
        ],
    );
    world.source.set("rooms", things(2, 1));
    let run = world.ready();
    let events = std::sync::Arc::clone(&run.events);
    let report = run.go().await;
    completed(&report);
    world.check_in_step();
    assert_eq!(report.owed, 0);
    let cycles: Vec<String> = events
        .all()
        .iter()
        .filter_map(|event| match event {
            Event::Cycle(names) => Some(names.iter().map(ToString::to_string).collect()),
            _ => None,
        })
        .map(|mut names: Vec<String>| {
            names.sort();
            names.join(" ")
        })
        .collect();
    assert_eq!(cycles, ["courses offerings"]);
}

#[tokio::test]
async fn every_collection_is_told_to_begin_and_to_end_once() {
    let world = World::of(fixtures::district());
    for name in ["agencies", "schools", "students"] {
        world.source.set(name, things(4, 1));
    }
    let run = world.ready();
    let events = std::sync::Arc::clone(&run.events);
    completed(&run.go().await);
    let told: Vec<String> = events
        .all()
        .iter()
        .filter_map(|event| match event {
            Event::Started(names) => Some(format!("{} collections", names.len())),
            Event::CollectionStarted(name) => Some(format!("{name} begins")),
            Event::CollectionFinished(name, report) => {
                Some(format!("{name} ends with {}", report.created))
            }
            _ => None,
        })
        .collect();
    let expected = [
        "3 collections",
        "agencies begins",
        "agencies ends with 4",
        "schools begins",
        "schools ends with 4",
        "students begins",
        "students ends with 4",
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn what_is_depended_on_through_a_collection_left_out_is_still_waited_for() {
    let world = World::new("z_first: ; middle: z_first; a_last: middle; apart:");
    for name in ["z_first", "middle", "a_last", "apart"] {
        world.source.set(name, things(9, 1));
    }
    let mut run = world.ready();
    run.only = vec!["a_last", "z_first"];
    completed(&run.go().await);
    let spans = spans(&world);
    assert_eq!(spans.len(), 2);
    assert!(spans["z_first"].1 < spans["a_last"].0);
    world.send().await;
    world.check_in_step();
    assert_eq!(world.target.journal().len(), 36);
}

#[tokio::test]
async fn more_collections_than_are_read_together_all_arrive() {
    let names: Vec<String> = (0..40).map(|number| format!("c{number}")).collect();
    let world = World::new(&names.join(";"));
    for name in &names {
        world.source.set(name, things(5, 1));
    }
    let report = world.send().await;
    world.check_in_step();
    assert!(
        report
            .collections
            .values()
            .all(|report| report.finished && report.created == 5)
    );
}

#[tokio::test]
async fn a_run_of_no_collections_is_done_at_once() {
    let world = World::new("");
    assert!(world.send().await.collections.is_empty());
}
