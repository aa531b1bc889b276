//! Wanted rows in key order, two partitions in memory at a time: one that is compared, and the next,
//! which is sorted meanwhile.

use super::partition::{Partition, Partitions};
use super::row::DesiredRow;
use super::spill::SpillFile;
use crate::Result;
use crate::ahead::Ahead;

/// One wanted row, in key order; rows of one key in the order in which they were pushed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) row: DesiredRow,
    /// The last row with the same key, unless this is the one.
    pub(super) replaced_by: Option<DesiredRow>,
}

/// Where wanted rows come from once all are there.
#[derive(Debug)]
pub(super) struct Ordered {
    /// Sorted rows, or, of a partition with one key, rows as they were pushed.
    rows: Vec<DesiredRow>,
    /// The next row.
    at: usize,
    /// The end of the rows with the same key as the next one.
    group_end: usize,
    /// The last row of that key.
    winner: Option<DesiredRow>,
    /// Of rows of one key that do not fit into memory.
    single_key: Option<SingleKey>,
    disk: Option<Ahead<Ready>>,
}

/// Rows that are next: a sorted partition, or a part of one that has one key.
#[derive(Debug)]
struct Ready {
    rows: Vec<DesiredRow>,
    single_key: Option<SingleKey>,
}

#[derive(Clone, Copy, Debug)]
struct SingleKey {
    /// The row pushed last.
    last: DesiredRow,
    /// Whether more rows of the key come.
    goes_on: bool,
}

#[derive(Debug)]
struct Disk {
    file: SpillFile,
    /// Partitions still to be read, the next one last.
    partitions: Vec<Partition>,
    /// A partition with one key that is read slot by slot.
    single_key: Option<Partition>,
    rows_max: usize,
    buffer: Vec<u8>,
}

impl Ordered {
    /// Rows that are all in memory.
    pub(super) fn in_memory(mut rows: Vec<DesiredRow>) -> Self {
        sort(&mut rows);
        Self {
            rows,
            at: 0,
            group_end: 0,
            winner: None,
            single_key: None,
            disk: None,
        }
    }

    /// Rows in partitions, which are given in key order; at most `rows_max` are in memory at once.
    pub(super) fn on_disk(
        file: SpillFile,
        partitions: Vec<Partition>,
        rows_max: usize,
    ) -> Result<Self> {
        let mut disk = Disk::new(file, partitions, (rows_max / 2).max(1));
        Ok(Self {
            disk: Some(Ahead::start(move || disk.ready())?),
            ..Self::in_memory(Vec::new())
        })
    }

    /// The next row in order.
    pub(super) fn next_step(&mut self) -> Result<Option<Step>> {
        if self.at == self.rows.len() && !self.refill()? {
            return Ok(None);
        }
        if self.at == self.group_end {
            self.open_group();
        }
        let row = self.rows[self.at];
        self.at += 1;
        let more_of_key =
            self.at < self.group_end || self.single_key.is_some_and(|single| single.goes_on);
        Ok(Some(Step {
            row,
            replaced_by: self.winner.filter(|_| more_of_key),
        }))
    }

    /// Finds the end of the rows with the next row's key.
    fn open_group(&mut self) {
        let rest = &self.rows[self.at..];
        let same = rest.iter().take_while(|row| row.key == rest[0].key).count();
        self.group_end = self.at + same;
        self.winner = match &self.single_key {
            Some(single) => Some(single.last),
            None => Some(self.rows[self.group_end - 1]),
        };
    }

    /// Gets the next rows into memory; false if there are none.
    fn refill(&mut self) -> Result<bool> {
        let Some(disk) = &mut self.disk else {
            return Ok(false);
        };
        let Some(ready) = disk.next()? else {
            return Ok(false);
        };
        self.at = 0;
        self.group_end = 0;
        self.rows = ready.rows;
        self.single_key = ready.single_key;
        Ok(true)
    }
}

impl Disk {
    fn new(file: SpillFile, mut partitions: Vec<Partition>, rows_max: usize) -> Self {
        partitions.reverse();
        Self {
            file,
            partitions,
            single_key: None,
            rows_max,
            buffer: Vec::new(),
        }
    }

    /// The next rows; nothing at the end.
    fn ready(&mut self) -> Result<Option<Ready>> {
        let mut rows = Vec::new();
        let going_on = self.single_key.take();
        self.single_key = going_on.filter(|partition| partition.rows > 0);
        if self.single_key.is_none() {
            self.single_key = self.next_sorted(&mut rows)?;
        }
        if let Some(partition) = &mut self.single_key {
            partition.read_slot(&mut self.file, &mut self.buffer, &mut rows)?;
        }
        let single_key = self.single_key.as_ref().map(|partition| SingleKey {
            last: partition.last,
            goes_on: partition.rows > 0,
        });
        Ok((!rows.is_empty()).then_some(Ready { rows, single_key }))
    }

    /// Reads and sorts the next partition into `rows`. One that is too large is divided first,
    /// unless all its rows have one key: that one is returned unread.
    fn next_sorted(&mut self, rows: &mut Vec<DesiredRow>) -> Result<Option<Partition>> {
        while let Some(mut partition) = self.partitions.pop() {
            if partition.rows <= self.rows_max {
                while partition.rows > 0 {
                    partition.read_slot(&mut self.file, &mut self.buffer, rows)?;
                }
                sort(rows);
                return Ok(None);
            }
            if partition.single_key {
                return Ok(Some(partition));
            }
            self.divide(partition)?;
        }
        Ok(None)
    }

    fn divide(&mut self, mut partition: Partition) -> Result<()> {
        let mut parts = Partitions::new(partition.next_level);
        let mut rows = Vec::new();
        while partition.rows > 0 {
            partition.read_slot(&mut self.file, &mut self.buffer, &mut rows)?;
            for row in rows.drain(..) {
                parts.push(&row, &mut self.file)?;
            }
        }
        let parts = parts.close(&mut self.file)?;
        self.partitions.extend(parts.into_iter().rev());
        Ok(())
    }
}

/// Sorts by key and keeps the order of rows with the same key.
fn sort(rows: &mut [DesiredRow]) {
    rows.sort_by(|left, right| {
        let by_head = left.key.spread().cmp(&right.key.spread());
        by_head.then_with(|| left.key.cmp(&right.key))
    });
}

#[cfg(test)]
mod tests {
    use syncline_model::Digest;

    use super::super::Place;
    use super::*;

    #[test]
    fn no_more_rows_are_in_memory_than_allowed_and_the_file_does_not_grow_by_dividing() {
        let directory = tempfile::tempdir().unwrap();
        let rows_max = 50;
        let mut file = SpillFile::create(directory.path(), rows_max).unwrap();
        let mut partitions = Partitions::new(0);
        for line in 0..30_000_u64 {
            // Half of all rows share the first two bytes.
            let mut key = *Digest::of(&line.to_le_bytes()).as_bytes();
            if line % 2 == 0 {
                key[..2].copy_from_slice(&[7, 7]);
            }
            let place = Place {
                line,
                ..Place::default()
            };
            let key = Digest::from_bytes(key);
            partitions
                .push(
                    &DesiredRow {
                        key,
                        content: key,
                        place,
                    },
                    &mut file,
                )
                .unwrap();
        }
        let partitions = partitions.close(&mut file).unwrap();
        let slots = file.slots();
        let mut disk = Disk::new(file, partitions, rows_max);
        let mut last = None;
        let mut count = 0;
        while let Some(ready) = disk.ready().unwrap() {
            assert!(ready.rows.len() <= rows_max && ready.single_key.is_none());
            for row in ready.rows {
                assert!(last < Some(row.key));
                last = Some(row.key);
                count += 1;
            }
        }
        assert_eq!(count, 30_000);
        let grown = disk.file.slots();
        assert!(grown <= slots + 256 * 3, "{slots} slots grew to {grown}");
    }
}
