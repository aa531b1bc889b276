//! How values of a payload become values of a database: what cannot be kept exactly is refused.

use serde_json::value::RawValue;

use crate::row::Seen;
use crate::table::{Column, Form};
use crate::value::{self, Cell};

/// A value to be bound to a statement.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Input {
    Null,
    Text(String),
    /// Digits.
    Integer(String),
    /// Digits, without an exponent.
    Decimal(String),
    /// The shortest digits of a binary number.
    Float(String),
    Boolean(bool),
    /// A date or a time in the one spelling.
    Moment(String),
    Bytes(Vec<u8>),
    Json(String),
    /// JSON of a list.
    List(String),
}

/// Why a value cannot be kept, as a clause about it.
pub(crate) type Problem = String;

impl Input {
    /// The value of a member for a column.
    pub(crate) fn of_member(column: &Column, member: &RawValue) -> Result<Self, Problem> {
        Self::of_json(column.form, member.get())
    }

    /// The value of a text that says nothing of its type, as in a filter.
    pub(crate) fn of_text(column: &Column, text: &str) -> Result<Self, Problem> {
        match column.form {
            Form::Integer | Form::Decimal { .. } | Form::Float { .. } | Form::Boolean => {
                Self::of_json(column.form, text)
            }
            Form::Loose { .. } if value::plain(text).is_some() => Self::of_json(column.form, text),
            _ => Self::of_json(column.form, &value::quoted(text)),
        }
    }

    /// The value of a row, to find it by.
    pub(crate) fn of_seen(column: &Column, seen: Seen<'_>) -> Self {
        match seen {
            Seen::Json(json) => Self::of_json(column.form, json).unwrap_or(Self::Null),
            Seen::Null | Seen::Odd(_) => Self::Null,
        }
    }

    fn of_json(form: Form, json: &str) -> Result<Self, Problem> {
        if json == "null" {
            return Ok(Self::Null);
        }
        let found = Found::of(json);
        match (form, found) {
            (Form::Json, _) => Ok(Self::Json(json.to_owned())),
            (Form::List, Found::List) => Ok(Self::List(json.to_owned())),
            (Form::Loose { numbers: true }, Found::Text(text)) if value::is_spelled(&text) => Err(
                "is a text that spells a number, and the column would keep the number".to_owned(),
            ),
            (Form::Text | Form::Loose { .. }, Found::Text(text)) => Ok(Self::Text(text)),
            (Form::Boolean, Found::Boolean(value)) => Ok(Self::Boolean(value)),
            (Form::Integer, Found::Number) => integer(json),
            (Form::Decimal { scale }, Found::Number) => decimal(json, scale),
            (Form::Float { single }, Found::Number) => float(json, single),
            (Form::Loose { .. }, Found::Number) => integer(json).or_else(|_| float(json, false)),
            (Form::Bytes, Found::Text(text)) => value::from_base64(&text)
                .map(Self::Bytes)
                .ok_or_else(|| "is not valid Base64".to_owned()),
            (Form::Date | Form::Time { .. } | Form::Timestamp { .. }, Found::Text(text)) => {
                moment(&text, form)
            }
            (_, found) => Err(format!(
                "is {}, and the column takes {}",
                found.words(),
                wanted(form)
            )),
        }
    }

    /// The value as a reading of the column would spell it.
    pub(crate) fn cell(&self) -> Cell {
        match self {
            Self::Null => Cell::Null,
            Self::Text(text) | Self::Moment(text) => value::text(text),
            Self::Integer(digits) | Self::Decimal(digits) | Self::Float(digits) => {
                Cell::Json(digits.clone())
            }
            Self::Boolean(value) => value::boolean(*value),
            Self::Bytes(bytes) => value::bytes(bytes),
            Self::Json(json) | Self::List(json) => Cell::Json(json.clone()),
        }
    }
}

/// What stands in a payload.
enum Found {
    Text(String),
    Number,
    Boolean(bool),
    List,
    Object,
}

impl Found {
    fn of(json: &str) -> Self {
        match json.as_bytes().first() {
            Some(b'"') => Self::Text(serde_json::from_str(json).unwrap_or_default()),
            Some(b't') => Self::Boolean(true),
            Some(b'f') => Self::Boolean(false),
            Some(b'[') => Self::List,
            Some(b'{') => Self::Object,
            _ => Self::Number,
        }
    }

    const fn words(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Number => "a number",
            Self::Boolean(_) => "a boolean",
            Self::List => "a list",
            Self::Object => "an object",
        }
    }
}

const fn wanted(form: Form) -> &'static str {
    match form {
        Form::Text => "text",
        Form::Integer => "a whole number",
        Form::Decimal { .. } | Form::Float { .. } => "a number",
        Form::Boolean => "true or false",
        Form::Date => "a date such as \"2026-08-14\"",
        Form::Time { .. } => "a time such as \"12:30:00\"",
        Form::Timestamp { zoned: true, .. } => "a time such as \"2026-08-14T12:30:00Z\"",
        Form::Timestamp { .. } => "a time without a zone such as \"2026-08-14T12:30:00\"",
        Form::Bytes => "Base64 text",
        Form::List => "a list",
        Form::Json | Form::Loose { .. } => "a text or a number",
    }
}

fn integer(json: &str) -> Result<Input, Problem> {
    match value::plain(json) {
        Some(digits) if !digits.contains('.') => Ok(Input::Integer(digits)),
        _ => Err("is no whole number".to_owned()),
    }
}

fn decimal(json: &str, scale: Option<u32>) -> Result<Input, Problem> {
    let digits = value::plain(json).ok_or("is no number that can be written out")?;
    let found = digits
        .split_once('.')
        .map_or(0, |(_, fraction)| fraction.len());
    match scale {
        Some(scale) if found > scale as usize => Err(format!(
            "has {found} digits after the point, and the column keeps {scale}"
        )),
        _ => Ok(Input::Decimal(digits)),
    }
}

/// A binary number is taken only if reading it gives the same number again.
fn float(json: &str, single: bool) -> Result<Input, Problem> {
    let lost = || "has more digits than the column keeps".to_owned();
    let parsed = if single {
        json.parse::<f32>()
            .ok()
            .filter(|value| value.is_finite())
            .map(|value| value.to_string())
    } else {
        json.parse::<f64>()
            .ok()
            .filter(|value| value.is_finite())
            .map(|value| value.to_string())
    };
    let kept = parsed.ok_or_else(lost)?;
    if value::plain(&kept) == value::plain(json) {
        Ok(Input::Float(kept))
    } else {
        Err(lost())
    }
}

fn moment(text: &str, form: Form) -> Result<Input, Problem> {
    let spelled = value::spelled(text, form);
    let spelled = spelled.ok_or_else(|| format!("is not {}", wanted(form)))?;
    let digits = match form {
        Form::Time { digits } | Form::Timestamp { digits, .. } => digits as usize,
        _ => 0,
    };
    if value::fraction_digits(&spelled) > digits {
        return Err(format!(
            "has more digits of a second than the column keeps ({digits})"
        ));
    }
    Ok(Input::Moment(spelled))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(form: Form, json: &str, expected: Result<&str, &str>) {
        let found = Input::of_json(form, json);
        match (found, expected) {
            (Ok(input), Ok(expected)) => {
                let spelled = match input.cell() {
                    Cell::Json(json) => json,
                    other => format!("{other:?}"),
                };
                assert_eq!(spelled, expected, "{json}");
            }
            (Err(problem), Err(part)) => assert!(problem.contains(part), "{problem}"),
            (found, _) => panic!("{json}: {found:?}"),
        }
    }

    #[test]
    fn numbers_keep_every_digit_or_are_refused() {
        check(Form::Integer, "9007199254740993", Ok("9007199254740993"));
        check(Form::Integer, "1e3", Ok("1000"));
        check(Form::Integer, "1.5", Err("no whole number"));
        check(
            Form::Integer,
            "\"1\"",
            Err("is a text, and the column takes a whole number"),
        );
        let money = Form::Decimal { scale: Some(2) };
        check(money, "1.50", Ok("1.5"));
        check(money, "1.555", Err("3 digits after the point"));
        check(Form::Float { single: false }, "0.1", Ok("0.1"));
        check(Form::Float { single: true }, "0.1", Ok("0.1"));
        check(
            Form::Float { single: true },
            "0.123456789012",
            Err("more digits"),
        );
        check(Form::Float { single: false }, "1e999", Err("more digits"));
    }

    #[test]
    fn other_values_are_what_the_column_takes_or_are_refused() {
        check(Form::Text, "\"\\u0041\"", Ok("\"A\""));
        check(
            Form::Text,
            "7",
            Err("is a number, and the column takes text"),
        );
        check(Form::Text, "null", Ok("Null"));
        check(Form::Boolean, "true", Ok("true"));
        check(Form::Boolean, "1", Err("true or false"));
        check(Form::Bytes, "\"AAE=\"", Ok("\"AAE=\""));
        check(Form::Bytes, "\"?\"", Err("Base64"));
        check(Form::Json, "{\"a\":[1]}", Ok("{\"a\":[1]}"));
        let loose = Form::Loose { numbers: true };
        check(loose, "\"2026-08-14\"", Ok("\"2026-08-14\""));
        check(loose, "\"007\"", Err("a text that spells a number"));
        check(Form::Loose { numbers: false }, "\"007\"", Ok("\"007\""));
        let second = Form::Timestamp {
            zoned: false,
            digits: 0,
        };
        check(
            second,
            "\"2026-08-14T12:30:00.5\"",
            Err("more digits of a second"),
        );
        check(second, "\"2026-08-14T12:30:00Z\"", Err("without a zone"));
    }
}
