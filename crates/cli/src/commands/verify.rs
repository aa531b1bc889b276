//! `verify`

use syncline::{Failure, VerifySummary, write_verify_results};

use super::publish::settings;
use crate::args::{DataArgs, VerifyArgs};
use crate::output::{self, Voice};
use crate::{environment, progress, published, signals};

pub(crate) async fn run(arguments: &VerifyArgs, data: &DataArgs) -> Result<u8, Failure> {
    let outcome = verify(arguments, data).await;
    let exit_status = match &outcome {
        Ok(summary) => summary.exit_status(),
        Err(failure) => failure.kind.exit_status(),
    };
    let written = match &data.results_file {
        Some(path) => write_verify_results(path, outcome.as_ref(), exit_status),
        None => Ok(()),
    };
    match outcome {
        Ok(summary) => output::data(&published::of_verify(&summary)),
        Err(failure) => Voice::new(data.log_format).failure(&failure),
    }
    written.map(|()| exit_status)
}

async fn verify(arguments: &VerifyArgs, data: &DataArgs) -> Result<VerifySummary, Failure> {
    let config = environment::config(data)?;
    let verify = syncline::VerifyArgs {
        settings: settings(&config, &arguments.pair),
        counts_only: arguments.counts,
    };
    let observer = progress::observer(data.log_format);
    syncline::verify(&config, verify, observer, signals::stop_token()).await
}
