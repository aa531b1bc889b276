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

/// Bytes of keys of one collection that are held in memory; the rest waits on disk.
const MEMORY_BUDGET: usize = 16 << 20;

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

/// What a comparison found: keys that went, and changes that nobody asks for any more.
#[derive(Default)]
struct Found {
    gone: Vec<Digest>,
    /// Keys under which the target holds nothing.
    nothing: Vec<Known>,
}

/// Adds what went to the keys to be deleted, once all receipts of the collection are durable.
pub(crate) async fn compare(
    publication: &Publication,
    ways: &Ways,
    part: &Part,
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
    let name = part.name().clone();
    let work = Arc::clone(context);
    let found = tokio::task::spawn_blocking(move || only_in_ledger(&work, &name, seen));
    let found = found.await.unwrap_or(Err(EngineError::Defect))?;
    for known in &found.nothing {
        forget(ways, part, known).await?;
    }
    let keys: Vec<Key> = found.gone.into_iter().map(Key::of_digest).collect();
    let added = part
        .state()
        .gone
        .add_new(&keys, &context.settings.work_folder)?;
    Part::count_many(&part.gone_read, added);
    Ok(())
}

/// What the ledger holds of a collection and was not seen. Blocks.
fn only_in_ledger(
    context: &Context,
    name: &CollectionName,
    seen: Option<RowSorter<16>>,
) -> Result<Found, EngineError> {
    let mut found = Found::default();
    let mut seen = seen
        .map(RowSorter::finish)
        .transpose()?
        .into_iter()
        .flatten();
    let mut next = seen.next().transpose()?;
    let scan = lock(&context.ledger).scan(context.scope, name)?;
    for known in scan {
        let known = known?;
        while next.is_some_and(|row| row < *known.key.as_bytes()) {
            next = seen.next().transpose()?;
        }
        if next == Some(*known.key.as_bytes()) {
            continue;
        }
        match known.held {
            Some(_) => found.gone.push(known.key),
            None => found.nothing.push(known),
        }
    }
    // A record that goes by two keys is still there under the other one.
    let shared = Shared::find(context, name, found.gone.iter().map(|key| Ok(*key)))?;
    let ledger = lock(&context.ledger);
    for key in std::mem::take(&mut found.gone) {
        match ledger.find(context.scope, name, &key)? {
            Some((known, handle)) if shared.has(handle.as_ref()) => found.nothing.push(known),
            _ => found.gone.push(key),
        }
    }
    Ok(found)
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
