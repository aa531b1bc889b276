//! What happens during a run, as it happens.

use syncline_model::{CollectionName, Origin};
use syncline_plan::Verdict;
use syncline_store::layers::TrafficCounts;

use crate::CollectionReport;

/// Watches a run. Called from many tasks; it must return at once.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn on(&self, event: &Event);
}

/// Something that happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The run begins with these collections, in the order in which they would go one by one.
    Started(Vec<CollectionName>),
    /// References go round in a circle; the collections load in some order all the same, and
    /// what is refused for it is offered again.
    Cycle(Vec<CollectionName>),
    /// A collection begins.
    CollectionStarted(CollectionName),
    /// How far everything is, several times a second.
    Progress(Progress),
    /// A record was declined, or a line is no record.
    Rejected {
        /// Its collection.
        collection: CollectionName,
        /// Where it was read.
        origin: Option<Origin>,
        /// The code of the answer, or 0.
        status: u16,
        /// Why.
        reason: String,
    },
    /// A guard holds part of a collection.
    Held(CollectionName, Verdict),
    /// A collection is done, except for what may be offered again.
    CollectionFinished(CollectionName, Box<CollectionReport>),
    /// Records that were declined for something missing are offered again.
    OfferingAgain(u64),
    /// What the source no longer has is deleted.
    Deleting {
        /// Of which collection.
        collection: CollectionName,
        /// How many.
        records: u64,
    },
    /// The run was told to stop and finishes what is under way.
    Stopping,
}

/// How far everything is.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// Collections that have begun.
    pub collections: Vec<CollectionProgress>,
    /// Most writes under way at once, at present.
    pub limit: usize,
    /// What passed to and from the target.
    pub traffic: TrafficCounts,
}

/// How far a collection is.
#[derive(Clone, Debug)]
pub struct CollectionProgress {
    /// Which.
    pub name: CollectionName,
    /// Records read.
    pub read: u64,
    /// Records that need not be sent.
    pub unchanged: u64,
    /// Records accepted.
    pub accepted: u64,
    /// Records declined or not readable.
    pub declined: u64,
    /// Records to be sent, where that is known.
    pub planned: Option<u64>,
    /// Whether it is done.
    pub finished: bool,
}
