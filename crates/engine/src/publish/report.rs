//! What a publication did, and how far it is proved.

use std::collections::BTreeMap;

use syncline_model::{CollectionName, Mark};

use crate::RunReport;

/// What a publication did.
#[derive(Debug)]
pub struct PublishReport {
    /// What was done to each collection.
    pub run: RunReport,
    /// How far each is proved to be published.
    pub parts: BTreeMap<CollectionName, PartReport>,
    /// Whether more of what others refer to is missing in the target than one run looks up.
    pub looks_no_further: bool,
}

/// How far a collection is published.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartReport {
    /// Whether it was not to be published, and only what others refer to was fetched of it.
    pub only_fetched: bool,
    /// The mark it was read from; nothing if from its beginning.
    pub from: Option<Mark>,
    /// The mark it has now.
    pub to: Option<Mark>,
    /// Why the mark did not move, where it should have.
    pub behind: Option<String>,
    /// Changes owed by earlier runs that were offered again.
    pub replayed: u64,
    /// Records given their new keys.
    pub rekeyed: u64,
    /// Keys that went in the source.
    pub gone: u64,
    /// Records fetched one by one because others refer to them.
    pub fetched: u64,
    /// Records that went in the source, as a comparison found, and are not deleted because the
    /// target holds something else of them than what was written. They are owed.
    pub left_alone: u64,
    /// Changes that are owed now.
    pub owed: u64,
    /// Why records may stay under keys that they no longer have, where the mark moved all the same:
    /// what went was not to be looked for, and the source does not tell which keys changed.
    pub unproved: Option<String>,
    /// Why it was read as a whole to find out what went, where nobody asked for that.
    pub compared: Option<String>,
}
