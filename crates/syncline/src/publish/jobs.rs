//! Many pairs: a jobs file names several publications, which run side by side.
//!
//! A job is what a section `publish` is, under a name of its own; what it does not say is as in the
//! section `publish` of the configuration. A job that fails does not stop the others.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use syncline_engine::Observer;
use syncline_ledger::Holder;
use tokio_util::sync::CancellationToken;

use super::{PublishArgs, PublishSettings, PublishStart, PublishSummary, names, publish};
use crate::config::Section;
use crate::config::shape::{Kind, Shape, key, sections};
use crate::{Config, ConfigArgs, Failure, config};

/// Jobs that run at once where the file does not say.
const AT_ONCE: usize = 2;
/// Most jobs that may run at once: each has connections, files and memory of its own.
const AT_ONCE_MAX: usize = 64;

/// The keys of a jobs file.
pub(crate) const SHAPE: Shape = Shape::of(&[
    key(
        "at_once",
        Kind::Whole(1, AT_ONCE_MAX as u64),
        "Most jobs that run at once.",
    ),
    sections(
        "jobs",
        &super::settings::SHAPE,
        "Publications by name; what one does not say is as in the section `publish`.",
    ),
]);

/// What a jobs file says.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishJobs {
    /// Most jobs that run at once.
    pub at_once: usize,
    /// In the order of the file.
    pub jobs: Vec<NamedJob>,
}

/// One publication of a jobs file.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedJob {
    /// Its name in the file.
    pub name: String,
    /// What is published where.
    pub settings: PublishSettings,
}

/// What the command line says about all jobs.
#[derive(Clone, Debug)]
pub struct JobsArgs {
    /// From where on the sources are read.
    pub start: PublishStart,
    /// Whether what is known to be there is written all the same.
    pub force: bool,
    /// Whether only what is owed is offered.
    pub owed_only: bool,
    /// Who holds the ledger meanwhile; the name of the job is added to the command.
    pub holder: Holder,
}

/// What came of a job.
#[derive(Debug)]
pub struct JobOutcome {
    /// Its name in the file.
    pub name: String,
    /// What it did, or why it did nothing.
    pub outcome: Result<PublishSummary, Failure>,
}

impl JobOutcome {
    /// The exit status that the job alone would have.
    pub fn exit_status(&self) -> u8 {
        match &self.outcome {
            Ok(summary) => summary.exit_status(),
            Err(failure) => failure.kind.exit_status(),
        }
    }
}

/// Told of what happens to jobs.
pub trait JobsObserver: Send + Sync {
    /// A job begins; the observer of what it does.
    fn begins(&self, name: &str) -> Arc<dyn Observer>;
    /// A job has ended.
    fn ended(&self, outcome: &JobOutcome);
}

impl PublishJobs {
    /// Reads a jobs file; touches no network. Stores are those of the configuration.
    pub fn load(file: &Path, config: &Config, arguments: &ConfigArgs) -> Result<Self, Failure> {
        let path = arguments.current_folder.join(file);
        let text = fs_err::read_to_string(&path).map_err(|error| {
            Failure::configuration(error.to_string()).with_hint("give the file with `--jobs FILE`")
        })?;
        let document = (text.as_str(), &SHAPE);
        config::read_document(file, document, &arguments.environment, |root| {
            Self::read(root, config)
        })
    }

    fn read(root: &Section<'_>, config: &Config) -> Result<Self, Failure> {
        let at_once = root.parsed("at_once", "a whole number")?.unwrap_or(AT_ONCE);
        if !(1..=AT_ONCE_MAX).contains(&at_once) {
            let message = format!("must be a whole number from 1 to {AT_ONCE_MAX}");
            return Err(root.failure("at_once", message));
        }
        let defaults = config.publish.clone().unwrap_or_default();
        let mut jobs = Vec::new();
        let mut pairs = BTreeMap::new();
        for (name, section) in root.named_sections("jobs")? {
            let settings = PublishSettings::of(&section, &defaults)?;
            if let Some(unknown) = section.unknown().into_iter().next() {
                return Err(unknown);
            }
            let pair = names(config, &settings).map_err(|failure| section.located(failure))?;
            for store in [&pair.0, &pair.1] {
                config
                    .knows_api(store)
                    .map_err(|failure| section.located(failure))?;
            }
            let key = (pair, settings.job.clone().unwrap_or_default());
            if let Some(other) = pairs.insert(key, name.clone()) {
                let message = format!("publishes the same pair as `{other}`");
                let failure = Failure::configuration(format!("`{name}` {message}")).with_hint(
                    "give them names that keep their marks apart, as in `job: attendance`",
                );
                return Err(section.located(failure));
            }
            jobs.push(NamedJob { name, settings });
        }
        if let Some(unknown) = root.unknown().into_iter().next() {
            return Err(unknown);
        }
        if jobs.is_empty() {
            return Err(root.failure("jobs", "names nothing to publish"));
        }
        Ok(Self { at_once, jobs })
    }
}

/// Publishes all jobs, some at once. What came of them is in the order of the file; when `stop` is
/// cancelled, those that run end as they do alone, and those that wait do not begin.
pub async fn publish_jobs(
    config: &Config,
    jobs: &PublishJobs,
    arguments: &JobsArgs,
    (observer, stop): (&dyn JobsObserver, &CancellationToken),
) -> Vec<JobOutcome> {
    let time = Timestamp::now().strftime("%Y%m%dT%H%M%S%3fZ").to_string();
    let running = jobs.jobs.iter().enumerate().map(|(place, job)| {
        let reject_file = reject_file(config, &time, place);
        Box::pin(async move {
            let arguments = of_job(job, arguments, reject_file);
            let watching = observer.begins(&job.name);
            // A job that fails cancels its own token, and nobody else's.
            let stop = stop.child_token();
            let outcome = JobOutcome {
                name: job.name.clone(),
                outcome: publish(config, arguments, watching, stop).await,
            };
            observer.ended(&outcome);
            outcome
        })
    });
    let mut outcomes: Vec<JobOutcome> = stream::iter(running)
        .buffer_unordered(jobs.at_once)
        .collect()
        .await;
    let place = |name: &str| jobs.jobs.iter().position(|job| job.name == name);
    outcomes.sort_by_key(|outcome| place(&outcome.name));
    outcomes
}

fn of_job(job: &NamedJob, arguments: &JobsArgs, reject_file: PathBuf) -> PublishArgs {
    PublishArgs {
        settings: job.settings.clone(),
        start: arguments.start,
        force: arguments.force,
        owed_only: arguments.owed_only,
        reject_file: Some(reject_file),
        holder: Holder {
            command: format!("{} (job {})", arguments.holder.command, job.name),
            ..arguments.holder.clone()
        },
    }
}

/// A reject file for each job, told apart by its place in the jobs file.
fn reject_file(config: &Config, time: &str, place: usize) -> PathBuf {
    let folder = config.state_folder.clone().unwrap_or_default();
    let name = format!("{time}-{}.jsonl", place + 1);
    folder.join("rejects").join(name)
}
