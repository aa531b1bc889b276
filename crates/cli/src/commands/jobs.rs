//! `publish --jobs`

use std::path::Path;
use std::sync::Arc;

use syncline::{
    Failure, JobOutcome, JobsArgs, JobsObserver, Observer, PublishJobs, write_jobs_results,
};

use super::publish::{start, switches};
use crate::args::{DataArgs, LogFormat, PublishArgs};
use crate::output::Voice;
use crate::{environment, progress, published, signals};

pub(crate) async fn run(
    file: &Path,
    arguments: &PublishArgs,
    data: &DataArgs,
) -> Result<u8, Failure> {
    let outcome = publish(file, arguments, data).await;
    let exit_status = match &outcome {
        // The worst of them: statuses grow with what a person has to do.
        Ok(outcomes) => outcomes.iter().map(JobOutcome::exit_status).max(),
        Err(failure) => Some(failure.kind.exit_status()),
    };
    let exit_status = exit_status.unwrap_or_default();
    let written = match &data.results_file {
        Some(path) => {
            let outcome = outcome.as_ref().map(Vec::as_slice);
            write_jobs_results(path, outcome, exit_status)
        }
        None => Ok(()),
    };
    let voice = Voice::new(data.log_format);
    match &outcome {
        Ok(outcomes) => voice.finished(
            &published::of_jobs(outcomes),
            published::jobs_event(outcomes),
        ),
        Err(failure) => voice.failure(failure),
    }
    written.map(|()| exit_status)
}

async fn publish(
    file: &Path,
    arguments: &PublishArgs,
    data: &DataArgs,
) -> Result<Vec<JobOutcome>, Failure> {
    let wanted = environment::config_args(data)?;
    let mut config = environment::connected(data).await?;
    let teller = Teller {
        format: data.log_format,
    };
    for warning in &config.warnings {
        teller.voice().warning(warning);
    }
    let mut jobs = PublishJobs::load(file, &config, &wanted)?;
    let paging = arguments.paging.given(arguments.version_window);
    for job in &mut jobs.jobs {
        switches(arguments, &mut job.settings);
        if !paging.is_empty() {
            let from = job.settings.from.clone().unwrap_or_default();
            config.set_paging(Some(&from), &paging)?;
        }
    }
    let arguments = JobsArgs {
        start: start(arguments),
        force: arguments.what.force,
        owed_only: arguments.what.retry_owed,
        holder: environment::holder("publish"),
    };
    let stop = signals::stop_token();
    Ok(syncline::publish_jobs(&config, &jobs, &arguments, (&teller, &stop)).await)
}

/// Tells when jobs begin and end. A live line for each would overwrite the others, so what happens
/// within a job is told by its name, one line for each collection.
struct Teller {
    format: Option<LogFormat>,
}

impl Teller {
    fn voice(&self) -> Voice {
        Voice::new(self.format)
    }
}

impl JobsObserver for Teller {
    fn begins(&self, name: &str) -> Arc<dyn Observer> {
        progress::of_job(self.format, name)
    }

    fn ended(&self, outcome: &JobOutcome) {
        let voice = self.voice();
        if let Ok(summary) = &outcome.outcome {
            for note in &summary.notes {
                voice.warning(&format!("{}: {note}", outcome.name));
            }
        }
        voice.job_ended(&published::of_job(outcome), &published::job_event(outcome));
    }
}
