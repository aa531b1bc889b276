//! What is remembered of the readings of a collection, in its mark.
//!
//! Besides the mark that is proved, the moments of the runs after it are kept that did not come
//! to a proof: they may have left records in the target as they were at those moments.

use serde::{Deserialize, Serialize};
use syncline_model::Mark;

/// A proved mark, and the moments of runs after it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Memory {
    pub(crate) proved: Option<Mark>,
    pub(crate) attempts: Vec<Mark>,
}

impl Memory {
    /// What a mark of the ledger holds: a proved mark alone stands there as it is.
    pub(crate) fn read(mark: Option<&Mark>) -> Self {
        let Some(mark) = mark else {
            return Self::default();
        };
        serde_json::from_str(&mark.0).unwrap_or_else(|_no_memory| Self {
            proved: Some(mark.clone()),
            attempts: vec![],
        })
    }

    /// The same with another attempt, as a mark of the ledger; nothing if that is known.
    pub(crate) fn with_attempt(&self, moment: &Mark) -> Option<Mark> {
        if self.proved.as_ref() == Some(moment) || self.attempts.contains(moment) {
            return None;
        }
        let mut memory = self.clone();
        memory.attempts.push(moment.clone());
        // A mark and its moments are texts, which can always be written.
        serde_json::to_string(&memory).ok().map(Mark)
    }
}

/// The mark up to which a collection is proved to be published, by what its mark in the ledger
/// holds.
pub fn proved_mark(mark: Option<&Mark>) -> Option<Mark> {
    Memory::read(mark).proved
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_kept_beside_the_proved_mark_until_there_is_a_proof() {
        let mark = |text: &str| Mark(text.to_owned());
        let proved = Memory::read(Some(&mark("17")));
        assert_eq!(proved.proved, Some(mark("17")));
        let once = proved.with_attempt(&mark("20")).unwrap();
        let twice = Memory::read(Some(&once)).with_attempt(&mark("30")).unwrap();
        let memory = Memory::read(Some(&twice));
        assert_eq!(memory.attempts, [mark("20"), mark("30")]);
        assert_eq!(memory.proved, Some(mark("17")));
        assert_eq!(memory.with_attempt(&mark("30")), None);
        assert_eq!(memory.with_attempt(&mark("17")), None);
    }
}
