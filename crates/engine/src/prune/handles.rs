//! Records that are known under two keys.
//!
//! A target may take two spellings of a key for the same record. Then what the source no longer
//! has under one key is still there under the other, and the target's name for both is the same:
//! deleting one would delete what was just sent.

use std::collections::HashSet;
use std::path::Path;

use syncline_ledger::Ledger;
use syncline_model::{CollectionName, Digest, Handle};
use syncline_plan::RowSorter;

use crate::EngineError;
use crate::context::{Context, lock};
use crate::sorted_keys::SortedKeys;

/// Rows of the ledger that are read in one go.
const ROWS_TOGETHER: u32 = 4096;
/// Bytes of keys and of names that are held in memory; the rest waits on disk.
const MEMORY_BUDGET: usize = 16 << 20;

/// Names of records to be deleted that stand for records which are to stay, too; by their digests. They
/// are few, whatever goes.
#[derive(Debug, Default)]
pub(crate) struct Shared(HashSet<Digest>);

impl Shared {
    /// Goes through what is known of a collection of which some keys are to go. Blocks.
    pub(crate) fn find(
        context: &Context,
        name: &CollectionName,
        to_go: impl Iterator<Item = Result<Digest, EngineError>>,
    ) -> Result<Self, EngineError> {
        let folder = &context.settings.work_folder;
        let mut going = RowSorter::new(folder, MEMORY_BUDGET);
        let mut is_any = false;
        for key in to_go {
            going.push(*key?.as_bytes())?;
            is_any = true;
        }
        if !is_any {
            return Ok(Self::default());
        }
        let mut names = Names::new(folder);
        let mut going = SortedKeys::of(going)?;
        let mut after = None;
        loop {
            let ledger = lock(&context.ledger);
            let page = page(&ledger, (context, name), after.as_ref())?;
            drop(ledger);
            let Some((last, _)) = page.last() else {
                break;
            };
            after = Some(*last);
            for (key, handle) in page {
                if let Some(handle) = handle {
                    names.add(&handle, going.has(&key)?)?;
                }
            }
        }
        Ok(Self(names.both()?))
    }

    /// Whether a record that is to stay has this name.
    pub(crate) fn has(&self, handle: Option<&Handle>) -> bool {
        handle.is_some_and(|handle| self.0.contains(&digest(handle)))
    }
}

/// Names of records, each with whether its record goes; any number of them takes the same memory.
struct Names(RowSorter<17>);

impl Names {
    fn new(folder: &Path) -> Self {
        Self(RowSorter::new(folder, MEMORY_BUDGET))
    }

    fn add(&mut self, handle: &Handle, goes: bool) -> Result<(), EngineError> {
        let mut row = [0; 17];
        row[..16].copy_from_slice(digest(handle).as_bytes());
        row[16] = u8::from(goes);
        Ok(self.0.push(row)?)
    }

    /// The names that stay and go.
    fn both(self) -> Result<HashSet<Digest>, EngineError> {
        let mut both = HashSet::new();
        let mut stays = None;
        for row in self.0.finish()? {
            let row = row?;
            let mut name = [0; 16];
            name.copy_from_slice(&row[..16]);
            // Of one name, who stays comes first.
            if row[16] == 0 {
                stays = Some(name);
            } else if stays == Some(name) {
                both.insert(Digest::from_bytes(name));
            }
        }
        Ok(both)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_stay_and_go_are_found_in_any_order() {
        let folder = tempfile::tempdir().unwrap();
        let mut names = Names::new(folder.path());
        for (name, goes) in [
            ("a", true),
            ("b", true),
            ("a", true),
            ("c", false),
            ("b", false),
            ("c", false),
            ("d", true),
        ] {
            names.add(&Handle(name.into()), goes).unwrap();
        }
        let both = names.both().unwrap();
        assert_eq!(both, HashSet::from([digest(&Handle("b".into()))]));
    }
}
