//! Options of `watch`.

use std::path::PathBuf;

use clap::Args;

use super::FileArgs;
use super::flow::{OnlyArgs, ReportArgs};
use super::publish::ToldArgs;

/// Do what `sync` does again and again, within the guards
#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// The flow, by its name in the configuration; without one, what `publish:` names is published
    pub(crate) flow: Option<String>,
    /// Time from the beginning of one round to that of the next, such as 30s, 5m or 1h
    #[arg(long, value_name = "TIME")]
    pub(crate) every: String,
    /// Read everything of the flow only this often, and in the rounds between only what changed, where
    /// the source tells; what went without its telling is seen when everything is read
    #[arg(long, value_name = "TIME", requires = "flow")]
    pub(crate) full_every: Option<String>,
    /// Longest wait after rounds that failed: each failure in a row doubles it up to this
    #[arg(long, value_name = "TIME", default_value = "1h")]
    pub(crate) longest_wait: String,
    /// End after so many rounds, with the exit status of the last one
    #[arg(long, value_name = "NUMBER")]
    pub(crate) times: Option<u64>,
    /// Say in this file, as JSON, how it is doing
    #[arg(long, value_name = "FILE")]
    pub(crate) health: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
    #[command(flatten)]
    pub(crate) only: OnlyArgs,
    #[command(flatten)]
    pub(crate) file: FileArgs,
    #[command(flatten)]
    pub(crate) told: ToldArgs,
}
