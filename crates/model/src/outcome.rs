//! Outcomes: what became of a change. Refusals are data, not errors.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Handle;

/// What became of one change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The target holds what was wanted.
    Done {
        /// What the target did.
        done: Done,
        /// Its name for the record, if it told one.
        handle: Option<Handle>,
        /// The protocol's own code for the answer (201, 200), or 0 where there is none.
        status: u16,
    },
    /// The target looked at the change and declined it; the same change will be declined again
    /// until something else changes.
    Refused(Refusal),
    /// The target did not get as far as deciding.
    Failed(Refusal),
    /// A guard kept the change back; the text names the guard.
    Held(String),
}

impl Outcome {
    /// A refusal for which no protocol has a code.
    pub fn refused(class: FailureClass, message: impl Into<String>) -> Self {
        Self::Refused(Refusal::new(class, 0, message))
    }

    /// The refusal to change a record that is no longer what it was believed to be.
    pub fn changed_meanwhile() -> Self {
        let message = "it was changed since it was looked at, and was left alone";
        Self::refused(FailureClass::Conflict, message)
    }
}

/// What a target did for a change that succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Done {
    /// It did not hold the record and does now.
    Created,
    /// It held the record and replaced it.
    Updated,
    /// It held the record as wanted.
    Unchanged,
    /// It no longer holds the record.
    Deleted,
}

/// Why a change was declined or failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What may be done about it.
    pub class: FailureClass,
    /// The protocol's own code for the answer, or 0 if there was no answer.
    pub status: u16,
    /// The target's reasons, one clause each, fit to be shown; at least one.
    pub messages: Vec<String>,
    /// How long the target asks to be left alone.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// A refusal of a class with one reason.
    pub fn new(class: FailureClass, status: u16, message: impl Into<String>) -> Self {
        Self {
            class,
            status,
            messages: vec![message.into()],
            retry_after: None,
        }
    }

    /// All reasons in one clause.
    pub fn text(&self) -> String {
        self.messages.join("; ")
    }
}

/// What may be done about a change that did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureClass {
    /// The content is at fault; only other content helps.
    Content,
    /// Something the record refers to is not there (yet).
    MissingReference,
    /// Another record has what only one may have; it may give it up (yet).
    Taken,
    /// The caller may not do this (yet): authority may follow from other records.
    Denied,
    /// The target asks for fewer requests.
    Throttled,
    /// The target could not be reached, broke off, or failed on its side.
    Unavailable,
    /// The caller is not (or no longer) known to the target.
    Unauthenticated,
    /// The target has no such collection or does not support the change.
    Unsupported,
    /// The record to be deleted is not there.
    Gone,
    /// The record is no longer as it was when the change was planned; only a new look helps.
    Conflict,
}

impl FailureClass {
    /// Whether offering the same change again a little later may succeed.
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::Throttled | Self::Unavailable)
    }

    /// Whether the change may succeed once other records of the same run have arrived.
    pub const fn may_resolve(self) -> bool {
        matches!(self, Self::MissingReference | Self::Taken | Self::Denied)
    }
}
