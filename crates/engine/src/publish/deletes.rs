//! Deleting what went, last and in reverse load order.
//!
//! The target looks each record up by its key before it goes. What something still refers to is
//! tried again when others have gone; what remains is owed, with an empty payload.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use jiff::Timestamp;
use syncline_ledger::{OwedClass, Receipt, ReceiptResult};
use syncline_model::{Change, Digest, Done, FailureClass, Key, Outcome, Record, Refusal};
use syncline_store::Store as _;

use super::part::Part;
use super::{Publication, Ways};
use crate::recorder::{Note, Noted};
use crate::{EngineError, Event};

/// Most rounds in which deletes are tried again.
const ROUNDS_MAX: usize = 20;

/// Keys that could not be deleted, and why.
type Kept = Vec<(Arc<Part>, Key, Refusal)>;

/// Deletes what went, of all collections; how many records that were.
pub(crate) async fn delete(
    publication: &Arc<Publication>,
    ways: &Ways,
) -> Result<u64, EngineError> {
    let context = &publication.context;
    let mut deleted = 0;
    let mut kept = Kept::new();
    for part in publication.in_order().rev() {
        if context.stop.is_stopped() {
            return Ok(deleted);
        }
        let gone = std::mem::take(&mut part.state().gone);
        let keys = gone.into_keys()?.map(|key| key.map_err(EngineError::from));
        let keys =
            futures_util::stream::iter(keys.map(|key| key.map(|key| (Arc::clone(part), key))));
        let mut outcomes = std::pin::pin!(
            keys.map(|key| async { try_one(publication, key?).await })
                .buffer_unordered(context.settings.concurrency_max.max(1))
        );
        while let Some(outcome) = outcomes.next().await {
            deleted += settle(publication, ways, (outcome?, &mut kept)).await;
        }
    }
    for _ in 0..ROUNDS_MAX {
        let before = deleted;
        if kept.is_empty() || context.stop.is_stopped() {
            break;
        }
        context
            .observer
            .on(&Event::OfferingAgain(kept.len() as u64));
        let again = std::mem::take(&mut kept);
        for (part, key, _) in again {
            let outcome = try_one(publication, (part, key)).await?;
            deleted += settle(publication, ways, (outcome, &mut kept)).await;
        }
        if deleted == before {
            break;
        }
    }
    for (part, key, refusal) in kept {
        owe(publication, ways, (&part, &key, &refusal)).await;
    }
    Ok(deleted)
}

/// A key and what became of deleting it; nothing if the run stopped before there was an answer.
type Tried = (Arc<Part>, Key, Option<Outcome>);

async fn try_one(
    publication: &Publication,
    (part, key): (Arc<Part>, Key),
) -> Result<Tried, EngineError> {
    let context = &publication.context;
    if context.stop.is_stopped() {
        part.stay_behind("the run stopped before everything was deleted");
        return Ok((part, key, None));
    }
    let record = Record {
        key: key.clone(),
        digest: Digest::of(b""),
        payload: Bytes::new(),
        handle: None,
        origin: None,
    };
    let changes = [Change::delete(record)];
    let outcomes = context.target.write(&changes, &part.run.context).await?;
    Ok((part, key, outcomes.into_iter().next()))
}

/// Notes what became of a delete; 1 if something is gone that was there.
async fn settle(
    publication: &Publication,
    ways: &Ways,
    ((part, key, outcome), kept): (Tried, &mut Kept),
) -> u64 {
    match outcome {
        None => 0,
        Some(Outcome::Done { done, status, .. }) => {
            note_gone(ways, &part, (&key, status)).await;
            if done == Done::Unchanged {
                part.run.note_missing();
                return 0;
            }
            part.run.note_done(done, status);
            1
        }
        Some(Outcome::Refused(refusal)) if refusal.class == FailureClass::Gone => {
            part.run.note_missing();
            note_gone(ways, &part, (&key, refusal.status)).await;
            0
        }
        Some(Outcome::Refused(refusal) | Outcome::Failed(refusal)) => {
            if refusal.class.may_resolve() {
                kept.push((part, key, refusal));
            } else {
                owe(publication, ways, (&part, &key, &refusal)).await;
            }
            0
        }
        Some(Outcome::Held(guard)) => {
            let refusal = Refusal::new(FailureClass::Denied, 0, guard);
            owe(publication, ways, (&part, &key, &refusal)).await;
            0
        }
    }
}

/// Notes that the target no longer holds a key.
pub(crate) async fn note_gone(ways: &Ways, part: &Part, (key, status): (&Key, u16)) {
    note(ways, part, (key, status, ReceiptResult::Gone)).await;
}

/// Counts a delete that was not made, and notes it as owed.
async fn owe(
    publication: &Publication,
    ways: &Ways,
    (part, key, refusal): (&Part, &Key, &Refusal),
) {
    let messages: Vec<String> = refusal
        .messages
        .iter()
        .map(|message| format!("not deleted: {message}"))
        .collect();
    part.run.note_failure(refusal.status, &messages, None);
    publication.context.observer.on(&Event::Rejected {
        collection: part.name().clone(),
        origin: None,
        status: refusal.status,
        reason: messages.join("; "),
    });
    let owed = ReceiptResult::Owed {
        class: OwedClass::Failed(refusal.class),
        reason: messages.join("; "),
        key_text: key.as_str().to_owned(),
        payload: Bytes::new(),
        origin: String::new(),
    };
    note(ways, part, (key, refusal.status, owed)).await;
}

async fn note(ways: &Ways, part: &Part, (key, status, result): (&Key, u16, ReceiptResult)) {
    let receipt = Receipt {
        collection: part.name().clone(),
        key: key.digest(),
        digest: Digest::of(b""),
        at: Timestamp::now().as_second(),
        status,
        handle: None,
        result,
    };
    let noted = Noted {
        receipt,
        collection: Arc::clone(&part.run),
        origin: None,
        first: false,
    };
    if ways
        .notes
        .send(Note::Receipt(Box::new(noted)))
        .await
        .is_err()
    {
        part.stay_behind("not everything could be recorded");
    }
}
