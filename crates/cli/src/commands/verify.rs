//! `verify` and `drift`

use serde_json::Value;
use syncline::{
    Config, Failure, VerifyArgs as Comparison, VerifySummary, verify_document, write_verify_results,
};

use super::flow;
use super::publish::settings;
use crate::args::{DataArgs, DriftArgs, OnlyArgs, PairArgs, ShownArgs, VerifyArgs, told_data};
use crate::output::{self, Voice};
use crate::{compared, environment, progress, signals};

pub(crate) async fn run(arguments: &VerifyArgs, before: DataArgs) -> Result<u8, Failure> {
    let data = &told_data(&arguments.file, &arguments.told, before);
    if let Some((config, flow)) = flow_of(&arguments.pair, data) {
        let shown = shown(arguments.json);
        let told = (&shown, data);
        return flow::drift(("verify", &config, &flow), &arguments.only, told).await;
    }
    let outcome = async {
        let config = environment::connected(data).await?;
        whole(&arguments.only)?;
        let wanted = Comparison {
            settings: settings(&config, &arguments.pair),
            counts_only: arguments.counts,
            reasons: false,
        };
        let observer = progress::observer(data.log_format);
        syncline::verify(&config, wanted, observer, signals::stop_token()).await
    };
    tell("verify", arguments.json, (outcome.await, data))
}

pub(crate) async fn drift(arguments: &DriftArgs, before: DataArgs) -> Result<u8, Failure> {
    let data = &told_data(&arguments.file, &arguments.told, before);
    if let Some((config, flow)) = flow_of(&arguments.pair, data) {
        let shown = shown(arguments.json);
        let told = (&shown, data);
        return flow::drift(("drift", &config, &flow), &arguments.only, told).await;
    }
    let outcome = async {
        let config = environment::connected(data).await?;
        whole(&arguments.only)?;
        let wanted = Comparison {
            settings: settings(&config, &arguments.pair),
            counts_only: false,
            reasons: true,
        };
        let observer = progress::observer(data.log_format);
        syncline::verify(&config, wanted, observer, signals::stop_token()).await
    };
    tell("drift", arguments.json, (outcome.await, data))
}

/// The flow that is named in place of two stores.
fn flow_of(pair: &PairArgs, data: &DataArgs) -> Option<(Config, String)> {
    let name = pair.from.as_ref().filter(|_| pair.to.is_none())?;
    // What is wrong with the configuration is told by whoever needs it next.
    let config = environment::config(data).ok()?;
    config
        .flows
        .contains_key(name)
        .then(|| (config, name.clone()))
}

/// Only of flows a part can be meant.
fn whole(only: &OnlyArgs) -> Result<(), Failure> {
    if flow::only(only).is_everything() {
        return Ok(());
    }
    Err(Failure::configuration(flow::NARROWS)
        .with_hint("name the flow as the first argument and no second one"))
}

fn shown(json: bool) -> ShownArgs {
    ShownArgs {
        sample: None,
        show_values: false,
        json,
    }
}

/// Prints what was found, and writes the results file.
fn tell(
    command: &str,
    as_json: bool,
    (outcome, data): (Result<VerifySummary, Failure>, &DataArgs),
) -> Result<u8, Failure> {
    let exit_status = match &outcome {
        Ok(summary) => summary.exit_status(),
        Err(failure) => failure.kind.exit_status(),
    };
    let document = verify_document(command, outcome.as_ref(), exit_status);
    let written = write(data, &document);
    match outcome {
        Ok(_) if as_json => output::data(&format!("{document:#}\n")),
        Ok(summary) => output::data(&compared::of_verify(&summary)),
        Err(failure) => Voice::new(data.log_format).failure(&failure),
    }
    written.map(|()| exit_status)
}

/// Writes the results file, if one is wanted.
pub(super) fn write(data: &DataArgs, document: &Value) -> Result<(), Failure> {
    match &data.results_file {
        Some(path) => write_verify_results(path, document),
        None => Ok(()),
    }
}
