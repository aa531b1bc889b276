//! Numbers written one way: `30`, `30.0`, `3e1` and `300e-1` are the same number.

/// Longest run of zeros written out instead of an exponent.
const PLAIN_ZEROS_MAX: i64 = 20;

/// Appends the one spelling of a valid JSON number: whole numbers plainly, others as digits
/// without trailing zeros and a decimal exponent (`1234e-2`). No precision is lost.
pub(super) fn write(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let (negative, magnitude) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, bytes),
    };
    if magnitude.iter().all(u8::is_ascii_digit) && magnitude != b"0" {
        out.extend_from_slice(bytes);
        return;
    }
    let (digits, exponent) = significant_digits(magnitude);
    if digits.is_empty() {
        out.push(b'0');
        return;
    }
    if negative {
        out.push(b'-');
    }
    out.extend_from_slice(&digits);
    match exponent {
        0 => {}
        1..=PLAIN_ZEROS_MAX => out.extend((0..exponent).map(|_| b'0')),
        _ => out.extend_from_slice(format!("e{exponent}").as_bytes()),
    }
}

/// The digits without leading and trailing zeros, and the power of ten they are counted in.
fn significant_digits(magnitude: &[u8]) -> (Vec<u8>, i64) {
    let split = magnitude
        .iter()
        .position(|byte| matches!(byte, b'e' | b'E'));
    let (mantissa, written) = magnitude.split_at(split.unwrap_or(magnitude.len()));
    let mut exponent = written_exponent(written);
    let mut digits = Vec::with_capacity(mantissa.len());
    let mut after_point = false;
    for &byte in mantissa {
        if byte == b'.' {
            after_point = true;
            continue;
        }
        digits.push(byte);
        if after_point {
            exponent = exponent.saturating_sub(1);
        }
    }
    while digits.last() == Some(&b'0') {
        digits.pop();
        exponent = exponent.saturating_add(1);
    }
    let leading = digits.iter().take_while(|&&byte| byte == b'0').count();
    digits.drain(..leading);
    (digits, exponent)
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
        super::write(text, &mut out);
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
    fn whole_numbers_beyond_double_precision_stay_exact() {
        check("9007199254740993", "9007199254740993");
        check(
            "123456789012345678901234567890",
            "123456789012345678901234567890",
        );
        check("1e30", "1e30");
    }
}
