//! What every part of a run can reach, and how a run is stopped.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use syncline_ledger::{Ledger, RunId, ScopeId};
use syncline_model::{Catalog, Change, CollectionName, Outcome};
use syncline_store::Store;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::outcomes::OutcomeFile;
use crate::rejects::{Reject, RejectFile};
use crate::{Baseline, EngineError, Observer, Prune, Settings, Verb};

/// What every part of a run can reach.
pub(crate) struct Context {
    pub(crate) source: Arc<dyn Store>,
    pub(crate) target: Arc<dyn Store>,
    pub(crate) catalog: Catalog,
    pub(crate) ledger: Arc<Mutex<Ledger>>,
    pub(crate) scope: ScopeId,
    pub(crate) run: RunId,
    /// When the run began, in Unix seconds.
    pub(crate) started: i64,
    pub(crate) verb: Verb,
    pub(crate) baseline: Baseline,
    pub(crate) prune: Option<Prune>,
    /// Records the source had when it was last read completely; looked up only to prune.
    pub(crate) previous_sizes: BTreeMap<CollectionName, u64>,
    pub(crate) settings: Settings,
    pub(crate) rejects: RejectFile,
    pub(crate) outcomes: OutcomeFile,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) stop: Stop,
    /// Wakes the recorder before its time.
    pub(crate) hurry: Notify,
    /// Wakes whoever waits until the ledger knows of a change.
    pub(crate) announced: Notify,
}

impl Context {
    /// Whether the source is known to have nothing of a collection, not even something empty.
    pub(crate) fn is_without_source(&self, name: &CollectionName) -> bool {
        let prune = self.prune.as_ref();
        prune.is_some_and(|prune| prune.without_source.contains(name))
    }

    /// Records the source had of a collection when it was last read completely.
    pub(crate) fn previous_size(&self, name: &CollectionName) -> Option<u64> {
        self.previous_sizes.get(name).copied()
    }

    /// Notes what became of a change; a run that cannot say so does not go on.
    pub(crate) fn note_outcome(&self, name: &CollectionName, of: (&Change, &Outcome)) {
        if let Err(error) = self.outcomes.note(name, of) {
            self.stop.fail(error.into());
        }
    }

    /// Adds to the reject file; a run that cannot say what was declined does not go on.
    pub(crate) fn reject(&self, reject: &Reject<'_>) {
        if let Err(error) = self.rejects.add(reject) {
            self.stop.fail(error.into());
        }
    }
}

/// Whether and why a run stops.
pub(crate) struct Stop {
    token: CancellationToken,
    error: Mutex<Option<EngineError>>,
}

impl Stop {
    pub(crate) const fn new(token: CancellationToken) -> Self {
        Self {
            token,
            error: Mutex::new(None),
        }
    }

    /// Stops the run for an error; the first one counts.
    pub(crate) fn fail(&self, error: EngineError) {
        lock(&self.error).get_or_insert(error);
        self.token.cancel();
    }

    /// Why the run stopped, if it was for an error; asked once.
    pub(crate) fn take_error(&self) -> Option<EngineError> {
        lock(&self.error).take()
    }

    /// Whether it is for a store that cannot go on.
    pub(crate) fn has_store_failed(&self) -> bool {
        matches!(*lock(&self.error), Some(EngineError::Store(_)))
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Comes back when the run is stopped.
    pub(crate) async fn stopped(&self) {
        self.token.cancelled().await;
    }

    /// Comes back when the run has been stopped for some time.
    pub(crate) async fn stopped_for(&self, time: Duration) {
        self.token.cancelled().await;
        tokio::time::sleep(time).await;
    }
}

/// What is behind a lock; a task that panicked while holding it does not take it with it.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
