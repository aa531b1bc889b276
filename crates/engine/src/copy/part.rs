//! One collection's part of a copy.

use std::sync::{Arc, Mutex};

use futures_util::StreamExt as _;
use syncline_model::{Change, Collection, CollectionName, Coverage, Outcome, Record, Scope};
use syncline_store::{Batch, ErrorKind, Query, Rejected, StoreError, Want, WriteContext};

use super::Shared;
use crate::context::lock;
use crate::failures::Failures;
use crate::{CollectionProgress, CollectionReport, EngineError};

/// Why a collection was not copied.
pub(super) enum Fault {
    /// It alone cannot be read.
    Alone(StoreError),
    /// Nothing can be read or written any more.
    Everything(StoreError),
}

pub(super) struct Part {
    context: WriteContext,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    report: CollectionReport,
    failures: Failures,
}

impl Part {
    pub(super) fn new(collection: Arc<Collection>) -> Self {
        Self {
            context: WriteContext { collection },
            state: Mutex::default(),
        }
    }

    pub(super) fn name(&self) -> &CollectionName {
        &self.context.collection.name
    }

    /// Reads the collection and writes what is read; then it becomes visible, unless what it
    /// refers to is still to be copied.
    pub(super) async fn copy(&self, shared: &Shared) -> Result<(), Fault> {
        let mut seen = shared.batches.load(std::sync::atomic::Ordering::Relaxed);
        let query = Query {
            scope: shared.scope.clone(),
            want: match shared.related {
                Some(_) => Want::Records,
                None => Want::Payloads,
            },
            ..Query::records(Arc::clone(&self.context.collection))
        };
        let opened = shared.source.read(query).await;
        let mut stream = opened.map_err(|error| shared.fault(error, seen))?;
        loop {
            let batch = tokio::select! {
                biased;
                () = shared.stop.cancelled() => return Ok(()),
                batch = stream.next() => batch,
            };
            let batch = batch.unwrap_or_else(|| Err(self.broken_off()));
            let batch = batch.map_err(|error| shared.fault(error, seen))?;
            seen = shared.note_batch();
            match batch {
                Batch::Put(records) => {
                    if let Some(related) = &shared.related {
                        let noted = related.note(&self.context.collection, &records);
                        noted.map_err(|error| Fault::Everything(error.into()))?;
                    }
                    let written = self.write(shared, records).await;
                    written.map_err(Fault::Everything)?;
                }
                Batch::Unreadable(items) => self.note_unreadable(&items),
                Batch::End { coverage, .. } => {
                    lock(&self.state).report.coverage = Some(coverage);
                    break;
                }
                // A scan has neither.
                Batch::Gone(_) | Batch::Rekeyed(_) | Batch::Reached(_) => {}
            }
        }
        if shared.completes_at_once(self.name()) {
            let completed = self.complete(shared).await;
            completed.map_err(|error| match error {
                EngineError::Store(error) => Fault::Everything(error),
                other => Fault::Everything(StoreError::new(ErrorKind::Local, other.to_string())),
            })?;
        }
        Ok(())
    }

    /// Writes records as they are.
    pub(super) async fn write(
        &self,
        shared: &Shared,
        records: Vec<Record>,
    ) -> Result<(), StoreError> {
        lock(&self.state).report.read += records.len() as u64;
        let changes: Vec<Change> = records.into_iter().map(Change::create).collect();
        let outcomes = shared.target.write(&changes, &self.context).await?;
        let mut state = lock(&self.state);
        for outcome in outcomes {
            match outcome {
                Outcome::Done { .. } => state.report.copied += 1,
                Outcome::Refused(refusal) | Outcome::Failed(refusal) => {
                    state.failures.add(refusal.status, &refusal.messages, None);
                }
                Outcome::Held(_) => state.report.held += 1,
            }
        }
        Ok(())
    }

    /// Makes the collection visible in the target, if its reading came to its end.
    pub(super) async fn complete(&self, shared: &Shared) -> Result<(), EngineError> {
        let (is_read, is_complete) = {
            let report = &lock(&self.state).report;
            (report.coverage.is_some(), report.finished)
        };
        if !is_read || is_complete {
            return Ok(());
        }
        if let Some(related) = &shared.related {
            related.keep()?;
        }
        shared.target.complete(&self.context.collection).await?;
        lock(&self.state).report.finished = true;
        Ok(())
    }

    /// What is read by single look-ups covers just those, unless the collection was read besides.
    pub(super) fn note_looked_up(&self) {
        let coverage = Coverage::Complete(Scope::Matching(vec![]));
        lock(&self.state).report.coverage.get_or_insert(coverage);
    }

    /// Not everything that was asked for could be read.
    pub(super) fn note_partial(&self, reason: String) {
        lock(&self.state).report.coverage = Some(Coverage::Partial(reason));
    }

    /// Something that was not copied and is no record.
    pub(super) fn note_problem(&self, reason: String) {
        let mut state = lock(&self.state);
        state.failures.add(0, &[reason], None);
    }

    /// The collection cannot be read.
    pub(super) fn fail(&self, error: &StoreError) {
        lock(&self.state).report.error = Some(error.to_string());
    }

    pub(super) fn has_failed(&self) -> bool {
        lock(&self.state).report.error.is_some()
    }

    pub(super) fn report(&self) -> CollectionReport {
        let state = lock(&self.state);
        CollectionReport {
            failed: state.failures.records(),
            failures: state.failures.groups(),
            ..state.report.clone()
        }
    }

    pub(super) fn progress(&self) -> CollectionProgress {
        let state = lock(&self.state);
        CollectionProgress {
            name: self.name().clone(),
            read: state.report.read,
            unchanged: 0,
            accepted: state.report.copied,
            declined: state.failures.records(),
            planned: None,
            finished: state.report.finished || state.report.error.is_some(),
        }
    }

    fn note_unreadable(&self, items: &[Rejected]) {
        let mut state = lock(&self.state);
        for item in items {
            state.report.unreadable += 1;
            let reason = [item.reason.clone()];
            state.failures.add(0, &reason, Some(&item.origin));
        }
    }

    fn broken_off(&self) -> StoreError {
        let message = format!("the reading of {} broke off before its end", self.name());
        StoreError::new(ErrorKind::Unavailable, message)
    }
}
