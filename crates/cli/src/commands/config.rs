//! `config check` and `config schema`

use syncline::Failure;

use crate::args::{ConfigCommand, DataArgs};
use crate::{environment, output};

pub(crate) async fn run(command: ConfigCommand, before: DataArgs) -> Result<u8, Failure> {
    match command {
        ConfigCommand::Check(arguments) => {
            let data = DataArgs::from(arguments.file).or(before);
            check(&data, arguments.connect).await
        }
        ConfigCommand::Schema(arguments) => Ok(schema(arguments.jobs)),
    }
}

/// Prints a schema; the exit status.
fn schema(of_jobs: bool) -> u8 {
    let schema = if of_jobs {
        syncline::jobs_schema()
    } else {
        syncline::config_schema()
    };
    output::data(&format!("{schema:#}\n"));
    0
}

async fn check(data: &DataArgs, connect: bool) -> Result<u8, Failure> {
    let config = if connect {
        environment::connected(data).await?
    } else {
        environment::config(data)?
    };
    for warning in &config.warnings {
        output::warning(warning);
    }
    let state = config.state_folder.as_ref().map_or_else(
        || "no state is kept".to_owned(),
        |folder| format!("state in {}", folder.display()),
    );
    let sending = match (&config.source, &config.target) {
        (Some(source), Some(target)) => format!("  send goes from {source} to {target}\n"),
        _ => String::new(),
    };
    output::data(&format!("{}\n  {state}\n{sending}", config.file.display()));
    let mut exit_status = 0;
    for check in syncline::check(&config, connect).await {
        let facts: Vec<String> = check
            .facts
            .iter()
            .map(|fact| format!("  {fact}\n"))
            .collect();
        output::data(&format!("{}\n{}", check.name, facts.concat()));
        if let Some(failure) = check.failure {
            output::failure(&failure);
            exit_status = failure.kind.exit_status();
        }
    }
    if exit_status == 0 && !connect {
        output::note("The configuration can be used. Add --connect to try it.");
    }
    Ok(exit_status)
}
