//! Values of the ledger as they are written for people and programs.

use jiff::Timestamp;
use syncline_ledger::LastOutcome;
use syncline_model::Done;

/// Unix seconds as `2026-03-01T14:30:00Z`.
pub(crate) fn time(seconds: i64) -> String {
    Timestamp::from_second(seconds)
        .map_or_else(|_out_of_range| seconds.to_string(), |time| time.to_string())
}

/// How the last attempt on a key ended, in a word.
pub(crate) fn outcome(outcome: LastOutcome) -> String {
    match outcome {
        LastOutcome::Settled(Done::Created) => "created".to_owned(),
        LastOutcome::Settled(Done::Updated) => "updated".to_owned(),
        LastOutcome::Settled(Done::Unchanged) => "unchanged".to_owned(),
        LastOutcome::Settled(Done::Deleted) => "deleted".to_owned(),
        LastOutcome::Owed(class) => format!("owed-{class}"),
    }
}

/// File and line of `students.jsonl:17`.
pub(super) fn place(origin: &str) -> (&str, Option<u64>) {
    match origin.rsplit_once(':') {
        Some((file, line)) => match line.parse() {
            Ok(line) => (file, Some(line)),
            Err(_) => (origin, None),
        },
        None => (origin, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_places_are_readable() {
        assert_eq!(time(1_772_323_200), "2026-03-01T00:00:00Z");
        assert_eq!(time(i64::MAX), i64::MAX.to_string());
        assert_eq!(
            place("a:b/students.jsonl:17"),
            ("a:b/students.jsonl", Some(17))
        );
        assert_eq!(place("somewhere"), ("somewhere", None));
        assert_eq!(place("c:x"), ("c:x", None));
    }
}
