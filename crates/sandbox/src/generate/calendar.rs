//! The days of a school year: two semesters of eighteen weeks with a winter break between.

use jiff::civil::{Date, Weekday, date};

use super::GenerateError;

/// Weeks of the year by semester; the two between are the winter break.
const FALL: (i64, i64) = (0, 18);
const SPRING: (i64, i64) = (20, 38);
/// The week of spring break.
const BREAK: i64 = 29;

/// Grading periods: name, first week, week after the last, semester.
pub(super) const PERIODS: [(&str, i64, i64, usize); 4] = [
    ("First Nine Weeks", 0, 9, 0),
    ("Second Nine Weeks", 9, 18, 0),
    ("Third Nine Weeks", 20, 29, 1),
    ("Fourth Nine Weeks", 29, 38, 1),
];

/// Semesters: term, first week, week after the last.
pub(super) const SEMESTERS: [(&str, i64, i64); 2] = [
    ("Fall Semester", FALL.0, FALL.1),
    ("Spring Semester", SPRING.0, SPRING.1),
];

/// One school year, named for the year in which it ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct SchoolYear {
    pub(super) year: i16,
    /// A Monday in August.
    first: Date,
}

impl SchoolYear {
    pub(super) fn new(year: i16) -> Result<Self, GenerateError> {
        if !(1950..=2200).contains(&year) {
            return Err(GenerateError::SchoolYear { year });
        }
        let august = date(year - 1, 8, 14);
        let to_monday = (7 - i64::from(august.weekday().to_monday_zero_offset())) % 7;
        Ok(Self {
            year,
            first: days_after(august, to_monday),
        })
    }

    pub(super) fn first_day(self) -> Date {
        self.first
    }

    /// The first and last day of some weeks.
    pub(super) fn span(self, from_week: i64, to_week: i64) -> (Date, Date) {
        (self.weekday(from_week * 5), self.weekday(to_week * 5 - 1))
    }

    /// The day this many weekdays after the first.
    pub(super) fn weekday(self, ordinal: i64) -> Date {
        days_after(self.first, ordinal / 5 * 7 + ordinal % 5)
    }

    /// All weekdays from the first to the last, each with whether school is held.
    pub(super) fn weekdays(self) -> impl Iterator<Item = (Date, bool)> {
        (0..SPRING.1 * 5).map(move |ordinal| (self.weekday(ordinal), self.is_held(ordinal)))
    }

    pub(super) fn held_days(self, from_week: i64, to_week: i64) -> usize {
        (from_week * 5..to_week * 5)
            .filter(|ordinal| self.is_held(*ordinal))
            .count()
    }

    /// A day of the fall semester on which school is held, near the ordinal.
    pub(super) fn held_in_fall(self, ordinal: i64) -> Date {
        let wanted = ordinal % (FALL.1 * 5 - 5);
        let held = (wanted..SPRING.1 * 5).find(|ordinal| self.is_held(*ordinal));
        self.weekday(held.unwrap_or(wanted))
    }

    fn is_held(self, ordinal: i64) -> bool {
        let week = ordinal / 5;
        let in_break = (FALL.1..SPRING.0).contains(&week) || week == BREAK;
        !in_break && !is_holiday(self.weekday(ordinal))
    }
}

fn is_holiday(day: Date) -> bool {
    let nth = (day.day() - 1) / 7 + 1;
    match (day.month(), day.weekday()) {
        (9, Weekday::Monday) => nth == 1,
        (1 | 2, Weekday::Monday) => nth == 3,
        (11, Weekday::Thursday) => nth == 4,
        (11, Weekday::Friday) => (23..=29).contains(&day.day()),
        _ => false,
    }
}

/// Dates far from the ends of the calendar, so the sum always exists.
pub(super) fn days_after(day: Date, count: i64) -> Date {
    day.checked_add(jiff::Span::new().days(count))
        .unwrap_or(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_has_whole_weeks_and_holidays_without_school() {
        let year = SchoolYear::new(2026).unwrap();
        assert_eq!(year.first_day(), date(2025, 8, 18));
        assert_eq!(year.weekdays().count(), 190);
        let closed: Vec<Date> = year
            .weekdays()
            .filter(|(_, held)| !held)
            .map(|(day, _)| day)
            .collect();
        for holiday in [date(2025, 9, 1), date(2025, 11, 27), date(2025, 11, 28)] {
            assert!(closed.contains(&holiday), "{holiday}");
        }
        assert_eq!(
            year.held_in_fall(10),
            year.weekday(11),
            "Labor Day moves to Tuesday"
        );
    }

    #[test]
    fn a_year_out_of_range_is_refused() {
        assert!(matches!(
            SchoolYear::new(20),
            Err(GenerateError::SchoolYear { year: 20 })
        ));
    }
}
