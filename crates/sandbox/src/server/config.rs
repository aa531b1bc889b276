//! What a sandbox is started with, and how the versions of the API differ.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::access::{Authorization, Client};
use super::profiles::Profile;
use crate::faults::FaultPlan;
use crate::schema::ApiModel;

/// The version whose behaviour is imitated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum ApiVersion {
    /// ODS/API 5.4: legacy error bodies, 25 records per page by default.
    V5_4,
    /// ODS/API 6.2: legacy error bodies.
    V6_2,
    /// ODS/API 7.1: legacy error bodies, tenants and contexts in the route.
    V7_1,
    /// ODS/API 7.3: problem details, cursor paging, a limit on tokens.
    #[default]
    V7_3,
    /// Ed-Fi API 8.0 (Data Management Service): another route layout, case-sensitive members.
    V8_0,
}

impl ApiVersion {
    /// Error bodies are `{"message": ...}`.
    pub(crate) fn is_legacy(self) -> bool {
        self <= Self::V7_1
    }

    /// The Data Management Service and not the ODS.
    pub(crate) fn is_dms(self) -> bool {
        self == Self::V8_0
    }

    /// Year and instance follow `data/v3`, where later versions put tenants before it.
    pub(crate) fn has_mode(self) -> bool {
        self <= Self::V6_2
    }

    /// `pageToken` and `/partitions` are offered.
    pub(crate) fn has_cursors(self) -> bool {
        self >= Self::V7_3
    }

    /// `/keyChanges` is offered, and deletes tell the natural key.
    pub(crate) fn tracks_key_changes(self) -> bool {
        self >= Self::V6_2
    }

    /// How a client asks for a frozen view of the data.
    pub(crate) fn snapshots(self) -> SnapshotStyle {
        match self {
            Self::V5_4 | Self::V6_2 => SnapshotStyle::Named,
            Self::V7_1 | Self::V7_3 => SnapshotStyle::Single,
            Self::V8_0 => SnapshotStyle::None,
        }
    }

    /// Live tokens that one client may hold.
    pub(crate) fn token_limit(self) -> Option<usize> {
        (self == Self::V7_3).then_some(15)
    }

    /// Records on a page when the request names no limit.
    pub(crate) fn default_limit(self) -> u32 {
        if self == Self::V5_4 { 25 } else { MAX_LIMIT }
    }
}

/// How a version offers snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SnapshotStyle {
    /// A list to choose from, by the header `Snapshot-Identifier`.
    Named,
    /// One for the whole server, by the header `Use-Snapshot`.
    Single,
    /// Not at all.
    None,
}

/// What the first segment of a route names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RouteBegins {
    /// A tenant; contexts follow.
    #[default]
    Tenant,
    /// A context: there are no tenants.
    Context,
}

/// Records on a page at most.
pub(crate) const MAX_LIMIT: u32 = 500;

/// Everything a sandbox is started with.
#[derive(Clone)]
pub struct SandboxConfig {
    /// Resources and descriptors offered.
    pub model: ApiModel,
    /// Version imitated.
    pub api: ApiVersion,
    /// Address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Database file; in memory when absent.
    pub data: Option<PathBuf>,
    /// Key that clients log in with.
    pub client_id: String,
    /// Secret that clients log in with.
    pub client_secret: String,
    /// Further clients, and what each may do; the one above may do everything unless it is listed
    /// here.
    pub clients: Vec<Client>,
    /// Profiles that media types may name and clients be bound to.
    pub profiles: Vec<Profile>,
    /// What decides about the records open to `clients`.
    pub authorization: Authorization,
    /// How long a token lives.
    pub token_lifetime: Duration,
    /// Tenant and context segments of the route (an instance before 7.0).
    pub route: Vec<String>,
    /// What the first segment of the route names; of effect from 7.0 on.
    pub route_begins: RouteBegins,
    /// Year-specific mode; of effect before 7.0 only.
    pub school_year: Option<u16>,
    /// Planned misbehaviour.
    pub faults: FaultPlan,
    /// Whether change versions can be asked for.
    pub change_queries: bool,
    /// Time that every answer waits.
    pub latency: Duration,
    /// How long a client may take to send the head of a request, or to go on with a body or with
    /// taking an answer; a connection that is not used for so long is closed.
    pub patience: Duration,
    /// Requests answered in a second; the others get 429.
    pub rate_limit: Option<u32>,
    /// File that every request is appended to, one JSON object per line.
    pub record_file: Option<PathBuf>,
    /// Whether the server can be looked at and steered below `/sandbox/`, by anyone who reaches
    /// it.
    pub admin: bool,
    /// Whether every request is kept, with its body.
    pub record: bool,
    /// How many seconds its clock is ahead of that of the machine; negative if it is behind.
    pub clock_ahead_s: i64,
}

impl SandboxConfig {
    /// A model with everything else at its default: version 7.3, in memory, on a free port of
    /// the loopback address, for the client `populated`.
    pub fn new(model: ApiModel) -> Self {
        Self {
            model,
            api: ApiVersion::default(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            data: None,
            client_id: "populated".to_owned(),
            client_secret: "populatedSecret".to_owned(),
            clients: Vec::new(),
            profiles: Vec::new(),
            authorization: Authorization::None,
            token_lifetime: Duration::from_mins(30),
            route: Vec::new(),
            route_begins: RouteBegins::default(),
            school_year: None,
            faults: FaultPlan::default(),
            change_queries: true,
            latency: Duration::ZERO,
            patience: Duration::from_mins(1),
            rate_limit: None,
            record_file: None,
            admin: true,
            record: false,
            clock_ahead_s: 0,
        }
    }
}

impl fmt::Debug for SandboxConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SandboxConfig")
            .field("api", &self.api)
            .field("listen", &self.listen)
            .field("data", &self.data)
            .field("client_id", &self.client_id)
            .field("route", &self.route)
            .field("school_year", &self.school_year)
            .finish_non_exhaustive()
    }
}
