//! `validate` and `validate+send`

use syncline::{Config, Failure, ValidateResults, ValidateSummary, write_validate_results};

use super::results::{LIGHTBEAM_FATAL, is_lightbeam};
use super::send;
use crate::args::{ChecksArgs, DataArgs, ValidateArgs, ValidateSendArgs};
use crate::output::{self, Voice};
use crate::{environment, progress, signals, validated};

/// `validate`: checks, and says what was found.
pub(crate) async fn run(arguments: &ValidateArgs, data: &DataArgs) -> Result<u8, Failure> {
    let checked = Checked::new(&arguments.checks, data).await?;
    let status = checked.exit_status(data, arguments.strict_exit);
    checked.tell("validate", data, status)?;
    Ok(status)
}

/// `validate+send`: checks, and sends if what was found lets it. As the results file is that of
/// sending then, it holds what was found beside it.
pub(crate) async fn then_send(
    arguments: &ValidateSendArgs,
    data: &DataArgs,
) -> Result<u8, Failure> {
    let strict = arguments.send.strict_exit;
    let checked = Checked::new(&arguments.checks, data).await?;
    let status = checked.exit_status(data, strict);
    checked.tell("validate+send", data, status)?;
    match &checked.outcome {
        Ok(summary) if summary.lets_send(strict) => {
            send::run_after(Some(summary), &arguments.send, data).await
        }
        Ok(_) => {
            output::note("Nothing was sent.");
            Ok(status)
        }
        Err(_) => Ok(status),
    }
}

/// What came of checking, and with which configuration.
struct Checked {
    config: Option<Config>,
    outcome: Result<ValidateSummary, Failure>,
}

impl Checked {
    async fn new(checks: &ChecksArgs, data: &DataArgs) -> Result<Self, Failure> {
        let config = match environment::config(data) {
            Ok(config) => config,
            Err(failure) => {
                return Ok(Self {
                    config: None,
                    outcome: Err(failure),
                });
            }
        };
        for warning in &config.warnings {
            Voice::new(data.log_format).warning(warning);
        }
        let validate = syncline::ValidateArgs {
            selection: send::selection(data),
            methods: checks.methods.clone(),
            max_failures: checks.max_failures,
        };
        let observer = progress::observer(data.log_format);
        let outcome = syncline::validate(&config, validate, observer, signals::stop_token()).await;
        Ok(Self {
            config: Some(config),
            outcome,
        })
    }

    fn exit_status(&self, data: &DataArgs, strict: bool) -> u8 {
        match &self.outcome {
            Ok(summary) => summary.exit_status(strict),
            Err(_) if is_lightbeam(data) && !strict => LIGHTBEAM_FATAL,
            Err(failure) => failure.kind.exit_status(),
        }
    }

    /// Says what was found, and writes it where it is wanted.
    fn tell(&self, command: &str, data: &DataArgs, exit_status: u8) -> Result<(), Failure> {
        let voice = Voice::new(data.log_format);
        match &self.outcome {
            Ok(summary) => {
                for note in &summary.notes {
                    voice.warning(note);
                }
                voice.finished(&validated::summary(summary), summary.to_json());
            }
            Err(failure) => voice.failure(failure),
        }
        let Some(path) = &data.results_file else {
            return Ok(());
        };
        let results = ValidateResults {
            command,
            config: self.config.as_ref(),
            working_folder: &environment::current_folder()?,
            outcome: self.outcome.as_ref(),
            exit_status,
        };
        write_validate_results(path, &results)
    }
}
