//! Whether a plan is still what would be planned now.
//!
//! Both sides are read and compared once more, and the two plans are laid beside each other. A
//! change that only the new one has means that something has moved. One that only the old one has
//! means the same, unless the old plan was begun before: then it has been made already.

use std::collections::HashMap;
use std::path::Path;

use syncline_model::{ChangeKind, CollectionName, Digest};
use syncline_plan::{PlanReader, PlannedChange};

use crate::EngineError;

/// What is left to do of a plan: whether each of its changes, in their order, is still to be made.
pub type Remaining = Vec<bool>;

/// What is no longer as it was when the plan was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Collections of the source whose records are others.
    pub source: Vec<CollectionName>,
    /// Collections of the target whose records are others.
    pub target: Vec<CollectionName>,
    /// Changes that were not planned then.
    pub new: u64,
    /// Changes that would not be planned now.
    pub gone: u64,
}

/// Lays a plan beside the one that would be made now. `begun` says whether some of its changes
/// may have been made since.
pub fn compare_plans(
    approved: &Path,
    now: &Path,
    begun: bool,
) -> Result<Result<Remaining, Moved>, EngineError> {
    let mut approved = PlanReader::open(approved)?;
    let mut now = PlanReader::open(now)?;
    let mut wanted: HashMap<Digest, u32> = HashMap::new();
    for change in now.changes()? {
        *wanted.entry(fingerprint(&change?)).or_default() += 1;
    }
    let mut remaining = Remaining::new();
    let mut moved = Moved::default();
    for change in approved.changes()? {
        let left = wanted
            .get_mut(&fingerprint(&change?))
            .filter(|count| **count > 0);
        remaining.push(left.is_some());
        match left {
            Some(count) => *count -= 1,
            None => moved.gone += 1,
        }
    }
    moved.new = wanted.values().map(|count| u64::from(*count)).sum();
    let (then, today) = (approved.header(), now.header());
    let others = |then: &syncline_plan::PlanSide, today: &syncline_plan::PlanSide| {
        let marks = then.marks.iter();
        let moved = marks.filter(|(name, mark)| today.marks.get(*name) != Some(*mark));
        moved.map(|(name, _)| name.clone()).collect()
    };
    moved.source = others(&then.source, &today.source);
    moved.target = others(&then.target, &today.target);
    let is_same = moved.new == 0
        && moved.source.is_empty()
        && (begun || (moved.gone == 0 && moved.target.is_empty()));
    Ok(if is_same { Ok(remaining) } else { Err(moved) })
}

/// What tells one change from another; where a row stands makes no difference.
fn fingerprint(change: &PlannedChange) -> Digest {
    let kind = match change.kind {
        ChangeKind::Create => "create",
        ChangeKind::Update => "update",
        ChangeKind::Rekey => "rekey",
        ChangeKind::Delete => "delete",
    };
    let sides = change.sides.as_deref();
    let payload = |payload: Option<&syncline_plan::Payload>| {
        payload.map_or_else(String::new, |payload| {
            Digest::of(payload.bytes()).to_string()
        })
    };
    let text = format!(
        "{kind} {} {} {} {} {:?} {}",
        change.collection,
        change.key.digest(),
        change
            .new_key
            .as_ref()
            .map_or_else(String::new, |key| key.digest().to_string()),
        payload(sides.and_then(|sides| sides.after.as_ref())),
        payload(sides.and_then(|sides| sides.before.as_ref())),
        sides.is_some_and(|sides| sides.leaves),
    );
    Digest::of(text.as_bytes())
}
