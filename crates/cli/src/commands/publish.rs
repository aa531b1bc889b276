//! `publish`

use syncline::{
    Choice, Config, Ending, Failure, PublishSettings, PublishStart, PublishSummary,
    write_publish_results,
};

use crate::args::{DataArgs, PairArgs, PublishArgs};
use crate::output::{self, Voice};
use crate::{environment, progress, published, signals};

pub(crate) async fn run(arguments: &PublishArgs, data: &DataArgs) -> Result<u8, Failure> {
    let outcome = publish(arguments, data).await;
    finish(outcome, data)
}

/// Tells what came of a publication, and writes its results file; the exit status.
pub(super) fn finish(
    outcome: Result<PublishSummary, Failure>,
    data: &DataArgs,
) -> Result<u8, Failure> {
    let exit_status = match &outcome {
        Ok(summary) => summary.exit_status(),
        Err(failure) => failure.kind.exit_status(),
    };
    let written = match &data.results_file {
        Some(path) => write_publish_results(path, outcome.as_ref(), exit_status),
        None => Ok(()),
    };
    // A results file that cannot be written does not take the summary with it.
    match outcome {
        Ok(summary) => tell(summary, data),
        Err(failure) => Voice::new(data.log_format).failure(&failure),
    }
    written.map(|()| exit_status)
}

async fn publish(arguments: &PublishArgs, data: &DataArgs) -> Result<PublishSummary, Failure> {
    let mut config = config(arguments, data).await?;
    let voice = Voice::new(data.log_format);
    for warning in &config.warnings {
        voice.warning(warning);
    }
    let mut settings = settings(&config, &arguments.pair);
    switches(arguments, &mut settings);
    let paging = arguments.paging.given(arguments.version_window);
    if !paging.is_empty() {
        let from = settings.from.clone().unwrap_or_default();
        config.set_paging(Some(&from), &paging)?;
    }
    let publish = syncline::PublishArgs {
        settings,
        start: start(arguments),
        force: arguments.what.force,
        owed_only: arguments.what.retry_owed,
        reject_file: arguments.reject_file.clone(),
        holder: environment::holder("publish"),
    };
    let observer = progress::observer(data.log_format);
    syncline::publish(&config, publish, observer, signals::stop_token()).await
}

/// What the command line says of any publication, in place of what is configured.
pub(super) fn switches(arguments: &PublishArgs, settings: &mut PublishSettings) {
    settings.choice.descriptors |= arguments.pair.descriptors;
    settings.ignore_isolation |= arguments.ignore_isolation;
    settings.ignore_deletes |= arguments.ignore_deletes;
    settings.failures_max = arguments.max_failures.or(settings.failures_max);
    settings.forbidden_as_warning |= arguments.forbidden_as_warning;
    settings.allowed_deletes = arguments.deletes.allow_deletes;
    if let Some(protected) = &arguments.deletes.protect {
        settings.protected.extend(Choice::terms(protected));
    }
}

/// From where on the source is read.
pub(super) fn start(arguments: &PublishArgs) -> PublishStart {
    match (arguments.what.full, arguments.what.since) {
        (true, _) => PublishStart::Full,
        (false, Some(version)) => PublishStart::After(version),
        (false, None) => PublishStart::Marks,
    }
}

/// The configuration: our own, or what the settings of the Ed-Fi API Publisher amount to.
async fn config(arguments: &PublishArgs, data: &DataArgs) -> Result<Config, Failure> {
    if arguments.from_api_publisher.is_empty() {
        return environment::connected(data).await;
    }
    let wanted = environment::config_args(data)?;
    let imported = syncline::import_api_publisher(
        &arguments.from_api_publisher,
        &arguments.api_publisher_options,
        &wanted,
    )?;
    output::data(&imported.text);
    let voice = Voice::new(data.log_format);
    for warning in &imported.warnings {
        voice.warning(warning);
    }
    imported.connected().await
}

/// What the configuration says, with what the command line says in its place.
pub(super) fn settings(config: &Config, pair: &PairArgs) -> PublishSettings {
    let mut settings = config.publish.clone().unwrap_or_default();
    let terms = |list: &Option<String>| list.as_deref().map(Choice::terms);
    settings.from = pair.from.clone().or(settings.from);
    settings.to = pair.to.clone().or(settings.to);
    let configured = settings.choice.clone();
    let choice = &mut settings.choice;
    for (given, kept) in [
        (terms(&pair.include), &mut choice.include),
        (terms(&pair.include_only), &mut choice.include_only),
        (terms(&pair.exclude), &mut choice.exclude),
        (terms(&pair.exclude_only), &mut choice.exclude_only),
    ] {
        if let Some(given) = given {
            *kept = given;
        }
    }
    settings.instead_of = (configured != *choice).then_some(configured);
    choice.descriptors |= pair.descriptors;
    settings
}

fn tell(summary: PublishSummary, data: &DataArgs) {
    let voice = Voice::new(data.log_format);
    for note in &summary.notes {
        voice.warning(note);
    }
    voice.summary(
        &published::of_publish(&summary, data.config_file.as_deref()),
        &summary.report,
    );
    if let Ending::Failed(error) = summary.report.ending {
        voice.failure(&error.into());
    }
}
