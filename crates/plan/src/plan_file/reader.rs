//! Reading a plan: the whole file is checked before its first change is handed out.

use std::borrow::BorrowMut;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _};
use std::path::{Path, PathBuf};

use fs_err::File;
use serde::Deserialize;
use xxhash_rust::xxh3::Xxh3Default;

use super::lines::{FORMAT, FirstLine, LAST_LINE_PREFIX, LastLine, covered_by_digest};
use super::{PlanHeader, PlanSummary, PlannedChange};
use crate::{PlanError, Result};

/// A longer line is not one of ours.
const LINE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// A plan that is whole and as it was written.
#[derive(Debug)]
pub struct PlanReader {
    lines: Lines,
    header: PlanHeader,
    summary: PlanSummary,
}

impl PlanReader {
    /// Opens a plan and reads all of it once, to be sure of it. A file that was cut off or altered
    /// is refused with the line where it shows.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|source| PlanError::Read {
            path: path.to_owned(),
            source,
        })?;
        let mut lines = Lines {
            path: path.to_owned(),
            file: BufReader::with_capacity(128 * 1024, file),
            number: 0,
            text: Vec::new(),
        };
        let mut hasher = Xxh3Default::new();
        let header = read_header(&mut lines, &mut hasher)?;
        let summary = check(&mut lines, hasher)?;
        Ok(Self {
            lines,
            header,
            summary,
        })
    }

    /// What the plan is about.
    pub const fn header(&self) -> &PlanHeader {
        &self.header
    }

    /// What it amounts to.
    pub const fn summary(&self) -> &PlanSummary {
        &self.summary
    }

    /// Its changes in order, from the first one; can be asked for again.
    pub fn changes(&mut self) -> Result<impl Iterator<Item = Result<PlannedChange>> + '_> {
        self.lines.rewind()?;
        self.lines.advance()?;
        let left = self.summary.changes();
        Ok(PlannedChanges {
            lines: &mut self.lines,
            left,
        })
    }

    /// The same, for whoever has nothing else to ask.
    pub fn into_changes(mut self) -> Result<impl Iterator<Item = Result<PlannedChange>> + use<>> {
        self.lines.rewind()?;
        self.lines.advance()?;
        let left = self.summary.changes();
        Ok(PlannedChanges {
            lines: self.lines,
            left,
        })
    }
}

/// The changes of a plan, in order; ends after an error.
#[derive(Debug)]
struct PlannedChanges<L> {
    lines: L,
    left: u64,
}

impl<L: BorrowMut<Lines>> Iterator for PlannedChanges<L> {
    type Item = Result<PlannedChange>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let lines = self.lines.borrow_mut();
        let change = lines.advance().and_then(|()| lines.parse());
        if change.is_err() {
            self.left = 0;
        }
        Some(change)
    }
}

fn read_header(lines: &mut Lines, hasher: &mut Xxh3Default) -> Result<PlanHeader> {
    /// Read on its own, so that another format is named as such whatever else it holds.
    #[derive(Deserialize)]
    struct FormatOnly {
        format: String,
    }
    lines.advance()?;
    hasher.update(&lines.text);
    let FormatOnly { format } = lines.parse()?;
    if format != FORMAT {
        let reason = format!("its format is {format:?}, and this program reads {FORMAT:?}");
        return Err(lines.malformed(reason));
    }
    let first: FirstLine<'_> = lines.parse()?;
    Ok(first.header.into_owned())
}

/// Reads to the end and compares with what the last line says.
fn check(lines: &mut Lines, mut hasher: Xxh3Default) -> Result<PlanSummary> {
    let mut changes: u64 = 0;
    loop {
        lines.advance()?;
        if lines.text.starts_with(LAST_LINE_PREFIX) {
            break;
        }
        hasher.update(&lines.text);
        changes += 1;
    }
    let LastLine { end, digest } = lines.parse()?;
    hasher.update(covered_by_digest(&lines.text));
    let summary = PlanSummary {
        counts: end.counts,
        verdicts: end.verdicts,
        digest,
    };
    if !lines.at_end()? {
        return Err(lines.altered("something follows its last line"));
    }
    if *digest.as_bytes() != hasher.digest128().to_be_bytes() {
        return Err(find_alteration(lines, changes));
    }
    if changes != summary.changes() {
        return Err(lines.altered("it holds another number of changes than it counts"));
    }
    Ok(summary)
}

/// The first line that is no longer a change, or else the last line, whose digest disagrees.
fn find_alteration(lines: &mut Lines, changes: u64) -> PlanError {
    let last = lines.altered("its digest is not that of its lines");
    if lines.rewind().and_then(|()| lines.advance()).is_err() {
        return last;
    }
    let broken = PlannedChanges {
        lines,
        left: changes,
    }
    .find_map(Result::err);
    broken.unwrap_or(last)
}

/// A file read line by line.
#[derive(Debug)]
struct Lines {
    path: PathBuf,
    file: BufReader<File>,
    /// Number of the line in `text`, counted from 1.
    number: u64,
    /// The line, with its end.
    text: Vec<u8>,
}

impl Lines {
    /// Reads the next line, which has to be there and to be whole.
    fn advance(&mut self) -> Result<()> {
        self.text.clear();
        let read = (&mut self.file)
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', &mut self.text);
        let count = read.map_err(|source| self.unreadable(source))?;
        self.number += u64::from(count > 0);
        if self.text.last() == Some(&b'\n') {
            return Ok(());
        }
        if u64::try_from(count) == Ok(LINE_BYTES_MAX) {
            return Err(self.malformed(format!("it is longer than {LINE_BYTES_MAX} bytes")));
        }
        Err(PlanError::Truncated {
            path: self.path.clone(),
            line: self.number,
        })
    }

    fn at_end(&mut self) -> Result<bool> {
        let rest = self.file.fill_buf().map(<[u8]>::is_empty);
        rest.map_err(|source| self.unreadable(source))
    }

    fn rewind(&mut self) -> Result<()> {
        self.number = 0;
        self.file.rewind().map_err(|source| self.unreadable(source))
    }

    fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T> {
        serde_json::from_slice(&self.text).map_err(|error| self.malformed(reason(&error)))
    }

    fn unreadable(&self, source: std::io::Error) -> PlanError {
        PlanError::Read {
            path: self.path.clone(),
            source,
        }
    }

    fn malformed(&self, reason: String) -> PlanError {
        PlanError::Malformed {
            path: self.path.clone(),
            line: self.number,
            reason,
        }
    }

    fn altered(&self, reason: &str) -> PlanError {
        let reason = reason.to_owned();
        PlanError::Altered {
            path: self.path.clone(),
            line: self.number,
            reason,
        }
    }
}

/// What the parser says, by sort and column only: its own words may quote a key.
fn reason(error: &serde_json::Error) -> String {
    let sort = match error.classify() {
        serde_json::error::Category::Data => "a member is missing or of the wrong kind",
        _ => "it is not JSON",
    };
    format!("{sort} (column {})", error.column())
}
