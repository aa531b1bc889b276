//! Numbers written one way: `30`, `30.0`, `3e1` and `300e-1` are the same number.

/// Longest run of zeros written out instead of an exponent.
const PLAIN_ZEROS_MAX: i64 = 20;

/// Appends the one spelling of the JSON number at the beginning of `bytes`: whole numbers plainly,
/// others as digits without trailing zeros and a decimal exponent (`1234e-2`). No precision is
/// lost. Returns the length of the number; nothing if there is none.
pub(super) fn read(bytes: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let negative = bytes.first() == Some(&b'-');
    let whole = usize::from(negative);
    let whole_end = whole + digits(bytes.get(whole..)?);
    let starts_with_zero = bytes.get(whole) == Some(&b'0');
    if whole_end == whole || (starts_with_zero && whole_end > whole + 1) {
        return None;
    }
    let fraction_end = match bytes.get(whole_end) {
        Some(b'.') => some_digits(bytes, whole_end + 1)?,
        _ => whole_end,
    };
    let end = match bytes.get(fraction_end) {
        Some(b'e' | b'E') => {
            let sign = matches!(bytes.get(fraction_end + 1), Some(b'+' | b'-'));
            some_digits(bytes, fraction_end + 1 + usize::from(sign))?
        }
        _ => fraction_end,
    };
    if end == whole_end && !starts_with_zero {
        out.extend_from_slice(bytes.get(..end)?);
        return Some(end);
    }
    let exponent = written_exponent(bytes.get(fraction_end..end)?);
    write(negative, (bytes.get(whole..fraction_end)?, exponent), out);
    Some(end)
}

/// How many digits stand at the beginning.
fn digits(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count()
}

/// The end of the digits from `start` on, of which there has to be one.
fn some_digits(bytes: &[u8], start: usize) -> Option<usize> {
    let count = digits(bytes.get(start..)?);
    (count > 0).then_some(start + count)
}

/// Appends a number given by its mantissa, which may hold a point, and the exponent after it.
fn write(negative: bool, (mantissa, exponent): (&[u8], i64), out: &mut Vec<u8>) {
    let begin = out.len();
    if negative {
        out.push(b'-');
    }
    let first = out.len();
    let mut exponent = exponent;
    let point = mantissa.iter().position(|byte| *byte == b'.');
    let decimals = point.map_or(0, |point| mantissa.len() - point - 1);
    exponent = exponent.saturating_sub(i64::try_from(decimals).unwrap_or(i64::MAX));
    let significant = mantissa.iter().filter(|byte| **byte != b'.');
    out.extend(significant.skip_while(|byte| **byte == b'0'));
    while out.len() > first && out.last() == Some(&b'0') {
        out.pop();
        exponent = exponent.saturating_add(1);
    }
    if out.len() == first {
        out.truncate(begin);
        out.push(b'0');
        return;
    }
    match exponent {
        0 => {}
        1..=PLAIN_ZEROS_MAX => out.extend((0..exponent).map(|_| b'0')),
        _ => out.extend_from_slice(format!("e{exponent}").as_bytes()),
    }
}

/// The exponent after `e`; one beyond any use is clamped, which keeps different numbers apart
/// from every sensible one.
fn written_exponent(written: &[u8]) -> i64 {
    let text = written
        .get(1..)
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .unwrap_or("");
    if text.is_empty() {
        return 0;
    }
    let limit = i64::MAX / 4;
    text.strip_prefix('+')
        .unwrap_or(text)
        .parse()
        .unwrap_or(if text.starts_with('-') { -limit } else { limit })
}

#[cfg(test)]
mod tests {
    #[track_caller]
    fn check(text: &str, expected: &str) {
        let mut out = Vec::new();
        assert_eq!(super::read(text.as_bytes(), &mut out), Some(text.len()));
        assert_eq!(String::from_utf8(out).unwrap(), expected, "{text}");
    }

    #[test]
    fn spellings_of_one_number_agree() {
        for text in ["30", "30.0", "3e1", "3E+1", "300e-1", "0.30e2"] {
            check(text, "30");
        }
        for text in ["0", "-0", "0.0", "0e7", "-0.000E-3"] {
            check(text, "0");
        }
        for text in ["12.34", "1234e-2", "0.1234e2", "12.3400"] {
            check(text, "1234e-2");
        }
        check("-0.5", "-5e-1");
    }

    #[test]
    fn what_is_no_number_is_not_read() {
        for text in [
            "", "-", "01", "-01", "00", "1.", ".5", "1.e3", "1e", "1e+", "+1", "e1",
        ] {
            assert_eq!(
                super::read(text.as_bytes(), &mut Vec::new()),
                None,
                "{text}"
            );
        }
    }

    #[test]
    fn whole_numbers_beyond_double_precision_stay_exact() {
        check("9007199254740993", "9007199254740993");
        check(
            "123456789012345678901234567890",
            "123456789012345678901234567890",
        );
        check("1e30", "1e30");
    }
}
