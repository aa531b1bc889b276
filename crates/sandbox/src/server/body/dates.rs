//! Dates and times as text: checked by hand, since the stored form is the text itself.

/// A calendar date `yyyy-MM-dd`; with `lenient` a time after it is cut off.
pub(super) fn date(text: &str, lenient: bool) -> Option<&str> {
    let (head, tail) = text.split_at_checked(10)?;
    let cut = lenient && tail.starts_with(['T', ' ']);
    ((tail.is_empty() || cut) && head.parse::<jiff::civil::Date>().is_ok() && is_plain(head))
        .then_some(head)
}

/// A time of day, brought to `HH:mm:ss` when it has no fraction of a second.
pub(super) fn time(text: &str) -> Option<String> {
    let padded = if text.len() == 5 {
        format!("{text}:00")
    } else {
        text.to_owned()
    };
    let parts: Vec<&str> = padded.splitn(3, ':').collect();
    let [hour, minute, second] = parts.as_slice() else {
        return None;
    };
    let (second, fraction) = second.split_once('.').unwrap_or((second, "0"));
    let fits = |part: &str, below: u8| {
        part.len() == 2 && is_digits(part) && part.parse::<u8>().is_ok_and(|part| part < below)
    };
    let whole = fits(hour, 24) && fits(minute, 60) && fits(second, 60) && is_digits(fraction);
    whole.then_some(padded)
}

/// Whether a text is a date and a time with an optional offset.
pub(super) fn is_date_time(text: &str) -> bool {
    let Some((head, tail)) = text.split_at_checked(10) else {
        return false;
    };
    if date(head, false).is_none() {
        return false;
    }
    let Some(clock) = tail.strip_prefix(['T', ' ']) else {
        return tail.is_empty();
    };
    let end = clock.find(['Z', 'z', '+', '-']).unwrap_or(clock.len());
    let (clock, offset) = clock.split_at(end);
    let offset_fits = match offset {
        "" | "Z" | "z" => true,
        other => time(other.trim_start_matches(['+', '-'])).is_some(),
    };
    time(clock).is_some() && offset_fits
}

fn is_plain(date: &str) -> bool {
    date.bytes().enumerate().all(|(index, byte)| match index {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    })
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_exact_unless_lenient() {
        assert_eq!(date("2024-02-29", false), Some("2024-02-29"));
        assert_eq!(date("2023-02-29", false), None);
        assert_eq!(date("2024-2-29", false), None);
        assert_eq!(date("2024-02-29T00:00:00", false), None);
        assert_eq!(date("2024-02-29T00:00:00", true), Some("2024-02-29"));
        assert_eq!(date("20240229", true), None);
        assert_eq!(date("", true), None);
    }

    #[test]
    fn times_gain_their_seconds() {
        assert_eq!(time("08:30").as_deref(), Some("08:30:00"));
        assert_eq!(time("23:59:59.5").as_deref(), Some("23:59:59.5"));
        for wrong in ["24:00:00", "8:30", "08:60:00", "noon", "", "08:30:+1"] {
            assert_eq!(time(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn date_times_take_an_offset() {
        for right in [
            "2024-03-01T17:20:35.1234567Z",
            "2024-03-01T17:20:35+05:00",
            "2024-03-01",
        ] {
            assert!(is_date_time(right), "{right}");
        }
        for wrong in [
            "2024-03-01T",
            "2024-13-01T00:00:00",
            "2024-03-01T17:20:35+5",
            "x",
        ] {
            assert!(!is_date_time(wrong), "{wrong}");
        }
    }
}
