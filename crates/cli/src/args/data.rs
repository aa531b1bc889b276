//! Options of commands that work with a configuration file and data.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Options of commands that work with a configuration file and data.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct DataArgs {
    /// Configuration file; by default syncline.yaml or lightbeam.yaml in the current folder
    #[arg(short = 'c', long, value_name = "FILE")]
    pub(crate) config_file: Option<PathBuf>,
    /// Collections to take, separated by commas; `*` stands for anything
    #[arg(short = 's', long, value_name = "LIST")]
    pub(crate) selector: Option<String>,
    /// Collections to leave out, separated by commas
    #[arg(short = 'e', long, value_name = "LIST")]
    pub(crate) exclude: Option<String>,
    /// Send everything, whatever is known to be there
    #[arg(short = 'f', long)]
    pub(crate) force: bool,
    /// Also send what was last sent before this time
    #[arg(short = 'o', long, value_name = "TIME")]
    pub(crate) older_than: Option<String>,
    /// Also send what was last sent after this time
    #[arg(short = 'n', long, value_name = "TIME")]
    pub(crate) newer_than: Option<String>,
    /// Also send what was last answered with one of these codes, separated by commas
    #[arg(short = 'r', long, value_name = "LIST")]
    pub(crate) resend_status_codes: Option<String>,
    /// Throw away kept metadata and tokens first
    #[arg(short = 'w', long)]
    pub(crate) wipe: bool,
    /// Variables for the configuration, as a JSON object
    #[arg(short = 'p', long, value_name = "JSON")]
    pub(crate) params: Option<String>,
    /// Replace values of the configuration: dotted key and value (can be repeated)
    #[arg(long, value_names = ["KEY", "VALUE"], num_args = 1.., action = clap::ArgAction::Append)]
    pub(crate) set: Vec<String>,
    /// Write what was done to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) results_file: Option<PathBuf>,
    /// How progress is told on standard error
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
}

/// How progress is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For a person
    Text,
    /// One JSON object per line
    Json,
}

impl DataArgs {
    /// What was given after the command, and before it where nothing was given after.
    pub(crate) fn or(self, before: Self) -> Self {
        Self {
            config_file: self.config_file.or(before.config_file),
            selector: self.selector.or(before.selector),
            exclude: self.exclude.or(before.exclude),
            force: self.force || before.force,
            older_than: self.older_than.or(before.older_than),
            newer_than: self.newer_than.or(before.newer_than),
            resend_status_codes: self.resend_status_codes.or(before.resend_status_codes),
            wipe: self.wipe || before.wipe,
            params: self.params.or(before.params),
            set: [before.set, self.set].concat(),
            results_file: self.results_file.or(before.results_file),
            log_format: self.log_format.or(before.log_format),
        }
    }
}
