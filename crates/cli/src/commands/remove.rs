//! `delete` and `truncate`

use syncline::{Config, Ending, Failure, Intent, Removal, SendSummary};
use tokio_util::sync::CancellationToken;

use super::results::finish;
use super::send::selection;
use crate::args::{DataArgs, RemoveArgs};
use crate::output::Voice;
use crate::summary::number;
use crate::{environment, output, progress, signals, summary};

/// Exit status after an answer other than yes.
const DECLINED: u8 = 1;
/// Collections that are named in the question; the rest is counted.
const NAMES_SHOWN: usize = 20;

pub(crate) async fn run(
    removal: Removal,
    arguments: &RemoveArgs,
    data: &DataArgs,
) -> Result<u8, Failure> {
    let word = word(removal);
    let config = environment::connected(data).await;
    let outcome = match &config {
        Ok(config) => remove(config, removal, arguments, data).await,
        Err(_) => Ok(None),
    };
    let (config, outcome) = match config {
        Ok(config) => (Some(config), outcome),
        Err(failure) => (None, Err(failure)),
    };
    let outcome = match outcome {
        Ok(Some(summary)) => Ok(summary),
        Ok(None) => {
            output::note("Nothing was deleted.");
            return Ok(DECLINED);
        }
        Err(failure) => Err(failure),
    };
    let exit_status = finish(
        word,
        (config.as_ref(), &outcome),
        data,
        arguments.strict_exit,
    )?;
    match outcome {
        Ok(summary) => tell(summary, data),
        Err(failure) => Voice::new(data.log_format).failure(&failure),
    }
    Ok(exit_status)
}

async fn remove(
    config: &Config,
    removal: Removal,
    arguments: &RemoveArgs,
    data: &DataArgs,
) -> Result<Option<SendSummary>, Failure> {
    for warning in &config.warnings {
        Voice::new(data.log_format).warning(warning);
    }
    let yes = arguments.yes || config.force_delete;
    let remove = syncline::RemoveArgs {
        selection: selection(data),
        removal,
        holder: environment::holder(word(removal)),
    };
    let stop = CancellationToken::new();
    // Until the question is answered, nothing has begun that would have to be stopped cleanly.
    let confirm = |intent: &Intent| {
        let go = yes || ask(intent);
        signals::cancel_when_told(&stop);
        go
    };
    let watching = (progress::observer(data.log_format), stop.clone());
    syncline::remove(config, remove, confirm, watching).await
}

const fn word(removal: Removal) -> &'static str {
    match removal {
        Removal::Named => "delete",
        Removal::Everything => "truncate",
    }
}

/// Says what is about to go and waits for `yes`.
fn ask(intent: &Intent) -> bool {
    output::note(&format!("About to delete from {}:", intent.api));
    let there = intent
        .collections
        .iter()
        .filter(|(_, count)| *count != Some(0));
    for (name, count) in there.clone().take(NAMES_SHOWN) {
        match count {
            Some(count) => output::note(&format!("  {}: {} records", name.short(), number(*count))),
            None => output::note(&format!(
                "  {}: the records named in the files",
                name.short()
            )),
        }
    }
    let more = there.count().saturating_sub(NAMES_SHOWN);
    if more > 0 {
        output::note(&format!("  ... and {more} further collections"));
    }
    output::is_confirmed("Type \"yes\" to delete them:")
}

fn tell(summary: SendSummary, data: &DataArgs) {
    let voice = Voice::new(data.log_format);
    for ignored in &summary.ignored {
        voice.warning(ignored);
    }
    voice.summary(&summary::of_removal(&summary), &summary.report);
    if let Ending::Failed(error) = summary.report.ending {
        voice.failure(&error.into());
    }
}
