//! `sandbox restream`: a simulated service of time series.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::LogFormat;

/// Run a Restream service of made-up pads and sites; prints its URL on the first line
#[derive(Debug, Args)]
pub(crate) struct SandboxRestreamArgs {
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// Number that pads, stages and curves follow from; the same number gives the same bytes
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Pads
    #[arg(long, value_name = "NUMBER", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) pads: u16,
    /// Sites of each pad
    #[arg(long, value_name = "NUMBER", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=16))]
    pub(crate) sites: u16,
    /// How many fields a record has
    #[arg(long, value_name = "DENSITY", default_value = "mixed")]
    pub(crate) density: DensityArg,
    /// When the first pad begins
    #[arg(long, value_name = "TIME", default_value = "2025-01-01T00:00:00Z", value_parser = second)]
    pub(crate) begin: i64,
    /// What the clock of the service shows at the start
    #[arg(long, value_name = "TIME", default_value = "2025-01-03T00:00:00Z", value_parser = second)]
    pub(crate) now: i64,
    /// Seconds of the service that pass in a real one; 0 for a clock that is turned by
    /// /sandbox/clock alone
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(crate) speed: u32,
    /// Public name of the client
    #[arg(long, value_name = "TEXT", default_value = "restream")]
    pub(crate) client_id: String,
    /// Secret of the client
    #[arg(long, value_name = "TEXT", default_value = "restreamSecret")]
    pub(crate) client_secret: String,
    /// Seconds that a token lives
    #[arg(long, value_name = "SECONDS", default_value_t = 36_000)]
    pub(crate) token_lifetime: u32,
    /// Begin with so many changes of past data that nobody confirmed
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) corrections: u16,
    /// Break requests, streams and sockets as this file says
    #[arg(long, value_name = "FILE")]
    pub(crate) faults: Option<PathBuf>,
    /// Let every answer wait so many milliseconds
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    pub(crate) latency: u64,
    /// Answer at most so many requests in a second, the others with 429
    #[arg(long, value_name = "NUMBER")]
    pub(crate) rate_limit: Option<u32>,
    /// Append every request to this file, with its body
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Tell every request on standard error, without ids and values
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
    /// Offer the pages below /sandbox/ also where others can reach them
    #[arg(long)]
    pub(crate) admin: bool,
    #[command(flatten)]
    pub(crate) behaviour: BehaviourArgs,
}

/// What is not known of the real service.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where the real service is not known")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own"
)]
pub(crate) struct BehaviourArgs {
    /// How buckets become one value where a request does not say it
    #[arg(long, value_name = "AGGREGATION", default_value = "mean")]
    pub(crate) aggregation: AggregationArg,
    /// Stamp buckets with their end instead of their start
    #[arg(long)]
    pub(crate) stamp_end: bool,
    /// Leave the last second of a range out
    #[arg(long)]
    pub(crate) exclusive_end: bool,
    /// Refuse longer ranges
    #[arg(long, value_name = "SECONDS")]
    pub(crate) longest_range: Option<u32>,
    /// Give records of a pad by time instead of site by site
    #[arg(long)]
    pub(crate) pad_by_time: bool,
    /// Put the first site into unrouted records of a pad
    #[arg(long)]
    pub(crate) unrouted_site: bool,
    /// Send an answer in one piece to whoever does not prefer streaming
    #[arg(long)]
    pub(crate) whole_unless_preferred: bool,
    /// Do not compress
    #[arg(long)]
    pub(crate) no_gzip: bool,
    /// Begin every measurement socket with the past, as clients always send parameters
    #[arg(long)]
    pub(crate) replay_always: bool,
    /// Tell a site or pad only when it changes, not when a socket opens
    #[arg(long)]
    pub(crate) no_greeting: bool,
    /// Put up to so many records into one frame
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(crate) frame_records: u16,
    /// Wait for acknowledgements on sockets of the second version too
    #[arg(long)]
    pub(crate) acks: bool,
    /// Seconds of the service after which an unused session key is forgotten
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400)]
    pub(crate) session_retention: u32,
    /// Take only the first event of a confirmation
    #[arg(long)]
    pub(crate) single_confirmation: bool,
    /// Compare stage codes with case
    #[arg(long)]
    pub(crate) exact_case: bool,
    /// Calls at once for one shape of endpoint, the others get 429
    #[arg(long, value_name = "NUMBER")]
    pub(crate) concurrency: Option<u16>,
    /// Ban a client for ten minutes that asks for more tokens in one
    #[arg(long, value_name = "NUMBER")]
    pub(crate) token_ban: Option<u16>,
    /// Answer 403 for this site
    #[arg(long, value_name = "SITE")]
    pub(crate) forbid: Vec<u64>,
    /// Give an error text instead of aggregations for this site
    #[arg(long, value_name = "SITE")]
    pub(crate) broken_aggregations: Vec<u64>,
}

/// How many fields a record has.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum DensityArg {
    /// Many while a site is worked at, few while it waits
    Mixed,
    /// Every field at every second
    Dense,
    /// Three fields at every second
    Sparse,
}

/// How values become one.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum AggregationArg {
    Min,
    Max,
    Mean,
}

fn second(text: &str) -> Result<i64, &'static str> {
    syncline_sandbox::restream::second_of(text)
        .ok_or("it has to be a time in UTC, such as 2025-01-01T00:00:00Z")
}
