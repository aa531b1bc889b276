//! Deleting what went, last and in reverse load order.
//!
//! The target looks each record up by its key before it goes. What something still refers to is
//! tried again when others have gone; what remains is owed, with an empty payload.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use syncline_model::{Change, Digest, Done, FailureClass, Key, Outcome, Record, Refusal};
use syncline_store::Store as _;

use super::part::Part;
use super::receipts::{announce, note_gone, owe};
use super::screen::screen;
use super::{Publication, Ways};
use crate::context::lock;
use crate::recorder::answered;
use crate::{EngineError, Event};

/// Most rounds in which deletes are tried again.
const ROUNDS_MAX: usize = 20;

/// Keys that could not be deleted, and why.
type Kept = Vec<(Arc<Part>, Key, Refusal)>;

/// Deletes what went, of all collections; how many records that were.
pub(crate) async fn delete(
    publication: &Arc<Publication>,
    ways: &Ways,
) -> Result<u64, EngineError> {
    let context = &publication.context;
    let mut deleted = 0;
    let mut kept = Kept::new();
    for part in publication.in_order().rev() {
        if context.stop.is_stopped() {
            return Ok(deleted);
        }
        let gone = std::mem::take(&mut part.state().gone);
        let gone = screen(publication, ways, (part, gone)).await?;
        let keys = gone.into_keys()?.map(|key| key.map_err(EngineError::from));
        let keys =
            futures_util::stream::iter(keys.map(|key| key.map(|key| (Arc::clone(part), key))));
        let mut outcomes = std::pin::pin!(
            keys.map(|key| async { try_one(publication, ways, key?).await })
                .buffer_unordered(context.settings.concurrency_max.max(1))
        );
        while let Some(outcome) = outcomes.next().await {
            deleted += settle(publication, ways, (outcome?, &mut kept)).await?;
        }
    }
    for _ in 0..ROUNDS_MAX {
        let before = deleted;
        if kept.is_empty() || context.stop.is_stopped() {
            break;
        }
        context
            .observer
            .on(&Event::OfferingAgain(kept.len() as u64));
        let again = std::mem::take(&mut kept);
        for (part, key, _) in again {
            let outcome = try_one(publication, ways, (part, key)).await?;
            deleted += settle(publication, ways, (outcome, &mut kept)).await?;
        }
        if deleted == before {
            break;
        }
    }
    for (part, key, refusal) in kept {
        owe(publication, ways, (&part, &key, &refusal)).await;
    }
    Ok(deleted)
}

/// A key and what became of deleting it; nothing if the run stopped before there was an answer.
type Tried = (Arc<Part>, Key, Option<Outcome>);

async fn try_one(
    publication: &Publication,
    ways: &Ways,
    (part, key): (Arc<Part>, Key),
) -> Result<Tried, EngineError> {
    let context = &publication.context;
    // A record that the source has again with the same content would count as there.
    let is_known = announce(publication, ways, (&part, &[&key], 1)).await?;
    if !is_known || context.stop.is_stopped() {
        part.stay_behind("the run stopped before everything was deleted");
        return Ok((part, key, None));
    }
    let changes = [Change::delete(believed(publication, &part, &key)?)];
    let outcomes = context.target.write(&changes, &part.run.context).await?;
    Ok((part, key, outcomes.into_iter().next()))
}

/// The record that is to go. Where only the digest of its key is known, it is found by the name
/// that the target gave it, and goes only if it is what was written.
fn believed(publication: &Publication, part: &Part, key: &Key) -> Result<Record, EngineError> {
    let context = &publication.context;
    let known = match key.known_digest() {
        Some(digest) => lock(&context.ledger).find(context.scope, part.name(), &digest)?,
        None => None,
    };
    let (held, handle) = known.map_or((None, None), |(known, handle)| (known.held, handle));
    Ok(Record {
        key: key.clone(),
        digest: held.unwrap_or_else(|| Digest::of(b"")),
        payload: Bytes::new(),
        handle,
        origin: None,
    })
}

/// Notes what became of a delete; 1 if something is gone that was there.
async fn settle(
    publication: &Publication,
    ways: &Ways,
    ((part, key, outcome), kept): (Tried, &mut Kept),
) -> Result<u64, EngineError> {
    Ok(match outcome {
        None => 0,
        Some(Outcome::Done { done, status, .. }) => {
            note_gone(ways, &part, (&key, status)).await;
            if done == Done::Unchanged {
                part.run.note_missing();
                return Ok(0);
            }
            part.run.note_done(done, status);
            1
        }
        Some(Outcome::Refused(refusal)) if refusal.class == FailureClass::Gone => {
            part.run.note_missing();
            note_gone(ways, &part, (&key, refusal.status)).await;
            0
        }
        Some(Outcome::Refused(refusal) | Outcome::Failed(refusal)) => {
            if refusal.class.may_resolve() {
                answered(&ways.notes, (part.name(), key.digest())).await?;
                kept.push((part, key, refusal));
            } else {
                if key.known_digest().is_some() && refusal.class == FailureClass::Content {
                    Part::count(&part.left_alone);
                }
                owe(publication, ways, (&part, &key, &refusal)).await;
            }
            0
        }
        Some(Outcome::Held(guard)) => {
            let refusal = Refusal::new(FailureClass::Denied, 0, guard);
            owe(publication, ways, (&part, &key, &refusal)).await;
            0
        }
    })
}
