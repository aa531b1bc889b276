//! Records that took another key: one that is new and one that is gone, and both say the same in
//! the fields by which a record is known again.
//!
//! They are sorted by what these fields say, in bounded memory, so that those that say the same
//! come together.

use std::path::Path;

use syncline_model::Digest;
use syncline_plan::{DesiredRow, PlanError, RowSorter, SortedRows};

/// Bytes of a row: what its fields say, on which side it is, and the row itself.
const ROW_BYTES: usize = 16 + 1 + 16 + 16 + 4 + 4 + 8 + 8;
/// A row that is new.
const NEW: u8 = 0;
/// A row that is gone.
const GONE: u8 = 1;

/// New and gone records, until all of them are known.
#[derive(Debug)]
pub(super) struct Renames(RowSorter<ROW_BYTES>);

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Sorted {
    /// It took another key.
    Renamed(DesiredRow, DesiredRow),
    /// It is new.
    New(DesiredRow),
    /// It is new, and so are others that say the same.
    NewAmongOthers(DesiredRow),
    /// It is gone.
    Gone(DesiredRow),
}

impl Renames {
    pub(super) fn new(folder: &Path, memory_budget: usize) -> Self {
        Self(RowSorter::new(folder, memory_budget))
    }

    pub(super) fn appeared(&mut self, identity: Digest, row: DesiredRow) -> Result<(), PlanError> {
        self.0.push(encoded(identity, NEW, &row))
    }

    pub(super) fn went(&mut self, identity: Digest, row: DesiredRow) -> Result<(), PlanError> {
        self.0.push(encoded(identity, GONE, &row))
    }

    /// Pairs one new record with one gone record; where there are several of either, nobody can
    /// say which is which. They come in the order of what their fields say.
    pub(super) fn sorted(self) -> Result<Pairs, PlanError> {
        Ok(Pairs {
            rows: self.0.finish()?,
            ahead: None,
            waiting: Vec::new(),
            group: Group::default(),
        })
    }
}

/// Records that say the same, as far as they have come.
#[derive(Debug, Default)]
struct Group {
    identity: Option<Digest>,
    new: Option<DesiredRow>,
    gone: Option<DesiredRow>,
    /// Whether there are several of a side.
    is_unclear: bool,
}

/// What became of records, one after the other.
#[derive(Debug)]
pub(super) struct Pairs {
    rows: SortedRows<ROW_BYTES>,
    /// A row that belongs to the next group.
    ahead: Option<[u8; ROW_BYTES]>,
    /// What is known and not handed out yet; two at most.
    waiting: Vec<Sorted>,
    group: Group,
}

impl Iterator for Pairs {
    type Item = Result<Sorted, PlanError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(sorted) = self.waiting.pop() {
                return Some(Ok(sorted));
            }
            let row = match self.ahead.take() {
                Some(row) => Some(row),
                None => match self.rows.next() {
                    Some(Err(error)) => return Some(Err(error)),
                    Some(Ok(row)) => Some(row),
                    None => None,
                },
            };
            let Some(row) = row else {
                let last = std::mem::take(&mut self.group);
                last.end(&mut self.waiting);
                return self.waiting.pop().map(Ok);
            };
            let (identity, side, desired) = decoded(&row);
            if self.group.identity.is_some_and(|known| known != identity) {
                std::mem::take(&mut self.group).end(&mut self.waiting);
                self.ahead = Some(row);
                continue;
            }
            self.group.identity = Some(identity);
            self.group.take((side, desired), &mut self.waiting);
        }
    }
}

impl Group {
    fn take(&mut self, (side, row): (u8, DesiredRow), out: &mut Vec<Sorted>) {
        let is_first = match side {
            NEW => self.new.is_none(),
            _ => self.gone.is_none(),
        };
        if is_first && !self.is_unclear {
            match side {
                NEW => self.new = Some(row),
                _ => self.gone = Some(row),
            }
            return;
        }
        // The second of a side: none of them is known again. What is new comes before what is gone.
        self.is_unclear = true;
        if side == NEW {
            out.extend(self.new.take().map(Sorted::NewAmongOthers));
            out.push(Sorted::NewAmongOthers(row));
            return;
        }
        out.extend(self.new.take().map(Sorted::New));
        out.extend(self.gone.take().map(Sorted::Gone));
        out.push(Sorted::Gone(row));
    }

    fn end(self, out: &mut Vec<Sorted>) {
        match (self.new, self.gone) {
            (Some(row), Some(gone)) => out.push(Sorted::Renamed(row, gone)),
            (Some(row), None) => out.push(Sorted::New(row)),
            (None, Some(gone)) => out.push(Sorted::Gone(gone)),
            (None, None) => {}
        }
    }
}

fn encoded(identity: Digest, side: u8, row: &DesiredRow) -> [u8; ROW_BYTES] {
    let mut bytes = [0; ROW_BYTES];
    bytes[..16].copy_from_slice(identity.as_bytes());
    bytes[16] = side;
    bytes[17..33].copy_from_slice(row.key.as_bytes());
    bytes[33..49].copy_from_slice(row.content.as_bytes());
    bytes[49..53].copy_from_slice(&row.place.unit.to_be_bytes());
    bytes[53..57].copy_from_slice(&row.place.length.to_be_bytes());
    bytes[57..65].copy_from_slice(&row.place.line.to_be_bytes());
    bytes[65..].copy_from_slice(&row.place.offset.to_be_bytes());
    bytes
}

fn decoded(bytes: &[u8; ROW_BYTES]) -> (Digest, u8, DesiredRow) {
    let digest = |from: usize| {
        let mut one = [0; 16];
        one.copy_from_slice(&bytes[from..from + 16]);
        Digest::from_bytes(one)
    };
    let number = |from: usize| {
        let mut one = [0; 4];
        one.copy_from_slice(&bytes[from..from + 4]);
        u32::from_be_bytes(one)
    };
    let long = |from: usize| (u64::from(number(from)) << 32) | u64::from(number(from + 4));
    let place = syncline_plan::Place {
        unit: number(49),
        length: number(53),
        line: long(57),
        offset: long(65),
    };
    let row = DesiredRow {
        key: digest(17),
        content: digest(33),
        place,
    };
    (digest(0), bytes[16], row)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(n: u64) -> DesiredRow {
        DesiredRow {
            key: Digest::of(&n.to_le_bytes()),
            content: Digest::of(b"content"),
            place: syncline_plan::Place {
                unit: 3,
                length: 7,
                line: n << 33,
                offset: n,
            },
        }
    }

    /// New and gone rows by what they say, and what becomes of them, in any order.
    #[track_caller]
    fn check(new: &[(u8, u64)], gone: &[(u8, u64)], expected: &[Sorted]) {
        let folder = tempfile::tempdir().unwrap();
        for budget in [1 << 20, ROW_BYTES] {
            let mut renames = Renames::new(folder.path(), budget);
            for (identity, n) in new {
                renames.appeared(Digest::of(&[*identity]), row(*n)).unwrap();
            }
            for (identity, n) in gone {
                renames.went(Digest::of(&[*identity]), row(*n)).unwrap();
            }
            let found: Result<Vec<Sorted>, PlanError> = renames.sorted().unwrap().collect();
            let found = found.unwrap();
            assert_eq!(found.len(), expected.len(), "{found:?}");
            assert!(expected.iter().all(|one| found.contains(one)), "{found:?}");
        }
    }

    #[test]
    fn one_and_one_are_one_record_and_all_else_is_what_it_seems() {
        let (new, gone) = (|n| Sorted::New(row(n)), |n| Sorted::Gone(row(n)));
        check(&[(1, 1)], &[(1, 2)], &[Sorted::Renamed(row(1), row(2))]);
        check(&[(1, 1)], &[(2, 2)], &[new(1), gone(2)]);
        let among = |n| Sorted::NewAmongOthers(row(n));
        check(
            &[(1, 1), (1, 2), (1, 3)],
            &[(1, 4), (1, 5)],
            &[among(1), among(2), among(3), gone(4), gone(5)],
        );
        check(&[(1, 1), (1, 2)], &[(1, 3)], &[among(1), among(2), gone(3)]);
        check(
            &[(1, 1)],
            &[(1, 2), (1, 3), (1, 4)],
            &[new(1), gone(2), gone(3), gone(4)],
        );
        check(
            &[(1, 1), (2, 2), (3, 3)],
            &[(2, 4), (3, 5), (3, 6)],
            &[
                new(1),
                Sorted::Renamed(row(2), row(4)),
                new(3),
                gone(5),
                gone(6),
            ],
        );
        check(&[], &[], &[]);
    }
}
