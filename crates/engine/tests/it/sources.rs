//! Sources that break off, hold what is no record, or change while they are read.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use syncline_engine::{Ending, Event};
use syncline_model::{Catalog, Change, Coverage, Mark, Outcome, Scope};
use syncline_store::{BatchStream, Query, Result, Store, WriteContext};
use syncline_testkit::fixtures::{catalog, payload};
use syncline_testkit::{MemoryStore, ReadingEnd};

use crate::world::{Run, World, completed, of, things};

#[tokio::test]
async fn a_first_reading_that_breaks_off_fails_the_run_and_covers_nothing() {
    for end in [ReadingEnd::Error, ReadingEnd::Silence] {
        for after in [0, 1, 150] {
            let world = World::of_things(300);
            world.source.end_reading("things", after, end);
            let report = world.ready().go().await;
            assert!(
                matches!(report.ending, Ending::Failed(_)),
                "{end:?} {after}: {report:?}"
            );
            assert_eq!(of(&report, "things").coverage, None);
            assert!(!of(&report, "things").finished, "{end:?} {after}");
            assert!(world.target.size() <= after);
            world.source.read_whole();
            let report = world.send().await;
            let expected = Some(Coverage::Complete(Scope::Whole));
            assert_eq!(of(&report, "things").coverage, expected);
            world.check_in_step();
            assert_eq!(
                world.target.journal().len(),
                300,
                "nothing is written twice"
            );
        }
    }
}

#[tokio::test]
async fn a_comparison_whose_reading_breaks_off_sends_nothing() {
    for end in [ReadingEnd::Error, ReadingEnd::Silence] {
        let world = World::of_things(300);
        world.send().await;
        world.target.forget_journal();
        world.source.set("things", things(350, 1));
        world.source.end_reading("things", 320, end);
        let report = world.ready().go().await;
        assert!(
            matches!(report.ending, Ending::Failed(_)),
            "{end:?}: {report:?}"
        );
        assert_eq!(of(&report, "things").coverage, None);
        assert_eq!(world.target.journal(), []);
        world.source.read_whole();
        world.send().await;
        world.check_in_step();
    }
}

#[tokio::test]
async fn a_collection_whose_source_fails_does_not_lose_what_others_have_sent() {
    let world = World::new("good: ; bad:");
    world.source.set("good", things(50, 1));
    world.source.set("bad", things(50, 1));
    world.source.end_reading("bad", 20, ReadingEnd::Error);
    let report = world.ready().go().await;
    assert!(matches!(report.ending, Ending::Failed(_)));
    let before = world.target.size();
    world.source.read_whole();
    let report = world.send().await;
    let created = of(&report, "good").created + of(&report, "bad").created;
    assert_eq!(usize::try_from(created).unwrap() + before, 100);
    assert_eq!(world.target.journal().len(), 100);
}

#[tokio::test]
async fn a_collection_the_source_does_not_have_is_not_an_empty_one() {
    let world = World::of_things(10);
    let mut run = world.ready();
    run.source = Arc::new(MemoryStore::new(catalog("others:")));
    let report = run.go().await;
    assert!(matches!(report.ending, Ending::Failed(_)), "{report:?}");
}

/// Twenty records with three lines among them that are none.
fn spoiled(version: u64) -> Vec<Bytes> {
    let mut lines = things(20, version);
    lines.insert(0, Bytes::from_static(b"{\"id\":"));
    lines.insert(11, Bytes::from_static(b"[1,2]"));
    lines.push(Bytes::from_static(b"{\"id\":\"\xff\"}"));
    lines
}

#[tokio::test]
async fn lines_that_are_no_records_are_told_and_do_not_stop_the_rest() {
    let world = World::new("things:");
    for (version, accepted) in [(1, 20), (2, 20), (2, 0)] {
        world.source.set("things", spoiled(version));
        world.target.forget_journal();
        let run = world.ready();
        let events = Arc::clone(&run.events);
        let report = run.go().await;
        completed(&report);
        assert_eq!(world.target.journal().len(), accepted);
        world.check_in_step();
        let things = of(&report, "things");
        assert_eq!((things.read, things.unreadable, things.failed), (20, 3, 3));
        assert!(matches!(&things.coverage, Some(Coverage::Partial(_))));
        let mut lines: Vec<u64> = things
            .failures
            .iter()
            .flat_map(|group| group.lines.clone())
            .collect();
        lines.sort_unstable();
        assert_eq!(lines, [1, 12, 23]);
        assert_eq!(
            events.count(|event| matches!(event, Event::Rejected { .. })),
            3
        );
        let mut rejects = world.rejects();
        // A further run adds to the file.
        let rejects = rejects.split_off(rejects.len() - 3);
        let lines: Vec<&serde_json::Value> = rejects.iter().map(|reject| &reject["line"]).collect();
        assert_eq!(lines, [1, 12, 23]);
        assert_eq!(
            (&rejects[0]["body"], &rejects[1]["body"]),
            (&"{\"id\":".into(), &serde_json::json!([1, 2]))
        );
    }
}

type Alteration = Box<dyn FnOnce(&MemoryStore) + Send>;

/// A source that changes after it was compared and before it is read again.
struct Restless {
    inner: MemoryStore,
    alteration: Mutex<Option<Alteration>>,
}

#[async_trait]
impl Store for Restless {
    async fn describe(&self) -> Result<Catalog> {
        self.inner.describe().await
    }

    async fn read(&self, query: Query) -> Result<BatchStream> {
        if matches!(query.scope, Scope::At(_))
            && let Some(alter) = self.alteration.lock().unwrap().take()
        {
            alter(&self.inner);
        }
        self.inner.read(query).await
    }

    async fn write(&self, changes: &[Change], context: &WriteContext) -> Result<Vec<Outcome>> {
        self.inner.write(changes, context).await
    }

    async fn confirm(&self, upto: &Mark) -> Result<()> {
        self.inner.confirm(upto).await
    }
}

/// A run whose source changes after it was compared.
pub(crate) async fn altered(
    world: &World,
    mut run: Run,
    alter: impl FnOnce(&MemoryStore) + Send + 'static,
) -> syncline_engine::RunReport {
    world.target.forget_journal();
    run.source = Arc::new(Restless {
        inner: world.source.clone(),
        alteration: Mutex::new(Some(Box::new(alter))),
    });
    let report = run.go().await;
    completed(&report);
    report
}

#[tokio::test]
async fn bytes_that_changed_after_they_were_compared_are_not_sent() {
    let world = World::of_things(10);
    world.send().await;
    let mut lines = things(12, 1);
    lines[3] = payload(3, 2);
    world.source.set("things", lines);
    let report = altered(&world, world.ready(), |source| {
        let mut lines = things(12, 1);
        // The same length, so that every place still holds a record.
        lines[3] = payload(3, 9);
        lines[10] = payload(77, 1);
        source.set("things", lines);
    })
    .await;
    let written: Vec<Bytes> = world
        .target
        .journal()
        .into_iter()
        .map(|write| write.payload)
        .collect();
    assert_eq!(
        written,
        [payload(11, 1)],
        "only what is still as it was compared"
    );
    assert_eq!(of(&report, "things").failed, 2);
    world.send().await;
    world.check_in_step();
}

#[tokio::test]
async fn places_that_hold_no_record_any_more_are_told() {
    let world = World::of_things(10);
    world.send().await;
    world.source.set("things", things(14, 1));
    let report = altered(&world, world.ready(), |source| {
        source.set("things", things(12, 1));
    })
    .await;
    assert_eq!(of(&report, "things").created, 2);
    assert_eq!(of(&report, "things").failed, 2);
}

#[tokio::test]
async fn a_file_that_became_shorter_does_not_spoil_the_next_one() {
    let world = World::of_things(1);
    world.send().await;
    let second = || (20..25).map(|id| payload(id, 1));
    world
        .source
        .add_unit("things", "a.jsonl", (10..15).map(|id| payload(id, 1)));
    world.source.add_unit("things", "b.jsonl", second());
    let report = altered(&world, world.ready(), move |source| {
        source.set("things", things(1, 1));
        source.add_unit("things", "b.jsonl", second());
    })
    .await;
    let things = of(&report, "things");
    assert_eq!(
        (things.created, things.failed),
        (5, 5),
        "{:?}",
        things.failures
    );
}

/// A target that breaks the contract: it answers nothing at all.
struct Mute(MemoryStore);

#[async_trait]
impl Store for Mute {
    async fn describe(&self) -> Result<Catalog> {
        self.0.describe().await
    }

    async fn read(&self, query: Query) -> Result<BatchStream> {
        self.0.read(query).await
    }

    async fn write(&self, _: &[Change], _: &WriteContext) -> Result<Vec<Outcome>> {
        Ok(Vec::new())
    }

    async fn confirm(&self, _: &Mark) -> Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_write_without_an_outcome_is_not_taken_for_done() {
    let world = World::of_things(5);
    let mut run = world.ready();
    run.target = Arc::new(Mute(world.target.clone()));
    let report = run.go().await;
    completed(&report);
    assert_eq!((of(&report, "things").failed, report.owed), (5, 5));
    assert_eq!(world.send().await.owed, 0);
    world.check_in_step();
}
