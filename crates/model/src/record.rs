//! Records: a key, the bytes as they were read, and what they amount to.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{Digest, Key};

/// One record of a collection.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// Which record this is.
    pub key: Key,
    /// Digest of the canonical form of the payload.
    pub digest: Digest,
    /// The bytes as they were read, outer whitespace trimmed, never re-serialised.
    pub payload: Bytes,
    /// The store's private name for the record, if it has told one.
    pub handle: Option<Handle>,
    /// Where the record was read.
    pub origin: Option<Origin>,
}

/// Payloads hold personal data, so debug output shows their size only.
impl fmt::Debug for Record {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Record")
            .field("key", &self.key)
            .field("digest", &self.digest)
            .field("payload_bytes", &self.payload.len())
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

/// A store's private name for a record (server id, distinguished name, row id). It is never
/// compared and means nothing to another store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Handle(pub Box<str>);

/// Where a record was read: enough to name it to a person and to read it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The file (or other unit) as the store names it, for example `students.jsonl`.
    pub unit: Arc<str>,
    /// Line, counted from 1.
    pub line: u64,
    /// Byte at which the payload begins, or by what else its store finds the record again.
    pub offset: u64,
    /// Length of the payload in bytes.
    pub length: u32,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.unit, self.line)
    }
}
