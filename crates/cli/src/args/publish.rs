//! Options of `publish`, `verify`, `drift` and `explain`.

use std::path::PathBuf;

use clap::Args;

use super::{DataArgs, FileArgs, LogFormat, OnlyArgs, PagingArgs};

/// What `verify` and `drift` compare.
const FLOW_OR_STORE: &str =
    "A flow, whose two sides are compared, or the store to read, by its name in the configuration";
const OTHER_STORE: &str =
    "Store to compare it with, by its name in the configuration; with a flow there is none";

/// Publish one Ed-Fi API to another: what was written, re-keyed and deleted since the last time
#[derive(Debug, Args)]
pub(crate) struct PublishArgs {
    #[command(flatten)]
    pub(crate) file: FileArgs,
    #[command(flatten)]
    pub(crate) pair: PairArgs,
    /// Read the live data, without a snapshot
    #[arg(long)]
    pub(crate) ignore_isolation: bool,
    /// Do not read deletes: what went in the source stays in the target
    #[arg(long)]
    pub(crate) ignore_deletes: bool,
    #[command(flatten)]
    pub(crate) deletes: DeletesArgs,
    #[command(flatten)]
    pub(crate) what: WhatArgs,
    /// Stop when more records than these are declined
    #[arg(long, value_name = "NUMBER")]
    pub(crate) max_failures: Option<u64>,
    /// Do not fail for records that the target does not let the caller write
    #[arg(long)]
    pub(crate) forbidden_as_warning: bool,
    #[command(flatten)]
    pub(crate) paging: PagingArgs,
    /// Change versions that are read at once; by default all that are new
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) version_window: Option<u64>,
    /// Write refused records to this file instead of the state folder
    #[arg(long, value_name = "FILE")]
    pub(crate) reject_file: Option<PathBuf>,
    /// Publish all pairs that this file names, some at once
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = [
            "from", "include", "include_only", "exclude", "exclude_only", "since", "reject_file",
            "from_api_publisher"
        ]
    )]
    pub(crate) jobs: Option<PathBuf>,
    /// Settings files of the Ed-Fi API Publisher to take the configuration from
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) from_api_publisher: Vec<PathBuf>,
    /// Options as the Ed-Fi API Publisher has them, after `--`
    #[arg(
        last = true,
        requires = "from_api_publisher",
        value_name = "--NAME=VALUE"
    )]
    pub(crate) api_publisher_options: Vec<String>,
    #[command(flatten)]
    pub(crate) told: ToldArgs,
}

/// How far deletes go.
#[derive(Debug, Args)]
pub(crate) struct DeletesArgs {
    /// Allow up to so many deletes in each collection, for this run
    #[arg(long, value_name = "NUMBER")]
    pub(crate) allow_deletes: Option<u64>,
    /// Never delete from these collections, or these records (`collection:DIGEST`), separated by
    /// commas
    #[arg(long, value_name = "LIST")]
    pub(crate) protect: Option<String>,
}

/// What is read and offered.
#[derive(Debug, Args)]
pub(crate) struct WhatArgs {
    /// Read everything again; what is known to be there is not written again
    #[arg(long, conflicts_with = "since")]
    pub(crate) full: bool,
    /// Read again what came after this change version
    #[arg(long, value_name = "VERSION")]
    pub(crate) since: Option<u64>,
    /// Write everything that is read, whatever is known to be there
    #[arg(short = 'f', long)]
    pub(crate) force: bool,
    /// Only offer again what is owed; read nothing else
    #[arg(long, conflicts_with_all = ["full", "since"])]
    pub(crate) retry_owed: bool,
}

/// Compare two Ed-Fi APIs: numbers of records, then keys and contents
#[derive(Debug, Args)]
#[command(mut_arg("from", |argument| argument.help(FLOW_OR_STORE)), mut_arg("to", |argument| argument.help(OTHER_STORE)))]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    pub(crate) file: FileArgs,
    #[command(flatten)]
    pub(crate) pair: PairArgs,
    /// Compare only the numbers of records
    #[arg(long)]
    pub(crate) counts: bool,
    #[command(flatten)]
    pub(crate) only: OnlyArgs,
    /// Print what was found as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) told: ToldArgs,
}

/// Show in what an Ed-Fi API differs from another, or from a folder of files, and why; or in what
/// the sides of a flow differ, if the first argument names one
#[derive(Debug, Args)]
#[command(mut_arg("from", |argument| argument.help(FLOW_OR_STORE)), mut_arg("to", |argument| argument.help(OTHER_STORE)))]
pub(crate) struct DriftArgs {
    #[command(flatten)]
    pub(crate) file: FileArgs,
    #[command(flatten)]
    pub(crate) pair: PairArgs,
    #[command(flatten)]
    pub(crate) only: OnlyArgs,
    /// Print what was found as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) told: ToldArgs,
}

/// Look at one record: what both sides hold, what is known of it, and where they differ
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// Its collection
    pub(crate) collection: String,
    /// Its key: the values of its fields in order, or NAME=VALUE, or the list that `drift` shows
    #[arg(required = true)]
    pub(crate) key: Vec<String>,
    /// Flow that fills the collection, by its name in the configuration, where several do
    #[arg(long, value_name = "FLOW", conflicts_with_all = ["from", "to"])]
    pub(crate) flow: Option<String>,
    /// Store that is taken as right, by its name in the configuration
    #[arg(long, value_name = "STORE")]
    pub(crate) from: Option<String>,
    /// Store that is compared with it
    #[arg(long, value_name = "STORE")]
    pub(crate) to: Option<String>,
    /// Print the values of members that differ, too, which may be personal data
    #[arg(long)]
    pub(crate) show_values: bool,
    /// Print what was found as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) file: FileArgs,
    #[command(flatten)]
    pub(crate) told: ToldArgs,
}

/// Which stores, and which collections of them.
#[derive(Debug, Args)]
pub(crate) struct PairArgs {
    /// Store to read, by its name in the configuration
    pub(crate) from: Option<String>,
    /// Store to bring in step
    #[arg(requires = "from")]
    pub(crate) to: Option<String>,
    /// Collections to take, with all they depend on
    #[arg(long, value_name = "LIST")]
    pub(crate) include: Option<String>,
    /// Collections to take, without what they depend on
    #[arg(long, value_name = "LIST")]
    pub(crate) include_only: Option<String>,
    /// Collections to leave out, with all that depends on them
    #[arg(long, value_name = "LIST")]
    pub(crate) exclude: Option<String>,
    /// Collections to leave out, and nothing else
    #[arg(long, value_name = "LIST")]
    pub(crate) exclude_only: Option<String>,
    /// Take descriptors, too
    #[arg(long)]
    pub(crate) descriptors: bool,
}

/// How it is told what was done.
#[derive(Debug, Args)]
pub(crate) struct ToldArgs {
    /// Write what was done to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) results_file: Option<PathBuf>,
    /// How progress is told on standard error
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
}

/// What was given after the command, and before it where nothing was given after.
pub(crate) fn data(file: &FileArgs, told: &ToldArgs, before: DataArgs) -> DataArgs {
    let here = DataArgs {
        results_file: told.results_file.clone(),
        log_format: told.log_format,
        ..file.clone().into()
    };
    here.or(before)
}
