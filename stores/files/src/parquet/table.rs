//! Rows of payloads into a file, in groups of bounded size.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use syncline_model::RawObject;
use syncline_store::{ErrorKind, Result, StoreError};

use super::buffer::Buffer;
use super::form::{Form, Value};
use super::layout::{Layout, Sort};
use super::survey::Surveyed;
use crate::Column;
use crate::target::each_cell;

/// Most rows of a group.
const GROUP_ROWS: usize = 100_000;
/// About how many bytes of values make a group, before they are compressed.
const GROUP_BYTES: usize = 32 << 20;
/// The column that holds whole records, where no other is known: a file needs one.
const WHOLE: &str = "record";

/// A Parquet table that is written. Payloads are JSON objects; members of objects are columns
/// `a.b`, lists are JSON text, a null or missing member has no value.
pub struct ParquetTable<W: Write + Send> {
    file: SerializedFileWriter<W>,
    columns: Vec<(Form, Buffer)>,
    places: HashMap<String, usize>,
    /// The values of one payload.
    row: Vec<Option<Value>>,
    rows: usize,
    bytes: usize,
    cells: Cells,
}

/// What of a payload are cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cells {
    /// All of it is one.
    Whole,
    /// Members, and those of members.
    Inside,
    /// Members as they are.
    Members,
}

impl<W: Write + Send> fmt::Debug for ParquetTable<W> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ParquetTable")
            .finish_non_exhaustive()
    }
}

impl<W: Write + Send> ParquetTable<W> {
    /// A table whose columns are known to be as they are declared.
    ///
    /// # Errors
    /// What the writer says.
    pub fn new(out: W, columns: &[Column]) -> Result<Self> {
        let best = |column: &Column| {
            let form = Form::of(column.kind).first().copied();
            (column.name.clone(), form.unwrap_or(Form::Text))
        };
        Self::with_forms(out, columns.iter().map(best).collect())
    }

    /// A table with the columns that a survey found.
    pub(crate) fn of(out: W, surveyed: Surveyed) -> Result<Self> {
        Self::with_forms(out, surveyed.columns)
    }

    fn with_forms(out: W, mut forms: Vec<(String, Form)>) -> Result<Self> {
        let mut cells = Cells::Inside;
        if forms.is_empty() {
            cells = Cells::Whole;
            forms.push((WHOLE.to_owned(), Form::Text));
        }
        let places = forms.iter().enumerate();
        Ok(Self {
            file: file(out, &forms).map_err(from_parquet)?,
            places: places
                .map(|(place, (name, _))| (name.clone(), place))
                .collect(),
            row: vec![None; forms.len()],
            columns: forms
                .into_iter()
                .map(|(_, form)| (form, Buffer::new(form)))
                .collect(),
            rows: 0,
            bytes: 0,
            cells,
        })
    }

    /// A table with the columns of a file that is there, each of which can be written.
    pub(crate) fn like(out: W, layout: &Layout) -> Result<Self> {
        let fields = layout.schema.get_fields().iter().zip(&layout.columns);
        let columns = fields.map(|(field, column)| match column.sort {
            Sort::Flat(stored) => Some((Form::As(stored), Buffer::like(field)?)),
            Sort::Nested => None,
        });
        let columns: Option<Vec<_>> = columns.collect();
        let columns = columns.ok_or_else(|| misfit("one that is only read"))?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_key_value_metadata(layout.notes.clone())
            .build();
        let file = SerializedFileWriter::new(out, Arc::clone(&layout.schema), Arc::new(properties));
        let names = layout.columns.iter().map(|column| column.name.clone());
        Ok(Self {
            file: file.map_err(from_parquet)?,
            places: names.zip(0..).collect(),
            row: vec![None; columns.len()],
            columns,
            rows: 0,
            bytes: 0,
            cells: Cells::Members,
        })
    }

    /// Adds the row of a payload.
    ///
    /// # Errors
    /// A payload that is no JSON object, a member without a column or of another type, and what
    /// the writer says.
    pub fn add(&mut self, payload: &[u8]) -> Result<()> {
        match self.cells {
            Cells::Whole => self.set(WHOLE, &String::from_utf8_lossy(payload))?,
            Cells::Inside => each_cell(payload, &mut |name, json| self.set(name, json))?,
            Cells::Members => {
                let members = RawObject::of(payload).ok_or_else(|| misfit("all of them"))?;
                for (name, json) in members.iter() {
                    self.set(name, json)?;
                }
            }
        }
        for ((_, buffer), value) in self.columns.iter_mut().zip(&mut self.row) {
            let taken = buffer.push(value.take());
            self.bytes += taken.ok_or_else(|| misfit("a column"))?;
        }
        self.rows += 1;
        if self.rows >= GROUP_ROWS || self.bytes >= GROUP_BYTES {
            self.write_group()?;
        }
        Ok(())
    }

    /// Writes what is still to be written, so that the file is whole.
    ///
    /// # Errors
    /// What the writer says.
    pub fn end(self) -> Result<()> {
        self.into_inner().map(drop)
    }

    /// The same, and hands back what was written to.
    pub(crate) fn into_inner(mut self) -> Result<W> {
        if self.rows > 0 {
            self.write_group()?;
        }
        self.file.into_inner().map_err(from_parquet)
    }

    fn set(&mut self, name: &str, json: &str) -> Result<()> {
        let place = self.places.get(name).copied();
        let column = place.and_then(|place| {
            let (form, _) = self.columns.get(place)?;
            Some((*form, self.row.get_mut(place)?))
        });
        match column {
            // An object that is null, of which the members are columns.
            None if json == "null" => {}
            None => return Err(misfit(name)),
            Some((_, value)) if json == "null" => *value = None,
            Some((form, value)) => {
                *value = Some(form.value(json).ok_or_else(|| misfit(name))?);
            }
        }
        Ok(())
    }

    fn write_group(&mut self) -> Result<()> {
        let mut group = self.file.next_row_group().map_err(from_parquet)?;
        for (_, buffer) in &mut self.columns {
            buffer.write(&mut group).map_err(from_parquet)?;
        }
        group.close().map_err(from_parquet)?;
        (self.rows, self.bytes) = (0, 0);
        Ok(())
    }
}

fn file<W: Write + Send>(
    out: W,
    forms: &[(String, Form)],
) -> parquet::errors::Result<SerializedFileWriter<W>> {
    let columns: parquet::errors::Result<_> =
        forms.iter().map(|(name, form)| form.column(name)).collect();
    let schema = Type::group_type_builder("schema").with_fields(columns?);
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build();
    SerializedFileWriter::new(out, Arc::new(schema.build()?), Arc::new(properties))
}

fn misfit(name: &str) -> StoreError {
    let message = format!("a value does not fit its column of the table: {name}");
    StoreError::new(ErrorKind::InvalidData, message)
}

/// What the file system says stays what it is.
fn from_parquet(error: ParquetError) -> StoreError {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(error) => (*error).into(),
            Err(other) => failed(other),
        },
        other => failed(other.into()),
    }
}

fn failed(error: Box<dyn std::error::Error + Send + Sync>) -> StoreError {
    StoreError::new(ErrorKind::Local, "a Parquet file could not be written").with_source(error)
}
