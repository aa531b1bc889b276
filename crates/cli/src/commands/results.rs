//! Ending a command: its exit status, and its results file if one is wanted.

use syncline::{Config, Dialect, Failure, Results, SendSummary, ValidateSummary, write_results};

use crate::args::DataArgs;
use crate::environment;

/// Exit status of lightbeam where it cannot go on.
pub(crate) const LIGHTBEAM_FATAL: u8 = 255;

/// The exit status of a command; also writes its results file.
pub(crate) fn finish(
    command: &str,
    came_of_it: (Option<&Config>, &Result<SendSummary, Failure>),
    data: &DataArgs,
    strict: bool,
) -> Result<u8, Failure> {
    finish_after(None, command, came_of_it, data, strict)
}

/// The same for a command that checked the records before.
pub(crate) fn finish_after(
    validation: Option<&ValidateSummary>,
    command: &str,
    (config, outcome): (Option<&Config>, &Result<SendSummary, Failure>),
    data: &DataArgs,
    strict: bool,
) -> Result<u8, Failure> {
    let lightbeam = is_lightbeam(data);
    let exit_status = match outcome {
        Ok(summary) => summary.exit_status(strict),
        Err(_) if lightbeam && !strict => LIGHTBEAM_FATAL,
        Err(failure) => failure.kind.exit_status(),
    };
    if let Some(path) = &data.results_file {
        let results = Results {
            command,
            config,
            working_folder: &environment::current_folder()?,
            outcome: outcome.as_ref(),
            validation,
            exit_status,
        };
        write_results(path, &results)?;
    }
    Ok(exit_status)
}

/// Whether lightbeam's customs apply, even if its configuration cannot be used.
pub(crate) fn is_lightbeam(data: &DataArgs) -> bool {
    environment::dialect(data) == Dialect::Lightbeam
}
