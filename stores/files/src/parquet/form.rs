//! How values of a column stand in the file, and which values a form can hold without loss.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::civil::{Date, date};
use jiff::{Timestamp, Unit};
use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{ByteArray, FixedLenByteArray};
use parquet::errors::Result;
use parquet::schema::types::{Type, TypePtr};

use super::stored::Stored;
use crate::ColumnKind;

/// Decimal digits that every 64-bit floating point number gives back.
const EXACT_DIGITS: usize = 15;
/// Digits by which it shows whether a number lies in the middle between two others.
const DIGITS_MAX: usize = 60;
/// Nanoseconds in a microsecond.
const NANOS_PER_MICRO: i32 = 1_000;

/// The form of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Boolean,
    Integer,
    Number,
    /// Days since 1970.
    Days,
    /// Microseconds since 1970.
    Micros,
    /// Nanoseconds since 1970.
    Nanos,
    Text,
    /// As a file has it that was there before.
    As(Stored),
}

/// A value in the form of its column.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Boolean(bool),
    Integer(i64),
    Number(f64),
    Float(f32),
    /// Days, and whole numbers of 32 bits.
    Days(i32),
    Text(ByteArray),
    Fixed(FixedLenByteArray),
}

impl Form {
    /// The forms that a column of some kind may have, the best first. The last one holds all.
    pub(super) const fn of(kind: ColumnKind) -> &'static [Self] {
        match kind {
            ColumnKind::Text => &[Self::Text],
            ColumnKind::Integer => &[Self::Integer, Self::Text],
            ColumnKind::Number => &[Self::Number, Self::Text],
            ColumnKind::Boolean => &[Self::Boolean, Self::Text],
            ColumnKind::Date => &[Self::Days, Self::Text],
            // Older documents call days points in time.
            ColumnKind::Timestamp => &[Self::Micros, Self::Nanos, Self::Days, Self::Text],
        }
    }

    /// A value that is not null out of its JSON text, if this form holds it without loss.
    pub(super) fn value(self, json: &str) -> Option<Value> {
        match self {
            Self::Boolean => json.parse().ok().map(Value::Boolean),
            Self::Integer => integer(json).map(Value::Integer),
            Self::Number => number(json).map(Value::Number),
            Self::Days => days(&text(json)).map(Value::Days),
            Self::Micros => micros(&text(json)).map(Value::Integer),
            Self::Nanos => nanos(&text(json)).map(Value::Integer),
            Self::Text => {
                let bytes = text(json).into_owned().into_bytes();
                Some(Value::Text(ByteArray::from(bytes)))
            }
            Self::As(stored) => stored.value(json),
        }
    }

    /// The column in the schema of a file.
    pub(super) fn column(self, name: &str) -> Result<TypePtr> {
        let (physical, logical) = match self {
            Self::Boolean => (Physical::BOOLEAN, None),
            Self::Integer => (Physical::INT64, None),
            Self::Number => (Physical::DOUBLE, None),
            Self::Days => (Physical::INT32, Some(LogicalType::Date)),
            Self::Micros => (Physical::INT64, Some(in_utc(TimeUnit::MICROS))),
            Self::Nanos => (Physical::INT64, Some(in_utc(TimeUnit::NANOS))),
            // Columns of a file that was there are taken from its schema.
            Self::Text | Self::As(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        };
        let column = Type::primitive_type_builder(name, physical)
            .with_logical_type(logical)
            .with_repetition(Repetition::OPTIONAL)
            .build()?;
        Ok(Arc::new(column))
    }
}

fn in_utc(unit: TimeUnit) -> LogicalType {
    LogicalType::timestamp(true, unit)
}

/// The text of a JSON text, and anything else as it stands.
pub(super) fn text(json: &str) -> Cow<'_, str> {
    let inside = json
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    match inside {
        None => Cow::Borrowed(json),
        Some(plain) if !plain.contains('\\') => Cow::Borrowed(plain),
        Some(_) => serde_json::from_str(json).map_or(Cow::Borrowed(json), Cow::Owned),
    }
}

/// A whole number as it is spelled: no fraction, no exponent, no sign of nothing.
fn integer(json: &str) -> Option<i64> {
    json.parse().ok().filter(|_| json != "-0")
}

/// A number that its form gives back to the digit, and that is not too great or small: one of few
/// digits, or one that is written with the digits that tell it from its neighbours, as programs do.
fn number(json: &str) -> Option<f64> {
    if !json.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
        return None;
    }
    let mantissa = json.split(['e', 'E']).next()?;
    let digits = digits_of(mantissa);
    let value: f64 = json.parse().ok()?;
    let is_kept = value.is_normal() || (value == 0.0 && digits.is_empty());
    let is_exact = digits.len() <= EXACT_DIGITS || is_shortest(&digits, value);
    (is_kept && is_exact).then_some(value)
}

/// The digits that count.
fn digits_of(mantissa: &str) -> String {
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    digits.trim_matches('0').to_owned()
}

/// Whether these are the digits that tell a number from its neighbours. Where two are equally near,
/// programs choose either.
fn is_shortest(digits: &str, value: f64) -> bool {
    let shortest = written_digits(&format!("{value:e}"));
    if digits == shortest {
        return true;
    }
    let last = |digits: &str| digits.bytes().last().unwrap_or_default();
    let are_neighbours = digits.len() == shortest.len()
        && digits
            .bytes()
            .rev()
            .skip(1)
            .eq(shortest.bytes().rev().skip(1))
        && last(digits).abs_diff(last(&shortest)) == 1;
    are_neighbours && {
        let all = written_digits(&format!("{value:.DIGITS_MAX$e}"));
        let lower = digits.min(shortest.as_str());
        all.strip_prefix(lower) == Some("5")
    }
}

fn written_digits(number: &str) -> String {
    digits_of(number.split('e').next().unwrap_or_default())
}

pub(super) fn days(text: &str) -> Option<i32> {
    let found: Date = text.parse().ok()?;
    // Other spellings of a date are not told from this one.
    if found.to_string() != text {
        return None;
    }
    let since = date(1970, 1, 1).until((Unit::Day, found)).ok()?;
    Some(since.get_days())
}

fn micros(text: &str) -> Option<i64> {
    let found = timestamp(text)?;
    (found.subsec_nanosecond() % NANOS_PER_MICRO == 0).then(|| found.as_microsecond())
}

fn nanos(text: &str) -> Option<i64> {
    timestamp(text)?.as_nanosecond().try_into().ok()
}

/// A point in time that is said in UTC. One that is said elsewhere would lose where; a leap second
/// would become the one before it.
pub(super) fn timestamp(text: &str) -> Option<Timestamp> {
    if !text.ends_with('Z') && !text.ends_with("+00:00") {
        return None;
    }
    let found: Timestamp = text.parse().ok()?;
    let printed = found.to_string();
    let seconds = "2026-08-14T12:30:00".len();
    (printed.get(..seconds)? == text.get(..seconds)?).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(form: Form, json: &str, expected: impl Into<Option<Value>>) {
        assert_eq!(form.value(json), expected.into(), "{json} as {form:?}");
    }

    #[test]
    fn whole_numbers_are_taken_as_they_are_spelled() {
        let integer = |json, value: i64| check(Form::Integer, json, Value::Integer(value));
        integer("0", 0);
        integer("-9223372036854775808", i64::MIN);
        integer("9223372036854775807", i64::MAX);
        for json in [
            "9223372036854775808",
            "1.0",
            "1e3",
            "-0",
            "\"7\"",
            "true",
            "[1]",
        ] {
            check(Form::Integer, json, None);
        }
    }

    #[test]
    fn numbers_keep_all_their_digits_or_are_no_numbers() {
        for (json, value) in [
            ("85.50", 85.5),
            ("0.1", 0.1),
            ("-123456789.012345", -123_456_789.012_345),
            ("0.000", 0.0),
            ("1e21", 1e21),
            ("2.4390571117401123", 2.439_057_111_740_112_3),
            ("0.30000000000000004", 0.300_000_000_000_000_04),
            ("201.55068969726562", 201.550_689_697_265_62),
        ] {
            check(Form::Number, json, Value::Number(value));
        }
        for json in [
            "1234567890.123456789",
            "0.3000000000000000444",
            "1e400",
            "1e-400",
            "9007199254740993",
            "\"1\"",
            "true",
            "[1]",
        ] {
            check(Form::Number, json, None);
        }
    }

    #[test]
    fn dates_are_days_in_either_direction() {
        for (json, value) in [
            ("\"1970-01-01\"", 0),
            ("\"2026-08-14\"", 20_679),
            ("\"1969-12-31\"", -1),
            ("\"0001-01-01\"", -719_162),
        ] {
            check(Form::Days, json, Value::Days(value));
        }
        for json in [
            "\"2026-02-30\"",
            "\"20260814\"",
            "\"2026-08-14T00:00:00\"",
            "\"\"",
            "7",
        ] {
            check(Form::Days, json, None);
        }
    }

    #[test]
    fn points_in_time_are_in_utc_and_as_fine_as_they_were() {
        let second = 1_772_375_400;
        for (json, micros, nanos) in [
            ("\"2026-03-01T14:30:00Z\"", Some(0), Some(0)),
            (
                "\"2026-03-01T14:30:00.25+00:00\"",
                Some(250_000),
                Some(250_000_000),
            ),
            ("\"2026-03-01T14:30:00.1234567Z\"", None, Some(123_456_700)),
        ] {
            let micros = micros.map(|more: i64| Value::Integer(second * 1_000_000 + more));
            let nanos = nanos.map(|more: i64| Value::Integer(second * 1_000_000_000 + more));
            check(Form::Micros, json, micros);
            check(Form::Nanos, json, nanos);
        }
        let early = Value::Integer(-62_135_596_800_000_000);
        check(Form::Micros, "\"0001-01-01T00:00:00Z\"", early);
        check(Form::Nanos, "\"0001-01-01T00:00:00Z\"", None);
        for json in [
            "\"2026-03-01T14:30:00-05:00\"",
            "\"2026-03-01T14:30:00\"",
            "\"2026-03-01T14:30:00.1234567891Z\"",
            "\"2016-12-31T23:59:60Z\"",
            "\"noonZ\"",
            "1772375400",
        ] {
            check(Form::Micros, json, None);
            check(Form::Nanos, json, None);
        }
    }

    #[test]
    fn text_is_without_quotes_and_escapes_and_all_else_as_it_stands() {
        for (json, expected) in [
            (r#""a \"b\" \u00e9""#, "a \"b\" é"),
            (r#""""#, ""),
            ("1.00", "1.00"),
            ("[1, {\"a\": 2}]", "[1, {\"a\": 2}]"),
            ("true", "true"),
        ] {
            let expected = Value::Text(ByteArray::from(expected));
            check(Form::Text, json, Some(expected));
        }
    }
}
