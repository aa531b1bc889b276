//! Keys that the ledger knows and the source no longer has, looked up in the target.
//!
//! Some are held in memory, and the target is read past them. Where there are more, they go to disk,
//! and so does the target, sorted by its keys: memory does not grow with either.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use futures_util::StreamExt as _;
use syncline_model::Digest;
use syncline_plan::{PlanError, RowSorter};
use syncline_store::{Batch, Query};

use super::classify::Classifier;
use super::kept::known as as_row;
use super::sides::{Baseline, Reader};
use crate::EngineError;

/// Bytes of a key.
const KEY_BYTES: usize = 16;
/// Bytes of memory that a key costs while it is held to be looked up.
const HELD_BYTES: usize = 64;

/// Keys, until all of them are known.
pub(super) struct Extras {
    held: HashSet<Digest>,
    /// Most keys that are held.
    held_max: usize,
    /// All keys, once there are more.
    spilled: Option<RowSorter<KEY_BYTES>>,
    folder: PathBuf,
    memory_budget: usize,
}

impl Extras {
    pub(super) fn new(folder: &Path, memory_budget: usize) -> Self {
        Self {
            held: HashSet::new(),
            held_max: (memory_budget / HELD_BYTES).max(1),
            spilled: None,
            folder: folder.to_owned(),
            memory_budget,
        }
    }

    pub(super) fn push(&mut self, key: Digest) -> Result<(), PlanError> {
        if let Some(spilled) = &mut self.spilled {
            return spilled.push(*key.as_bytes());
        }
        self.held.insert(key);
        if self.held.len() > self.held_max {
            let mut spilled = RowSorter::new(&self.folder, self.memory_budget);
            let mut held = std::mem::take(&mut self.held).into_iter();
            held.try_for_each(|key| spilled.push(*key.as_bytes()))?;
            self.spilled = Some(spilled);
        }
        Ok(())
    }

    /// Hands those that the target still has to whoever decides what becomes of them.
    pub(super) async fn look_up(
        mut self,
        target: Reader,
        classifier: &mut Classifier<'_>,
    ) -> Result<(), EngineError> {
        match self.spilled.take() {
            Some(spilled) => beside(spilled, target, classifier).await,
            None if self.held.is_empty() => Ok(()),
            None => past(self.held, target, classifier).await,
        }
    }
}

/// Reads the target past keys that are held, until all of them have been met.
async fn past(
    mut held: HashSet<Digest>,
    target: Reader,
    classifier: &mut Classifier<'_>,
) -> Result<(), EngineError> {
    let query = Query::records(target.collection);
    let mut stream = target.store.read(query).await?;
    while let Some(batch) = stream.next().await {
        if target.stop.is_cancelled() {
            return Err(EngineError::Stopped);
        }
        if let Batch::Put(records) = batch? {
            for record in records {
                if held.remove(&record.key.digest()) {
                    classifier.gone(record.handle, record.payload)?;
                }
            }
        }
    }
    Ok(())
}

/// Lays keys and the target beside each other, both in order.
async fn beside(
    spilled: RowSorter<KEY_BYTES>,
    target: Reader,
    classifier: &mut Classifier<'_>,
) -> Result<(), EngineError> {
    let (found, _unfit) = target.found().await?;
    let mut kept = found.kept;
    let mut rows = Baseline::new(found.rows);
    let mut row = rows.next().transpose()?;
    for key in spilled.finish()? {
        let key = Digest::from_bytes(key?);
        while row.is_some_and(|known| known.key < key) {
            row = rows.next().transpose()?;
        }
        if let Some(known) = row.filter(|known| known.key == key) {
            let (handle, payload) = kept.get(&as_row(&known))?;
            classifier.gone(handle, payload)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_to_be_held_goes_to_disk() {
        let folder = tempfile::tempdir().unwrap();
        let mut extras = Extras::new(folder.path(), 10 * HELD_BYTES);
        for number in 0_u8..10 {
            extras.push(Digest::of(&[number])).unwrap();
        }
        assert!(extras.spilled.is_none() && extras.held.len() == 10);
        for number in 10_u8..30 {
            extras.push(Digest::of(&[number])).unwrap();
        }
        assert!(extras.held.is_empty());
        assert_eq!(extras.spilled.map(|keys| keys.len()), Some(30));
    }
}
