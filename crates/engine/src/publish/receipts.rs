//! Receipts for deletes and changes of keys: what is under way, what is gone, and what is kept back.
//!
//! A delete that is owed has an empty payload. Whatever the reason, it is durable before the mark
//! moves, and the next run offers it again.

use syncline_ledger::{OwedClass, ReceiptResult, UnderWay};
use syncline_model::Key;

use super::part::Part;
use super::{Publication, Ways};
use crate::EngineError;
use crate::recorder;
use crate::removal::{self, NOT_DELETED};

/// Why a mark stays where the recorder has broken off.
const UNRECORDED: &str = "not everything could be recorded";

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
    let gone = (key, status, ReceiptResult::Gone);
    let noted = removal::note_key(&ways.notes, &part.run, gone);
    if noted.await.is_err() {
        part.stay_behind(UNRECORDED);
    }
}

/// Notes a delete that is kept back, and why.
pub(super) async fn keep_back(ways: &Ways, part: &Part, (key, reason): (&Key, &str)) {
    let why = (OwedClass::Held, format!("{NOT_DELETED}{reason}"));
    if removal::owe(&ways.notes, &part.run, (key, 0, why))
        .await
        .is_err()
    {
        part.stay_behind(UNRECORDED);
    }
}
