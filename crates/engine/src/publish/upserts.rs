//! Writing what was written in the source: what is owed first, then what was read, except what
//! the ledger knows to be there already.

use std::sync::Arc;

use futures_util::StreamExt as _;
use syncline_ledger::Owed;
use syncline_model::{Change, Coverage, Key, Record, Scope};
use syncline_plan::ReadyQueue;
use syncline_store::{Batch, Query, Store as _};
use tokio::task::JoinSet;

use super::histories::broken_off;
use super::part::Part;
use super::reading::{GoingOn, Reader};
use super::{Publication, Ways, whole};
use crate::context::lock;
use crate::feed::{offer, unreadable};
use crate::lanes::{Offer, OfferKind};
use crate::{Baseline, EngineError, Event, parked};

/// Collections that are read at the same time at most.
const COLLECTIONS_TOGETHER: usize = 6;

/// Writes all collections, each when those it waits for are done.
pub(crate) async fn write(publication: &Arc<Publication>, ways: &Ways) -> Result<(), EngineError> {
    let stop = &publication.context.stop;
    let mut queue = ReadyQueue::forward(&publication.order);
    let mut running: JoinSet<Result<Arc<Part>, EngineError>> = JoinSet::new();
    loop {
        while running.len() < COLLECTIONS_TOGETHER && !stop.is_stopped() {
            let Some(name) = queue.next_ready() else {
                break;
            };
            match publication.parts.get(&name) {
                Some(part) => {
                    let work = collection(Arc::clone(publication), ways.clone(), Arc::clone(part));
                    running.spawn(work);
                }
                None => queue.finished(&name),
            }
        }
        match running.join_next().await {
            None => return Ok(()),
            Some(Ok(Ok(part))) => queue.finished(part.name()),
            Some(Ok(Err(error))) => stop.fail(error),
            Some(Err(_)) => stop.fail(EngineError::Defect),
        }
    }
}

/// One collection from what is owed of it to its last outcome.
async fn collection(
    publication: Arc<Publication>,
    ways: Ways,
    part: Arc<Part>,
) -> Result<Arc<Part>, EngineError> {
    let context = &publication.context;
    let observer = &context.observer;
    observer.on(&Event::CollectionStarted(part.name().clone()));
    replay(&publication, &ways, &part).await?;
    let reads = !publication.owed_only && !publication.is_up_to_date(&part) && !part.has_failed();
    if reads {
        window(&publication, &ways, &part).await?;
    }
    part.run.until_idle().await;
    stop_if_too_many(&publication);
    if reads && part.is_read_as_a_whole() && part.is_covered() && !context.stop.is_stopped() {
        whole::compare(&publication, &ways, &part).await?;
    }
    let itself = publication.order.self_references().contains(part.name());
    if (itself || refers_to_itself(&part)) && part.run.has_parked() {
        let only = [Arc::clone(&part.run)];
        parked::offer_again(context, &ways.lanes, &ways.notes, &only).await?;
    }
    if !context.stop.is_stopped() {
        part.run.finish();
        let report = Box::new(part.run.report());
        let name = part.name().clone();
        observer.on(&Event::CollectionFinished(name, report));
    }
    Ok(part)
}

fn refers_to_itself(part: &Part) -> bool {
    let mut references = part.run.collection().references.iter();
    references.any(|reference| reference.targets.contains(part.name()))
}

/// Offers what earlier runs left owed; what is owed to be deleted is kept for later.
async fn replay(
    publication: &Publication,
    ways: &Ways,
    part: &Arc<Part>,
) -> Result<(), EngineError> {
    let context = &publication.context;
    let owed = lock(&context.ledger).owed(context.scope, Some(part.name()))?;
    for owed in owed {
        let owed = owed?;
        if context.stop.is_stopped() {
            break;
        }
        if owed.payload.is_empty() {
            let key = Key::from_canonical(owed.key_text);
            let held = publication.carried(part, &key);
            let folder = &context.settings.work_folder;
            part.state().gone.add(&[key, held], folder)?;
        } else if !part.state().gone.contains(owed.key) {
            Part::count(&part.replayed);
            let change = Change::create(record(owed));
            offer(&ways.lanes, &part.run, change, OfferKind::First).await;
        }
    }
    // What was read since is offered after it, and is what counts.
    part.run.until_idle().await;
    Ok(())
}

fn record(owed: Owed) -> Record {
    Record {
        key: Key::from_canonical(owed.key_text),
        digest: owed.digest,
        payload: owed.payload,
        handle: None,
        origin: None,
    }
}

/// Reads what was written and offers what is not known to be there.
async fn window(
    publication: &Publication,
    ways: &Ways,
    part: &Arc<Part>,
) -> Result<(), EngineError> {
    let context = &publication.context;
    if part.position.going_on == GoingOn::Finished && !part.is_read_as_a_whole() {
        part.run
            .note_coverage(Coverage::Complete(whole::unbounded()));
        return Ok(());
    }
    let mut reader = Reader::new(publication, ways, part);
    let query = Query::records(Arc::clone(part.run.collection()));
    let query = if part.is_read_as_a_whole() {
        Query {
            scope: whole::unbounded(),
            ..query
        }
    } else {
        Query {
            since: part.position.records.clone(),
            places: reader.places(),
            ..query
        }
    };
    let mut stream = match context.source.read(query).await {
        Ok(stream) => stream,
        Err(error) => return part.fail(error),
    };
    loop {
        let batch = tokio::select! {
            biased;
            () = context.stop.stopped() => return Ok(()),
            batch = stream.next() => batch,
        };
        match batch.unwrap_or_else(|| Err(broken_off(part))) {
            Ok(Batch::Put(records)) => {
                part.run.note_read(records.len() as u64);
                let changed = changed(publication, part, records)?;
                for change in changed {
                    let offer = Offer {
                        change,
                        collection: Arc::clone(&part.run),
                        kind: OfferKind::First,
                        page: reader.entered(),
                    };
                    ways.lanes.offer(offer).await;
                }
                stop_if_too_many(publication);
            }
            Ok(Batch::Reached(reached)) => reader.reached(reached).await?,
            Ok(Batch::Unreadable(items)) => {
                part.stay_behind("not everything that was read is a record");
                for item in &items {
                    unreadable(context, &part.run, item);
                }
                reader.spoilt().await?;
            }
            Ok(Batch::End { coverage, .. }) => {
                part.note_coverage(&coverage);
                reader.ended(coverage.is_complete()).await?;
                part.run.note_coverage(measured(part, coverage));
                return Ok(());
            }
            // Other parts of a feed are read by themselves.
            Ok(Batch::Gone(_) | Batch::Rekeyed(_)) => {}
            Err(error) => return part.fail(error),
        }
    }
}

/// What a reading covers, as later runs may measure it: only a whole collection has a size.
fn measured(part: &Part, coverage: Coverage) -> Coverage {
    let began = part.position.going_on == GoingOn::No;
    let is_whole = part.is_read_as_a_whole() || (began && part.position.records.is_none());
    match coverage {
        Coverage::Complete(_) if is_whole => Coverage::Complete(Scope::Whole),
        Coverage::Complete(_) => Coverage::Complete(whole::unbounded()),
        partial @ Coverage::Partial(_) => partial,
    }
}

/// The changes for records, without those that the ledger knows to be settled as they are.
fn changed(
    publication: &Publication,
    part: &Part,
    records: Vec<Record>,
) -> Result<Vec<Change>, EngineError> {
    let context = &publication.context;
    {
        let mut state = part.state();
        for record in &records {
            state.gone.is_back(record.key.digest());
        }
        if let Some(whole) = &mut state.whole {
            whole.see(context, &records)?;
        }
    }
    if context.baseline == Baseline::Nothing {
        return Ok(records.into_iter().map(Change::create).collect());
    }
    let ledger = lock(&context.ledger);
    let mut changes = Vec::with_capacity(records.len());
    let mut unchanged = 0;
    for record in records {
        let key = record.key.digest();
        match ledger.find(context.scope, part.name(), &key)? {
            Some((known, _)) if known.outcome.is_settled() && known.digest == record.digest => {
                unchanged += 1;
            }
            Some(_) => changes.push(Change::update(record)),
            None => changes.push(Change::create(record)),
        }
    }
    part.run.note_unchanged(unchanged);
    Ok(changes)
}

/// Stops a run in which more is declined than it may be.
fn stop_if_too_many(publication: &Publication) {
    let Some(most) = publication.failures_max else {
        return;
    };
    let parts = publication.parts.values();
    let failed: u64 = parts.map(|part| part.run.progress().declined).sum();
    if failed > most {
        let (declined, limit) = (failed, most);
        let error = EngineError::TooManyDeclined { declined, limit };
        publication.context.stop.fail(error);
    }
}
