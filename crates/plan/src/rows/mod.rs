//! Sorting rows of one width in bounded memory.
//!
//! Rows are bytes and come back in ascending order of their bytes, so whoever makes them decides
//! by their layout what comes together. Rows that do not fit the budget go to one unnamed
//! temporary file as sorted runs, which are merged, on a thread of their own, while they are read. A sorting that fits its
//! budget never touches the disk, and nothing is left on it afterwards, even if the process is
//! killed.

mod runs;

use std::path::{Path, PathBuf};

use crate::Result;
use crate::ahead::Ahead;
use runs::Runs;

/// How many rows are merged at a time.
const PIECE_ROWS: usize = 8 << 10;

/// Rows of `N` bytes while they are collected.
#[derive(Debug)]
pub struct RowSorter<const N: usize> {
    directory: PathBuf,
    /// Most rows that are held at once.
    rows_max: usize,
    rows: Vec<[u8; N]>,
    runs: Option<Runs>,
    length: u64,
}

impl<const N: usize> RowSorter<N> {
    /// A sorter that holds at most about `memory_budget` bytes of rows and puts the rest into a
    /// temporary file in `spill_directory`, which has to exist once it is needed.
    pub fn new(spill_directory: &Path, memory_budget: usize) -> Self {
        Self {
            directory: spill_directory.to_owned(),
            rows_max: (memory_budget / N.max(1)).max(1),
            rows: Vec::new(),
            runs: None,
            length: 0,
        }
    }

    /// Adds a row.
    pub fn push(&mut self, row: [u8; N]) -> Result<()> {
        self.extend(&[row])
    }

    /// Adds rows.
    pub fn extend(&mut self, rows: &[[u8; N]]) -> Result<()> {
        let mut rest = rows;
        while !rest.is_empty() {
            if self.rows.len() >= self.rows_max {
                self.spill()?;
            }
            let room = (self.rows_max - self.rows.len()).min(rest.len());
            let (fitting, beyond) = rest.split_at(room);
            self.grow(room);
            self.rows.extend_from_slice(fitting);
            rest = beyond;
        }
        self.length += u64::try_from(rows.len()).unwrap_or(u64::MAX);
        Ok(())
    }

    /// Rows added so far.
    pub const fn len(&self) -> u64 {
        self.length
    }

    /// Whether nothing was added yet.
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The rows in ascending order, equal ones as often as they were added.
    pub fn finish(mut self) -> Result<SortedRows<N>> {
        if self.runs.is_some() {
            self.spill()?;
        }
        let Some(runs) = self.runs else {
            sort(&mut self.rows);
            return Ok(SortedRows(Rows::Held(self.rows.into_iter())));
        };
        // The room of the rows is the room of the runs' buffers from here on.
        self.rows = Vec::new();
        let mut merge = runs.merge(self.rows_max)?;
        let ahead = Ahead::start(move || merge.piece(PIECE_ROWS))?;
        Ok(SortedRows(Rows::Merged(Vec::new().into_iter(), ahead)))
    }

    /// Makes room for so many rows more, and never for more than are held.
    fn grow(&mut self, more: usize) {
        let (length, capacity) = (self.rows.len(), self.rows.capacity());
        if length + more > capacity {
            let doubled = (capacity * 2).min(self.rows_max);
            self.rows.reserve_exact(doubled.max(length + more) - length);
        }
    }

    fn spill(&mut self) -> Result<()> {
        sort(&mut self.rows);
        let runs = match &mut self.runs {
            Some(runs) => runs,
            None => self.runs.insert(Runs::create(&self.directory)?),
        };
        runs.write(&self.rows)?;
        self.rows.clear();
        Ok(())
    }
}

/// Rows in ascending order; ends after an error.
#[derive(Debug)]
pub struct SortedRows<const N: usize>(Rows<N>);

#[derive(Debug)]
enum Rows<const N: usize> {
    Held(std::vec::IntoIter<[u8; N]>),
    /// Rows that were merged, and those behind them.
    Merged(std::vec::IntoIter<[u8; N]>, Ahead<Vec<[u8; N]>>),
}

impl<const N: usize> Iterator for SortedRows<N> {
    type Item = Result<[u8; N]>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Rows::Held(rows) => rows.next().map(Ok),
            Rows::Merged(rows, ahead) => {
                if rows.len() == 0 {
                    match ahead.next() {
                        Ok(Some(more)) => *rows = more.into_iter(),
                        Ok(None) => return None,
                        Err(error) => return Some(Err(error)),
                    }
                }
                rows.next().map(Ok)
            }
        }
    }
}

/// Sorts by bytes; the first eight are compared as one number, which settles most.
fn sort<const N: usize>(rows: &mut [[u8; N]]) {
    let head = |row: &[u8; N]| {
        row.first_chunk()
            .map_or(0, |head| u64::from_be_bytes(*head))
    };
    rows.sort_unstable_by(|one, other| {
        let by_head = head(one).cmp(&head(other));
        by_head.then_with(|| one.cmp(other))
    });
}

#[cfg(test)]
mod tests {
    use syncline_model::Digest;

    use super::*;

    fn row(number: u64) -> [u8; 16] {
        *Digest::of(&number.to_le_bytes()).as_bytes()
    }

    #[track_caller]
    fn check(count: u64, memory_budget: usize, spills: bool) {
        let directory = tempfile::tempdir().unwrap();
        let mut sorter = RowSorter::new(directory.path(), memory_budget);
        // Every third row comes twice.
        let mut expected: Vec<[u8; 16]> = (0..count).map(|number| row(number / 3 * 2)).collect();
        let (first, rest) = expected.split_at(expected.len() / 2);
        for row in first {
            sorter.push(*row).unwrap();
        }
        sorter.extend(rest).unwrap();
        assert_eq!(sorter.len(), count);
        assert_eq!(sorter.runs.is_some(), spills);
        expected.sort_unstable();
        let found: Vec<[u8; 16]> = sorter.finish().unwrap().map(Result::unwrap).collect();
        assert!(
            found == expected,
            "{count} rows within {memory_budget} bytes"
        );
        let left = std::fs::read_dir(directory.path()).unwrap().count();
        assert_eq!(left, 0, "files left behind");
    }

    #[test]
    fn rows_come_back_in_order_whatever_fits_into_memory() {
        check(0, 1000, false);
        check(62, 1000, false);
        check(1000, 16 * 1000, false);
        check(1001, 16 * 1000, true);
        check(30_000, 16 * 1000, true);
        check(2000, 1, true);
    }

    #[test]
    fn no_more_rows_are_held_than_allowed() {
        let directory = tempfile::tempdir().unwrap();
        let mut sorter = RowSorter::new(directory.path(), 16 * 100);
        let rows: Vec<[u8; 16]> = (0..950).map(row).collect();
        sorter.extend(&rows).unwrap();
        assert!(sorter.rows.len() <= 100 && sorter.rows.capacity() < 256);
    }

    #[test]
    fn a_folder_that_is_not_there_is_named_once_it_is_needed() {
        let nowhere = Path::new("/nowhere/at/all");
        let mut sorter = RowSorter::new(nowhere, 16);
        sorter.push(row(1)).unwrap();
        let error = sorter.push(row(2)).unwrap_err();
        assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
    }
}
