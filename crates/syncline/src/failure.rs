//! The one place where errors of every crate become what a person reads: what happened, what to
//! do about it, and of which sort it is.

use std::fmt;

use syncline_engine::EngineError;
use syncline_ledger::LedgerError;
use syncline_plan::PlanError;
use syncline_store::{ErrorKind, StoreError};

/// Why a command did not do what it should.
#[derive(Debug)]
pub struct Failure {
    /// Of which sort it is; decides the exit status.
    pub kind: FailureKind,
    /// One lower-case clause that names file and line, or URL.
    pub message: String,
    /// Errors beneath it, one clause each.
    pub causes: Vec<String>,
    /// What to do, one lower-case clause each.
    pub hints: Vec<String>,
}

/// Sorts of failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The command line, the configuration, the credentials or the data folder.
    Configuration,
    /// The other side cannot be reached or fails, even after retries.
    Unavailable,
    /// Something on this machine is in use or in the way for now: a held ledger, a full disk.
    Local,
    /// It was told to stop before anything was done.
    Interrupted,
    /// A defect of this program.
    Defect,
}

impl Failure {
    /// A failure of a sort.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            causes: vec![],
            hints: vec![],
        }
    }

    /// A failure of configuration.
    pub fn configuration(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Configuration, message)
    }

    /// With what to do about it.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// The clauses of the errors beneath an error.
fn causes(error: &dyn std::error::Error) -> Vec<String> {
    std::iter::successors(error.source(), |error| error.source())
        .map(ToString::to_string)
        .collect()
}

impl FailureKind {
    /// The exit status of a command that fails so.
    pub const fn exit_status(self) -> u8 {
        match self {
            Self::Configuration => 2,
            Self::Unavailable | Self::Local => 3,
            Self::Interrupted => 5,
            Self::Defect => 70,
        }
    }
}

/// The sort of failure an error of a store is.
pub(crate) const fn kind_of(error: &StoreError) -> FailureKind {
    match error.kind {
        ErrorKind::Unavailable => FailureKind::Unavailable,
        ErrorKind::Local => FailureKind::Local,
        ErrorKind::NotFound
        | ErrorKind::Denied
        | ErrorKind::InvalidData
        | ErrorKind::Configuration
        | ErrorKind::Unsupported => FailureKind::Configuration,
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let hints = error.hint.iter().map(ToString::to_string).collect();
        let (kind, causes) = (kind_of(&error), causes(&error));
        Self {
            kind,
            causes,
            message: error.to_string(),
            hints,
        }
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        let hints = error.hint().map(ToOwned::to_owned).into_iter().collect();
        Self {
            kind: FailureKind::Local,
            causes: causes(&error),
            message: error.to_string(),
            hints,
        }
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        let kind = match &error {
            // Trying again later helps with none of these.
            PlanError::Malformed { .. }
            | PlanError::Truncated { .. }
            | PlanError::Altered { .. } => FailureKind::Configuration,
            PlanError::Read { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                FailureKind::Configuration
            }
            _ => FailureKind::Local,
        };
        Self {
            kind,
            causes: causes(&error),
            message: error.to_string(),
            hints: vec![],
        }
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Store(error) => error.into(),
            EngineError::Ledger(error) => error.into(),
            EngineError::Plan(error) => error.into(),
            EngineError::File(error) => error.into(),
            EngineError::TooManyDeclined { .. } => {
                Self::new(FailureKind::Configuration, error.to_string())
                    .with_hint("nothing is lost: what was declined is owed, and no mark has moved")
            }
            EngineError::Stopped => Self::new(FailureKind::Interrupted, error.to_string()),
            other => Self::new(FailureKind::Defect, other.to_string()),
        }
    }
}

impl From<std::io::Error> for Failure {
    /// File operations go through `fs-err`, whose messages name the path.
    fn from(error: std::io::Error) -> Self {
        Self::new(FailureKind::Local, error.to_string())
    }
}
