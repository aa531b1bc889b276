//! Copying: collections of a source into a target, straight through.
//!
//! No ledger, no comparison, no lanes: whatever the source hands on goes to the target in the
//! same batches, several collections at a time, each by a task of its own. A collection becomes
//! visible in the target when its reading has come to its end, and not before. One that cannot be
//! read is reported, and the others go on; a source of which nothing at all can be read any more,
//! or a target that cannot be written, ends the run.

mod part;
pub(crate) mod related;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};
use syncline_model::{Catalog, Collection, CollectionName, Scope};
use syncline_store::layers::TrafficCounts;
use syncline_store::{ErrorKind, Store, StoreError};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{Ending, EngineError, Event, Observer, Progress, RunReport};
use part::{Fault, Part};
use related::Related;

/// Collections that are read at the same time at most.
const COLLECTIONS_TOGETHER: usize = 4;
/// How often progress is told.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// What is to be copied.
pub struct CopyJob {
    /// Where records come from.
    pub source: Arc<dyn Store>,
    /// Where they go.
    pub target: Arc<dyn Store>,
    /// Which collections, as the source describes them, in the order in which they begin.
    pub collections: Vec<Arc<Collection>>,
    /// Which part of each.
    pub scope: Scope,
    /// How what the records refer to is followed, if it is to be copied too.
    pub related: Option<Following>,
}

/// How what copied records refer to is followed.
pub struct Following {
    /// What the source says of itself.
    pub catalog: Catalog,
    /// What records refer to besides what the catalog tells.
    pub more: Option<MoreReferences>,
    /// Where it is remembered what was asked for and found, for a run that goes on with this one.
    pub journal: Option<PathBuf>,
    /// Collections that the run which is gone on with has copied whole; they are not among those
    /// to copy, and what they refer to is in the journal.
    pub done: BTreeSet<CollectionName>,
}

/// Names what a payload refers to, whatever collection it is of.
pub type MoreReferences = Arc<dyn Fn(&Value) -> Vec<Named> + Send + Sync>;

/// A record that is named by the fields of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its collection.
    pub collection: CollectionName,
    /// The fields of its key, by their names.
    pub members: Map<String, Value>,
}

impl fmt::Debug for Following {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Following")
            .field("journal", &self.journal)
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for CopyJob {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CopyJob")
            .field("collections", &self.collections.len())
            .field("related", &self.related.is_some())
            .finish_non_exhaustive()
    }
}

/// What every part of a copy can reach.
struct Shared {
    source: Arc<dyn Store>,
    target: Arc<dyn Store>,
    scope: Scope,
    related: Option<Related>,
    observer: Arc<dyn Observer>,
    /// Cancelled when the run is told to stop, and when it cannot go on.
    stop: CancellationToken,
    /// Batches that have come from the source: a sign that it is there.
    batches: AtomicU64,
}

type Parts = BTreeMap<CollectionName, Arc<Part>>;

/// Copies to the end, or until `stop` is cancelled. Whatever happens, the report says what was
/// read, and which collections are complete in the target.
pub async fn copy(job: CopyJob, observer: Arc<dyn Observer>, stop: CancellationToken) -> RunReport {
    let started = now();
    let names: Vec<CollectionName> = job
        .collections
        .iter()
        .map(|collection| collection.name.clone())
        .collect();
    observer.on(&Event::Started(names));
    let related = job.related.map(|following| {
        let related = Related::open(following, &job.scope, &job.collections);
        related.map_err(EngineError::from)
    });
    let related = match related.transpose() {
        Ok(related) => related,
        Err(error) => return RunReport::of_nothing(started, error),
    };
    let shared = Arc::new(Shared {
        related,
        source: job.source,
        target: job.target,
        scope: job.scope,
        observer,
        stop: stop.child_token(),
        batches: AtomicU64::new(0),
    });
    let mut parts: Parts = job
        .collections
        .into_iter()
        .map(|collection| (collection.name.clone(), Arc::new(Part::new(collection))))
        .collect();
    let ticker = tokio::spawn(tick(Arc::clone(&shared), parts.values().cloned().collect()));
    let result = go(&shared, &mut parts).await;
    ticker.abort();
    // It shares the target, which is free when this returns.
    let _aborted = ticker.await;
    let all: Vec<Arc<Part>> = parts.values().cloned().collect();
    tell_progress(&shared, &all);
    let ending = match result {
        Err(error) => Ending::Failed(error),
        Ok(()) if stop.is_cancelled() => Ending::Interrupted,
        Ok(()) => Ending::Completed,
    };
    report(started, ending, &parts, &shared)
}

/// Everything between the first record and the last collection made visible.
async fn go(shared: &Arc<Shared>, parts: &mut Parts) -> Result<(), EngineError> {
    let mut waiting = parts.values().cloned().collect::<Vec<_>>().into_iter();
    let mut running = JoinSet::new();
    let mut first_error = None;
    let mut end = None;
    loop {
        while running.len() < COLLECTIONS_TOGETHER && !shared.stop.is_cancelled() {
            let Some(part) = waiting.next() else {
                break;
            };
            running.spawn(one(Arc::clone(shared), part));
        }
        match running.join_next().await {
            None => break,
            Some(Ok(None)) => {}
            Some(Ok(Some(Fault::Alone(error)))) => {
                first_error.get_or_insert(error);
            }
            // The others end at their next batch, so that nothing is written any more.
            Some(Ok(Some(Fault::Everything(error)))) => {
                shared.stop.cancel();
                end.get_or_insert(EngineError::from(error));
            }
            Some(Err(_)) => {
                shared.stop.cancel();
                end.get_or_insert(EngineError::Defect);
            }
        }
    }
    if let Some(error) = end {
        return Err(error);
    }
    if shared.stop.is_cancelled() {
        return Ok(());
    }
    if shared.related.is_some() {
        related::follow(shared, parts).await?;
        for part in parts.values() {
            part.complete(shared).await?;
        }
    }
    // Where nothing at all could be read, the reason is one for all.
    match first_error {
        Some(error) if parts.values().all(|part| part.has_failed()) => Err(error.into()),
        _ => Ok(()),
    }
}

/// One collection from its first record to its last.
async fn one(shared: Arc<Shared>, part: Arc<Part>) -> Option<Fault> {
    let name = part.name().clone();
    shared.observer.on(&Event::CollectionStarted(name.clone()));
    let fault = part.copy(&shared).await.err();
    if let Some(Fault::Alone(error)) = &fault {
        part.fail(error);
    }
    if !shared.stop.is_cancelled() && !matches!(fault, Some(Fault::Everything(_))) {
        let report = Box::new(part.report());
        shared.observer.on(&Event::CollectionFinished(name, report));
    }
    fault
}

impl Shared {
    /// Whether nothing more can come to a collection once it has been read.
    fn completes_at_once(&self, name: &CollectionName) -> bool {
        self.related
            .as_ref()
            .is_none_or(|related| related.is_whole(name))
    }

    fn note_batch(&self) -> u64 {
        self.batches.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// What an error of the source means: a collection that fails while others do not is at
    /// fault itself.
    fn fault(&self, error: StoreError, seen: u64) -> Fault {
        let others = self.batches.load(Ordering::Relaxed) > seen;
        match error.kind {
            ErrorKind::Local => Fault::Everything(error),
            ErrorKind::Unavailable if !others => Fault::Everything(error),
            _ => Fault::Alone(error),
        }
    }
}

/// Tells how far everything is until it is stopped.
async fn tick(shared: Arc<Shared>, parts: Vec<Arc<Part>>) {
    let mut interval = tokio::time::interval(PROGRESS_EVERY);
    let mut stopping = false;
    loop {
        interval.tick().await;
        tell_progress(&shared, &parts);
        if shared.stop.is_cancelled() && !stopping {
            stopping = true;
            shared.observer.on(&Event::Stopping);
        }
    }
}

fn tell_progress(shared: &Shared, parts: &[Arc<Part>]) {
    let progress = Progress {
        collections: parts.iter().map(|part| part.progress()).collect(),
        limit: COLLECTIONS_TOGETHER,
        traffic: traffic(shared),
    };
    shared.observer.on(&Event::Progress(progress));
}

/// Batches stand for requests: the source does not tell how many it took.
fn traffic(shared: &Shared) -> TrafficCounts {
    TrafficCounts {
        attempts: shared.batches.load(Ordering::Relaxed),
        ..TrafficCounts::default()
    }
}

fn report(started: f64, ending: Ending, parts: &Parts, shared: &Shared) -> RunReport {
    RunReport {
        started,
        ended: now(),
        ending,
        collections: parts
            .iter()
            .map(|(name, part)| (name.clone(), part.report()))
            .collect(),
        traffic: traffic(shared),
        owed: 0,
    }
}

/// Unix seconds with fractions.
fn now() -> f64 {
    Timestamp::now().as_duration().as_secs_f64()
}
