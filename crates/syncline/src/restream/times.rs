//! Times on the command line.

use jiff::Timestamp;
use jiff::civil::DateTime;

use crate::Failure;

/// A time with its zone (`2026-01-31T09:00:00Z`, `2026-01-31T03:00:00-06:00`), or seconds since
/// 1970. A time without a zone would mean another second on another machine, and is refused.
pub fn moment(option: &str, text: &str) -> Result<Timestamp, Failure> {
    let text = text.trim();
    read_moment(text).map_err(|hint| {
        Failure::configuration(format!("{option}: `{text}` is no time with its zone"))
            .with_hint(hint)
    })
}

/// The same; where it is none, how to write it.
pub(crate) fn read_moment(text: &str) -> Result<Timestamp, String> {
    let text = text.trim();
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let second = text.parse().ok();
    if let Some(time) = second.and_then(|second| Timestamp::from_second(second).ok()) {
        return Ok(time);
    }
    Err(match text.parse::<DateTime>() {
        Ok(time) => format!("say which zone it is in: `{time}Z` for UTC, or `{time}-06:00`"),
        Err(_) => "write it as in `2026-01-31T09:00:00Z`".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_zone_or_is_refused_with_the_fix() {
        let second = |text: &str| moment("--start", text).unwrap().as_second();
        assert_eq!(second("2025-01-01T00:00:00Z"), 1_735_689_600);
        assert_eq!(second("2025-01-01 02:00:00+02:00"), 1_735_689_600);
        assert_eq!(second("1735689600"), 1_735_689_600);
        let failure = moment("--start", "2025-01-01 00:00").unwrap_err();
        assert!(
            failure.hints[0].contains("`2025-01-01T00:00:00Z` for UTC"),
            "{failure:?}"
        );
        assert!(moment("--start", "yesterday").is_err());
    }
}
