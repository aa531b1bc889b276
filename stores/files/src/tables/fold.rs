//! Folding changes into a file: a new one is written beside it, row by row.

use std::collections::HashMap;
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;

use bytes::Bytes;
use csv::ByteRecord;
use fs_err::File;
use syncline_model::{Canonicaliser, Digest, RawMember, RawObject};
use syncline_store::{ErrorKind, Result, StoreError};

use super::pending::{Entry, Pending};
use super::rows::{Raw, Row, Rows};
use super::surface::{Encoder, Surface};
use super::table::{Table, TableFormat};
use crate::target::{create, with_ending};
#[cfg(feature = "parquet")]
use {
    crate::parquet::{ParquetTable, Survey},
    crate::{Column, ColumnKind},
    syncline_model::FieldKind,
};

/// How much is written at once.
const BUFFER_BYTES: usize = 256 << 10;

/// The new file while it is written.
pub(super) fn beside(table: &Table) -> PathBuf {
    with_ending(&table.path, ".part")
}

/// Writes the new file, durably.
pub(super) fn write(pending: &Pending) -> Result<()> {
    let table = &pending.table;
    let mut out = Out::begin(table, pending)?;
    let mut canonicaliser = Canonicaliser::new(&pending.collection);
    let mut rows = Rows::open(table)?;
    while let Some(row) = rows.next()? {
        let entry = key(&mut canonicaliser, &row).and_then(|key| pending.entry(key));
        match entry {
            None => out.keep(&row)?,
            Some(Entry::Gone) => {}
            Some(Entry::Cells(place)) => {
                let cells = pending.cells(place)?;
                let before = row.payload.unwrap_or_default();
                out.payload(&patched(&before, &cells)?)?;
            }
        }
    }
    for row in pending.fresh() {
        if let Some(Entry::Cells(place)) = pending.entry(*row) {
            out.payload(&pending.cells(place)?)?;
        }
    }
    out.end()
}

fn key(canonicaliser: &mut Canonicaliser, row: &Row) -> Option<Digest> {
    let payload = row.payload.as_ref().ok()?;
    let (key, _) = canonicaliser.read(payload).ok()?;
    Some(key.digest())
}

/// A payload with the members of another in place of its own.
pub(super) fn patched(before: &[u8], cells: &[u8]) -> Result<Bytes> {
    let parse = |payload| serde_json::from_slice::<RawObject<'_>>(payload);
    let before = if before.is_empty() { b"{}" } else { before };
    let (Ok(RawObject(mut members)), Ok(RawObject(changed))) = (parse(before), parse(cells)) else {
        let message = "a row that is no JSON object cannot be changed";
        return Err(StoreError::new(ErrorKind::InvalidData, message));
    };
    for (name, value) in changed {
        match members.iter_mut().find(|(member, _)| *member == name) {
            Some((_, place)) => *place = value,
            None => members.push((name, value)),
        }
    }
    Ok(RawObject::written(members).into())
}

/// A row of cells as a reading shows it: text and nothing else. Columns without a member are empty.
pub(super) fn as_text(payload: &[u8], columns: &[String]) -> Option<Bytes> {
    let RawObject(members) = serde_json::from_slice(payload).ok()?;
    let cells = row_of(&members, columns);
    let texts = cells
        .iter()
        .map(|cell| serde_json::to_string(cell).unwrap_or_default());
    Some(RawObject::written(columns.iter().zip(texts)).into())
}

/// Why members cannot be written into a file.
pub(super) fn unwritable(
    (table, surface): (&Table, &Surface),
    members: &[RawMember<'_>],
) -> Option<String> {
    let formulas = table.dialect.formulas;
    let formula = members
        .iter()
        .find(|(_, value)| formulas.refuse(&cell_text(value)));
    if let Some((name, _)) = formula {
        return Some(format!(
            "`{name}` begins like a formula, which a spreadsheet would run"
        ));
    }
    let mut members = members.iter();
    let (name, _) = members.find(|(_, value)| !surface.gives_back(&cell_text(value)))?;
    Some(format!(
        "`{name}` has letters that {} does not have",
        surface.encoding().name()
    ))
}

/// A value as the text of a cell.
fn cell_text(text: &str) -> String {
    match text.as_bytes().first() {
        Some(b'"') => serde_json::from_str(text).unwrap_or_else(|_| text.to_owned()),
        _ if text == "null" => String::new(),
        _ => text.to_owned(),
    }
}

fn row_of(members: &[RawMember<'_>], columns: &[String]) -> Vec<String> {
    let values: HashMap<&str, &str> = members
        .iter()
        .map(|(name, value)| (name.as_ref(), *value))
        .collect();
    columns
        .iter()
        .map(|column| {
            values
                .get(column.as_str())
                .map_or_else(String::new, |text| cell_text(text))
        })
        .collect()
}

/// The new file.
struct Out<'table> {
    table: &'table Table,
    columns: &'table [String],
    line_end: &'static [u8],
    form: Form,
}

enum Form {
    Csv(Box<csv::Writer<Encoder>>),
    Jsonl(Encoder),
    #[cfg(feature = "parquet")]
    Parquet(Box<ParquetTable<BufWriter<File>>>),
}

impl<'table> Out<'table> {
    fn begin(table: &'table Table, pending: &'table Pending) -> Result<Self> {
        let (columns, surface) = (pending.columns(), pending.surface());
        let file = create(&beside(table))?;
        let writer = BufWriter::with_capacity(BUFFER_BYTES, file);
        let form = match table.format {
            #[cfg(feature = "parquet")]
            TableFormat::Parquet => Form::Parquet(Box::new(typed(writer, pending)?)),
            #[cfg(not(feature = "parquet"))]
            TableFormat::Parquet => return Err(not_in_build(table)),
            TableFormat::Jsonl => Form::Jsonl(surface.begin(writer)?),
            TableFormat::Csv => {
                let rows = csv::WriterBuilder::new()
                    .delimiter(table.dialect.delimiter)
                    .quote(table.dialect.quote)
                    .terminator(surface.terminator())
                    .flexible(true)
                    .has_headers(false)
                    .from_writer(surface.begin(writer)?);
                Form::Csv(Box::new(rows))
            }
        };
        let mut out = Self {
            table,
            columns,
            line_end: surface.line_end(),
            form,
        };
        if let Form::Csv(rows) = &mut out.form
            && table.dialect.columns.is_none()
        {
            rows.write_record(columns)
                .map_err(|error| unwritten(table, error))?;
        }
        Ok(out)
    }

    /// A row as it stands.
    fn keep(&mut self, row: &Row) -> Result<()> {
        match (&mut self.form, &row.raw) {
            (Form::Jsonl(lines), Raw::Line(line)) => {
                lines.write_all(line)?;
                lines.write_all(self.line_end)?;
            }
            (Form::Csv(rows), Raw::Cells(cells)) => {
                let written = rows.write_record(cells.iter());
                written.map_err(|error| unwritten(self.table, error))?;
            }
            #[cfg(feature = "parquet")]
            (Form::Parquet(typed), Raw::Line(line)) => typed.add(line)?,
            _ => {}
        }
        Ok(())
    }

    /// A row that a payload says.
    fn payload(&mut self, payload: &[u8]) -> Result<()> {
        match &mut self.form {
            Form::Jsonl(lines) => {
                lines.write_all(payload)?;
                lines.write_all(self.line_end)?;
            }
            Form::Csv(rows) => {
                let RawObject(members) =
                    serde_json::from_slice(payload).map_err(std::io::Error::from)?;
                let cells = ByteRecord::from(row_of(&members, self.columns));
                let written = rows.write_byte_record(&cells);
                written.map_err(|error| unwritten(self.table, error))?;
            }
            #[cfg(feature = "parquet")]
            Form::Parquet(typed) => typed.add(payload)?,
        }
        Ok(())
    }

    fn end(self) -> Result<()> {
        let mut writer = match self.form {
            Form::Jsonl(lines) => lines.into_inner()?,
            Form::Csv(rows) => {
                let encoder = rows
                    .into_inner()
                    .map_err(|error| unwritten(self.table, csv::Error::from(error.into_error())))?;
                encoder.into_inner()?
            }
            #[cfg(feature = "parquet")]
            Form::Parquet(typed) => typed.into_inner()?,
        };
        writer.flush()?;
        Ok(writer.get_ref().sync_data()?)
    }
}

/// A typed file: like the one that is there, or else as all of its rows allow.
#[cfg(feature = "parquet")]
fn typed(writer: BufWriter<File>, pending: &Pending) -> Result<ParquetTable<BufWriter<File>>> {
    if let Some(layout) = &pending.layout {
        return ParquetTable::like(writer, layout);
    }
    let named = |name: &String| {
        let field = pending.collection.field(name);
        Column::new(
            name.as_str(),
            field.map_or(ColumnKind::Text, |field| column_kind(field.kind)),
        )
    };
    let mut survey = Survey::new(pending.columns().iter().map(named));
    for row in pending.fresh() {
        if let Some(Entry::Cells(place)) = pending.entry(*row) {
            survey.note(&pending.cells(place)?)?;
        }
    }
    ParquetTable::of(writer, survey.end())
}

/// How a new file holds values of a kind. Exact numbers with a fraction are text: how many digits
/// they may need is not known.
#[cfg(feature = "parquet")]
const fn column_kind(kind: FieldKind) -> ColumnKind {
    match kind {
        FieldKind::Integer => ColumnKind::Integer,
        FieldKind::Number => ColumnKind::Number,
        FieldKind::Boolean => ColumnKind::Boolean,
        FieldKind::Date => ColumnKind::Date,
        FieldKind::Timestamp => ColumnKind::Timestamp,
        FieldKind::Any
        | FieldKind::Text
        | FieldKind::Decimal
        | FieldKind::Time
        | FieldKind::Bytes
        | FieldKind::List
        | FieldKind::Set => ColumnKind::Text,
    }
}

#[cfg(not(feature = "parquet"))]
fn not_in_build(table: &Table) -> StoreError {
    let message = format!("{}: Parquet is not in this build", table.path.display());
    StoreError::new(ErrorKind::Unsupported, message)
}

fn unwritten(table: &Table, error: csv::Error) -> StoreError {
    let message = format!("{} cannot be written", beside(table).display());
    StoreError::new(ErrorKind::Local, message).with_source(error)
}
