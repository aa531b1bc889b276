//! What a server answered.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use jiff::Timestamp;

/// Longest pause a server may ask for; more is taken as this.
const RETRY_AFTER_MAX: Duration = Duration::from_mins(10);

/// An answer, read to its end.
#[derive(Clone)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// The whole body, decompressed.
    pub body: Bytes,
}

/// Bodies hold personal data, so debug output shows their size only.
impl std::fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Answer")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl Answer {
    /// Whether the status is 2xx.
    pub const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    /// A header as text, if it is present and text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// How long the server asks to be left alone (`Retry-After`, in seconds or as a date).
    pub fn retry_after(&self) -> Option<Duration> {
        let text = self.header("retry-after")?.trim();
        let asked = match text.parse::<u64>() {
            Ok(seconds) => Duration::from_secs(seconds),
            Err(_) => self.until(text)?,
        };
        Some(asked.min(RETRY_AFTER_MAX))
    }

    /// The time until an HTTP date, from when the answer was given: by the clock of the server, which
    /// may be another one, if it tells it.
    fn until(&self, date: &str) -> Option<Duration> {
        let given = self.header("date").and_then(second_of);
        let given = given.unwrap_or_else(|| Timestamp::now().as_second());
        let left = second_of(date)?.saturating_sub(given);
        Some(Duration::from_secs(u64::try_from(left).unwrap_or(0)))
    }
}

/// The Unix second of an HTTP date.
fn second_of(date: &str) -> Option<i64> {
    let date = httpdate::parse_http_date(date).ok()?;
    Some(Timestamp::try_from(date).ok()?.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(text: &str) -> Option<Duration> {
        asks_at(text, None)
    }

    fn asks_at(text: &str, date: Option<&str>) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", text.parse().unwrap());
        if let Some(date) = date {
            headers.insert("date", date.parse().unwrap());
        }
        Answer {
            status: 503,
            headers,
            body: Bytes::new(),
        }
        .retry_after()
    }

    #[test]
    fn retry_after_is_read_in_seconds_and_as_a_date() {
        assert_eq!(asks("7"), Some(Duration::from_secs(7)));
        assert_eq!(asks("999999"), Some(RETRY_AFTER_MAX));
        assert_eq!(asks("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        assert_eq!(asks("soon"), None);
    }

    #[test]
    fn a_date_is_read_by_the_clock_of_the_server() {
        // Decades behind ours, and ahead of it.
        for year in ["Sun, 06 Nov 1994", "Fri, 06 Nov 2139"] {
            let at = |time: &str| format!("{year} {time} GMT");
            let asked = asks_at(&at("08:49:37"), Some(&at("08:49:30")));
            assert_eq!(asked, Some(Duration::from_secs(7)), "{year}");
            let over = asks_at(&at("08:49:30"), Some(&at("08:49:37")));
            assert_eq!(over, Some(Duration::ZERO), "{year}");
        }
    }
}
