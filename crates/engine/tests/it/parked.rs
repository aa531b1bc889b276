//! Records that refer to what is not there yet wait, and are forgotten by nobody.

use std::sync::Arc;

use syncline_engine::Event;
use syncline_ledger::OwedClass;
use syncline_model::FailureClass;
use syncline_testkit::fixtures::{payload, referring};

use crate::world::{World, completed, of, things};

fn is_rejected(event: &Event) -> bool {
    matches!(event, Event::Rejected { .. })
}

#[tokio::test]
async fn a_child_before_its_parent_in_one_file_arrives_in_the_same_run() {
    let world = World::new("agencies: agencies; schools: agencies");
    world.target.check_references();
    let chain = (0..8).rev().map(|id| match id {
        0 => payload(0, 1),
        _ => referring(id, &[&format!("agencies/{}", id - 1)], 1),
    });
    world.source.set("agencies", chain);
    world
        .source
        .set("schools", [referring(1, &["agencies/7"], 1)]);
    let run = world.ready();
    let events = Arc::clone(&run.events);
    let report = run.go().await;
    completed(&report);
    world.check_in_step();
    let agencies = of(&report, "agencies");
    assert_eq!(
        (agencies.created, agencies.failed, agencies.read),
        (8, 0, 8)
    );
    assert!(agencies.caught_up > 0);
    assert_eq!(
        (
            report.owed,
            events.count(is_rejected),
            world.rejects().len()
        ),
        (0, 0, 0)
    );
    // Schools wait until the agencies have caught up, so theirs is written once.
    let schools = world.target.journal();
    let schools = schools
        .iter()
        .filter(|write| write.collection.as_str() == "schools");
    assert_eq!(schools.count(), 1);
    assert_eq!(world.writes_of_another_run().await, 0);
}

#[tokio::test]
async fn a_reference_against_the_order_of_collections_is_resolved_before_the_run_ends() {
    let world = World::new("early: ; late: early");
    world.target.check_references();
    world
        .source
        .set("early", [referring(1, &["late/9"], 1), payload(2, 1)]);
    world
        .source
        .set("late", [payload(9, 1), referring(8, &["early/1"], 1)]);
    let report = world.send().await;
    world.check_in_step();
    assert_eq!(report.owed, 0);
    assert_eq!(
        (
            of(&report, "early").caught_up,
            of(&report, "late").caught_up
        ),
        (1, 1)
    );
    assert_eq!(
        (of(&report, "early").failed, of(&report, "late").failed),
        (0, 0)
    );
}

#[tokio::test]
async fn what_is_refused_until_something_else_is_there_waits_for_it() {
    let world = World::of_things(40);
    world.target.refuse_until(("things", "0"), ("things", "39"));
    world
        .target
        .refuse_until(("things", "39"), ("things", "20"));
    world.send().await;
    world.check_in_step();
}

#[tokio::test]
async fn what_never_resolves_is_owed_told_once_and_offered_again_without_its_file() {
    let world = World::new("parents: ; children: parents");
    world.target.check_references();
    world.source.set("parents", [payload(1, 1)]);
    let orphan = referring(5, &["parents/77"], 1);
    world.source.set(
        "children",
        [referring(4, &["parents/1"], 1), orphan.clone()],
    );
    let run = world.ready();
    let events = Arc::clone(&run.events);
    let report = run.go().await;
    completed(&report);
    let children = of(&report, "children");
    assert_eq!((children.created, children.failed, report.owed), (1, 1, 1));
    assert_eq!(
        (children.failures.len(), children.failures[0].status),
        (1, 409)
    );
    assert_eq!(children.failures[0].lines, [2]);
    assert_eq!(events.count(is_rejected), 1);
    let rejects = world.rejects();
    assert_eq!(rejects.len(), 1);
    assert_eq!(
        (&rejects[0]["file"], &rejects[0]["line"], &rejects[0]["key"]),
        (&"children.jsonl".into(), &2.into(), &"[\"5\"]".into())
    );
    assert_eq!(rejects[0]["body"]["id"], "5");
    let owed = world.owed();
    assert_eq!(
        owed[0].class,
        OwedClass::Failed(FailureClass::MissingReference)
    );
    assert_eq!(
        (&owed[0].payload, owed[0].origin.as_str()),
        (&orphan, "children.jsonl:2")
    );

    // The file forgets the orphan, and its parent comes.
    world
        .source
        .set("children", [referring(4, &["parents/1"], 1)]);
    world.source.set("parents", [payload(1, 1), payload(77, 1)]);
    let report = world.send().await;
    assert_eq!((report.owed, of(&report, "children").caught_up), (0, 1));
    assert_eq!(world.target.contents()["children"].len(), 2);
    assert!(
        world.target.contents()["children"]
            .values()
            .any(|payload| *payload == orphan)
    );
    assert_eq!(world.writes_of_another_run().await, 0);
}

#[tokio::test]
async fn what_is_owed_from_before_gives_way_to_newer_content() {
    let world = World::new("parents: ; children: parents");
    world.target.check_references();
    world
        .source
        .set("children", [referring(5, &["parents/77"], 1)]);
    world.source.set("parents", [payload(1, 1)]);
    world.send().await;
    world.source.set("parents", [payload(1, 1), payload(77, 1)]);
    world
        .source
        .set("children", [referring(5, &["parents/77"], 2)]);
    let report = world.send().await;
    world.check_in_step();
    assert_eq!((report.owed, of(&report, "children").created), (0, 1));
}

#[tokio::test]
async fn more_than_a_page_of_parked_records_are_all_offered_again() {
    let world = World::new("early: ; late: early");
    world.target.check_references();
    world
        .source
        .set("early", (0..300).map(|id| referring(id, &["late/1"], 1)));
    world.source.set("late", things(3, 1));
    let report = world.send().await;
    world.check_in_step();
    assert_eq!((of(&report, "early").caught_up, report.owed), (300, 0));
    assert_eq!(world.target.journal().len(), 603);
}

#[tokio::test]
async fn a_record_refused_otherwise_when_offered_again_is_told_once() {
    let world = World::new("early: ; late: early");
    world.source.set("early", things(3, 1));
    world.source.set("late", things(1, 1));
    world.target.refuse(|attempt| {
        let class = if attempt.holds("late", "0") {
            FailureClass::Content
        } else {
            FailureClass::MissingReference
        };
        attempt.is("early", "2").then_some(class)
    });
    let run = world.ready();
    let events = Arc::clone(&run.events);
    let report = run.go().await;
    completed(&report);
    assert_eq!((of(&report, "early").failed, report.owed), (1, 1));
    assert_eq!((events.count(is_rejected), world.rejects().len()), (1, 1));
}

#[tokio::test]
async fn progress_counts_each_record_once_whatever_became_of_it() {
    let world = World::new("early: ; late: early");
    world.target.check_references();
    world.target.refuse(|attempt| {
        let is_refused = attempt.is("early", "3") && attempt.holds("late", "1");
        is_refused.then_some(FailureClass::Content)
    });
    let early = (0..10).map(|id| match id {
        0 => referring(id, &["late/77"], 1),
        _ => referring(id, &["late/1"], 1),
    });
    world.source.set("early", early);
    world.source.set("late", things(3, 1));
    for _ in 0..2 {
        let run = world.ready();
        let events = Arc::clone(&run.events);
        completed(&run.go().await);
        let progress = events
            .all()
            .into_iter()
            .rev()
            .find_map(|event| match event {
                Event::Progress(progress) => Some(progress),
                _ => None,
            });
        for collection in progress.unwrap().collections {
            let counted = collection.accepted + collection.declined + collection.unchanged;
            assert_eq!(
                (counted, collection.finished),
                (collection.read, true),
                "{collection:?}"
            );
        }
    }
}
