//! The rows of a file as JSON objects, some at a time.
//!
//! Columns of one value for each row are read by their own readers, which hand out what stands in
//! the file; the others are read beside them. Memory holds a page of each column and the rows of
//! one step.

use std::path::Path;

use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType, FixedLenByteArray, Int96};
use parquet::errors::ParquetError;
use parquet::file::reader::FileReader as _;
use parquet::file::serialized_reader::SerializedFileReader;
use parquet::record::reader::RowIter;
use parquet::schema::types::Type;
use syncline_store::{ErrorKind, Result, StoreError};

use super::layout::{FileColumn, Layout, Sort, open};
use super::nested;
use super::stored::Stored;

/// Rows of one step.
const STEP_ROWS: usize = 1024;
/// Days between the beginnings of the Julian count and of ours.
const JULIAN_DAYS: i128 = 2_440_588;
/// Nanoseconds of a day.
const DAY_NANOS: i128 = 86_400_000_000_000;

/// The rows of a file.
pub(crate) struct ParquetRows {
    name: String,
    reader: SerializedFileReader<std::fs::File>,
    layout: Layout,
    nested: Option<RowIter<'static>>,
    /// The group of rows that comes next.
    group: usize,
    /// Rows left in the group that is read.
    left: usize,
    columns: Vec<Reading>,
    /// Rows left in the step that is read.
    step: usize,
}

/// A column at the root, while it is read.
enum Reading {
    Flat(Box<Flat>),
    Nested,
}

struct Flat {
    stored: Stored,
    is_required: bool,
    reader: ColumnReader,
    levels: Vec<i16>,
    values: Values,
    at_level: usize,
    at_value: usize,
}

enum Values {
    Booleans(Vec<bool>),
    Days(Vec<i32>),
    Integers(Vec<i64>),
    Olds(Vec<Int96>),
    Floats(Vec<f32>),
    Numbers(Vec<f64>),
    Texts(Vec<ByteArray>),
    Fixed(Vec<FixedLenByteArray>),
}

impl ParquetRows {
    /// Opens a file.
    pub(crate) fn open(path: &Path, name: &str) -> Result<Self> {
        let reader = open(path)?;
        let layout = Layout::read(path, &reader)?;
        let mut rows = Self {
            name: name.to_owned(),
            reader,
            nested: None,
            layout,
            group: 0,
            left: 0,
            columns: vec![],
            step: 0,
        };
        rows.nested = rows.nested_rows(path)?;
        Ok(rows)
    }

    /// The columns of the file.
    pub(crate) const fn layout(&self) -> &Layout {
        &self.layout
    }

    fn nested_rows(&self, path: &Path) -> Result<Option<RowIter<'static>>> {
        let is_nested = |column: &&FileColumn| column.sort == Sort::Nested;
        if !self.layout.columns.iter().any(|column| is_nested(&column)) {
            return Ok(None);
        }
        let root = &self.layout.schema;
        let pairs = root.get_fields().iter().zip(&self.layout.columns);
        let fields = pairs.filter(|(_, column)| is_nested(column));
        let fields = fields
            .map(|(field, _)| std::sync::Arc::clone(field))
            .collect();
        let wanted = Type::group_type_builder(root.name())
            .with_fields(fields)
            .build();
        let rows = wanted.and_then(|wanted| {
            let reader = open(path).map_err(|error| ParquetError::External(error.into()))?;
            RowIter::from_file_into(Box::new(reader)).project(Some(wanted))
        });
        rows.map(Some).map_err(|_broken| self.broken())
    }

    /// The next row, or why it is none.
    pub(crate) fn next(&mut self) -> Result<Option<Result<Vec<u8>, String>>> {
        while self.step == 0 {
            if self.left == 0 && !self.next_group()? {
                return Ok(None);
            }
            if self.left > 0 {
                self.next_step()?;
            }
        }
        self.step -= 1;
        let nested = match &mut self.nested {
            None => None,
            Some(rows) => match rows.next() {
                Some(Ok(row)) => Some(row.into_columns()),
                _ => return Err(self.broken()),
            },
        };
        let mut nested = nested.into_iter().flatten();
        let mut out = vec![b'{'];
        let mut reason = None;
        for (column, reading) in self.layout.columns.iter().zip(&mut self.columns) {
            if out.len() > 1 {
                out.push(b',');
            }
            // Writing text into memory cannot fail.
            let _name = serde_json::to_writer(&mut out, &column.name);
            out.push(b':');
            let written = match reading {
                Reading::Flat(flat) => flat.write(&mut out),
                Reading::Nested => match nested.next() {
                    Some((_, field)) => nested::write(&field, &mut out),
                    None => Err("it cannot be read"),
                },
            };
            if let Err(problem) = written {
                reason.get_or_insert_with(|| format!("`{}`: {problem}", column.name));
            }
        }
        out.push(b'}');
        Ok(Some(reason.map_or(Ok(out), Err)))
    }

    fn next_group(&mut self) -> Result<bool> {
        if self.group >= self.reader.num_row_groups() {
            return Ok(false);
        }
        let group = self.reader.get_row_group(self.group);
        let group = group.map_err(|_broken| self.broken())?;
        let rows = group.metadata().num_rows();
        let mut leaf = 0;
        let mut columns = Vec::with_capacity(self.layout.columns.len());
        for (column, field) in self
            .layout
            .columns
            .iter()
            .zip(self.layout.schema.get_fields())
        {
            let first = leaf;
            leaf += leaves(field);
            columns.push(match column.sort {
                Sort::Nested => Reading::Nested,
                Sort::Flat(stored) => {
                    let reader = group.get_column_reader(first);
                    let reader = reader.map_err(|_broken| self.broken())?;
                    Reading::Flat(Box::new(Flat::new(stored, column.is_required, reader)))
                }
            });
        }
        drop(group);
        self.left = usize::try_from(rows).map_err(|_negative| self.broken())?;
        self.group += 1;
        self.columns = columns;
        Ok(true)
    }

    fn next_step(&mut self) -> Result<()> {
        let wanted = self.left.min(STEP_ROWS);
        for reading in &mut self.columns {
            if let Reading::Flat(flat) = reading {
                let read = flat.read(wanted);
                if !read.is_ok_and(|rows| rows == wanted) {
                    return Err(self.broken());
                }
            }
        }
        self.left -= wanted;
        self.step = wanted;
        Ok(())
    }

    /// What the reader says may quote values, and is not handed on.
    fn broken(&self) -> StoreError {
        let message = format!("{} cannot be read on: it is damaged", self.name);
        StoreError::new(ErrorKind::InvalidData, message)
            .with_hint("write the file again, or copy it again from where it came")
    }
}

/// How many columns of values a column at the root has.
fn leaves(field: &Type) -> usize {
    if field.is_primitive() {
        return 1;
    }
    field.get_fields().iter().map(|field| leaves(field)).sum()
}

impl Flat {
    fn new(stored: Stored, is_required: bool, reader: ColumnReader) -> Self {
        let values = match &reader {
            ColumnReader::BoolColumnReader(_) => Values::Booleans(vec![]),
            ColumnReader::Int32ColumnReader(_) => Values::Days(vec![]),
            ColumnReader::Int64ColumnReader(_) => Values::Integers(vec![]),
            ColumnReader::Int96ColumnReader(_) => Values::Olds(vec![]),
            ColumnReader::FloatColumnReader(_) => Values::Floats(vec![]),
            ColumnReader::DoubleColumnReader(_) => Values::Numbers(vec![]),
            ColumnReader::ByteArrayColumnReader(_) => Values::Texts(vec![]),
            ColumnReader::FixedLenByteArrayColumnReader(_) => Values::Fixed(vec![]),
        };
        Self {
            stored,
            is_required,
            reader,
            levels: vec![],
            values,
            at_level: 0,
            at_value: 0,
        }
    }

    /// Reads some rows; how many there were.
    fn read(&mut self, wanted: usize) -> parquet::errors::Result<usize> {
        self.levels.clear();
        (self.at_level, self.at_value) = (0, 0);
        let levels = &mut self.levels;
        let levels = (!self.is_required).then_some(levels);
        match (&mut self.reader, &mut self.values) {
            (ColumnReader::BoolColumnReader(reader), Values::Booleans(values)) => {
                fill(reader, (values, levels), wanted)
            }
            (ColumnReader::Int32ColumnReader(reader), Values::Days(values)) => {
                fill(reader, (values, levels), wanted)
            }
            (ColumnReader::Int64ColumnReader(reader), Values::Integers(values)) => {
                fill(reader, (values, levels), wanted)
            }
            (ColumnReader::Int96ColumnReader(reader), Values::Olds(values)) => {
                fill(reader, (values, levels), wanted)
            }
            (ColumnReader::FloatColumnReader(reader), Values::Floats(values)) => {
                fill(reader, (values, levels), wanted)
            }
            (ColumnReader::DoubleColumnReader(reader), Values::Numbers(values)) => {
                fill(reader, (values, levels), wanted)
            }
            (ColumnReader::ByteArrayColumnReader(reader), Values::Texts(values)) => {
                fill(reader, (values, levels), wanted)
            }
            (ColumnReader::FixedLenByteArrayColumnReader(reader), Values::Fixed(values)) => {
                fill(reader, (values, levels), wanted)
            }
            _ => Ok(0),
        }
    }

    /// Appends the value of the next row.
    fn write(&mut self, out: &mut Vec<u8>) -> Result<(), &'static str> {
        let has_value = self.is_required || self.levels.get(self.at_level) == Some(&1);
        self.at_level += 1;
        if !has_value {
            out.extend_from_slice(b"null");
            return Ok(());
        }
        let at = self.at_value;
        self.at_value += 1;
        let written = match &self.values {
            Values::Booleans(values) => values.get(at).map(|value| {
                out.extend_from_slice(if *value { b"true" } else { b"false" });
                Ok(())
            }),
            Values::Days(values) => values
                .get(at)
                .map(|value| self.stored.write_number(i64::from(*value), out)),
            Values::Integers(values) => values
                .get(at)
                .map(|value| self.stored.write_number(*value, out)),
            Values::Olds(values) => values
                .get(at)
                .map(|value| Stored::write_old_moment(nanos_of(value), out)),
            Values::Floats(values) => values
                .get(at)
                .map(|value| number(value.is_finite(), value, out)),
            Values::Numbers(values) => values
                .get(at)
                .map(|value| number(value.is_finite(), value, out)),
            Values::Texts(values) => values
                .get(at)
                .map(|value| self.stored.write_bytes(value.data(), out)),
            Values::Fixed(values) => values
                .get(at)
                .map(|value| self.stored.write_bytes(value.data(), out)),
        };
        written.unwrap_or(Err("it cannot be read"))
    }
}

fn fill<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    (values, levels): (&mut Vec<T::T>, Option<&mut Vec<i16>>),
    wanted: usize,
) -> parquet::errors::Result<usize> {
    values.clear();
    let (rows, _, _) = reader.read_records(wanted, levels, None, values)?;
    Ok(rows)
}

fn number(
    is_finite: bool,
    value: impl std::fmt::Display,
    out: &mut Vec<u8>,
) -> Result<(), &'static str> {
    if !is_finite {
        return Err("it is no finite number");
    }
    out.extend_from_slice(value.to_string().as_bytes());
    Ok(())
}

/// A point in time of an old file: nanoseconds of a day and the day.
fn nanos_of(value: &Int96) -> i128 {
    let [low, high, day] = match value.data() {
        [low, high, day] => [*low, *high, *day].map(i128::from),
        _ => [0; 3],
    };
    (day - JULIAN_DAYS) * DAY_NANOS + (high << 32) + low
}
