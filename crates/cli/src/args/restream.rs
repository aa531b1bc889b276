//! Options of `restream`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{AggregationArg, LogFormat};

/// Ask the Restream API for sites, stages, measurements and corrections
#[derive(Debug, Args)]
pub(crate) struct RestreamArgs {
    /// Where the API is, instead of `RESTREAM_HOST`
    #[arg(long, value_name = "URL", global = true)]
    pub(crate) host: Option<String>,
    /// Print the objects of the API as JSON lines
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: RestreamCommand,
}

/// What is asked for.
#[derive(Debug, Subcommand)]
pub(crate) enum RestreamCommand {
    /// List pads
    Pads(RestreamListArgs),
    /// List sites
    Sites(RestreamListArgs),
    /// List what sites are doing
    States(RestreamListArgs),
    /// List the stages of a site or pad
    Stages(RestreamStagesArgs),
    /// List the fields that are measured at a site or pad
    Fields(RestreamPlaceArgs),
    /// List what measures at a site or pad
    Sources(RestreamPlaceArgs),
    /// Print measurements, or save them to a file
    Data(RestreamDataArgs),
    /// List what was corrected since; save the corrected ranges, and confirm them
    Changes(RestreamChangesArgs),
}

/// Which of a list.
#[derive(Debug, Args)]
pub(crate) struct RestreamListArgs {
    /// Only those that a filter of the API lets through, such as `name_search=mesa`
    #[arg(long = "filter", value_name = "NAME=VALUE")]
    pub(crate) filters: Vec<String>,
}

/// A site or a pad.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct RestreamPlaceArgs {
    /// Number of a site
    #[arg(long, value_name = "NUMBER")]
    pub(crate) site: Option<u64>,
    /// Number of a pad
    #[arg(long, value_name = "NUMBER")]
    pub(crate) pad: Option<u64>,
}

/// Which stages.
#[derive(Debug, Args)]
pub(crate) struct RestreamStagesArgs {
    #[command(flatten)]
    pub(crate) place: RestreamPlaceArgs,
    #[command(flatten)]
    pub(crate) range: RestreamRangeArgs,
    /// Only stages of this sort
    #[arg(long)]
    pub(crate) state: Option<StageArg>,
    /// Only these stages, by their numbers
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) numbers: Vec<u32>,
    /// Also the values that the API works out for each stage
    #[arg(long)]
    pub(crate) aggregations: bool,
}

/// From when to when.
#[derive(Debug, Args)]
pub(crate) struct RestreamRangeArgs {
    /// From this time on, such as 2026-01-31T09:00:00Z
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) start: Option<String>,
    /// Up to this time, the second itself included
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) end: Option<String>,
}

/// Which measurements, and where they go.
#[derive(Debug, Args)]
pub(crate) struct RestreamDataArgs {
    #[command(flatten)]
    pub(crate) place: RestreamPlaceArgs,
    #[command(flatten)]
    pub(crate) range: RestreamRangeArgs,
    #[command(flatten)]
    pub(crate) shape: RestreamShapeArgs,
    /// Save to this file; its ending says what is written: .jsonl, .csv or .parquet
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Replace the file if it is there, once the new one is complete
    #[arg(long, requires = "out")]
    pub(crate) overwrite: bool,
    /// How progress is told on standard error
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
}

/// What measurements look like.
#[derive(Debug, Args)]
pub(crate) struct RestreamShapeArgs {
    /// How dense they are
    #[arg(long, default_value = "raw")]
    pub(crate) resolution: ResolutionArg,
    /// What a coarser resolution makes of them
    #[arg(long)]
    pub(crate) aggregation: Option<AggregationArg>,
    /// Only these fields; without, those that the API shows its customers
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) fields: Vec<String>,
    /// In SI units
    #[arg(long)]
    pub(crate) si_units: bool,
    /// Only within stages of this sort
    #[arg(long)]
    pub(crate) state: Option<StageArg>,
    /// Only within the stage of this number
    #[arg(long, value_name = "NUMBER", requires = "state")]
    pub(crate) stage_number: Option<u32>,
    /// Of a pad: one record for each site and second
    #[arg(long, requires = "pad")]
    pub(crate) routed: bool,
    /// Of a pad: only what these sources measure
    #[arg(long, value_name = "LIST", value_delimiter = ',', requires = "pad")]
    pub(crate) sources: Vec<String>,
    /// From where a missing value is taken
    #[arg(long, requires = "fill_seconds")]
    pub(crate) fill: Option<FillArg>,
    /// Over how many seconds at most
    #[arg(long, value_name = "NUMBER", requires = "fill")]
    pub(crate) fill_seconds: Option<u32>,
}

/// What becomes of corrections.
#[derive(Debug, Args)]
pub(crate) struct RestreamChangesArgs {
    #[command(flatten)]
    pub(crate) place: RestreamPlaceArgs,
    /// List those too that are confirmed
    #[arg(long)]
    pub(crate) confirmed: bool,
    /// Read the corrected ranges again and save each to a file in this folder
    #[arg(short, long, value_name = "FOLDER", conflicts_with = "confirmed")]
    pub(crate) out: Option<PathBuf>,
    /// What is written
    #[arg(long, value_name = "FORMAT", default_value = "jsonl", requires = "out")]
    pub(crate) format: super::FormatArg,
    /// Tell the API that a range has arrived, once its file is complete: it forgets the correction
    #[arg(long, requires = "out")]
    pub(crate) confirm: bool,
    /// How progress is told on standard error
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
}

/// A sort of stage.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum StageArg {
    Frac,
    Wl,
    Standby,
}

/// How dense measurements are.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ResolutionArg {
    Raw,
    TenSecond,
    Minute,
    TenMinute,
    Hour,
}

/// From where a missing value is taken.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum FillArg {
    /// From the one before it
    Ffill,
    /// From the one after it
    Bfill,
}
