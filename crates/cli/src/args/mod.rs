//! The command line as typed.
//!
//! Options that configuration files and data have in common may stand before or after the
//! command, as lightbeam's users write them.

mod create;
mod data;
mod fetch;
mod file;
mod flow;
mod paging;
mod publish;
mod restream;
mod sandbox;
mod sandbox_restream;
mod state;
mod validate;
mod watch;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use create::CreateArgs;
pub(crate) use data::{DataArgs, LogFormat};
pub(crate) use fetch::{ChoiceArgs, FetchArgs, FormatArg};
pub(crate) use file::FileArgs;
pub(crate) use flow::{
    AllowArgs, ApplyArgs, KindArg, OnlyArgs, PlanArgs, ReportArgs, ShownArgs, SyncArgs,
};
pub(crate) use paging::PagingArgs;
pub(crate) use publish::{
    DriftArgs, ExplainArgs, PairArgs, PublishArgs, VerifyArgs, data as told_data,
};
pub(crate) use restream::{
    FillArg, FollowedArg, PartitionArg, ProtocolArg, ResolutionArg, RestreamArgs,
    RestreamChangesArgs, RestreamCommand, RestreamDataArgs, RestreamFollowArgs, RestreamFormatArg,
    RestreamMirrorArgs, RestreamPlaceArgs, RestreamPlotArgs, RestreamRangeArgs, RestreamShapeArgs,
    RestreamStagesArgs, StageArg,
};
pub(crate) use sandbox::{
    ApiArg, AuthorizationArg, ModelArgs, PlaceArgs, SandboxArgs, SandboxCommand, SandboxEdfiArgs,
    SandboxReplayArgs, SandboxResetArgs, SandboxSeedArgs,
};
pub(crate) use sandbox_restream::{AggregationArg, BehaviourArgs, DensityArg, SandboxRestreamArgs};
pub(crate) use state::{
    ExportFormatArg, StateArgs, StateCommand, StateExportArgs, StateForgetArgs, StateImportArgs,
    StateOwedArgs, StatePart, StateRunsArgs, StateShowArgs,
};
pub(crate) use validate::{ChecksArgs, ValidateArgs, ValidateSendArgs};
pub(crate) use watch::WatchArgs;

/// Keep datastores in step: files, databases, directories and Ed-Fi APIs.
#[derive(Debug, Parser)]
#[command(
    infer_long_args = true,
    name = "syncline",
    version,
    disable_version_flag = true,
    arg_required_else_help = true,
    subcommand_required = true,
    args_override_self = true,
    after_help = "Run `syncline demo` for a tour that needs nothing else.",
    max_term_width = 100
)]
pub(crate) struct Arguments {
    /// Options given before the command.
    #[command(flatten)]
    pub(crate) before: Before,
    /// Print the version
    #[arg(short = 'V', short_alias = 'v', long, action = clap::ArgAction::Version)]
    pub(crate) version: Option<bool>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The options of data commands, accepted before the command without being listed there.
#[derive(Debug, Args)]
#[command(mut_args(|argument| argument.hide(true)))]
pub(crate) struct Before {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) choice: ChoiceArgs,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show everything on a small made-up district, with nothing else running
    Demo(DemoArgs),
    /// Send files into an Ed-Fi API, only what is new or changed
    Send(SendArgs),
    /// Check files before they are sent
    Validate(ValidateArgs),
    /// Check files, and send them if they may be sent
    #[command(name = "validate+send")]
    ValidateSend(ValidateSendArgs),
    /// Count the records of an Ed-Fi API
    Count(CountArgs),
    /// Fetch records of an Ed-Fi API into files
    Fetch(FetchArgs),
    /// Publish one Ed-Fi API to another, only what changed
    Publish(PublishArgs),
    /// Plan a flow: what would be done, and nothing is
    Plan(PlanArgs),
    /// Make the changes of a plan, and no others
    Apply(ApplyArgs),
    /// Bring the target of a flow in step with its source, within the guards
    Sync(SyncArgs),
    /// Do what `sync` does again and again, within the guards
    ///
    /// A round begins when the one before it has ended. Failures make the next one wait longer;
    /// what guards hold ends nothing. SIGINT and SIGTERM end it: with status 0 between rounds, with
    /// 5 in one.
    Watch(WatchArgs),
    /// Compare two Ed-Fi APIs, or the sides of a flow
    Verify(VerifyArgs),
    /// Show in what two Ed-Fi APIs, or the sides of a flow, differ, and why
    Drift(DriftArgs),
    /// Look at one record on both sides, and at what is known of it
    Explain(ExplainArgs),
    /// Delete from an Ed-Fi API what has the keys of the records in files
    Delete(RemoveArgs),
    /// Delete everything that selected collections of an Ed-Fi API hold
    Truncate(RemoveArgs),
    /// Make the skeleton of an earthmover project that fits an Ed-Fi API
    Create(CreateArgs),
    /// Ask the Restream API for sites, stages, measurements and corrections
    Restream(RestreamArgs),
    /// Look at what is kept from run to run, or change it
    State(StateArgs),
    /// Look at the configuration
    Config(ConfigArgs),
    /// Make a consistent synthetic district as JSONL files
    Generate(GenerateArgs),
    /// Run a local server that behaves as the real ones do
    Sandbox(SandboxArgs),
    /// Print a script that completes commands and options in a shell
    Completions(CompletionsArgs),
    /// Print the version
    Version,
}

/// Show everything on a small made-up district, with nothing else running
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Folder for the district, the configuration and the state
    #[arg(long, value_name = "FOLDER", default_value = "demo")]
    pub(crate) dir: PathBuf,
    /// Number of students
    #[arg(long, value_name = "NUMBER", default_value_t = 300)]
    pub(crate) students: u64,
}

/// Send files into an Ed-Fi API, only what is new or changed
#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Count what would be sent, and send nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Send the records of a reject file instead of the data folder
    #[arg(long, value_name = "FILE")]
    pub(crate) rejects: Option<PathBuf>,
    /// Write refused records to this file instead of the state folder
    #[arg(long, value_name = "FILE")]
    pub(crate) reject_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) prune: PruneArgs,
    /// Use Syncline's exit status also with a lightbeam.yaml
    #[arg(long)]
    pub(crate) strict_exit: bool,
}

/// What is deleted that was sent before.
#[derive(Debug, Args)]
#[command(next_help_heading = "Deleting what is no longer there")]
pub(crate) struct PruneArgs {
    /// Delete from the API what was sent before and is no longer in the data folder, as far as
    /// the guards allow
    #[arg(long)]
    pub(crate) prune: bool,
    /// Allow `--prune` up to so many deletes in each collection, for this run
    #[arg(long, value_name = "NUMBER")]
    pub(crate) allow_deletes: Option<u64>,
    /// Never delete from these collections, or these records (`collection:DIGEST`), separated by
    /// commas
    #[arg(long, value_name = "LIST")]
    pub(crate) protect: Option<String>,
}

/// Count the records of an Ed-Fi API
#[derive(Debug, Args)]
pub(crate) struct CountArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Text between the two columns; a tab if neither this nor the configuration says
    #[arg(long, value_name = "TEXT")]
    pub(crate) separator: Option<String>,
    /// Print collections without records, too
    #[arg(long)]
    pub(crate) all: bool,
    /// Use Syncline's exit status also with a lightbeam.yaml
    #[arg(long)]
    pub(crate) strict_exit: bool,
}

/// Delete from an Ed-Fi API
#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Delete without asking
    #[arg(short = 'y', long)]
    pub(crate) yes: bool,
    /// Use Syncline's exit status also with a lightbeam.yaml
    #[arg(long)]
    pub(crate) strict_exit: bool,
}

/// Look at the configuration
#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

/// What to look at.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check the configuration without touching the network
    Check(ConfigCheckArgs),
    /// Print the JSON Schema of a configuration, for editors
    ///
    /// With `# yaml-language-server: $schema=FILE` as its first line, an editor completes a
    /// syncline.yaml and shows mistakes in it.
    Schema(ConfigSchemaArgs),
}

/// Print the JSON Schema of a configuration, for editors
#[derive(Debug, Args)]
pub(crate) struct ConfigSchemaArgs {
    /// That of a jobs file for `publish --jobs`
    #[arg(long)]
    pub(crate) jobs: bool,
}

/// Check the configuration without touching the network
#[derive(Debug, Args)]
pub(crate) struct ConfigCheckArgs {
    #[command(flatten)]
    pub(crate) file: FileArgs,
    /// Connect to each store and say what is there
    #[arg(long)]
    pub(crate) connect: bool,
}

/// Make a consistent synthetic district as JSONL files
#[derive(Debug, Args)]
pub(crate) struct GenerateArgs {
    /// Number of students
    #[arg(long, value_name = "NUMBER")]
    pub(crate) students: u64,
    /// Number the district follows from; the same number gives the same files
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Folder for the files
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: PathBuf,
    /// School year the district is in
    #[arg(long, value_name = "YEAR", default_value_t = 2026)]
    pub(crate) school_year: i16,
    /// Records that repeat a key with other content
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 0,
        help_heading = "Planted defects"
    )]
    pub(crate) duplicate_keys: usize,
    /// Records that refer to something missing
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 0,
        help_heading = "Planted defects"
    )]
    pub(crate) dangling_references: usize,
    /// Records with a descriptor value that does not exist
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 0,
        help_heading = "Planted defects"
    )]
    pub(crate) bad_descriptors: usize,
    /// Lines that are no JSON
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 0,
        help_heading = "Planted defects"
    )]
    pub(crate) bad_json: usize,
}

/// Print a script that completes commands and options in a shell
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

#[cfg(test)]
mod tests;
