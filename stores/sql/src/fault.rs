//! What goes wrong while rows are written, by what follows from it.

use syncline_model::{FailureClass, Outcome, Refusal};
use syncline_store::{ErrorKind, StoreError};

/// Why a statement or a transaction did not succeed.
#[derive(Debug)]
pub(crate) enum Fault {
    /// A row is at fault; which one is found by trying fewer.
    Row(Refusal),
    /// Somebody else was in the way, or the database asks for patience.
    Busy(Refusal),
    /// The connection is gone, and what became of the transaction is not known.
    Lost(String),
    /// The store as a whole cannot go on.
    Store(StoreError),
}

impl Fault {
    pub(crate) fn row(class: FailureClass, status: u16, message: impl Into<String>) -> Self {
        Self::Row(Refusal::new(class, status, message))
    }

    pub(crate) fn busy(status: u16, message: impl Into<String>) -> Self {
        Self::Busy(Refusal::new(FailureClass::Unavailable, status, message))
    }

    /// What it means for a row that was to go: others refer to it, and may go, too.
    pub(crate) fn of_delete(self) -> Self {
        match self {
            Self::Row(mut refusal) if refusal.class == FailureClass::MissingReference => {
                for message in &mut refusal.messages {
                    message.insert_str(0, "other rows still refer to it: ");
                }
                Self::Row(refusal)
            }
            other => other,
        }
    }

    /// What it means outside of a transaction.
    pub(crate) fn into_error(self) -> StoreError {
        match self {
            Self::Store(error) => error,
            Self::Lost(message) => StoreError::new(ErrorKind::Unavailable, message),
            Self::Busy(refusal) => StoreError::new(ErrorKind::Unavailable, refusal.text()),
            Self::Row(refusal) => {
                let kind = match refusal.class {
                    FailureClass::Denied => ErrorKind::Denied,
                    _ => ErrorKind::InvalidData,
                };
                StoreError::new(kind, refusal.text())
            }
        }
    }

    /// What it means for a single change.
    pub(crate) fn into_outcome(self) -> Result<Outcome, StoreError> {
        match self {
            Self::Row(refusal) => Ok(Outcome::Refused(refusal)),
            Self::Busy(refusal) => Ok(Outcome::Failed(refusal)),
            Self::Lost(message) => {
                let refusal = Refusal::new(FailureClass::Unavailable, 0, message);
                Ok(Outcome::Failed(refusal))
            }
            Self::Store(error) if error.is_transient() => {
                let refusal = Refusal::new(FailureClass::Unavailable, 0, error.to_string());
                Ok(Outcome::Failed(refusal))
            }
            Self::Store(error) => Err(error),
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
