//! `sandbox`: local servers and what is done with their data.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{LogFormat, SandboxRestreamArgs};

/// Run a local server that behaves as the real ones do
#[derive(Debug, Args)]
pub(crate) struct SandboxArgs {
    #[command(subcommand)]
    pub(crate) command: SandboxCommand,
}

/// Which server.
#[derive(Debug, Subcommand)]
pub(crate) enum SandboxCommand {
    /// Run an Ed-Fi API; prints its URL on the first line
    Edfi(Box<SandboxEdfiArgs>),
    /// Run a Restream service of made-up pads and sites; prints its URL on the first line
    Restream(Box<SandboxRestreamArgs>),
    /// Fill a data file from a folder of JSONL files or with a made-up district
    Seed(SandboxSeedArgs),
    /// Replay a scenario against a server and print what is otherwise
    Replay(SandboxReplayArgs),
    /// Remove the records and snapshots of a data file
    Reset(SandboxResetArgs),
}

/// Where the data model comes from.
#[derive(Debug, Args)]
pub(crate) struct ModelArgs {
    /// Take the data model from the published documents in this folder
    #[arg(long, value_name = "FOLDER")]
    pub(crate) openapi: Option<PathBuf>,
    /// Data standard to take where the folder holds several, for example 5.0
    #[arg(long, value_name = "VERSION", requires = "openapi")]
    pub(crate) data_standard: Option<String>,
    /// Take the data model from the metadata of the API at this base URL
    #[arg(long, value_name = "URL", conflicts_with = "openapi")]
    pub(crate) like: Option<String>,
    /// Add the resources of this document, for example of an extension
    #[arg(long, value_name = "FILE")]
    pub(crate) extension: Vec<PathBuf>,
    /// Add descriptor values from this file
    #[arg(long, value_name = "FILE")]
    pub(crate) descriptors: Option<PathBuf>,
}

/// Fill a data file from a folder of JSONL files or with a made-up district
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("records").required(true).args(["from", "students"]))]
pub(crate) struct SandboxSeedArgs {
    /// The data file; made if it is not there
    #[arg(long, value_name = "FILE")]
    pub(crate) data: PathBuf,
    /// Folder with one JSONL file per resource
    #[arg(long, value_name = "FOLDER")]
    pub(crate) from: Option<PathBuf>,
    /// Make up a district of so many students
    #[arg(long, value_name = "NUMBER")]
    pub(crate) students: Option<u64>,
    /// Number the district follows from; the same number gives the same records
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(crate) seed: u64,
    /// School year the district is in
    #[arg(long, value_name = "YEAR", default_value_t = 2026)]
    pub(crate) school_year: i16,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
}

/// Replay a scenario against a server and print what is otherwise
#[derive(Debug, Args)]
pub(crate) struct SandboxReplayArgs {
    /// Base URL of the server
    #[arg(long, value_name = "URL")]
    pub(crate) target: String,
    /// Public name of the client
    #[arg(long, value_name = "TEXT", default_value = "populated")]
    pub(crate) client_id: String,
    /// Secret of the client
    #[arg(
        long,
        value_name = "TEXT",
        env = "SYNCLINE_REPLAY_SECRET",
        hide_env_values = true,
        default_value = "populatedSecret"
    )]
    pub(crate) client_secret: String,
    /// Further clients that a scenario names, from this file; it is that of `sandbox edfi --claims`
    #[arg(long, value_name = "FILE")]
    pub(crate) claims: Option<PathBuf>,
    /// Number that keys of the scenario begin with, so that it can be replayed again
    #[arg(long, value_name = "NUMBER", default_value_t = 901)]
    pub(crate) run: u32,
    /// The scenario
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// Remove the records and snapshots of a data file
#[derive(Debug, Args)]
pub(crate) struct SandboxResetArgs {
    /// The data file; no server may be using it
    #[arg(long, value_name = "FILE")]
    pub(crate) data: PathBuf,
}

/// Run an Ed-Fi API; prints its URL on the first line
#[derive(Debug, Args)]
pub(crate) struct SandboxEdfiArgs {
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// Keep the data in this file; without one it is gone at the end
    #[arg(long, value_name = "FILE")]
    pub(crate) data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    /// Version of the API to behave as
    #[arg(long, value_name = "VERSION", default_value = "7.3")]
    pub(crate) api: ApiArg,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Public name of the client
    #[arg(long, value_name = "TEXT", default_value = "populated")]
    pub(crate) client_id: String,
    /// Secret of the client
    #[arg(long, value_name = "TEXT", default_value = "populatedSecret")]
    pub(crate) client_secret: String,
    /// What decides about the records open to the clients of --claims
    #[arg(long, value_name = "STRATEGY", default_value = "none")]
    pub(crate) authorization: AuthorizationArg,
    /// Further clients and what each may do, from this file
    #[arg(long, value_name = "FILE")]
    pub(crate) claims: Option<PathBuf>,
    /// Profiles that media types may name, from this file
    #[arg(long, value_name = "FILE")]
    pub(crate) profiles: Option<PathBuf>,
    /// Break requests as this file says
    #[arg(long, value_name = "FILE")]
    pub(crate) faults: Option<PathBuf>,
    /// Let every answer wait so many milliseconds
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    pub(crate) latency: u64,
    /// Tell times by a clock that is so many seconds ahead, or behind if negative
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    pub(crate) clock_ahead: i64,
    /// Answer at most so many requests in a second, the others with 429
    #[arg(long, value_name = "NUMBER")]
    pub(crate) rate_limit: Option<u32>,
    /// Append every request to this file, with its body
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Tell every request on standard error, without values of records
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
    /// Offer the pages below /sandbox/ also where others can reach them
    #[arg(long)]
    pub(crate) admin: bool,
    /// Leave the change queries out
    #[arg(long)]
    pub(crate) no_change_queries: bool,
    /// Begin with a snapshot of this name, which clients may ask for
    #[arg(long, value_name = "NAME")]
    pub(crate) snapshot: Option<String>,
    /// Answer every POST with 201 without looking at it, for benchmarks
    #[arg(long, conflicts_with_all = ["data", "faults"])]
    pub(crate) constant: bool,
    /// Serve the JSONL files of this folder as pages that never change, with --constant
    #[arg(long, value_name = "FOLDER", requires = "constant")]
    pub(crate) pages: Option<PathBuf>,
}

/// What stands in the URLs of the API beside the resource.
#[derive(Debug, Args)]
pub(crate) struct PlaceArgs {
    /// Put this tenant into every URL; from 7.1 on
    #[arg(long, value_name = "NAME", value_parser = segment)]
    pub(crate) tenant: Option<String>,
    /// Put this context, for example a school year, into every URL; from 7.1 on
    #[arg(long, value_name = "VALUE", value_parser = segment)]
    pub(crate) context: Option<String>,
    /// Put this instance into every URL; 5.4 and 6.2, with --year
    #[arg(long, value_name = "NAME", value_parser = segment, requires = "year")]
    pub(crate) instance: Option<String>,
    /// Put this school year into every URL; 5.4 and 6.2
    #[arg(long, value_name = "YEAR", conflicts_with_all = ["tenant", "context"])]
    pub(crate) year: Option<u16>,
}

fn segment(text: &str) -> Result<String, &'static str> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if !text.is_empty() && text.bytes().all(fits) {
        Ok(text.to_owned())
    } else {
        Err("letters, digits and '-' only")
    }
}

/// What decides about records, beside claims.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum AuthorizationArg {
    /// Nothing
    None,
    /// The namespace of a record
    Namespace,
    /// Its education organizations and persons, besides
    Relationships,
}

/// Versions the sandbox can behave as.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ApiArg {
    #[value(name = "5.4")]
    V5_4,
    #[value(name = "6.2")]
    V6_2,
    #[value(name = "7.1")]
    V7_1,
    #[value(name = "7.3")]
    V7_3,
    #[value(name = "8.0")]
    V8_0,
}
