//! The rows of a file, each with its place.

use std::sync::Arc;

use bytes::Bytes;
use csv::ByteRecord;
use fs_err::File;
use syncline_model::{Origin, is_plain, write_text};
use syncline_store::{ErrorKind, Result, StoreError};

use super::dialect::{CsvReader, Standing};
use super::table::{Table, TableFormat};
use crate::lines::{LINE_BYTES_MAX, Lines};
#[cfg(feature = "parquet")]
use crate::parquet::{Layout, ParquetRows};

/// Why a row is none that takes in all that is behind it.
pub(super) const OPEN: &str = "a quote is opened in it and not closed before the end of the file";

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
    Cells(ByteRecord),
}

/// The rows of a file.
pub(super) struct Rows {
    unit: Arc<str>,
    columns: Vec<String>,
    /// The name of each column as JSON, and a colon.
    members: Vec<Vec<u8>>,
    /// Room for the cells of the next row.
    spare: Option<ByteRecord>,
    source: Source,
}

enum Source {
    /// A file that is not there, or has nothing in it.
    Nothing,
    Csv(Box<CsvReader>),
    Jsonl(Box<Lines<File>>),
    #[cfg(feature = "parquet")]
    Parquet(Box<ParquetRows>, u64),
}

impl Rows {
    /// Opens a file and reads its header. One that is not there has no rows.
    pub(super) fn open(table: &Table) -> Result<Self> {
        let mut rows = Self {
            unit: Arc::clone(&table.unit),
            columns: table.dialect.columns.clone().unwrap_or_default(),
            members: Vec::new(),
            spare: None,
            source: Source::Nothing,
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
        let file = File::open(&table.path)?;
        if table.format == TableFormat::Jsonl {
            rows.source = Source::Jsonl(Box::new(Lines::new(file)));
            return Ok(rows);
        }
        let mut reader = table.dialect.reader(file)?;
        if table.dialect.columns.is_none() {
            let mut header = ByteRecord::new();
            let is_there = reader.read_byte_record(&mut header);
            if !is_there.map_err(|error| broken(table, error))? {
                return Ok(rows);
            }
            match Standing::of(&mut header) {
                Standing::Behind => return Ok(rows),
                Standing::Open => {
                    let message = format!("{}:1: {OPEN}", table.path.display());
                    return Err(StoreError::new(ErrorKind::InvalidData, message));
                }
                Standing::Within => rows.columns = columns(table, &header)?,
            }
        }
        let member = |name: &String| {
            let mut member = Vec::new();
            write_text(name, &mut member);
            member.push(b':');
            member
        };
        rows.members = rows.columns.iter().map(member).collect();
        rows.source = Source::Csv(Box::new(reader));
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
            Source::Csv(reader) => {
                let mut cells = self.spare.take().unwrap_or_default();
                let unit = &self.unit;
                let more = reader.read_byte_record(&mut cells).map_err(|error| {
                    let message = format!("{unit} cannot be read on");
                    StoreError::new(ErrorKind::InvalidData, message).with_source(error)
                })?;
                let standing = Standing::of(&mut cells);
                if !more || standing == Standing::Behind {
                    return Ok(None);
                }
                let place = cells.position();
                let origin = Origin {
                    unit: Arc::clone(unit),
                    line: place.map_or(0, csv::Position::line),
                    offset: place.map_or(0, csv::Position::byte),
                    length: u32::try_from(cells.as_slice().len()).unwrap_or(u32::MAX),
                };
                let payload = match standing {
                    Standing::Open => Err(OPEN.to_owned()),
                    _ => payload(&self.columns, &self.members, &cells),
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

fn broken(table: &Table, error: csv::Error) -> StoreError {
    let message = format!("{} cannot be read", table.path.display());
    StoreError::new(ErrorKind::InvalidData, message).with_source(error)
}

/// The names in a header, each of which has to be one.
fn columns(table: &Table, header: &ByteRecord) -> Result<Vec<String>> {
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

/// The record of a row: every cell is text.
fn payload(columns: &[String], members: &[Vec<u8>], cells: &ByteRecord) -> Result<Bytes, String> {
    if cells.len() != columns.len() {
        return Err(format!(
            "it has {}, and there are {}",
            counted(cells.len(), "cell"),
            counted(columns.len(), "column")
        ));
    }
    let names: usize = members.iter().map(|member| member.len() + 3).sum();
    let mut out = Vec::with_capacity(cells.as_slice().len() + names + 2);
    out.push(b'{');
    for ((name, member), cell) in columns.iter().zip(members).zip(cells) {
        if out.len() > 1 {
            out.push(b',');
        }
        out.extend_from_slice(member);
        if is_plain(cell) {
            out.push(b'"');
            out.extend_from_slice(cell);
            out.push(b'"');
            continue;
        }
        let text = std::str::from_utf8(cell).ok();
        let text = text.filter(|text| !text.contains(char::REPLACEMENT_CHARACTER));
        let Some(text) = text else {
            return Err(format!(
                "`{name}` is not in the encoding of the file; `encoding` can be declared"
            ));
        };
        write_text(text, &mut out);
    }
    out.push(b'}');
    Ok(out.into())
}

fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
