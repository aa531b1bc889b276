//! The rows of a file, each with its place.

use std::io::{Read, Seek as _, SeekFrom};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use fs_err::File;
use syncline_model::{Origin, is_plain, write_text};
use syncline_store::{ErrorKind, Result, StoreError};

use super::cells::{Cells, CsvRows};
use super::table::{Table, TableFormat};
use crate::lines::{LINE_BYTES_MAX, Lines};
#[cfg(feature = "parquet")]
use crate::parquet::{Layout, ParquetRows};

/// Why a row is none that takes in all that is behind it.
pub(super) const OPEN: &str = "a quote is opened in it and not closed before the end of the file";

/// How much room rows share: little, as one record that is kept keeps all of it.
const ROOM_BYTES: usize = 32 << 10;

/// One row.
pub(super) struct Row {
    pub(super) origin: Origin,
    /// The record, or why the row is none.
    pub(super) payload: Result<Bytes, String>,
    /// The row as it stands.
    pub(super) raw: Raw,
}

impl Row {
    /// Whether it takes in all that is behind it.
    pub(super) fn is_open(&self) -> bool {
        self.payload.as_ref().is_err_and(|reason| reason == OPEN)
    }
}

/// A row as it stands.
pub(super) enum Raw {
    Line(Bytes),
    Cells(Cells),
}

/// The rows of a file.
pub(super) struct Rows {
    unit: Arc<str>,
    columns: Vec<String>,
    members: Members,
    /// Room for the cells of the next row.
    spare: Option<Cells>,
    /// Room for the records of the next rows.
    room: BytesMut,
    source: Source,
    /// The file itself, if a row is found again by its place.
    file: Option<Arc<File>>,
}

enum Source {
    /// A file that is not there, or has nothing in it.
    Nothing,
    /// Rows, and where their text begins in the file.
    Csv(Box<CsvRows>, u64),
    Jsonl(Box<Lines<Shared>>),
    #[cfg(feature = "parquet")]
    Parquet(Box<ParquetRows>, u64),
}

impl Rows {
    /// Opens a file and reads its header. One that is not there has no rows.
    pub(super) fn open(table: &Table) -> Result<Self> {
        let mut rows = Self {
            unit: Arc::clone(&table.unit),
            columns: table.dialect.columns.clone().unwrap_or_default(),
            members: Members::default(),
            spare: None,
            room: BytesMut::new(),
            source: Source::Nothing,
            file: None,
        };
        if !table.path.is_file() {
            return Ok(rows);
        }
        #[cfg(feature = "parquet")]
        if table.format == TableFormat::Parquet {
            let file = ParquetRows::open(&table.path, &table.unit)?;
            let columns = file.layout().columns.iter();
            rows.columns = columns.map(|column| column.name.clone()).collect();
            rows.source = Source::Parquet(Box::new(file), 0);
            return Ok(rows);
        }
        let file = Arc::new(File::open(&table.path)?);
        if table.format == TableFormat::Jsonl {
            rows.source = Source::Jsonl(Box::new(Lines::new(Shared(Arc::clone(&file)))));
            rows.file = Some(file);
            return Ok(rows);
        }
        let (mut reader, begin) = table.dialect.rows(Shared(Arc::clone(&file)))?;
        if table.dialect.columns.is_none() {
            let mut header = Cells::default();
            let found = reader.next(&mut header);
            match found.map_err(|error| broken(table, error))? {
                None => return Ok(rows),
                Some(found) if found.is_open => {
                    let message = format!("{}:1: {OPEN}", table.path.display());
                    return Err(StoreError::new(ErrorKind::InvalidData, message));
                }
                Some(_) => rows.columns = columns(table, &header)?,
            }
        }
        rows.members = Members::of(&rows.columns);
        rows.source = Source::Csv(Box::new(reader), begin.unwrap_or(0));
        rows.file = begin.map(|_as_it_is| file);
        Ok(rows)
    }

    /// The names of the columns, in their order; none in a file of JSON lines.
    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// What the columns of a typed file hold.
    #[cfg(feature = "parquet")]
    pub(super) fn layout(&self) -> Option<&Layout> {
        match &self.source {
            Source::Parquet(file, _) => Some(file.layout()),
            _ => None,
        }
    }

    /// What finds rows again in the file that is open, once all of them were read; nothing if its
    /// text is not made of its bytes as they are.
    pub(super) fn by_place(&self, table: &Table) -> Option<RowsByPlace> {
        let csv = match &self.source {
            Source::Csv(..) => true,
            Source::Jsonl(_) => false,
            _ => return None,
        };
        Some(RowsByPlace {
            file: Arc::clone(self.file.as_ref()?),
            text: Vec::new(),
            columns: self.columns.clone(),
            members: self.members.clone(),
            csv: csv.then(|| (Box::new(table.dialect.rows_alone()), Cells::default())),
        })
    }

    /// Takes back a row that is done with, for the room of its cells.
    pub(super) fn take_back(&mut self, row: Raw) {
        if let Raw::Cells(cells) = row {
            self.spare = Some(cells);
        }
    }

    /// The next row.
    pub(super) fn next(&mut self) -> Result<Option<Row>> {
        match &mut self.source {
            Source::Nothing => Ok(None),
            Source::Jsonl(lines) => {
                let Some(line) = lines.next_line()? else {
                    return Ok(None);
                };
                let origin = Origin {
                    unit: Arc::clone(&self.unit),
                    line: line.number,
                    offset: line.offset,
                    length: u32::try_from(line.text.len()).unwrap_or(u32::MAX),
                };
                let payload = if line.too_long {
                    Err(format!("longer than {} MB", LINE_BYTES_MAX >> 20))
                } else {
                    Ok(line.text.clone())
                };
                let raw = Raw::Line(line.text);
                Ok(Some(Row {
                    origin,
                    payload,
                    raw,
                }))
            }
            Source::Csv(reader, begin) => {
                let mut cells = self.spare.take().unwrap_or_default();
                let unit = &self.unit;
                let row = reader.next(&mut cells).map_err(|error| {
                    let message = format!("{unit} cannot be read on");
                    StoreError::new(ErrorKind::InvalidData, message).with_source(error)
                })?;
                let Some(row) = row else {
                    return Ok(None);
                };
                let origin = Origin {
                    unit: Arc::clone(unit),
                    line: row.line,
                    offset: *begin + row.offset,
                    length: u32::try_from(row.length).unwrap_or(u32::MAX),
                };
                let payload = if row.is_open {
                    Err(OPEN.to_owned())
                } else {
                    self.members
                        .payload((&self.columns, &cells), &mut self.room)
                };
                let raw = Raw::Cells(cells);
                Ok(Some(Row {
                    origin,
                    payload,
                    raw,
                }))
            }
            #[cfg(feature = "parquet")]
            Source::Parquet(file, line) => {
                *line += 1;
                let row = file.next()?;
                Ok(row.map(|row| of_typed(&self.unit, *line, row.map(Bytes::from))))
            }
        }
    }
}

/// A file that is read here, and looked at again from elsewhere once it was.
struct Shared(Arc<File>);

impl Read for Shared {
    fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
        (&*self.0).read(room)
    }
}

/// Rows of a file that is open, by their place.
pub(super) struct RowsByPlace {
    file: Arc<File>,
    text: Vec<u8>,
    columns: Vec<String>,
    members: Members,
    /// What cuts a row into cells, if it has any.
    csv: Option<(Box<CsvRows>, Cells)>,
}

impl RowsByPlace {
    /// Whether rows have cells.
    pub(super) const fn are_cut(&self) -> bool {
        self.csv.is_some()
    }

    /// The record at a place, if there is one.
    pub(super) fn payload(&mut self, origin: &Origin) -> Result<Option<Bytes>> {
        self.text.resize(origin.length as usize, 0);
        let mut file = &*self.file;
        file.seek(SeekFrom::Start(origin.offset))?;
        match file.read_exact(&mut self.text) {
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        let Some((rows, cells)) = &mut self.csv else {
            return Ok(Some(Bytes::copy_from_slice(&self.text)));
        };
        if rows.of_row(&self.text, cells)?.is_none() {
            return Ok(None);
        }
        let row = (&*self.columns, &*cells);
        Ok(self.members.payload(row, &mut BytesMut::new()).ok())
    }
}

/// A row of a typed file.
#[cfg(feature = "parquet")]
fn of_typed(unit: &Arc<str>, line: u64, payload: Result<Bytes, String>) -> Row {
    let raw = payload.as_ref().map_or_else(|_| Bytes::new(), Bytes::clone);
    Row {
        origin: Origin {
            unit: Arc::clone(unit),
            line,
            offset: 0,
            length: u32::try_from(raw.len()).unwrap_or(u32::MAX),
        },
        payload,
        raw: Raw::Line(raw),
    }
}

fn broken(table: &Table, error: std::io::Error) -> StoreError {
    let message = format!("{} cannot be read", table.path.display());
    StoreError::new(ErrorKind::InvalidData, message).with_source(error)
}

/// The names in a header, each of which has to be one.
fn columns(table: &Table, header: &Cells) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::with_capacity(header.len());
    for (index, cell) in header.iter().enumerate() {
        let problem = match std::str::from_utf8(cell).map(str::trim) {
            Err(_) => "is not in the encoding of the file",
            Ok("") => "has no name",
            Ok(name) if names.iter().any(|other| other == name) => "has the name of another",
            Ok(name) => {
                names.push(name.to_owned());
                continue;
            }
        };
        let message = format!("{}:1: column {} {problem}", table.path.display(), index + 1);
        return Err(StoreError::new(ErrorKind::InvalidData, message)
            .with_hint("correct the header, or declare `columns` if the file has none"));
    }
    Ok(names)
}

/// The members of the records of a table: every cell is text.
#[derive(Clone, Debug, Default)]
struct Members {
    /// What stands before the text of each cell, from the end of the text before on.
    before: Vec<Vec<u8>>,
    /// Bytes of all of it.
    length: usize,
}

impl Members {
    fn of(columns: &[String]) -> Self {
        let member = |(place, name): (usize, &String)| {
            let mut before = if place == 0 { b"{" } else { &b"\","[..] }.to_vec();
            write_text(name, &mut before);
            before.extend_from_slice(b":\"");
            before
        };
        let before: Vec<Vec<u8>> = columns.iter().enumerate().map(member).collect();
        let length = before.iter().map(Vec::len).sum();
        Self { before, length }
    }

    /// The record of a row, put into room that it shares with others.
    fn payload(
        &self,
        (columns, cells): (&[String], &Cells),
        room: &mut BytesMut,
    ) -> Result<Bytes, String> {
        if cells.len() != columns.len() {
            return Err(format!(
                "it has {}, and there are {}",
                counted(cells.len(), "cell"),
                counted(columns.len(), "column")
            ));
        }
        let size = cells.length() + self.length + 2;
        if room.capacity() < size {
            *room = BytesMut::with_capacity(ROOM_BYTES.max(size));
        }
        room.clear();
        for ((name, before), cell) in columns.iter().zip(&self.before).zip(cells.iter()) {
            room.extend_from_slice(before);
            if cells.is_plain() || is_plain(cell) {
                room.extend_from_slice(cell);
                continue;
            }
            let text = std::str::from_utf8(cell).ok();
            let text = text.filter(|text| !text.contains(char::REPLACEMENT_CHARACTER));
            let Some(text) = text else {
                return Err(format!(
                    "`{name}` is not in the encoding of the file; `encoding` can be declared"
                ));
            };
            let mut json = Vec::with_capacity(cell.len() + 2);
            write_text(text, &mut json);
            // Its quotes are there already.
            room.extend_from_slice(json.get(1..json.len() - 1).unwrap_or_default());
        }
        room.extend_from_slice(if columns.is_empty() { b"{}" } else { b"\"}" });
        Ok(room.split().freeze())
    }
}

fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
