//! One value on its way: out of JSON, through expressions, back into JSON.
//!
//! Numbers keep the digits they were written with; only arithmetic makes new ones.

use std::borrow::Cow;

use minijinja::Value;
use minijinja::value::ValueKind;
use syncline_model::write_text;

/// A value of a field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cell<'text> {
    /// None.
    Null,
    /// Text.
    Text(Cow<'text, str>),
    /// The text of a JSON number.
    Number(Cow<'text, str>),
    /// True or false.
    Boolean(bool),
    /// The JSON text of a list or an object.
    Json(Cow<'text, str>),
}

/// What a field is given.
#[derive(Debug)]
pub(crate) enum Given<'text> {
    /// The JSON text of a value, as a parser has accepted it.
    Json(&'text str),
    /// A value.
    Cell(Cell<'text>),
}

impl<'text> Given<'text> {
    /// Text that is some, if it is written as it stands.
    pub(crate) fn plain_text(&self) -> Option<&'text str> {
        match self {
            Self::Json(text) => {
                let is_some = text.len() > 2 && text.starts_with('"');
                (is_some && !text.contains('\\')).then_some(*text)
            }
            Self::Cell(_) => None,
        }
    }

    pub(crate) fn into_cell(self) -> Cell<'text> {
        match self {
            Self::Json(text) => Cell::of_json(text),
            Self::Cell(cell) => cell,
        }
    }
}

impl<'text> Cell<'text> {
    /// The value of JSON text that a parser has accepted.
    pub(crate) fn of_json(text: &'text str) -> Self {
        match text.as_bytes().first() {
            None | Some(b'n') => Self::Null,
            Some(b't') => Self::Boolean(true),
            Some(b'f') => Self::Boolean(false),
            Some(b'"') => Self::Text(unquoted(text)),
            Some(b'{' | b'[') => Self::Json(Cow::Borrowed(text)),
            Some(_) => Self::Number(Cow::Borrowed(text)),
        }
    }

    /// What an expression came to. Something without a form in JSON is nothing.
    pub(crate) fn of_value(value: &Value) -> Self {
        match value.kind() {
            ValueKind::Undefined | ValueKind::None => Self::Null,
            ValueKind::Bool => Self::Boolean(value.is_true()),
            ValueKind::Number => Self::Number(Cow::Owned(value.to_string())),
            ValueKind::String => {
                Self::Text(Cow::Owned(value.as_str().unwrap_or_default().to_owned()))
            }
            _ => serde_json::to_string(value).map_or(Self::Null, |text| Self::Json(text.into())),
        }
    }

    /// The value as expressions see it.
    pub(crate) fn into_value(self) -> Value {
        match self {
            Self::Null => Value::from(()),
            Self::Text(text) => Value::from(text.into_owned()),
            Self::Boolean(boolean) => Value::from(boolean),
            Self::Number(text) => number(&text),
            Self::Json(text) => serde_json::from_str::<serde_json::Value>(&text)
                .map_or_else(|_unread| Value::from(()), Value::from_serialize),
        }
    }

    /// Appends the value as JSON.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Text(text) => write_text(text, out),
            Self::Boolean(true) => out.extend_from_slice(b"true"),
            Self::Boolean(false) => out.extend_from_slice(b"false"),
            Self::Number(text) | Self::Json(text) => out.extend_from_slice(text.as_bytes()),
        }
    }
}

fn unquoted(text: &str) -> Cow<'_, str> {
    let inside = text
        .get(1..text.len().saturating_sub(1))
        .unwrap_or_default();
    if inside.contains('\\') {
        serde_json::from_str::<String>(text).map_or(Cow::Borrowed(inside), Cow::Owned)
    } else {
        Cow::Borrowed(inside)
    }
}

/// A number for arithmetic; one that it would not keep whole stays text.
fn number(text: &str) -> Value {
    if let Ok(whole) = text.parse::<i128>() {
        return Value::from(whole);
    }
    match text.parse::<f64>() {
        Ok(float) if float.to_string() == text => Value::from(float),
        _ => Value::from(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let mut out = Vec::new();
        let value = Cell::of_json(text).into_value();
        Cell::of_value(&value).write(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected, "{text}");
    }

    #[test]
    fn values_pass_through_expressions_as_they_are() {
        check("null", "null");
        check("\"a\\\"é\\n\"", "\"a\\\"é\\n\"");
        check("9007199254740993", "9007199254740993");
        check("1.5", "1.5");
        check("true", "true");
        check("[1,\"b\",null]", "[1,\"b\",null]");
    }

    #[test]
    fn a_number_that_arithmetic_would_shorten_is_text() {
        check("1.10", "\"1.10\"");
        check(
            "0.1000000000000000055511151231257827",
            "\"0.1000000000000000055511151231257827\"",
        );
    }
}
