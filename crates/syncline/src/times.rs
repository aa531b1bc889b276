//! Times as people write them.

use std::time::Duration;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};

use crate::Failure;

/// A moment in Unix seconds. Understands `2026-03-01`, `2026-03-01 14:30`, the same with `T` and
/// seconds, a zone or offset after it, and plain Unix seconds; times without a zone are local.
pub fn parse_time(option: &str, text: &str) -> Result<i64, Failure> {
    let text = text.trim();
    let zone = TimeZone::system();
    if let Ok(seconds) = text.parse::<i64>() {
        return Ok(seconds);
    }
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment.as_second());
    }
    if let Ok(moment) = text.parse::<Zoned>() {
        return Ok(moment.timestamp().as_second());
    }
    let local = text
        .parse::<DateTime>()
        .or_else(|_| text.parse::<Date>().map(DateTime::from));
    match local.and_then(|local| local.to_zoned(zone)) {
        Ok(moment) => Ok(moment.timestamp().as_second()),
        Err(_) => Err(
            Failure::configuration(format!("{option}: {text} is no time"))
                .with_hint("write it as 2026-03-01 or 2026-03-01T14:30:00"),
        ),
    }
}

/// A length of time: `30s`, `5m`, `1h 30m`, `90 seconds`.
pub fn parse_duration(option: &str, text: &str) -> Result<Duration, Failure> {
    let time = text.trim().parse::<SignedDuration>().ok();
    let time = time.and_then(|time| Duration::try_from(time).ok());
    time.ok_or_else(|| {
        Failure::configuration(format!("{option}: {text} is no length of time"))
            .with_hint("write it as 30s, 5m or 1h")
    })
}

/// The present moment, for people.
pub fn now_text() -> String {
    Timestamp::now()
        .strftime("%Y-%m-%d %H:%M:%S UTC")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_units() {
        let seconds = |text| parse_duration("--every", text).unwrap().as_secs_f64();
        let found = ["30s", "5m", "1h 30m", "90 seconds", "1ms", "0s"].map(seconds);
        assert!(
            found
                .iter()
                .zip([30.0, 300.0, 5400.0, 90.0, 0.001, 0.0])
                .all(|(one, other)| { (one - other).abs() < 1e-9 })
        );
        for text in ["5", "soon", "-5m", "", "5 m m"] {
            let failure = parse_duration("--every", text).unwrap_err();
            assert!(
                failure.message.contains("is no length of time"),
                "{failure}"
            );
        }
    }

    #[test]
    fn every_usual_spelling_is_a_time() {
        assert_eq!(parse_time("-o", "1772323200").unwrap(), 1_772_323_200);
        assert_eq!(
            parse_time("-o", "2026-03-01T00:00:00Z").unwrap(),
            1_772_323_200
        );
        assert_eq!(
            parse_time("-o", "2026-03-01T01:00:00+01:00").unwrap(),
            1_772_323_200
        );
        let day = parse_time("-o", "2026-03-01").unwrap();
        assert_eq!(parse_time("-o", "2026-03-01 14:30").unwrap() - day, 52_200);
        assert_eq!(
            parse_time("-o", "soon").unwrap_err().message,
            "-o: soon is no time"
        );
    }
}
