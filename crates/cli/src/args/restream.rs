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
    /// A store of the configuration, instead of the `RESTREAM_*` variables
    #[arg(long, value_name = "NAME", global = true)]
    pub(crate) store: Option<String>,
    /// Configuration file; by default syncline.yaml in the current folder
    #[arg(short = 'c', long, value_name = "FILE", global = true)]
    pub(crate) config_file: Option<PathBuf>,
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
    /// List what sites are doing, or follow it
    States(RestreamStatesArgs),
    /// List the stages of a site or pad
    Stages(RestreamStagesArgs),
    /// List the fields that are measured at a site or pad
    Fields(RestreamPlaceArgs),
    /// List what measures at a site or pad
    Sources(RestreamPlaceArgs),
    /// Print measurements, or save them to a file
    Data(RestreamDataArgs),
    /// Follow measurements, corrections or updates as they are made, as JSON lines
    Follow(RestreamFollowArgs),
    /// List what was corrected since; save the corrected ranges, and confirm them
    Changes(RestreamChangesArgs),
    /// Keep measurements in step with the API: load them, then what is new, corrected or missing
    Mirror(RestreamMirrorArgs),
    /// Draw measurements of a site, with its stages behind them
    Plot(RestreamPlotArgs),
}

/// Which of a list.
#[derive(Debug, Args)]
pub(crate) struct RestreamListArgs {
    /// Only those that a filter of the API lets through, such as `name_search=mesa`
    #[arg(long = "filter", value_name = "NAME=VALUE")]
    pub(crate) filters: Vec<String>,
}

/// Which states.
#[derive(Debug, Args)]
pub(crate) struct RestreamStatesArgs {
    #[command(flatten)]
    pub(crate) list: RestreamListArgs,
    /// Go on telling whenever a site begins to do something else
    #[arg(long)]
    pub(crate) follow: bool,
}

/// What is followed.
#[derive(Debug, Args)]
pub(crate) struct RestreamFollowArgs {
    #[command(flatten)]
    pub(crate) place: RestreamPlaceArgs,
    /// What is told
    #[arg(long, default_value = "data")]
    pub(crate) what: FollowedArg,
    #[command(flatten)]
    pub(crate) shape: RestreamShapeArgs,
    /// Begin with what is past, from this time on
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) start: Option<String>,
    /// Everything up to this time was read before: what is missing since comes first
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) after: Option<String>,
    /// Name of a queue that the API keeps: whoever comes back with it goes on there
    #[arg(long, value_name = "NAME")]
    pub(crate) session_key: Option<String>,
    /// Which socket of the API is used
    #[arg(long, value_name = "VERSION", default_value = "2")]
    pub(crate) protocol: ProtocolArg,
    /// Append measurements to this file of JSON lines, and go on where it ends
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// What is told.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum FollowedArg {
    /// Measurements
    Data,
    /// Corrections: those not confirmed, then new ones
    Changes,
    /// The site or pad, whenever something about it changes
    Updates,
}

/// Which socket.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ProtocolArg {
    /// The first, with acknowledgements
    #[value(name = "1")]
    First,
    /// The second
    #[value(name = "2")]
    Second,
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
    #[arg(
        long,
        alias = "start-date",
        value_name = "TIME",
        allow_hyphen_values = true
    )]
    pub(crate) start: Option<String>,
    /// Up to this time, the second itself included
    #[arg(
        long,
        alias = "end-date",
        value_name = "TIME",
        allow_hyphen_values = true
    )]
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
    /// Save to this file; its ending says what is written: .json, .jsonl, .csv or .parquet
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Save a file for each day or hour, below the folder that `--out` names
    #[arg(long, value_name = "LENGTH", requires = "out")]
    pub(crate) partition: Option<PartitionArg>,
    /// What is written into such a folder
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "parquet",
        requires = "partition"
    )]
    pub(crate) format: RestreamFormatArg,
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
    /// Only what these sources measure
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) sources: Vec<String>,
    /// From where a missing value is taken
    #[arg(long, requires = "fill_seconds")]
    pub(crate) fill: Option<FillArg>,
    /// Over how many seconds at most
    #[arg(long, value_name = "NUMBER", requires = "fill")]
    pub(crate) fill_seconds: Option<u32>,
}

/// What is kept in step, and where.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own"
)]
pub(crate) struct RestreamMirrorArgs {
    /// Folder of the files, one for each site and day or hour
    #[arg(
        short,
        long,
        value_name = "FOLDER",
        required_unless_present = "to",
        conflicts_with = "to"
    )]
    pub(crate) out: Option<PathBuf>,
    /// A store of the configuration instead, such as a database
    #[arg(long, value_name = "STORE", requires = "table")]
    pub(crate) to: Option<String>,
    /// The table of that store, with the key `site_id`, `timestamp` and a column for each field
    #[arg(long, value_name = "NAME", requires = "to")]
    pub(crate) table: Option<String>,
    /// How long the time of one file is
    #[arg(long, value_name = "LENGTH", default_value = "day")]
    pub(crate) partition: PartitionArg,
    /// What is written: parquet, csv or jsonl
    #[arg(long, value_name = "FORMAT", default_value = "parquet")]
    pub(crate) format: RestreamFormatArg,
    /// Only these sites; later runs take them unless told others
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) sites: Vec<u64>,
    /// Only the sites of these pads; later runs take them unless told others
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) pads: Vec<u64>,
    #[command(flatten)]
    pub(crate) range: RestreamRangeArgs,
    /// Only these fields; without, those that the API shows its customers
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) fields: Vec<String>,
    /// In SI units
    #[arg(long)]
    pub(crate) si_units: bool,
    /// Leave it to others to tell the API that corrections have arrived
    #[arg(long)]
    pub(crate) no_confirm: bool,
    /// Go on until it is stopped: at intervals, and at once when a correction is told
    #[arg(long)]
    pub(crate) follow: bool,
    /// Seconds between two looks for what is new
    #[arg(long, value_name = "NUMBER", default_value_t = 60, requires = "follow",
        value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) every: u32,
    /// Change nothing; compare the files, and what the API has, with what was written
    #[arg(long, conflicts_with_all = ["no_confirm", "follow"])]
    pub(crate) verify: bool,
    /// How progress is told on standard error
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
}

/// What is drawn, and where it goes.
#[derive(Debug, Args)]
pub(crate) struct RestreamPlotArgs {
    /// Number of the site
    #[arg(long, value_name = "NUMBER")]
    pub(crate) site: u64,
    /// The fields to draw, at most eight; those of one unit share an axis
    #[arg(long, value_name = "LIST", value_delimiter = ',', required = true)]
    pub(crate) fields: Vec<String>,
    #[command(flatten)]
    pub(crate) range: RestreamRangeArgs,
    /// Draw to this file; its ending says what: .svg, or .html for a page that needs no other file
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Replace the file if it is there, once the new one is complete
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// In SI units
    #[arg(long)]
    pub(crate) si_units: bool,
    /// The time zone of the axis: a name such as America/Chicago, or `site` for the site's own
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    pub(crate) zone: String,
    /// Values further apart than this are not joined; without, those further apart than a minute and
    /// than four times what is usual for their field
    #[arg(long, value_name = "NUMBER")]
    pub(crate) gap_seconds: Option<u32>,
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
    pub(crate) format: RestreamFormatArg,
    /// Tell the API that a range has arrived, once its file is complete: it forgets the correction
    #[arg(long, requires = "out")]
    pub(crate) confirm: bool,
    /// How progress is told on standard error
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RestreamFormatArg {
    /// One array
    Json,
    /// One record per line, as the API gives it
    Jsonl,
    /// A table
    Csv,
    /// The same table with typed columns
    #[cfg_attr(not(feature = "parquet"), value(hide = true))]
    Parquet,
}

/// How long the time of a file is.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum PartitionArg {
    /// A day of UTC
    Day,
    /// An hour
    Hour,
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
