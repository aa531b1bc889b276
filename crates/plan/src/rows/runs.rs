//! Sorted runs in a temporary file, and their merging.
//!
//! The file has no name from the moment it is made, so it is gone with the process however that
//! ends. Runs stand one after the other and are read side by side, each through a buffer.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use crate::{PlanError, Result};

/// Fewest rows that are read at once.
const BUFFER_ROWS_MIN: usize = 64;

/// Runs while they are written.
#[derive(Debug)]
pub(super) struct Runs {
    file: RunFile,
    /// Rows of each run, in the order in which they stand in the file.
    lengths: Vec<u64>,
}

#[derive(Debug)]
struct RunFile {
    file: File,
    directory: PathBuf,
}

impl Runs {
    pub(super) fn create(directory: &Path) -> Result<Self> {
        let made = tempfile::tempfile_in(directory);
        let file = made.map_err(|source| spill_error(directory, source))?;
        Ok(Self {
            file: RunFile {
                file,
                directory: directory.to_owned(),
            },
            lengths: Vec::new(),
        })
    }

    /// Adds sorted rows as one run.
    pub(super) fn write<const N: usize>(&mut self, rows: &[[u8; N]]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let written = self.file.file.write_all(rows.as_flattened());
        written.map_err(|source| spill_error(&self.file.directory, source))?;
        self.lengths.push(length(rows.len()));
        Ok(())
    }

    /// The rows of all runs in order; at most about `rows_max` are held at once.
    pub(super) fn merge<const N: usize>(self, rows_max: usize) -> Result<Merge<N>> {
        let room = (rows_max / self.lengths.len().max(1)).max(BUFFER_ROWS_MIN);
        let mut begin = 0;
        let mut runs = Vec::with_capacity(self.lengths.len());
        for rows in self.lengths {
            runs.push(Run {
                at: begin * length(N),
                rows,
                buffer: Vec::new().into_iter(),
            });
            begin += rows;
        }
        let mut merge = Merge {
            file: self.file,
            heads: BinaryHeap::with_capacity(runs.len()),
            runs,
            room,
        };
        for (index, run) in merge.runs.iter_mut().enumerate() {
            if let Some(row) = run.next_row(&mut merge.file, room)? {
                merge.heads.push(Reverse((row, index)));
            }
        }
        Ok(merge)
    }
}

/// Runs while they are merged.
#[derive(Debug)]
pub(super) struct Merge<const N: usize> {
    file: RunFile,
    runs: Vec<Run<N>>,
    /// The next row of each run that has one, the smallest on top.
    heads: BinaryHeap<Reverse<([u8; N], usize)>>,
    /// Most rows of a buffer.
    room: usize,
}

#[derive(Debug)]
struct Run<const N: usize> {
    /// Byte at which the rows that were not read yet begin.
    at: u64,
    /// How many there are.
    rows: u64,
    buffer: std::vec::IntoIter<[u8; N]>,
}

impl<const N: usize> Merge<N> {
    /// The next rows in order, at most so many; nothing at the end.
    pub(super) fn piece(&mut self, rows: usize) -> Result<Option<Vec<[u8; N]>>> {
        let mut piece = Vec::with_capacity(rows);
        while piece.len() < rows
            && let Some(row) = self.next_row()?
        {
            piece.push(row);
        }
        Ok((!piece.is_empty()).then_some(piece))
    }

    /// The next row in order; after an error there are no more.
    fn next_row(&mut self) -> Result<Option<[u8; N]>> {
        let Some(mut head) = self.heads.peek_mut() else {
            return Ok(None);
        };
        let Reverse((row, index)) = *head;
        let next = match self.runs.get_mut(index) {
            Some(run) => run.next_row(&mut self.file, self.room),
            None => Ok(None),
        };
        match next {
            Ok(Some(next)) => *head = Reverse((next, index)),
            Ok(None) => drop(PeekMut::pop(head)),
            Err(error) => {
                drop(head);
                self.heads.clear();
                return Err(error);
            }
        }
        Ok(Some(row))
    }
}

impl<const N: usize> Run<N> {
    fn next_row(&mut self, file: &mut RunFile, room: usize) -> Result<Option<[u8; N]>> {
        if self.buffer.len() == 0 && self.rows > 0 {
            let read = self.fill(&mut file.file, room);
            read.map_err(|source| spill_error(&file.directory, source))?;
        }
        Ok(self.buffer.next())
    }

    fn fill(&mut self, file: &mut File, room: usize) -> io::Result<()> {
        let rows = usize::try_from(self.rows).unwrap_or(usize::MAX).min(room);
        let mut buffer = vec![[0; N]; rows];
        file.seek(SeekFrom::Start(self.at))?;
        file.read_exact(buffer.as_flattened_mut())?;
        self.at += length(rows * N);
        self.rows -= length(rows);
        self.buffer = buffer.into_iter();
        Ok(())
    }
}

fn length(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn spill_error(directory: &Path, source: io::Error) -> PlanError {
    PlanError::Spill {
        directory: directory.to_owned(),
        source,
    }
}
