//! Writing what was written in the source: what is owed first, then what was read, except what
//! the ledger knows to be there already.

use std::sync::Arc;

use futures_util::StreamExt as _;
use syncline_ledger::Owed;
use syncline_model::{Change, Key, Record};
use syncline_plan::ReadyQueue;
use syncline_store::{Batch, Query, Store as _};
use tokio::task::JoinSet;

use super::histories::broken_off;
use super::part::Part;
use super::{Publication, Ways};
use crate::context::lock;
use crate::feed::{offer, unreadable};
use crate::lanes::OfferKind;
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
            let key = [Key::from_canonical(owed.key_text)];
            let folder = &context.settings.work_folder;
            part.state().gone.add(&key, folder)?;
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
    let query = Query {
        since: part.position.records.clone(),
        ..Query::records(Arc::clone(part.run.collection()))
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
                    offer(&ways.lanes, &part.run, change, OfferKind::First).await;
                }
                stop_if_too_many(publication);
            }
            Ok(Batch::Unreadable(items)) => {
                part.stay_behind("not everything that was read is a record");
                for item in &items {
                    unreadable(context, &part.run, item);
                }
            }
            Ok(Batch::End { coverage, .. }) => {
                part.note_coverage(&coverage);
                part.run.note_coverage(coverage);
                return Ok(());
            }
            // Other parts of a feed are read by themselves.
            Ok(Batch::Gone(_) | Batch::Rekeyed(_)) => {}
            Err(error) => return part.fail(error),
        }
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
        let gone = &mut part.state().gone;
        for record in &records {
            gone.is_back(record.key.digest());
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
