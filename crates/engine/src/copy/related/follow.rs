//! The rounds of look-ups.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use syncline_model::{Canonicaliser, Collection, Key, Record};
use syncline_store::{Batch, Query, StoreError};

use super::journal::{FoundLine, Line};
use super::keys::look_up_by;
use super::{Find, Related, Wanted};
use crate::EngineError;
use crate::copy::part::Part;
use crate::copy::{Parts, Shared};

/// Rounds of look-ups at most: references of references of references.
const ROUNDS_MAX: usize = 32;
/// Look-ups under way at once; the source bounds its requests further.
const LOOKUPS_TOGETHER: usize = 16;

type Found = Result<Option<Find>, StoreError>;

/// Copies once more what earlier runs have found, without asking for it.
async fn recall(shared: &Shared, parts: &mut Parts, related: &Related) -> Result<(), EngineError> {
    for line in related.found_earlier()? {
        let Line::Found(FoundLine { found, payload, .. }) = line? else {
            continue;
        };
        let Some(collection) = related.collections.get(&found) else {
            continue;
        };
        if shared.stop.is_cancelled() {
            return Ok(());
        }
        let payload = Bytes::from(payload.get().to_owned());
        if let Ok((key, digest)) = Canonicaliser::new(collection).read(&payload) {
            let record = Record {
                key,
                digest,
                payload,
                handle: None,
                origin: None,
            };
            write(shared, parts, (Arc::clone(collection), record)).await?;
        }
    }
    Ok(())
}

/// Looks up and copies until nothing new is named.
pub(in crate::copy) async fn follow(
    shared: &Arc<Shared>,
    parts: &mut Parts,
) -> Result<(), EngineError> {
    let Some(related) = &shared.related else {
        return Ok(());
    };
    recall(shared, parts, related).await?;
    for _ in 0..ROUNDS_MAX {
        let waiting = related.take_waiting();
        if waiting.is_empty() || shared.stop.is_cancelled() {
            return Ok(());
        }
        let mut lookups = futures_util::stream::iter(waiting)
            .map(|wanted| look_up(shared, wanted))
            .buffer_unordered(LOOKUPS_TOGETHER);
        while let Some((wanted, found)) = lookups.next().await {
            if shared.stop.is_cancelled() {
                return Ok(());
            }
            settle(shared, parts, (&wanted, found?)).await?;
        }
    }
    let unfinished = related.is_full() || !related.take_waiting().is_empty();
    if unfinished {
        let reason = "further records are referred to than can be followed".to_owned();
        for part in parts.values() {
            part.note_partial(reason.clone());
        }
    }
    Ok(())
}

/// Writes what was found, and notes what it refers to in turn.
async fn settle(
    shared: &Shared,
    parts: &mut Parts,
    (wanted, found): (&Wanted, Option<Find>),
) -> Result<(), EngineError> {
    let Some(found) = found else {
        if let Some(part) = parts.get(&wanted.from) {
            part.note_problem("something it refers to was not found".to_owned());
        }
        return Ok(());
    };
    if let Some(related) = &shared.related {
        if related.is_whole(&found.0.name) {
            // It is among what is copied anyway; where it was looked for was not certain.
            return Ok(());
        }
        related.note_found(wanted, &found)?;
    }
    shared.note_batch();
    write(shared, parts, found).await
}

/// Adds a record to what is copied of its collection.
async fn write(
    shared: &Shared,
    parts: &mut Parts,
    (collection, record): Find,
) -> Result<(), EngineError> {
    let part = parts
        .entry(collection.name.clone())
        .or_insert_with(|| Arc::new(Part::new(collection)));
    part.note_looked_up();
    part.write(shared, vec![record]).await?;
    Ok(())
}

/// Looks where a record may be until it is found.
async fn look_up(shared: &Shared, wanted: Wanted) -> (Wanted, Found) {
    for (collection, key) in &wanted.places {
        match one(shared, collection, key).await {
            Ok(Some(record)) => {
                let found = (Arc::clone(collection), record);
                return (wanted, Ok(Some(found)));
            }
            Ok(None) => {}
            // A collection that may not be read holds nothing that could be copied.
            Err(error) if !error.is_transient() => {}
            Err(error) => return (wanted, Err(error)),
        }
    }
    (wanted, Ok(None))
}

/// The record with a key, asked for by the fields of the key.
async fn one(
    shared: &Shared,
    collection: &Arc<Collection>,
    key: &Key,
) -> Result<Option<Record>, StoreError> {
    let query = Query {
        scope: look_up_by(collection, key),
        ..Query::records(Arc::clone(collection))
    };
    let mut stream = shared.source.read(query).await?;
    while let Some(batch) = stream.next().await {
        if let Batch::Put(records) = batch? {
            let found = records.into_iter().find(|record| same(&record.key, key));
            if found.is_some() {
                return Ok(found);
            }
        }
    }
    Ok(None)
}

/// Sources find keys without regard to case, as descriptors are written in any.
fn same(one: &Key, other: &Key) -> bool {
    one == other || one.as_str().to_lowercase() == other.as_str().to_lowercase()
}
