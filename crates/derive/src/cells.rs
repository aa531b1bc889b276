//! Values on their way into tables and out of queries.
//!
//! A column is declared with the kind of its field, so that what a query only passes on comes out
//! as it went in: `007` stays text, a number keeps its digits, and true stays true.

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use syncline_model::FieldKind;

/// A value as a column takes it, and the kind that it shows.
pub(crate) fn stored(raw: &RawValue, kind: FieldKind) -> ToSqlOutput<'_> {
    let text = raw.get();
    match text.as_bytes().first() {
        None | Some(b'n') => ToSqlOutput::Owned(Value::Null),
        Some(b't' | b'f') if kind == FieldKind::Boolean => {
            ToSqlOutput::Owned(Value::Integer(i64::from(text == "true")))
        }
        Some(b'"') => {
            let text: Result<String, _> = serde_json::from_str(text);
            ToSqlOutput::Owned(text.map_or(Value::Null, Value::Text))
        }
        Some(b'-' | b'0'..=b'9') => ToSqlOutput::Owned(number(text)),
        // Lists and objects, and what is true in a column of something else.
        Some(_) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
    }
}

/// The kind that a value shows, for columns of which nothing is declared.
pub(crate) fn kind_of(raw: &RawValue) -> Option<FieldKind> {
    match raw.get().as_bytes().first() {
        None | Some(b'n') => None,
        Some(b't' | b'f') => Some(FieldKind::Boolean),
        Some(b'[' | b'{') => Some(FieldKind::List),
        Some(b'"') => Some(FieldKind::Text),
        Some(_) => Some(FieldKind::Number),
    }
}

/// A number that SQLite keeps whole, or else its digits.
fn number(text: &str) -> Value {
    if let Ok(whole) = text.parse::<i64>() {
        return Value::Integer(whole);
    }
    match text.parse::<f64>() {
        Ok(float) if float.to_string() == text => Value::Real(float),
        _ => Value::Text(text.to_owned()),
    }
}

/// How a column of a kind is declared. Only text turns what it is compared with into text; nothing
/// else is converted.
pub(crate) const fn declared(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Any => "BLOB any",
        FieldKind::Text => "TEXT text",
        // SQLite would take the word for another rule.
        FieldKind::Integer => "BLOB whole",
        FieldKind::Decimal => "BLOB decimal",
        FieldKind::Number => "BLOB number",
        FieldKind::Boolean => "BLOB boolean",
        FieldKind::Date => "TEXT date",
        FieldKind::Time => "TEXT time",
        FieldKind::Timestamp => "TEXT timestamp",
        FieldKind::Bytes => "TEXT bytes",
        FieldKind::List => "BLOB list",
        FieldKind::Set => "BLOB set",
    }
}

/// The kind of a column by its declaration; an expression has none.
pub(crate) fn declared_kind(declaration: Option<&str>) -> FieldKind {
    let kinds = FieldKind::ALL.into_iter();
    let mut found = kinds.filter(|kind| Some(declared(*kind)) == declaration);
    found.next().unwrap_or_default()
}

/// Appends a value of a query as JSON; or why it has no form there.
pub(crate) fn write(
    value: ValueRef<'_>,
    kind: FieldKind,
    out: &mut Vec<u8>,
) -> Result<(), &'static str> {
    match value {
        ValueRef::Null => out.extend_from_slice(b"null"),
        ValueRef::Integer(number @ (0 | 1)) if kind == FieldKind::Boolean => {
            out.extend_from_slice(if number == 1 { b"true" } else { b"false" });
        }
        ValueRef::Integer(number) => out.extend_from_slice(number.to_string().as_bytes()),
        ValueRef::Real(float) if float.is_finite() => {
            out.extend_from_slice(float.to_string().as_bytes());
        }
        ValueRef::Real(_) => return Err("it is no finite number"),
        ValueRef::Text(text) => {
            let text = std::str::from_utf8(text).map_err(|_no_text| "it is no text in UTF-8")?;
            write_text(text, kind, out);
        }
        ValueRef::Blob(_) => return Err("it is bytes; `hex()` makes text of them"),
    }
    Ok(())
}

fn write_text(text: &str, kind: FieldKind, out: &mut Vec<u8>) {
    let first = text.as_bytes().first();
    let may_be_json = match kind {
        FieldKind::Integer | FieldKind::Decimal | FieldKind::Number => {
            matches!(first, Some(b'-' | b'0'..=b'9'))
        }
        FieldKind::List | FieldKind::Set | FieldKind::Any => matches!(first, Some(b'[' | b'{')),
        _ => false,
    };
    let is_json = may_be_json && serde_json::from_str::<IgnoredAny>(text).is_ok();
    if is_json {
        out.extend_from_slice(text.as_bytes());
    } else {
        // Writing text into memory cannot fail.
        let _written = serde_json::to_writer(out, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, kind: FieldKind, expected: &str) {
        let raw: Box<RawValue> = serde_json::from_str(json).unwrap();
        let bound = stored(&raw, kind);
        let value = match &bound {
            ToSqlOutput::Borrowed(value) => *value,
            ToSqlOutput::Owned(value) => ValueRef::from(value),
            _ => ValueRef::Null,
        };
        let mut out = Vec::new();
        write(value, kind, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), expected, "{kind:?}");
    }

    #[test]
    fn what_is_only_passed_on_comes_out_as_it_went_in() {
        check("null", FieldKind::Text, "null");
        check("\"007\"", FieldKind::Text, "\"007\"");
        check("\"a\\\"é\\u0000\"", FieldKind::Text, "\"a\\\"é\\u0000\"");
        check("9007199254740993", FieldKind::Integer, "9007199254740993");
        check(
            "99999999999999999999",
            FieldKind::Integer,
            "99999999999999999999",
        );
        check("1.10", FieldKind::Decimal, "1.10");
        check(
            "0.1234567890123456789",
            FieldKind::Decimal,
            "0.1234567890123456789",
        );
        check("2.5", FieldKind::Number, "2.5");
        check("true", FieldKind::Boolean, "true");
        check("[1, {\"a\": null}]", FieldKind::List, "[1, {\"a\": null}]");
        check("\"[no list\"", FieldKind::List, "\"[no list\"");
        check("\"[1]\"", FieldKind::Text, "\"[1]\"");
    }

    #[test]
    fn no_declaration_makes_sqlite_convert_numbers() {
        for kind in FieldKind::ALL {
            let declaration = declared(kind);
            assert!(!declaration.to_uppercase().contains("INT"), "{declaration}");
            assert!(declaration.starts_with("TEXT") || declaration.starts_with("BLOB"));
            assert_eq!(declared_kind(Some(declaration)), kind);
        }
    }

    #[test]
    fn what_has_no_form_in_json_is_declined() {
        let mut out = Vec::new();
        assert!(write(ValueRef::Real(f64::INFINITY), FieldKind::Any, &mut out).is_err());
        assert!(write(ValueRef::Blob(b"x"), FieldKind::Any, &mut out).is_err());
        assert!(write(ValueRef::Text(b"\xff"), FieldKind::Any, &mut out).is_err());
    }
}
