//! Dividing rows by one byte of their key digest.
//!
//! Partition `n` of a level holds the rows whose key digest has `n` at the byte of that level, in
//! the order in which they were pushed. Levels follow the bytes of the digest, so partitions
//! taken in order, each sorted, are all rows in key order.

use syncline_model::Digest;

use super::row::{DesiredRow, ROW_BYTES};
use super::spill::SpillFile;
use crate::Result;

/// Partitions of one level: one for each value of a byte.
pub(super) const FAN_OUT: usize = 256;

/// The partitions of one level while they are written.
#[derive(Debug)]
pub(super) struct Partitions {
    level: usize,
    open: Vec<Open>,
}

#[derive(Clone, Debug, Default)]
struct Open {
    /// Encoded rows that do not fill a slot yet.
    pending: Vec<u8>,
    slots: Vec<u64>,
    rows: usize,
    range: Option<Range>,
}

/// What is known of a partition without reading it.
#[derive(Clone, Copy, Debug)]
struct Range {
    first: Digest,
    single: bool,
    last: DesiredRow,
}

/// A partition on disk.
#[derive(Debug)]
pub(super) struct Partition {
    /// The byte of the key digest by which it is divided again, if need be.
    pub(super) next_level: usize,
    /// The slots that hold it, in order; all but the last are full.
    slots: std::vec::IntoIter<u64>,
    /// Rows not read yet.
    pub(super) rows: usize,
    /// Whether all its rows have one key: dividing it again would not help.
    pub(super) single_key: bool,
    /// The row pushed last.
    pub(super) last: DesiredRow,
}

impl Partitions {
    /// Empty partitions by the byte at `level` of the key digest.
    pub(super) fn new(level: usize) -> Self {
        Self {
            level,
            open: vec![Open::default(); FAN_OUT],
        }
    }

    /// Adds a row to its partition.
    pub(super) fn push(&mut self, row: &DesiredRow, file: &mut SpillFile) -> Result<()> {
        let byte = row.key.as_bytes().get(self.level).copied().unwrap_or(0);
        let open = &mut self.open[usize::from(byte)];
        row.encode(&mut open.pending);
        open.rows += 1;
        open.range = Some(match open.range {
            None => Range {
                first: row.key,
                single: true,
                last: *row,
            },
            Some(Range { first, single, .. }) => Range {
                first,
                single: single && first == row.key,
                last: *row,
            },
        });
        if open.pending.len() >= file.slot_rows() * ROW_BYTES {
            open.flush(file)?;
        }
        Ok(())
    }

    /// The partitions that hold anything, in key order.
    pub(super) fn close(self, file: &mut SpillFile) -> Result<Vec<Partition>> {
        let mut partitions = Vec::new();
        for mut open in self.open {
            if !open.pending.is_empty() {
                open.flush(file)?;
            }
            partitions.extend(open.range.map(|range| Partition {
                next_level: self.level + 1,
                slots: open.slots.into_iter(),
                rows: open.rows,
                single_key: range.single,
                last: range.last,
            }));
        }
        Ok(partitions)
    }
}

impl Open {
    fn flush(&mut self, file: &mut SpillFile) -> Result<()> {
        self.slots.push(file.write(&self.pending)?);
        self.pending.clear();
        Ok(())
    }
}

impl Partition {
    /// Appends the rows of the next slot to `rows`; nothing if all are read. `buffer` is room
    /// to read into.
    pub(super) fn read_slot(
        &mut self,
        file: &mut SpillFile,
        buffer: &mut Vec<u8>,
        rows: &mut Vec<DesiredRow>,
    ) -> Result<()> {
        let Some(slot) = self.slots.next() else {
            return Ok(());
        };
        let count = self.rows.min(file.slot_rows());
        file.take(slot, count, buffer)?;
        self.rows -= count;
        let (encoded, _) = buffer.as_chunks::<ROW_BYTES>();
        rows.extend(encoded.iter().map(DesiredRow::decode));
        Ok(())
    }
}
