//! Records that are known under two keys.
//!
//! A target may take two spellings of a key for the same record. Then what the source no longer
//! has under one key is still there under the other, and the target's name for both is the same:
//! deleting one would delete what was just sent.

use std::collections::HashSet;

use syncline_ledger::Ledger;
use syncline_model::{CollectionName, Digest, Handle};

use crate::EngineError;
use crate::context::{Context, lock};

/// Rows of the ledger that are read in one go.
const ROWS_TOGETHER: u32 = 4096;

/// Names of records to be deleted that stand for records which are to stay, too; by their digests.
#[derive(Debug, Default)]
pub(crate) struct Shared(HashSet<Digest>);

impl Shared {
    /// Goes through what is known of a collection of which some keys are to go. Blocks.
    pub(crate) fn find(
        context: &Context,
        name: &CollectionName,
        to_go: impl Iterator<Item = Result<Digest, EngineError>>,
    ) -> Result<Self, EngineError> {
        let mut going = HashSet::new();
        let mut keys = HashSet::new();
        for key in to_go {
            let key = key?;
            let ledger = lock(&context.ledger);
            if let Some((_, Some(handle))) = ledger.find(context.scope, name, &key)? {
                going.insert(digest(&handle));
                keys.insert(key);
            }
        }
        let mut shared = HashSet::new();
        let mut after = None;
        while !going.is_empty() {
            let ledger = lock(&context.ledger);
            let page = page(&ledger, (context, name), after.as_ref())?;
            drop(ledger);
            let Some((last, _)) = page.last() else {
                break;
            };
            after = Some(*last);
            for (key, handle) in page {
                let name = handle.as_ref().map(digest);
                if let Some(name) = name.filter(|name| going.contains(name))
                    && !keys.contains(&key)
                {
                    shared.insert(name);
                }
            }
        }
        Ok(Self(shared))
    }

    /// Whether a record that is to stay has this name.
    pub(crate) fn has(&self, handle: Option<&Handle>) -> bool {
        handle.is_some_and(|handle| self.0.contains(&digest(handle)))
    }
}

type Row = (Digest, Option<Handle>);

fn page(
    ledger: &Ledger,
    (context, name): (&Context, &CollectionName),
    after: Option<&Digest>,
) -> Result<Vec<Row>, EngineError> {
    let page = ledger.page(context.scope, name, after, ROWS_TOGETHER)?;
    Ok(page
        .into_iter()
        .map(|(known, handle)| (known.key, handle))
        .collect())
}

fn digest(handle: &Handle) -> Digest {
    Digest::of(handle.0.as_bytes())
}
