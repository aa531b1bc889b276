//! Dates and times as Ed-Fi APIs write them: `2023-08-21`, `08:30:00`, `2023-08-21T08:30:00Z`.

/// What is wrong with a date or time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DateFault {
    /// It is not written as one.
    Form,
    /// It is written well, but no calendar or clock has it.
    Impossible,
    /// A date with a time behind it, where a date alone belongs.
    TimeBehind,
    /// A date alone, where a date and time belongs. Servers take it as midnight.
    TimeMissing,
}

/// `yyyy-MM-dd`, a day the calendar has.
pub(crate) fn date(text: &[u8]) -> Result<(), DateFault> {
    let Some((day, rest)) = text.split_first_chunk::<10>() else {
        return Err(DateFault::Form);
    };
    calendar_day(day)?;
    match rest.first() {
        None => Ok(()),
        Some(b'T' | b't' | b' ') => Err(DateFault::TimeBehind),
        Some(_) => Err(DateFault::Form),
    }
}

/// `HH:mm`, `HH:mm:ss` or with a fraction, and an offset where there is one.
pub(crate) fn time(text: &[u8]) -> Result<(), DateFault> {
    let rest = clock(text)?;
    offset(rest)
}

/// A date, `T` or a space, and a time.
pub(crate) fn date_time(text: &[u8]) -> Result<(), DateFault> {
    let Some((day, rest)) = text.split_first_chunk::<10>() else {
        return Err(DateFault::Form);
    };
    calendar_day(day)?;
    match rest.split_first() {
        None => Err(DateFault::TimeMissing),
        Some((b'T' | b't' | b' ', rest)) => time(rest),
        Some(_) => Err(DateFault::Form),
    }
}

fn calendar_day(text: &[u8; 10]) -> Result<(), DateFault> {
    let &[y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1] = text else {
        return Err(DateFault::Form);
    };
    let year = two(y0, y1)? * 100 + two(y2, y3)?;
    let month = two(m0, m1)?;
    let day = two(d0, d1)?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    };
    if year == 0 || day == 0 || day > length {
        return Err(DateFault::Impossible);
    }
    Ok(())
}

/// Hours and minutes, seconds and their fraction where they are given; what is left behind them.
fn clock(text: &[u8]) -> Result<&[u8], DateFault> {
    let Some((&[h0, h1, b':', m0, m1], mut rest)) = text.split_first_chunk::<5>() else {
        return Err(DateFault::Form);
    };
    let mut possible = two(h0, h1)? < 24 && two(m0, m1)? < 60;
    if let Some((&[b':', s0, s1], behind)) = rest.split_first_chunk::<3>() {
        possible &= two(s0, s1)? < 60;
        rest = behind;
        if let [b'.', fraction @ ..] = rest {
            let digits = fraction
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            if digits == 0 {
                return Err(DateFault::Form);
            }
            rest = fraction.get(digits..).unwrap_or_default();
        }
    }
    if possible {
        Ok(rest)
    } else {
        Err(DateFault::Impossible)
    }
}

/// Nothing, `Z`, or `+hh:mm`.
fn offset(text: &[u8]) -> Result<(), DateFault> {
    match *text {
        [] | [b'Z' | b'z'] => Ok(()),
        [b'+' | b'-', h0, h1, b':', m0, m1] => {
            if two(h0, h1)? < 24 && two(m0, m1)? < 60 {
                Ok(())
            } else {
                Err(DateFault::Impossible)
            }
        }
        _ => Err(DateFault::Form),
    }
}

/// The number of two digits.
fn two(tens: u8, units: u8) -> Result<u32, DateFault> {
    if tens.is_ascii_digit() && units.is_ascii_digit() {
        Ok(u32::from(tens - b'0') * 10 + u32::from(units - b'0'))
    } else {
        Err(DateFault::Form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DateFault::{Form, Impossible, TimeBehind, TimeMissing};

    #[track_caller]
    fn check_date(text: &str, expected: Result<(), DateFault>) {
        assert_eq!(date(text.as_bytes()), expected, "{text}");
    }

    #[test]
    fn dates_are_days_of_the_calendar() {
        check_date("2023-08-21", Ok(()));
        check_date("2020-02-29", Ok(()));
        check_date("2000-02-29", Ok(()));
        for impossible in [
            "2020-02-30",
            "2019-02-29",
            "1900-02-29",
            "2020-13-01",
            "2020-00-01",
            "2020-04-31",
            "0000-01-01",
            "2020-01-00",
        ] {
            check_date(impossible, Err(Impossible));
        }
        for other in ["", "20200101", "2020/01/01", "2020-1-1", "2020-01-011", "x"] {
            check_date(other, Err(Form));
        }
        check_date("2020-01-01T00:00:00", Err(TimeBehind));
    }

    #[test]
    fn times_are_of_the_clock() {
        for good in [
            "08:30",
            "08:30:00",
            "23:59:59.1234567",
            "08:30:00Z",
            "08:30:00+05:30",
        ] {
            assert_eq!(time(good.as_bytes()), Ok(()), "{good}");
        }
        for impossible in ["24:00:00", "08:60", "08:30:60", "08:30:00+24:00"] {
            assert_eq!(time(impossible.as_bytes()), Err(Impossible), "{impossible}");
        }
        for other in [
            "",
            "8:30",
            "08.30",
            "08:30:",
            "08:30:00.",
            "08:30 PM",
            "0830",
        ] {
            assert_eq!(time(other.as_bytes()), Err(Form), "{other}");
        }
    }

    #[test]
    fn moments_have_a_date_and_a_time() {
        for good in [
            "2023-08-21T08:30:00Z",
            "2023-08-21 08:30:00",
            "2023-08-21T08:30",
        ] {
            assert_eq!(date_time(good.as_bytes()), Ok(()), "{good}");
        }
        assert_eq!(date_time(b"2023-08-21"), Err(TimeMissing));
        assert_eq!(date_time(b"2023-02-30T08:30:00"), Err(Impossible));
        assert_eq!(date_time(b"2023-08-21x08:30:00"), Err(Form));
    }
}
