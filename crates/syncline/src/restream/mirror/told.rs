//! What a mirror tells: each step, and what came of a pass.

use std::collections::BTreeMap;

use super::{Filled, Reason};
use crate::Failure;

/// What a mirror has just done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MirrorStep {
    /// Corrections were listed, so many of them for the first time.
    Listed(usize),
    /// A segment is durable at the target.
    Written,
    /// A segment is recorded.
    Recorded {
        /// Records of all segments of this pass that are done.
        records: u64,
        /// How many segments of this pass are done, and how many there are.
        segments: (usize, usize),
    },
    /// So many corrections were confirmed.
    Confirmed(usize),
}

/// What came of a pass.
#[derive(Debug, Default)]
pub struct MirrorSummary {
    /// Sites that are mirrored.
    pub sites: usize,
    /// Segments that were not there yet.
    pub new: u64,
    /// Segments to which something was added.
    pub grown: u64,
    /// Segments that were read again for a correction.
    pub corrected: u64,
    /// Segments that were there, and were missing or short.
    pub gaps: u64,
    /// Records of all these.
    pub records: u64,
    /// Corrections that were confirmed.
    pub confirmed: usize,
    /// Corrections that the API does not take as confirmed.
    pub not_taken: usize,
    /// Corrections of nothing that is mirrored; they stay as they are.
    pub outside: usize,
    /// Sites that could not be read, and why.
    pub unread: BTreeMap<u64, Failure>,
    /// What a person should know of what was written.
    pub notes: Vec<String>,
    /// Whether all is done; otherwise it was stopped, and the next run goes on.
    pub is_complete: bool,
}

/// Hears of each step; an error ends the pass there.
pub type MirrorTell<'a> = &'a (dyn Fn(&MirrorStep) -> Result<(), Failure> + Sync);

impl MirrorSummary {
    pub(super) fn count(&mut self, reason: Reason, filled: &Filled) {
        *match reason {
            Reason::New => &mut self.new,
            Reason::Grown => &mut self.grown,
            Reason::Corrected => &mut self.corrected,
            Reason::Gap => &mut self.gaps,
        } += 1;
        self.records += filled.content.records;
        for note in &filled.notes {
            if !self.notes.contains(note) {
                self.notes.push(note.clone());
            }
        }
    }
}
