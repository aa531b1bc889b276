//! Applying a plan, and bringing a flow in step at once.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use syncline_engine::{
    ApplyJob, FlowPlan, Moved, Observer, Only, Remaining, RunReport, Settings, apply_plan,
    compare_plans,
};
use syncline_ledger::Holder;
use syncline_model::CollectionName;
use syncline_plan::{Guard, GuardPolicy, PlanReader};
use syncline_store::layers::RetryPolicy;
use tokio_util::sync::CancellationToken;

use super::only::{in_plan, meant};
use super::open::{Opened, open, open_for};
use super::plan::{FlowArgs, default_path, planned, scope_name, state_folder};
use super::stages::{before_others, has_unfit, has_written, is_over, with_earlier};
use crate::hold::Hold;
use crate::{Config, Failure, open as stores, rejects};

/// Runs among which it is looked for whether a plan was begun before.
const RUNS_LOOKED_AT: u32 = 500;
/// Most writes under way at once, where the target does not say.
const CONCURRENCY: usize = 8;

/// What to apply.
#[derive(Clone, Debug)]
pub struct ApplyArgs {
    /// What of it is meant.
    pub only: Only,
    /// Guards that do not hold for this once.
    pub allowed: BTreeSet<Guard>,
    /// Who holds the ledger meanwhile.
    pub holder: Holder,
}

/// What was done.
#[derive(Debug)]
pub struct ApplySummary {
    /// The plan, by its name and its file.
    pub plan: (String, PathBuf),
    /// What differed, where it was planned just now.
    pub planned: Option<FlowPlan>,
    /// What became of it; nothing if problems forbade a plan.
    pub report: Option<RunReport>,
    /// Where refused records are, if there are any.
    pub reject_file: Option<PathBuf>,
    /// What became of each change, one JSON object per line, if there were any.
    pub outcome_file: Option<PathBuf>,
}

/// Makes the changes of a plan and no others. It is refused if either side is no longer what it was
/// when the plan was made, except for what an earlier run of the same plan has done.
pub async fn apply_flow(
    config: &Config,
    (file, arguments): (&Path, ApplyArgs),
    observer: Arc<dyn Observer>,
    stop: CancellationToken,
) -> Result<ApplySummary, Failure> {
    let mut reader = PlanReader::open(file)?;
    let header = reader.header().clone();
    let opened = stores::unless_stopped(&stop, "applied", open(config, &header.flow)).await?;
    if opened.mapping != header.mapping {
        let message = format!(
            "the flow `{}` is not as it was when the plan was made",
            header.flow
        );
        return Err(Failure::configuration(message).with_hint(again(&header.flow)));
    }
    let names = header.collections.iter().map(|one| one.name.clone());
    let arguments = ApplyArgs {
        only: meant(&arguments.only, &names.collect::<Vec<_>>())?,
        ..arguments
    };
    in_plan(&arguments.only, &mut reader)?;
    let state = state_folder(config)?;
    let scope = scope_name(&header.flow);
    let hold = Hold::open_flow(
        Some(&state),
        (&opened.catalogs.1.identity, &scope),
        &arguments.holder,
    )?;
    let command = command_of(&header.id);
    let begun = hold.ledger.runs(RUNS_LOOKED_AT)?;
    let begun = begun.iter().any(|run| run.start.command == command);
    let names = header.collections.iter().map(|one| one.name.clone());
    let flow = FlowArgs {
        flow: header.flow.clone(),
        only: Only {
            collections: names.collect(),
            ..Only::default()
        },
        ..FlowArgs::default()
    };
    let now = hold.work_folder.join("now.jsonl");
    let fresh = planned(&opened, (&state, &flow), &now, stop.clone()).await?;
    if fresh.written.is_none() {
        let message = "the two sides cannot be compared as they are now; nothing was applied";
        return Err(Failure::configuration(message).with_hint(format!(
            "`syncline plan {}` says what is wrong",
            header.flow
        )));
    }
    let remaining = compare_plans(file, &now, begun)?;
    let remaining = remaining.map_err(|moved| refusal(&header.flow, &moved))?;
    let run = Run {
        state: &state,
        opened: &opened,
        arguments,
        plan: (header.id, file.to_owned()),
        remaining: Some(remaining),
    };
    run.go(hold, &header.flow, (observer, stop)).await
}

/// Plans a flow and applies the plan, within the guards. Where rows do not fit since what they look up in
/// the target is still to be written, that is written first.
pub async fn sync_flow(
    config: &Config,
    (flow, arguments): (FlowArgs, ApplyArgs),
    observer: Arc<dyn Observer>,
    stop: CancellationToken,
) -> Result<ApplySummary, Failure> {
    let run = async |flow: &FlowArgs| {
        let wanted = (flow.clone(), arguments.clone());
        synced(config, wanted, Arc::clone(&observer), stop.clone()).await
    };
    let (first, looked_up) = Box::pin(run(&flow)).await?;
    if looked_up.is_empty() || !has_unfit(&first) || !is_over(&first) {
        return Ok(first);
    }
    let mut earlier = Vec::new();
    if first.report.is_none() {
        let narrowed = looked_up
            .iter()
            .filter_map(|name| before_others(&flow, name));
        for flow in narrowed {
            let (summary, _) = Box::pin(run(&flow)).await?;
            if !is_over(&summary) {
                return Ok(with_earlier(summary, earlier));
            }
            earlier.push(summary);
        }
    }
    let has_written = |summary: &ApplySummary| has_written(summary, &looked_up);
    if !has_written(&first) && !earlier.iter().any(has_written) {
        return Ok(first);
    }
    earlier.push(first);
    let (last, _) = Box::pin(run(&flow)).await?;
    Ok(with_earlier(last, earlier))
}

/// Does so once, and says in which collections that the flow fills it looks up.
async fn synced(
    config: &Config,
    (flow, arguments): (FlowArgs, ApplyArgs),
    observer: Arc<dyn Observer>,
    stop: CancellationToken,
) -> Result<(ApplySummary, Vec<CollectionName>), Failure> {
    let opened = stores::unless_stopped(&stop, "synchronised", open_for(config, &flow)).await?;
    let state = state_folder(config)?;
    let scope = scope_name(&flow.flow);
    let hold = Hold::open_flow(
        Some(&state),
        (&opened.catalogs.1.identity, &scope),
        &arguments.holder,
    )?;
    let out = match &flow.out {
        Some(out) => out.clone(),
        None => default_path(&state, &flow.flow)?,
    };
    let plan = planned(&opened, (&state, &flow), &out, stop.clone()).await?;
    if plan.written.is_none() {
        let summary = ApplySummary {
            plan: (plan.id.clone(), out),
            planned: Some(plan),
            report: None,
            reject_file: None,
            outcome_file: None,
        };
        return Ok((summary, opened.looked_up));
    }
    let run = Run {
        state: &state,
        opened: &opened,
        arguments,
        plan: (plan.id.clone(), out),
        remaining: None,
    };
    let summary = run.go(hold, &flow.flow, (observer, stop)).await?;
    let summary = ApplySummary {
        planned: Some(plan),
        ..summary
    };
    Ok((summary, opened.looked_up))
}

/// Makes the changes of a plan of an opened flow, which was planned just now.
pub(crate) async fn apply_between(
    opened: &Opened,
    (state, flow, plan): (&Path, &str, (String, PathBuf)),
    arguments: ApplyArgs,
    watched: (Arc<dyn Observer>, CancellationToken),
) -> Result<ApplySummary, Failure> {
    let scope = scope_name(flow);
    let target = (&opened.catalogs.1.identity, scope.as_str());
    let hold = Hold::open_flow(Some(state), target, &arguments.holder)?;
    let run = Run {
        state,
        opened,
        arguments,
        plan,
        remaining: None,
    };
    run.go(hold, flow, watched).await
}

struct Run<'run> {
    state: &'run Path,
    opened: &'run Opened,
    arguments: ApplyArgs,
    plan: (String, PathBuf),
    remaining: Option<Remaining>,
}

impl Run<'_> {
    async fn go(
        self,
        hold: Hold,
        flow: &str,
        (observer, stop): (Arc<dyn Observer>, CancellationToken),
    ) -> Result<ApplySummary, Failure> {
        let outcomes = default_path(self.state, &format!("{flow}.outcomes"))?;
        let reject_file = rejects::named_after_the_time(Some(self.state));
        let target = &self.opened.catalogs.1;
        let mut ledger = hold.ledger;
        let scope = ledger.scope(&target.identity, &scope_name(flow))?;
        let in_flight = target.capabilities.in_flight;
        let job = ApplyJob {
            command: command_of(&self.plan.0),
            plan: self.plan.1.clone(),
            remaining: self.remaining,
            only: self.arguments.only,
            allowed: self.arguments.allowed,
            target: Arc::clone(&self.opened.target),
            catalog: target.clone(),
            ledger,
            scope,
            settings: Settings {
                concurrency_max: if in_flight == 0 {
                    CONCURRENCY
                } else {
                    in_flight
                },
                retry: RetryPolicy::default(),
                memory_budget: crate::send::MEMORY_BUDGET,
                work_folder: hold.work_folder,
                reject_file: reject_file.clone(),
                outcome_file: Some((outcomes.clone(), self.plan.0.clone())),
                guards: GuardPolicy::default(),
            },
        };
        let report = Box::pin(apply_plan(job, observer, stop)).await;
        Ok(ApplySummary {
            plan: self.plan,
            planned: None,
            report: Some(report),
            reject_file: reject_file.is_file().then_some(reject_file),
            outcome_file: outcomes.is_file().then_some(outcomes),
        })
    }
}

/// By which the history of runs knows a plan.
fn command_of(id: &str) -> String {
    format!("apply {id}")
}

fn again(flow: &str) -> String {
    format!("plan it again: `syncline plan {flow}`")
}

fn refusal(flow: &str, moved: &Moved) -> Failure {
    let names = |side: &str, names: &[CollectionName]| {
        let names: Vec<&str> = names.iter().map(CollectionName::as_str).collect();
        (!names.is_empty()).then(|| format!("{side}: {}", names.join(", ")))
    };
    let sides = [
        names("source", &moved.source),
        names("target", &moved.target),
    ];
    let sides: Vec<String> = sides.into_iter().flatten().collect();
    let mut failure = Failure::configuration(format!(
        "something has moved since the plan was made ({}); nothing was applied",
        if sides.is_empty() {
            "the changes are others".to_owned()
        } else {
            sides.join("; ")
        },
    ));
    let new = match moved.new {
        1 => "1 change is new".to_owned(),
        new => format!("{new} changes are new"),
    };
    let are = if moved.gone == 1 { "is" } else { "are" };
    failure.causes.push(format!(
        "{new}, and {} of the plan {are} no longer to be made",
        moved.gone
    ));
    failure.with_hint(again(flow))
}
