//! Arithmetic on measured numbers, and how they are written.

use std::time::Duration;

/// The middle of some numbers, the mean of the two middle ones where their count is even; 0 of
/// none.
pub(super) fn median(numbers: impl IntoIterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.into_iter().collect();
    numbers.sort_by(f64::total_cmp);
    let half = numbers.len() / 2;
    let at = |index: usize| numbers.get(index).copied().unwrap_or_default();
    if numbers.len() % 2 == 1 {
        at(half)
    } else {
        f64::midpoint(at(half.wrapping_sub(1)), at(half))
    }
}

/// A count as a number to calculate with.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of records and bytes stay far below 2^52"
)]
pub(super) const fn float(count: u64) -> f64 {
    count as f64
}

/// How many of something come in a second.
pub(super) fn per_second(count: u64, time: Duration) -> f64 {
    float(count) / time.as_secs_f64().max(f64::EPSILON)
}

/// Microseconds of `time` for each of `count`.
pub(super) fn microseconds_each(time: Duration, count: u64) -> f64 {
    time.as_secs_f64() * 1e6 / float(count.max(1))
}

/// Millions of bytes.
pub(super) fn megabytes(bytes: u64) -> f64 {
    float(bytes) / 1e6
}

/// A whole number with its thousands apart.
pub(super) fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let close = |numbers: &[f64], expected: f64| {
            assert!((median(numbers.iter().copied()) - expected).abs() < 1e-9);
        };
        close(&[], 0.0);
        close(&[3.0], 3.0);
        close(&[9.0, 1.0, 2.0], 2.0);
        close(&[4.0, 1.0, 2.0, 9.0], 3.0);
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(grouped(7.4), "7");
        assert_eq!(grouped(1_234_567.0), "1 234 567");
        assert_eq!(grouped(123_456.0), "123 456");
    }
}
