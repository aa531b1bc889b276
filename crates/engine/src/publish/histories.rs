//! What went and what changed its key since the marks.
//!
//! Keys that went are read first, several collections at once, and only kept: they are deleted
//! last. Changes of keys are made at once, in load order. One that the target does not make
//! becomes a delete of the old key; the record under its new key comes with the records.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::StreamExt as _;
use syncline_model::{Change, Coverage, Digest, FailureClass, Key, Mark, Outcome};
use syncline_store::{Batch, Query, Store as _, StoreError, Want};

use super::gone::Gone;
use super::part::Part;
use super::receipts::note_gone;
use super::{Publication, Ways};
use crate::EngineError;
use crate::context::lock;

/// Collections whose deletes are read at once.
const TOGETHER: usize = 8;
/// Changes of keys that are under way at once at most.
const REKEYS_TOGETHER: usize = 16;

/// Reads the keys that went, of all collections.
pub(crate) async fn read_gone(publication: &Publication) -> Result<(), EngineError> {
    let parts = publication
        .in_order()
        .filter(|part| part.position.gone.is_some() && !publication.is_up_to_date(part));
    let mut readings = futures_util::stream::iter(parts)
        .map(|part| gone_of(publication, part))
        .buffer_unordered(TOGETHER);
    while let Some(read) = readings.next().await {
        read?;
        if publication.context.stop.is_stopped() {
            return Ok(());
        }
    }
    Ok(())
}

async fn gone_of(publication: &Publication, part: &Part) -> Result<(), EngineError> {
    let folder = &publication.context.settings.work_folder;
    let query = query(part, Want::Gone, part.position.gone.as_ref());
    let result = read(publication, part, query, async |batch| {
        if let Batch::Gone(keys) = batch {
            Part::count_many(&part.gone_read, keys.len() as u64);
            part.state().gone.add(&keys, folder)?;
        }
        Ok(())
    });
    result.await
}

/// Makes the changes of keys, in load order.
pub(crate) async fn rekey(publication: &Arc<Publication>, ways: &Ways) -> Result<(), EngineError> {
    for part in publication.in_order() {
        if publication.is_up_to_date(part) {
            continue;
        }
        for since in &part.position.rekeyed {
            let query = query(part, Want::Rekeyed, Some(since));
            let result = read(publication, part, query, async |batch| {
                if let Batch::Rekeyed(pairs) = batch {
                    apply(publication, (part, ways), pairs).await?;
                }
                Ok(())
            });
            result.await?;
            if part.state().unproved.is_some() {
                // What is not told since one moment is not told since another.
                break;
            }
        }
        if publication.context.stop.is_stopped() {
            break;
        }
    }
    Ok(())
}

fn query(part: &Part, want: Want, since: Option<&Mark>) -> Query {
    Query {
        since: since.cloned(),
        want,
        ..Query::records(Arc::clone(part.run.collection()))
    }
}

/// Reads one sort of history of a collection to its end.
async fn read(
    publication: &Publication,
    part: &Part,
    query: Query,
    mut take: impl AsyncFnMut(Batch) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    let mut stream = match publication.context.source.read(query).await {
        Ok(stream) => stream,
        Err(error) => return part.fail(error),
    };
    loop {
        let batch = tokio::select! {
            biased;
            () = publication.context.stop.stopped() => return Ok(()),
            batch = stream.next() => batch,
        };
        match batch.unwrap_or_else(|| Err(broken_off(part))) {
            Ok(Batch::End { coverage, .. }) => {
                note_coverage(publication, part, coverage);
                return Ok(());
            }
            Ok(Batch::Reached(_)) => {}
            Ok(batch) => take(batch).await?,
            Err(error) => return part.fail(error),
        }
    }
}

/// What a list does not tell shows when everything is read and compared, deletes included. Where
/// nothing is to be deleted, old keys stay like all that went, and the report says why.
fn note_coverage(publication: &Publication, part: &Part, coverage: Coverage) {
    match coverage {
        Coverage::Partial(reason) if publication.ignore_deletes => part.leave_unproved(reason),
        Coverage::Partial(reason) => part.read_as_a_whole(Some(reason)),
        Coverage::Complete(_) => {}
    }
}

pub(crate) fn broken_off(part: &Part) -> StoreError {
    let message = format!("the reading of {} broke off before its end", part.name());
    StoreError::new(syncline_store::ErrorKind::Unavailable, message)
}

/// Makes changes of keys, side by side unless one takes the key that another gives up.
async fn apply(
    publication: &Publication,
    (part, ways): (&Part, &Ways),
    pairs: Vec<(Key, Key)>,
) -> Result<(), EngineError> {
    let given_up: HashSet<Digest> = pairs.iter().map(|(from, _)| from.digest()).collect();
    let chained = pairs.iter().any(|(_, to)| given_up.contains(&to.digest()));
    let most = publication.context.settings.concurrency_max;
    let together = if chained {
        1
    } else {
        most.clamp(1, REKEYS_TOGETHER)
    };
    let mut changes = futures_util::stream::iter(pairs)
        .filter(|(from, to)| std::future::ready(from != to))
        .map(|(from, to)| one(publication, (part, ways), (from, to)))
        .buffered(together);
    while let Some(done) = changes.next().await {
        done?;
    }
    Ok(())
}

async fn one(
    publication: &Publication,
    (part, ways): (&Part, &Ways),
    (from, to): (Key, Key),
) -> Result<(), EngineError> {
    let context = &publication.context;
    let held = publication.carried(part, &from);
    let moved = || lock(&publication.moved).note(part.name(), from.clone(), to.clone());
    if held == to {
        // The target has carried it all on by itself.
        moved();
        note_gone(ways, part, (&from, 0)).await;
        return Ok(());
    }
    let change = Change::rekey(held.clone(), to.clone());
    let outcomes = context.target.write(&[change], &part.run.context).await?;
    match outcomes.into_iter().next() {
        Some(Outcome::Done { status, .. }) => {
            Part::count(&part.rekeyed);
            moved();
            note_gone(ways, part, (&from, status)).await;
        }
        Some(Outcome::Refused(refusal)) if refusal.class == FailureClass::Gone => {
            moved();
            note_gone(ways, part, (&from, refusal.status)).await;
        }
        _ => {
            let folder = &context.settings.work_folder;
            part.state().gone.add(&[held, from], folder)?;
        }
    }
    Ok(())
}

/// Keys that went are looked for as the target has them now, besides as the source told them.
pub(crate) fn carry_gone(publication: &Publication) -> Result<(), EngineError> {
    if lock(&publication.moved).is_empty() {
        return Ok(());
    }
    let folder = &publication.context.settings.work_folder;
    for part in publication.parts.values() {
        let told = std::mem::take(&mut part.state().gone);
        let mut gone = Gone::default();
        for key in told.into_keys()? {
            let key = key?;
            let held = publication.carried(part, &key);
            gone.add(&[key, held], folder)?;
        }
        part.state().gone = gone;
    }
    Ok(())
}
