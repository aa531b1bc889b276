//! The axis of values: from where to where it goes, and how its numbers are written.

/// Bounds of an axis that shows these values with some room around them. Values that are all above
/// zero and not far from it begin at zero, so that heights can be compared.
pub(crate) fn range((low, high): (f64, f64)) -> (f64, f64) {
    let spread = high - low;
    let is_flat = spread <= low.abs().max(high.abs()) * 1e-9 || spread < 1e-12;
    if is_flat {
        let room = (low.abs() * 0.1).max(1e-3);
        return (low - room, high + room);
    }
    let room = spread * 0.06;
    if low >= 0.0 && low <= high * 0.4 {
        return (0.0, high + room);
    }
    (low - room, high + room)
}

/// A number of the axis, such as `12,500` or `0.25`.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "as the axis calls it")]
pub(crate) fn label(value: &f64) -> String {
    let value = if value.abs() < 1e-12 { 0.0 } else { *value };
    if value != 0.0 && !(1e-4..1e7).contains(&value.abs()) {
        return format!("{value:.2e}");
    }
    let text = format!("{value:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let (sign, digits) = match whole.strip_prefix('-') {
        Some(digits) => ("\u{2212}", digits),
        None => ("", whole),
    };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{}{point}{fraction}", grouped(digits))
}

fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_holds_its_values_and_has_a_length() {
        for (low, high) in [
            (0.0, 0.0),
            (5.0, 5.0),
            (-3.0, 9.0),
            (1e30, 1e30),
            (-1e30, 1e30),
            (1e-300, 2e-300),
            (3.0, 100.0),
            (90.0, 100.0),
        ] {
            let (from, to) = range((low, high));
            assert!(from <= low && to >= high && from < to, "{low} {high}");
            assert!((to - from).is_finite());
        }
        assert_eq!(range((3.0, 100.0)).0.to_bits(), 0.0_f64.to_bits());
        assert!(range((90.0, 100.0)).0 > 80.0);
    }

    #[test]
    fn numbers_are_short() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "0"),
            (0.300_000_000_000_000_04, "0.3"),
            (12_500.0, "12,500"),
            (-1_250.5, "\u{2212}1,250.5"),
            (100.0, "100"),
            (2.5e9, "2.50e9"),
            (0.000_02, "2.00e-5"),
        ] {
            assert_eq!(label(&value), expected);
        }
    }
}
