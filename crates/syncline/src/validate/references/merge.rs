//! Merging what was noted: which references have a record, and which keys are still open.

use std::collections::BTreeMap;

use syncline_model::Digest;
use syncline_plan::{PlanError, RowSorter, SortedRows};

use super::row::{KeyRow, Note, ROW, Spot, SpotRow};
use super::targets::TargetId;

/// Keys that are kept one by one at most, so that what is remembered of them stays small. Where
/// there are more of a target, it is read whole.
pub(super) const LISTED_MAX: usize = 1 << 17;

/// What is known of a key once all its rows that say so have been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Known {
    #[default]
    Nothing,
    Exists,
    Unknown,
}

/// A key that something refers to and that was not found yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenKey {
    pub(super) key: Digest,
    /// One of the places that refer to it.
    pub(super) spot: Spot,
}

/// The open keys of a target.
#[derive(Debug, Default)]
pub(super) struct OpenKeys {
    /// How many.
    pub(super) count: u64,
    /// Each of them, unless there are too many.
    pub(super) listed: Vec<OpenKey>,
}

impl OpenKeys {
    /// Whether not every key is listed.
    pub(super) fn overflows(&self) -> bool {
        u64::try_from(self.listed.len()).unwrap_or(u64::MAX) < self.count
    }
}

/// What a merge left open.
#[derive(Debug)]
pub(super) struct Open {
    /// The references without a record.
    pub(super) rows: RowSorter<ROW>,
    pub(super) keys: BTreeMap<TargetId, OpenKeys>,
    /// References that have a record.
    pub(super) found: u64,
}

/// The keys that no record has, of which so many are listed at most, with the references that
/// want them, into `rows`.
pub(super) fn still_open(
    notes: SortedRows<ROW>,
    rows: RowSorter<ROW>,
    listed_max: usize,
) -> Result<Open, PlanError> {
    let mut open = Open {
        rows,
        keys: BTreeMap::new(),
        found: 0,
    };
    let mut room = listed_max;
    let mut last = None;
    each_wanted(notes, |row, spot, known| {
        if known == Known::Exists {
            open.found += 1;
            return Ok(());
        }
        if last != Some(row.key) {
            last = Some(row.key);
            let keys = open.keys.entry(row.target).or_default();
            keys.count += 1;
            if room > 0 {
                room -= 1;
                keys.listed.push(OpenKey { key: row.key, spot });
            }
        }
        open.rows.push(row.encode())
    })?;
    Ok(open)
}

/// What came of all references.
#[derive(Debug)]
pub(super) struct Ending {
    /// References to what there is not, by place.
    pub(super) missing: RowSorter<ROW>,
    /// References of which nothing could be learned, by target.
    pub(super) unknown: BTreeMap<TargetId, u64>,
    /// References that have a record.
    pub(super) found: u64,
}

/// Divides references into those that have a record and those that have none, into `missing`.
/// Of targets that `is_unknown` nothing is missing for certain.
pub(super) fn ending(
    notes: SortedRows<ROW>,
    missing: RowSorter<ROW>,
    is_unknown: impl Fn(TargetId) -> bool,
) -> Result<Ending, PlanError> {
    let mut ending = Ending {
        missing,
        unknown: BTreeMap::new(),
        found: 0,
    };
    each_wanted(notes, |row, spot, known| {
        match known {
            Known::Exists => ending.found += 1,
            Known::Nothing if !is_unknown(row.target) => {
                let (target, key) = (row.target, row.key);
                return ending.missing.push(SpotRow { spot, target, key }.encode());
            }
            _ => *ending.unknown.entry(row.target).or_default() += 1,
        }
        Ok(())
    })?;
    Ok(ending)
}

/// Hands over every reference with what is known of its key.
fn each_wanted(
    notes: SortedRows<ROW>,
    mut take: impl FnMut(&KeyRow, Spot, Known) -> Result<(), PlanError>,
) -> Result<(), PlanError> {
    let mut known = Known::Nothing;
    let mut key = None;
    for row in notes {
        let row = KeyRow::decode(&row?);
        if key != Some(row.key) {
            key = Some(row.key);
            known = Known::Nothing;
        }
        match row.note {
            Note::Exists => known = Known::Exists,
            // Comes after what exists.
            Note::Unknown if known == Known::Nothing => known = Known::Unknown,
            Note::Unknown => {}
            Note::Wanted(spot) => take(&row, spot, known)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHOOL: TargetId = TargetId(0);
    const STUDENT: TargetId = TargetId(1);

    fn key(target: TargetId, number: u64) -> Digest {
        Digest::of(format!("{}{number}", target.0).as_bytes())
    }

    fn sorter() -> RowSorter<ROW> {
        RowSorter::new(std::path::Path::new("/nowhere"), 1 << 20)
    }

    fn noted(notes: &[(TargetId, u64, Note)]) -> SortedRows<ROW> {
        let mut rows = sorter();
        for (target, number, note) in notes {
            let row = KeyRow {
                key: key(*target, *number),
                target: *target,
                note: *note,
            };
            rows.push(row.encode()).unwrap();
        }
        rows.finish().unwrap()
    }

    fn wanted(line: u64) -> Note {
        Note::Wanted(Spot {
            unit: 0,
            line,
            ordinal: 0,
        })
    }

    #[test]
    fn keys_without_a_record_are_open_once_each() {
        let open = still_open(
            noted(&[
                (SCHOOL, 1, Note::Exists),
                (SCHOOL, 1, wanted(1)),
                (SCHOOL, 2, wanted(2)),
                (SCHOOL, 2, wanted(3)),
                (STUDENT, 1, wanted(4)),
                (STUDENT, 2, Note::Exists),
            ]),
            sorter(),
            LISTED_MAX,
        )
        .unwrap();
        assert_eq!((open.found, open.rows.len()), (1, 3));
        let counts: Vec<u64> = open.keys.values().map(|keys| keys.count).collect();
        assert_eq!(counts, [1, 1]);
        let school = &open.keys[&SCHOOL];
        assert_eq!(school.listed[0].key, key(SCHOOL, 2));
        assert_eq!(school.listed[0].spot.line, 2);
        assert!(!school.overflows());
    }

    #[test]
    fn what_is_too_much_to_be_listed_is_counted() {
        let notes = noted(&[
            (SCHOOL, 1, wanted(1)),
            (SCHOOL, 2, wanted(2)),
            (SCHOOL, 3, wanted(3)),
            (SCHOOL, 3, wanted(4)),
        ]);
        let open = still_open(notes, sorter(), 2).unwrap();
        let school = &open.keys[&SCHOOL];
        assert_eq!((school.count, school.listed.len()), (3, 2));
        assert!(school.overflows());
        assert_eq!(open.rows.len(), 4);
    }

    #[test]
    fn what_could_not_be_learned_is_not_missing() {
        let found = ending(
            noted(&[
                (SCHOOL, 1, wanted(1)),
                (SCHOOL, 1, Note::Exists),
                (SCHOOL, 2, wanted(2)),
                (SCHOOL, 3, wanted(3)),
                (SCHOOL, 3, Note::Unknown),
                (STUDENT, 1, wanted(4)),
            ]),
            sorter(),
            |target| target == STUDENT,
        )
        .unwrap();
        assert_eq!((found.found, found.missing.len()), (1, 1));
        let missing = found.missing.finish().unwrap().next().unwrap().unwrap();
        assert_eq!(SpotRow::decode(&missing).spot.line, 2);
        assert_eq!(found.unknown, BTreeMap::from([(SCHOOL, 1), (STUDENT, 1)]));
    }
}
