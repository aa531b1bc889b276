//! Options of `fetch`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{DataArgs, PagingArgs};

/// Fetch records of an Ed-Fi API into files
#[derive(Debug, Args)]
pub(crate) struct FetchArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) choice: ChoiceArgs,
    #[command(flatten)]
    pub(crate) files: FilesArgs,
    #[command(flatten)]
    pub(crate) paging: PagingArgs,
    /// Fetch also what the records refer to, and what that refers to
    #[arg(long)]
    pub(crate) with_references: bool,
    /// Fetch everything again, even if an interrupted run has fetched part of it
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Use Syncline's exit status also with a lightbeam.yaml
    #[arg(long)]
    pub(crate) strict_exit: bool,
}

/// Into which files.
#[derive(Debug, Args)]
pub(crate) struct FilesArgs {
    /// What to write
    #[arg(long, value_name = "FORMAT", default_value = "jsonl")]
    pub(crate) format: FormatArg,
    /// Folder for the files; by default the data folder
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
    /// Replace files in the data folder that `send` reads
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Write a file for a collection without records, too
    #[arg(long)]
    pub(crate) empty_files: bool,
}

/// Which records and which of their members; may stand before the command, too.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ChoiceArgs {
    /// Parameters of the API that select records, as a JSON object
    #[arg(short = 'q', long, value_name = "JSON")]
    pub(crate) query: Option<String>,
    /// Members to keep of each record, separated by commas; `*` stands for anything
    #[arg(short = 'k', long, value_name = "LIST")]
    pub(crate) keep_keys: Option<String>,
    /// Members to leave out of each record, separated by commas
    #[arg(short = 'd', long, value_name = "LIST")]
    pub(crate) drop_keys: Option<String>,
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatArg {
    /// One record per line, as the API gives it
    Jsonl,
    /// A table; members of objects are columns `a.b`, lists are JSON
    Csv,
    /// The same table with typed columns
    #[cfg_attr(not(feature = "parquet"), value(hide = true))]
    Parquet,
}

impl ChoiceArgs {
    /// What was given after the command, and before it where nothing was given after.
    pub(crate) fn or(self, before: Self) -> Self {
        Self {
            query: self.query.or(before.query),
            keep_keys: self.keep_keys.or(before.keep_keys),
            drop_keys: self.drop_keys.or(before.drop_keys),
        }
    }
}
