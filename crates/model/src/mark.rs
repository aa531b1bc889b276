//! Marks and coverage: how far a reading came, and what may be concluded from it.

use serde::{Deserialize, Serialize};

use crate::{CollectionName, FieldPath, Key, Origin};

/// An opaque position that a store gives and takes back: a change version, a page token, the
/// digest of a file, the ids of events. Only the store that made it can read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mark(pub String);

/// What part of a collection is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// All of it.
    #[default]
    Whole,
    /// The records a store's own filter selects (parameter name, value).
    Matching(Vec<(String, String)>),
    /// The records at these places, in this order: what an earlier reading by digest named.
    At(Vec<Origin>),
    /// The records with these keys, in any order; keys that the store does not hold are passed
    /// over.
    Keys(Vec<Key>),
    /// The records that a record of another collection links to.
    Linked(Link),
}

/// The way to records over one that links to them by their place in the store, where the members
/// of its reference do not give their keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Where the record is that holds the link.
    pub holder: CollectionName,
    /// What selects it, as in [`Scope::Matching`].
    pub matching: Vec<(String, String)>,
    /// Where its reference is; through lists, each of their items has one.
    pub path: FieldPath,
}

/// The scope a reading declares complete. Absence means something only inside it: a stream
/// that broke has no end, therefore no coverage, and nothing may be deleted on its account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Coverage {
    /// Every record of the scope was seen.
    Complete(Scope),
    /// Something was not read; the reason is one clause for a person.
    Partial(String),
}

impl Coverage {
    /// Whether absence from the reading may be taken as absence from the store.
    pub const fn is_complete(&self) -> bool {
        matches!(self, Self::Complete(_))
    }
}

/// What a reading counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Records handed on.
    pub records: u64,
    /// Items that could not be read as records.
    pub unreadable: u64,
    /// Payload bytes handed on.
    pub bytes: u64,
}
