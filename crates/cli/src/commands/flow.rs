//! `plan`, `apply` and `sync`, and what `verify`, `drift` and `explain` do with flows

use std::collections::BTreeSet;

use serde_json::{Value, json};
use syncline::{
    ApplySummary, ChangeKind, CollectionName, Config, Failure, FlowArgs, Guard, Only, PlanSummary,
};

use super::verify::write;
use crate::args::{
    AllowArgs, ApplyArgs, DataArgs, KindArg, OnlyArgs, PlanArgs, ReportArgs, ShownArgs, SyncArgs,
    told_data,
};
use crate::flows::Sample;
use crate::output::{self, Voice};
use crate::{environment, flows, progress, signals};

pub(crate) async fn plan(arguments: &PlanArgs, before: DataArgs) -> Result<u8, Failure> {
    let data = &told_data(&arguments.file, &arguments.told, before);
    let outcome = async {
        let config = environment::config(data)?;
        let wanted = FlowArgs {
            flow: arguments.flow.clone(),
            only: only(&arguments.only),
            out: arguments.out.clone(),
            ..FlowArgs::default()
        };
        syncline::plan_flow(&config, wanted, signals::stop_token()).await
    };
    let outcome = outcome.await;
    let status = outcome.as_ref().ok().map(PlanSummary::exit_status);
    let page = match (&arguments.report, &outcome) {
        (Some(path), Ok(summary)) => {
            syncline::write_plan_report(path, summary, arguments.shown.show_values)
        }
        _ => Ok(()),
    };
    let told = tell_plan("plan", (outcome, status), (&arguments.shown, data))?;
    page.map(|()| told)
}

/// Whether anything differs in a flow.
pub(crate) async fn drift(
    (command, config, flow): (&str, &Config, &str),
    only_args: &OnlyArgs,
    (shown, data): (&ShownArgs, &DataArgs),
) -> Result<u8, Failure> {
    let wanted = FlowArgs {
        flow: flow.to_owned(),
        only: only(only_args),
        ..FlowArgs::default()
    };
    let outcome = syncline::drift_flow(config, wanted, signals::stop_token()).await;
    let status = outcome.as_ref().ok().map(PlanSummary::difference_status);
    tell_plan(command, (outcome, status), (shown, data))
}

fn tell_plan(
    command: &str,
    (outcome, status): (Result<PlanSummary, Failure>, Option<u8>),
    (shown, data): (&ShownArgs, &DataArgs),
) -> Result<u8, Failure> {
    let status = match (&outcome, status) {
        (Err(failure), _) => failure.kind.exit_status(),
        (Ok(_), status) => status.unwrap_or_default(),
    };
    let sample = |show_values| Sample {
        each: shown.sample,
        show_values,
    };
    // Values are shown to whoever asks for them, and are in no file that stays.
    let document = match &outcome {
        Ok(summary) => flows::plan_document(command, (summary, status), sample(false))?,
        Err(failure) => failed(command, failure, status),
    };
    let written = write(data, &document);
    let sample = sample(shown.show_values);
    match &outcome {
        Ok(summary) if shown.json => {
            let document = flows::plan_document(command, (summary, status), sample)?;
            output::data(&format!("{document:#}\n"));
        }
        Ok(summary) => output::data(&flows::of_plan(command, summary, sample)?),
        Err(failure) => Voice::new(data.log_format).failure(failure),
    }
    written.map(|()| status)
}

pub(crate) async fn apply(arguments: &ApplyArgs, before: DataArgs) -> Result<u8, Failure> {
    let data = &told_data(&arguments.file, &arguments.told, before);
    let outcome = async {
        let config = environment::config(data)?;
        let wanted = apply_args("apply", &arguments.allow, &arguments.only)?;
        let observer = progress::observer(data.log_format);
        let plan = (&*arguments.plan, wanted);
        syncline::apply_flow(&config, plan, observer, signals::stop_token()).await
    };
    tell_applied("apply", outcome.await, (&arguments.report, data))
}

pub(crate) async fn sync(arguments: &SyncArgs, before: DataArgs) -> Result<u8, Failure> {
    let data = &told_data(&arguments.file, &arguments.told, before);
    let outcome = async {
        let config = environment::config(data)?;
        let flow = FlowArgs {
            flow: arguments.flow.clone(),
            only: only(&arguments.only),
            ..FlowArgs::default()
        };
        let wanted = apply_args("sync", &arguments.allow, &OnlyArgs::default())?;
        let observer = progress::observer(data.log_format);
        syncline::sync_flow(&config, (flow, wanted), observer, signals::stop_token()).await
    };
    tell_applied("sync", outcome.await, (&arguments.report, data))
}

pub(super) fn tell_applied(
    command: &str,
    outcome: Result<ApplySummary, Failure>,
    (page, data): (&ReportArgs, &DataArgs),
) -> Result<u8, Failure> {
    let page = match (&page.report, &outcome) {
        (Some(path), Ok(summary)) => syncline::write_run_report(path, summary, page.show_values),
        _ => Ok(()),
    };
    let status = match &outcome {
        Ok(summary) => summary.exit_status(),
        Err(failure) => failure.kind.exit_status(),
    };
    let document = match &outcome {
        Ok(summary) => flows::apply_document(command, summary, status),
        Err(failure) => failed(command, failure, status),
    };
    let written = write(data, &document);
    match outcome {
        Ok(summary) => {
            let text = flows::of_apply(&summary);
            Voice::new(data.log_format).finished(&text, document);
        }
        Err(failure) => Voice::new(data.log_format).failure(&failure),
    }
    written.and(page).map(|()| status)
}

fn failed(command: &str, failure: &Failure, status: u8) -> Value {
    json!({
        "command": command, "exit_status": status,
        "error": {"message": failure.message, "causes": failure.causes, "hints": failure.hints},
    })
}

fn apply_args(
    command: &str,
    allow: &AllowArgs,
    only_args: &OnlyArgs,
) -> Result<syncline::ApplyArgs, Failure> {
    Ok(syncline::ApplyArgs {
        only: only(only_args),
        allowed: allowed(allow)?,
        holder: environment::holder(command),
    })
}

/// Guards by their names. A reading that was not complete is never made up for.
fn allowed(allow: &AllowArgs) -> Result<BTreeSet<Guard>, Failure> {
    const ALL: [Guard; 5] = [
        Guard::EmptySource,
        Guard::ShrunkenSource,
        Guard::DeleteShare,
        Guard::DeleteCount,
        Guard::UpdateShare,
    ];
    let names = allow.allow.as_deref().unwrap_or_default().split(',');
    let names = names.map(str::trim).filter(|name| !name.is_empty());
    let guard = |name: &str| {
        let found = ALL.into_iter().find(|guard| guard.name() == name);
        found.ok_or_else(|| {
            let known = ALL.map(Guard::name).join(", ");
            Failure::configuration(format!("`--allow` names no guard `{name}`"))
                .with_hint(format!("guards that can be lifted: {known}"))
        })
    };
    names.map(guard).collect()
}

/// What a flow alone can be asked for.
pub(super) const NARROWS: &str =
    "`--only-key`, `--only-collection` and `--only-kind` narrow a flow";

pub(crate) fn only(arguments: &OnlyArgs) -> Only {
    let kind = |kind: &KindArg| match kind {
        KindArg::Create => ChangeKind::Create,
        KindArg::Update => ChangeKind::Update,
        KindArg::Rekey => ChangeKind::Rekey,
        KindArg::Delete => ChangeKind::Delete,
    };
    let collections = arguments.collection.iter();
    Only {
        keys: arguments
            .key
            .iter()
            .map(|key| syncline::typed_key(key))
            .collect(),
        kinds: arguments.kind.iter().map(kind).collect(),
        collections: collections
            .map(|name| CollectionName::new(name.as_str()))
            .collect(),
        may_be_missing: false,
    }
}
