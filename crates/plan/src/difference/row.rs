//! The rows that are compared, and what comparing them says.

use syncline_model::Digest;

/// One wanted record: its digests, and where its payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DesiredRow {
    /// Digest of the key.
    pub key: Digest,
    /// Digest of the content.
    pub content: Digest,
    /// Where the payload can be read again.
    pub place: Place,
}

/// Where a payload is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Index into the caller's table of files (or other units).
    pub unit: u32,
    /// Length of the payload in bytes.
    pub length: u32,
    /// Line, counted from 1.
    pub line: u64,
    /// Byte at which the payload begins.
    pub offset: u64,
}

/// One record of the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BaselineRow {
    /// Digest of the key.
    pub key: Digest,
    /// Digest of what the target is believed to hold.
    pub content: Digest,
    /// Whether the last attempt on it succeeded; if not, it is written again whatever its digest.
    pub settled: bool,
    /// Where the caller keeps what the target holds, for whoever shows both sides.
    pub place: Place,
}

/// What is to become of one key, or of one row that another replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Only the wanted side has the key.
    Create(DesiredRow),
    /// Both have it, and the content differs or the baseline is not settled.
    Update {
        /// The wanted row.
        row: DesiredRow,
        /// The row of the baseline.
        before: BaselineRow,
    },
    /// Both have it with the same content.
    Unchanged {
        /// Digest of the key.
        key: Digest,
        /// The row of the baseline.
        before: BaselineRow,
    },
    /// Only the baseline has it.
    Extra {
        /// Digest of the key.
        key: Digest,
        /// The row of the baseline.
        before: BaselineRow,
    },
    /// The wanted side has the key again further on; comes before the difference of the last one.
    Superseded {
        /// The row that does not count.
        earlier: DesiredRow,
        /// Where the row is that counts, the last one pushed with this key.
        by: Place,
        /// Whether both have the same content.
        same_content: bool,
    },
}

impl Difference {
    /// Digest of the key.
    pub const fn key(&self) -> &Digest {
        match self {
            Self::Create(row) | Self::Update { row, .. } => &row.key,
            Self::Unchanged { key, .. } | Self::Extra { key, .. } => key,
            Self::Superseded { earlier, .. } => &earlier.key,
        }
    }
}

/// Bytes of a row on disk: key, content, unit, length, line, offset.
pub(super) const ROW_BYTES: usize = 16 + 16 + 4 + 4 + 8 + 8;

impl DesiredRow {
    /// Appends the row in its fixed width.
    pub(super) fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self.key.as_bytes());
        bytes.extend_from_slice(self.content.as_bytes());
        bytes.extend_from_slice(&self.place.unit.to_le_bytes());
        bytes.extend_from_slice(&self.place.length.to_le_bytes());
        bytes.extend_from_slice(&self.place.line.to_le_bytes());
        bytes.extend_from_slice(&self.place.offset.to_le_bytes());
    }

    /// The row that [`DesiredRow::encode`] wrote.
    pub(super) fn decode(bytes: &[u8; ROW_BYTES]) -> Self {
        let mut rest = &bytes[..];
        Self {
            key: Digest::from_bytes(take(&mut rest)),
            content: Digest::from_bytes(take(&mut rest)),
            place: Place {
                unit: u32::from_le_bytes(take(&mut rest)),
                length: u32::from_le_bytes(take(&mut rest)),
                line: u64::from_le_bytes(take(&mut rest)),
                offset: u64::from_le_bytes(take(&mut rest)),
            },
        }
    }
}

/// The next `N` bytes; the widths add up to [`ROW_BYTES`], so there always are as many.
fn take<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    let (head, tail) = rest.split_first_chunk().unwrap_or((&[0; N], &[]));
    *rest = tail;
    *head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_survives_its_fixed_width() {
        let row = DesiredRow {
            key: Digest::of(b"key"),
            content: Digest::of(b"content"),
            place: Place {
                unit: 1,
                length: u32::MAX,
                line: 3,
                offset: u64::MAX - 7,
            },
        };
        let mut bytes = Vec::new();
        row.encode(&mut bytes);
        assert_eq!(
            DesiredRow::decode(bytes.as_slice().try_into().unwrap()),
            row
        );
    }
}
