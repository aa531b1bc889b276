//! `watch`

use serde_json::json;
use syncline::{
    ApplySummary, Clock as _, Config, Ending, Failure, FlowArgs, Following, PublishArgs,
    PublishStart, PublishSummary, RoundEnd, RunReport, SystemClock, WatchObserver, WatchSettings,
    parse_duration,
};
use tokio_util::sync::CancellationToken;

use super::{flow, publish};
use crate::args::{DataArgs, ReportArgs, WatchArgs, told_data};
use crate::output::Voice;
use crate::{environment, progress, signals};

/// What a round does.
enum Task {
    /// What of a flow is done, and what is known between rounds, where not each of them reads everything.
    Flow(Box<FlowArgs>, Option<Following>),
    Publication(Box<syncline::PublishSettings>),
}

/// Tells of what happens between rounds.
struct Told(Voice);

impl WatchObserver for Told {
    fn waits(&self, until: &str, failures: u64) {
        let event = json!({
            "event": "waiting", "until": until, "consecutive_failures": failures,
        });
        let failed = match failures {
            0 => String::new(),
            1 => " after a failure".to_owned(),
            failures => format!(" after {failures} failures in a row"),
        };
        self.0.job_ended(
            &format!("The next round begins at {until}{failed}."),
            &event,
        );
    }

    fn unhealthy(&self, failure: &Failure) {
        self.0.warning(&failure.message);
    }
}

pub(crate) async fn run(arguments: &WatchArgs, before: DataArgs) -> Result<u8, Failure> {
    let data = &told_data(&arguments.file, &arguments.told, before);
    let config = environment::connected(data).await?;
    let voice = Voice::new(data.log_format);
    for warning in &config.warnings {
        voice.warning(warning);
    }
    let mut task = task(arguments, &config)?;
    let settings = WatchSettings {
        name: match &task {
            Task::Flow(wanted, _) => wanted.flow.clone(),
            Task::Publication(_) => "publish".to_owned(),
        },
        every: parse_duration("--every", &arguments.every)?,
        longest_wait: parse_duration("--longest-wait", &arguments.longest_wait)?,
        times: arguments.times,
        health: arguments.health.clone(),
        process_id: std::process::id(),
    };
    let page = &arguments.report;
    let round = async |stop| Box::pin(round((&mut task, page), (&config, data), stop)).await;
    let stop = signals::stop_token();
    syncline::watch(&settings, &SystemClock, round, &Told(voice), stop).await
}

fn task(arguments: &WatchArgs, config: &Config) -> Result<Task, Failure> {
    match (&arguments.flow, &config.publish) {
        (Some(name), _) => {
            let every = arguments.full_every.as_ref();
            let every = every.map(|text| parse_duration("--full-every", text));
            let wanted = FlowArgs {
                flow: name.clone(),
                only: flow::only(&arguments.only),
                ..FlowArgs::default()
            };
            let following = every.transpose()?.map(Following::new);
            Ok(Task::Flow(Box::new(wanted), following))
        }
        (None, _) if !flow::only(&arguments.only).is_everything() => {
            let message = format!("{}, and none is named", flow::NARROWS);
            Err(Failure::configuration(message))
        }
        (None, Some(_)) if arguments.report.report.is_some() => {
            let message = "`--report` is a page of a flow, and none is named";
            Err(Failure::configuration(message))
        }
        (None, Some(settings)) => Ok(Task::Publication(Box::new(settings.clone()))),
        (None, None) => {
            let message = "it is not said what is to be watched";
            let hint = "name a flow, or say under `publish:` what is published where";
            Err(Failure::configuration(message).with_hint(hint))
        }
    }
}

async fn round(
    (task, page): (&mut Task, &ReportArgs),
    (config, data): (&Config, &DataArgs),
    stop: CancellationToken,
) -> RoundEnd {
    let observer = progress::observer(data.log_format);
    let (error, status) = match task {
        Task::Flow(wanted, following) => {
            let since = following.as_mut();
            wanted.since = since.map(|following| following.begins(SystemClock.now()));
            // The plan has nothing else, and all of it is meant.
            let arguments = syncline::ApplyArgs {
                only: syncline::Only::default(),
                allowed: [].into(),
                holder: environment::holder("watch"),
            };
            let flow = ((**wanted).clone(), arguments);
            let outcome = syncline::sync_flow(config, flow, observer, stop).await;
            // A first round without the keys ends it, and what is known of may come and go.
            wanted.only.may_be_missing = true;
            let report = |summary: &'_ ApplySummary| summary.report.as_ref().and_then(broken);
            let error = why(&outcome, report);
            if let Some(following) = following {
                follow(following, &outcome, data);
            }
            (error, flow::tell_applied("watch", outcome, (page, data)))
        }
        Task::Publication(settings) => {
            let arguments = PublishArgs {
                settings: (**settings).clone(),
                start: PublishStart::Marks,
                force: false,
                owed_only: false,
                reject_file: None,
                holder: environment::holder("watch"),
            };
            let outcome = syncline::publish(config, arguments, observer, stop).await;
            let error = why(&outcome, |summary: &PublishSummary| broken(&summary.report));
            (error, publish::finish(outcome, data))
        }
    };
    match status {
        Ok(exit_status) => RoundEnd { exit_status, error },
        Err(failure) => {
            Voice::new(data.log_format).failure(&failure);
            RoundEnd {
                exit_status: failure.kind.exit_status(),
                error: error.or(Some(failure.message)),
            }
        }
    }
}

/// Notes how a round ended, for the next one, and tells whoever waits for changes in vain.
fn follow(following: &mut Following, outcome: &Result<ApplySummary, Failure>, data: &DataArgs) {
    let done = outcome.as_ref().ok();
    let done = done.filter(|summary| summary.exit_status() == 0);
    if !following.ended(done) && done.is_some() {
        let message = "the source does not tell what changes, so the next round reads all of it";
        Voice::new(data.log_format).warning(message);
    }
}

/// Why a round failed, if it did.
fn why<T>(
    outcome: &Result<T, Failure>,
    broken: impl FnOnce(&T) -> Option<String>,
) -> Option<String> {
    match outcome {
        Ok(summary) => broken(summary),
        Err(failure) => Some(failure.message.clone()),
    }
}

fn broken(report: &RunReport) -> Option<String> {
    match &report.ending {
        Ending::Failed(error) => Some(error.to_string()),
        Ending::Completed | Ending::Interrupted => None,
    }
}
