//! Options of `create`.

use std::path::PathBuf;

use clap::Args;

use super::{DataArgs, FileArgs};

/// Make the skeleton of an earthmover project that fits an Ed-Fi API
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    #[command(flatten)]
    pub(crate) file: FileArgs,
    /// Collections to take, separated by commas; `*` stands for anything
    #[arg(short = 's', long, value_name = "LIST")]
    pub(crate) selector: Option<String>,
    /// Collections to leave out, separated by commas
    #[arg(short = 'e', long, value_name = "LIST")]
    pub(crate) exclude: Option<String>,
    /// Folder of the project
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub(crate) out: PathBuf,
    /// Replace templates that are there
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Use Syncline's exit status also with a lightbeam.yaml
    #[arg(long)]
    pub(crate) strict_exit: bool,
}

impl CreateArgs {
    /// What was given here, and before the command where nothing was given here.
    pub(crate) fn data(&self, before: DataArgs) -> DataArgs {
        let here = DataArgs {
            selector: self.selector.clone(),
            exclude: self.exclude.clone(),
            ..self.file.clone().into()
        };
        here.or(before)
    }
}
