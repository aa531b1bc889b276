//! Why a run could not go on.

use syncline_ledger::LedgerError;
use syncline_plan::PlanError;
use syncline_store::StoreError;

/// Why a run stopped before its end. What was accepted until then is in the ledger, unless the
/// ledger itself failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The source or the target cannot go on.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger cannot be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The comparison cannot be made.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A file of the run itself cannot be written.
    #[error(transparent)]
    File(#[from] std::io::Error),
    /// It was told to stop before anything was done.
    #[error("stopped before anything was done")]
    Stopped,
    /// More was declined than may be.
    #[error("{declined} records were declined, and at most {limit} may be")]
    TooManyDeclined {
        /// How many, when the run stopped.
        declined: u64,
        /// How many may be.
        limit: u64,
    },
    /// A part of the run ended unexpectedly: a defect of this program.
    #[error("a part of the run ended unexpectedly")]
    Defect,
}
