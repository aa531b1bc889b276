//! Sending only what differs: desired minus baseline, as a plan at rest, then applied.
//!
//! The comparison knows digests only. What it says is planned here with what the ledger knows
//! besides: a change that a guard kept back and that the source no longer asks for is taken back
//! without a request, and what is sent again only because somebody asked for it is no update.

mod apply;
mod baseline;
mod extras;
mod planner;

use std::sync::Arc;

use syncline_ledger::ImportedLines;
use syncline_model::{Coverage, Scope};
use syncline_plan::{Comparison, DesiredRow, Place};
use syncline_store::{ErrorKind, Query, StoreError, Want};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::collection::CollectionRun;
use crate::context::{Context, lock};
use crate::feed::next_records;
use crate::imported::Sifter;
use crate::lanes::Lanes;
use crate::recorder::Note;
use crate::{Baseline, EngineError, Planned, Resend, Verb};
use baseline::Ahead;
use planner::Planner;

pub(crate) use apply::{is_at, origin};
pub(crate) use baseline::{is_uncertain, may_be_there};
pub(crate) use extras::DeletePlan;

/// Changes read again in one go.
const READ_TOGETHER: usize = 512;

/// What the ledger holds of a collection: how many records, and lines of another program.
pub(crate) type Held = (u64, Option<ImportedLines>);

/// Compares a collection with the ledger and offers what differs.
pub(crate) async fn changed(
    context: &Arc<Context>,
    (lanes, notes): (&Lanes, &mpsc::Sender<Note>),
    collection: &Arc<CollectionRun>,
    held: Held,
) -> Result<(), EngineError> {
    let compared = {
        let (context, collection) = (Arc::clone(context), Arc::clone(collection));
        let (handle, notes) = (Handle::current(), notes.clone());
        tokio::task::spawn_blocking(move || compare(&handle, &context, &collection, (held, notes)))
    };
    let Some((plan, _)) = compared.await.unwrap_or(Err(EngineError::Defect))? else {
        return Ok(());
    };
    apply::apply(context, lanes, collection, &plan).await
}

/// Compares a collection with the ledger and counts what differs. What a run would note for the
/// ledger meanwhile is heard by nobody.
pub(crate) async fn counted(
    context: &Arc<Context>,
    collection: &Arc<CollectionRun>,
    held: Held,
) -> Result<(), EngineError> {
    let (notes, mut unsaid) = mpsc::channel(READ_TOGETHER);
    let compared = {
        let (context, collection) = (Arc::clone(context), Arc::clone(collection));
        let handle = Handle::current();
        tokio::task::spawn_blocking(move || compare(&handle, &context, &collection, (held, notes)))
    };
    while unsaid.recv().await.is_some() {}
    if let Some((_, planned)) = compared.await.unwrap_or(Err(EngineError::Defect))? {
        collection.note_only_planned(planned);
    }
    Ok(())
}

/// What is known of a collection, as far as it counts.
pub(crate) fn held(context: &Context, collection: &CollectionRun) -> Result<Held, EngineError> {
    if context.verb == Verb::Delete || context.baseline == Baseline::Nothing {
        return Ok((0, None));
    }
    let ledger = lock(&context.ledger);
    let known = ledger.collection_size(context.scope, collection.name())?;
    Ok((known, ledger.imported(context.scope, collection.name())?))
}

/// Whether nothing is known of a collection that would make a difference. What is owed of it does
/// where records are deleted: it may be there.
pub(crate) fn is_nothing(
    context: &Context,
    collection: &CollectionRun,
    held: &Held,
) -> Result<bool, EngineError> {
    if held.0 > 0 || held.1.is_some() {
        return Ok(false);
    }
    if context.prune.is_none() {
        return Ok(true);
    }
    let owed = lock(&context.ledger).owed_counts(context.scope)?;
    Ok(!owed.contains_key(collection.name()))
}

/// A plan file that is removed when it is no longer needed.
type PlanPath = tempfile::TempPath;

fn plan_path(context: &Context, prefix: &str) -> std::io::Result<PlanPath> {
    let file = tempfile::Builder::new()
        .prefix(prefix)
        .suffix(".jsonl")
        .tempfile_in(&context.settings.work_folder)?;
    Ok(file.into_temp_path())
}

/// Makes the plan of a collection; nothing if the run stops meanwhile.
fn compare(
    handle: &Handle,
    context: &Context,
    collection: &Arc<CollectionRun>,
    ((known, imported), notes): (Held, mpsc::Sender<Note>),
) -> Result<Option<(PlanPath, Planned)>, EngineError> {
    let (comparison, units) = handle.block_on(gather(context, collection))?;
    if context.stop.is_stopped() {
        return Ok(None);
    }
    let scan = lock(&context.ledger).scan(context.scope, collection.name())?;
    let path = plan_path(context, "plan-")?;
    let resend = match &context.baseline {
        Baseline::Ledger(resend) => resend.clone(),
        Baseline::Nothing => Resend::default(),
    };
    let ahead = Ahead::default();
    let mut plan = Planner::create(&path, (context, collection), &units, (handle, &notes))?;
    plan.ahead = ahead.clone();
    plan.resend = resend.clone();
    let run = (context, collection);
    plan.sifter = imported.map(|lines| Sifter::new(handle, run, (lines, notes.clone()), &resend));
    let counts = context.baseline != Baseline::Nothing;
    let rows = baseline::rows(scan, resend, ahead).take_while(|_| counts);
    for difference in comparison.finish(rows)? {
        plan.take(difference?)?;
    }
    let planned = plan.finish(known)?;
    Ok(Some((path, planned)))
}

/// Reads the digests of a whole collection.
async fn gather(
    context: &Context,
    collection: &CollectionRun,
) -> Result<(Comparison, Vec<Arc<str>>), EngineError> {
    let settings = &context.settings;
    let mut comparison = Comparison::new(&settings.work_folder, settings.memory_budget);
    let mut units: Vec<Arc<str>> = Vec::new();
    if context.is_without_source(collection.name()) {
        collection.note_coverage(Coverage::Complete(Scope::Whole));
        return Ok((comparison, units));
    }
    let query = Query {
        want: Want::Digests,
        ..Query::records(Arc::clone(collection.collection()))
    };
    let mut stream = context.source.read(query).await?;
    while let Some(records) = next_records(context, collection, &mut stream).await? {
        for record in records {
            let origin = record.origin.ok_or_else(|| without_place(collection))?;
            if units.last() != Some(&origin.unit) {
                units.push(Arc::clone(&origin.unit));
            }
            comparison.push(DesiredRow {
                key: record.key.digest(),
                content: record.digest,
                place: Place {
                    unit: u32::try_from(units.len() - 1).unwrap_or(u32::MAX),
                    length: origin.length,
                    line: origin.line,
                    offset: origin.offset,
                },
            })?;
        }
    }
    Ok((comparison, units))
}

/// What is compared has to be found again to be sent.
fn without_place(collection: &CollectionRun) -> StoreError {
    let message = format!(
        "records of {} do not tell where they were read and cannot be compared",
        collection.name()
    );
    StoreError::new(ErrorKind::Unsupported, message)
}
