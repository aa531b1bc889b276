//! Options of flows.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::FileArgs;
use super::publish::ToldArgs;

/// Plan a flow: what would be created, updated and deleted, and nothing is
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// The flow, by its name in the configuration
    pub(crate) flow: String,
    /// Put the plan into this file instead of the state folder
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Write the plan as a page for a browser, too
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) shown: ShownArgs,
    #[command(flatten)]
    pub(crate) only: OnlyArgs,
    #[command(flatten)]
    pub(crate) file: FileArgs,
    #[command(flatten)]
    pub(crate) told: ToldArgs,
}

/// Make the changes of a plan, and no others
#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// The plan
    pub(crate) plan: PathBuf,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
    #[command(flatten)]
    pub(crate) allow: AllowArgs,
    #[command(flatten)]
    pub(crate) only: OnlyArgs,
    #[command(flatten)]
    pub(crate) file: FileArgs,
    #[command(flatten)]
    pub(crate) told: ToldArgs,
}

/// Bring the target of a flow in step with its source, within the guards
#[derive(Debug, Args)]
pub(crate) struct SyncArgs {
    /// The flow, by its name in the configuration
    pub(crate) flow: String,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
    #[command(flatten)]
    pub(crate) allow: AllowArgs,
    #[command(flatten)]
    pub(crate) only: OnlyArgs,
    #[command(flatten)]
    pub(crate) file: FileArgs,
    #[command(flatten)]
    pub(crate) told: ToldArgs,
}

/// What a plan is told as.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ShownArgs {
    /// Changes of each collection and kind that are shown one by one; by default 3, with `--json` 20
    #[arg(long, value_name = "NUMBER")]
    pub(crate) sample: Option<usize>,
    /// Print the values of fields, too, which may be personal data
    #[arg(long)]
    pub(crate) show_values: bool,
    /// Print what was found as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// What is written of a run for a browser.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ReportArgs {
    /// Write what was done as a page for a browser
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Show the values of fields on the page, too, which may be personal data
    #[arg(long, requires = "report")]
    pub(crate) show_values: bool,
}

/// Which guards do not hold for this once.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct AllowArgs {
    /// Guards that do not hold for this once, separated by commas, as `plan` names them
    #[arg(long, value_name = "LIST")]
    pub(crate) allow: Option<String>,
}

/// What of a flow is meant.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Part of a flow")]
pub(crate) struct OnlyArgs {
    /// Only the record with this key: its values in order, separated by commas (can be repeated)
    #[arg(long = "only-key", value_name = "KEY")]
    pub(crate) key: Vec<String>,
    /// Only this collection (can be repeated)
    #[arg(long = "only-collection", value_name = "NAME")]
    pub(crate) collection: Vec<String>,
    /// Only changes of this kind (can be repeated)
    #[arg(long = "only-kind", value_name = "KIND")]
    pub(crate) kind: Vec<KindArg>,
}

/// A kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KindArg {
    /// What the target does not have
    Create,
    /// What it has otherwise
    Update,
    /// What takes another key
    Rekey,
    /// What the source no longer has
    Delete,
}
