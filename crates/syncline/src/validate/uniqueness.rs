//! Records with the key of another one, in memory that does not grow with their number.

use std::path::Path;
use std::sync::Arc;

use syncline_check::{Method, Severity};
use syncline_model::Digest;
use syncline_plan::{PlanError, RowSorter};

use super::finding::{Finding, Findings};

/// Most bytes of rows that are held in memory; the rest goes to a temporary file.
const MEMORY_BUDGET: usize = 96 << 20;
/// Bytes of a row: key, file, line, and enough of the content's digest to tell two apart.
const ROW_BYTES: usize = 16 + 4 + 8 + 8;
/// What is said of a record that is there twice as it is.
const SAME: &str = "the record is there already, with the same key and the same content";

/// One record, by its key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyRow {
    /// Digest of the key.
    pub(crate) key: Digest,
    /// Digest of the bytes.
    pub(crate) content: Digest,
    /// Line, counted from 1.
    pub(crate) line: u64,
}

/// The keys of a collection's records.
#[derive(Debug)]
pub(crate) struct Uniqueness {
    rows: RowSorter<ROW_BYTES>,
    files: Vec<Arc<str>>,
    buffer: Vec<[u8; ROW_BYTES]>,
}

impl Uniqueness {
    /// Keeps in `folder`, which has to be there, what does not fit into memory.
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            rows: RowSorter::new(folder, MEMORY_BUDGET),
            files: Vec::new(),
            buffer: Vec::new(),
        }
    }

    /// What follows is from this file.
    pub(crate) fn file(&mut self, file: &Arc<str>) {
        self.files.push(Arc::clone(file));
    }

    /// Adds records of the file.
    pub(crate) fn push(&mut self, rows: &[KeyRow]) -> Result<(), PlanError> {
        let file = u32::try_from(self.files.len().saturating_sub(1)).unwrap_or(u32::MAX);
        self.buffer.clear();
        self.buffer
            .extend(rows.iter().map(|row| encoded(row, file)));
        self.rows.extend(&self.buffer)
    }

    /// Reports every record whose key an earlier one has. `key` names the members of the key.
    pub(crate) fn finish(self, key: &str, findings: &mut Findings) -> Result<(), PlanError> {
        let other = format!("another record has the same key ({key}) and other content");
        let mut first: Option<Stored> = None;
        for row in self.rows.finish()? {
            let row = Stored::decoded(&row?);
            match &first {
                Some(first) if first.key == row.key => {
                    let same = first.content == row.content;
                    let message = if same { SAME } else { &other };
                    report(&self.files, (first, &row), message, findings);
                }
                _ => first = Some(row),
            }
        }
        Ok(())
    }
}

/// A row as it comes back: sorted by key, then by file and line.
struct Stored {
    key: [u8; 16],
    file: usize,
    line: u64,
    content: [u8; 8],
}

fn encoded(row: &KeyRow, file: u32) -> [u8; ROW_BYTES] {
    let mut bytes = [0; ROW_BYTES];
    let parts = [
        row.key.as_bytes().as_slice(),
        &file.to_be_bytes(),
        &row.line.to_be_bytes(),
        row.content.as_bytes().split_at(8).0,
    ];
    let places = bytes.iter_mut();
    for (place, byte) in places.zip(parts.into_iter().flatten()) {
        *place = *byte;
    }
    bytes
}

impl Stored {
    fn decoded(bytes: &[u8; ROW_BYTES]) -> Self {
        let mut rest = &bytes[..];
        Self {
            key: take(&mut rest),
            file: usize::try_from(u32::from_be_bytes(take(&mut rest))).unwrap_or(usize::MAX),
            line: u64::from_be_bytes(take(&mut rest)),
            content: take(&mut rest),
        }
    }
}

/// The next `N` bytes; the widths add up to [`ROW_BYTES`], so there always are as many.
fn take<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    let (head, tail) = rest.split_first_chunk().unwrap_or((&[0; N], &[]));
    *rest = tail;
    *head
}

fn report(
    files: &[Arc<str>],
    (first, row): (&Stored, &Stored),
    message: &str,
    findings: &mut Findings,
) {
    let (Some(file), Some(earlier)) = (files.get(row.file), files.get(first.file)) else {
        return;
    };
    let within = format!("as {earlier}:{}", first.line);
    findings.add(&Finding {
        method: Method::Uniqueness,
        severity: Severity::Error,
        message,
        hint: Some("only one of them can be stored; the last one sent replaces the others"),
        within: Some(&within),
        file,
        line: row.line,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(key: &str, content: &str, line: u64) -> KeyRow {
        KeyRow {
            key: Digest::of(key.as_bytes()),
            content: Digest::of(content.as_bytes()),
            line,
        }
    }

    #[test]
    fn later_records_are_reported_with_the_place_of_the_first_one() {
        let folder = tempfile::tempdir().unwrap();
        let mut keys = Uniqueness::new(folder.path());
        keys.file(&"a.jsonl".into());
        keys.push(&[row("1", "x", 1), row("2", "x", 2), row("1", "y", 3)])
            .unwrap();
        keys.file(&"b.jsonl".into());
        keys.push(&[row("1", "x", 7), row("2", "z", 8)]).unwrap();
        let mut findings = Findings::default();
        keys.finish("id", &mut findings).unwrap();
        assert_eq!((findings.failed(), findings.errors()), (3, 3));
        let found: Vec<(String, Vec<u64>, String, bool)> = findings
            .into_groups()
            .into_iter()
            .map(|group| {
                (
                    group.file,
                    group.lines,
                    group.within.unwrap(),
                    group.message == SAME,
                )
            })
            .collect();
        assert_eq!(
            found,
            [
                (
                    "a.jsonl".to_owned(),
                    vec![3],
                    "as a.jsonl:1".to_owned(),
                    false
                ),
                (
                    "b.jsonl".to_owned(),
                    vec![7],
                    "as a.jsonl:1".to_owned(),
                    true
                ),
                (
                    "b.jsonl".to_owned(),
                    vec![8],
                    "as a.jsonl:2".to_owned(),
                    false
                ),
            ]
        );
    }
}
