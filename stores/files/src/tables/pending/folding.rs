//! Changes that come into their file, of this run or of one that was killed.

use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use syncline_store::{ErrorKind, Result, StoreError};

use super::{Entry, Pending};
use crate::tables::fold;
use crate::tables::journal::{Journal, Version};
use crate::tables::reading::fingerprint;
use crate::tables::table::Table;

impl Pending {
    /// Folds everything into the file. Nothing is replaced if the file is no longer what it was.
    pub(in crate::tables) fn fold(&mut self) -> Result<()> {
        // A file without rows would say that everybody is gone, where it was called absent before.
        let is_made = !self.table.path.is_file() && self.table.absent_in.is_none();
        if self.entries.is_empty() && !is_made {
            return self.journal.remove();
        }
        if version_of(&self.table.path) != self.base {
            return Err(changed_meanwhile(&self.table, self.journal.path()));
        }
        fold::write(self)?;
        let beside = fold::beside(&self.table);
        self.journal.put_folded(version_of(&beside))?;
        fs_err::rename(beside, &self.table.path)?;
        self.journal.remove()
    }

    /// Takes the changes that a killed run left; the new file, if it came to one.
    fn replay(&mut self) -> Result<Option<Version>> {
        let (entries, fresh) = (&mut self.entries, &mut self.fresh);
        self.journal.replay(|put| {
            if put.fresh {
                fresh.push(put.row);
            }
            let entry = put.cells.map_or(Entry::Gone, Entry::Cells);
            entries.insert(put.row, entry);
        })
    }
}

/// Folds in what a killed run left of a table, if anything.
pub(in crate::tables) fn recover(table: &Arc<Table>) -> Result<()> {
    let Some((journal, heading)) = Journal::left(table)? else {
        return Ok(());
    };
    let mut pending = Pending::new(Arc::clone(table), &heading, journal);
    let folded = pending.replay()?;
    if folded.is_some() && folded == version_of(&pending.table.path) {
        return pending.journal.remove();
    }
    pending.look()?;
    pending.fold()
}

/// A file, as told from a later version of itself.
pub(super) fn version_of(path: &Path) -> Option<Version> {
    let (length, modified) = fingerprint(path)?;
    let since = modified.and_then(|modified| modified.duration_since(UNIX_EPOCH).ok());
    let nanos = since.map_or(0, |since| since.as_nanos());
    Some((length, u64::try_from(nanos).unwrap_or(u64::MAX)))
}

fn changed_meanwhile(table: &Table, changes: &Path) -> StoreError {
    let message = format!(
        "{} was changed by something else while it was written; nothing of it is replaced",
        table.path.display()
    );
    let hint = format!(
        "what was to be written is in {}; remove that file and run again",
        changes.display()
    );
    StoreError::new(ErrorKind::InvalidData, message).with_hint(hint)
}
