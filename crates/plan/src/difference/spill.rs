//! The temporary file of a comparison: slots of one size, written once, read once, used again.
//!
//! The file has no name from the moment it is made, so it is gone with the process however that
//! ends. It grows to what is in use at one time and no further.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::partition::FAN_OUT;
use super::row::ROW_BYTES;
use crate::{PlanError, Result};

/// More than this per slot makes nothing faster.
const SLOT_ROWS_MAX: usize = 16 * 1024;

#[derive(Debug)]
pub(super) struct SpillFile {
    file: File,
    directory: PathBuf,
    slot_rows: usize,
    slots: u64,
    free: Vec<u64>,
}

impl SpillFile {
    /// A file whose slots are of a size that one for every partition takes half the room of
    /// `rows_max` rows.
    pub(super) fn create(directory: &Path, rows_max: usize) -> Result<Self> {
        let file = tempfile::tempfile_in(directory).map_err(|source| PlanError::Spill {
            directory: directory.to_owned(),
            source,
        })?;
        Ok(Self {
            file,
            directory: directory.to_owned(),
            slot_rows: (rows_max / 2 / FAN_OUT).clamp(1, SLOT_ROWS_MAX),
            slots: 0,
            free: Vec::new(),
        })
    }

    /// Rows that fit one slot.
    pub(super) const fn slot_rows(&self) -> usize {
        self.slot_rows
    }

    /// Puts at most one slot's worth of rows into a free slot and says which.
    pub(super) fn write(&mut self, rows: &[u8]) -> Result<u64> {
        let slot = self.free.pop().unwrap_or(self.slots);
        self.seek(slot)
            .and_then(|()| self.file.write_all(rows))
            .map_err(|source| self.error(source))?;
        self.slots = self.slots.max(slot + 1);
        Ok(slot)
    }

    /// Fills `bytes` with the `rows` rows of a slot; the slot is free from then on.
    pub(super) fn take(&mut self, slot: u64, rows: usize, bytes: &mut Vec<u8>) -> Result<()> {
        bytes.resize(rows * ROW_BYTES, 0);
        self.seek(slot)
            .and_then(|()| self.file.read_exact(bytes))
            .map_err(|source| self.error(source))?;
        self.free.push(slot);
        Ok(())
    }

    /// Slots the file has room for.
    #[cfg(test)]
    pub(super) const fn slots(&self) -> u64 {
        self.slots
    }

    fn seek(&mut self, slot: u64) -> io::Result<()> {
        let width = u64::try_from(self.slot_rows * ROW_BYTES).unwrap_or(u64::MAX);
        self.file
            .seek(SeekFrom::Start(slot.saturating_mul(width)))?;
        Ok(())
    }

    fn error(&self, source: io::Error) -> PlanError {
        PlanError::Spill {
            directory: self.directory.clone(),
            source,
        }
    }
}
