//! What a flow may do, by collection.

use syncline_plan::GuardPolicy;

/// What a flow may do to one collection, and how it takes what it finds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FlowPolicy {
    /// How much may change unasked.
    pub guards: GuardPolicy,
    /// What the target is believed to hold.
    pub known_by: KnownBy,
    /// What becomes of records that the source no longer has.
    pub delete: DeleteStyle,
    /// How long they have to be gone before.
    pub grace: Grace,
    /// Records that are never touched.
    pub protect: Vec<Protection>,
    /// What two rows of one key mean.
    pub duplicates: Duplicates,
    /// What a row that is no record means.
    pub rows: RowErrors,
    /// What a field without a value means.
    pub nulls: Nulls,
    /// Fields by which a record is known again that took another key; empty if it is not.
    pub rename_by: Vec<String>,
}

/// What the target is believed to hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KnownBy {
    /// What it says.
    #[default]
    Target,
    /// What the ledger remembers. Only what is gone from the source is looked up.
    Ledger,
}

/// What becomes of records that the source no longer has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DeleteStyle {
    /// They stay, and are told.
    #[default]
    Hold,
    /// They go.
    Delete,
    /// They stay with other values: field and JSON text.
    Set(Vec<(String, String)>),
}

/// How long a record has to be gone from the source before anything becomes of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grace {
    /// Not at all.
    #[default]
    None,
    /// So many runs before this one.
    Runs(u32),
    /// So many seconds since it was first missed.
    Seconds(i64),
}

impl Grace {
    /// Whether a record was missed for long enough: how often it was before this run and since when,
    /// in Unix seconds as the time is.
    pub(super) fn is_over(self, missed: Option<(u32, i64)>, now: i64) -> bool {
        match (missed, self) {
            (_, Self::None) => true,
            (None, _) => false,
            (Some((times, _)), Self::Runs(runs)) => times >= runs,
            (Some((_, since)), Self::Seconds(seconds)) => now - since >= seconds,
        }
    }
}

/// Records that are never touched: those whose field fits a pattern, in which `*` stands for
/// anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protection {
    /// The field.
    pub field: String,
    /// The pattern.
    pub pattern: String,
}

impl Protection {
    /// Whether a text fits the pattern.
    pub(super) fn fits(&self, text: &str) -> bool {
        let mut pieces = self.pattern.split('*');
        let first = pieces.next().unwrap_or_default();
        let Some(mut rest) = text.strip_prefix(first) else {
            return false;
        };
        let pieces: Vec<&str> = pieces.collect();
        let Some((last, middle)) = pieces.split_last() else {
            return rest.is_empty();
        };
        for piece in middle {
            match rest.split_once(piece) {
                Some((_, after)) => rest = after,
                None => return false,
            }
        }
        rest.ends_with(last)
    }
}

/// What two rows of one key mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Duplicates {
    /// Nothing is planned, and both are told.
    #[default]
    Error,
    /// As before, unless both say the same: then they count once.
    Same,
    /// The first counts.
    First,
    /// The last counts.
    Last,
}

/// What a row that is no record, or does not fit, means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RowErrors {
    /// Nothing is planned, and all of them are told.
    #[default]
    Stop,
    /// The others are planned; as not everything was read, nothing is deleted.
    Skip,
}

/// What a field without a value in the source means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Nulls {
    /// The target is to have none either.
    #[default]
    Clear,
    /// The target keeps what it has.
    Keep,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        let fits = |pattern: &str, text: &str| {
            let protection = Protection {
                field: String::new(),
                pattern: pattern.to_owned(),
            };
            protection.fits(text)
        };
        assert!(fits("admin*", "admin") && fits("*svc*", "a-svc-1") && fits("root", "root"));
        assert!(!fits("admin*", "an admin") && !fits("root", "roots") && !fits("a*b", "a-c"));
    }

    #[test]
    fn grace_is_over_by_runs_or_by_the_clock() {
        const SINCE: i64 = 1_700_000_000;
        let hour = Grace::Seconds(3_600);
        for (grace, missed, now, is_over) in [
            (Grace::None, None, SINCE, true),
            (hour, None, SINCE, false),
            (hour, Some((9, SINCE)), SINCE, false),
            (hour, Some((9, SINCE)), SINCE + 3_599, false),
            (hour, Some((1, SINCE)), SINCE + 3_600, true),
            // A clock that was put back makes nothing go.
            (hour, Some((9, SINCE)), SINCE - 7_200, false),
            (Grace::Runs(2), None, SINCE, false),
            (Grace::Runs(2), Some((1, SINCE)), SINCE + 99_999, false),
            (Grace::Runs(2), Some((2, SINCE)), SINCE, true),
        ] {
            let case = format!("{grace:?} {missed:?} {now}");
            assert_eq!(grace.is_over(missed, now), is_over, "{case}");
        }
    }
}
