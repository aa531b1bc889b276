//! Decimal numbers by their digits, so that two spellings of one number are one.

/// A decimal number: its figures times ten to the `exponent`. Zero has no digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Digits {
    negative: bool,
    /// Without zeros at either end.
    figures: String,
    exponent: i32,
}

impl Digits {
    /// The number that a JSON number says.
    pub(super) fn of(json: &str) -> Option<Self> {
        let (negative, rest) = match json.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, json),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        if whole.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let kept = all.trim_end_matches('0');
        let cut = i32::try_from(all.len() - kept.len()).ok()?;
        let shift = i32::try_from(fraction.len()).ok()?;
        let digits = kept.trim_start_matches('0').to_owned();
        let is_zero = digits.is_empty();
        Some(Self {
            negative: negative && !is_zero,
            exponent: if is_zero {
                0
            } else {
                exponent.checked_add(cut)?.checked_sub(shift)?
            },
            figures: digits,
        })
    }

    /// The number in units of ten to the minus `scale`, if it is a whole number of them and has no
    /// more than `precision` digits.
    pub(super) fn unscaled(&self, precision: i32, scale: i32) -> Option<i128> {
        let zeros = usize::try_from(self.exponent.checked_add(scale)?).ok();
        let zeros = if self.figures.is_empty() { 0 } else { zeros? };
        if self.figures.len() + zeros > usize::try_from(precision).ok()? {
            return None;
        }
        let text = format!("0{}{}", self.figures, "0".repeat(zeros));
        let value: i128 = text.parse().ok()?;
        Some(if self.negative { -value } else { value })
    }
}

/// A number in units of ten to the minus `scale`, as JSON.
pub(super) fn text_of(unscaled: i128, scale: usize) -> String {
    let sign = if unscaled < 0 { "-" } else { "" };
    let digits = unscaled.unsigned_abs().to_string();
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    format!("{sign}{whole}.{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_number_are_one() {
        let same = |one: &str, other: &str| assert_eq!(Digits::of(one), Digits::of(other));
        same("1.50", "1.5");
        same("15e-1", "1.5");
        same("-0.0", "0");
        same("1200", "1.2E3");
        assert_ne!(Digits::of("0.1"), Digits::of("0.10000000000000001"));
        assert_eq!(Digits::of("1.x"), None);
        assert_eq!(Digits::of("true"), None);
    }

    #[test]
    fn units_are_whole_and_within_the_precision() {
        let unscaled = |json: &str| Digits::of(json).unwrap().unscaled(5, 2);
        assert_eq!(unscaled("1.5"), Some(150));
        assert_eq!(unscaled("-123.45"), Some(-12345));
        assert_eq!(unscaled("0"), Some(0));
        assert_eq!(unscaled("1.234"), None);
        assert_eq!(unscaled("1234.56"), None);
        assert_eq!(text_of(-5, 2), "-0.05");
        assert_eq!(text_of(12345, 2), "123.45");
        assert_eq!(text_of(7, 0), "7");
    }
}
