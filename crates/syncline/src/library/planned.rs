//! A plan in the hands of a program.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use syncline_engine::{
    ChangeOutcome, Event, FlowPlan, Observer, Only, Problem, RunReport, read_outcomes,
};
use syncline_ledger::Holder;
use syncline_model::{ChangeKind, CollectionName};
use syncline_plan::{Guard, PlanReader, PlannedChange, PlannedKey};
use tokio_util::sync::CancellationToken;

use crate::flow::{Opened, apply_between};
use crate::{ApplyArgs, Failure, now_text, open};

/// Where plans and what is known are kept.
pub(super) struct Place {
    pub(super) state: PathBuf,
    /// Gone with the plan, where nothing is to be remembered.
    _temporary: Option<tempfile::TempDir>,
}

impl Place {
    pub(super) fn of(state: Option<PathBuf>) -> Result<Self, Failure> {
        let temporary = state.is_none().then(tempfile::tempdir).transpose()?;
        let own = temporary.as_ref().map(|folder| folder.path().to_owned());
        let state = state.or(own).unwrap_or_default();
        open::create_private_folder(&state)?;
        Ok(Self {
            state,
            _temporary: temporary,
        })
    }

    pub(super) fn plan_of(&self, flow: &str) -> Result<PathBuf, Failure> {
        crate::flow::default_path(&self.state, flow)
    }
}

/// What would be done, and has not been.
pub struct PlannedFlow {
    flow: String,
    opened: Opened,
    plan: FlowPlan,
    place: Place,
    allowed: BTreeSet<Guard>,
}

impl std::fmt::Debug for PlannedFlow {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("PlannedFlow")
            .field("flow", &self.flow)
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

impl PlannedFlow {
    pub(super) const fn new(flow: String, opened: Opened, plan: FlowPlan, place: Place) -> Self {
        Self {
            flow,
            opened,
            plan,
            place,
            allowed: BTreeSet::new(),
        }
    }

    /// What was found, by collection: counts, guards, problems.
    pub const fn summary(&self) -> &FlowPlan {
        &self.plan
    }

    /// The file that the plan is in; an error if problems forbade one.
    pub fn file(&self) -> Result<&Path, Failure> {
        let written = self.plan.written.as_ref().map(|(path, _)| path.as_path());
        written.ok_or_else(|| self.problems())
    }

    /// Why there is no plan.
    fn problems(&self) -> Failure {
        let mut failure = Failure::configuration(format!("`{}` cannot be planned", self.flow));
        for one in &self.plan.collections {
            let told =
                |problem: &Problem| format!("{}: {}: {}", one.name, problem.place, problem.reason);
            failure.causes.extend(one.problems.iter().map(told));
        }
        failure
    }

    /// The changes, in the order in which they are made.
    pub fn changes(
        &self,
    ) -> Result<impl Iterator<Item = Result<FlowChange, Failure>> + use<>, Failure> {
        let changes = PlanReader::open(self.file()?)?.into_changes()?;
        Ok(changes.map(|change| Ok(FlowChange(change?))))
    }

    /// A guard does not hold for this plan.
    pub fn allowing(mut self, guard: Guard) -> Self {
        self.allowed.insert(guard);
        self
    }

    /// Makes the changes and no others. What the target declines is no error: the report counts it by
    /// collection, and [`AppliedFlow::outcomes`] says what became of each change.
    pub async fn apply(self) -> Result<AppliedFlow, Failure> {
        self.apply_told(Arc::new(Silent), CancellationToken::new())
            .await
    }

    /// The same, telling an observer how far it is, until it is stopped.
    pub async fn apply_told(
        self,
        observer: Arc<dyn Observer>,
        stop: CancellationToken,
    ) -> Result<AppliedFlow, Failure> {
        let plan = (self.plan.id.clone(), self.file()?.to_owned());
        let arguments = ApplyArgs {
            only: Only::default(),
            allowed: self.allowed.clone(),
            holder: Holder {
                command: format!("apply {}", self.flow),
                process_id: std::process::id(),
                host: String::new(),
                started: now_text(),
            },
        };
        let what = (self.place.state.as_path(), self.flow.as_str(), plan);
        let summary = apply_between(&self.opened, what, arguments, (observer, stop)).await?;
        let report = summary.report.ok_or_else(|| self.problems())?;
        Ok(AppliedFlow {
            report,
            plan: self.plan.id,
            outcomes: summary.outcome_file,
            _place: self.place,
        })
    }
}

/// What became of a plan.
pub struct AppliedFlow {
    /// How it ended, and what was done, held and declined, by collection.
    pub report: RunReport,
    /// The name of the plan.
    plan: String,
    outcomes: Option<PathBuf>,
    /// Where the outcomes are, until nobody asks for them.
    _place: Place,
}

impl std::fmt::Debug for AppliedFlow {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("AppliedFlow")
            .field("report", &self.report)
            .finish_non_exhaustive()
    }
}

impl AppliedFlow {
    /// What became of each change, in the order in which it became known. A change that was declined
    /// and offered again is there each time, and the last time counts; one that a run did not come to,
    /// since it was stopped or the target went away, is not there.
    pub fn outcomes(
        &self,
    ) -> Result<impl Iterator<Item = Result<ChangeOutcome, Failure>> + use<>, Failure> {
        let file = self.outcomes.as_deref();
        let outcomes = file
            .map(|file| read_outcomes(file, &self.plan))
            .transpose()?;
        Ok(outcomes.into_iter().flatten().map(|outcome| Ok(outcome?)))
    }
}

/// Hears nothing.
struct Silent;

impl Observer for Silent {
    fn on(&self, _: &Event) {}
}

/// A change of a plan.
#[derive(Clone, Debug)]
pub struct FlowChange(PlannedChange);

impl FlowChange {
    /// Its collection.
    pub const fn collection(&self) -> &CollectionName {
        &self.0.collection
    }

    /// What is to become of the record.
    pub const fn kind(&self) -> ChangeKind {
        self.0.kind
    }

    /// The values of the key, as a JSON list.
    pub fn key(&self) -> &str {
        match &self.0.key {
            PlannedKey::Text(key) => key.as_str(),
            PlannedKey::Digest(_) => "",
        }
    }

    /// Why it is kept back, if it is.
    pub fn held(&self) -> Option<&str> {
        self.0.sides.as_ref()?.held.as_deref()
    }

    /// The record as the target has it, as a type of the program; nothing if it has none.
    pub fn before<T: DeserializeOwned>(&self) -> Option<T> {
        let payload = self.0.sides.as_ref()?.before.as_ref()?;
        serde_json::from_slice(payload.bytes()).ok()
    }

    /// The record as it is to be; nothing if it is to go.
    pub fn after<T: DeserializeOwned>(&self) -> Option<T> {
        let payload = self.0.sides.as_ref()?.after.as_ref()?;
        serde_json::from_slice(payload.bytes()).ok()
    }
}
