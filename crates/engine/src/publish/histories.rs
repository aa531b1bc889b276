//! What went and what changed its key since the marks.
//!
//! Keys that went are read first, several collections at once, and only kept: they are deleted
//! last. Changes of keys are made at once, in load order. One that the target does not make
//! becomes a delete of the old key; the record under its new key comes with the records. What was
//! read and made is remembered page by page, and a run that is killed goes on after that.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::StreamExt as _;
use syncline_model::{Change, Coverage, Digest, FailureClass, Key, Outcome};
use syncline_store::{Batch, Places, Query, Store as _, StoreError};

use super::gone::Gone;
use super::lists::{self, List, Told};
use super::part::Part;
use super::receipts::{announce, note_gone};
use super::{Publication, Ways};
use crate::EngineError;
use crate::context::lock;
use crate::recorder;

/// Collections whose deletes are read at once.
const TOGETHER: usize = 8;
/// Changes of keys that are under way at once at most.
const REKEYS_TOGETHER: usize = 16;

/// Reads the keys that went, of all collections.
pub(crate) async fn read_gone(publication: &Publication, ways: &Ways) -> Result<(), EngineError> {
    let parts = publication
        .in_order()
        .filter(|part| !publication.is_up_to_date(part))
        .filter_map(|part| Some((part.as_ref(), part.position.gone.clone()?)));
    let mut readings = futures_util::stream::iter(parts)
        .map(|(part, since)| read(publication, ways, (part, List::Gone(since))))
        .buffer_unordered(TOGETHER);
    while let Some(read) = readings.next().await {
        read?;
        if publication.context.stop.is_stopped() {
            return Ok(());
        }
    }
    Ok(())
}

/// Makes the changes of keys, in load order.
pub(crate) async fn rekey(publication: &Arc<Publication>, ways: &Ways) -> Result<(), EngineError> {
    for part in publication.in_order() {
        if publication.is_up_to_date(part) {
            continue;
        }
        for since in &part.position.rekeyed {
            let list = List::Rekeyed(since.clone());
            if !read(publication, ways, (part.as_ref(), list)).await? {
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

/// Reads one list of a collection to its end, from where it was read before; whether it tells all.
async fn read(
    publication: &Publication,
    ways: &Ways,
    (part, list): (&Part, List),
) -> Result<bool, EngineError> {
    let Some(query) = query(part, &list) else {
        return Ok(true);
    };
    let mut stream = match publication.context.source.read(query).await {
        Ok(stream) => stream,
        Err(error) => return part.fail(error).map(|()| false),
    };
    loop {
        let batch = tokio::select! {
            biased;
            () = publication.context.stop.stopped() => return Ok(false),
            batch = stream.next() => batch,
        };
        match batch.unwrap_or_else(|| Err(broken_off(part))) {
            Ok(Batch::End { coverage, .. }) => {
                let is_complete = coverage.is_complete();
                note_coverage(publication, part, coverage);
                if is_complete {
                    lists::ended(ways, part, &list).await?;
                }
                return Ok(is_complete);
            }
            Ok(Batch::Gone(keys)) => keep(publication, (part, ways), keys).await?,
            Ok(Batch::Rekeyed(pairs)) => apply(publication, (part, ways), pairs).await?,
            Ok(Batch::Reached(reached)) => {
                lists::reached((publication, ways), (part, &list), reached).await?;
            }
            Ok(Batch::Put(_) | Batch::Unreadable(_)) => {}
            Err(error) => return part.fail(error).map(|()| false),
        }
    }
}

/// What is asked for to read a list; nothing if it was read to its end.
fn query(part: &Part, list: &List) -> Option<Query> {
    let places = match &part.state().lists {
        Some(lists) => lists.places(list)?,
        None => Places::Untold,
    };
    Some(Query {
        since: Some(list.since().clone()),
        want: list.want(),
        places,
        ..Query::records(Arc::clone(part.run.collection()))
    })
}

/// Keeps keys that went until everything has been written.
async fn keep(
    publication: &Publication,
    (part, ways): (&Part, &Ways),
    gone: Vec<Key>,
) -> Result<(), EngineError> {
    let folder = &publication.context.settings.work_folder;
    Part::count_many(&part.gone_read, gone.len() as u64);
    part.state().gone.add(&gone, folder)?;
    let told = Told {
        gone,
        ..Told::default()
    };
    lists::note(ways, part, told).await
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

/// Makes changes of keys, side by side unless one takes the key that another gives up, and waits
/// until it is durable what became of them.
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
    let mut told = Told::default();
    {
        let mut changes = futures_util::stream::iter(pairs)
            .filter(|(from, to)| std::future::ready(from != to))
            .map(|pair| one(publication, (part, ways), pair))
            .buffered(together);
        while let Some(made) = changes.next().await {
            match made? {
                Made::Moved(from, to) => told.moved.push((from, to)),
                Made::Left(keys) => told.gone.extend(keys),
                Made::Stopped => {}
            }
        }
    }
    let folder = &publication.context.settings.work_folder;
    part.state().gone.add(&told.gone, folder)?;
    lists::note(ways, part, told).await?;
    if publication.moment.is_some() {
        recorder::flush(&publication.context, &ways.notes).await;
        lock(&publication.moved).are_durable();
    }
    Ok(())
}

/// What became of a change of a key.
enum Made {
    /// The target has it.
    Moved(Key, Key),
    /// These keys are to be deleted.
    Left([Key; 2]),
    /// Nothing: the run stops.
    Stopped,
}

async fn one(
    publication: &Publication,
    (part, ways): (&Part, &Ways),
    (from, to): (Key, Key),
) -> Result<Made, EngineError> {
    let context = &publication.context;
    let held = publication.carried(part, &from)?;
    let status = if held == to {
        // The target has carried it all on by itself.
        0
    } else {
        if !is_known(publication, (part, ways), [&from, &held, &to]).await? {
            return Ok(Made::Stopped);
        }
        let change = Change::rekey(held.clone(), to.clone());
        let outcomes = context.target.write(&[change], &part.run.context).await?;
        match outcomes.into_iter().next() {
            Some(Outcome::Done { status, .. }) => {
                Part::count(&part.rekeyed);
                status
            }
            Some(Outcome::Refused(refusal)) if refusal.class == FailureClass::Gone => {
                refusal.status
            }
            _ => {
                // What the target took of it shows when the record is written.
                announce(publication, ways, (part, &[&to], 0)).await?;
                return Ok(Made::Left([held, from]));
            }
        }
    };
    if held != from && held != to {
        note_gone(ways, part, (&held, status)).await;
    }
    lock(&publication.moved).note(part.name(), from.clone(), to.clone());
    note_gone(ways, part, (&from, status)).await;
    Ok(Made::Moved(from, to))
}

/// Lets the ledger know which keys a change is about to give up and to take, before it is made; false
/// if the run stops. What it knows of the new key was settled by a change that was made before.
async fn is_known(
    publication: &Publication,
    (part, ways): (&Part, &Ways),
    [from, held, to]: [&Key; 3],
) -> Result<bool, EngineError> {
    let context = &publication.context;
    let found = lock(&context.ledger).find(context.scope, part.name(), &to.digest())?;
    let mut keys = vec![from];
    if held != from {
        keys.push(held);
    }
    if found.is_none() {
        keys.push(to);
    }
    announce(publication, ways, (part, &keys, 0)).await
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
            let held = publication.carried(part, &key)?;
            gone.add(&[key, held], folder)?;
        }
        part.state().gone = gone;
    }
    Ok(())
}
