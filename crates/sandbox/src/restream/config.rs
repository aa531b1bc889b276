//! What a simulated service is started with.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::world::Size;
use super::world::curves::Density;
use crate::faults::FaultPlan;

/// When a world begins unless it is told otherwise: the first of January 2025.
pub(crate) const BEGIN: i64 = 1_735_689_600;
/// How much has happened by then.
const PAST: i64 = 48 * 3_600;

/// Everything a simulated service is started with.
#[derive(Clone)]
pub struct RestreamConfig {
    /// What there is, and where its chance begins.
    pub size: Size,
    /// What the service's clock shows at the start, in seconds since 1970.
    pub now: i64,
    /// Seconds of the service in a real one; 0 for a clock that is turned by hand.
    pub speed: u32,
    /// Address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Name that clients log in with.
    pub client_id: String,
    /// Secret that clients log in with.
    pub client_secret: String,
    /// How long a token lives, in real time.
    pub token_lifetime: Duration,
    /// Changes of past data that are there from the start, not confirmed.
    pub corrections: u16,
    /// What is not known of the real service.
    pub behaviour: Behaviour,
    /// Planned misbehaviour.
    pub faults: FaultPlan,
    /// Time that every answer waits.
    pub latency: Duration,
    /// How long a client may take to send the head of a request, or to go on with a body or with
    /// taking an answer.
    pub patience: Duration,
    /// Requests answered in a second; the others get 429.
    pub rate_limit: Option<u32>,
    /// File that every request is appended to, one JSON object per line.
    pub record_file: Option<PathBuf>,
    /// Whether the server can be looked at and steered below `/sandbox/`.
    pub admin: bool,
    /// Whether every request is kept, with its body.
    pub record: bool,
}

/// Which second of a bucket a resampled record is stamped with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stamp {
    /// Its first.
    #[default]
    Start,
    /// The first after it.
    End,
}

/// How values of a bucket become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Aggregation {
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// Their mean.
    #[default]
    Mean,
}

/// What the real service does where nobody outside knows it; the default is what its documents
/// say or suggest.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a question of its own"
)]
pub struct Behaviour {
    /// What is taken where a request with buckets names no aggregation.
    pub aggregation: Aggregation,
    /// How buckets are stamped.
    pub stamp: Stamp,
    /// The end of a range does not belong to it.
    pub exclusive_end: bool,
    /// Longest range of one request, in seconds.
    pub longest_range: Option<u32>,
    /// Records of a pad come by time and not site by site.
    pub pad_by_time: bool,
    /// Unrouted records of a pad name a site: the first one.
    pub unrouted_site: bool,
    /// Without `Prefer: streaming` an answer is put together first, and has a length.
    pub whole_unless_preferred: bool,
    /// Answers are compressed for clients that offer it.
    pub gzip: bool,
    /// Parameters that clients send in any case make a socket begin with the past.
    pub replay_always: bool,
    /// A site or pad is told as it is when a socket for its updates opens.
    pub greet: bool,
    /// Records in one frame at most; one is sent by itself, more as a list.
    pub frame_records: u16,
    /// Sockets of the second version wait for acknowledgements too.
    pub acks: bool,
    /// Seconds of the service after which an unused session key is forgotten.
    pub session_retention: u32,
    /// Of several events in one confirmation only the first counts.
    pub single_confirmation: bool,
    /// Stage codes are compared with case.
    pub exact_case: bool,
    /// Calls at once of one client for one shape of endpoint; more get 429.
    pub concurrency: Option<u16>,
    /// Requests for a token in a minute; more ban the client for ten minutes.
    pub token_ban: Option<u16>,
    /// Sites that exist but may not be read: 403.
    pub forbidden: BTreeSet<u64>,
    /// Sites whose aggregations are an error text.
    pub broken_aggregations: BTreeSet<u64>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            aggregation: Aggregation::Mean,
            stamp: Stamp::Start,
            exclusive_end: false,
            longest_range: None,
            pad_by_time: false,
            unrouted_site: false,
            whole_unless_preferred: false,
            gzip: true,
            replay_always: false,
            greet: true,
            frame_records: 1,
            acks: false,
            session_retention: 86_400,
            single_confirmation: false,
            exact_case: false,
            concurrency: None,
            token_ban: None,
            forbidden: BTreeSet::new(),
            broken_aggregations: BTreeSet::new(),
        }
    }
}

impl Default for RestreamConfig {
    /// Three pads of three sites with two days behind them, at the speed of the clock on the
    /// wall, on a free port of the loopback address.
    fn default() -> Self {
        Self {
            size: Size {
                seed: 1,
                pads: 3,
                sites: 3,
                begin: BEGIN,
                density: Density::default(),
            },
            now: BEGIN + PAST,
            speed: 1,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            client_id: "restream".to_owned(),
            client_secret: "restreamSecret".to_owned(),
            token_lifetime: Duration::from_hours(10),
            corrections: 0,
            behaviour: Behaviour::default(),
            faults: FaultPlan::default(),
            latency: Duration::ZERO,
            patience: Duration::from_mins(1),
            rate_limit: None,
            record_file: None,
            admin: true,
            record: false,
        }
    }
}

impl fmt::Debug for RestreamConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RestreamConfig")
            .field("size", &self.size)
            .field("now", &self.now)
            .field("speed", &self.speed)
            .field("listen", &self.listen)
            .field("client_id", &self.client_id)
            .field("behaviour", &self.behaviour)
            .finish_non_exhaustive()
    }
}
