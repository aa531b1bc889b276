//! `send`

use syncline::{
    Config, Ending, Failure, PruneArgs, RemedyReport, Resend, Selection, SendSummary,
    ValidateSummary,
};

use super::results::finish_after;
use crate::args::{DataArgs, SendArgs};
use crate::output::Voice;
use crate::{environment, planned, progress, signals, summary};

pub(crate) async fn run(arguments: &SendArgs, data: &DataArgs) -> Result<u8, Failure> {
    run_after(None, arguments, data).await
}

/// Sends what was checked before, if it was.
pub(crate) async fn run_after(
    validation: Option<&ValidateSummary>,
    arguments: &SendArgs,
    data: &DataArgs,
) -> Result<u8, Failure> {
    let config = environment::connected(data).await;
    let outcome = match &config {
        Ok(config) => send(config, arguments, data).await,
        Err(_) => Err(Failure::configuration("")),
    };
    let (config, outcome) = match config {
        Ok(config) => (Some(config), outcome),
        Err(failure) => (None, Err(failure)),
    };
    let exit_status = finish_after(
        validation,
        "send",
        (config.as_ref(), &outcome),
        data,
        arguments.strict_exit,
    );
    // A results file that cannot be written does not take the summary with it.
    match outcome {
        Ok(summary) => tell(summary, arguments, data),
        Err(failure) => Voice::new(data.log_format).failure(&failure),
    }
    exit_status
}

async fn send(
    config: &Config,
    arguments: &SendArgs,
    data: &DataArgs,
) -> Result<SendSummary, Failure> {
    for warning in &config.warnings {
        Voice::new(data.log_format).warning(warning);
    }
    let send = syncline::SendArgs {
        selection: selection(data),
        force: data.force,
        resend: resend(data)?,
        rejects: arguments.rejects.clone(),
        dry_run: arguments.dry_run,
        prune: prune(arguments)?,
        reject_file: arguments.reject_file.clone(),
        holder: environment::holder(if arguments.dry_run {
            "send --dry-run"
        } else {
            "send"
        }),
    };
    let observer = progress::observer(data.log_format);
    syncline::send(config, send, observer, signals::stop_token()).await
}

/// What is to be deleted, if anything is.
fn prune(arguments: &SendArgs) -> Result<Option<PruneArgs>, Failure> {
    let arguments = &arguments.prune;
    let protected = arguments.protect.as_deref().unwrap_or_default();
    let protected = protected.split(',').map(str::trim);
    let prune = PruneArgs {
        allowed: arguments.allow_deletes,
        protected: protected
            .filter(|term| !term.is_empty())
            .map(str::to_owned)
            .collect(),
    };
    if !arguments.prune && prune != PruneArgs::default() {
        let message = "--allow-deletes and --protect say how far `--prune` may go";
        return Err(
            Failure::configuration(message).with_hint("without `--prune` nothing is deleted")
        );
    }
    Ok(arguments.prune.then_some(prune))
}

/// The collections asked for.
pub(crate) fn selection(data: &DataArgs) -> Selection {
    let text = |list: &Option<String>| list.clone().unwrap_or_default();
    Selection::from_lists(&text(&data.selector), &text(&data.exclude))
}

fn resend(data: &DataArgs) -> Result<Resend, Failure> {
    let time = |name: &str, text: &Option<String>| {
        text.as_deref()
            .filter(|text| !text.is_empty())
            .map(|text| syncline::parse_time(name, text))
            .transpose()
    };
    let statuses = data.resend_status_codes.as_deref().unwrap_or("");
    let statuses = statuses
        .split(',')
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .map(status_code)
        .collect::<Result<_, _>>()?;
    Ok(Resend {
        older_than: time("--older-than", &data.older_than)?,
        newer_than: time("--newer-than", &data.newer_than)?,
        statuses,
    })
}

fn status_code(text: &str) -> Result<u16, Failure> {
    let code = text.parse().ok().filter(|code| (100..600).contains(code));
    code.ok_or_else(|| {
        Failure::configuration(format!("--resend-status-codes: {text} is no status code"))
    })
}

fn tell(summary: SendSummary, arguments: &SendArgs, data: &DataArgs) {
    let voice = Voice::new(data.log_format);
    for ignored in &summary.ignored {
        voice.warning(ignored);
    }
    let remediation = summary.remediation.iter();
    for warning in remediation.flat_map(RemedyReport::warnings) {
        voice.warning(&warning);
    }
    let text = if arguments.dry_run {
        planned::of_send(&summary)
    } else {
        summary::of_send(&summary, data.config_file.as_deref())
    };
    voice.summary(&text, &summary.report);
    if let Ending::Failed(error) = summary.report.ending {
        voice.failure(&error.into());
    }
}
