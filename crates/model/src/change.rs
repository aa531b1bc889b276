//! Changes: the only thing that flows.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{Digest, Key, Record};

/// What is to become of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// The target is not known to hold the key.
    Create,
    /// The target is believed to hold the key with other content.
    Update,
    /// The record keeps its identity and takes another key.
    Rekey,
    /// The record is to go.
    Delete,
}

/// One change of one record. A scan is creates, a difference is changes, a plan is changes at
/// rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What kind of change.
    pub kind: ChangeKind,
    /// The key before the change; the key itself for creates.
    pub key: Key,
    /// The record as it is to be; absent for deletes.
    pub after: Option<Record>,
    /// The record as it was, where the baseline knows it.
    pub before: Option<Record>,
}

impl Change {
    /// The change that writes `record` where nothing is known of its key.
    pub fn create(record: Record) -> Self {
        Self {
            kind: ChangeKind::Create,
            key: record.key.clone(),
            after: Some(record),
            before: None,
        }
    }

    /// The change that removes what has the key of `record`; the record is what the caller
    /// believes to be there.
    pub fn delete(record: Record) -> Self {
        Self {
            kind: ChangeKind::Delete,
            key: record.key.clone(),
            after: None,
            before: Some(record),
        }
    }

    /// The change that writes `record` over other content of the same key.
    pub fn update(record: Record) -> Self {
        Self {
            kind: ChangeKind::Update,
            key: record.key.clone(),
            after: Some(record),
            before: None,
        }
    }

    /// The change that gives the record with the key `from` another key, and nothing else: the
    /// payload is not looked at, and may be empty.
    pub fn rekey(from: Key, to: Key) -> Self {
        let after = Record {
            key: to,
            digest: Digest::of(b""),
            payload: Bytes::new(),
            handle: None,
            origin: None,
        };
        Self {
            kind: ChangeKind::Rekey,
            key: from,
            after: Some(after),
            before: None,
        }
    }

    /// The record the change is about: as it is to be, or else as it was.
    pub fn record(&self) -> Option<&Record> {
        self.after.as_ref().or(self.before.as_ref())
    }
}
