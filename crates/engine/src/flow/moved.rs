//! Whether a plan is still what would be planned now.
//!
//! Both sides are read and compared once more, and the two plans are laid beside each other. A
//! change that only the new one has means that something has moved. One that only the old one has
//! means the same, unless the old plan was begun before: then it has been made already.
//!
//! Changes are known by digests, which are sorted in bounded memory; what stays of them is one bit
//! of knowledge for each change of the plan.

use std::cmp::Ordering;
use std::iter::Peekable;
use std::path::Path;

use syncline_model::{ChangeKind, CollectionName, Digest};
use syncline_plan::{PlanReader, PlannedChange, RowSorter, SortedRows};

use crate::EngineError;

/// What is left to do of a plan: for each of its changes, in their order, one bit that says whether it
/// is still to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remaining(Vec<u64>);

impl Remaining {
    /// Of a plan of so many changes, none of which is left.
    fn none(changes: usize) -> Self {
        Self(vec![0; changes.div_ceil(64)])
    }

    fn note_left(&mut self, change: usize) {
        if let Some(bits) = self.0.get_mut(change / 64) {
            *bits |= 1 << (change % 64);
        }
    }

    /// Whether a change is still to be made.
    pub(super) fn is_left(&self, change: usize) -> bool {
        let bits = self.0.get(change / 64);
        bits.is_some_and(|bits| bits & (1 << (change % 64)) != 0)
    }
}

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

/// Lays a plan beside the one that would be made now, in whose folder there is room for temporary
/// files. `begun` says whether some of its changes may have been made since.
pub fn compare_plans(
    approved: &Path,
    now: &Path,
    begun: bool,
) -> Result<Result<Remaining, Moved>, EngineError> {
    let folder = now.parent();
    let mut approved = PlanReader::open(approved)?;
    let mut now = PlanReader::open(now)?;
    let folder = folder.unwrap_or(Path::new("."));
    let then = sorted(&mut approved, folder)?.peekable();
    let today = sorted(&mut now, folder)?.peekable();
    let changes = usize::try_from(approved.summary().changes()).unwrap_or(usize::MAX);
    let mut remaining = Remaining::none(changes);
    let mut moved = Moved::default();
    for beside in (Beside { then, today }) {
        match beside? {
            Laid::InBoth(index) => remaining.note_left(index),
            Laid::OnlyThen => moved.gone += 1,
            Laid::OnlyToday => moved.new += 1,
        }
    }
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

/// Bytes of a change: its digest, and where it stands in its plan.
const ROW_BYTES: usize = 16 + 8;
/// Most bytes of such rows of one plan that are held at once.
const MEMORY: usize = 32 << 20;

/// The changes of a plan in the order of their digests.
fn sorted(plan: &mut PlanReader, folder: &Path) -> Result<SortedRows<ROW_BYTES>, EngineError> {
    let mut rows = RowSorter::<ROW_BYTES>::new(folder, MEMORY);
    for (index, change) in (0_u64..).zip(plan.changes()?) {
        let mut row = [0; ROW_BYTES];
        row[..16].copy_from_slice(fingerprint(&change?).as_bytes());
        row[16..].copy_from_slice(&index.to_be_bytes());
        rows.push(row)?;
    }
    Ok(rows.finish()?)
}

/// Where a change is.
enum Laid {
    /// In both plans; in the one that was approved it is the change of this number.
    InBoth(usize),
    OnlyThen,
    OnlyToday,
}

/// Two plans side by side. A change that is in a plan twice is two changes.
struct Beside {
    then: Peekable<SortedRows<ROW_BYTES>>,
    today: Peekable<SortedRows<ROW_BYTES>>,
}

impl Iterator for Beside {
    type Item = Result<Laid, EngineError>;

    fn next(&mut self) -> Option<Self::Item> {
        let order = match (self.then.peek(), self.today.peek()) {
            (None, None) => return None,
            (Some(Ok(then)), Some(Ok(today))) => then[..16].cmp(&today[..16]),
            (Some(_), None) | (Some(Err(_)), _) => Ordering::Less,
            (None, Some(_)) | (_, Some(Err(_))) => Ordering::Greater,
        };
        let then = match order {
            Ordering::Greater => None,
            Ordering::Less | Ordering::Equal => self.then.next(),
        };
        let today = match order {
            Ordering::Less => None,
            Ordering::Greater | Ordering::Equal => self.today.next(),
        };
        Some(match (then, today) {
            (Some(Err(error)), _) | (_, Some(Err(error))) => Err(error.into()),
            (Some(Ok(row)), Some(Ok(_))) => Ok(Laid::InBoth(index_of(&row))),
            (Some(Ok(_)), None) => Ok(Laid::OnlyThen),
            (None, _) => Ok(Laid::OnlyToday),
        })
    }
}

fn index_of(row: &[u8; ROW_BYTES]) -> usize {
    let index = row
        .last_chunk()
        .map_or(u64::MAX, |index| u64::from_be_bytes(*index));
    usize::try_from(index).unwrap_or(usize::MAX)
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
