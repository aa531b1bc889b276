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
        write!(
            formatter,
            "{}: {} {}, {limit} {} allowed",
            self.guard,
            self.observed,
            self.guard.subject(),
            self.allowed
        )
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
