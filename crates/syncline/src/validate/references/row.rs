//! What is noted while files are read, as rows of one width whose order is the order of work.

use syncline_model::Digest;

use super::targets::TargetId;

/// Bytes of a row.
pub(super) const ROW: usize = 32;

/// Where a reference stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    /// Index of the file.
    pub(super) unit: u32,
    /// Line, counted from 1.
    pub(super) line: u64,
    /// Which of the line's references, from 0.
    pub(super) ordinal: u16,
}

/// What is known of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Note {
    /// A record has it.
    Exists,
    /// Whether a record has it could not be learned.
    Unknown,
    /// Something refers to it.
    Wanted(Spot),
}

/// A note about the key of a target. Rows sort by key, and for one key what is known of it comes
/// before who refers to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeyRow {
    pub(super) key: Digest,
    pub(super) target: TargetId,
    pub(super) note: Note,
}

/// A reference that is to be looked at again. Rows sort by place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SpotRow {
    pub(super) spot: Spot,
    pub(super) target: TargetId,
    pub(super) key: Digest,
}

const EXISTS: u8 = 0;
const UNKNOWN: u8 = 1;
const WANTED: u8 = 2;

impl KeyRow {
    pub(super) fn encode(&self) -> [u8; ROW] {
        let (kind, spot) = match self.note {
            Note::Exists => (EXISTS, Spot::NONE),
            Note::Unknown => (UNKNOWN, Spot::NONE),
            Note::Wanted(spot) => (WANTED, spot),
        };
        let mut row = Writer::default();
        row.put(*self.key.as_bytes());
        row.put([kind]);
        row.put(self.target.0.to_be_bytes());
        row.spot(spot);
        row.bytes
    }

    pub(super) fn decode(row: &[u8; ROW]) -> Self {
        let mut rest = &row[..];
        let key = Digest::from_bytes(take(&mut rest));
        let [kind] = take(&mut rest);
        let target = TargetId(u16::from_be_bytes(take(&mut rest)));
        let note = match kind {
            EXISTS => Note::Exists,
            UNKNOWN => Note::Unknown,
            _ => Note::Wanted(take_spot(&mut rest)),
        };
        Self { key, target, note }
    }
}

impl SpotRow {
    pub(super) fn encode(&self) -> [u8; ROW] {
        let mut row = Writer::default();
        row.spot(self.spot);
        row.put(self.target.0.to_be_bytes());
        row.put(*self.key.as_bytes());
        row.bytes
    }

    pub(super) fn decode(row: &[u8; ROW]) -> Self {
        let mut rest = &row[..];
        Self {
            spot: take_spot(&mut rest),
            target: TargetId(u16::from_be_bytes(take(&mut rest))),
            key: Digest::from_bytes(take(&mut rest)),
        }
    }
}

impl Spot {
    const NONE: Self = Self {
        unit: 0,
        line: 0,
        ordinal: 0,
    };
}

/// Fills a row from its beginning; the widths of what is put add up to no more than [`ROW`].
#[derive(Default)]
struct Writer {
    bytes: [u8; ROW],
    at: usize,
}

impl Writer {
    fn put<const N: usize>(&mut self, value: [u8; N]) {
        if let Some(place) = self.bytes.get_mut(self.at..self.at + N) {
            place.copy_from_slice(&value);
        }
        self.at += N;
    }

    /// Unit, line in six bytes, ordinal.
    fn spot(&mut self, spot: Spot) {
        self.put(spot.unit.to_be_bytes());
        let [_, _, line @ ..] = spot.line.to_be_bytes();
        self.put::<6>(line);
        self.put(spot.ordinal.to_be_bytes());
    }
}

fn take_spot(rest: &mut &[u8]) -> Spot {
    let unit = u32::from_be_bytes(take(rest));
    let mut line = [0; 8];
    line[2..].copy_from_slice(&take::<6>(rest));
    Spot {
        unit,
        line: u64::from_be_bytes(line),
        ordinal: u16::from_be_bytes(take(rest)),
    }
}

/// The next `N` bytes of a row, which is never too short.
fn take<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    let (head, tail) = rest.split_first_chunk().unwrap_or((&[0; N], &[]));
    *rest = tail;
    *head
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(unit: u32, line: u64) -> Note {
        let ordinal = u16::MAX;
        Note::Wanted(Spot {
            unit,
            line,
            ordinal,
        })
    }

    fn row(key: &[u8], note: Note) -> KeyRow {
        KeyRow {
            key: Digest::of(key),
            target: TargetId(513),
            note,
        }
    }

    #[test]
    fn rows_survive_their_fixed_width() {
        let last = (1 << 48) - 1;
        for note in [Note::Exists, Note::Unknown, wanted(u32::MAX, last)] {
            let row = row(b"key", note);
            assert_eq!(KeyRow::decode(&row.encode()), row);
        }
        let row = SpotRow {
            spot: Spot {
                unit: 3,
                line: last,
                ordinal: 9,
            },
            target: TargetId(u16::MAX),
            key: Digest::of(b"key"),
        };
        assert_eq!(SpotRow::decode(&row.encode()), row);
    }

    #[test]
    fn what_is_known_of_a_key_comes_before_who_refers_to_it() {
        let mut rows = [
            row(b"a", wanted(2, 1)),
            row(b"a", wanted(1, 300)),
            row(b"a", wanted(1, 7)),
            row(b"a", Note::Unknown),
            row(b"a", Note::Exists),
        ];
        rows.sort_by_key(KeyRow::encode);
        let notes = rows.map(|row| row.note);
        let expected = [
            Note::Exists,
            Note::Unknown,
            wanted(1, 7),
            wanted(1, 300),
            wanted(2, 1),
        ];
        assert_eq!(notes, expected);
    }
}
