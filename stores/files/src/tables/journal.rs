//! The file of changes beside a table: one per line, under a line that says what they belong to.
//!
//! A change whose outcome was told is there. A line without its end was being written, and its outcome
//! was never told. Before the new file takes the place of the old one, a line says which it is: a run
//! that is killed when it has done so has nothing left to do.

use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use fs_err::File;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use syncline_model::{Collection, Digest};
use syncline_store::{ErrorKind, Result, StoreError};

use super::table::Table;
use crate::target::{create, with_ending};

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Heading {
    pub(super) collection: Collection,
    /// The table as it was when the first change came.
    pub(super) base: Option<Version>,
}

/// What tells a table from a later version of itself: its length, and when it was written.
pub(super) type Version = (u64, u64);

/// A change, or the new file.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Line<'text> {
    /// The row, by the digest of its key as the table spells it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    row: String,
    /// What its cells become; absent if the row goes.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    cells: Option<&'text RawValue>,
    /// Whether the table had no such row.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    fresh: bool,
    /// The new file, which has all changes before this line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    folded: Option<Version>,
}

/// Where a change stands: its offset and its length in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place(u64, usize);

/// A change that was put down.
pub(super) struct Put {
    pub(super) row: Digest,
    /// Where its cells are; nothing if the row goes.
    pub(super) cells: Option<Place>,
    /// Whether the table had no such row.
    pub(super) fresh: bool,
}

/// The file, locked by whoever writes it.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    /// The same file, for reading what was put down.
    reader: File,
    length: u64,
}

impl Journal {
    /// An empty one.
    pub(super) fn create(table: &Table) -> Result<Self> {
        let path = path_of(table);
        Self::with(create(&path)?, path)
    }

    fn with(file: File, path: PathBuf) -> Result<Self> {
        Ok(Self {
            reader: File::open(&path)?,
            path,
            file,
            length: 0,
        })
    }

    /// What a killed run left, if it came to a first change.
    pub(super) fn left(table: &Table) -> Result<Option<(Self, Heading)>> {
        let path = path_of(table);
        if !path.is_file() {
            return Ok(None);
        }
        let mut options = fs_err::OpenOptions::new();
        let file = options.read(true).append(true).open(&path)?;
        if let Err(std::fs::TryLockError::WouldBlock) = file.file().try_lock() {
            let message = format!("{} is being written by another run", table.path.display());
            return Err(StoreError::new(ErrorKind::Local, message));
        }
        let journal = Self::with(file, path)?;
        let mut first = String::new();
        BufReader::new(&journal.reader).read_line(&mut first)?;
        match serde_json::from_str(first.trim_end()) {
            Ok(heading) => Ok(Some((journal, heading))),
            Err(_unfinished) => journal.remove().map(|()| None),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Says what the changes belong to, before the first of them.
    pub(super) fn put_heading(&mut self, heading: &Heading) -> Result<()> {
        let line = serde_json::to_vec(heading).map_err(std::io::Error::from)?;
        self.append(line).map(drop)
    }

    /// Puts a change down.
    pub(super) fn put(&mut self, row: Digest, cells: Option<&[u8]>, fresh: bool) -> Result<Place> {
        let cells = cells.map(serde_json::from_slice).transpose();
        let line = Line {
            row: row.to_string(),
            cells: cells.map_err(std::io::Error::from)?,
            fresh,
            folded: None,
        };
        let line = serde_json::to_vec(&line).map_err(std::io::Error::from)?;
        self.append(line)
    }

    /// Says which file has all changes, durably.
    pub(super) fn put_folded(&mut self, folded: Option<Version>) -> Result<()> {
        let line = Line {
            folded,
            ..Line::default()
        };
        let line = serde_json::to_vec(&line).map_err(std::io::Error::from)?;
        self.append(line)?;
        Ok(self.file.sync_data()?)
    }

    fn append(&mut self, mut line: Vec<u8>) -> Result<Place> {
        let place = Place(self.length, line.len());
        line.push(b'\n');
        self.file.write_all(&line)?;
        self.length += line.len() as u64;
        Ok(place)
    }

    /// The cells of the change at a place.
    pub(super) fn cells(&self, Place(offset, length): Place) -> Result<Bytes> {
        let mut file = &self.reader;
        file.seek(SeekFrom::Start(offset))?;
        let mut line = vec![0; length];
        file.read_exact(&mut line)?;
        let line: Line<'_> = serde_json::from_slice(&line).map_err(std::io::Error::from)?;
        let cells = line.cells.map_or("{}", RawValue::get);
        Ok(Bytes::copy_from_slice(cells.as_bytes()))
    }

    /// Shows all changes in their order; the new file that has them, if there is one. What was not
    /// written to its end is cut off.
    pub(super) fn replay(&mut self, mut show: impl FnMut(Put)) -> Result<Option<Version>> {
        let mut folded = None;
        let mut reader = BufReader::new(File::open(&self.path)?);
        let mut text = String::new();
        self.length = reader.read_line(&mut text)? as u64;
        loop {
            text.clear();
            let length = reader.read_line(&mut text)?;
            if !text.ends_with('\n') {
                self.file.set_len(self.length)?;
                return Ok(folded);
            }
            let text = text.trim_end();
            let line: Line<'_> = serde_json::from_str(text).map_err(std::io::Error::from)?;
            let place = Place(self.length, text.len());
            self.length += length as u64;
            folded = line.folded;
            let Some(row) = Digest::from_hex(&line.row) else {
                continue;
            };
            show(Put {
                row,
                cells: line.cells.map(|_| place),
                fresh: line.fresh,
            });
        }
    }

    /// Removes the file, once nothing in it is needed.
    pub(super) fn remove(&self) -> Result<()> {
        Ok(fs_err::remove_file(&self.path)?)
    }
}

fn path_of(table: &Table) -> PathBuf {
    with_ending(&table.path, ".changes")
}
