//! Whether a field of the target can keep a value of its kind.
//!
//! A value that it would refuse, or give back as another one, would differ again on each run. So it is
//! told before anything is compared, like a value of another kind.

use syncline_model::{Binary, Bounds};

use crate::cell::Cell;

/// Why the target cannot keep a value, as a clause without the value.
pub(crate) fn exceeds(cell: &Cell<'_>, bounds: Bounds) -> Option<String> {
    match cell {
        Cell::Number(text) => number(text, bounds),
        Cell::Text(text) => moment(text, bounds).or_else(|| {
            let is_lost = bounds.spelled_numbers && spells_number(text);
            is_lost.then(|| {
                "a text that spells a number would become one; the target keeps it in a column of text"
                    .to_owned()
            })
        }),
        Cell::Null | Cell::Boolean(_) | Cell::Json(_) => None,
    }
}

fn number(text: &str, bounds: Bounds) -> Option<String> {
    let value = Decimal::of(text);
    if let Some(most) = bounds.digits
        && value.digits_after_point() > i64::from(most)
    {
        return Some(format!(
            "it has more digits after the point than the target keeps ({most}); `round` says which"
        ));
    }
    let kept = match bounds.binary? {
        Binary::Single => text
            .parse::<f32>()
            .ok()
            .filter(|kept| kept.is_finite())
            .map(|kept| kept.to_string()),
        Binary::Double => text
            .parse::<f64>()
            .ok()
            .filter(|kept| kept.is_finite())
            .map(|kept| kept.to_string()),
    };
    let is_kept = kept.is_some_and(|kept| Decimal::of(&kept) == value);
    (!is_kept).then(|| {
        "it has more digits than a binary number keeps; the target needs a column of exact ones or of text"
            .to_owned()
    })
}

fn moment(text: &str, bounds: Bounds) -> Option<String> {
    let is_zoned = text.ends_with('Z');
    match bounds.zoned {
        Some(true) if !is_zoned => {
            return Some(
                "a time with a zone was expected; `instant` says which zone is meant".to_owned(),
            );
        }
        Some(false) if is_zoned => {
            return Some(
                "a time without a zone was expected; `local` says of which zone".to_owned(),
            );
        }
        _ => {}
    }
    let most = bounds.digits?;
    let fraction = text.split_once('.').map_or("", |(_, rest)| rest);
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    (digits > most as usize).then(|| {
        format!(
            "it has more digits of a second than the target keeps ({most}); `seconds` cuts them"
        )
    })
}

/// Whether a store that takes such texts for numbers would do so.
fn spells_number(text: &str) -> bool {
    let text = text.trim();
    let is_spelled = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().all(is_spelled)
        && text.parse::<f64>().is_ok()
}

/// A number by its digits, without zeros around them, and the power of ten of the last one.
#[derive(Debug, PartialEq, Eq)]
struct Decimal {
    negative: bool,
    digits: String,
    power: i64,
}

impl Decimal {
    /// Of the text of a JSON number.
    fn of(text: &str) -> Self {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let unsigned = mantissa.strip_prefix('-').unwrap_or(mantissa);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let all = format!("{whole}{fraction}");
        let significant = all.trim_end_matches('0');
        let count = |digits: usize| i64::try_from(digits).unwrap_or(i64::MAX);
        let zeros = count(all.len() - significant.len());
        let digits = significant.trim_start_matches('0').to_owned();
        if digits.is_empty() {
            return Self {
                negative: false,
                digits,
                power: 0,
            };
        }
        Self {
            negative: mantissa.starts_with('-'),
            digits,
            power: exponent.parse::<i64>().unwrap_or(0) + zeros - count(fraction.len()),
        }
    }

    fn digits_after_point(&self) -> i64 {
        (-self.power).max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, bounds: Bounds, expected: Option<&str>) {
        let found = exceeds(&Cell::of_json(json), bounds);
        match (&found, expected) {
            (None, None) => {}
            (Some(reason), Some(part)) => assert!(reason.contains(part), "{json}: {reason}"),
            _ => panic!("{json}: {found:?}"),
        }
    }

    #[test]
    fn digits_that_would_be_lost_are_told() {
        let two = Bounds {
            digits: Some(2),
            ..Bounds::default()
        };
        for kept in ["1.5", "1.500", "150e-2", "7", "0.000", "12e3", "-3.25"] {
            check(kept, two, None);
        }
        for lost in ["1.555", "15e-3", "-0.001"] {
            check(lost, two, Some("digits after the point"));
        }
        check("1.555", Bounds::default(), None);
    }

    #[test]
    fn binary_numbers_keep_what_they_give_back() {
        let of = |binary| Bounds {
            binary: Some(binary),
            ..Bounds::default()
        };
        let double = of(Binary::Double);
        for kept in ["0.1", "1.10", "1e300", "9007199254740992", "-0", "2.50e2"] {
            check(kept, double, None);
        }
        for lost in ["9007199254740993", "0.12345678901234567890", "1e999"] {
            check(lost, double, Some("binary number"));
        }
        check("0.1", of(Binary::Single), None);
        check("16777217", of(Binary::Single), Some("binary number"));
    }

    #[test]
    fn zones_and_digits_of_seconds_are_those_of_the_target() {
        let of = |zoned, digits| Bounds {
            zoned: Some(zoned),
            digits: Some(digits),
            ..Bounds::default()
        };
        check("\"2026-08-14T12:30:00Z\"", of(true, 0), None);
        check("\"2026-08-14T12:30:00\"", of(true, 0), Some("with a zone"));
        check(
            "\"2026-08-14T12:30:00Z\"",
            of(false, 6),
            Some("without a zone"),
        );
        check("\"2026-08-14T12:30:00.123\"", of(false, 3), None);
        check(
            "\"2026-08-14T12:30:00.123Z\"",
            of(true, 2),
            Some("of a second"),
        );
    }

    #[test]
    fn texts_that_would_become_numbers_are_told() {
        let bounds = Bounds {
            spelled_numbers: true,
            ..Bounds::default()
        };
        for lost in [
            "\"007\"", "\"1.10\"", "\" 7 \"", "\"1e5\"", "\".5\"", "\"+3\"",
        ] {
            check(lost, bounds, Some("would become one"));
        }
        for kept in [
            "\"7A\"",
            "\"2026-08-14\"",
            "\"inf\"",
            "\"\"",
            "\"e\"",
            "7",
            "\"0x10\"",
        ] {
            check(kept, bounds, None);
        }
    }
}
