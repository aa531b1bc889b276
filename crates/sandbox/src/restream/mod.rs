//! A Restream service of time series, served from this process on a loopback address.
//!
//! [`Restream::start`] binds, serves on the current Tokio runtime, and stops when dropped. What it
//! serves follows from a seed and from the time that its own clock shows; where nobody outside
//! knows what the real service does, [`Behaviour`] says it. It prints nothing and logs no bodies,
//! tokens or secrets.

mod admin;
mod aggregations;
mod busy;
mod changes;
mod clock;
mod config;
mod confirm;
mod content;
mod data;
mod history;
mod lists;
mod metrics;
mod objects;
mod page;
mod parameters;
mod query;
mod refusal;
mod routes;
mod service;
mod sockets;
mod tokens;
mod world;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

pub use config::{Aggregation, Behaviour, RestreamConfig, Stamp};
pub use query::second_of;
pub use sockets::Cut;
pub use world::Size;
pub use world::corrections::{Correction, Effect};
pub use world::curves::Density;

use crate::faults::{FaultPlan, FaultState};
use crate::web::ListenError;
use crate::web::record::RequestLog;
use crate::web::running::{Running, bind};
use crate::web::{connection, lock};
use service::Service;

/// A simulated service could not be started or changed.
#[derive(Debug, thiserror::Error)]
pub enum RestreamError {
    /// The address could not be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The file of requests could not be opened.
    #[error("cannot use the file that requests are recorded in")]
    Record(#[source] io::Error),
    /// A correction names what there is not.
    #[error("the correction cannot be made: {reason}")]
    Correction {
        /// What is wrong with it.
        reason: String,
    },
}

/// A change event and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeRecord {
    /// Id of the event.
    pub id: u64,
    /// What was done to the data.
    pub correction: Correction,
    /// How often a client confirmed it.
    pub confirmations: u32,
}

/// A running service.
#[derive(Debug)]
pub struct Restream {
    service: Arc<Service>,
    url: String,
    running: Running,
}

impl Restream {
    /// Starts a server; it answers as soon as this returns.
    #[expect(
        clippy::unused_async,
        reason = "a server needs a runtime from its start on, and starting may come to wait"
    )]
    pub async fn start(config: RestreamConfig) -> Result<Self, RestreamError> {
        let (listener, address) = bind(config.listen)?;
        let patience = config.patience;
        let service = Arc::new(Service::open(config).map_err(RestreamError::Record)?);
        let shared = Arc::clone(&service);
        let stopping = service.stopping.clone();
        let running = Running::spawn(address, stopping, |stopped| {
            connection::serve(listener, patience, stopped, move |request, breaker| {
                let service = Arc::clone(&shared);
                async move { service.handle(request, &breaker).await }
            })
        });
        Ok(Self {
            service,
            url: format!("http://{address}"),
            running,
        })
    }

    /// Base URL; no slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.running.address()
    }

    /// What has been asked of it so far.
    pub fn requests(&self) -> RequestLog {
        self.service.log().clone()
    }

    /// Ids of the pads.
    pub fn pads(&self) -> Vec<u64> {
        self.service.world.pads.iter().map(|pad| pad.id).collect()
    }

    /// Ids of the sites.
    pub fn sites(&self) -> Vec<u64> {
        self.service
            .world
            .sites
            .iter()
            .map(|site| site.id)
            .collect()
    }

    /// The second that its clock shows.
    pub fn now(&self) -> i64 {
        self.service.clock.now()
    }

    /// Turns its clock on by so many seconds.
    pub fn advance(&self, seconds: u32) {
        self.service.clock.advance(seconds);
    }

    /// Lets so many seconds of the service pass in a real one from now on; 0 stops its clock.
    pub fn set_speed(&self, speed: u32) {
        self.service.clock.set_speed(speed);
    }

    /// Changes data that may have been read already; gives the id of the event that tells so.
    pub fn correct(&self, correction: Correction) -> Result<u64, RestreamError> {
        let now = self.service.clock.now_micros();
        let added = lock(&self.service.changes).add(&self.service.world, correction, now);
        added.map_err(|reason| RestreamError::Correction { reason })
    }

    /// Every change event, oldest first.
    pub fn changes(&self) -> Vec<ChangeRecord> {
        let changes = lock(&self.service.changes);
        let records = changes.all().iter().map(|event| ChangeRecord {
            id: event.id,
            correction: event.correction.clone(),
            confirmations: event.confirmations,
        });
        records.collect()
    }

    /// Sockets that are open.
    pub fn sockets(&self) -> usize {
        self.service.sockets.open()
    }

    /// Ends all open sockets; gives how many there were.
    pub fn cut_sockets(&self, cut: Cut) -> usize {
        self.service.sockets.cut(cut)
    }

    /// Begins another fault plan; counts of requests start anew.
    pub fn set_faults(&self, plan: FaultPlan) {
        *self.service.faults() = FaultState::new(plan);
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
