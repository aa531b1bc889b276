//! How values pass to and from the server.

use mysql_async::Value;

use crate::input::Input;
use crate::row::{Row, RowMaker};
use crate::table::{Column, Form};
use crate::value::{self, Cell};

pub(crate) fn row(row: mysql_async::Row, columns: &[&Column], maker: &mut RowMaker) -> Row {
    let cells = row.unwrap_raw().into_iter().zip(columns);
    maker.row(
        cells.map(|(value, column)| value.map_or(Cell::Null, |value| cell(value, column.form))),
    )
}

fn cell(value: Value, form: Form) -> Cell {
    match (form, value) {
        (_, Value::NULL) => Cell::Null,
        (Form::Boolean, Value::Int(0)) => value::boolean(false),
        (Form::Boolean, Value::Int(1)) => value::boolean(true),
        (Form::Boolean, Value::Int(_) | Value::UInt(_)) => {
            Cell::Odd("it is neither 0 nor 1, and the column is one of booleans")
        }
        (Form::Boolean, Value::Bytes(bits)) => value::boolean(bits.iter().any(|byte| *byte != 0)),
        (Form::Integer, Value::Bytes(bits)) => match std::str::from_utf8(&bits) {
            Ok(digits) if value::plain(digits).is_some() => value::number(digits),
            _ => bit_field(&bits),
        },
        (_, Value::Int(number)) => value::number(&number.to_string()),
        (_, Value::UInt(number)) => value::number(&number.to_string()),
        (_, Value::Float(number)) => value::float_single(number),
        (_, Value::Double(number)) => value::float(number),
        (_, value @ (Value::Date(..) | Value::Time(..))) => moment(&value, form),
        (Form::Bytes, Value::Bytes(bytes)) => value::bytes(&bytes),
        (_, Value::Bytes(bytes)) => match String::from_utf8(bytes) {
            Ok(text) => of_text(&text, form),
            Err(_) => Cell::Odd("it is no text in UTF-8"),
        },
    }
}

fn of_text(text: &str, form: Form) -> Cell {
    match form {
        Form::Decimal { .. } | Form::Float { .. } => value::number(text),
        Form::Json | Form::List => value::json(text),
        Form::Date | Form::Time { .. } | Form::Timestamp { .. } => value::moment(text, form),
        _ => value::text(text),
    }
}

/// The number that a field of bits is.
fn bit_field(bits: &[u8]) -> Cell {
    let number = bits
        .iter()
        .fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
    value::number(&number.to_string())
}

fn moment(value: &Value, form: Form) -> Cell {
    let text = match *value {
        Value::Date(year, month, day, ..) if form == Form::Date => {
            format!("{year:04}-{month:02}-{day:02}")
        }
        Value::Date(year, month, day, hour, minute, second, micros) => {
            let zone = match form {
                Form::Timestamp { zoned: true, .. } => "Z",
                _ => "",
            };
            format!(
                "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{micros:06}{zone}"
            )
        }
        Value::Time(is_negative, days, hours, minutes, seconds, micros) => {
            let sign = if is_negative { "-" } else { "" };
            let hours = days * 24 + u32::from(hours);
            format!("{sign}{hours:02}:{minutes:02}:{seconds:02}.{micros:06}")
        }
        _ => String::new(),
    };
    value::moment(&text, form)
}

pub(crate) fn bound(input: &Input) -> Value {
    match input {
        Input::Null => Value::NULL,
        Input::Text(text) | Input::Json(text) | Input::List(text) | Input::Decimal(text) => {
            Value::Bytes(text.clone().into_bytes())
        }
        Input::Integer(digits) => match (digits.parse(), digits.parse()) {
            (Ok(number), _) => Value::Int(number),
            (_, Ok(number)) => Value::UInt(number),
            _ => Value::Bytes(digits.clone().into_bytes()),
        },
        Input::Float(digits) => digits
            .parse()
            .map_or_else(|_| Value::Bytes(digits.clone().into_bytes()), Value::Double),
        Input::Boolean(value) => Value::Int(i64::from(*value)),
        Input::Moment(text) => {
            let text = text.replacen('T', " ", 1);
            Value::Bytes(text.trim_end_matches('Z').to_owned().into_bytes())
        }
        Input::Bytes(bytes) => Value::Bytes(bytes.clone()),
    }
}
