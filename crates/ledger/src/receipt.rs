//! What is recorded about a change, and what is known and owed on account of it.

use std::fmt;

use bytes::Bytes;
use syncline_model::{CollectionName, Digest, Done, FailureClass};

/// What became of one change, to be recorded.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// The collection of the record.
    pub collection: CollectionName,
    /// Digest of its key.
    pub key: Digest,
    /// Digest of the content that was sent; of no meaning for a delete.
    pub digest: Digest,
    /// When the answer came, in Unix seconds.
    pub at: i64,
    /// The protocol's own code for the answer, or 0 if there was none.
    pub status: u16,
    /// The target's name for the record, if it told one; otherwise the last one told is kept.
    pub handle: Option<Box<str>>,
    /// What became of the change.
    pub result: ReceiptResult,
}

/// What became of one change.
#[derive(Clone)]
pub enum ReceiptResult {
    /// The target holds what was wanted ([`Done::Deleted`] is the same as `Gone`).
    Settled(Done),
    /// The target no longer holds the key.
    Gone,
    /// The change is still to be made.
    Owed {
        /// Why it was not.
        class: OwedClass,
        /// The target's (or the guard's) reason, one clause, fit to be shown.
        reason: String,
        /// The key itself.
        key_text: String,
        /// What was to be written; empty for a delete.
        payload: Bytes,
        /// Where the payload was read, for a person: `students.jsonl:17`.
        origin: String,
    },
}

impl ReceiptResult {
    /// Whether the target no longer holds the key.
    pub(crate) const fn is_gone(&self) -> bool {
        matches!(self, Self::Gone | Self::Settled(Done::Deleted))
    }
}

/// Keys, payloads and reasons may hold personal data, so debug output leaves them out.
impl fmt::Debug for ReceiptResult {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settled(done) => write!(formatter, "Settled({done:?})"),
            Self::Gone => formatter.write_str("Gone"),
            Self::Owed { class, .. } => write!(formatter, "Owed({class})"),
        }
    }
}

/// Why a change is still to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OwedClass {
    /// The target declined it or could not be reached.
    Failed(FailureClass),
    /// A guard kept it back; it was not sent.
    Held,
    /// A run that did not come to its end may have made it, or not: what the target holds under the
    /// key is not known. There is no payload; the source is read again from where it was.
    UnderWay,
}

impl From<FailureClass> for OwedClass {
    fn from(class: FailureClass) -> Self {
        Self::Failed(class)
    }
}

impl fmt::Display for OwedClass {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Failed(FailureClass::Content) => "content",
            Self::Failed(FailureClass::MissingReference) => "missing-reference",
            Self::Failed(FailureClass::Taken) => "taken",
            Self::Failed(FailureClass::Denied) => "denied",
            Self::Failed(FailureClass::Throttled) => "throttled",
            Self::Failed(FailureClass::Unavailable) => "unavailable",
            Self::Failed(FailureClass::Unauthenticated) => "unauthenticated",
            Self::Failed(FailureClass::Unsupported) => "unsupported",
            Self::Failed(FailureClass::Gone) => "gone",
            Self::Failed(FailureClass::Conflict) => "conflict",
            Self::Held => "held",
            Self::UnderWay => "under-way",
        })
    }
}

/// How the last attempt on a key ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LastOutcome {
    /// The target holds what was sent.
    Settled(Done),
    /// The change is still owed.
    Owed(OwedClass),
}

impl LastOutcome {
    /// Whether the target is known to hold what was last sent.
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Settled(_))
    }
}

/// A receipt for a key that this run had already recorded: the input may hold the key twice, or
/// a change that was owed was tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeat {
    /// Which of the receipts.
    pub index: usize,
    /// How the earlier one ended; after an owed one, a repeat may be a second attempt.
    pub earlier: LastOutcome,
    /// Whether both have the same content.
    pub same_digest: bool,
}

/// What is known about one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Digest of the key.
    pub key: Digest,
    /// Digest of what was last sent; what the target holds if the outcome is settled.
    pub digest: Digest,
    /// Digest of what the target is believed to hold; none if it is not known to hold the key.
    pub held: Option<Digest>,
    /// The protocol's own code for the last answer, or 0.
    pub status: u16,
    /// How the last attempt ended.
    pub outcome: LastOutcome,
    /// When, in Unix seconds.
    pub at: i64,
}

/// A change that is still to be made.
#[derive(Clone, PartialEq, Eq)]
pub struct Owed {
    /// The collection of the record.
    pub collection: CollectionName,
    /// Digest of its key.
    pub key: Digest,
    /// The key itself.
    pub key_text: String,
    /// Digest of the content that was to be written.
    pub digest: Digest,
    /// What was to be written; empty for a delete, and where it is not known what was done.
    pub payload: Bytes,
    /// Where the payload was read, for a person.
    pub origin: String,
    /// Why the last attempt did not succeed.
    pub class: OwedClass,
    /// The reason, one clause.
    pub reason: String,
    /// The protocol's own code for the last answer, or 0.
    pub status: u16,
    /// Attempts so far, those kept back by a guard included.
    pub attempts: u32,
    /// When it was first owed, in Unix seconds.
    pub first_at: i64,
    /// When it was last tried, in Unix seconds.
    pub last_at: i64,
}

/// Keys, payloads and reasons may hold personal data, so debug output leaves them out.
impl fmt::Debug for Owed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Owed")
            .field("collection", &self.collection)
            .field("key", &self.key)
            .field("class", &self.class)
            .field("status", &self.status)
            .field("attempts", &self.attempts)
            .field("payload_bytes", &self.payload.len())
            .finish_non_exhaustive()
    }
}

impl LastOutcome {
    /// Numbers from this one on are owed.
    pub(crate) const FIRST_OWED: i64 = 10;

    /// The number by which the ledger file knows the outcome.
    pub(crate) const fn code(self) -> i64 {
        match self {
            Self::Settled(Done::Created) => 1,
            Self::Settled(Done::Updated) => 2,
            Self::Settled(Done::Unchanged) => 3,
            Self::Settled(Done::Deleted) => 4,
            Self::Owed(OwedClass::Failed(FailureClass::Content)) => 10,
            Self::Owed(OwedClass::Failed(FailureClass::MissingReference)) => 11,
            Self::Owed(OwedClass::Failed(FailureClass::Denied)) => 12,
            Self::Owed(OwedClass::Failed(FailureClass::Throttled)) => 13,
            Self::Owed(OwedClass::Failed(FailureClass::Unavailable)) => 14,
            Self::Owed(OwedClass::Failed(FailureClass::Unauthenticated)) => 15,
            Self::Owed(OwedClass::Failed(FailureClass::Unsupported)) => 16,
            Self::Owed(OwedClass::Failed(FailureClass::Gone)) => 17,
            Self::Owed(OwedClass::Failed(FailureClass::Conflict)) => 18,
            Self::Owed(OwedClass::Failed(FailureClass::Taken)) => 19,
            Self::Owed(OwedClass::Held) => 20,
            Self::Owed(OwedClass::UnderWay) => 21,
        }
    }

    /// The outcome of a number, if it is one of those.
    pub(crate) const fn from_code(code: i64) -> Option<Self> {
        Some(match code {
            1 => Self::Settled(Done::Created),
            2 => Self::Settled(Done::Updated),
            3 => Self::Settled(Done::Unchanged),
            4 => Self::Settled(Done::Deleted),
            10 => Self::Owed(OwedClass::Failed(FailureClass::Content)),
            11 => Self::Owed(OwedClass::Failed(FailureClass::MissingReference)),
            12 => Self::Owed(OwedClass::Failed(FailureClass::Denied)),
            13 => Self::Owed(OwedClass::Failed(FailureClass::Throttled)),
            14 => Self::Owed(OwedClass::Failed(FailureClass::Unavailable)),
            15 => Self::Owed(OwedClass::Failed(FailureClass::Unauthenticated)),
            16 => Self::Owed(OwedClass::Failed(FailureClass::Unsupported)),
            17 => Self::Owed(OwedClass::Failed(FailureClass::Gone)),
            18 => Self::Owed(OwedClass::Failed(FailureClass::Conflict)),
            19 => Self::Owed(OwedClass::Failed(FailureClass::Taken)),
            20 => Self::Owed(OwedClass::Held),
            21 => Self::Owed(OwedClass::UnderWay),
            _ => return None,
        })
    }
}
