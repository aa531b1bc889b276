//! Points in time, as directories write them and as records do.

use jiff::civil::DateTime;
use jiff::{Span, SpanRound, Unit};

/// When an entry was changed last, as the directory notes it.
pub(crate) const MODIFIED: &str = "modifyTimestamp";

/// `20260814123000Z`, perhaps with a fraction, as `2026-08-14T12:30:00Z`. Times in another zone or
/// without seconds are not taken: they could not be written back as they were.
pub(crate) fn read(text: &str) -> Option<String> {
    let (digits, fraction) = split(text)?;
    let at = moment(digits)?;
    let fraction = fraction.map_or(String::new(), |digits| format!(".{digits}"));
    Some(format!("{at}{fraction}Z"))
}

/// The way back.
pub(crate) fn write(text: &str) -> Option<String> {
    let rest = text.strip_suffix('Z')?;
    let (whole, fraction) = match rest.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (rest, None),
    };
    let digits: String = whole.chars().filter(char::is_ascii_digit).collect();
    let written = match fraction {
        Some(fraction) => format!("{digits}.{fraction}Z"),
        None => format!("{digits}Z"),
    };
    (read(&written).as_deref() == Some(text)).then_some(written)
}

/// A time so many seconds earlier, without a fraction.
pub(crate) fn earlier(text: &str, seconds: u64) -> Option<String> {
    let (digits, _) = split(text)?;
    let seconds = i64::try_from(seconds).ok()?;
    let span = Span::new().try_seconds(seconds).ok()?;
    let span = span.round(SpanRound::new().largest(Unit::Second)).ok()?;
    let at = moment(digits)?.checked_sub(span).ok()?;
    Some(at.strftime("%Y%m%d%H%M%SZ").to_string())
}

/// The fourteen digits and those of a fraction.
fn split(text: &str) -> Option<(&str, Option<&str>)> {
    let text = text.strip_suffix('Z')?;
    let (digits, fraction) = match text.split_once(['.', ',']) {
        Some((digits, fraction)) => (digits, Some(fraction)),
        None => (text, None),
    };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let fits = digits.len() == 14 && is_number(digits) && fraction.is_none_or(is_number);
    fits.then_some((digits, fraction))
}

fn moment(digits: &str) -> Option<DateTime> {
    DateTime::strptime("%Y%m%d%H%M%S", digits).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_go_there_and_back() {
        for (directory, record) in [
            ("20260814123000Z", "2026-08-14T12:30:00Z"),
            ("20260814123000.25Z", "2026-08-14T12:30:00.25Z"),
        ] {
            assert_eq!(read(directory).as_deref(), Some(record));
            assert_eq!(write(record).as_deref(), Some(directory));
        }
        for text in [
            "202608141230Z",
            "20260814123000+0200",
            "20261314123000Z",
            "x",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        for text in [
            "2026-08-14",
            "2026-08-14T12:30:00",
            "2026-08-14T12:30Z",
            "20260814123000Z",
        ] {
            assert_eq!(write(text), None, "{text}");
        }
    }

    #[test]
    fn earlier_crosses_days() {
        let found = earlier("20260301000010.5Z", 70);
        assert_eq!(found.as_deref(), Some("20260228235900Z"));
    }
}
