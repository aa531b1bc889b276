//! The history of runs.

use rusqlite::{OptionalExtension as _, Row};
use serde_json::Value;

use crate::{LedgerView, Result, ScopeId, column};

/// A run in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(pub(crate) i64);

/// How a run begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunStart {
    /// What was asked for, without secrets.
    pub command: String,
    /// What it works on.
    pub scope: ScopeId,
    /// When, in Unix seconds.
    pub started: i64,
}

/// How a run ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunEnd {
    /// When, in Unix seconds.
    pub ended: i64,
    /// How.
    pub outcome: RunOutcome,
    /// What was done, as the caller counts.
    pub counts: Value,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RunOutcome {
    /// It did all it could.
    Completed,
    /// It was told to stop and can be resumed.
    Interrupted,
    /// It could not go on.
    Failed,
}

/// One run of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRow {
    /// Which run.
    pub id: RunId,
    /// How it began.
    pub start: RunStart,
    /// How it ended; none while it goes on, or if its process died.
    pub end: Option<RunEnd>,
}

impl RunOutcome {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Completed, Self::Interrupted, Self::Failed];

    /// The outcome in a word, by which the ledger file knows it too.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
        }
    }
}

impl LedgerView {
    /// The latest runs, newest first, at most `limit`.
    pub fn runs(&self, limit: u32) -> Result<Vec<RunRow>> {
        self.ask(|connection| {
            connection
                .prepare_cached(
                    "SELECT id, command, scope, started, ended, outcome, counts FROM run
                     ORDER BY id DESC LIMIT ?1",
                )?
                .query_map([limit], run_row)?
                .collect()
        })
    }

    /// The latest run of a scope.
    pub fn last_run(&self, scope: ScopeId) -> Result<Option<RunRow>> {
        self.ask(|connection| {
            connection
                .prepare_cached(
                    "SELECT id, command, scope, started, ended, outcome, counts FROM run
                     WHERE scope = ?1 ORDER BY id DESC LIMIT 1",
                )?
                .query_row([scope.0], run_row)
                .optional()
        })
    }
}

fn run_row(row: &Row<'_>) -> rusqlite::Result<RunRow> {
    let ended: Option<i64> = row.get(4)?;
    let end = match ended {
        None => None,
        Some(ended) => Some(RunEnd {
            ended,
            outcome: column::run_outcome(row, 5)?,
            counts: column::json(row, 6)?,
        }),
    };
    let start = RunStart {
        command: row.get(1)?,
        scope: ScopeId(row.get(2)?),
        started: row.get(3)?,
    };
    Ok(RunRow {
        id: RunId(row.get(0)?),
        start,
        end,
    })
}
