//! What a run is to do.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use syncline_ledger::{Ledger, ScopeId};
use syncline_model::{Catalog, Collection};
use syncline_plan::GuardPolicy;
use syncline_store::Store;
use syncline_store::layers::RetryPolicy;

use crate::Prune;

/// A run, ready to go.
pub struct Job {
    /// What was asked for, for the history of runs; without secrets.
    pub command: String,
    /// Where records come from.
    pub source: Arc<dyn Store>,
    /// Where they go. The run itself bounds and retries its writes.
    pub target: Arc<dyn Store>,
    /// What the target says of itself.
    pub catalog: Catalog,
    /// The collections to bring in step, as the target describes them.
    pub collections: Vec<Arc<Collection>>,
    /// What is known of the target.
    pub ledger: Ledger,
    /// Under which name.
    pub scope: ScopeId,
    /// What becomes of the source's records in the target.
    pub verb: Verb,
    /// What counts as already done.
    pub baseline: Baseline,
    /// Whether what the source no longer has is deleted, and within which limits. Of use only where
    /// records are written and compared with the ledger.
    pub prune: Option<Prune>,
    /// Bounds.
    pub settings: Settings,
}

/// What becomes of the source's records in the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verb {
    /// They are written, each collection after those it refers to.
    #[default]
    Write,
    /// What has their key is deleted, each collection before those it refers to. Whatever the
    /// ledger says, the target is asked.
    Delete,
}

impl fmt::Debug for Job {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Job")
            .field("command", &self.command)
            .field("collections", &self.collections.len())
            .field("baseline", &self.baseline)
            .finish_non_exhaustive()
    }
}

/// What counts as already done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Baseline {
    /// Nothing: every record is sent.
    Nothing,
    /// What the ledger holds as settled, except what is to be sent again all the same.
    Ledger(Resend),
}

/// Which settled records are sent again though they have not changed. Empty: none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resend {
    /// Those last sent before this moment (Unix seconds).
    pub older_than: Option<i64>,
    /// Those last sent after this moment (Unix seconds).
    pub newer_than: Option<i64>,
    /// Those last answered with one of these codes.
    pub statuses: BTreeSet<u16>,
}

impl Resend {
    /// Whether a record last sent at a time with a status is to be sent again.
    pub fn includes(&self, at: i64, status: u16) -> bool {
        self.older_than.is_some_and(|limit| at < limit)
            || self.newer_than.is_some_and(|limit| at > limit)
            || self.statuses.contains(&status)
    }
}

/// Bounds of a run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Most writes under way at once.
    pub concurrency_max: usize,
    /// How transient failures are tried again.
    pub retry: RetryPolicy,
    /// Most bytes of rows that a comparison holds in memory.
    pub memory_budget: usize,
    /// Folder for temporary files of the run; it exists.
    pub work_folder: PathBuf,
    /// Where refused records go.
    pub reject_file: PathBuf,
    /// Where the outcome of each change goes, and the name of the plan that the changes are of; nowhere
    /// if nobody wants it.
    pub outcome_file: Option<(PathBuf, String)>,
    /// How much may change unasked.
    pub guards: GuardPolicy,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_one_condition_is_enough_to_send_again() {
        let resend = Resend {
            older_than: Some(100),
            newer_than: Some(200),
            statuses: [409].into(),
        };
        assert!(resend.includes(99, 200) && resend.includes(201, 200) && resend.includes(150, 409));
        assert!(!resend.includes(150, 200));
        assert!(!Resend::default().includes(0, 0));
    }
}
