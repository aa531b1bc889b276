//! Offering again what was declined for something that may have arrived meanwhile.
//!
//! Parked changes wait in the ledger as owed, not in memory, so that any number of them can
//! wait, and a run that is killed leaves them to the next one.

use std::sync::Arc;

use syncline_ledger::{Owed, OwedClass};
use syncline_model::{Change, Key, Origin, Record};

use crate::collection::CollectionRun;
use crate::context::{Context, lock};
use crate::feed::offer;
use crate::lanes::{Lanes, OfferKind, is_offered_again};
use crate::recorder::{Note, flush};
use crate::rejects::{Body, Reject};
use crate::{EngineError, Event};
use tokio::sync::mpsc;

/// Most rounds in which parked changes are offered again; each settles at least one of them.
const ROUNDS_MAX: usize = 1000;

/// Offers the parked changes of some collections, in order, as long as any is accepted.
pub(crate) async fn offer_again(
    context: &Arc<Context>,
    lanes: &Lanes,
    notes: &mpsc::Sender<Note>,
    collections: &[Arc<CollectionRun>],
) -> Result<(), EngineError> {
    for _ in 0..ROUNDS_MAX {
        let before: u64 = caught_up(collections);
        let mut offered = 0;
        for collection in collections {
            flush(context, notes).await;
            offered += offer_collection(context, lanes, collection).await?;
            collection.until_idle().await;
        }
        flush(context, notes).await;
        if offered == 0 || caught_up(collections) == before || context.stop.is_stopped() {
            return Ok(());
        }
    }
    Ok(())
}

fn caught_up(collections: &[Arc<CollectionRun>]) -> u64 {
    collections
        .iter()
        .map(|collection| collection.report().caught_up)
        .sum()
}

/// Offers the parked changes of a collection once; how many there were.
async fn offer_collection(
    context: &Arc<Context>,
    lanes: &Lanes,
    collection: &Arc<CollectionRun>,
) -> Result<u64, EngineError> {
    let owed = lock(&context.ledger).owed(context.scope, Some(collection.name()))?;
    let mut offered = 0;
    for owed in owed {
        let owed = owed?;
        if context.stop.is_stopped() {
            break;
        }
        if !is_parked(&owed) || was_given_up(context, &owed) {
            continue;
        }
        if offered == 0 {
            let waiting = waiting(context, collection)?;
            context.observer.on(&Event::OfferingAgain(waiting));
        }
        offered += 1;
        let change = Change::create(record(owed));
        offer(lanes, collection, change, OfferKind::Again).await;
    }
    Ok(offered)
}

/// How many changes of a collection are parked.
fn waiting(context: &Context, collection: &CollectionRun) -> Result<u64, EngineError> {
    let counts = lock(&context.ledger).owed_counts(context.scope)?;
    let classes = counts.get(collection.name());
    Ok(classes
        .into_iter()
        .flatten()
        .filter(|(class, _)| matches!(class, OwedClass::Failed(class) if is_offered_again(*class)))
        .map(|(_, count)| count)
        .sum())
}

/// Counts and tells what is still parked when the run ends, as declined.
pub(crate) fn give_up(
    context: &Context,
    collections: &[Arc<CollectionRun>],
) -> Result<(), EngineError> {
    for collection in collections {
        let owed = lock(&context.ledger).owed(context.scope, Some(collection.name()))?;
        for owed in owed {
            let owed = owed?;
            if is_parked(&owed) {
                tell(context, collection, &owed);
            }
        }
    }
    Ok(())
}

fn tell(context: &Context, collection: &CollectionRun, owed: &Owed) {
    let (file, line) = split_origin(&owed.origin);
    collection.note_failure_at(owed.status, &owed.reason, file, line);
    context.reject(&Reject {
        collection: collection.name().as_str(),
        file,
        line,
        key: Some(&owed.key_text),
        status: owed.status,
        reason: &owed.reason,
        body: Body::of(&owed.payload),
    });
    context.observer.on(&Event::Rejected {
        collection: collection.name().clone(),
        origin: place(&owed.origin),
        status: owed.status,
        reason: owed.reason.clone(),
    });
}

/// A change without a payload is a delete, which other parts of a run take care of.
fn is_parked(owed: &Owed) -> bool {
    let resolves = matches!(owed.class, OwedClass::Failed(class) if is_offered_again(class));
    resolves && !owed.payload.is_empty()
}

/// Whether this run has tried a change for as long as it may while others were accepted. It may be
/// at fault itself, and alone it could not be told from a target that is gone.
fn was_given_up(context: &Context, owed: &Owed) -> bool {
    matches!(owed.class, OwedClass::Failed(class) if class.is_transient())
        && owed.last_at >= context.started
}

/// The record of an owed change; it keeps the place where it was read for whoever asks.
fn record(owed: Owed) -> Record {
    let origin = place(&owed.origin);
    Record {
        key: Key::from_canonical(owed.key_text),
        digest: owed.digest,
        payload: owed.payload,
        handle: None,
        origin,
    }
}

/// The place that is kept of a record; nothing of one that was in no file.
fn place(origin: &str) -> Option<Origin> {
    let (file, line) = split_origin(origin);
    (!file.is_empty()).then(|| Origin {
        unit: file.into(),
        line,
        offset: 0,
        length: 0,
    })
}

/// File and line of `students.jsonl:17`.
fn split_origin(origin: &str) -> (&str, u64) {
    match origin.rsplit_once(':') {
        Some((file, line)) => (file, line.parse().unwrap_or(0)),
        None => (origin, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_in_no_file_has_no_place() {
        let told = |origin: &str| place(origin).map(|place| place.to_string());
        assert_eq!(told("a:b.jsonl:17").as_deref(), Some("a:b.jsonl:17"));
        for nowhere in ["", ":0"] {
            assert_eq!(told(nowhere), None);
        }
    }
}
