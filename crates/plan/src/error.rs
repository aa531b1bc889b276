//! What can go wrong while planning.

use std::path::PathBuf;

use syncline_model::Digest;

/// The result of planning something.
pub type Result<T, E = PlanError> = std::result::Result<T, E>;

/// Why a comparison or a plan file could not be finished.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// Rows that do not fit the memory budget could not be put on disk or read back.
    #[error("cannot keep the rows of a comparison in a temporary file in {}", directory.display())]
    Spill {
        /// Where the temporary file is.
        directory: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// What makes rows ready while others are used could not be started, or ended early.
    #[error("cannot sort the rows of a comparison on a thread of their own")]
    Thread(#[source] std::io::Error),
    /// The baseline could not be read on.
    #[error("cannot read the baseline of a comparison")]
    Baseline(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The baseline is not in ascending key order, or names a key twice.
    #[error("the baseline of a comparison is out of order: key {key} after {earlier}")]
    BaselineOrder {
        /// The key that came first.
        earlier: Digest,
        /// The key that may not follow it.
        key: Digest,
    },
    /// A plan file could not be written.
    #[error("cannot write the plan {}", path.display())]
    Write {
        /// The plan file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A plan file could not be read.
    #[error("cannot read the plan {}", path.display())]
    Read {
        /// The plan file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line of a plan file is not what it must be.
    #[error("{}:{line} is not a line of a plan: {reason}", path.display())]
    Malformed {
        /// The plan file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// One clause for a person.
        reason: String,
    },
    /// A plan file ends before its last line.
    #[error("{} breaks off at line {line}: a plan ends with its counts and digest", path.display())]
    Truncated {
        /// The plan file.
        path: PathBuf,
        /// The last line there is, counted from 1.
        line: u64,
    },
    /// A plan file is not as it was written.
    #[error("{} was altered: {reason} (line {line})", path.display())]
    Altered {
        /// The plan file.
        path: PathBuf,
        /// The line that disagrees with what comes before it, counted from 1.
        line: u64,
        /// One clause for a person.
        reason: String,
    },
}
