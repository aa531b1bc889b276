//! The manifest of a `OneRoster` folder: which files it holds, and whether each is everything.
//!
//! A file that it calls absent is none for whoever reads the folder, and one to be filled for
//! whoever writes it. What always holds: it calls a file `bulk` only once the file is in its place,
//! and is itself replaced in one step, with all other lines as they were.

use std::collections::BTreeMap;
use std::io::{BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use encoding_rs::UTF_8;
use fs_err::File;
use syncline_store::{ErrorKind, Result, StoreError};

use super::cells::{Cells, CsvRow, CsvRows};
use super::dialect::Dialect;
use super::surface::Surface;
use crate::target::{create, with_ending};

/// The name of the file.
pub(super) const FILE: &str = "manifest.csv";
/// How the properties begin that speak of files.
const PREFIX: &str = "file.";
const ABSENT: &str = "absent";
const BULK: &str = "bulk";

/// What a manifest says of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listing {
    /// It is everything.
    Bulk,
    /// It is what changed.
    Delta,
    /// It is not there.
    Absent,
}

/// What a manifest says.
pub(super) struct Manifest {
    path: PathBuf,
    /// By the names of the files without `.csv`.
    pub(super) tables: BTreeMap<String, Listing>,
}

impl Manifest {
    /// The manifest of a folder, if it has one.
    pub(super) fn of(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(FILE);
        if !path.is_file() {
            return Ok(None);
        }
        let text = text_of(&path, &fs_err::read(&path)?)?;
        let mut tables = BTreeMap::new();
        for line in lines_of(&path, &text)? {
            let wrong = |reason: &str| {
                let (path, number) = (path.display(), line.row.line);
                let message = format!("{path}:{number}: `{PREFIX}{}` {reason}", line.name);
                StoreError::new(ErrorKind::InvalidData, message)
            };
            let listing = match line.value.as_str() {
                ABSENT => Listing::Absent,
                BULK => Listing::Bulk,
                "delta" => Listing::Delta,
                _ => return Err(wrong("is neither bulk nor delta nor absent")),
            };
            if line.name.is_empty() || line.name.contains(['/', '\\']) {
                return Err(wrong("names no file of the folder"));
            }
            if tables.get(&line.name).is_some_and(|said| *said != listing) {
                return Err(wrong("is said twice, and each time otherwise")
                    .with_hint("leave the line that is right, and run again"));
            }
            tables.insert(line.name, listing);
        }
        if tables.is_empty() {
            let message = format!("{} names no files", path.display());
            return Err(StoreError::new(ErrorKind::InvalidData, message)
                .with_hint("a OneRoster manifest has rows such as `file.users,bulk`"));
        }
        Ok(Some(Self { path, tables }))
    }

    /// What is said of a file.
    pub(super) fn listing(&self, file: &str) -> Option<Listing> {
        let stem = file.strip_suffix(".csv")?;
        self.tables.get(stem).copied()
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// An error if a file is not there that the manifest says is.
    pub(super) fn require(&self, folder: &Path) -> Result<()> {
        let there = self.tables.iter();
        let there = there.filter(|(_, listing)| **listing != Listing::Absent);
        let mut files = there.map(|(name, _)| format!("{name}.csv"));
        match files.find(|file| !folder.join(file).is_file()) {
            None => Ok(()),
            Some(file) => {
                let message = format!(
                    "{} says that {file} is there, and it is not",
                    self.path.display()
                );
                Err(StoreError::new(ErrorKind::NotFound, message)
                    .with_hint("fetch the export again; it may have been cut off"))
            }
        }
    }
}

/// Has a manifest call a file `bulk` that it called absent.
pub(super) fn fill(path: &Path, file: &str) -> Result<()> {
    let (_held, bytes) = held(path)?;
    let text = text_of(path, &bytes)?;
    let name = file.strip_suffix(".csv").unwrap_or(file);
    let (mut filled, mut until) = (Vec::new(), 0);
    for line in lines_of(path, &text)? {
        if line.name == name && line.value == ABSENT {
            let value = line.place_of_value(&text);
            filled.extend_from_slice(text.as_bytes().get(until..value).unwrap_or_default());
            filled.extend_from_slice(BULK.as_bytes());
            until = value + ABSENT.len();
        }
    }
    if until == 0 {
        return Ok(());
    }
    filled.extend_from_slice(text.as_bytes().get(until..).unwrap_or_default());
    let beside = with_ending(path, ".part");
    let surface = Surface::marked(UTF_8, &bytes);
    let mut encoder = surface.begin(BufWriter::new(create(&beside)?))?;
    encoder.write_all(&filled)?;
    let mut writer = encoder.into_inner()?;
    writer.flush()?;
    writer.get_ref().sync_data()?;
    Ok(fs_err::rename(beside, path)?)
}

/// A manifest, held against other runs, and what is in it.
fn held(path: &Path) -> Result<(File, Vec<u8>)> {
    let mut file = File::open(path)?;
    let locked = file.file().try_lock();
    let is_held = !matches!(locked, Err(std::fs::TryLockError::WouldBlock));
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    // A run that was quicker has put another file in its place.
    if is_held && fs_err::read(path)? == bytes {
        return Ok((file, bytes));
    }
    let message = format!("{} is being written by another run", path.display());
    Err(StoreError::new(ErrorKind::Local, message))
}

/// A line that speaks of a file.
struct Line {
    row: CsvRow,
    /// The bytes of its first cell, at least so many.
    property: usize,
    name: String,
    value: String,
}

impl Line {
    /// Where in the text its value begins.
    fn place_of_value(&self, text: &str) -> usize {
        let begin = usize::try_from(self.row.offset).unwrap_or(usize::MAX);
        let behind = begin.saturating_add(self.property);
        let rest = text.as_bytes().get(behind..).unwrap_or_default();
        let found = memchr::memmem::find(rest, self.value.as_bytes());
        behind.saturating_add(found.unwrap_or(rest.len()))
    }
}

fn text_of(path: &Path, bytes: &[u8]) -> Result<String> {
    let (mut reader, _) = Dialect::default().text(std::io::Cursor::new(bytes.to_vec()))?;
    let mut text = String::new();
    let read = reader.read_to_string(&mut text);
    read.map_err(|error| broken(path, error))?;
    Ok(text)
}

fn lines_of(path: &Path, text: &str) -> Result<Vec<Line>> {
    let source = std::io::Cursor::new(text.as_bytes().to_vec());
    let mut rows = CsvRows::new(source, (b',', b'"'));
    let mut cells = Cells::default();
    let mut lines = Vec::new();
    while let Some(row) = rows.next(&mut cells).map_err(|error| broken(path, error))? {
        let mut texts = cells.iter().map(String::from_utf8_lossy);
        let (Some(property), Some(value)) = (texts.next(), texts.next()) else {
            continue;
        };
        if let Some(name) = property.trim().strip_prefix(PREFIX) {
            lines.push(Line {
                row,
                property: property.len(),
                name: name.to_owned(),
                value: value.trim().to_owned(),
            });
        }
    }
    Ok(lines)
}

fn broken(path: &Path, error: std::io::Error) -> StoreError {
    let message = format!("{} cannot be read", path.display());
    StoreError::new(ErrorKind::InvalidData, message).with_source(error)
}
