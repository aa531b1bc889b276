//! Options of `state`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::DataArgs;

/// Look at what is kept from run to run, or change it
#[derive(Debug, Args)]
pub(crate) struct StateArgs {
    #[command(subcommand)]
    pub(crate) command: StateCommand,
}

/// What to do with what is kept.
#[derive(Debug, Subcommand)]
pub(crate) enum StateCommand {
    /// Show what is known and owed, by target and collection
    Show(StateShowArgs),
    /// List past runs, newest first
    Runs(StateRunsArgs),
    /// List what is still owed, and why
    Owed(StateOwedArgs),
    /// Write everything that is known to a file
    Export(StateExportArgs),
    /// Take over what lightbeam remembers, so that nothing it sent is sent again
    Import(StateImportArgs),
    /// Forget what is known or owed; what is forgotten is sent again
    Forget(StateForgetArgs),
}

/// The configuration that names the state folder.
#[derive(Clone, Debug, Args)]
pub(crate) struct StateConfig {
    /// Configuration file; by default syncline.yaml or lightbeam.yaml in the current folder
    #[arg(short = 'c', long, value_name = "FILE")]
    pub(crate) config_file: Option<PathBuf>,
    /// Variables for the configuration, as a JSON object
    #[arg(short = 'p', long, value_name = "JSON")]
    pub(crate) params: Option<String>,
    /// Replace values of the configuration: dotted key and value (can be repeated)
    #[arg(long, value_names = ["KEY", "VALUE"], num_args = 1.., action = clap::ArgAction::Append)]
    pub(crate) set: Vec<String>,
}

/// The configuration, and which collections.
#[derive(Clone, Debug, Args)]
pub(crate) struct StateCollections {
    #[command(flatten)]
    pub(crate) config: StateConfig,
    /// Collections to take, separated by commas; `*` stands for anything
    #[arg(short = 's', long, value_name = "LIST")]
    pub(crate) selector: Option<String>,
    /// Collections to leave out, separated by commas
    #[arg(short = 'e', long, value_name = "LIST")]
    pub(crate) exclude: Option<String>,
}

/// The configuration, and which part of what is kept.
#[derive(Clone, Debug, Args)]
pub(crate) struct StatePart {
    #[command(flatten)]
    pub(crate) collections: StateCollections,
    /// Only the targets whose name contains this text
    #[arg(long, value_name = "TEXT")]
    pub(crate) target: Option<String>,
}

/// Show what is known and owed, by target and collection
#[derive(Debug, Args)]
pub(crate) struct StateShowArgs {
    #[command(flatten)]
    pub(crate) part: StatePart,
    /// Print one JSON object per target
    #[arg(long)]
    pub(crate) json: bool,
}

/// List past runs, newest first
#[derive(Debug, Args)]
pub(crate) struct StateRunsArgs {
    #[command(flatten)]
    pub(crate) config: StateConfig,
    /// How many at most
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    pub(crate) limit: u32,
    /// Print one JSON object per run
    #[arg(long)]
    pub(crate) json: bool,
}

/// List what is still owed, and why
#[derive(Debug, Args)]
pub(crate) struct StateOwedArgs {
    #[command(flatten)]
    pub(crate) part: StatePart,
    /// Print one JSON object per record
    #[arg(long)]
    pub(crate) json: bool,
    /// Print keys and records, too, which may hold personal data
    #[arg(long)]
    pub(crate) show_values: bool,
}

/// Write everything that is known to a file
#[derive(Debug, Args)]
pub(crate) struct StateExportArgs {
    #[command(flatten)]
    pub(crate) part: StatePart,
    /// Format of the file
    #[arg(long, value_name = "FORMAT", default_value = "csv")]
    pub(crate) format: ExportFormatArg,
    /// The file; it must not be there yet
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

/// Formats of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormatArg {
    /// Comma-separated values under a heading
    Csv,
    /// One JSON object per line
    Jsonl,
    /// A table with typed columns
    #[cfg_attr(not(feature = "parquet"), value(hide = true))]
    Parquet,
}

/// Take over what lightbeam remembers, so that nothing it sent is sent again
#[derive(Debug, Args)]
pub(crate) struct StateImportArgs {
    /// Folder of the .dat files: what lightbeam's configuration names as its state
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
    #[command(flatten)]
    pub(crate) collections: StateCollections,
    /// Throw away kept metadata and tokens first
    #[arg(short = 'w', long)]
    pub(crate) wipe: bool,
    /// Print what was imported as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// Forget what is known or owed; what is forgotten is sent again
#[derive(Debug, Args)]
pub(crate) struct StateForgetArgs {
    #[command(flatten)]
    pub(crate) part: StatePart,
    /// Only what is owed, so that it is not offered again by itself
    #[arg(long)]
    pub(crate) owed: bool,
    /// Only the record with this digest of its key, as `state owed` prints it
    #[arg(long, value_name = "DIGEST", conflicts_with = "owed")]
    pub(crate) key_digest: Option<String>,
    /// Forget without asking
    #[arg(short = 'y', long)]
    pub(crate) yes: bool,
}

impl StateConfig {
    pub(crate) fn data(&self) -> DataArgs {
        DataArgs {
            config_file: self.config_file.clone(),
            params: self.params.clone(),
            set: self.set.clone(),
            ..DataArgs::default()
        }
    }
}

impl StateCollections {
    pub(crate) fn data(&self) -> DataArgs {
        DataArgs {
            selector: self.selector.clone(),
            exclude: self.exclude.clone(),
            ..self.config.data()
        }
    }
}
