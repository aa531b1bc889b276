//! Deleting: what outcomes of deletes mean, and offering again those that something still
//! referred to.
//!
//! A delete that did not succeed is not owed: whoever wants it asks again. So what is to be
//! offered again waits in memory, within a bound, and only for the length of the run.

use std::sync::Arc;

use jiff::Timestamp;
use syncline_ledger::{Receipt, ReceiptResult};
use syncline_model::{Change, Done, FailureClass, Outcome, Record, Refusal};
use tokio::sync::mpsc;

use crate::collection::CollectionRun;
use crate::context::Context;
use crate::feed::offer;
use crate::lanes::{Lanes, Offer, OfferKind};
use crate::recorder::{self, Note, Noted};
use crate::{Event, Verb};

/// Deletes of one collection that may wait to be offered again.
pub(crate) const KEPT_MAX: usize = 50_000;
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
            if !refusal.class.may_resolve() || !collection.keep(&offer.change, &refusal) {
                tell(context, collection, record, &refusal);
            }
            // Without an answer it is still not known what the target holds.
            if !refusal.class.is_transient() {
                let key = (collection.name(), record.key.digest());
                if let Err(error) = recorder::answered(notes, key).await {
                    context.stop.fail(error);
                }
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

/// Offers again what was kept, in order, as long as any of it is deleted; what is left then is
/// counted as failed.
pub(crate) async fn offer_again(
    context: &Arc<Context>,
    lanes: &Lanes,
    collections: &[Arc<CollectionRun>],
) {
    for _ in 0..ROUNDS_MAX {
        let before = settled(collections);
        let mut offered = 0_u64;
        for collection in collections {
            let kept = collection.take_kept();
            if kept.is_empty() || context.stop.is_stopped() {
                continue;
            }
            offered += kept.len() as u64;
            context
                .observer
                .on(&Event::OfferingAgain(kept.len() as u64));
            for (change, _) in kept {
                offer(lanes, collection, change, OfferKind::Again).await;
            }
            collection.until_idle().await;
        }
        if offered == 0 || settled(collections) == before {
            break;
        }
    }
    for collection in collections {
        for (change, refusal) in collection.take_kept() {
            if let Some(record) = &change.before {
                tell(context, collection, record, &refusal);
            }
        }
    }
}

fn settled(collections: &[Arc<CollectionRun>]) -> u64 {
    collections
        .iter()
        .map(|collection| collection.report())
        .map(|report| report.deleted + report.missing)
        .sum()
}

/// Counts and tells a delete that was declined. It is no reject: its record was not to be sent.
fn tell(context: &Context, collection: &CollectionRun, record: &Record, refusal: &Refusal) {
    // Where records are written as well, it has to be said that this one was to go.
    let prefix = match context.verb {
        Verb::Write => "not deleted: ",
        Verb::Delete => "",
    };
    let messages: Vec<String> = refusal
        .messages
        .iter()
        .map(|message| format!("{prefix}{message}"))
        .collect();
    collection.note_failure(refusal.status, &messages, record.origin.as_ref());
    context.observer.on(&Event::Rejected {
        collection: collection.name().clone(),
        origin: record.origin.clone(),
        status: refusal.status,
        reason: messages.join("; "),
    });
}

/// A delete that waits, and why it was declined.
pub(crate) type Kept = (Change, Refusal);
