//! What planning found, by collection.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;
use syncline_model::{CollectionName, Mark, Origin};
use syncline_plan::{PlanSummary, Verdict};

/// Most problems of one collection that are told one by one.
pub(super) const PROBLEMS_TOLD: usize = 100;

/// What came of planning a flow.
#[derive(Debug)]
pub struct FlowPlan {
    /// The plan's name.
    pub id: String,
    /// Where it is, and what it amounts to; nothing if problems forbid it, or keys are missing.
    pub written: Option<(PathBuf, PlanSummary)>,
    /// What was found, in the order in which collections are written.
    pub collections: Vec<CollectionPlan>,
    /// Where the next reading begins of what changes in collections of the source, as far as these tell.
    pub positions: BTreeMap<CollectionName, Mark>,
    /// Keys that were asked for, of which neither side has a record.
    pub missing_keys: Vec<Vec<String>>,
}

impl FlowPlan {
    /// Whether nothing differs, held changes included.
    pub fn is_empty(&self) -> bool {
        self.collections.iter().all(|one| one.differences() == 0)
    }

    /// Whether all rows of both sides were read, and were records.
    pub fn is_of_everything(&self) -> bool {
        let is_whole = |one: &CollectionPlan| one.incomplete.is_none() && one.unfit == 0;
        self.collections.iter().all(is_whole)
    }

    /// Whether a guard keeps something back.
    pub fn is_held(&self) -> bool {
        self.collections.iter().any(|one| !one.verdicts.is_empty())
    }
}

/// What was found about one collection.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CollectionPlan {
    /// Which.
    pub name: CollectionName,
    /// Records of the source, as they are to be in the target.
    pub source: u64,
    /// Whether these are only those that changed since an earlier reading.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub only_changes: bool,
    /// Whether the source has told besides what went since then; otherwise nothing is known of that.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub tells_gone: bool,
    /// Records of the target.
    pub target: u64,
    /// Records the target does not have.
    pub creates: u64,
    /// Records it has otherwise.
    pub updates: u64,
    /// Records that take another key.
    pub rekeys: u64,
    /// Records to be deleted.
    pub deletes: u64,
    /// Records that the source no longer has and that are to be marked or disabled.
    pub leaves: u64,
    /// Records that are as they should be.
    pub unchanged: u64,
    /// Changes that are kept back one by one, by reason.
    pub held: BTreeMap<String, u64>,
    /// Rows of a key that another row has too.
    pub duplicates: u64,
    /// Rows that are no records or do not fit.
    pub unfit: u64,
    /// Which guards tripped.
    pub verdicts: Vec<Verdict>,
    /// Why not everything was read, if that is so.
    pub incomplete: Option<String>,
    /// Why nothing can be planned, or what was left out.
    pub problems: Vec<Problem>,
    /// Whether the problems forbid a plan.
    pub refused: bool,
}

impl CollectionPlan {
    pub(super) const fn new(name: CollectionName) -> Self {
        Self {
            name,
            source: 0,
            only_changes: false,
            tells_gone: false,
            target: 0,
            creates: 0,
            updates: 0,
            rekeys: 0,
            deletes: 0,
            leaves: 0,
            unchanged: 0,
            held: BTreeMap::new(),
            duplicates: 0,
            unfit: 0,
            verdicts: Vec::new(),
            incomplete: None,
            problems: Vec::new(),
            refused: false,
        }
    }

    /// What is known where only what changed was read; nothing where all was.
    pub fn of_changes(&self) -> Option<&'static str> {
        self.only_changes.then_some(if self.tells_gone {
            "only what changed was read; what went was looked for"
        } else {
            "only what changed was read; what went is seen when everything is read"
        })
    }

    /// Changes that are kept back one by one.
    pub fn held_alone(&self) -> u64 {
        self.held.values().sum()
    }

    /// Everything that differs. What is protected is none of the flow's business.
    pub fn differences(&self) -> u64 {
        let held = self.held.iter();
        let held = held.filter(|(reason, _)| *reason != super::classify::PROTECTED);
        let held: u64 = held.map(|(_, count)| count).sum();
        self.creates + self.updates + self.rekeys + self.deletes + self.leaves + held
    }

    pub(super) fn tell(&mut self, problem: Problem) {
        if self.problems.len() < PROBLEMS_TOLD {
            self.problems.push(problem);
        }
    }
}

/// One of the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Where records come from.
    Source,
    /// Where they go.
    Target,
}

/// Something that forbids a plan or is left out of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// On which side.
    pub side: Side,
    /// Where.
    pub place: String,
    /// What, as one clause without values.
    pub reason: String,
}

impl Problem {
    pub(super) fn at(side: Side, origin: &Origin, reason: String) -> Self {
        let place = if origin.unit.is_empty() {
            "a record".to_owned()
        } else {
            origin.to_string()
        };
        Self {
            side,
            place,
            reason,
        }
    }
}
