//! One request from its arrival to its answer: count, fault, authenticate, dispatch.
//!
//! Counting comes first and recording last, so that the log holds the status that was sent, also
//! where a fault replaced it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use axum::response::Response;
use bytes::Bytes;
use http::Method;
use jiff::fmt::rfc2822::DateTimePrinter;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::access::{Caller, Client};
use super::catalog::{Catalog, DescriptorIndex, load_descriptors};
use super::config::{ApiVersion, SandboxConfig};
use super::metadata::{self, Metadata};
use super::oauth::{self, Tokens};
use super::pace;
use super::paths::{ChangeQuery, Route};
use super::problem::Problem;
use super::snapshots::{self, Snapshots};
use super::{SandboxError, admin, introspection, items, lock, metrics, page};
use crate::faults::{FaultState, mix};
use crate::storage::{Flusher, Storage, StorageError, claim, clock};
use crate::web::connection::Breaker;
use crate::web::faulted;
use crate::web::intake::Intake;
use crate::web::pace::Limiter;
use crate::web::recent::{Exchange, Recent};
use crate::web::record::RequestLog;
pub(crate) use crate::web::request::Call;
use crate::web::request::{known_method, parse_query};
use crate::web::respond::{header, set_header};

/// Everything the handlers share.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) metadata: Metadata,
    pub(crate) catalog: Catalog,
    /// Makes tokens differ between servers.
    pub(crate) salt: u64,
    pub(super) storage: Arc<Mutex<Storage>>,
    pub(super) snapshots: Mutex<Snapshots>,
    descriptors: RwLock<DescriptorIndex>,
    /// Everyone who can log in.
    pub(super) clients: Vec<Caller>,
    tokens: Mutex<Tokens>,
    faults: Mutex<FaultState>,
    log: Mutex<RequestLog>,
    pub(super) recent: Mutex<Recent>,
    /// Keeps other servers off the data file.
    _claim: Option<fs_err::File>,
    limiter: Option<Mutex<Limiter>>,
    intake: Intake,
    /// Told when the server stops.
    pub(super) stopping: CancellationToken,
    flusher: Option<Flusher>,
}

impl Service {
    /// Opens the database and prepares the model for a server reached at `base`.
    pub(crate) fn open(config: SandboxConfig, base: &str) -> Result<Self, SandboxError> {
        let claim = config.data.as_deref().map(claim).transpose()?;
        let mut storage = Storage::open(config.data.as_deref())?;
        storage.clock_ahead = jiff::SignedDuration::from_secs(config.clock_ahead_s);
        let catalog = Catalog::build(&config.model, &mut storage)?;
        let descriptors = load_descriptors(&catalog, &storage)?;
        let now = jiff::Timestamp::now().as_microsecond().unsigned_abs();
        Ok(Self {
            catalog,
            flusher: storage.flusher()?,
            intake: Intake::default(),
            stopping: CancellationToken::new(),
            salt: mix(now),
            storage: Arc::new(Mutex::new(storage)),
            snapshots: Mutex::new(Snapshots::open(config.data.as_deref())?),
            descriptors: RwLock::new(descriptors),
            clients: clients(&config),
            tokens: Mutex::default(),
            faults: Mutex::new(FaultState::new(config.faults.clone())),
            log: Mutex::default(),
            _claim: claim,
            recent: Mutex::new(Recent::open(config.record_file.as_deref())?),
            limiter: config
                .rate_limit
                .map(|limit| Mutex::new(Limiter::new(limit))),
            metadata: Metadata::new(config, base),
        })
    }

    /// The client of this id; nobody who may do anything when there is none.
    pub(crate) fn caller(&self, client_id: &str) -> Caller {
        let found = self
            .clients
            .iter()
            .find(|caller| caller.client.client_id == client_id);
        found.cloned().unwrap_or_else(|| Caller {
            client: Arc::default(),
            organizations: Vec::new(),
            restricted: true,
        })
    }

    /// The version imitated.
    pub(crate) fn api(&self) -> ApiVersion {
        self.metadata.config.api
    }

    pub(crate) fn storage(&self) -> MutexGuard<'_, Storage> {
        lock(&self.storage)
    }

    pub(crate) fn descriptors(&self) -> RwLockReadGuard<'_, DescriptorIndex> {
        self.descriptors
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn descriptors_mut(&self) -> RwLockWriteGuard<'_, DescriptorIndex> {
        self.descriptors
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn tokens(&self) -> MutexGuard<'_, Tokens> {
        lock(&self.tokens)
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, FaultState> {
        lock(&self.faults)
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, RequestLog> {
        lock(&self.log)
    }

    /// Answers one request.
    pub(crate) async fn handle<B>(
        self: &Arc<Self>,
        request: http::Request<B>,
        breaker: &Breaker,
    ) -> Response
    where
        B: http_body::Body<Data = Bytes> + Unpin,
    {
        let begun = Instant::now();
        let (parts, body) = request.into_parts();
        let (body, _share) = self.intake.read(body, self.metadata.config.patience).await;
        let unread = body.as_ref().err().copied();
        let query = parse_query(&parts.uri);
        let call = Call {
            method: parts.method,
            uri: parts.uri,
            headers: parts.headers,
            body: body.unwrap_or_default(),
            query,
        };
        let path = call.uri.path();
        let route = self.metadata.paths.route(path, self.api());
        if let Route::Admin(rest) = &route {
            let answer = admin::answer(self, &call, rest)
                .unwrap_or_else(|problem| problem.respond(self.api(), &self.correlation(&call)));
            return self.durable((&call, &route), answer).await;
        }
        let rule = self.faults().decide(call.method.as_str(), path);
        if !self.metadata.config.latency.is_zero() {
            tokio::time::sleep(self.metadata.config.latency).await;
        }
        let answer = async {
            if let Some(unread) = unread {
                unread.respond()
            } else if let Err(seconds) = self.within_limit(&route) {
                pace::refusal(self.api(), &self.correlation(&call), seconds)
            } else {
                self.answer(&call, &route)
            }
        };
        let (response, status) = if let Some(rule) = rule {
            let (response, status) = faulted::respond(&rule, answer, breaker).await;
            (self.durable((&call, &route), response).await, status)
        } else {
            let response = self.durable((&call, &route), answer.await).await;
            let status = response.status().as_u16();
            (response, status)
        };
        let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.record(&call, &route, (status, micros));
        self.dated(response)
    }

    /// The time by the clock of this server.
    pub(super) fn now(&self) -> jiff::Timestamp {
        clock(jiff::SignedDuration::from_secs(
            self.metadata.config.clock_ahead_s,
        ))
    }

    /// Tells when an answer was given, where the machine would tell another time.
    fn dated(&self, mut response: Response) -> Response {
        if self.metadata.config.clock_ahead_s != 0
            && let Ok(date) = DateTimePrinter::new().timestamp_to_rfc9110_string(&self.now())
        {
            set_header(&mut response, http::header::DATE, &date);
        }
        response
    }

    /// Holds back the acknowledgement of a write until it would outlive a loss of power.
    async fn durable(&self, (call, route): (&Call, &Route), response: Response) -> Response {
        let Some(flusher) = &self.flusher else {
            return response;
        };
        let writes = matches!(route, Route::Data { .. } | Route::Admin(_))
            && !matches!(call.method, Method::GET | Method::HEAD);
        if !writes || !response.status().is_success() || flusher.flushed().await.is_ok() {
            return response;
        }
        Problem::system().respond(self.api(), &self.correlation(call))
    }

    fn within_limit(&self, route: &Route) -> Result<(), u64> {
        match &self.limiter {
            Some(limiter) if !matches!(route, Route::Health | Route::Metrics) => {
                lock(limiter).take()
            }
            _ => Ok(()),
        }
    }

    /// Removes everything and begins with the records of a fresh server.
    pub(crate) fn reset(&self) -> Result<(), StorageError> {
        let mut storage = self.storage();
        storage.atomically(|storage| {
            storage.clear()?;
            self.catalog.seed(&self.metadata.config.model, storage)
        })?;
        let fresh = load_descriptors(&self.catalog, &storage)?;
        *self.descriptors_mut() = fresh;
        Ok(())
    }

    fn answer(&self, call: &Call, route: &Route) -> Response {
        self.dispatch(call, route)
            .unwrap_or_else(|problem| problem.respond(self.api(), &self.correlation(call)))
    }

    fn dispatch(&self, call: &Call, route: &Route) -> Result<Response, Problem> {
        let posted = matches!(route, Route::Token | Route::TokenInfo);
        if posted && call.method != Method::POST {
            return Err(Problem::method(metadata::unsupported(&call.method)));
        }
        match route {
            Route::Discovery { .. } if page::is_wanted(self, call) => page::answer(self),
            Route::Metrics => Ok(metrics::answer(self)),
            Route::Token => oauth::token(self, &call.headers, &call.body),
            Route::TokenInfo => introspection::token_info(self, &call.headers, &call.body),
            Route::Data {
                namespace,
                name,
                rest,
            } => {
                let caller = oauth::check(self, &call.headers)?;
                let endpoint = self.catalog.by_path(namespace, name);
                let endpoint = endpoint.ok_or_else(Problem::no_endpoint)?;
                items::dispatch(self, endpoint, (call, &caller), rest.as_deref())
            }
            Route::ChangeQueries(query) => self.change_query(call, query),
            other => self
                .metadata
                .answer(other, &call.method, &call.query, &call.headers),
        }
    }

    fn change_query(&self, call: &Call, query: &ChangeQuery) -> Result<Response, Problem> {
        oauth::check(self, &call.headers)?;
        if !self.metadata.config.change_queries {
            return Err(Problem::feature_disabled("ChangeQueries"));
        }
        if call.method != Method::GET {
            return Err(Problem::method(metadata::unsupported(&call.method)));
        }
        match query {
            ChangeQuery::AvailableChangeVersions => items::available(self, call),
            ChangeQuery::Snapshots => snapshots::answer(self, call, None),
            ChangeQuery::Snapshot(id) => snapshots::answer(self, call, Some(id)),
        }
    }

    /// The client's correlation id, else one that differs for every request.
    fn correlation(&self, call: &Call) -> String {
        if let Some(given) = header(&call.headers, "correlation-id") {
            return given.to_owned();
        }
        let named = call
            .query
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("correlationid"));
        named.map_or_else(|| self.fresh_correlation(), |(_, value)| value.clone())
    }

    fn fresh_correlation(&self) -> String {
        let total = self.log().total;
        let digits = format!("{:016x}{:016x}", mix(self.salt ^ total), mix(total));
        let at = [0..8, 8..12, 12..16, 16..20, 20..32];
        let groups: Vec<&str> = at
            .into_iter()
            .filter_map(|range| digits.get(range))
            .collect();
        groups.join("-")
    }

    fn record(&self, call: &Call, route: &Route, (status, micros): (u16, u64)) {
        let mut template = self.metadata.paths.template(call.uri.path(), route);
        // Names that clients make up must not fill the memory.
        if let Route::Data {
            namespace, name, ..
        } = route
            && self.catalog.by_path(namespace, name).is_none()
        {
            "unknown".clone_into(&mut template);
        }
        let method = known_method(&call.method);
        let secret = matches!(route, Route::Token | Route::TokenInfo);
        let nothing = Bytes::new();
        let said = |name: &str| header(&call.headers, name).unwrap_or_default();
        let exchange = Exchange {
            method,
            path: call.uri.path_and_query().map_or("", |path| path.as_str()),
            accept: said("accept"),
            content_type: said("content-type"),
            status,
            micros,
            body: if secret { &nothing } else { &call.body },
        };
        lock(&self.recent).add(&exchange);
        let keep = self.metadata.config.record;
        self.log().add(template, &exchange, keep);
    }
}

/// The clients of the configuration; the strategy applies to those of a file of claims.
fn clients(config: &SandboxConfig) -> Vec<Caller> {
    let caller = |client: Client, restricted| Caller {
        organizations: client.education_organization_ids.clone(),
        client: Arc::new(client),
        restricted,
    };
    let own = Client::unrestricted(&config.client_id, &config.client_secret);
    let taken = config
        .clients
        .iter()
        .any(|client| client.client_id == own.client_id);
    let listed = config.clients.iter().cloned();
    let listed = listed.map(|client| caller(client, true));
    listed.chain((!taken).then(|| caller(own, false))).collect()
}
