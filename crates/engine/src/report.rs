//! What a run did.

use std::collections::BTreeMap;

use serde::Serialize;
use syncline_model::{CollectionName, Coverage};
use syncline_plan::Verdict;
use syncline_store::layers::TrafficCounts;

use crate::EngineError;

/// What a run did, whatever way it ended.
#[derive(Debug)]
pub struct RunReport {
    /// When it began, in Unix seconds with fractions.
    pub started: f64,
    /// When it ended.
    pub ended: f64,
    /// How it ended.
    pub ending: Ending,
    /// What it did to each collection.
    pub collections: BTreeMap<CollectionName, CollectionReport>,
    /// What passed to and from the target.
    pub traffic: TrafficCounts,
    /// Changes still to be made in the collections of the run, those of earlier runs included.
    pub owed: u64,
}

/// How a run ended.
#[derive(Debug)]
pub enum Ending {
    /// Everything was offered.
    Completed,
    /// It was told to stop; the same command goes on where it stopped.
    Interrupted,
    /// It could not go on.
    Failed(EngineError),
}

/// What a run did to a collection.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CollectionReport {
    /// Records read.
    pub read: u64,
    /// Lines that are no records.
    pub unreadable: u64,
    /// Records that the target already holds, as far as is known.
    pub unchanged: u64,
    /// Records whose key comes again later in the input.
    pub duplicates: u64,
    /// The first of them.
    pub duplicate_examples: Vec<Duplicate>,
    /// Records the target did not hold before.
    pub created: u64,
    /// Records the target held and replaced.
    pub updated: u64,
    /// Records copied as they were read.
    pub copied: u64,
    /// Records deleted.
    pub deleted: u64,
    /// Records to be deleted that the target does not hold.
    pub missing: u64,
    /// What would be done to it, where nothing was to be done.
    pub planned: Option<Planned>,
    /// Accepted answers by code.
    pub statuses: BTreeMap<u16, u64>,
    /// Records declined, unreadable lines included.
    pub failed: u64,
    /// Records a guard kept back, deletes included.
    pub held: u64,
    /// Deletes a guard kept back.
    pub deletes_held: u64,
    /// Records that the source no longer has and that are protected from being deleted.
    pub protected: u64,
    /// Changes owed from earlier runs that were not offered again because the source no longer has
    /// them and only other content would help.
    pub absent: u64,
    /// Records that wait to be offered again before the run ends.
    #[serde(skip)]
    pub waiting: u64,
    /// Records accepted when they were offered again.
    pub caught_up: u64,
    /// Why records were declined.
    pub failures: Vec<FailureGroup>,
    /// Which guards tripped.
    pub verdicts: Vec<Verdict>,
    /// What the reading covers; nothing if it did not come to its end.
    pub coverage: Option<Coverage>,
    /// Whether everything in it was offered.
    pub finished: bool,
    /// Why it could not be read, where the run went on without it.
    pub error: Option<String>,
}

impl CollectionReport {
    /// Records accepted.
    pub const fn accepted(&self) -> u64 {
        self.created + self.updated + self.deleted
    }

    /// Why not everything was read, if the reading came to its end and that is so.
    pub fn incomplete_reason(&self) -> Option<&str> {
        match &self.coverage {
            Some(Coverage::Partial(reason)) => Some(reason),
            _ => None,
        }
    }
}

/// What a run would do to a collection, as far as is known without asking the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// Records the target is not known to hold.
    pub creates: u64,
    /// Records the target is known to hold otherwise, or that are sent again on demand.
    pub updates: u64,
    /// Records to be deleted, without those that a guard keeps back.
    pub deletes: u64,
}

/// A record whose key comes again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Duplicate {
    /// The file of the record that counts.
    pub file: String,
    /// Its line.
    pub line: u64,
    /// The line of the earlier one in the same file, where that is known.
    pub earlier_line: Option<u64>,
    /// Whether both have the same content.
    pub same_content: bool,
}

/// Records declined with the same answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailureGroup {
    /// The code of the answer; 0 if the record was not sent or not answered.
    pub status: u16,
    /// The reason.
    pub message: String,
    /// The file the records were read from.
    pub file: String,
    /// Their lines, ascending.
    pub lines: Vec<u64>,
    /// How many.
    pub count: u64,
}
