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
use syncline_model::{CollectionName, Key, Record, Scope};
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
    gone: Vec<Key>,
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
    let added = part
        .state()
        .gone
        .add_new(&found.gone, &context.settings.work_folder)?;
    Part::count_many(&part.gone_read, added);
    Ok(())
}

/// What the ledger holds of a collection and was not seen. Blocks.
fn only_in_ledger(
    context: &Context,
    name: &CollectionName,
    seen: Option<RowSorter<16>>,
) -> Result<Found, EngineError> {
    let mut gone: Vec<Known> = Vec::new();
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
        gone.push(known);
    }
    // A record that goes by two keys is still there under the other one.
    let shared = Shared::find(context, name, gone.iter().map(|known| Ok(known.key)))?;
    let mut found = Found::default();
    for known in gone {
        let row = lock(&context.ledger).find(context.scope, name, &known.key)?;
        let is_shared = row.is_some_and(|(_, handle)| shared.has(handle.as_ref()));
        match key(context, name, &known)?.filter(|_| !is_shared) {
            Some(key) => found.gone.push(key),
            None => found.nothing.push(known),
        }
    }
    Ok(found)
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
