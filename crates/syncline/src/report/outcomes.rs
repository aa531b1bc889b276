//! What became of the changes that are on a page of a run.
//!
//! The file of outcomes may be as long as the plan. It is read twice, and only what is on the page is
//! held: first for what failed, which is on the page in any case, then for what became of the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use syncline_engine::{ChangeOutcome, read_outcomes};
use syncline_model::{ChangeKind, CollectionName};
use syncline_plan::{PlannedChange, PlannedKey};

use crate::Failure;
use crate::flow::ShownChange;

/// Most changes that are on a page because they failed.
const FAILED_MAX: usize = 1_000;

/// What tells a change from the others of its plan.
pub(super) type ChangeId = (CollectionName, ChangeKind, String);

/// What became of changes: a word, and why.
pub(super) type Became = BTreeMap<ChangeId, (&'static str, String)>;

/// Outcomes of a run.
pub(super) struct Outcomes<'run> {
    file: Option<&'run Path>,
    plan: &'run str,
    failed: BTreeSet<ChangeId>,
}

impl<'run> Outcomes<'run> {
    /// Looks for what failed in the file of a plan's outcomes.
    pub(super) fn find((file, plan): (Option<&'run Path>, &'run str)) -> Result<Self, Failure> {
        let mut found = Self {
            file,
            plan,
            failed: BTreeSet::new(),
        };
        for outcome in found.read()? {
            let outcome = outcome?;
            let is_failure = outcome.outcome.is_failure();
            let id = (outcome.collection, outcome.kind, outcome.key);
            if !is_failure {
                // What was offered again may have been done then.
                found.failed.remove(&id);
            } else if found.failed.len() < FAILED_MAX {
                found.failed.insert(id);
            }
        }
        Ok(found)
    }

    fn read(
        &self,
    ) -> Result<impl Iterator<Item = std::io::Result<ChangeOutcome>> + use<'run>, Failure> {
        let file = self.file.map(|file| read_outcomes(file, self.plan));
        Ok(file.transpose()?.into_iter().flatten())
    }

    /// Whether a change failed, and is to be on the page.
    pub(super) fn failed(&self, change: &PlannedChange) -> bool {
        let PlannedKey::Text(key) = &change.key else {
            return false;
        };
        let id = (
            change.collection.clone(),
            change.kind,
            key.as_str().to_owned(),
        );
        !self.failed.is_empty() && self.failed.contains(&id)
    }

    /// What became of some changes.
    pub(super) fn of(&self, shown: &[ShownChange]) -> Result<Became, Failure> {
        let wanted: BTreeSet<ChangeId> = shown.iter().map(id_of).collect();
        let mut became = Became::new();
        for outcome in self.read()? {
            let outcome = outcome?;
            let id = (outcome.collection, outcome.kind, outcome.key);
            if wanted.contains(&id) {
                became.insert(id, (outcome.outcome.name(), outcome.reason));
            }
        }
        Ok(became)
    }
}

/// What tells a change that is shown from others.
pub(super) fn id_of(change: &ShownChange) -> ChangeId {
    (change.collection.clone(), change.kind, change.key.clone())
}
