//! What went and what changed its key since the marks.
//!
//! Keys that went are read first, several collections at once, and only kept: they are deleted
//! last. Changes of keys are made at once, in load order. One that the target does not make
//! becomes a delete of the old key; the record under its new key comes with the records.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::StreamExt as _;
use syncline_model::{Change, Digest, FailureClass, Key, Outcome};
use syncline_store::{Batch, Query, Store as _, StoreError, Want};

use super::part::Part;
use super::{Publication, Ways, deletes};
use crate::EngineError;

/// Collections whose deletes are read at once.
const TOGETHER: usize = 8;
/// Changes of keys that are under way at once at most.
const REKEYS_TOGETHER: usize = 16;

/// Reads the keys that went, of all collections.
pub(crate) async fn read_gone(publication: &Publication) -> Result<(), EngineError> {
    let parts = publication
        .in_order()
        .filter(|part| part.position.history_since().is_some() && !publication.is_up_to_date(part));
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
    let result = read(publication, part, Want::Gone, async |batch| {
        if let Batch::Gone(keys) = batch {
            part.gone_read
                .fetch_add(keys.len() as u64, Ordering::Relaxed);
            part.state().gone.add(&keys, folder)?;
        }
        Ok(())
    });
    result.await
}

/// Makes the changes of keys, in load order.
pub(crate) async fn rekey(publication: &Arc<Publication>, ways: &Ways) -> Result<(), EngineError> {
    for part in publication.in_order() {
        if part.position.history_since().is_none() || publication.is_up_to_date(part) {
            continue;
        }
        let result = read(publication, part, Want::Rekeyed, async |batch| {
            if let Batch::Rekeyed(pairs) = batch {
                apply(publication, (part, ways), pairs).await?;
            }
            Ok(())
        });
        result.await?;
        if publication.context.stop.is_stopped() {
            break;
        }
    }
    Ok(())
}

/// Reads one sort of history of a collection to its end.
async fn read(
    publication: &Publication,
    part: &Part,
    want: Want,
    mut take: impl AsyncFnMut(Batch) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    let query = Query {
        since: part.position.history_since().cloned(),
        want,
        ..Query::records(Arc::clone(part.run.collection()))
    };
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
                part.note_coverage(&coverage);
                return Ok(());
            }
            Ok(batch) => take(batch).await?,
            Err(error) => return part.fail(error),
        }
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
    let change = Change::rekey(from.clone(), to);
    let outcomes = context.target.write(&[change], &part.run.context).await?;
    match outcomes.into_iter().next() {
        Some(Outcome::Done { status, .. }) => {
            Part::count(&part.rekeyed);
            deletes::note_gone(ways, part, (&from, status)).await;
        }
        Some(Outcome::Refused(refusal)) if refusal.class == FailureClass::Gone => {
            deletes::note_gone(ways, part, (&from, refusal.status)).await;
        }
        _ => part
            .state()
            .gone
            .add(&[from], &context.settings.work_folder)?,
    }
    Ok(())
}
