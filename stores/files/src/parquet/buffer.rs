//! The values of one column of a group of rows, before they are written.

use std::io::Write;

use parquet::basic::Type as Physical;
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArray,
    FixedLenByteArrayType, FloatType, Int32Type, Int64Type,
};
use parquet::errors::{ParquetError, Result};
use parquet::file::writer::{SerializedColumnWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;

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
    /// Whether each row has a value, so that levels are not written.
    is_required: bool,
    values: Values,
}

#[derive(Debug)]
enum Values {
    Booleans(Vec<bool>),
    /// Whole numbers and points in time.
    Integers(Vec<i64>),
    Numbers(Vec<f64>),
    Floats(Vec<f32>),
    Days(Vec<i32>),
    Texts(Vec<ByteArray>),
    Fixed(Vec<FixedLenByteArray>),
}

impl Buffer {
    pub(super) fn new(form: Form) -> Self {
        let values = match form {
            Form::Boolean => Values::Booleans(vec![]),
            Form::Integer | Form::Micros | Form::Nanos => Values::Integers(vec![]),
            Form::Number => Values::Numbers(vec![]),
            Form::Days => Values::Days(vec![]),
            Form::Text | Form::As(_) => Values::Texts(vec![]),
        };
        Self {
            levels: vec![],
            is_required: false,
            values,
        }
    }

    /// For a column of a file that was there; nothing if such columns are only read.
    pub(super) fn like(column: &Type) -> Option<Self> {
        let values = match column.get_physical_type() {
            Physical::BOOLEAN => Values::Booleans(vec![]),
            Physical::INT32 => Values::Days(vec![]),
            Physical::INT64 => Values::Integers(vec![]),
            Physical::FLOAT => Values::Floats(vec![]),
            Physical::DOUBLE => Values::Numbers(vec![]),
            Physical::BYTE_ARRAY => Values::Texts(vec![]),
            Physical::FIXED_LEN_BYTE_ARRAY => Values::Fixed(vec![]),
            Physical::INT96 => return None,
        };
        Some(Self {
            levels: vec![],
            is_required: !column.is_optional(),
            values,
        })
    }

    /// Adds the value of the next row, if it has one; about how many bytes that takes, and nothing
    /// if the value is of another form.
    pub(super) fn push(&mut self, value: Option<Value>) -> Option<usize> {
        let Some(value) = value else {
            if self.is_required {
                return None;
            }
            self.levels.push(0);
            return Some(LEVEL_BYTES);
        };
        let taken = match (&mut self.values, value) {
            (Values::Booleans(values), Value::Boolean(value)) => push(values, value),
            (Values::Integers(values), Value::Integer(value)) => push(values, value),
            (Values::Numbers(values), Value::Number(value)) => push(values, value),
            (Values::Floats(values), Value::Float(value)) => push(values, value),
            (Values::Days(values), Value::Days(value)) => push(values, value),
            (Values::Fixed(values), Value::Fixed(value)) => {
                let length = value.len();
                push(values, value) + VALUE_BYTES + length
            }
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
        let levels = (!self.is_required).then_some(self.levels.as_slice());
        match &mut self.values {
            Values::Booleans(values) => write::<BoolType>(column, (values, levels)),
            Values::Integers(values) => write::<Int64Type>(column, (values, levels)),
            Values::Numbers(values) => write::<DoubleType>(column, (values, levels)),
            Values::Floats(values) => write::<FloatType>(column, (values, levels)),
            Values::Days(values) => write::<Int32Type>(column, (values, levels)),
            Values::Texts(values) => write::<ByteArrayType>(column, (values, levels)),
            Values::Fixed(values) => write::<FixedLenByteArrayType>(column, (values, levels)),
        }
    }
}

/// Writes values and has none left.
fn write<T: DataType>(
    column: &mut SerializedColumnWriter<'_>,
    (values, levels): (&mut Vec<T::T>, Option<&[i16]>),
) -> Result<()> {
    column.typed::<T>().write_batch(values, levels, None)?;
    values.clear();
    Ok(())
}

fn push<T>(values: &mut Vec<T>, value: T) -> usize {
    values.push(value);
    size_of::<T>()
}
