//! `create`

use syncline::{CreateSummary, Failure};

use super::results::{LIGHTBEAM_FATAL, is_lightbeam};
use super::send::selection;
use crate::args::{CreateArgs, DataArgs};
use crate::summary::count;
use crate::{environment, output};

pub(crate) async fn run(arguments: &CreateArgs, data: &DataArgs) -> Result<u8, Failure> {
    match create(arguments, data).await {
        Err(failure) if !arguments.strict_exit && is_lightbeam(data) => {
            output::failure(&failure);
            Ok(LIGHTBEAM_FATAL)
        }
        Err(failure) => Err(failure),
        Ok(summary) => {
            tell(&summary);
            Ok(0)
        }
    }
}

async fn create(arguments: &CreateArgs, data: &DataArgs) -> Result<CreateSummary, Failure> {
    let config = environment::config(data)?;
    for warning in &config.warnings {
        output::warning(warning);
    }
    let create = syncline::CreateArgs {
        selection: selection(data),
        folder: arguments.out.clone(),
        overwrite: arguments.overwrite,
    };
    syncline::create(&config, create).await
}

fn tell(summary: &CreateSummary) {
    for note in &summary.notes {
        output::warning(note);
    }
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    if let Some(folder) = summary.templates.first().and_then(|path| path.parent()) {
        output::note(&format!(
            "{} written to {}",
            count(number(summary.templates.len()), "template"),
            folder.display()
        ));
    }
    output::note(&format!(
        "{} added to {}",
        count(number(summary.destinations_added), "destination"),
        summary.project.display()
    ));
}
