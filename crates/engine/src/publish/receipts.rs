//! Receipts for deletes and changes of keys: what is under way, what is gone, and what is still to
//! be deleted.
//!
//! A delete that is owed has an empty payload. Whatever the reason, it is durable before the mark
//! moves, and the next run offers it again.

use bytes::Bytes;
use jiff::Timestamp;
use syncline_ledger::{OwedClass, Receipt, ReceiptResult, UnderWay};
use syncline_model::{Digest, Key, Refusal};

use super::part::Part;
use super::{Publication, Ways};
use crate::recorder::{self, Noted};
use crate::{EngineError, Event};

/// Waits until the ledger knows that the target may soon hold some keys otherwise: `changes` of each
/// are on their way, whose answers are waited for. False if the run stops before.
pub(super) async fn announce(
    publication: &Publication,
    ways: &Ways,
    (part, keys, changes): (&Part, &[&Key], u32),
) -> Result<bool, EngineError> {
    let under_way = keys.iter().map(|key| UnderWay {
        collection: part.name().clone(),
        key: (*key).clone(),
        changes,
    });
    let known = recorder::announce(&ways.notes, under_way.collect()).await?;
    Ok(known.wait(&publication.context).await)
}

/// Notes that the target no longer holds a key.
pub(super) async fn note_gone(ways: &Ways, part: &Part, (key, status): (&Key, u16)) {
    note(ways, part, (key, status, ReceiptResult::Gone)).await;
}

/// Counts a delete that was not made, and notes it as owed.
pub(super) async fn owe(
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
    let class = OwedClass::Failed(refusal.class);
    let owed = owed(class, messages.join("; "), key);
    note(ways, part, (key, refusal.status, owed)).await;
}

/// Notes a delete that is kept back, and why.
pub(super) async fn keep_back(ways: &Ways, part: &Part, (key, reason): (&Key, &str)) {
    let owed = owed(OwedClass::Held, format!("not deleted: {reason}"), key);
    note(ways, part, (key, 0, owed)).await;
}

fn owed(class: OwedClass, reason: String, key: &Key) -> ReceiptResult {
    ReceiptResult::Owed {
        class,
        reason,
        key_text: key.as_str().to_owned(),
        payload: Bytes::new(),
        origin: String::new(),
    }
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
    let noted = Noted::of(receipt, &part.run);
    if recorder::note(&ways.notes, noted).await.is_err() {
        part.stay_behind("not everything could be recorded");
    }
}
