//! Writing what was written in the source: collections in load order, in each what is owed first,
//! then what its window tells.

use std::sync::Arc;

use syncline_ledger::{Owed, OwedClass};
use syncline_model::{Change, Key, Record};
use syncline_plan::ReadyQueue;
use tokio::task::JoinSet;

use super::part::Part;
use super::window::window;
use super::{Publication, Ways, whole};
use crate::context::lock;
use crate::feed::offer;
use crate::lanes::OfferKind;
use crate::{EngineError, Event, parked};

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
        if owed.class == OwedClass::UnderWay {
            // The source has it still, or tells that it went, or its keys are compared.
            continue;
        }
        if owed.payload.is_empty() {
            let key = Key::from_canonical(owed.key_text);
            let held = publication.carried(part, &key)?;
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

/// Stops a run in which more is declined than it may be.
pub(super) fn stop_if_too_many(publication: &Publication) {
    if let Err(error) = within_limit(publication) {
        publication.context.stop.fail(error);
    }
}

/// An error where more is declined than may be. What is offered again before the run ends is not
/// declined yet.
pub(super) fn within_limit(publication: &Publication) -> Result<(), EngineError> {
    let others = lock(&publication.others);
    let parts = publication.parts.values().map(|part| &part.run);
    let declined = parts.chain(others.values()).map(|run| run.failed()).sum();
    match publication.failures_max {
        Some(limit) if declined > limit => Err(EngineError::TooManyDeclined { declined, limit }),
        _ => Ok(()),
    }
}
