//! Collections that are read as a whole and compared with the ledger: what the ledger holds and
//! the source does not, went.
//!
//! It takes the place of deletes that the source does not tell, and comes on top of them where
//! everything is read anew. Only a reading that came to its end and covers everything says what
//! went. It is not bound to the moment of the run: a record that is written meanwhile leaves the
//! window of that moment, and would pass for gone.

use std::sync::Arc;

use jiff::Timestamp;
use syncline_ledger::{Known, Receipt, ReceiptResult};
use syncline_model::{CollectionName, Digest, Key, Record, Scope};
use syncline_plan::RowSorter;

use super::part::Part;
use super::{Publication, Ways};
use crate::EngineError;
use crate::context::{Context, lock};
use crate::prune::handles::Shared;
use crate::recorder::{self, Noted};
use crate::sorted_keys::SortedKeys;

/// Bytes of keys of one collection that are held in memory; the rest waits on disk.
const MEMORY_BUDGET: usize = 16 << 20;
/// Keys that went and are put down together.
const KEYS_TOGETHER: usize = 4096;

/// A reading of a whole collection.
pub(crate) struct Whole {
    /// Why it is read so, if nobody asked for that.
    pub(crate) reason: Option<String>,
    /// The keys that were read; nothing once they have been compared.
    seen: Option<RowSorter<16>>,
    /// Whether it came to its end and was compared.
    pub(crate) compared: bool,
}

impl Whole {
    pub(crate) const fn new(reason: Option<String>) -> Self {
        Self {
            reason,
            seen: None,
            compared: false,
        }
    }

    /// Remembers that the source has these records.
    pub(crate) fn see(&mut self, context: &Context, records: &[Record]) -> Result<(), EngineError> {
        let sorter = || RowSorter::new(&context.settings.work_folder, MEMORY_BUDGET);
        let seen = self.seen.get_or_insert_with(sorter);
        for record in records {
            seen.push(*record.key.digest().as_bytes())?;
        }
        Ok(())
    }
}

/// The scope of a reading that is not bound to the moment of a feed.
pub(crate) const fn unbounded() -> Scope {
    Scope::Matching(Vec::new())
}

/// Adds what went to the keys to be deleted, once all receipts of the collection are durable.
pub(crate) async fn compare(
    publication: &Publication,
    ways: &Ways,
    part: &Arc<Part>,
) -> Result<(), EngineError> {
    let context = &publication.context;
    recorder::flush(context, &ways.notes).await;
    let seen = match &mut part.state().whole {
        Some(whole) => {
            whole.compared = true;
            whole.seen.take()
        }
        None => return Ok(()),
    };
    let (work, compared) = (Arc::clone(context), Arc::clone(part));
    let nothing = tokio::task::spawn_blocking(move || note_gone(&work, &compared, seen));
    for known in nothing.await.unwrap_or(Err(EngineError::Defect))? {
        forget(ways, part, &known).await?;
    }
    Ok(())
}

/// Notes what the ledger holds of a collection and was not seen as gone. What is left are changes that
/// nobody asks for any more: keys under which the target holds nothing. Blocks.
fn note_gone(
    context: &Context,
    part: &Part,
    seen: Option<RowSorter<16>>,
) -> Result<Vec<Known>, EngineError> {
    let name = part.name();
    let gone = only_in_ledger(context, name, seen)?;
    // A record that goes by two keys is still there under the other one.
    let digests = gone.iter().map(|digest| Ok(*digest));
    let shared = Shared::find(context, name, digests)?;
    let mut nothing = Vec::new();
    for digests in gone.chunks(KEYS_TOGETHER) {
        let mut keys = Vec::with_capacity(digests.len());
        for digest in digests {
            let row = lock(&context.ledger).find(context.scope, name, digest)?;
            let Some((known, handle)) = row else { continue };
            match key(context, name, &known)?.filter(|_| !shared.has(handle.as_ref())) {
                Some(key) => keys.push(key),
                None => nothing.push(known),
            }
        }
        let folder = &context.settings.work_folder;
        let added = part.state().gone.add_new(&keys, folder)?;
        Part::count_many(&part.gone_read, added);
    }
    Ok(nothing)
}

/// The keys that the ledger holds of a collection and that were not seen.
fn only_in_ledger(
    context: &Context,
    name: &CollectionName,
    seen: Option<RowSorter<16>>,
) -> Result<Vec<Digest>, EngineError> {
    let mut seen = seen.map(SortedKeys::of).transpose()?;
    let mut gone = Vec::new();
    let scan = lock(&context.ledger).scan(context.scope, name)?;
    for known in scan {
        let key = known?.key;
        let is_seen = seen.as_mut().map(|seen| seen.has(&key)).transpose()?;
        if is_seen != Some(true) {
            gone.push(key);
        }
    }
    Ok(gone)
}

/// By which key a record is deleted; nothing if the target cannot hold it. What was offered last is
/// known by its key: what became of that may not be known, so what the target holds under it is not
/// compared with anything.
fn key(
    context: &Context,
    name: &CollectionName,
    known: &Known,
) -> Result<Option<Key>, EngineError> {
    let owed = if known.outcome.is_settled() {
        None
    } else {
        lock(&context.ledger).owed_key(context.scope, name, &known.key)?
    };
    let owed = owed.filter(|key| !key.is_content());
    Ok(owed.or_else(|| known.held.map(|_| Key::of_digest(known.key))))
}

async fn forget(ways: &Ways, part: &Part, known: &Known) -> Result<(), EngineError> {
    let receipt = Receipt {
        collection: part.name().clone(),
        key: known.key,
        digest: known.digest,
        at: Timestamp::now().as_second(),
        status: known.status,
        handle: None,
        result: ReceiptResult::Gone,
    };
    recorder::note(&ways.notes, Noted::of(receipt, &part.run)).await
}
