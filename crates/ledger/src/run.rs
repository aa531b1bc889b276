//! The history of runs.

use serde_json::Value;

use crate::ScopeId;

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
