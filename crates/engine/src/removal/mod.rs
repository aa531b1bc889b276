//! Deleting: what outcomes of deletes mean, and offering again those that something still
//! referred to.
//!
//! What is to be offered again waits on disk, and only for the length of the run. Where lists say what
//! went, a delete that did not succeed in the end is owed, with an empty payload; elsewhere it is not:
//! whoever wants it asks again.

mod kept;

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use syncline_ledger::{OwedClass, Receipt, ReceiptResult};
use syncline_model::{Digest, Done, FailureClass, Key, Outcome, Record, Refusal};
use tokio::sync::mpsc;

use crate::collection::CollectionRun;
use crate::context::Context;
use crate::feed::offer;
use crate::lanes::{Lanes, Offer, OfferKind};
use crate::recorder::{self, Note, Noted};
use crate::{EngineError, Event, Verb};
pub(crate) use kept::Kept;

/// Most rounds in which they are offered again.
const ROUNDS_MAX: usize = 20;

/// Counts the outcome of a delete and notes in the ledger what is gone.
pub(crate) async fn settle(
    context: &Context,
    notes: &mpsc::Sender<Note>,
    offer: &Offer,
    outcome: Outcome,
) {
    let Some(record) = &offer.change.before else {
        return;
    };
    let collection = &offer.collection;
    let status = match outcome {
        Outcome::Done {
            done: Done::Unchanged,
            status,
            ..
        } => {
            collection.note_missing();
            status
        }
        Outcome::Done { done, status, .. } => {
            collection.note_done(done, status);
            status
        }
        Outcome::Refused(refusal) if refusal.class == FailureClass::Gone => {
            collection.note_missing();
            refusal.status
        }
        Outcome::Refused(refusal) | Outcome::Failed(refusal) => {
            if let Err(error) = decline(context, notes, (offer, record), &refusal).await {
                context.stop.fail(error);
            }
            return;
        }
        Outcome::Held(_) => {
            collection.note_held();
            return;
        }
    };
    let receipt = Receipt {
        collection: collection.name().clone(),
        key: record.key.digest(),
        digest: record.digest,
        at: Timestamp::now().as_second(),
        status,
        handle: None,
        result: ReceiptResult::Gone,
    };
    let outcome = Noted {
        origin: record.origin.clone(),
        ..Noted::of(receipt, collection)
    };
    if let Err(error) = recorder::note(notes, outcome).await {
        context.stop.fail(error);
    }
}

/// Keeps a declined delete to be offered again, or gives it up.
async fn decline(
    context: &Context,
    notes: &mpsc::Sender<Note>,
    (offer, record): (&Offer, &Record),
    refusal: &Refusal,
) -> Result<(), EngineError> {
    let collection = &offer.collection;
    if refusal.class.may_resolve() {
        let folder = &context.settings.work_folder;
        collection.keep((&offer.change.key, record), refusal, folder)?;
    } else {
        give_up(context, notes, (collection, record), refusal).await?;
        if collection.owes_deletes() {
            // That it is owed is the answer.
            return Ok(());
        }
    }
    // Without an answer it is still not known what the target holds.
    if !refusal.class.is_transient() {
        recorder::answered(notes, (collection.name(), record.key.digest())).await?;
    }
    Ok(())
}

/// Offers again what was kept, in order, as long as any of it is deleted; what is left then is
/// counted as failed.
pub(crate) async fn offer_again(
    context: &Arc<Context>,
    (lanes, notes): (&Lanes, &mpsc::Sender<Note>),
    collections: &[Arc<CollectionRun>],
) -> Result<(), EngineError> {
    for _ in 0..ROUNDS_MAX {
        let before = settled(collections);
        let mut offered = 0_u64;
        for collection in collections {
            if context.stop.is_stopped() {
                break;
            }
            let kept = collection.take_kept();
            if kept.len() == 0 {
                continue;
            }
            offered += kept.len();
            context.observer.on(&Event::OfferingAgain(kept.len()));
            for waiting in kept.into_deletes()? {
                offer(lanes, collection, waiting?.0, OfferKind::Again).await;
            }
            collection.until_idle().await;
        }
        if offered == 0 || settled(collections) == before {
            break;
        }
    }
    for collection in collections {
        for waiting in collection.take_kept().into_deletes()? {
            let (change, refusal) = waiting?;
            if let Some(record) = &change.before {
                give_up(context, notes, (collection, record), &refusal).await?;
            }
        }
    }
    Ok(())
}

fn settled(collections: &[Arc<CollectionRun>]) -> u64 {
    collections
        .iter()
        .map(|collection| collection.report())
        .map(|report| report.deleted + report.missing)
        .sum()
}

/// Counts and tells a delete that stays declined, and notes it as owed where deletes are. It is no
/// reject: its record was not to be sent.
async fn give_up(
    context: &Context,
    notes: &mpsc::Sender<Note>,
    (collection, record): (&Arc<CollectionRun>, &Record),
    refusal: &Refusal,
) -> Result<(), EngineError> {
    // Where records are written as well, it has to be said that this one was to go.
    let prefix = match context.verb {
        Verb::Write => NOT_DELETED,
        Verb::Delete => "",
    };
    let messages: Vec<String> = refusal
        .messages
        .iter()
        .map(|message| format!("{prefix}{message}"))
        .collect();
    let reason = messages.join("; ");
    collection.note_failure(refusal.status, &messages, record.origin.as_ref());
    context.observer.on(&Event::Rejected {
        collection: collection.name().clone(),
        origin: record.origin.clone(),
        status: refusal.status,
        reason: reason.clone(),
    });
    if !collection.owes_deletes() {
        return Ok(());
    }
    if record.key.known_digest().is_some() && refusal.class == FailureClass::Content {
        collection.note_left_alone();
    }
    let class = OwedClass::Failed(refusal.class);
    owe(
        notes,
        collection,
        (&record.key, refusal.status, (class, reason)),
    )
    .await
}

/// What stands before the reason for which a record stays.
pub(crate) const NOT_DELETED: &str = "not deleted: ";

/// Notes that a delete is still to be made.
pub(crate) async fn owe(
    notes: &mpsc::Sender<Note>,
    collection: &Arc<CollectionRun>,
    (key, status, (class, reason)): (&Key, u16, (OwedClass, String)),
) -> Result<(), EngineError> {
    let owed = ReceiptResult::Owed {
        class,
        reason,
        key_text: key.as_str().to_owned(),
        payload: Bytes::new(),
        origin: String::new(),
    };
    note_key(notes, collection, (key, status, owed)).await
}

/// Notes what became of a key, of whose content nothing is said.
pub(crate) async fn note_key(
    notes: &mpsc::Sender<Note>,
    collection: &Arc<CollectionRun>,
    (key, status, result): (&Key, u16, ReceiptResult),
) -> Result<(), EngineError> {
    let receipt = Receipt {
        collection: collection.name().clone(),
        key: key.digest(),
        digest: Digest::of(b""),
        at: Timestamp::now().as_second(),
        status,
        handle: None,
        result,
    };
    recorder::note(notes, Noted::of(receipt, collection)).await
}
