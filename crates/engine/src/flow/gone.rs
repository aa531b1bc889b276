//! Keys that a source no longer has, where only what changed of it was read.
//!
//! Only keys that the source has looked for count. Where it does not tell any, what went is seen when
//! all of it is read.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::StreamExt as _;
use syncline_model::{Coverage, Digest};
use syncline_store::{Batch, ErrorKind, Query, Want};

use super::part::{CollectionPlan, Problem};
use super::sides::Reader;
use crate::EngineError;

/// Most keys that are held.
const KEYS_MAX: usize = 1_000_000;

/// Keys by their digests.
pub(super) type Gone = HashSet<Digest>;

/// The keys that went since the mark of a reader. What is not known of them is told.
pub(super) async fn gone(reader: &Reader, plan: &mut CollectionPlan) -> Result<Gone, EngineError> {
    let query = Query {
        since: reader.since.clone(),
        want: Want::Missing,
        ..Query::records(Arc::clone(&reader.collection))
    };
    let mut stream = match reader.unless_stopped(reader.store.read(query)).await? {
        Err(error) if error.kind == ErrorKind::Unsupported => return Ok(Gone::new()),
        stream => stream?,
    };
    let mut gone = Gone::new();
    let mut gap = Some("the reading of what went broke off".to_owned());
    while let Some(batch) = reader.unless_stopped(stream.next()).await? {
        match batch? {
            Batch::Gone(keys) if gone.len() + keys.len() <= KEYS_MAX => {
                gone.extend(keys.iter().map(syncline_model::Key::digest));
            }
            Batch::Gone(_) => break,
            Batch::End { coverage, .. } => {
                gap = match coverage {
                    Coverage::Complete(_) => None,
                    Coverage::Partial(reason) => Some(reason),
                };
            }
            _ => {}
        }
    }
    plan.tells_gone = gap.is_none();
    if let Some(reason) = gap {
        plan.tell(Problem {
            side: reader.side,
            place: plan.name.to_string(),
            reason,
        });
    }
    Ok(gone)
}
