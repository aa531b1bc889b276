//! Days, times of day and points in time, as numbers and as text.

use jiff::Timestamp;
use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use parquet::basic::TimeUnit;

use super::form::timestamp;

/// A fraction of a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fraction {
    Milli,
    Micro,
    Nano,
}

impl Fraction {
    pub(super) const fn of(unit: TimeUnit) -> Self {
        match unit {
            TimeUnit::MILLIS => Self::Milli,
            TimeUnit::MICROS => Self::Micro,
            TimeUnit::NANOS => Self::Nano,
        }
    }

    pub(super) const fn nanos(self) -> i128 {
        match self {
            Self::Milli => 1_000_000,
            Self::Micro => 1_000,
            Self::Nano => 1,
        }
    }

    /// Nanoseconds in this fraction, if they are whole ones.
    pub(super) fn whole(self, nanos: i128) -> Option<i64> {
        let exact = nanos.rem_euclid(self.nanos()) == 0;
        i64::try_from(nanos.div_euclid(self.nanos()))
            .ok()
            .filter(|_| exact)
    }
}

/// A day, by its number since 1970.
pub(super) fn date_of(days: i32) -> Option<String> {
    let first = jiff::civil::date(1970, 1, 1);
    let day = first
        .checked_add(jiff::Span::new().try_days(days).ok()?)
        .ok()?;
    Some(day.to_string())
}

/// A time of day, by its number since midnight.
pub(super) fn clock_of(number: i64, fraction: Fraction) -> Option<String> {
    let nanos = i64::try_from(i128::from(number) * fraction.nanos()).ok()?;
    let span = jiff::Span::new().try_nanoseconds(nanos).ok()?;
    let time = Time::midnight().checked_add(span).ok()?;
    Some(time.to_string())
}

/// A point in time, with `Z` in UTC and without a zone where none is known.
pub(super) fn moment_of(nanos: i128, utc: bool) -> Option<String> {
    let moment = Timestamp::from_nanosecond(nanos).ok()?;
    if utc {
        return Some(moment.to_string());
    }
    Some(moment.to_zoned(TimeZone::UTC).datetime().to_string())
}

/// The number of a point in time, if it is written as the column has it and as fine.
pub(super) fn moment(text: &str, fraction: Fraction, utc: bool) -> Option<i64> {
    let moment: Timestamp = if utc {
        timestamp(text)?
    } else {
        let is_local = text.parse::<Timestamp>().is_err();
        let local: DateTime = text.parse().ok().filter(|_| is_local)?;
        local.to_zoned(TimeZone::UTC).ok()?.timestamp()
    };
    fraction.whole(moment.as_nanosecond())
}
