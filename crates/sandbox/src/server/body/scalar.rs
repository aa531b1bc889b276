//! Scalars: coercion to the model's type, and bounds.
//!
//! Descriptors are left to the reader, which knows their values.

use serde_json::{Number, Value};

use super::dates;
use crate::schema::MemberKind;

/// A scalar in its stored form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scalar {
    /// The text of the value; also its canonical form in keys.
    pub(crate) text: String,
    /// Whether JSON writes it in quotation marks.
    pub(crate) quoted: bool,
}

/// Why a scalar is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ScalarFault {
    /// It is not of its type.
    Type(String),
    /// It is out of bounds; the text lacks the member's name at its start.
    Bounds(String),
}

impl Scalar {
    fn quoted(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            quoted: true,
        }
    }

    fn plain(text: &impl ToString) -> Self {
        Self {
            text: text.to_string(),
            quoted: false,
        }
    }

    /// Appends the value as JSON.
    pub(crate) fn write(&self, out: &mut String) {
        if self.quoted {
            write_text(&self.text, out);
        } else {
            out.push_str(&self.text);
        }
    }
}

/// Appends a JSON string.
pub(super) fn write_text(text: &str, out: &mut String) {
    let plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
    if text.bytes().all(plain) {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&Value::from(text).to_string());
    }
}

/// Reads a scalar of a type; `lenient` cuts a time off a date.
pub(crate) fn read(kind: &MemberKind, value: &Value, lenient: bool) -> Result<Scalar, ScalarFault> {
    match kind {
        MemberKind::String {
            min_length,
            max_length,
        } => {
            let text = string(value)?;
            length(&text, *min_length, *max_length)?;
            Ok(Scalar::quoted(text))
        }
        MemberKind::Integer {
            wide,
            minimum,
            maximum,
        } => {
            let number = integer(value, *wide)?;
            let low = minimum.is_some_and(|minimum| number < minimum);
            let high = maximum.is_some_and(|maximum| number > maximum);
            within(low || high, minimum.as_ref(), maximum.as_ref())?;
            Ok(Scalar::plain(&number))
        }
        MemberKind::Number { minimum, maximum } => {
            let (number, value) = decimal(value)?;
            let low = minimum.is_some_and(|minimum| value < minimum);
            let high = maximum.is_some_and(|maximum| value > maximum);
            within(low || high, minimum.as_ref(), maximum.as_ref())?;
            Ok(Scalar::plain(&number))
        }
        MemberKind::Boolean => boolean(value).map(|truth| Scalar::plain(&truth)),
        MemberKind::Date => {
            let text = value.as_str().and_then(|text| dates::date(text, lenient));
            text.map(Scalar::quoted).ok_or_else(|| not_a_date(value))
        }
        MemberKind::Time => {
            let text = value.as_str().and_then(dates::time);
            text.map(Scalar::quoted)
                .ok_or_else(|| not_of_type(value, "System.TimeSpan"))
        }
        MemberKind::DateTime => {
            let text = value.as_str().filter(|text| dates::is_date_time(text));
            text.map(Scalar::quoted).ok_or_else(|| not_a_date(value))
        }
        MemberKind::Descriptor(_)
        | MemberKind::Reference(_)
        | MemberKind::Object { .. }
        | MemberKind::Array { .. } => string(value).map(Scalar::quoted),
    }
}

fn string(value: &Value) -> Result<String, ScalarFault> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(true) => Ok("True".to_owned()),
        Value::Bool(false) => Ok("False".to_owned()),
        _ => Err(not_of_type(value, "System.String")),
    }
}

fn integer(value: &Value, wide: bool) -> Result<i64, ScalarFault> {
    let name = if wide { "System.Int64" } else { "System.Int32" };
    let number = match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number
        .filter(|number| wide || i32::try_from(*number).is_ok())
        .ok_or_else(|| not_of_type(value, name))
}

fn decimal(value: &Value) -> Result<(Number, f64), ScalarFault> {
    let number = match value {
        Value::Number(number) => Some(number.clone()),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number
        .and_then(|number: Number| number.as_f64().map(|value| (number, value)))
        .ok_or_else(|| not_of_type(value, "System.Decimal"))
}

fn boolean(value: &Value) -> Result<bool, ScalarFault> {
    let truth = match value {
        Value::Bool(truth) => Some(*truth),
        Value::Number(number) => number
            .as_i64()
            .filter(|n| (0..=1).contains(n))
            .map(|n| n == 1),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    };
    truth.ok_or_else(|| not_of_type(value, "System.Boolean"))
}

fn length(text: &str, minimum: Option<u32>, maximum: Option<u32>) -> Result<(), ScalarFault> {
    let count = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    let low = minimum.is_some_and(|minimum| count < minimum);
    let high = maximum.is_some_and(|maximum| count > maximum);
    if !low && !high {
        return Ok(());
    }
    Err(ScalarFault::Bounds(match (minimum, maximum) {
        (Some(low), Some(high)) => {
            format!("must be between {low} and {high} characters in length.")
        }
        (Some(low), None) => format!("must be at least {low} characters in length."),
        (None, high) => format!(
            "must be at most {} characters in length.",
            high.unwrap_or(0)
        ),
    }))
}

fn within<T: ToString>(out: bool, low: Option<&T>, high: Option<&T>) -> Result<(), ScalarFault> {
    if !out {
        return Ok(());
    }
    Err(ScalarFault::Bounds(match (low, high) {
        (Some(low), Some(high)) => {
            format!(
                "must be between {} and {}.",
                low.to_string(),
                high.to_string()
            )
        }
        (Some(low), None) => format!("must be greater than or equal to {}.", low.to_string()),
        (None, high) => {
            let high = high.map(ToString::to_string).unwrap_or_default();
            format!("must be less than or equal to {high}.")
        }
    }))
}

fn not_of_type(value: &Value, name: &str) -> ScalarFault {
    ScalarFault::Type(match value {
        Value::Object(_) | Value::Array(_) => {
            format!("Unexpected structure found where a value of type '{name}' is expected.")
        }
        scalar => format!("Error converting value {scalar} to type '{name}'."),
    })
}

fn not_a_date(value: &Value) -> ScalarFault {
    match value {
        Value::String(text) if text.is_empty() => {
            ScalarFault::Type("The supplied value is invalid.".to_owned())
        }
        Value::String(text) => {
            ScalarFault::Type(format!("Could not convert string to DateTime: {text}."))
        }
        other => not_of_type(other, "System.DateTime"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const INT32: MemberKind = MemberKind::Integer {
        wide: false,
        minimum: None,
        maximum: None,
    };
    const INT64: MemberKind = MemberKind::Integer {
        wide: true,
        minimum: Some(1),
        maximum: Some(9),
    };
    const DECIMAL: MemberKind = MemberKind::Number {
        minimum: Some(-1.5),
        maximum: Some(1.5),
    };
    const CITY: MemberKind = MemberKind::String {
        min_length: Some(2),
        max_length: Some(3),
    };

    #[test]
    fn values_are_coerced_as_the_server_does() {
        let cases = [
            (&INT32, json!("255901001"), "255901001"),
            (&INT32, json!(-5), "-5"),
            (&DECIMAL, json!("1.25"), "1.25"),
            (&DECIMAL, json!(1), "1"),
            (&MemberKind::Boolean, json!("TRUE"), "true"),
            (&MemberKind::Boolean, json!(0), "false"),
            (&CITY, json!(42), "42"),
            (&CITY, json!("äöü"), "äöü"),
            (&MemberKind::Time, json!("09:15"), "09:15:00"),
        ];
        for (kind, value, expected) in cases {
            assert_eq!(read(kind, &value, false).unwrap().text, expected, "{value}");
        }
    }

    #[test]
    fn wrong_types_and_bounds_are_told_apart() {
        let cases = [
            (&INT32, json!(2_147_483_648_i64), true),
            (&INT32, json!("x"), true),
            (&INT32, json!(1.5), true),
            (&INT64, json!(10), false),
            (&DECIMAL, json!(1.6), false),
            (&CITY, json!("a"), false),
            (&CITY, json!("abcd"), false),
            (&CITY, json!({}), true),
            (&MemberKind::Boolean, json!(2), true),
            (&MemberKind::Date, json!("01/02/2024"), true),
        ];
        for (kind, value, is_type) in cases {
            let fault = read(kind, &value, false).unwrap_err();
            assert_eq!(
                matches!(fault, ScalarFault::Type(_)),
                is_type,
                "{value} {fault:?}"
            );
        }
    }
}
