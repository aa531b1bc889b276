//! Runs that are killed after the target has taken a change and before anything of that is durable,
//! where what comes next makes it look as if nothing had been changed.

use std::sync::Arc;

use bytes::Bytes;
use syncline_engine::Prune;
use syncline_testkit::Gate;
use syncline_testkit::fixtures::payload;

use crate::silent::Silent;
use crate::world::{Run, World, completed, things};

/// Kills a run once the target has taken a change.
async fn kill(world: &World, mut run: Run) {
    let taken = Gate::default();
    let target = Silent::new(&world.target, &taken);
    run.target = Arc::new(target);
    tokio::select! {
        biased;
        () = taken.pass() => {}
        _ = run.go() => panic!("it came to its end"),
    }
    // What it still held ends with its last task.
    while !world.is_free() {
        tokio::task::yield_now().await;
    }
}

fn pruning(world: &World) -> Run {
    let mut run = world.ready();
    run.prune = Some(Prune {
        allowed: Some(9),
        ..Prune::default()
    });
    run
}

async fn must_hold(world: &World, lines: Vec<Bytes>) {
    world.source.set("things", lines);
    completed(&pruning(world).go().await);
    world.check_in_step();
    assert!(world.owed().is_empty());
}

#[tokio::test]
async fn an_update_that_is_taken_back_in_the_source_is_taken_back_in_the_target() {
    let world = World::of_things(5);
    world.send().await;
    let mut lines = things(5, 1);
    lines[2] = payload(2, 2);
    world.source.set("things", lines);
    kill(&world, world.ready()).await;
    world.source.set("things", things(5, 1));
    world.send().await;
    world.check_in_step();
    assert!(world.owed().is_empty());
    assert_eq!(world.writes_of_another_run().await, 0);
}

#[tokio::test]
async fn an_update_of_a_record_that_then_goes_goes_with_it() {
    let world = World::of_things(5);
    world.send().await;
    let mut lines = things(5, 1);
    lines[2] = payload(2, 2);
    world.source.set("things", lines);
    kill(&world, pruning(&world)).await;
    let mut lines = things(5, 1);
    lines.remove(2);
    must_hold(&world, lines).await;
}

#[tokio::test]
async fn a_record_that_is_gone_before_it_was_known_is_pruned() {
    for known in [0, 4] {
        let world = World::of_things(known);
        completed(&pruning(&world).go().await);
        world.source.set("things", things(5, 1));
        kill(&world, pruning(&world)).await;
        assert!(world.target.size() > known);
        must_hold(&world, things(known.max(1) - 1, 1)).await;
    }
}

#[tokio::test]
async fn a_pruned_record_that_comes_back_is_sent_again() {
    let world = World::of_things(5);
    world.send().await;
    world.source.set("things", things(4, 1));
    kill(&world, pruning(&world)).await;
    assert_eq!(world.target.size(), 4);
    must_hold(&world, things(5, 1)).await;
}

#[tokio::test]
async fn a_change_that_was_held_and_then_made_is_not_taken_for_held() {
    let world = World::of_things(40);
    world.send().await;
    world.source.set("things", things(40, 2));
    assert_eq!(world.send().await.owed, 40);
    let allowing = || {
        let mut run = world.ready();
        run.guards.update_share_max = 1.0;
        run
    };
    kill(&world, allowing()).await;
    world.source.set("things", things(40, 1));
    completed(&allowing().go().await);
    world.check_in_step();
    assert!(world.owed().is_empty());
}

#[tokio::test]
async fn what_was_offered_again_and_then_goes_is_pruned() {
    use syncline_model::FailureClass;
    let world = World::of_things(5);
    world.target.refuse(|attempt| {
        attempt
            .is("things", "2")
            .then_some(FailureClass::MissingReference)
    });
    completed(&pruning(&world).go().await);
    assert_eq!(world.owed().len(), 1);
    world.target.accept_all();
    kill(&world, pruning(&world)).await;
    assert_eq!(world.target.size(), 5);
    let mut lines = things(5, 1);
    lines.remove(2);
    must_hold(&world, lines).await;
}

#[tokio::test]
async fn what_a_run_deletes_by_its_files_is_sent_again() {
    let world = World::of_things(5);
    world.send().await;
    let mut run = world.ready();
    run.verb = syncline_engine::Verb::Delete;
    kill(&world, run).await;
    assert!(world.target.size() < 5);
    world.send().await;
    world.check_in_step();
}
