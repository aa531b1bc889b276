//! Deleting what went, last and in reverse load order, side by side.
//!
//! The target looks each record up by its key before it goes. What something still refers to is
//! tried again when others have gone; what remains is owed, with an empty payload.

use std::sync::Arc;

use bytes::Bytes;
use syncline_model::{Change, Digest, Key, Record};

use super::part::Part;
use super::screen::screen;
use super::{Publication, Ways};
use crate::context::lock;
use crate::feed::offer;
use crate::lanes::OfferKind;
use crate::{EngineError, removal};

/// Deletes what went, of all collections; how many records that were.
pub(crate) async fn delete(
    publication: &Arc<Publication>,
    ways: &Ways,
) -> Result<u64, EngineError> {
    let context = &publication.context;
    let before = deleted(publication);
    for part in publication.in_order().rev() {
        if context.stop.is_stopped() {
            break;
        }
        let gone = std::mem::take(&mut part.state().gone);
        let gone = screen(publication, ways, (part, gone)).await?;
        for key in gone.into_keys()? {
            if context.stop.is_stopped() {
                break;
            }
            // A record that the source has again with the same content would count as there, so it
            // is known to be under way before it goes.
            let change = Change::delete(believed(publication, part, &key?)?);
            offer(&ways.lanes, &part.run, change, OfferKind::First).await;
        }
        part.run.until_idle().await;
    }
    let mut runs = publication.runs();
    runs.reverse();
    removal::offer_again(context, (&ways.lanes, &ways.notes), &runs).await?;
    Ok(deleted(publication) - before)
}

fn deleted(publication: &Publication) -> u64 {
    let parts = publication.parts.values();
    parts.map(|part| part.run.report().deleted).sum()
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
