//! Bringing values to the kind of their field.
//!
//! Each kind has one form, so that the same value is the same text whichever side it comes from.
//! Reasons say what was expected and never what was found.

use std::borrow::Cow;
use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use serde_json::value::RawValue;
use syncline_model::FieldKind;

use crate::cell::Cell;

/// What text amounts to before it is converted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ValueRules {
    /// What empty text is.
    pub blank: Blank,
    /// What becomes of whitespace in text.
    pub whitespace: Whitespace,
}

/// What empty text is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Blank {
    /// No value.
    #[default]
    Null,
    /// A value of its own.
    Text,
}

/// What becomes of whitespace in text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Whitespace {
    /// It stays.
    #[default]
    Keep,
    /// It goes at both ends.
    Trim,
    /// It goes at both ends, and is one space elsewhere.
    Collapse,
}

/// Why a value does not fit: what was expected, as one clause.
pub(crate) type Reason = &'static str;

/// A value as its kind has it.
pub(crate) fn convert(
    cell: Cell<'_>,
    kind: FieldKind,
    rules: ValueRules,
) -> Result<Cell<'_>, Reason> {
    let cell = match cell {
        Cell::Text(text) => ruled(text, rules),
        other => other,
    };
    match (kind, cell) {
        (_, Cell::Null) => Ok(Cell::Null),
        (FieldKind::Any, cell) => Ok(cell),
        (FieldKind::Text, cell) => text(cell),
        (_, Cell::Text(text)) if text.trim().is_empty() => Ok(Cell::Null),
        (FieldKind::Integer, cell) => integer(cell),
        (FieldKind::Decimal | FieldKind::Number, cell) => number(cell),
        (FieldKind::Boolean, cell) => boolean(&cell),
        (FieldKind::Date, cell) => date(&cell),
        (FieldKind::Time, cell) => time(&cell),
        (FieldKind::Timestamp, cell) => timestamp(&cell),
        (FieldKind::Bytes, cell) => bytes(cell),
        (FieldKind::List, cell) => list(cell),
        (FieldKind::Set, cell) => set(cell),
    }
}

fn ruled(text: Cow<'_, str>, rules: ValueRules) -> Cell<'_> {
    let text = match rules.whitespace {
        Whitespace::Keep => text,
        Whitespace::Trim => trimmed(text),
        Whitespace::Collapse => Cow::Owned(text.split_whitespace().collect::<Vec<_>>().join(" ")),
    };
    if text.is_empty() && rules.blank == Blank::Null {
        return Cell::Null;
    }
    Cell::Text(text)
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

fn text(cell: Cell<'_>) -> Result<Cell<'_>, Reason> {
    match cell {
        Cell::Number(text) => Ok(Cell::Text(text)),
        Cell::Boolean(boolean) => Ok(Cell::Text(boolean.to_string().into())),
        Cell::Json(_) => Err("text was expected, and it is a list or an object"),
        text => Ok(text),
    }
}

const WHOLE: Reason = "a whole number was expected";

fn integer(cell: Cell<'_>) -> Result<Cell<'_>, Reason> {
    let (Cell::Number(text) | Cell::Text(text)) = cell else {
        return Err(WHOLE);
    };
    let (negative, digits) = signed(text.trim());
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_whole = !whole.is_empty()
        && whole.bytes().all(|byte| byte.is_ascii_digit())
        && fraction.bytes().all(|byte| byte == b'0');
    if !is_whole {
        return Err(WHOLE);
    }
    Ok(Cell::Number(number_text(negative, whole, "").into()))
}

const NUMBER: Reason = "a number was expected, such as 12.50";

fn number(cell: Cell<'_>) -> Result<Cell<'_>, Reason> {
    let text = match cell {
        Cell::Number(_) => return Ok(cell),
        Cell::Text(text) => text,
        _ => return Err(NUMBER),
    };
    let (negative, digits) = signed(text.trim());
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (digits, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let all_digits =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_fits = exponent.is_none_or(|exponent| all_digits(signed(exponent).1));
    if !all_digits(whole) || !all_digits(fraction) || !exponent_fits {
        return Err(NUMBER);
    }
    let rest = digits.get(whole.len()..).unwrap_or_default();
    Ok(Cell::Number(number_text(negative, whole, rest).into()))
}

fn signed(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// The text of a JSON number: no sign before nothing, no zeros before the first digit.
fn number_text(negative: bool, whole: &str, rest: &str) -> String {
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let is_zero = whole == "0" && rest.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    let sign = if negative && !is_zero { "-" } else { "" };
    format!("{sign}{whole}{rest}")
}

fn boolean<'text>(cell: &Cell<'text>) -> Result<Cell<'text>, Reason> {
    let found = match cell {
        Cell::Boolean(boolean) => Some(*boolean),
        Cell::Number(text) | Cell::Text(text) => truth(text.trim()),
        Cell::Null | Cell::Json(_) => None,
    };
    found
        .map(Cell::Boolean)
        .ok_or("true or false was expected (or yes, no, 1, 0)")
}

fn truth(text: &str) -> Option<bool> {
    let is = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    if is(&["true", "t", "yes", "y", "1"]) {
        Some(true)
    } else if is(&["false", "f", "no", "n", "0"]) {
        Some(false)
    } else {
        None
    }
}

const DATE: Reason = "a date was expected, such as 2026-08-14";

fn date<'text>(cell: &Cell<'text>) -> Result<Cell<'text>, Reason> {
    let Cell::Text(text) = cell else {
        return Err(DATE);
    };
    let text = text.trim();
    let date = match text.parse::<DateTime>() {
        // A time of day would be lost.
        Ok(moment) if moment.time() != Time::midnight() => return Err(DATE),
        Ok(moment) => moment.date(),
        Err(_) => text.parse::<Date>().map_err(|_no_date| DATE)?,
    };
    Ok(Cell::Text(date.to_string().into()))
}

fn time<'text>(cell: &Cell<'text>) -> Result<Cell<'text>, Reason> {
    const TIME: Reason = "a time of day was expected, such as 12:30:00";
    let Cell::Text(text) = cell else {
        return Err(TIME);
    };
    let time = text.trim().parse::<Time>().map_err(|_no_time| TIME)?;
    Ok(Cell::Text(time.to_string().into()))
}

fn timestamp<'text>(cell: &Cell<'text>) -> Result<Cell<'text>, Reason> {
    const MOMENT: Reason = "a point in time was expected, such as 2026-08-14T12:30:00Z";
    let Cell::Text(text) = cell else {
        return Err(MOMENT);
    };
    let text = text.trim();
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(Cell::Text(moment.to_string().into()));
    }
    let local = text.parse::<DateTime>().map_err(|_no_moment| MOMENT)?;
    Ok(Cell::Text(local.to_string().into()))
}

fn bytes(cell: Cell<'_>) -> Result<Cell<'_>, Reason> {
    let fits = |text: &str| {
        let body = text.trim_end_matches('=');
        let is_known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
        text.len().is_multiple_of(4) && text.len() - body.len() <= 2 && body.bytes().all(is_known)
    };
    match cell {
        Cell::Text(text) if fits(&text) => Ok(Cell::Text(text)),
        _ => Err("Base64 text was expected"),
    }
}

fn list(cell: Cell<'_>) -> Result<Cell<'_>, Reason> {
    match cell {
        Cell::Json(text) if text.starts_with('[') => Ok(Cell::Json(text)),
        Cell::Text(text) if text.trim_start().starts_with('[') => {
            let list: Result<Vec<serde::de::IgnoredAny>, _> = serde_json::from_str(&text);
            let fits = list.map_err(|_no_list| "a list was expected");
            fits.map(|_list| Cell::Json(text))
        }
        _ => Err("a list was expected; text can be taken apart with `split`"),
    }
}

/// The values of a list in the order of their bytes, each once.
fn set(cell: Cell<'_>) -> Result<Cell<'_>, Reason> {
    let Cell::Json(text) = list(cell)? else {
        return Ok(Cell::Null);
    };
    let items: Vec<&RawValue> =
        serde_json::from_str(&text).map_err(|_no_list| "a list was expected")?;
    let items: BTreeSet<Cell<'_>> = items
        .iter()
        .map(|item| Cell::of_json(item.get()))
        .filter(|item| *item != Cell::Null)
        .collect();
    if items.is_empty() {
        return Ok(Cell::Null);
    }
    let mut out = Vec::with_capacity(text.len());
    for (index, item) in items.iter().enumerate() {
        out.push(if index == 0 { b'[' } else { b',' });
        item.write(&mut out);
    }
    out.push(b']');
    Ok(Cell::Json(Cow::Owned(
        String::from_utf8_lossy(&out).into_owned(),
    )))
}

/// Whether a field whose own kind is the first can be looked at as one of the second: its values are
/// the same, spelled otherwise.
pub fn fits(own: FieldKind, declared: FieldKind) -> bool {
    use FieldKind::{Any, Decimal, Integer, List, Number, Set, Text};
    let is_related = matches!(
        (own, declared),
        (Any | Text, _)
            | (Integer | Decimal | Number, Integer | Decimal | Number)
            | (List | Set, List | Set)
    );
    is_related || own == declared
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str, kind: FieldKind, rules: ValueRules) -> Result<String, Reason> {
        let mut out = Vec::new();
        convert(Cell::of_json(text), kind, rules)?.write(&mut out);
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    #[track_caller]
    fn check(kind: FieldKind, text: &str, expected: &str) {
        let found = json(text, kind, ValueRules::default());
        assert_eq!(found.as_deref(), Ok(expected), "{text} as {kind}");
    }

    #[track_caller]
    fn refuse(kind: FieldKind, text: &str) {
        let found = json(text, kind, ValueRules::default());
        assert!(found.is_err(), "{text} as {kind}: {found:?}");
    }

    #[test]
    fn numbers_have_one_form_and_keep_their_digits() {
        check(FieldKind::Integer, "\" 007 \"", "7");
        check(FieldKind::Integer, "\"-0\"", "0");
        check(FieldKind::Integer, "7.00", "7");
        check(
            FieldKind::Integer,
            "\"123456789012345678901234567890\"",
            "123456789012345678901234567890",
        );
        refuse(FieldKind::Integer, "7.5");
        refuse(FieldKind::Integer, "\"7a\"");
        refuse(FieldKind::Integer, "true");
        check(FieldKind::Decimal, "\"+007.50\"", "7.50");
        check(FieldKind::Decimal, "\"-0.00\"", "0.00");
        check(FieldKind::Number, "\"1e5\"", "1e5");
        refuse(FieldKind::Decimal, "\"1,50\"");
        refuse(FieldKind::Decimal, "\".5\"");
    }

    #[test]
    fn text_takes_scalars_and_nothing_else() {
        check(FieldKind::Text, "7.10", "\"7.10\"");
        check(FieldKind::Text, "true", "\"true\"");
        refuse(FieldKind::Text, "[1]");
    }

    #[test]
    fn days_and_moments_have_one_form() {
        check(FieldKind::Date, "\"2026-08-14\"", "\"2026-08-14\"");
        check(FieldKind::Date, "\"2026-08-14T00:00:00\"", "\"2026-08-14\"");
        refuse(FieldKind::Date, "\"2026-08-14T09:00:00\"");
        refuse(FieldKind::Date, "\"14.8.2026\"");
        check(FieldKind::Time, "\"09:30\"", "\"09:30:00\"");
        check(
            FieldKind::Timestamp,
            "\"2026-08-14 12:30:00+02:00\"",
            "\"2026-08-14T10:30:00Z\"",
        );
        check(
            FieldKind::Timestamp,
            "\"2026-08-14 12:30\"",
            "\"2026-08-14T12:30:00\"",
        );
        refuse(FieldKind::Timestamp, "\"noon\"");
    }

    #[test]
    fn truth_lists_and_bytes() {
        check(FieldKind::Boolean, "\"Yes\"", "true");
        check(FieldKind::Boolean, "0", "false");
        refuse(FieldKind::Boolean, "\"maybe\"");
        check(FieldKind::List, "\"[1, 2]\"", "[1, 2]");
        refuse(FieldKind::List, "\"a;b\"");
        check(
            FieldKind::Set,
            "[\"b\", \"a\\u0041\", \"b\", null]",
            "[\"aA\",\"b\"]",
        );
        check(FieldKind::Set, "[]", "null");
        check(FieldKind::Set, "\"[2, 1]\"", "[1,2]");
        refuse(FieldKind::Set, "\"a;b\"");
        check(FieldKind::Bytes, "\"aGk=\"", "\"aGk=\"");
        refuse(FieldKind::Bytes, "\"a*k=\"");
    }

    #[test]
    fn blank_text_is_what_the_rule_says() {
        check(FieldKind::Text, "\"\"", "null");
        check(FieldKind::Text, "\" \"", "\" \"");
        let rules = ValueRules {
            blank: Blank::Text,
            whitespace: Whitespace::Collapse,
        };
        assert_eq!(json("\"\"", FieldKind::Text, rules).unwrap(), "\"\"");
        assert_eq!(
            json("\" a  b \"", FieldKind::Any, rules).unwrap(),
            "\"a b\""
        );
        assert_eq!(json("\"  \"", FieldKind::Integer, rules).unwrap(), "null");
    }
}
