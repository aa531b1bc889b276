//! Comparing what is wanted with what the target is believed to hold.
//!
//! Both sides are rows of digests; payloads stay where they are. The wanted side comes in any
//! order, the baseline in ascending key order. Memory stays within the budget whatever the
//! sizes: wanted rows that do not fit go to one unnamed temporary file, in 256 partitions by the
//! leading byte of the key digest; a partition that does not fit is divided again by the byte
//! that follows. Partitions are then sorted one at a time, ahead on a thread of their own, and merged
//! with the baseline.
//!
//! What always holds: differences come in ascending key order; every pushed row and every
//! baseline key appears in exactly one difference; of rows with one key the last pushed counts
//! and the earlier ones are [`Difference::Superseded`]. A comparison that fits its budget never
//! touches the disk, and nothing is left on it afterwards, even if the process is killed.

mod merge;
mod ordered;
mod partition;
mod row;
mod spill;

use std::path::{Path, PathBuf};

use crate::Result;

pub use merge::Differences;
use ordered::Ordered;
use partition::Partitions;
use row::ROW_BYTES;
pub use row::{BaselineRow, DesiredRow, Difference, Place};
use spill::SpillFile;

/// Room that sorting takes besides the rows themselves: half as much again.
const BYTES_PER_ROW_IN_MEMORY: usize = ROW_BYTES + ROW_BYTES / 2;

/// The wanted side of a comparison, as it is collected.
#[derive(Debug)]
pub struct Comparison {
    directory: PathBuf,
    /// Most rows that are held and sorted in memory at once.
    rows_max: usize,
    /// Rows in order of pushing, until they are too many.
    rows: Vec<DesiredRow>,
    spilled: Option<Spilled>,
    length: u64,
}

#[derive(Debug)]
struct Spilled {
    file: SpillFile,
    partitions: Partitions,
}

impl Comparison {
    /// A comparison that holds at most about `memory_budget` bytes of rows and puts the rest into
    /// a temporary file in `spill_directory`, which has to exist once it is needed.
    pub fn new(spill_directory: &Path, memory_budget: usize) -> Self {
        Self {
            directory: spill_directory.to_owned(),
            rows_max: (memory_budget / BYTES_PER_ROW_IN_MEMORY).max(1),
            rows: Vec::new(),
            spilled: None,
            length: 0,
        }
    }

    /// Adds a wanted row. Of rows with one key the last one counts.
    pub fn push(&mut self, row: DesiredRow) -> Result<()> {
        self.length += 1;
        if let Some(spilled) = &mut self.spilled {
            return spilled.push(&row);
        }
        if self.rows.len() < self.rows_max {
            self.rows.push(row);
            return Ok(());
        }
        self.spill()?.push(&row)
    }

    /// Rows pushed so far, repeated keys included.
    pub const fn len(&self) -> u64 {
        self.length
    }

    /// Whether nothing was pushed yet.
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Compares with the baseline, which has to come in strictly ascending key order; it is read
    /// once, as far as the differences are.
    pub fn finish<I, E>(self, baseline: I) -> Result<Differences<I::IntoIter>>
    where
        I: IntoIterator<Item = Result<BaselineRow, E>>,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let rows_max = self.rows_max;
        let ordered = match self.spilled {
            None => Ordered::in_memory(self.rows),
            Some(Spilled {
                mut file,
                partitions,
            }) => {
                let partitions = partitions.close(&mut file)?;
                Ordered::on_disk(file, partitions, rows_max)?
            }
        };
        Ok(Differences::new(ordered, baseline.into_iter()))
    }

    fn spill(&mut self) -> Result<&mut Spilled> {
        let mut file = SpillFile::create(&self.directory, self.rows_max)?;
        let mut partitions = Partitions::new(0);
        for row in std::mem::take(&mut self.rows) {
            partitions.push(&row, &mut file)?;
        }
        Ok(self.spilled.insert(Spilled { file, partitions }))
    }
}

impl Spilled {
    fn push(&mut self, row: &DesiredRow) -> Result<()> {
        self.partitions.push(row, &mut self.file)
    }
}
