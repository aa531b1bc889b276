//! Copying whole collections: what becomes visible when, and what one that fails means for the
//! others.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use syncline_engine::{CopyJob, Ending, EngineError, Event, Following, RunReport, copy};
use syncline_model::{
    Catalog, Change, Collection, CollectionName, FailureClass, Mark, Outcome, Scope,
};
use syncline_store::{BatchStream, ErrorKind, Query, Result, Store, StoreError, WriteContext};
use syncline_testkit::{Gate, MemoryStore, ReadingEnd, fixtures};
use tokio_util::sync::CancellationToken;

use crate::world::Events;

/// A target that notes which collections were completed, and what was written after that.
struct Noting {
    inner: MemoryStore,
    completed: Mutex<BTreeSet<String>>,
}

#[async_trait]
impl Store for Noting {
    async fn describe(&self) -> Result<Catalog> {
        self.inner.describe().await
    }

    async fn read(&self, query: Query) -> Result<BatchStream> {
        self.inner.read(query).await
    }

    async fn write(&self, changes: &[Change], context: &WriteContext) -> Result<Vec<Outcome>> {
        let name = context.collection.name.as_str();
        assert!(
            !self.completed.lock().unwrap().contains(name),
            "{name} was complete"
        );
        self.inner.write(changes, context).await
    }

    async fn confirm(&self, upto: &Mark) -> Result<()> {
        self.inner.confirm(upto).await
    }

    async fn complete(&self, collection: &Collection) -> Result<()> {
        let name = collection.name.as_str().to_owned();
        assert!(
            self.completed.lock().unwrap().insert(name),
            "completed twice"
        );
        Ok(())
    }
}

/// A source that fails for some collections, with an error of a kind.
struct Failing {
    inner: MemoryStore,
    names: Vec<&'static str>,
    kind: ErrorKind,
}

#[async_trait]
impl Store for Failing {
    async fn describe(&self) -> Result<Catalog> {
        self.inner.describe().await
    }

    async fn read(&self, query: Query) -> Result<BatchStream> {
        if self.names.contains(&query.collection.name.as_str()) {
            // The others are read meanwhile.
            tokio::time::sleep(Duration::from_millis(50)).await;
            return Err(StoreError::new(self.kind, "it cannot be read"));
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

struct Desk {
    source: MemoryStore,
    target: Arc<Noting>,
    events: Arc<Events>,
    stop: CancellationToken,
    related: bool,
    journal: Option<PathBuf>,
    done: BTreeSet<CollectionName>,
    only: Vec<&'static str>,
}

impl Desk {
    fn new(dependencies: &str) -> Self {
        let catalog = fixtures::catalog(dependencies);
        let source = MemoryStore::new(catalog.clone());
        let target = Noting {
            inner: MemoryStore::new(catalog),
            completed: Mutex::default(),
        };
        Self {
            source,
            target: Arc::new(target),
            events: Arc::default(),
            stop: CancellationToken::new(),
            related: false,
            journal: None,
            done: BTreeSet::new(),
            only: vec![],
        }
    }

    fn fill(&self, collection: &str, count: usize) {
        let records = (0..count).map(|id| fixtures::payload(id, 1));
        self.source.set(collection, records);
    }

    async fn copy(&self) -> RunReport {
        self.copy_from(Arc::new(self.source.clone())).await
    }

    async fn copy_from(&self, source: Arc<dyn Store>) -> RunReport {
        let catalog = self.source.catalog();
        let wanted = |collection: &Arc<Collection>| {
            self.only.is_empty() || self.only.contains(&collection.name.as_str())
        };
        let job = CopyJob {
            source,
            target: Arc::clone(&self.target) as Arc<_>,
            collections: fixtures::all(catalog).into_iter().filter(wanted).collect(),
            scope: Scope::Whole,
            related: self.related.then(|| Following {
                catalog: catalog.clone(),
                more: None,
                journal: self.journal.clone(),
                done: self.done.clone(),
            }),
        };
        let copying = copy(job, Arc::clone(&self.events) as Arc<_>, self.stop.clone());
        tokio::time::timeout(Duration::from_secs(20), copying)
            .await
            .unwrap()
    }

    fn completed(&self) -> BTreeSet<String> {
        self.target.completed.lock().unwrap().clone()
    }
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn everything_arrives_byte_by_byte_and_becomes_visible() {
    let desk = Desk::new("a:; b:; c:; d:; e:; f:");
    for (name, count) in [
        ("a", 0),
        ("b", 1),
        ("c", 100),
        ("d", 101),
        ("e", 1234),
        ("f", 7),
    ] {
        desk.fill(name, count);
    }
    let report = desk.copy().await;
    assert!(matches!(report.ending, Ending::Completed), "{report:?}");
    assert_eq!(desk.target.inner.contents(), desk.source.contents());
    assert_eq!(desk.completed(), names(&["a", "b", "c", "d", "e", "f"]));
    assert_eq!(report.collections["e"].copied, 1234);
    let finished = desk
        .events
        .count(|event| matches!(event, Event::CollectionFinished(..)));
    assert_eq!(finished, 6);
}

#[tokio::test]
async fn a_reading_that_breaks_off_becomes_no_collection() {
    for end in [ReadingEnd::Error, ReadingEnd::Silence] {
        let desk = Desk::new("things:; others:");
        desk.fill("things", 500);
        desk.fill("others", 3);
        desk.source.end_reading("things", 2, end);
        let report = desk.copy().await;
        assert!(!desk.completed().contains("things"), "{end:?}");
        assert!(!report.collections["things"].finished, "{end:?}");
    }
}

#[tokio::test]
async fn a_collection_that_cannot_be_read_does_not_keep_the_others() {
    for kind in [
        ErrorKind::Denied,
        ErrorKind::NotFound,
        ErrorKind::InvalidData,
        ErrorKind::Unavailable,
    ] {
        let desk = Desk::new("a:; b:; c:");
        for name in ["a", "b", "c"] {
            desk.fill(name, 5);
        }
        let source = Failing {
            inner: desk.source.clone(),
            names: vec!["b"],
            kind,
        };
        let report = desk.copy_from(Arc::new(source)).await;
        assert!(
            matches!(report.ending, Ending::Completed),
            "{kind:?}: {report:?}"
        );
        assert_eq!(desk.completed(), names(&["a", "c"]), "{kind:?}");
        let error = report.collections["b"].error.as_deref();
        assert_eq!(error, Some("it cannot be read"));
    }
}

#[tokio::test]
async fn where_nothing_can_be_read_the_run_fails_with_the_reason() {
    for kind in [ErrorKind::Denied, ErrorKind::Unavailable] {
        let desk = Desk::new("a:; b:");
        let source = Failing {
            inner: desk.source.clone(),
            names: vec!["a", "b"],
            kind,
        };
        let report = desk.copy_from(Arc::new(source)).await;
        let Ending::Failed(EngineError::Store(error)) = report.ending else {
            panic!("{:?}", report.ending);
        };
        assert_eq!(error.kind, kind);
        assert_eq!(desk.completed(), BTreeSet::new());
    }
}

#[tokio::test]
async fn a_run_that_is_stopped_completes_nothing_it_has_not_read() {
    let desk = Desk::new("things:");
    desk.fill("things", 1000);
    let gate = Gate::default();
    desk.source.hold_reading("things", 3, &gate);
    let stopping = async {
        while desk.target.inner.size() == 0 {
            tokio::task::yield_now().await;
        }
        desk.stop.cancel();
    };
    let (report, ()) = tokio::join!(desk.copy(), stopping);
    assert!(matches!(report.ending, Ending::Interrupted), "{report:?}");
    assert_eq!(desk.completed(), BTreeSet::new());
}

#[tokio::test]
async fn what_the_target_refuses_is_counted_with_its_reason() {
    let desk = Desk::new("things:");
    desk.fill("things", 10);
    let target = &desk.target.inner;
    target.refuse(|attempt| attempt.is("things", "3").then_some(FailureClass::Content));
    let report = desk.copy().await;
    let things = &report.collections["things"];
    assert_eq!((things.read, things.copied, things.failed), (10, 9, 1));
    assert_eq!(things.failures[0].count, 1);
}

#[tokio::test]
async fn collections_that_are_related_complete_together_at_the_end() {
    let mut desk = Desk::new("a:; b:");
    desk.related = true;
    desk.only = vec!["a"];
    desk.fill("a", 4);
    desk.fill("b", 4);
    let report = desk.copy().await;
    assert!(matches!(report.ending, Ending::Completed), "{report:?}");
    // Nothing refers to `b`, so it is not touched.
    assert_eq!(desk.completed(), names(&["a"]));
}
