//! Guards: limits on how much a run may change unasked.
//!
//! A guard is a value, and its verdict is a value: judging does nothing, and nothing here knows
//! how a change is made or kept back. A tripped guard holds only the kinds of change that it
//! names; the rest goes on. What was not read is never deleted: deletes are held whenever the
//! reading of the source was not complete.

use std::fmt;

use serde::{Deserialize, Serialize};
use syncline_model::ChangeKind;

/// How much one run may change in one collection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GuardPolicy {
    /// Most deletes, as a share of what the target holds (0 to 1).
    pub delete_share_max: f64,
    /// Most deletes, as a number.
    pub delete_count_max: u64,
    /// Most updates, as a share of what the target holds (0 to 1).
    pub update_share_max: f64,
    /// Most that a source may have shrunk since it was last read, as a share (0 to 1).
    pub shrink_share_max: f64,
    /// Collections of at most this many records are exempt from the limits by share.
    pub small_set: u64,
    /// Whether a source without records may empty a collection.
    pub allow_empty_source: bool,
}

impl Default for GuardPolicy {
    fn default() -> Self {
        Self {
            delete_share_max: 0.05,
            delete_count_max: 500,
            update_share_max: 0.50,
            shrink_share_max: 0.10,
            small_set: 20,
            allow_empty_source: false,
        }
    }
}

/// What a plan would do to one collection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records the target does not hold.
    pub creates: u64,
    /// Records the target holds with other content.
    pub updates: u64,
    /// Records the source no longer has.
    pub deletes: u64,
    /// Records that are as they should be.
    pub unchanged: u64,
    /// Records the target is believed to hold.
    pub baseline_size: u64,
    /// Records the source had when it was last read completely, if that is known.
    pub previous_size: Option<u64>,
    /// Whether everything in scope was read.
    pub coverage_complete: bool,
}

impl Tally {
    /// Distinct records the source has now.
    pub const fn source_size(&self) -> u64 {
        self.creates
            .saturating_add(self.updates)
            .saturating_add(self.unchanged)
    }
}

/// Which limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Guard {
    /// Not everything was read.
    IncompleteCoverage,
    /// The source has no records at all.
    EmptySource,
    /// The source has far fewer records than before.
    ShrunkenSource,
    /// Too large a share would be deleted.
    DeleteShare,
    /// Too many would be deleted.
    DeleteCount,
    /// Too large a share would be updated.
    UpdateShare,
}

impl Guard {
    /// The name by which configuration, plans and reports call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::IncompleteCoverage => "incomplete-coverage",
            Self::EmptySource => "empty-source",
            Self::ShrunkenSource => "shrunken-source",
            Self::DeleteShare => "delete-share",
            Self::DeleteCount => "delete-count",
            Self::UpdateShare => "update-share",
        }
    }

    const fn subject(self) -> &'static str {
        match self {
            Self::IncompleteCoverage => "records to delete after an incomplete reading",
            Self::EmptySource => "records in the source",
            Self::ShrunkenSource => "of the source's records gone since it was last read",
            Self::DeleteShare => "of the target's records to delete",
            Self::DeleteCount => "records to delete",
            Self::UpdateShare => "of the target's records to update",
        }
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What a guard measures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Amount {
    /// A number of records.
    Count(u64),
    /// A share, 1 being all.
    Share(f64),
}

impl fmt::Display for Amount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(formatter, "{count}"),
            Self::Share(share) => write!(formatter, "{:.1} %", share * 100.0),
        }
    }
}

/// A guard that tripped: which, on what account, and what it keeps back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Which limit.
    pub guard: Guard,
    /// What the plan would do.
    pub observed: Amount,
    /// The most it may do; for [`Guard::EmptySource`] the least the source must have.
    pub allowed: Amount,
    /// The kinds of change that are kept back; all others go on.
    pub holds: Vec<ChangeKind>,
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = match self.guard {
            Guard::EmptySource => "at least",
            _ => "at most",
        };
        let subject = self.guard.subject();
        let one = subject
            .strip_prefix("records")
            .filter(|_| self.observed == Amount::Count(1));
        write!(formatter, "{}: {} ", self.guard, self.observed)?;
        match one {
            Some(rest) => write!(formatter, "record{rest}")?,
            None => formatter.write_str(subject)?,
        }
        write!(formatter, ", {limit} {} allowed", self.allowed)
    }
}

/// The guards that `tally` trips, in the order of [`Guard`]; none if the plan may go on whole.
pub fn judge(policy: &GuardPolicy, tally: &Tally) -> Vec<Verdict> {
    [
        coverage(tally),
        empty_source(policy, tally),
        shrunken_source(policy, tally),
        delete_share(policy, tally),
        delete_count(policy, tally),
        update_share(policy, tally),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn coverage(tally: &Tally) -> Option<Verdict> {
    let trips = !tally.coverage_complete && tally.deletes > 0;
    trips.then(|| Verdict {
        guard: Guard::IncompleteCoverage,
        observed: Amount::Count(tally.deletes),
        allowed: Amount::Count(0),
        holds: vec![ChangeKind::Delete],
    })
}

fn empty_source(policy: &GuardPolicy, tally: &Tally) -> Option<Verdict> {
    let known = tally.baseline_size.max(tally.previous_size.unwrap_or(0));
    let trips = !policy.allow_empty_source && tally.source_size() == 0 && known > 0;
    trips.then(|| Verdict {
        guard: Guard::EmptySource,
        observed: Amount::Count(0),
        allowed: Amount::Count(1),
        holds: vec![
            ChangeKind::Create,
            ChangeKind::Update,
            ChangeKind::Rekey,
            ChangeKind::Delete,
        ],
    })
}

/// What a shrunken source still has is as good as before; only its silence is not trusted.
fn shrunken_source(policy: &GuardPolicy, tally: &Tally) -> Option<Verdict> {
    let previous = tally.previous_size?;
    let gone = previous.saturating_sub(tally.source_size());
    let trips = tally.source_size() > 0
        && previous > policy.small_set
        && share(gone, previous) > policy.shrink_share_max;
    trips.then(|| Verdict {
        guard: Guard::ShrunkenSource,
        observed: Amount::Share(share(gone, previous)),
        allowed: Amount::Share(policy.shrink_share_max),
        holds: vec![ChangeKind::Delete],
    })
}

fn delete_share(policy: &GuardPolicy, tally: &Tally) -> Option<Verdict> {
    let observed = share(tally.deletes, tally.baseline_size);
    let trips = tally.baseline_size > policy.small_set && observed > policy.delete_share_max;
    trips.then(|| Verdict {
        guard: Guard::DeleteShare,
        observed: Amount::Share(observed),
        allowed: Amount::Share(policy.delete_share_max),
        holds: vec![ChangeKind::Delete],
    })
}

fn delete_count(policy: &GuardPolicy, tally: &Tally) -> Option<Verdict> {
    let trips = tally.deletes > policy.delete_count_max;
    trips.then(|| Verdict {
        guard: Guard::DeleteCount,
        observed: Amount::Count(tally.deletes),
        allowed: Amount::Count(policy.delete_count_max),
        holds: vec![ChangeKind::Delete],
    })
}

fn update_share(policy: &GuardPolicy, tally: &Tally) -> Option<Verdict> {
    let observed = share(tally.updates, tally.baseline_size);
    let trips = tally.baseline_size > policy.small_set && observed > policy.update_share_max;
    trips.then(|| Verdict {
        guard: Guard::UpdateShare,
        observed: Amount::Share(observed),
        allowed: Amount::Share(policy.update_share_max),
        holds: vec![ChangeKind::Update],
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a share is a measure for people; 52 bits of it are plenty"
)]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A collection of 1000 records of which nothing changes.
    fn calm() -> Tally {
        Tally {
            unchanged: 1_000,
            baseline_size: 1_000,
            previous_size: Some(1_000),
            coverage_complete: true,
            ..Tally::default()
        }
    }

    #[track_caller]
    fn check(tally: &Tally, expected: &[Guard]) {
        let verdicts = judge(&GuardPolicy::default(), tally);
        let guards: Vec<Guard> = verdicts.iter().map(|verdict| verdict.guard).collect();
        assert_eq!(guards, expected, "{verdicts:?}");
    }

    #[test]
    fn limits_are_tripped_beyond_them_and_not_at_them() {
        check(&calm(), &[]);
        check(
            &Tally {
                creates: 1_000_000,
                ..calm()
            },
            &[],
        );
        check(
            &Tally {
                deletes: 50,
                unchanged: 950,
                ..calm()
            },
            &[],
        );
        check(
            &Tally {
                deletes: 51,
                unchanged: 949,
                ..calm()
            },
            &[Guard::DeleteShare],
        );
        check(
            &Tally {
                updates: 500,
                unchanged: 500,
                ..calm()
            },
            &[],
        );
        check(
            &Tally {
                updates: 501,
                unchanged: 499,
                ..calm()
            },
            &[Guard::UpdateShare],
        );
        check(
            &Tally {
                unchanged: 900,
                ..calm()
            },
            &[],
        );
        check(
            &Tally {
                unchanged: 899,
                ..calm()
            },
            &[Guard::ShrunkenSource],
        );
    }

    #[test]
    fn deletes_are_limited_by_number_however_large_the_collection() {
        let large = Tally {
            unchanged: 1_000_000,
            baseline_size: 1_000_000,
            previous_size: Some(1_000_000),
            ..calm()
        };
        check(
            &Tally {
                deletes: 500,
                ..large.clone()
            },
            &[],
        );
        check(
            &Tally {
                deletes: 501,
                ..large
            },
            &[Guard::DeleteCount],
        );
    }

    #[test]
    fn small_sets_are_exempt_from_shares() {
        let small = Tally {
            baseline_size: 20,
            previous_size: Some(20),
            ..calm()
        };
        check(
            &Tally {
                deletes: 19,
                unchanged: 1,
                ..small.clone()
            },
            &[],
        );
        check(
            &Tally {
                updates: 20,
                unchanged: 0,
                ..small
            },
            &[],
        );
        let larger = Tally {
            baseline_size: 21,
            previous_size: None,
            ..calm()
        };
        check(
            &Tally {
                deletes: 2,
                unchanged: 19,
                ..larger
            },
            &[Guard::DeleteShare],
        );
    }

    #[test]
    fn what_was_not_read_is_never_deleted() {
        let partial = Tally {
            coverage_complete: false,
            ..calm()
        };
        check(&partial, &[]);
        check(
            &Tally {
                deletes: 1,
                ..partial
            },
            &[Guard::IncompleteCoverage],
        );
    }

    #[test]
    fn an_empty_source_is_refused_even_for_small_sets() {
        let empty = Tally {
            unchanged: 0,
            deletes: 3,
            baseline_size: 3,
            ..calm()
        };
        check(
            &Tally {
                previous_size: None,
                ..empty.clone()
            },
            &[Guard::EmptySource],
        );
        check(
            &Tally {
                deletes: 0,
                baseline_size: 0,
                ..empty
            },
            &[Guard::EmptySource],
        );
        check(
            &Tally {
                unchanged: 0,
                baseline_size: 0,
                previous_size: None,
                ..calm()
            },
            &[],
        );
    }

    #[test]
    fn a_source_may_be_allowed_to_be_empty() {
        let policy = GuardPolicy {
            allow_empty_source: true,
            ..GuardPolicy::default()
        };
        let tally = Tally {
            unchanged: 0,
            deletes: 3,
            baseline_size: 3,
            ..calm()
        };
        assert_eq!(judge(&policy, &tally), []);
    }

    #[test]
    fn a_tripped_guard_holds_only_its_part() {
        let tally = Tally {
            updates: 900,
            deletes: 100,
            unchanged: 0,
            ..calm()
        };
        let verdicts = judge(&GuardPolicy::default(), &tally);
        let holds: Vec<(Guard, &[ChangeKind])> = verdicts
            .iter()
            .map(|verdict| (verdict.guard, &verdict.holds[..]))
            .collect();
        assert_eq!(
            holds,
            [
                (Guard::DeleteShare, &[ChangeKind::Delete][..]),
                (Guard::UpdateShare, &[ChangeKind::Update][..]),
            ]
        );
    }

    #[test]
    fn a_verdict_says_which_limit_and_what_was_seen() {
        let tally = Tally {
            deletes: 120,
            unchanged: 880,
            ..calm()
        };
        let texts: Vec<String> = judge(&GuardPolicy::default(), &tally)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            texts,
            [
                "shrunken-source: 12.0 % of the source's records gone since it was last read, \
                 at most 10.0 % allowed",
                "delete-share: 12.0 % of the target's records to delete, at most 5.0 % allowed",
            ]
        );
        let empty = Tally {
            unchanged: 0,
            ..calm()
        };
        assert_eq!(
            judge(&GuardPolicy::default(), &empty)[0].to_string(),
            "empty-source: 0 records in the source, at least 1 allowed"
        );
    }

    #[test]
    fn a_policy_takes_what_is_not_given_from_the_defaults() {
        let policy: GuardPolicy = serde_json::from_str("{\"delete_count_max\": 7}").unwrap();
        assert_eq!(
            policy,
            GuardPolicy {
                delete_count_max: 7,
                ..GuardPolicy::default()
            }
        );
    }
}
