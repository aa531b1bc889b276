//! Values: bytes in the directory, JSON in a record.
//!
//! Each kind has one form in JSON, so that what was written is what is read. A value that its kind
//! cannot give back is no value but a reason to say why.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;
use syncline_model::FieldKind;

use crate::times;

/// What a value of the directory is in JSON.
pub(crate) fn read(kind: FieldKind, value: &[u8]) -> Result<String, &'static str> {
    if kind == FieldKind::Bytes {
        return Ok(format!("\"{}\"", STANDARD.encode(value)));
    }
    let text = std::str::from_utf8(value).map_err(|_not_text| "is not UTF-8")?;
    match kind {
        FieldKind::Integer if is_integer(text) => Ok(text.to_owned()),
        FieldKind::Integer => Err("is no whole number"),
        FieldKind::Boolean => match text {
            "TRUE" => Ok("true".to_owned()),
            "FALSE" => Ok("false".to_owned()),
            _ => Err("is neither TRUE nor FALSE"),
        },
        FieldKind::Timestamp => times::read(text)
            .map(|time| format!("\"{time}\""))
            .ok_or("is a time without seconds or in another zone"),
        _ => Ok(serde_json::Value::from(text).to_string()),
    }
}

/// The bytes that a value of a record is in the directory.
pub(crate) fn write(kind: FieldKind, value: &RawValue) -> Result<Vec<u8>, &'static str> {
    let json = value.get();
    let text = || serde_json::from_str::<String>(json).ok();
    let written = match kind {
        FieldKind::Bytes => {
            let text = text().ok_or("must be Base64 text")?;
            return STANDARD
                .decode(text)
                .map_err(|_malformed| "must be Base64 text");
        }
        FieldKind::Integer => {
            if !is_integer(json) {
                return Err("must be a whole number");
            }
            json.to_owned()
        }
        FieldKind::Boolean => match json {
            "true" => "TRUE".to_owned(),
            "false" => "FALSE".to_owned(),
            _ => return Err("must be true or false"),
        },
        FieldKind::Timestamp => text()
            .and_then(|text| times::write(&text))
            .ok_or("must be a time such as 2026-08-14T12:30:00Z")?,
        _ => text().ok_or("must be text")?,
    };
    if written.is_empty() {
        return Err("is an empty text, which a directory does not hold; null takes a value away");
    }
    Ok(written.into_bytes())
}

/// Digits as JSON and directories write them.
fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number && (digits.len() == 1 || !digits.starts_with('0')) && text != "-0"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    #[test]
    fn values_go_there_and_back() {
        for (kind, directory, json) in [
            (FieldKind::Text, &b"Ada \"A\"\n"[..], r#""Ada \"A\"\n""#),
            (
                FieldKind::Integer,
                b"-123456789012345678901234567890",
                "-123456789012345678901234567890",
            ),
            (FieldKind::Boolean, b"TRUE", "true"),
            (
                FieldKind::Timestamp,
                b"20260814123000Z",
                r#""2026-08-14T12:30:00Z""#,
            ),
            (FieldKind::Bytes, b"\xff\x00", r#""/wA=""#),
        ] {
            assert_eq!(read(kind, directory).as_deref(), Ok(json));
            assert_eq!(write(kind, &raw(json)).as_deref(), Ok(directory));
        }
    }

    #[test]
    fn what_a_kind_cannot_give_back_is_no_value() {
        assert!(read(FieldKind::Text, b"\xff").is_err());
        assert!(read(FieldKind::Boolean, b"true").is_err());
        for number in ["", "-", "007", "1.0", "1e3", "-0"] {
            assert!(
                read(FieldKind::Integer, number.as_bytes()).is_err(),
                "{number}"
            );
        }
        for (kind, json) in [
            (FieldKind::Text, "7"),
            (FieldKind::Text, r#""""#),
            (FieldKind::Integer, r#""7""#),
            (FieldKind::Integer, "7.5"),
            (FieldKind::Boolean, "1"),
            (FieldKind::Bytes, r#""?""#),
            (FieldKind::Timestamp, r#""today""#),
        ] {
            assert!(write(kind, &raw(json)).is_err(), "{kind} {json}");
        }
    }
}
