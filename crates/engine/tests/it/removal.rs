//! Deleting goes against the load order, asks the target and not the ledger, and leaves nothing
//! owed.

use std::sync::Arc;

use syncline_engine::{Spooled, Verb};
use syncline_model::FailureClass;
use syncline_testkit::fixtures::{payload, referring};

use crate::world::{World, completed, of};

/// Agencies and schools that refer to them, on both sides.
async fn sent() -> World {
    let world = World::new("agencies: ; schools: agencies");
    world
        .source
        .set("agencies", (0..3).map(|id| payload(id, 1)));
    let school = |id| referring(id, &[&format!("agencies/{}", id % 3)], 1);
    world.source.set("schools", (0..30).map(school));
    world.send().await;
    world.target.forget_journal();
    world
}

#[tokio::test]
async fn what_was_sent_is_deleted_in_reverse_order_and_known_to_be_gone() {
    let world = sent().await;
    let mut run = world.ready();
    run.verb = Verb::Delete;
    let report = run.go().await;
    completed(&report);
    assert_eq!(world.target.size(), 0);
    assert_eq!(
        (
            of(&report, "schools").deleted,
            of(&report, "agencies").deleted
        ),
        (30, 3)
    );
    let order: Vec<String> = world
        .target
        .journal()
        .iter()
        .map(|write| write.collection.to_string())
        .collect();
    let first_agency = order.iter().position(|name| name == "agencies").unwrap();
    assert!(
        order[first_agency..].iter().all(|name| name == "agencies"),
        "{order:?}"
    );
    // The ledger no longer believes that the target holds them: sending writes them again.
    assert_eq!(world.writes_of_another_run().await, 33);
}

#[tokio::test]
async fn what_is_not_there_is_counted_and_is_no_failure() {
    let world = sent().await;
    for _ in 0..2 {
        let mut run = world.ready();
        run.verb = Verb::Delete;
        completed(&run.go().await);
    }
    let mut run = world.ready();
    run.verb = Verb::Delete;
    let report = run.go().await;
    let schools = of(&report, "schools");
    assert_eq!((schools.deleted + schools.missing, schools.failed), (30, 0));
}

#[tokio::test]
async fn a_delete_that_is_declined_is_told_and_neither_owed_nor_rejected() {
    let world = sent().await;
    world
        .target
        .refuse(|attempt| attempt.is("schools", "7").then_some(FailureClass::Content));
    let mut run = world.ready();
    run.verb = Verb::Delete;
    let report = run.go().await;
    let schools = of(&report, "schools");
    assert_eq!((schools.deleted, schools.failed), (29, 1));
    assert_eq!(world.target.size(), 1);
    assert_eq!((report.owed, world.rejects().len()), (0, 0));
    world.target.accept_all();
    // What could not be deleted is still known to be there.
    assert_eq!(world.writes_of_another_run().await, 32);
}

#[tokio::test]
async fn a_whole_target_can_be_emptied_from_its_own_listing() {
    let world = sent().await;
    let mut run = world.ready();
    run.verb = Verb::Delete;
    run.source = Arc::new(Spooled::new(Arc::new(world.target.clone()), world.folder()));
    let report = run.go().await;
    completed(&report);
    assert_eq!(world.target.size(), 0);
    assert_eq!(of(&report, "schools").deleted, 30);
}
