//! The values of one column of a group of rows, before they are written.

use std::io::Write;

use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::writer::{SerializedColumnWriter, SerializedRowGroupWriter};

use super::form::{Form, Value};

/// What a value takes besides its text, about.
const VALUE_BYTES: usize = 64;
/// What a row takes where a column has no value.
const LEVEL_BYTES: usize = size_of::<i16>();

/// A column of a group of rows.
#[derive(Debug)]
pub(super) struct Buffer {
    /// For each row whether it has a value.
    levels: Vec<i16>,
    values: Values,
}

#[derive(Debug)]
enum Values {
    Booleans(Vec<bool>),
    /// Whole numbers and points in time.
    Integers(Vec<i64>),
    Numbers(Vec<f64>),
    Days(Vec<i32>),
    Texts(Vec<ByteArray>),
}

impl Buffer {
    pub(super) fn new(form: Form) -> Self {
        let values = match form {
            Form::Boolean => Values::Booleans(vec![]),
            Form::Integer | Form::Micros | Form::Nanos => Values::Integers(vec![]),
            Form::Number => Values::Numbers(vec![]),
            Form::Days => Values::Days(vec![]),
            Form::Text => Values::Texts(vec![]),
        };
        Self {
            levels: vec![],
            values,
        }
    }

    /// Adds the value of the next row, if it has one; about how many bytes that takes, and nothing
    /// if the value is of another form.
    pub(super) fn push(&mut self, value: Option<Value>) -> Option<usize> {
        let Some(value) = value else {
            self.levels.push(0);
            return Some(LEVEL_BYTES);
        };
        let taken = match (&mut self.values, value) {
            (Values::Booleans(values), Value::Boolean(value)) => push(values, value),
            (Values::Integers(values), Value::Integer(value)) => push(values, value),
            (Values::Numbers(values), Value::Number(value)) => push(values, value),
            (Values::Days(values), Value::Days(value)) => push(values, value),
            (Values::Texts(values), Value::Text(value)) => {
                let length = value.len();
                push(values, value) + VALUE_BYTES + length
            }
            _ => return None,
        };
        self.levels.push(1);
        Some(LEVEL_BYTES + taken)
    }

    /// Writes the values as the next column of a group, and is empty then.
    pub(super) fn write<W: Write + Send>(
        &mut self,
        group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<()> {
        let column = group.next_column()?;
        let mut column = column.ok_or_else(|| ParquetError::General("no column is left".into()))?;
        self.write_values(&mut column)?;
        column.close()?;
        self.levels.clear();
        Ok(())
    }

    fn write_values(&mut self, column: &mut SerializedColumnWriter<'_>) -> Result<()> {
        let levels = Some(self.levels.as_slice());
        match &mut self.values {
            Values::Booleans(values) => {
                column
                    .typed::<BoolType>()
                    .write_batch(values, levels, None)?;
                values.clear();
            }
            Values::Integers(values) => {
                column
                    .typed::<Int64Type>()
                    .write_batch(values, levels, None)?;
                values.clear();
            }
            Values::Numbers(values) => {
                column
                    .typed::<DoubleType>()
                    .write_batch(values, levels, None)?;
                values.clear();
            }
            Values::Days(values) => {
                column
                    .typed::<Int32Type>()
                    .write_batch(values, levels, None)?;
                values.clear();
            }
            Values::Texts(values) => {
                column
                    .typed::<ByteArrayType>()
                    .write_batch(values, levels, None)?;
                values.clear();
            }
        }
        Ok(())
    }
}

fn push<T>(values: &mut Vec<T>, value: T) -> usize {
    values.push(value);
    size_of::<T>()
}
