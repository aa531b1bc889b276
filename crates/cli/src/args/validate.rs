//! Options of commands that check files.

use clap::Args;

use super::SendArgs;
use super::data::DataArgs;

/// Check files before they are sent
#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) checks: ChecksArgs,
    /// Use Syncline's exit status also with a lightbeam.yaml
    #[arg(long)]
    pub(crate) strict_exit: bool,
}

/// Check files, and send them if they may be sent
#[derive(Debug, Args)]
pub(crate) struct ValidateSendArgs {
    #[command(flatten)]
    pub(crate) send: SendArgs,
    #[command(flatten)]
    pub(crate) checks: ChecksArgs,
}

/// What is checked.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Checking")]
pub(crate) struct ChecksArgs {
    /// Checks to make, separated by commas: schema, descriptors, uniqueness, references, or all;
    /// by default what the configuration says, else all but references
    #[arg(long, value_name = "LIST")]
    pub(crate) methods: Option<String>,
    /// Stop at so many errors in one collection
    #[arg(long, value_name = "NUMBER")]
    pub(crate) max_failures: Option<u64>,
}
