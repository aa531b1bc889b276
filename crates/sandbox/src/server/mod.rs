//! An Ed-Fi API, served from this process on a loopback address.
//!
//! [`Sandbox::start`] binds, serves on the current Tokio runtime, and stops when dropped. What it
//! answers follows the version in [`SandboxConfig`]; what it holds follows the model given to it.
//! It prints nothing and logs no bodies, tokens or secrets.

mod access;
mod admin;
mod body;
mod catalog;
mod config;
mod discovery;
mod introspection;
mod items;
mod metadata;
mod metrics;
mod oauth;
mod pace;
mod page;
mod paths;
mod problem;
mod profiles;
mod seed;
mod service;
mod snapshots;

pub(crate) use metadata::Metadata;
pub(crate) use seed::jsonl_files;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Collected, Full};

pub use access::{Authorization, ClaimsError, Client, Operation, read_clients};
pub use config::{ApiVersion, RouteBegins, SandboxConfig};
pub use profiles::{Profile, ProfileMembers, ProfileResource, read_profiles};
pub use seed::{SeedRefusal, SeedReport, reset_data, seed_district, seed_folder};
pub use snapshots::SnapshotInfo;

use crate::faults::{FaultPlan, FaultState};
use crate::generate::GenerateError;
use crate::storage::{Selection, StorageError};
use crate::web::connection::{self, Breaker};
pub(crate) use crate::web::lock;
use crate::web::record::RequestLog;
use crate::web::running::{ListenError, Running, bind};
use service::Service;

/// A sandbox could not be started or asked.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The address could not be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The database failed.
    #[error("the data of the sandbox cannot be used")]
    Storage(#[from] StorageError),
    /// A file beside the data could not be used.
    #[error("cannot use a file of the sandbox")]
    File(#[from] io::Error),
    /// The made-up district failed.
    #[error("cannot make a district")]
    Generate(#[from] GenerateError),
    /// A snapshot's name is no plain word.
    #[error("{name:?} is no name for a snapshot: letters, digits, '-', '_' and '.', at most 64")]
    SnapshotName {
        /// The name asked for.
        name: String,
    },
    /// The model has no such resource or descriptor.
    #[error("there is no resource {path}")]
    UnknownResource {
        /// The path asked for.
        path: String,
    },
}

/// A running Ed-Fi API.
#[derive(Debug)]
pub struct Sandbox {
    service: Arc<Service>,
    running: Running,
}

impl Sandbox {
    /// Starts a server; it answers as soon as this returns.
    #[expect(
        clippy::unused_async,
        reason = "a server needs a runtime from its start on, and starting may come to wait"
    )]
    pub async fn start(config: SandboxConfig) -> Result<Self, SandboxError> {
        let (listener, address) = bind(config.listen)?;
        let base = format!("http://{address}");
        let service = Arc::new(Service::open(config, &base)?);
        let shared = Arc::clone(&service);
        let patience = service.metadata.config.patience;
        let stopping = service.stopping.clone();
        let running = Running::spawn(address, stopping, |stopped| {
            connection::serve(listener, patience, stopped, move |request, breaker| {
                let service = Arc::clone(&shared);
                async move { service.handle(request, &breaker).await }
            })
        });
        Ok(Self { service, running })
    }

    /// Base URL, where the discovery document is; no slash at its end.
    pub fn url(&self) -> &str {
        &self.service.metadata.paths.base
    }

    /// Address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.running.address()
    }

    /// Answers a request as if it had come over a connection, without one.
    pub async fn ask(&self, request: Request<Bytes>) -> Response<Bytes> {
        let request = request.map(Full::new);
        let answer = self.service.handle(request, &Breaker::default()).await;
        let (parts, body) = answer.into_parts();
        // A body that was made here cannot break.
        let body = body.collect().await.map(Collected::to_bytes);
        Response::from_parts(parts, body.unwrap_or_default())
    }

    /// What has been asked of it so far.
    pub fn requests(&self) -> RequestLog {
        self.service.log().clone()
    }

    /// How many records a resource holds, by path (`ed-fi/students`).
    pub fn count(&self, path: &str) -> Result<u64, SandboxError> {
        let (namespace, name) = path.split_once('/').unwrap_or(("", path));
        let endpoint = self.service.catalog.by_path(namespace, name);
        let endpoint = endpoint.ok_or_else(|| SandboxError::UnknownResource {
            path: path.to_owned(),
        })?;
        Ok(self
            .service
            .storage()
            .count(&Selection::all(endpoint.collection))?)
    }

    /// Begins another fault plan; counts of requests start anew.
    pub fn set_faults(&self, plan: FaultPlan) {
        *self.service.faults() = FaultState::new(plan);
    }

    /// Freezes a view of the data that clients may then ask for; one of the same name is
    /// replaced. Versions 7.x serve the newest, 8.0 none.
    pub fn take_snapshot(&self, identifier: &str) -> Result<SnapshotInfo, SandboxError> {
        self.service.take_snapshot(identifier)
    }

    /// Ends a snapshot; gives whether there was one.
    pub fn expire_snapshot(&self, identifier: &str) -> bool {
        self.service.expire_snapshot(identifier)
    }

    /// Snapshots that clients may ask for, the oldest first.
    pub fn snapshots(&self) -> Vec<SnapshotInfo> {
        lock(&self.service.snapshots).list()
    }

    /// Removes all records and begins with those of a fresh server; change versions go on.
    pub fn reset(&self) -> Result<(), SandboxError> {
        Ok(self.service.reset()?)
    }

    /// Ends every token given out so far.
    pub fn expire_tokens(&self) {
        self.service.tokens().expire();
    }

    /// Stops taking requests and waits for those under way, for at most two seconds.
    pub async fn stop(self) {
        self.running.stop().await;
    }
}
