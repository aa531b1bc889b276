//! What is noted of changes that are not offered.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use syncline_ledger::{OwedClass, Receipt, ReceiptResult};
use syncline_model::Digest;
use syncline_plan::{PlannedChange, PlannedKey};
use tokio::sync::mpsc;

use super::made::text_of;
use crate::EngineError;
use crate::collection::CollectionRun;
use crate::context::{Context, lock};
use crate::outcomes::{ChangeOutcome, OutcomeWord};
use crate::recorder::{self, Note, Noted};

/// Notes the outcome of a change that is not offered.
pub(super) fn note_outcome(
    context: &Context,
    planned: &PlannedChange,
    (outcome, reason): (OutcomeWord, String),
) -> Result<(), EngineError> {
    Ok(context.outcomes.add(&ChangeOutcome {
        collection: planned.collection.clone(),
        kind: planned.kind,
        key: text_of(&planned.key).as_str().to_owned(),
        outcome,
        status: 0,
        reason,
    })?)
}

/// Remembers that a record was missed, for grace; nothing is sent.
pub(super) async fn note_missed(
    (context, collection, notes): (&Context, &Arc<CollectionRun>, &mpsc::Sender<Note>),
    planned: &PlannedChange,
    reason: &str,
) -> Result<(), EngineError> {
    let PlannedKey::Text(key) = &planned.key else {
        return Ok(());
    };
    let held = planned
        .sides
        .as_ref()
        .and_then(|sides| sides.before.as_ref());
    let receipt = Receipt {
        collection: collection.name().clone(),
        key: key.digest(),
        digest: held.map_or_else(|| Digest::of(b""), |held| Digest::of(held.bytes())),
        at: Timestamp::now().as_second().max(context.started),
        status: 0,
        handle: None,
        result: ReceiptResult::Owed {
            class: OwedClass::Held,
            reason: reason.to_owned(),
            key_text: key.as_str().to_owned(),
            payload: Bytes::new(),
            origin: String::new(),
        },
    };
    recorder::note(notes, Noted::of(receipt, collection)).await
}

/// What is owed from before this run and is no part of it differs no more: the whole flow was
/// compared, and what still differs was offered again.
pub(super) fn give_up_what_no_longer_differs(
    context: &Context,
    sequence: &[Arc<CollectionRun>],
) -> Result<(), EngineError> {
    for collection in sequence.iter().filter(|one| one.is_covered()) {
        let mut ledger = lock(&context.ledger);
        for owed in ledger.owed(context.scope, Some(collection.name()))? {
            let owed = owed?;
            if owed.last_at < context.started {
                ledger.forget_owed(context.scope, collection.name(), &owed.key)?;
            }
        }
    }
    Ok(())
}
