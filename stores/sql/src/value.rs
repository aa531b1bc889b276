//! How values of a database are spelled in a payload.
//!
//! Whole and exact numbers are JSON numbers with all their digits; dates and times are ISO text,
//! in UTC with a `Z` where the column knows zones and without one where it does not; bytes are
//! Base64; JSON stays JSON. What JSON cannot say (a number that is none, a day that there is not)
//! is odd: the row is reported, and not read as something else.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use syncline_model::is_plain;

use crate::table::Form;

/// A value of a row, as a payload holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    /// NULL.
    Null,
    /// JSON.
    Json(String),
    /// Something that a payload cannot hold; why, without the value.
    Odd(&'static str),
}

pub(crate) fn text(value: &str) -> Cell {
    Cell::Json(quoted(value))
}

/// A text as JSON.
pub(crate) fn quoted(value: &str) -> String {
    if !is_plain(value.as_bytes()) {
        return serde_json::Value::from(value).to_string();
    }
    let mut json = String::with_capacity(value.len() + 2);
    json.push('"');
    json.push_str(value);
    json.push('"');
    json
}

pub(crate) fn bytes(value: &[u8]) -> Cell {
    Cell::Json(format!("\"{}\"", STANDARD.encode(value)))
}

pub(crate) fn boolean(value: bool) -> Cell {
    Cell::Json(value.to_string())
}

/// A number from its digits.
pub(crate) fn number(digits: &str) -> Cell {
    match plain(digits) {
        Some(_) => Cell::Json(digits.to_owned()),
        None => Cell::Odd("it is no number that JSON can hold"),
    }
}

pub(crate) fn float(value: f64) -> Cell {
    number(&value.to_string())
}

pub(crate) fn float_single(value: f32) -> Cell {
    number(&value.to_string())
}

/// JSON as the database has it.
pub(crate) fn json(value: &str) -> Cell {
    match serde_json::from_str::<serde::de::IgnoredAny>(value) {
        Ok(_) => Cell::Json(value.to_owned()),
        Err(_) => Cell::Odd("it is not valid JSON"),
    }
}

/// A date, a time or a timestamp as text: `2026-08-14 12:30:00+00` becomes `2026-08-14T12:30:00Z`.
pub(crate) fn moment(value: &str, form: Form) -> Cell {
    match spelled(value, form) {
        Some(text) => Cell::Json(format!("\"{text}\"")),
        None => Cell::Odd("it is no date or time that ISO 8601 can say in four digits of a year"),
    }
}

/// A date, a time or a timestamp in the one spelling, if it is one.
pub(crate) fn spelled(value: &str, form: Form) -> Option<String> {
    match form {
        Form::Date => value
            .parse::<jiff::civil::Date>()
            .ok()
            .filter(|day| in_range(*day))
            .map(|day| day.to_string()),
        Form::Time { .. } => duration(value),
        Form::Timestamp { zoned: true, .. } => {
            let value = value.replacen(' ', "T", 1);
            let stamp: jiff::Timestamp = value.parse().ok()?;
            let day = stamp.to_zoned(jiff::tz::TimeZone::UTC).date();
            in_range(day).then(|| stamp.to_string())
        }
        Form::Timestamp { zoned: false, .. } => {
            // What says a zone is no moment without one.
            let (_, time) = value.split_once([' ', 'T'])?;
            if time.contains(['Z', 'z', '+', '-', '[']) {
                return None;
            }
            let moment: jiff::civil::DateTime = value.replacen(' ', "T", 1).parse().ok()?;
            in_range(moment.date()).then(|| moment.to_string())
        }
        _ => None,
    }
}

fn in_range(day: jiff::civil::Date) -> bool {
    (0..=9999).contains(&day.year())
}

/// `12:30:00.5`; MySQL has such values beyond a day, and below none.
fn duration(value: &str) -> Option<String> {
    let (main, fraction) = value.split_once('.').unwrap_or((value, ""));
    let unsigned = main.strip_prefix('-').unwrap_or(main);
    let parts: Vec<&str> = unsigned.split(':').collect();
    let is_digits = |part: &&str| part.len() >= 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    let sixty = |part: &str| part.len() == 2 && *part < *"60";
    let [_, minutes, seconds] = parts.as_slice() else {
        return None;
    };
    if !parts.iter().all(is_digits) || !sixty(minutes) || !sixty(seconds) {
        return None;
    }
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    Some(if fraction.is_empty() {
        main.to_owned()
    } else {
        format!("{main}.{fraction}")
    })
}

/// How many digits of a second a spelled time has.
pub(crate) fn fraction_digits(spelled: &str) -> usize {
    let rest = spelled.split_once('.').map_or("", |(_, rest)| rest);
    rest.bytes().take_while(u8::is_ascii_digit).count()
}

/// The bytes that Base64 stands for.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Whether SQLite, where it looks for numbers, would take a text for one.
pub(crate) fn is_spelled(text: &str) -> bool {
    let text = text.trim();
    let is_known = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().all(is_known)
        && text.parse::<f64>().is_ok()
}

/// Longest number that is written out.
const DIGITS_MAX: i64 = 2000;

/// A number without an exponent, without zeros at the end of its fraction: `1.50e2` is `150`.
/// Nothing for what is no number of JSON.
pub(crate) fn plain(number: &str) -> Option<String> {
    let is_json = number.starts_with(|first: char| first == '-' || first.is_ascii_digit())
        && serde_json::from_str::<serde_json::Number>(number).is_ok();
    if !is_json {
        return digits_only(number);
    }
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let exponent: i64 = exponent.parse().ok()?;
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let point = i64::try_from(whole.len()).ok()? + exponent;
    if point.abs() > DIGITS_MAX {
        return None;
    }
    let length = i64::try_from(digits.len()).ok()?;
    let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or(0));
    let (whole, fraction) = if point <= 0 {
        ("0".to_owned(), format!("{}{digits}", zeros(-point)))
    } else if point >= length {
        (format!("{digits}{}", zeros(point - length)), String::new())
    } else {
        let (whole, fraction) = digits.split_at(usize::try_from(point).ok()?);
        (whole.to_owned(), fraction.to_owned())
    };
    Some(joined(sign, &whole, &fraction))
}

/// A number of so many digits that the parser takes it for infinite.
fn digits_only(number: &str) -> Option<String> {
    let unsigned = number.strip_prefix('-').unwrap_or(number);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let sign = if unsigned.len() < number.len() {
        "-"
    } else {
        ""
    };
    let is_number =
        is_digits(whole) && is_digits(fraction) && (whole == "0" || !whole.starts_with('0'));
    is_number.then(|| joined(sign, whole, fraction))
}

fn joined(sign: &str, whole: &str, fraction: &str) -> String {
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = fraction.trim_end_matches('0');
    match (whole, fraction) {
        ("0", "") => "0".to_owned(),
        (whole, "") => format!("{sign}{whole}"),
        (whole, fraction) => format!("{sign}{whole}.{fraction}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_plain_spelling() {
        for (number, expected) in [
            ("7", Some("7")),
            ("7.00", Some("7")),
            ("-0", Some("0")),
            ("1.50e2", Some("150")),
            ("1.5e-3", Some("0.0015")),
            ("-12.3450", Some("-12.345")),
            ("9007199254740993", Some("9007199254740993")),
            ("100", Some("100")),
            ("1e9999", None),
            ("NaN", None),
            ("Infinity", None),
            ("1_000", None),
            ("", None),
        ] {
            assert_eq!(plain(number).as_deref(), expected, "{number}");
        }
        let long = "7".repeat(400);
        assert_eq!(plain(&long), Some(long.clone()));
    }

    #[test]
    fn moments_have_one_spelling() {
        let zoned = Form::Timestamp {
            zoned: true,
            digits: 6,
        };
        let local = Form::Timestamp {
            zoned: false,
            digits: 6,
        };
        let time = Form::Time { digits: 6 };
        for (value, form, expected) in [
            (
                "2026-08-14 12:30:00+00",
                zoned,
                Some("2026-08-14T12:30:00Z"),
            ),
            (
                "2026-08-14T14:30:00.500+02:00",
                zoned,
                Some("2026-08-14T12:30:00.5Z"),
            ),
            ("2026-08-14 12:30:00", zoned, None),
            ("infinity", zoned, None),
            (
                "2026-08-14 12:30:00.25",
                local,
                Some("2026-08-14T12:30:00.25"),
            ),
            ("2026-08-14T12:30:00Z", local, None),
            ("0044-03-15 BC", Form::Date, None),
            ("2026-02-30", Form::Date, None),
            ("2026-02-28", Form::Date, Some("2026-02-28")),
            ("12:30:00.500", time, Some("12:30:00.5")),
            ("-838:59:59", time, Some("-838:59:59")),
            ("12:60:00", time, None),
            ("12:30", time, None),
        ] {
            assert_eq!(spelled(value, form).as_deref(), expected, "{value}");
        }
    }
}
