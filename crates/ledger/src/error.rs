//! What can go wrong with a ledger, by what a person can do about it.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::Holder;

/// The result of asking a ledger.
pub type Result<T, E = LedgerError> = std::result::Result<T, E>;

/// Why a ledger could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// Another process holds the ledger.
    #[error("the ledger is in use{} ({})", by(holder.as_deref()), path.display())]
    Held {
        /// Who holds it, if that could be read.
        holder: Option<Box<Holder>>,
        /// The lock file.
        path: PathBuf,
    },
    /// Another process, or another part of this one, has the same flow.
    #[error("the same flow is in use{} ({})", by(holder.as_deref()), path.display())]
    FlowHeld {
        /// Who has it, if that could be read.
        holder: Option<Box<Holder>>,
        /// The lock file.
        path: PathBuf,
    },
    /// The file was written by a newer program.
    #[error("{} has ledger format {found}, and this program knows up to {known}", path.display())]
    Newer {
        /// The ledger file.
        path: PathBuf,
        /// The format the file has.
        found: i64,
        /// The newest format this program knows.
        known: i64,
    },
    /// The file is not a ledger, or was damaged.
    #[error("{} is damaged or is not a ledger", path.display())]
    Damaged {
        /// The ledger file.
        path: PathBuf,
        /// What SQLite said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The disk is full or fails. What was recorded before stays recorded.
    #[error("cannot go on writing {}: the disk is full or failing", path.display())]
    Full {
        /// The ledger file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The state directory or a file in it could not be made or opened.
    #[error("cannot open the ledger {}", path.display())]
    Open {
        /// The directory or file.
        path: PathBuf,
        /// What the system said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// SQLite could not do what it was asked to.
    #[error("cannot use the ledger {}", path.display())]
    Database {
        /// The ledger file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

impl LedgerError {
    /// What a person can do about it, in one or two sentences.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Held { .. } => {
                Some("wait for the other run to end, or give this one a state folder of its own")
            }
            Self::FlowHeld { .. } => Some(
                "wait for the other run to end: one source is published to one target once at a time",
            ),
            Self::Newer { .. } => {
                Some("use the program that wrote it, or a newer one; nothing was changed")
            }
            Self::Damaged { .. } => Some(
                "put back a copy from a backup, or move the file away: without it the next run \
                 starts as if nothing were known about the target",
            ),
            Self::Full { .. } => Some(
                "free some space and run again; what is already recorded is safe, and the run \
                 goes on from there",
            ),
            Self::Open { .. } | Self::Database { .. } => None,
        }
    }

    /// Sorts what SQLite says by what can be done about it.
    pub(crate) fn from_sqlite(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged {
                path,
                source: source.into(),
            },
            Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure) => Self::Full { path, source },
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
                Self::Open {
                    path,
                    source: source.into(),
                }
            }
            _ => match source {
                // A value that no version of this program writes.
                rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::InvalidColumnType(..) => Self::Damaged {
                    path,
                    source: source.into(),
                },
                source => Self::Database { path, source },
            },
        }
    }
}

fn by(holder: Option<&Holder>) -> String {
    holder.map_or_else(
        || " by another process".to_owned(),
        |holder| {
            format!(
                " by `{}` (process {} on {}) since {}",
                holder.command, holder.process_id, holder.host, holder.started
            )
        },
    )
}
