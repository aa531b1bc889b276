//! One request from its arrival to its answer: count, fault, authenticate, dispatch.
//!
//! Counting comes first and recording last, so that the log holds the status that was sent, also
//! where a fault replaced it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri};

use super::access::{Caller, Client};
use super::catalog::{Catalog, DescriptorIndex, load_descriptors};
use super::config::{ApiVersion, SandboxConfig};
use super::metadata::{self, Metadata};
use super::oauth::{self, Tokens};
use super::paths::{ChangeQuery, Route};
use super::problem::Problem;
use super::record::{RecordedRequest, RequestLog};
use super::respond::{header, with_status};
use super::snapshots::{self, Snapshots};
use super::{faulted, introspection, items, lock};
use crate::faults::{FaultState, mix};
use crate::storage::{Storage, StorageError};

/// Largest body read, as the real server's default.
const MAX_BODY: usize = 30_000_000;

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
}

/// A request whose body has been read.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Query parameters, decoded, in order.
    pub(crate) query: Vec<(String, String)>,
}

impl Service {
    /// Opens the database and prepares the model for a server reached at `base`.
    pub(crate) fn open(config: SandboxConfig, base: &str) -> Result<Self, StorageError> {
        let mut storage = Storage::open(config.data.as_deref())?;
        let catalog = Catalog::build(&config.model, &mut storage)?;
        let descriptors = load_descriptors(&catalog, &storage)?;
        let now = jiff::Timestamp::now().as_microsecond().unsigned_abs();
        Ok(Self {
            catalog,
            salt: mix(now),
            storage: Arc::new(Mutex::new(storage)),
            snapshots: Mutex::new(Snapshots::open(config.data.as_deref())?),
            descriptors: RwLock::new(descriptors),
            clients: clients(&config),
            tokens: Mutex::default(),
            faults: Mutex::new(FaultState::new(config.faults.clone())),
            log: Mutex::default(),
            metadata: Metadata::new(config, base),
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
    pub(crate) async fn handle(
        &self,
        request: http::Request<Body>,
        breaker: &super::listener::Breaker,
    ) -> Response {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, MAX_BODY).await;
        let too_large = body.is_err();
        let query = metadata::parse_query(&parts.uri);
        let call = Call {
            method: parts.method,
            uri: parts.uri,
            headers: parts.headers,
            body: body.unwrap_or_default(),
            query,
        };
        let path = call.uri.path();
        let route = self.metadata.paths.route(path, self.api());
        let rule = self.faults().decide(call.method.as_str(), path);
        let answer = || {
            if too_large {
                with_status(StatusCode::PAYLOAD_TOO_LARGE)
            } else {
                self.answer(&call, &route)
            }
        };
        let (response, status) = if let Some(rule) = rule {
            faulted::respond(&rule, answer, breaker).await
        } else {
            let response = answer();
            let status = response.status().as_u16();
            (response, status)
        };
        self.record(&call, &route, status);
        response
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
            ChangeQuery::Snapshots => snapshots::answer(self, None),
            ChangeQuery::Snapshot(id) => snapshots::answer(self, Some(id)),
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

    fn record(&self, call: &Call, route: &Route, status: u16) {
        let path = call.uri.path();
        tracing::debug!(method = %call.method, path, status, "answered");
        let secret = matches!(route, Route::Token | Route::TokenInfo);
        let keep = self.metadata.config.record;
        let request = RecordedRequest {
            method: call.method.as_str().to_owned(),
            path: call
                .uri
                .path_and_query()
                .map_or_else(String::new, ToString::to_string),
            status,
            body: if keep && !secret {
                call.body.clone()
            } else {
                Bytes::new()
            },
        };
        self.log()
            .add(self.metadata.paths.template(path, route), request, keep);
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
