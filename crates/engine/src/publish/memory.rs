//! What is remembered of the readings of a collection, in its mark.
//!
//! Besides the mark that is proved, the moments of the runs after it are kept that did not come
//! to a proof: they may have left records in the target as they were at those moments. So are
//! moments before it since which changes of keys could not be read. Only so many are kept; where
//! some are forgotten, keys that changed are found by comparison.

use serde::{Deserialize, Serialize};
use syncline_model::Mark;

/// Moments that are kept beside the proved one: each costs a request for changes of keys.
const MOMENTS_MAX: usize = 100;

/// A proved mark, and the moments of other runs.
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
        memory.forget_some();
        // A mark and its moments are texts, which can always be written.
        serde_json::to_string(&memory).ok().map(Mark)
    }

    /// The mark of a moment that is proved but for changes of keys, which are still to be read since
    /// the moments before it.
    pub(crate) fn proved_but_for_keys(&self, moment: &Mark) -> Mark {
        let mut attempts: Vec<Mark> = Vec::new();
        for mark in self.attempts.iter().chain(&self.proved) {
            if mark != moment && !attempts.contains(mark) {
                attempts.push(mark.clone());
            }
        }
        let mut memory = Self {
            proved: Some(moment.clone()),
            attempts,
        };
        memory.forget_some();
        serde_json::to_string(&memory).map_or_else(|_error| moment.clone(), Mark)
    }

    /// Keeps the first moment, which tells of the oldest keys, and the last ones.
    fn forget_some(&mut self) {
        if self.attempts.len() > MOMENTS_MAX {
            self.attempts.drain(1..=self.attempts.len() - MOMENTS_MAX);
        }
    }

    /// Whether moments may be forgotten at which the target may hold records under keys that nothing
    /// tells.
    pub(crate) const fn may_have_forgotten(&self) -> bool {
        self.attempts.len() >= MOMENTS_MAX
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

    #[test]
    fn attempts_without_end_are_bounded_and_what_is_forgotten_is_known_to_be() {
        let mut memory = Memory::default();
        for moment in 0..300 {
            assert_eq!(memory.may_have_forgotten(), moment >= 100);
            let mark = memory.with_attempt(&Mark(moment.to_string())).unwrap();
            memory = Memory::read(Some(&mark));
        }
        let moments: Vec<&str> = memory.attempts.iter().map(|mark| mark.0.as_str()).collect();
        assert_eq!(moments.len(), MOMENTS_MAX);
        assert_eq!((moments[0], moments[1], moments[99]), ("0", "201", "299"));
    }

    #[test]
    fn moments_since_which_keys_are_unread_are_kept_beside_a_proof_and_are_bounded() {
        let mut memory = Memory::default();
        for moment in 0..300 {
            let moment = Mark(moment.to_string());
            let mark = memory.proved_but_for_keys(&moment);
            memory = Memory::read(Some(&mark));
            assert_eq!(memory.proved, Some(moment));
        }
        let moments: Vec<&str> = memory.attempts.iter().map(|mark| mark.0.as_str()).collect();
        assert_eq!(moments.len(), MOMENTS_MAX);
        assert_eq!((moments[0], moments[1], moments[99]), ("0", "200", "298"));
    }
}
