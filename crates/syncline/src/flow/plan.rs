//! Planning a flow: what would be done, and nothing is.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use syncline_engine::{FlowJob, FlowPlan, Only};
use syncline_ledger::LedgerView;
use syncline_model::Collection;
use tokio_util::sync::CancellationToken;

use super::follow::FlowPositions;
use super::only::{had_by_somebody, meant};
use super::open::{Opened, open_for};
use crate::send::MEMORY_BUDGET;
use crate::{Config, Failure, open as stores};

/// What to plan.
#[derive(Clone, Debug, Default)]
pub struct FlowArgs {
    /// The flow.
    pub flow: String,
    /// What of it is meant.
    pub only: Only,
    /// From where on its source is read, where only what changed since is meant.
    pub since: Option<FlowPositions>,
    /// Where the plan goes; by default into the state folder.
    pub out: Option<PathBuf>,
}

/// What was planned.
#[derive(Debug)]
pub struct PlanSummary {
    /// The flow.
    pub flow: String,
    /// What differs.
    pub plan: FlowPlan,
    /// Whether only some kinds of change were asked for.
    pub of_some_kinds: bool,
}

/// Under which name the ledger knows a flow.
pub(super) fn scope_name(flow: &str) -> String {
    format!("flow:{flow}")
}

/// Plans a flow and puts the plan into a file.
pub async fn plan_flow(
    config: &Config,
    arguments: FlowArgs,
    stop: CancellationToken,
) -> Result<PlanSummary, Failure> {
    let opened = stores::unless_stopped(&stop, "planned", open_for(config, &arguments)).await?;
    let state = state_folder(config)?;
    let out = match &arguments.out {
        Some(out) => out.clone(),
        None => default_path(&state, &arguments.flow)?,
    };
    let plan = planned(&opened, (&state, &arguments), &out, stop).await?;
    Ok(PlanSummary {
        of_some_kinds: !arguments.only.kinds.is_empty(),
        flow: arguments.flow,
        plan,
    })
}

/// Compares both sides of a flow. What differs is put beside the plan, which stays as it is.
pub async fn drift_flow(
    config: &Config,
    arguments: FlowArgs,
    stop: CancellationToken,
) -> Result<PlanSummary, Failure> {
    let state = state_folder(config)?;
    let out = default_path(&state, &format!("{}.drift", arguments.flow))?;
    let arguments = FlowArgs {
        out: Some(out),
        ..arguments
    };
    plan_flow(config, arguments, stop).await
}

/// The state folder, made if need be.
pub(super) fn state_folder(config: &Config) -> Result<PathBuf, Failure> {
    let folder = config.state_folder.clone();
    let folder = folder.ok_or_else(|| Failure::configuration("flows need a `state_dir`"))?;
    stores::create_private_folder(&folder)?;
    Ok(folder)
}

pub(crate) fn default_path(state: &Path, flow: &str) -> Result<PathBuf, Failure> {
    Ok(plans_folder(state)?.join(format!("{flow}.jsonl")))
}

fn plans_folder(state: &Path) -> Result<PathBuf, Failure> {
    let folder = state.join("plans");
    stores::create_private_folder(&folder)?;
    Ok(folder)
}

/// Plans an opened flow.
pub(crate) async fn planned(
    opened: &Opened,
    (state, arguments): (&Path, &FlowArgs),
    out: &Path,
    stop: CancellationToken,
) -> Result<FlowPlan, Failure> {
    let since = arguments.since.as_ref();
    let since = since.map(|positions| opened.followed(positions));
    let only = meant(&arguments.only, &opened.collections())?;
    // Whatever is set aside there has no name, and goes with the process.
    let work_folder = plans_folder(state)?;
    let identities = (
        opened.catalogs.0.identity.clone(),
        opened.catalogs.1.identity.clone(),
    );
    let mut ledger = None;
    if LedgerView::is_in(state) {
        let view = LedgerView::open(state)?;
        let scope = view.find_scope(&identities.1, &scope_name(&arguments.flow))?;
        ledger = scope.map(|scope| (view, scope));
    }
    let job = FlowJob {
        flow: arguments.flow.clone(),
        source: Arc::clone(&opened.source),
        target: Arc::clone(&opened.target),
        identities,
        parts: opened.parts.clone(),
        mapping: opened.mapping,
        ledger,
        only: only.clone(),
        since: since.transpose()?.unwrap_or_default(),
        work_folder,
        memory_budget: MEMORY_BUDGET,
    };
    let plan = syncline_engine::plan_flow(job, out, stop).await?;
    let collections: Vec<&Collection> = opened.parts.iter().map(|part| &*part.collection).collect();
    had_by_somebody(&plan, (&only, &collections))?;
    Ok(plan)
}
