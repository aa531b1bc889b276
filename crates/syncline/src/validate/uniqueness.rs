//! Records with the key of another one, in memory that does not grow with their number.

use std::path::Path;
use std::sync::Arc;

use syncline_check::{Method, Severity};
use syncline_model::Digest;
use syncline_plan::{Comparison, DesiredRow, Difference, Place, PlanError};

use super::finding::{Finding, Findings};

/// Most bytes of rows that are held in memory; the rest goes to a temporary file.
const MEMORY_BUDGET: usize = 96 << 20;
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
    comparison: Comparison,
    files: Vec<Arc<str>>,
}

impl Uniqueness {
    /// Keeps in `folder`, which has to be there, what does not fit into memory.
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            comparison: Comparison::new(folder, MEMORY_BUDGET),
            files: Vec::new(),
        }
    }

    /// What follows is from this file.
    pub(crate) fn file(&mut self, file: &Arc<str>) {
        self.files.push(Arc::clone(file));
    }

    /// Adds records in the order of their lines.
    pub(crate) fn push(&mut self, rows: &[KeyRow]) -> Result<(), PlanError> {
        let unit = u32::try_from(self.files.len().saturating_sub(1)).unwrap_or(u32::MAX);
        for row in rows {
            let place = Place {
                unit,
                line: row.line,
                ..Place::default()
            };
            self.comparison.push(DesiredRow {
                key: row.key,
                content: row.content,
                place,
            })?;
        }
        Ok(())
    }

    /// Reports every record whose key an earlier one has. `key` names the members of the key.
    pub(crate) fn finish(self, key: &str, findings: &mut Findings) -> Result<(), PlanError> {
        let other = format!("another record has the same key ({key}) and other content");
        let nothing = std::iter::empty::<Result<_, PlanError>>();
        let mut first: Option<DesiredRow> = None;
        for difference in self.comparison.finish(nothing)? {
            let row = match difference? {
                Difference::Superseded { earlier, .. } => earlier,
                Difference::Create(row) => row,
                _ => continue,
            };
            match first.filter(|first| first.key == row.key) {
                None => first = Some(row),
                Some(first) => {
                    let same = first.content == row.content;
                    let message = if same { SAME } else { &other };
                    report(&self.files, (&first, &row), message, findings);
                }
            }
        }
        Ok(())
    }
}

fn report(
    files: &[Arc<str>],
    (first, row): (&DesiredRow, &DesiredRow),
    message: &str,
    findings: &mut Findings,
) {
    let file_of = |row: &DesiredRow| {
        let index = usize::try_from(row.place.unit).unwrap_or(usize::MAX);
        files.get(index)
    };
    let (Some(file), Some(earlier)) = (file_of(row), file_of(first)) else {
        return;
    };
    let within = format!("as {earlier}:{}", first.place.line);
    findings.add(&Finding {
        method: Method::Uniqueness,
        severity: Severity::Error,
        message,
        hint: Some("only one of them can be stored; the last one sent replaces the others"),
        within: Some(&within),
        file,
        line: row.place.line,
    });
}
