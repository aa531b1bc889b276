//! One collection's part of a run: what is counted, and what is still under way.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use syncline_model::{
    Collection, CollectionName, Coverage, Done, Key, Origin, Record, Refusal, Scope,
};
use syncline_plan::Verdict;
use syncline_store::WriteContext;
use tokio::sync::Notify;

use crate::compare::DeletePlan;
use crate::failures::Failures;
use crate::places::Pages;
use crate::removal::Kept;
use crate::{CollectionProgress, CollectionReport, Duplicate, Planned};

/// Most examples of repeated keys that a report shows.
const DUPLICATE_EXAMPLES: usize = 20;

#[derive(Debug)]
pub(crate) struct CollectionRun {
    pub(crate) context: WriteContext,
    state: Mutex<State>,
    pending: AtomicU64,
    parked: AtomicU64,
    /// Durable receipts of records that were offered for the first time in the run.
    recorded: AtomicU64,
    finished: AtomicBool,
    owes_deletes: AtomicBool,
    left_alone: AtomicU64,
    idle: Notify,
    pages: Pages,
}

#[derive(Debug, Default)]
struct State {
    report: CollectionReport,
    failures: Failures,
    planned: Option<u64>,
    /// Declined deletes that are to be offered again.
    kept: Kept,
    deletes: Option<DeletePlan>,
    /// Whether the source changed after it was compared.
    stale: bool,
}

impl CollectionRun {
    pub(crate) fn new(collection: Arc<Collection>) -> Self {
        Self {
            context: WriteContext { collection },
            state: Mutex::default(),
            pending: AtomicU64::new(0),
            parked: AtomicU64::new(0),
            recorded: AtomicU64::new(0),
            finished: AtomicBool::new(false),
            owes_deletes: AtomicBool::new(false),
            left_alone: AtomicU64::new(0),
            idle: Notify::new(),
            pages: Pages::default(),
        }
    }

    /// What was read of it and is not settled, where the places of its reading are remembered.
    pub(crate) const fn pages(&self) -> &Pages {
        &self.pages
    }

    pub(crate) fn collection(&self) -> &Arc<Collection> {
        &self.context.collection
    }

    pub(crate) fn name(&self) -> &CollectionName {
        &self.context.collection.name
    }

    /// A change is on its way to the target.
    pub(crate) fn enter(&self) {
        self.pending.fetch_add(1, Ordering::AcqRel);
    }

    /// A change has its outcome, or will have none in this run.
    pub(crate) fn leave(&self) {
        if self.pending.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.idle.notify_waiters();
        }
    }

    /// Waits until nothing is on its way.
    pub(crate) async fn until_idle(&self) {
        loop {
            let idle = self.idle.notified();
            if self.pending.load(Ordering::Acquire) == 0 {
                return;
            }
            idle.await;
        }
    }

    pub(crate) fn note_read(&self, records: u64) {
        self.state().report.read += records;
    }

    /// Receipts of records offered for the first time are durable.
    pub(crate) fn note_recorded(&self) {
        self.recorded.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn recorded(&self) -> u64 {
        self.recorded.load(Ordering::Acquire)
    }

    pub(crate) fn note_unchanged(&self, records: u64) {
        self.state().report.unchanged += records;
    }

    pub(crate) fn note_planned(&self, records: u64) {
        self.state().planned = Some(records);
    }

    /// What would be done to it; nothing is.
    pub(crate) fn note_only_planned(&self, planned: Planned) {
        self.state().report.planned = Some(planned);
    }

    pub(crate) fn note_done(&self, done: Done, status: u16) {
        let mut state = self.state();
        match done {
            Done::Created => state.report.created += 1,
            Done::Updated | Done::Unchanged => state.report.updated += 1,
            Done::Deleted => state.report.deleted += 1,
        }
        *state.report.statuses.entry(status).or_default() += 1;
    }

    /// A change that was declined before was accepted.
    pub(crate) fn note_caught_up(&self) {
        self.state().report.caught_up += 1;
        self.note_waits_no_more();
    }

    /// A change waits for something that may still arrive in this run.
    pub(crate) fn note_parked(&self) {
        self.parked.fetch_add(1, Ordering::Relaxed);
    }

    /// A change that was parked has its outcome. One that an earlier run left may come here too.
    pub(crate) fn note_waits_no_more(&self) {
        let less = |parked: u64| parked.checked_sub(1);
        let (success, failure) = (Ordering::Relaxed, Ordering::Relaxed);
        // Nothing to take away is nothing to do.
        let _parked = self.parked.fetch_update(success, failure, less);
    }

    /// Whether something is parked.
    pub(crate) fn has_parked(&self) -> bool {
        self.parked.load(Ordering::Relaxed) > 0
    }

    pub(crate) fn note_failure(&self, status: u16, messages: &[String], origin: Option<&Origin>) {
        self.state().failures.add(status, messages, origin);
    }

    /// A change is given up for this run.
    pub(crate) fn note_failure_at(&self, status: u16, message: &str, file: &str, line: u64) {
        self.note_waits_no_more();
        self.state()
            .failures
            .add_at(status, &[message.to_owned()], file, line);
    }

    pub(crate) fn note_unreadable(&self, reason: &str, origin: &Origin) {
        let mut state = self.state();
        state.report.unreadable += 1;
        state.failures.add(0, &[reason.to_owned()], Some(origin));
    }

    pub(crate) fn note_duplicate(&self, duplicate: Duplicate) {
        let mut state = self.state();
        state.report.duplicates += 1;
        if state.report.duplicate_examples.len() < DUPLICATE_EXAMPLES {
            state.report.duplicate_examples.push(duplicate);
        }
    }

    /// A record to be deleted is not there.
    pub(crate) fn note_missing(&self) {
        self.state().report.missing += 1;
    }

    /// Deletes of it that stay declined are owed.
    pub(crate) fn owe_deletes(&self) {
        self.owes_deletes.store(true, Ordering::Relaxed);
    }

    pub(crate) fn owes_deletes(&self) -> bool {
        self.owes_deletes.load(Ordering::Relaxed)
    }

    /// A record that went in the source is not what was written any more.
    pub(crate) fn note_left_alone(&self) {
        self.left_alone.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn left_alone(&self) -> u64 {
        self.left_alone.load(Ordering::Relaxed)
    }

    /// Keeps a declined delete of a record to be offered again.
    pub(crate) fn keep(
        &self,
        deleted: (&Key, &Record),
        refusal: &Refusal,
        folder: &Path,
    ) -> std::io::Result<()> {
        self.state().kept.add(deleted, refusal, folder)
    }

    pub(crate) fn take_kept(&self) -> Kept {
        std::mem::take(&mut self.state().kept)
    }

    pub(crate) fn note_held(&self) {
        self.state().report.held += 1;
    }

    /// Deletes that a guard keeps back.
    pub(crate) fn note_deletes_held(&self, records: u64) {
        let report = &mut self.state().report;
        report.held += records;
        report.deletes_held += records;
    }

    /// What is owed is not offered again, as the source no longer has it.
    pub(crate) fn note_absent(&self) {
        self.state().report.absent += 1;
    }

    /// A record that the source no longer has is protected.
    pub(crate) fn note_protected(&self) {
        self.state().report.protected += 1;
    }

    /// The source changed after it was compared.
    pub(crate) fn note_stale(&self) {
        self.state().stale = true;
    }

    pub(crate) fn is_stale(&self) -> bool {
        self.state().stale
    }

    /// Leaves deletes for when everything has been written.
    pub(crate) fn plan_deletes(&self, plan: Option<DeletePlan>) {
        self.state().deletes = plan;
    }

    pub(crate) fn take_deletes(&self) -> Option<DeletePlan> {
        self.state().deletes.take()
    }

    pub(crate) fn note_verdicts(&self, verdicts: Vec<Verdict>) {
        self.state().report.verdicts = verdicts;
    }

    pub(crate) fn note_coverage(&self, coverage: Coverage) {
        self.state().report.coverage = Some(coverage);
    }

    /// Whether the whole collection was read, so that what was not found is not there.
    pub(crate) fn is_covered(&self) -> bool {
        let whole = Coverage::Complete(Scope::Whole);
        self.state().report.coverage.as_ref() == Some(&whole)
    }

    /// How many records the source has, if it was read completely and no guard tripped. Looking at
    /// what would be done is no measure for later runs.
    pub(crate) fn source_size(&self) -> Option<u64> {
        let is_covered = self.is_covered();
        let state = self.state();
        let is_done = state.report.planned.is_none();
        let counts = is_covered && is_done && !state.stale && state.report.verdicts.is_empty();
        counts.then(|| state.report.read.saturating_sub(state.report.duplicates))
    }

    /// Everything in it was offered once.
    pub(crate) fn finish(&self) {
        self.finished.store(true, Ordering::Relaxed);
    }

    pub(crate) fn report(&self) -> CollectionReport {
        let state = self.state();
        CollectionReport {
            failed: state.failures.records(),
            failures: state.failures.groups(),
            waiting: self.parked.load(Ordering::Relaxed),
            finished: self.finished.load(Ordering::Relaxed),
            ..state.report.clone()
        }
    }

    /// Records that were declined for good, and lines that are no records.
    pub(crate) fn failed(&self) -> u64 {
        self.state().failures.records()
    }

    pub(crate) fn progress(&self) -> CollectionProgress {
        let state = self.state();
        CollectionProgress {
            name: self.name().clone(),
            read: state.report.read,
            unchanged: state.report.unchanged,
            accepted: state.report.accepted(),
            declined: state.failures.records() + self.parked.load(Ordering::Relaxed),
            planned: state.planned,
            finished: self.finished.load(Ordering::Relaxed),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
