//! What becomes of a change: the rules see it first, then it is answered.

use std::collections::BTreeMap;
use std::fmt;

use syncline_model::{
    ChangeKind, CollectionName, Done, FailureClass, Handle, Key, Outcome, Refusal,
};

use super::table::Table;
use crate::fixtures::key;

/// Names the reason for which a change is refused, if it is.
pub(super) type Rule = Box<dyn Fn(&Attempt<'_>) -> Option<FailureClass> + Send + Sync>;

/// A change as a rule sees it.
pub struct Attempt<'store> {
    /// Its collection.
    pub collection: &'store CollectionName,
    /// The key.
    pub key: &'store Key,
    /// What kind of change.
    pub kind: ChangeKind,
    /// What is to be written; empty for a delete.
    pub payload: &'store [u8],
    pub(super) tables: &'store BTreeMap<CollectionName, Table>,
}

impl fmt::Debug for Attempt<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Attempt")
            .field("collection", self.collection)
            .field("key", self.key)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl Attempt<'_> {
    /// Whether it is about the record with this id.
    pub fn is(&self, collection: &str, id: &str) -> bool {
        self.collection.as_str() == collection && *self.key == key(id)
    }

    /// Whether the store holds the record with this id.
    pub fn holds(&self, collection: &str, id: &str) -> bool {
        self.tables
            .get(collection)
            .is_some_and(|table| table.holds(&key(id)))
    }

    /// Whether the store holds everything that `refs` of the payload names.
    pub(super) fn holds_references(&self) -> bool {
        let payload: serde_json::Value = serde_json::from_slice(self.payload).unwrap_or_default();
        let refs = payload["refs"].as_array().cloned().unwrap_or_default();
        refs.iter()
            .filter_map(|named| named.as_str()?.split_once('/'))
            .all(|(collection, id)| self.holds(collection, id))
    }
}

pub(super) fn done(done: Done, status: u16, key: &Key) -> Outcome {
    Outcome::Done {
        done,
        handle: Some(Handle(key.digest().to_string().into())),
        status,
    }
}

pub(super) fn refused(class: FailureClass) -> Outcome {
    let (status, message) = match class {
        FailureClass::Content => (400, "the content is not accepted"),
        FailureClass::MissingReference => (409, "what is referred to does not exist"),
        FailureClass::Denied => (403, "this is not allowed"),
        FailureClass::Unauthenticated => (401, "the caller is not known"),
        FailureClass::Throttled => (429, "too many requests"),
        FailureClass::Unavailable => (503, "not available"),
        FailureClass::Unsupported => (405, "this is not supported"),
        FailureClass::Gone => (404, "it is not there"),
        FailureClass::Taken => (409, "another record has what only one may have"),
        FailureClass::Conflict => (412, "it was changed meanwhile"),
    };
    let refusal = Refusal::new(class, status, message);
    match class {
        FailureClass::Throttled | FailureClass::Unavailable | FailureClass::Unauthenticated => {
            Outcome::Failed(refusal)
        }
        _ => Outcome::Refused(refusal),
    }
}
