//! A plan made true: its changes through the lanes, their outcomes into the ledger.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use syncline_ledger::{Ledger, OwedClass, ScopeId};
use syncline_model::{Catalog, ChangeKind, CollectionName, Coverage, Scope};
use syncline_plan::{Guard, PlanReader, PlanSummary, PlannedChange, Verdict};
use syncline_store::Store;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::made::{Phase, change_of, is_meant, kind, phase};
use super::moved::Remaining;
use super::notes::{give_up_what_no_longer_differs, note_missed, note_outcome};
use super::only::Only;
use super::sides::records_of;
use crate::collection::CollectionRun;
use crate::context::{Context, lock};
use crate::feed::offer;
use crate::lanes::{Announced, GRACE, Lanes, OfferKind, is_offered_again};
use crate::outcomes::OutcomeWord;
use crate::recorder::{Note, flush};
use crate::run::{Collections, around, with_lanes};
use crate::{Baseline, EngineError, Event, Job, Observer, RunReport, Settings, Verb, removal};

/// Most rounds in which declined changes are offered again.
const ROUNDS_MAX: usize = 20;

/// A plan to be applied.
pub struct ApplyJob {
    /// What was asked for, for the history of runs.
    pub command: String,
    /// The plan.
    pub plan: PathBuf,
    /// Which of its changes are still to be made; all of them if nothing is said.
    pub remaining: Option<Remaining>,
    /// What of it is meant.
    pub only: Only,
    /// Guards that do not hold for this once.
    pub allowed: BTreeSet<Guard>,
    /// Where the changes go.
    pub target: Arc<dyn Store>,
    /// What the target says of itself.
    pub catalog: Catalog,
    /// What is known of the target.
    pub ledger: Ledger,
    /// Under which name.
    pub scope: ScopeId,
    /// Bounds.
    pub settings: Settings,
}

impl std::fmt::Debug for ApplyJob {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ApplyJob")
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

/// Makes the changes of a plan. What the target accepted is in the ledger, whatever happens.
pub async fn apply_plan(
    job: ApplyJob,
    observer: Arc<dyn Observer>,
    stop: CancellationToken,
) -> RunReport {
    let begun = Timestamp::now().as_duration().as_secs_f64();
    let reader = match PlanReader::open(&job.plan) {
        Ok(reader) => reader,
        Err(error) => return RunReport::of_nothing(begun, error.into()),
    };
    let plan = Applying {
        reader,
        remaining: job.remaining,
        only: job.only,
        allowed: job.allowed,
    };
    let collections = plan
        .reader
        .header()
        .collections
        .iter()
        .cloned()
        .map(Arc::new);
    let run = Job {
        command: job.command,
        source: Arc::clone(&job.target),
        target: job.target,
        catalog: job.catalog,
        collections: collections.collect(),
        ledger: job.ledger,
        scope: job.scope,
        verb: Verb::Write,
        baseline: Baseline::Nothing,
        prune: None,
        settings: job.settings,
    };
    around(run, (observer, stop), async |context, collections| {
        with_lanes(context, Announced::None, async |lanes, notes| {
            plan.apply(context, collections, (lanes, notes)).await
        })
        .await
    })
    .await
}

struct Applying {
    reader: PlanReader,
    remaining: Option<Remaining>,
    only: Only,
    allowed: BTreeSet<Guard>,
}

impl Applying {
    async fn apply(
        mut self,
        context: &Arc<Context>,
        collections: &Collections,
        (lanes, notes): (&Lanes, &mpsc::Sender<Note>),
    ) -> Result<(), EngineError> {
        let summary = self.reader.summary().clone();
        let order: Vec<CollectionName> = self
            .reader
            .header()
            .collections
            .iter()
            .map(|collection| collection.name.clone())
            .collect();
        context.observer.on(&Event::Started(order.clone()));
        self.tell_beginning(context, (collections, &summary));
        let sequence: Vec<Arc<CollectionRun>> = order
            .iter()
            .filter_map(|name| collections.get(name).cloned())
            .collect();
        let run = (context, collections, (lanes, notes));
        self.offer_all(run, &summary, |phase| phase != Phase::Delete)
            .await?;
        self.offer_parked(run).await?;
        self.offer_all(run, &summary, |phase| phase == Phase::Delete)
            .await?;
        let mut reversed = sequence.clone();
        reversed.reverse();
        removal::offer_again(context, (lanes, notes), &reversed).await?;
        // What went may have had what something else is to have.
        self.offer_parked(run).await?;
        flush(context, notes).await;
        crate::parked::give_up(context, &sequence)?;
        for collection in &sequence {
            if !complete(context, collection).await? {
                break;
            }
            if !context.stop.is_stopped() {
                collection.finish();
                let report = Box::new(collection.report());
                let name = collection.name().clone();
                context
                    .observer
                    .on(&Event::CollectionFinished(name, report));
            }
        }
        if self.is_of_everything() && !context.stop.is_stopped() {
            give_up_what_no_longer_differs(context, &sequence)?;
        }
        context.outcomes.flush()?;
        Ok(context.rejects.flush()?)
    }

    /// Whether all that differs is in the plan, and all of the plan is meant.
    fn is_of_everything(&self) -> bool {
        self.only.is_everything() && !self.reader.header().is_part
    }

    /// What the plan already says of each collection: what was read, and what guards hold.
    fn tell_beginning(
        &self,
        context: &Context,
        (collections, summary): (&Collections, &PlanSummary),
    ) {
        let marks = &self.reader.header().source.marks;
        for (name, collection) in collections {
            context.observer.on(&Event::CollectionStarted(name.clone()));
            let planned = summary
                .counts
                .get(name)
                .into_iter()
                .flat_map(|kinds| kinds.values());
            collection.note_planned(planned.sum());
            let records = marks.get(name).and_then(records_of);
            if let Some(records) = records {
                collection.note_read(records);
            }
            if records.is_some() && self.is_of_everything() {
                collection.note_coverage(Coverage::Complete(Scope::Whole));
            }
            let verdicts = verdicts(summary, name, &self.allowed);
            for verdict in &verdicts {
                context
                    .observer
                    .on(&Event::Held(name.clone(), verdict.clone()));
            }
            collection.note_verdicts(verdicts);
        }
    }

    async fn offer_all(
        &mut self,
        (context, collections, (lanes, notes)): Run<'_>,
        summary: &PlanSummary,
        meant: impl Fn(Phase) -> bool,
    ) -> Result<(), EngineError> {
        let Self {
            reader,
            remaining,
            only,
            allowed,
        } = self;
        let mut before: Option<(Arc<CollectionRun>, Phase)> = None;
        let mut holding = Vec::new();
        for (index, change) in reader.changes()?.enumerate() {
            let planned = change?;
            let is_left = remaining.as_ref().is_none_or(|left| left.is_left(index));
            let phase = phase(&planned);
            let Some(collection) = collections.get(&planned.collection) else {
                continue;
            };
            if !meant(phase) || !is_meant(only, &planned) {
                continue;
            }
            if !is_left {
                note_outcome(context, &planned, (OutcomeWord::Earlier, String::new()))?;
                continue;
            }
            if context.stop.is_stopped() {
                break;
            }
            let is_next = before
                .as_ref()
                .is_none_or(|(earlier, of)| !Arc::ptr_eq(earlier, collection) || *of != phase);
            if is_next {
                if let Some((earlier, _)) = &before {
                    earlier.until_idle().await;
                }
                holding = verdicts(summary, &planned.collection, allowed);
                before = Some((Arc::clone(collection), phase));
            }
            offer_one((context, collection, (lanes, notes)), &planned, &holding).await?;
        }
        if let Some((earlier, _)) = &before {
            earlier.until_idle().await;
        }
        Ok(())
    }

    /// Offers again what was declined for something that may have arrived since.
    async fn offer_parked(
        &mut self,
        (context, collections, (lanes, notes)): Run<'_>,
    ) -> Result<(), EngineError> {
        for _ in 0..ROUNDS_MAX {
            flush(context, notes).await;
            let is_parked = |collection: &Arc<CollectionRun>| collection.has_parked();
            if context.stop.is_stopped() || !collections.values().any(is_parked) {
                return Ok(());
            }
            let before = caught_up(collections);
            for change in self.reader.changes()? {
                let planned = change?;
                let Some(collection) = collections.get(&planned.collection) else {
                    continue;
                };
                if is_parked(collection)
                    && phase(&planned) == Phase::Write
                    && is_owed(context, &planned)?
                {
                    offer(lanes, collection, change_of(&planned), OfferKind::Again).await;
                }
            }
            for collection in collections.values() {
                collection.until_idle().await;
            }
            flush(context, notes).await;
            if caught_up(collections) == before {
                break;
            }
        }
        Ok(())
    }
}

/// Has the target show what was written of a collection; whether it does. One that has failed is not
/// asked, nor is any once the run is stopped, since not all was written: it is left as a run that is
/// killed leaves it.
async fn complete(context: &Context, collection: &CollectionRun) -> Result<bool, EngineError> {
    if context.stop.has_store_failed() || context.stop.is_stopped() {
        return Ok(false);
    }
    tokio::select! {
        biased;
        completed = context.target.complete(collection.collection()) => {
            completed?;
            Ok(true)
        }
        () = context.stop.stopped_for(GRACE) => Ok(false),
    }
}

type Run<'run> = (
    &'run Arc<Context>,
    &'run Collections,
    (&'run Lanes, &'run mpsc::Sender<Note>),
);

/// The guards of a plan that hold a part of a collection, without those that are allowed.
fn verdicts(
    summary: &PlanSummary,
    name: &CollectionName,
    allowed: &BTreeSet<Guard>,
) -> Vec<Verdict> {
    let verdicts = summary.verdicts.get(name).into_iter().flatten();
    verdicts
        .filter(|verdict| !allowed.contains(&verdict.guard))
        .cloned()
        .collect()
}

fn caught_up(collections: &Collections) -> u64 {
    let reports = collections.values().map(|collection| collection.report());
    reports.map(|report| report.caught_up).sum()
}

/// Whether a change is owed since this run, and may succeed now.
fn is_owed(context: &Context, planned: &PlannedChange) -> Result<bool, EngineError> {
    let ledger = lock(&context.ledger);
    let known = ledger.find(context.scope, &planned.collection, &planned.key.digest())?;
    Ok(known.is_some_and(|(known, _)| {
        use syncline_ledger::LastOutcome;
        let again = matches!(
            known.outcome,
            LastOutcome::Owed(OwedClass::Failed(class)) if is_offered_again(class)
        );
        again && known.at >= context.started
    }))
}

async fn offer_one(
    (context, collection, (lanes, notes)): (
        &Arc<Context>,
        &Arc<CollectionRun>,
        (&Lanes, &mpsc::Sender<Note>),
    ),
    planned: &PlannedChange,
    verdicts: &[Verdict],
) -> Result<(), EngineError> {
    let sides = planned.sides.as_deref().cloned().unwrap_or_default();
    let kind = kind(planned);
    let is_delete = kind == ChangeKind::Delete;
    let verdict = verdicts
        .iter()
        .find(|verdict| verdict.holds.contains(&kind));
    if let Some(reason) = &sides.held {
        if is_delete {
            note_missed((context, collection, notes), planned, reason).await?;
        }
        note_outcome(context, planned, (OutcomeWord::Held, reason.clone()))?;
        collection.note_held();
        return Ok(());
    }
    let kind = match verdict {
        None => OfferKind::First,
        Some(verdict) if is_delete => {
            note_outcome(context, planned, (OutcomeWord::Held, verdict.to_string()))?;
            collection.note_deletes_held(1);
            return Ok(());
        }
        Some(verdict) => OfferKind::Held {
            guard: verdict.to_string(),
            status: 0,
        },
    };
    offer(lanes, collection, change_of(planned), kind).await;
    Ok(())
}
