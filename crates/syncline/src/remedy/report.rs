//! What a remediation program did in a run.

use std::collections::BTreeMap;

use serde::Serialize;

/// Different notes that are kept; further ones are counted under the last.
const NOTES_MAX: usize = 20;

/// What a remediation program did in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RemedyReport {
    /// How often it was asked.
    pub asked: u64,
    /// Records that were accepted after it had been asked.
    pub mended: u64,
    /// Further records that were written because it wanted them.
    pub additional: u64,
    /// Further records that it wanted and the target refused.
    pub additional_refused: u64,
    /// What was wrong with its answers, and how often.
    pub notes: BTreeMap<String, u64>,
    /// Whether it was asked as often as it may be.
    pub exhausted: bool,
    /// Why it could not be asked any more.
    pub broken: Option<String>,
}

impl RemedyReport {
    pub(super) fn note(&mut self, note: String) {
        let note = if self.notes.len() < NOTES_MAX || self.notes.contains_key(&note) {
            note
        } else {
            "and more that is not told".to_owned()
        };
        *self.notes.entry(note).or_default() += 1;
    }

    /// What a person should know, one clause each.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings: Vec<String> = self
            .notes
            .iter()
            .map(|(note, times)| match times {
                1 => note.clone(),
                times => format!("{note} ({times} times)"),
            })
            .collect();
        if self.exhausted {
            let asked = self.asked;
            warnings.push(format!(
                "the remediation program was asked {asked} times, as often as it may be; what was \
                 refused afterwards stays so"
            ));
        }
        if let Some(broken) = &self.broken {
            warnings.push(format!(
                "{broken}; it was not asked any more, and what was refused stays owed"
            ));
        }
        warnings
    }
}
