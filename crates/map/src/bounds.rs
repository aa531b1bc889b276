//! Whether a field of the target can keep a value of its kind.
//!
//! A value that it would refuse, or give back as another one, would differ again on each run. So it is
//! told before anything is compared, like a value of another kind.

use syncline_model::{Binary, Bounds, Field, FieldKind, Labels};

use crate::cell::Cell;

/// Why the target cannot keep a value of a field, as a clause without the value.
pub(crate) fn exceeds(cell: &Cell<'_>, field: &Field) -> Option<String> {
    let bounds = field.bounds;
    match cell {
        // Where the target keeps text, numbers are some.
        Cell::Number(text) => spelled(text, field).or_else(|| number(text, bounds)),
        Cell::Boolean(boolean) => spelled(if *boolean { "true" } else { "false" }, field),
        Cell::Text(text) => spelled(text, field)
            .or_else(|| moment(text, bounds))
            .or_else(|| {
                let is_lost = bounds.spelled_numbers && spells_number(text);
                is_lost.then(|| {
                    "a text that spells a number would become one; the target keeps it in a column of text"
                        .to_owned()
                })
            }),
        Cell::Null | Cell::Json(_) => None,
    }
}

/// Why a text cannot be kept as it is spelled.
fn spelled(text: &str, field: &Field) -> Option<String> {
    length(text, field)
        .or_else(|| characters(text, field.bounds))
        .or_else(|| label(text, &field.labels))
}

fn characters(text: &str, bounds: Bounds) -> Option<String> {
    let known = bounds.characters?;
    let is_kept = text.is_ascii() || text.chars().all(|one| known.have(one));
    (!is_kept).then(|| {
        let known = known.name();
        format!("it has a character that the target does not keep, whose column is of {known}")
    })
}

/// Most labels that are told.
const LABELS_TOLD: usize = 12;

fn label(text: &str, labels: &Labels) -> Option<String> {
    if labels.have(text) {
        return None;
    }
    let (says, known) = match labels {
        Labels::Free => return None,
        Labels::One(known) => ("it is none of the labels that the target keeps", known),
        Labels::Several(known) => (
            "it is not made of labels of the target in their order, with commas between",
            known,
        ),
    };
    let told: Vec<&str> = known.iter().take(LABELS_TOLD).map(String::as_str).collect();
    let more = match known.len().saturating_sub(LABELS_TOLD) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(format!("{says} ({}{more})", told.join(", ")))
}

fn length(text: &str, field: &Field) -> Option<String> {
    let exceeds = |size: usize, most: &u32| size > *most as usize;
    let size = text.len();
    let longest = field.bounds.length.filter(|most| exceeds(size, most));
    if let Some(most) = longest.filter(|most| exceeds(text.chars().count(), most)) {
        return Some(format!(
            "it has more characters than the target keeps ({most})"
        ));
    }
    let size = if field.kind == FieldKind::Bytes {
        let padding = text.bytes().rev().take_while(|byte| *byte == b'=').count();
        (size / 4 * 3).saturating_sub(padding)
    } else {
        size
    };
    let most = field.bounds.bytes.filter(|most| exceeds(size, most))?;
    Some(format!("it has more bytes than the target keeps ({most})"))
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
    size(&value, bounds).or_else(|| precision(text, &value, bounds))
}

fn size(value: &Decimal, bounds: Bounds) -> Option<String> {
    if bounds.unsigned && value.negative {
        return Some("it is below zero, and the target keeps no such numbers".to_owned());
    }
    if let Some(most) = bounds.whole_digits
        && value.digits_before_point() > i64::from(most)
    {
        return Some(if most < 0 {
            "it is larger than what the target keeps".to_owned()
        } else {
            format!("it has more digits before the point than the target keeps ({most})")
        });
    }
    let (least, most) = range(bounds.bits?, bounds.unsigned);
    let is_kept = value
        .whole()
        .is_some_and(|whole| (least..=most).contains(&whole));
    (!is_kept).then(|| {
        format!("it is none of the whole numbers that the target keeps ({least} to {most})")
    })
}

/// The least and the largest whole number of so many bits.
fn range(bits: u8, unsigned: bool) -> (i128, i128) {
    let bits = u32::from(bits.min(64));
    let half = 1_i128 << bits.saturating_sub(1);
    if unsigned {
        (0, 2 * half - 1)
    } else {
        (-half, half - 1)
    }
}

fn precision(text: &str, value: &Decimal, bounds: Bounds) -> Option<String> {
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
    let is_kept = kept.is_some_and(|kept| Decimal::of(&kept) == *value);
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

    /// Below 0 for a fraction that begins with zeros.
    fn digits_before_point(&self) -> i64 {
        if self.digits.is_empty() {
            return i64::MIN;
        }
        let digits = i64::try_from(self.digits.len()).unwrap_or(i64::MAX);
        digits.saturating_add(self.power)
    }

    /// The whole number that it is, if it is one that can be told.
    fn whole(&self) -> Option<i128> {
        if self.digits.is_empty() {
            return Some(0);
        }
        let zeros = 10_i128.checked_pow(u32::try_from(self.power).ok()?)?;
        let number = self.digits.parse::<i128>().ok()?.checked_mul(zeros)?;
        Some(if self.negative { -number } else { number })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, bounds: Bounds, expected: Option<&str>) {
        check_field(
            json,
            &Field::new("f", FieldKind::Any).bounded(bounds),
            expected,
        );
    }

    #[track_caller]
    fn check_field(json: &str, field: &Field, expected: Option<&str>) {
        let found = exceeds(&Cell::of_json(json), field);
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
    fn texts_are_as_long_as_the_target_keeps_them() {
        let three = Bounds {
            length: Some(3),
            ..Bounds::default()
        };
        for kept in [
            "\"abc\"",
            "\"\u{e9}\u{e9}\u{1f600}\"",
            "\"\"",
            "123",
            "null",
            "[1,2,3]",
        ] {
            check(kept, three, None);
        }
        for lost in ["\"abcd\"", "\"ab  \"", "1234", "true"] {
            check(
                lost,
                three,
                Some("more characters than the target keeps (3)"),
            );
        }
        let bytes = Bounds {
            bytes: Some(3),
            ..Bounds::default()
        };
        check("\"\u{e9}a\"", bytes, None);
        check(
            "\"\u{e9}\u{e9}\"",
            bytes,
            Some("more bytes than the target keeps (3)"),
        );
        let raw = Field::new("f", FieldKind::Bytes).bounded(bytes);
        for kept in ["\"AAAA\"", "\"AAA=\"", "\"AA==\""] {
            check_field(kept, &raw, None);
        }
        check_field("\"AAAAAA==\"", &raw, Some("more bytes"));
    }

    #[test]
    fn numbers_are_as_large_as_the_target_keeps_them() {
        let digits = |whole, digits| Bounds {
            whole_digits: Some(whole),
            digits: Some(digits),
            ..Bounds::default()
        };
        for kept in ["999.99", "-999.99", "1e2", "0.01", "0", "000.00"] {
            check(kept, digits(3, 2), None);
        }
        for lost in ["1000", "-1000.5", "1e3"] {
            check(
                lost,
                digits(3, 2),
                Some("more digits before the point than the target keeps (3)"),
            );
        }
        check("0.0099", digits(-2, 4), None);
        check("0.01", digits(-2, 4), Some("larger"));
        check("0.5", digits(0, 1), None);
        let bits = |bits, unsigned| Bounds {
            bits: Some(bits),
            unsigned,
            ..Bounds::default()
        };
        for (bits, edges) in [
            (bits(16, false), ["-32768", "32767", "-32769", "32768"]),
            (bits(24, true), ["0", "16777215", "-1", "16777216"]),
            (
                bits(64, false),
                [
                    "-9223372036854775808",
                    "9223372036854775807",
                    "-9223372036854775809",
                    "9223372036854775808",
                ],
            ),
            (bits(64, true), ["0", "18446744073709551615", "-1", "1e40"]),
        ] {
            let [least, most, below, above] = edges;
            check(least, bits, None);
            check(most, bits, None);
            let told = if bits.unsigned {
                "below zero"
            } else {
                "none of the whole numbers"
            };
            check(below, bits, Some(told));
            check(
                above,
                bits,
                Some("none of the whole numbers that the target keeps ("),
            );
        }
        let unsigned = Bounds {
            unsigned: true,
            ..Bounds::default()
        };
        check("0.5", unsigned, None);
        check("-0", unsigned, None);
        check("-0.5", unsigned, Some("below zero"));
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
    fn characters_and_labels_that_the_target_does_not_have_are_told() {
        let latin = Bounds {
            characters: Some(syncline_model::Characters::Windows1252),
            ..Bounds::default()
        };
        check("\"caf\u{e9} \u{20ac}\"", latin, None);
        check("\"\u{10d}\"", latin, Some("of Latin-1 (Windows-1252)"));
        check("null", latin, None);
        let labels = |count: u8| (b'a'..b'a' + count).map(|label| char::from(label).to_string());
        let one = Field::new("f", FieldKind::Any).labelled(Labels::One(labels(2).collect()));
        check_field("\"b\"", &one, None);
        for lost in ["\"B\"", "\"a,b\"", "7", "true"] {
            check_field(
                lost,
                &one,
                Some("none of the labels that the target keeps (a, b)"),
            );
        }
        let several = Labels::Several(labels(14).collect());
        let several = Field::new("f", FieldKind::Text).labelled(several);
        check_field("\"a,n\"", &several, None);
        check_field("\"n,a\"", &several, Some("k, l and 2 more)"));
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
