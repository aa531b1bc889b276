//! The axis of time: where its marks are, and what stands below them, by the clock of a zone.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan as _, Zoned};

/// A mark of the axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tick {
    pub(crate) second: i64,
    /// The time of the day, or the day.
    pub(crate) label: String,
    /// The day or the year, where it is another one than at the mark before.
    pub(crate) below: Option<String>,
}

/// How far marks are apart.
#[derive(Clone, Copy)]
enum Step {
    /// So many seconds, a part of an hour.
    Seconds(i64),
    /// So many hours of the clock, a part of a day.
    Hours(i8),
    Days(i32),
    Months(i16),
}

const STEPS: &[Step] = &[
    Step::Seconds(1),
    Step::Seconds(2),
    Step::Seconds(5),
    Step::Seconds(10),
    Step::Seconds(15),
    Step::Seconds(30),
    Step::Seconds(60),
    Step::Seconds(120),
    Step::Seconds(300),
    Step::Seconds(600),
    Step::Seconds(900),
    Step::Seconds(1_800),
    Step::Seconds(3_600),
    Step::Hours(2),
    Step::Hours(3),
    Step::Hours(6),
    Step::Hours(12),
    Step::Days(1),
    Step::Days(2),
    Step::Days(7),
    Step::Days(14),
    Step::Months(1),
    Step::Months(3),
    Step::Months(6),
    Step::Months(12),
    Step::Months(60),
    Step::Months(240),
    Step::Months(1_200),
];

impl Step {
    /// About how long it is.
    fn seconds(self) -> i64 {
        match self {
            Self::Seconds(seconds) => seconds,
            Self::Hours(hours) => i64::from(hours) * 3_600,
            Self::Days(days) => i64::from(days) * 86_400,
            Self::Months(months) => i64::from(months) * 2_629_800,
        }
    }

    /// How a mark is written, and what it is a part of.
    const fn formats(self) -> (&'static str, &'static str) {
        match self {
            Self::Seconds(..60) => ("%H:%M:%S", "%Y-%m-%d"),
            Self::Seconds(_) | Self::Hours(_) => ("%H:%M", "%Y-%m-%d"),
            Self::Days(_) => ("%-d %b", "%Y"),
            Self::Months(..12) => ("%b", "%Y"),
            Self::Months(_) => ("%Y", ""),
        }
    }

    fn span(self) -> Span {
        match self {
            Self::Seconds(seconds) => seconds.seconds(),
            Self::Hours(hours) => i64::from(hours).hours(),
            Self::Days(days) => i64::from(days).days(),
            Self::Months(months) => i64::from(months).months(),
        }
    }

    /// The last mark at or before a time of the clock.
    fn floor(self, time: DateTime) -> DateTime {
        let day = time.date();
        match self {
            Self::Seconds(_) => time,
            Self::Hours(hours) => day.at(time.hour() - time.hour().rem_euclid(hours), 0, 0, 0),
            Self::Days(days) => {
                let epoch = Date::constant(1970, 1, 5);
                let since = day.since(epoch).map_or(0, |span| span.get_days());
                let back = i64::from(since.rem_euclid(days)).days();
                day.checked_sub(back).unwrap_or(day).to_datetime(Time::MIN)
            }
            Self::Months(months) => {
                let month = day.year().saturating_mul(12) + i16::from(day.month()) - 1;
                let back = i64::from(month.rem_euclid(months)).months();
                let first = day.first_of_month();
                let first = first.checked_sub(back).unwrap_or(first);
                first.to_datetime(Time::MIN)
            }
        }
    }
}

/// Marks between two times, at most about so many.
pub(crate) fn ticks((start, end): (Timestamp, Timestamp), zone: &TimeZone, max: i32) -> Vec<Tick> {
    let seconds = end.as_second().saturating_sub(start.as_second());
    let fits = |step: &&Step| seconds / step.seconds() <= i64::from(max.max(1));
    let step = STEPS.iter().find(fits).or(STEPS.last());
    let Some(step) = step else { return vec![] };
    let times = match step {
        Step::Seconds(seconds) => by_seconds(*seconds, start, end),
        _ => by_clock(*step, (start, end), zone),
    };
    labelled(*step, &times, zone)
}

/// Marks of parts of an hour. They do not follow the clock, which may show an hour twice.
fn by_seconds(step: i64, start: Timestamp, end: Timestamp) -> Vec<Timestamp> {
    let begin = start.as_second();
    let first = begin + (-begin).rem_euclid(step);
    (0..)
        .map_while(|index| first.checked_add(index * step))
        .take_while(|second| *second <= end.as_second())
        .filter_map(|second| Timestamp::from_second(second).ok())
        .collect()
}

/// Marks by the clock of the zone, whose days may be of 23 or 25 hours.
fn by_clock(step: Step, (start, end): (Timestamp, Timestamp), zone: &TimeZone) -> Vec<Timestamp> {
    let mut times: Vec<Timestamp> = Vec::new();
    let mut civil = step.floor(zone.to_datetime(start));
    while let Ok(time) = civil.to_zoned(zone.clone()) {
        let time = time.timestamp();
        if time > end {
            break;
        }
        if time >= start && times.last().is_none_or(|last| *last < time) {
            times.push(time);
        }
        match civil.checked_add(step.span()) {
            Ok(next) => civil = next,
            Err(_end_of_time) => break,
        }
    }
    times
}

fn labelled(step: Step, times: &[Timestamp], zone: &TimeZone) -> Vec<Tick> {
    let (format, format_below) = step.formats();
    let mut said = String::new();
    let ticks = times.iter().map(|time| {
        let time: Zoned = time.to_zoned(zone.clone());
        let whole = time.strftime(format_below).to_string();
        let below = (said != whole).then(|| whole.clone());
        said = whole;
        Tick {
            second: time.timestamp().as_second(),
            label: time.strftime(format).to_string(),
            below,
        }
    });
    ticks.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(start: &str, end: &str, zone: &str) -> Vec<String> {
        let range = (start.parse().unwrap(), end.parse().unwrap());
        let zone = TimeZone::get(zone).unwrap();
        let ticks = ticks(range, &zone, 6).into_iter();
        ticks
            .map(|tick| match tick.below {
                Some(below) => format!("{} {below}", tick.label),
                None => tick.label,
            })
            .collect()
    }

    #[track_caller]
    fn check(range: [&str; 2], zone: &str, expected: &[&str]) {
        assert_eq!(labels(range[0], range[1], zone), expected);
    }

    #[test]
    fn marks_are_round_at_any_length() {
        check(
            ["2026-01-31T23:59:50Z", "2026-02-01T00:00:10Z"],
            "UTC",
            &[
                "23:59:50 2026-01-31",
                "23:59:55",
                "00:00:00 2026-02-01",
                "00:00:05",
                "00:00:10",
            ],
        );
        check(
            ["2026-01-31T09:07:00Z", "2026-01-31T11:00:00Z"],
            "UTC",
            &["09:30 2026-01-31", "10:00", "10:30", "11:00"],
        );
        check(
            ["2025-12-30T00:00:00Z", "2026-01-03T00:00:00Z"],
            "UTC",
            &["30 Dec 2025", "31 Dec", "1 Jan 2026", "2 Jan", "3 Jan"],
        );
        check(
            ["2025-11-02T00:00:00Z", "2026-03-05T00:00:00Z"],
            "UTC",
            &["Dec 2025", "Jan 2026", "Feb", "Mar"],
        );
        check(
            ["1990-01-01T00:00:00Z", "2014-01-01T00:00:00Z"],
            "UTC",
            &["1990", "1995", "2000", "2005", "2010"],
        );
    }

    #[test]
    fn marks_follow_the_clock_of_the_zone_where_it_is_turned() {
        // In Chicago the clock goes from 01:59 back to 01:00 at 07:00 UTC.
        check(
            ["2026-11-01T05:00:00Z", "2026-11-01T10:00:00Z"],
            "America/Chicago",
            &[
                "00:00 2026-11-01",
                "01:00",
                "01:00",
                "02:00",
                "03:00",
                "04:00",
            ],
        );
        check(
            ["2026-11-01T05:00:00Z", "2026-11-02T06:00:00Z"],
            "America/Chicago",
            &[
                "00:00 2026-11-01",
                "06:00",
                "12:00",
                "18:00",
                "00:00 2026-11-02",
            ],
        );
    }
}
