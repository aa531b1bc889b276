//! Options of commands that need a configuration file and an API, but no data.

use std::path::PathBuf;

use clap::Args;

use super::DataArgs;

/// The configuration file and what is said beside it.
#[derive(Clone, Debug, Args)]
pub(crate) struct FileArgs {
    /// Configuration file; by default syncline.yaml or lightbeam.yaml in the current folder
    #[arg(short = 'c', long, value_name = "FILE")]
    pub(crate) config_file: Option<PathBuf>,
    /// Throw away kept metadata and tokens first
    #[arg(short = 'w', long)]
    pub(crate) wipe: bool,
    /// Variables for the configuration, as a JSON object
    #[arg(short = 'p', long, value_name = "JSON")]
    pub(crate) params: Option<String>,
    /// Replace values of the configuration: dotted key and value (can be repeated)
    #[arg(long, value_names = ["KEY", "VALUE"], num_args = 1.., action = clap::ArgAction::Append)]
    pub(crate) set: Vec<String>,
}

impl From<FileArgs> for DataArgs {
    fn from(file: FileArgs) -> Self {
        Self {
            config_file: file.config_file,
            wipe: file.wipe,
            params: file.params,
            set: file.set,
            ..Self::default()
        }
    }
}
