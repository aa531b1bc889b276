//! What is kept back of the keys that went: what is protected, and all of a collection of which
//! more would be deleted than the guards allow.
//!
//! What is kept back is owed, so the mark may move; the next run judges it again, together with
//! what went since. Keys that the target does not hold are no deletes: where the limits would be
//! passed, it is asked which it holds before anything is kept back.

use std::sync::Arc;

use futures_util::StreamExt as _;
use syncline_model::{ChangeKind, Key};
use syncline_plan::{GuardPolicy, Tally, Verdict, judge};
use syncline_store::{Batch, Query, Store, StoreError, Want};

use super::denied::Side;
use super::gone::Gone;
use super::part::Part;
use super::reading::GoingOn;
use super::receipts::{keep_back, note_gone};
use super::{Publication, Ways};
use crate::context::lock;
use crate::copy::related::keys::look_up_by;
use crate::{EngineError, Event};

/// Look-ups of the target under way at once.
const TOGETHER: usize = 8;
/// Why a protected record stays.
const PROTECTED: &str = "it is protected";
/// Why a record stays of which it is not known whether the source has it again.
const UNSEEN: &str = "the source may have it again, and does not let it be looked up";

/// The keys that may be deleted now.
pub(super) async fn screen(
    publication: &Publication,
    ways: &Ways,
    (part, gone): (&Part, Gone),
) -> Result<Gone, EngineError> {
    let gone = without_protected(publication, ways, (part, gone)).await?;
    let gone = without_returned(publication, ways, (part, gone)).await?;
    if verdicts(publication, part, (gone.len(), None))?.is_empty() {
        return Ok(gone);
    }
    let gone = held_by_target(publication, ways, (part, gone)).await?;
    if publication.context.stop.is_stopped() {
        return Ok(gone);
    }
    let size = size_of_target(publication, part).await;
    let verdicts = verdicts(publication, part, (gone.len(), size))?;
    if verdicts.is_empty() {
        return Ok(gone);
    }
    hold(publication, ways, (part, gone, verdicts)).await?;
    Ok(Gone::default())
}

async fn without_protected(
    publication: &Publication,
    ways: &Ways,
    (part, gone): (&Part, Gone),
) -> Result<Gone, EngineError> {
    let context = &publication.context;
    let Some(prune) = context.prune.as_ref().filter(|prune| prune.protects()) else {
        return Ok(gone);
    };
    let mut rest = Gone::default();
    for key in gone.into_keys()? {
        let key = key?;
        if prune.is_protected(part.name(), &key.digest()) {
            part.run.note_protected();
            keep_back(ways, part, (&key, PROTECTED)).await;
        } else {
            rest.add(&[key], &context.settings.work_folder)?;
        }
    }
    Ok(rest)
}

/// Where not all of a collection was read in this run (it went on after a place, could not be
/// read, or only what is owed is offered), a key that went may have come back unseen: the source is asked what it has, and what it
/// does not let be looked up stays.
async fn without_returned(
    publication: &Publication,
    ways: &Ways,
    (part, gone): (&Part, Gone),
) -> Result<Gone, EngineError> {
    let began = part.position.going_on == GoingOn::No;
    let is_read = began && !part.is_behind() && !publication.owed_only;
    if is_read || part.is_read_as_a_whole() {
        return Ok(gone);
    }
    let keys = gone.into_keys()?;
    let mut looked_up = std::pin::pin!(
        futures_util::stream::iter(keys)
            .map(|key| async {
                let key = key?;
                let found = is_back(publication, part, &key).await?;
                Ok::<_, EngineError>((key, found))
            })
            .buffer_unordered(TOGETHER)
    );
    let mut rest = Gone::default();
    while let Some(looked_up) = looked_up.next().await {
        match looked_up? {
            (key, Some(false)) => rest.add(&[key], &publication.context.settings.work_folder)?,
            (_, Some(true)) => {}
            (key, None) => keep_back(ways, part, (&key, UNSEEN)).await,
        }
    }
    Ok(rest)
}

/// Whether the source has a key again; nothing if it does not let that be looked up. Of what is known
/// by a digest alone the target makes sure that it is still what was written.
async fn is_back(
    publication: &Publication,
    part: &Part,
    key: &Key,
) -> Result<Option<bool>, EngineError> {
    if key.known_digest().is_some() {
        return Ok(Some(false));
    }
    find(publication, Side::Source, (part, key)).await
}

/// What the guards say to so many deletes, of a target of a size that it may have told.
fn verdicts(
    publication: &Publication,
    part: &Part,
    (deletes, size): (u64, Option<u64>),
) -> Result<Vec<Verdict>, EngineError> {
    let context = &publication.context;
    let Some(prune) = context.prune.as_ref().filter(|_| deletes > 0) else {
        return Ok(vec![]);
    };
    let known = lock(&context.ledger).collection_size(context.scope, part.name())?;
    let scanned = part.has_been_compared();
    let policy = GuardPolicy {
        update_share_max: 1.0,
        ..prune.lifted(&context.settings.guards, deletes)
    };
    let tally = Tally {
        deletes,
        // How large the source is, is known only where it was read as a whole.
        unchanged: if scanned { part.run.report().read } else { 1 },
        baseline_size: known.max(size.unwrap_or(0)),
        previous_size: context.previous_size(part.name()).filter(|_| scanned),
        coverage_complete: true,
        ..Tally::default()
    };
    let mut verdicts = judge(&policy, &tally);
    verdicts.retain(|verdict| verdict.holds.contains(&ChangeKind::Delete));
    Ok(verdicts)
}

/// Those of the keys that the target holds; the others are gone already.
async fn held_by_target(
    publication: &Publication,
    ways: &Ways,
    (part, gone): (&Part, Gone),
) -> Result<Gone, EngineError> {
    let keys = gone.into_keys()?;
    let mut looked_up = std::pin::pin!(
        futures_util::stream::iter(keys)
            .map(|key| async {
                let key = key?;
                let is_held = is_held(publication, part, &key).await?;
                Ok::<_, EngineError>((key, is_held))
            })
            .buffer_unordered(TOGETHER)
    );
    let mut held = Gone::default();
    while let Some(looked_up) = looked_up.next().await {
        let (key, is_held) = looked_up?;
        if is_held {
            held.add(&[key], &publication.context.settings.work_folder)?;
        } else {
            part.run.note_missing();
            note_gone(ways, part, (&key, 0)).await;
        }
    }
    Ok(held)
}

/// Whether the target holds a key, as the ledger knows or the target says. What it does not let
/// be looked up counts as held. Of a key that another one has taken with it, the ledger knows only
/// what it was: the record counts under the key that it has now.
async fn is_held(publication: &Publication, part: &Part, key: &Key) -> Result<bool, EngineError> {
    let context = &publication.context;
    let known = lock(&context.ledger).find(context.scope, part.name(), &key.digest())?;
    let is_there = publication.carried(part, key)? == *key;
    let is_known = is_there && known.is_some_and(|(known, _)| known.held.is_some());
    if is_known || key.known_digest().is_some() || key.is_content() {
        return Ok(true);
    }
    let found = find(publication, Side::Target, (part, key)).await?;
    Ok(found.unwrap_or(true))
}

/// Whether a store has a record with a key; nothing if it does not let that be looked up.
async fn find(
    publication: &Publication,
    side: Side,
    (part, key): (&Part, &Key),
) -> Result<Option<bool>, EngineError> {
    if publication.denied.has(side, part.name()) {
        return Ok(None);
    }
    let store: &Arc<dyn Store> = match side {
        Side::Source => &publication.context.source,
        Side::Target => &publication.context.target,
    };
    match look_up(store, part, key).await {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_transient() => Err(error.into()),
        Err(error) => {
            publication.denied.note(side, part.name(), &error);
            Ok(None)
        }
    }
}

async fn look_up(store: &Arc<dyn Store>, part: &Part, key: &Key) -> Result<bool, StoreError> {
    let query = Query {
        scope: look_up_by(part.run.collection(), key),
        want: Want::Digests,
        ..Query::records(Arc::clone(part.run.collection()))
    };
    let mut stream = store.read(query).await?;
    let mut found = false;
    while let Some(batch) = stream.next().await {
        if let Batch::Put(records) = batch? {
            found |= records.iter().any(|record| record.key == *key);
        }
    }
    Ok(found)
}

/// How many records the target says it has; nothing if it does not.
async fn size_of_target(publication: &Publication, part: &Part) -> Option<u64> {
    let query = Query::count(Arc::clone(part.run.collection()));
    let mut stream = publication.context.target.read(query).await.ok()?;
    while let Some(batch) = stream.next().await {
        if let Ok(Batch::End { counts, .. }) = batch {
            return Some(counts.records);
        }
    }
    None
}

async fn hold(
    publication: &Publication,
    ways: &Ways,
    (part, gone, verdicts): (&Part, Gone, Vec<Verdict>),
) -> Result<(), EngineError> {
    let reasons: Vec<String> = verdicts.iter().map(ToString::to_string).collect();
    let reason = format!("held by a guard: {}", reasons.join("; "));
    part.run.note_deletes_held(gone.len());
    for verdict in &verdicts {
        let held = Event::Held(part.name().clone(), verdict.clone());
        publication.context.observer.on(&held);
    }
    part.run.note_verdicts(verdicts);
    for key in gone.into_keys()? {
        keep_back(ways, part, (&key?, &reason)).await;
    }
    Ok(())
}
