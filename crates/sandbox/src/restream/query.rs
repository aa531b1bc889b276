//! Query parameters as clients of all versions send them.

use std::str::FromStr;

use super::refusal::Refusal;

/// The parameters of a request, decoded, in order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Query<'a>(pub(crate) &'a [(String, String)]);

impl Query<'_> {
    /// The last value of a parameter; an empty one is as good as none.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let given = self.0.iter().rev().find(|(given, _)| given == name);
        given
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// Whether a parameter is there at all.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(given, _)| given == name)
    }

    /// A whole number or a fraction.
    pub(crate) fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, Refusal> {
        let parse = |text: &str| {
            let number = text.trim().parse();
            number
                .ok()
                .ok_or_else(|| Refusal::parameter(name, "Enter a number."))
        };
        self.text(name).map(parse).transpose()
    }

    /// A yes or no, in the spelling of either version.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        let parse = |text: &str| match text {
            _ if text.eq_ignore_ascii_case("true") || text == "1" => Ok(true),
            _ if text.eq_ignore_ascii_case("false") || text == "0" => Ok(false),
            _ => Err(Refusal::parameter(name, "Enter true or false.")),
        };
        self.text(name).map(parse).transpose()
    }

    /// The parts of a list: joined by commas, or repeated, or both.
    pub(crate) fn list(&self, name: &str) -> Vec<&str> {
        let given = self.0.iter().filter(|(given, _)| given == name);
        let parts = given.flat_map(|(_, value)| value.split(','));
        parts
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .collect()
    }

    /// The same as numbers.
    pub(crate) fn numbers<T: FromStr>(&self, name: &str) -> Result<Vec<T>, Refusal> {
        let parse = |text: &str| {
            let number = text.parse();
            number
                .ok()
                .ok_or_else(|| Refusal::parameter(name, "Enter whole numbers."))
        };
        self.list(name).into_iter().map(parse).collect()
    }

    /// A time in UTC, as `2025-01-01 00:00:00` or `2025-01-01T00:00:00Z`; a fraction is cut off.
    pub(crate) fn second(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let parse = |text: &str| {
            second_of(text).ok_or_else(|| Refusal::parameter(name, "Enter a valid date/time."))
        };
        self.text(name).map(parse).transpose()
    }
}

/// The second of a time in text, since 1970; without a zone it is UTC.
pub fn second_of(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(stamp) = text.parse::<jiff::Timestamp>() {
        return Some(stamp.as_second());
    }
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    Some(
        civil
            .to_zoned(jiff::tz::TimeZone::UTC)
            .ok()?
            .timestamp()
            .as_second(),
    )
}

/// A second as the service writes it.
pub(crate) fn iso(second: i64) -> String {
    jiff::Timestamp::from_second(second).map_or_else(|_| String::new(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<T>(query: &str, look: impl FnOnce(Query<'_>) -> T) -> T {
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        let pairs: Vec<(String, String)> = pairs.into_owned().collect();
        look(Query(&pairs))
    }

    #[test]
    fn both_spellings_of_flags_and_lists_are_read() {
        for (text, expected) in [
            ("true", true),
            ("True", true),
            ("False", false),
            ("0", false),
        ] {
            let read = with(&format!("complete={text}"), |query| query.flag("complete"));
            assert_eq!(read, Ok(Some(expected)));
        }
        assert!(with("complete=maybe", |query| query.flag("complete")).is_err());
        assert_eq!(
            with("a=1,2&a=3", |query| query.numbers::<u32>("a")),
            Ok(vec![1, 2, 3])
        );
        assert_eq!(with("a=", |query| query.list("a").len()), 0);
        assert!(with("a=1,x", |query| query.numbers::<u32>("a")).is_err());
    }

    #[test]
    fn times_are_utc_and_whole_seconds() {
        for text in [
            "2025-01-01+00:00:05",
            "2025-01-01T00:00:05Z",
            "2025-01-01T00:00:05.9Z",
            "2025-01-01T02:00:05%2B02:00",
            "2025-01-01+00:00:05.25",
        ] {
            let read = with(&format!("t={text}"), |query| query.second("t"));
            assert_eq!(read, Ok(Some(1_735_689_605)), "{text}");
        }
        assert!(with("t=yesterday", |query| query.second("t")).is_err());
        assert_eq!(iso(1_735_689_605), "2025-01-01T00:00:05Z");
    }
}
