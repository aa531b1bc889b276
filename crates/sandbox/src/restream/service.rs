//! One request from its arrival to its answer: count, fault, authenticate, dispatch.

use std::sync::{Arc, Mutex, MutexGuard};

use axum::response::Response;
use bytes::Bytes;
use http::header::LOCATION;
use http::{Method, StatusCode};
use hyper::upgrade::OnUpgrade;
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::busy::{Busy, Seat};
use super::changes::ChangeLog;
use super::clock::Clock;
use super::config::RestreamConfig;
use super::parameters::Parameters;
use super::refusal::Refusal;
use super::routes::{Kind, Part, Route};
use super::sockets::{self, Control, Sessions};
use super::tokens::Tokens;
use super::world::World;
use super::{admin, metrics, page};
use crate::faults::{FaultAction, FaultState, mix};
use crate::web::connection::Breaker;
use crate::web::intake::Intake;
use crate::web::pace::Limiter;
use crate::web::recent::{Exchange, Recent};
use crate::web::record::RequestLog;
use crate::web::request::{Call, known_method, parse_query};
use crate::web::respond::{header, json_response, media_type, set_header, with_status};
use crate::web::{faulted, lock};

/// Longest method, path and query of a request.
const LINE_MAX: usize = 8_190;

/// Everything the handlers share.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) config: RestreamConfig,
    pub(crate) world: Arc<World>,
    pub(crate) clock: Clock,
    pub(crate) changes: Mutex<ChangeLog>,
    pub(crate) sessions: Mutex<Sessions>,
    pub(crate) sockets: Control,
    pub(crate) stopping: CancellationToken,
    pub(crate) recent: Mutex<Recent>,
    pub(crate) busy: Busy,
    pub(super) parameters: Mutex<Parameters>,
    tokens: Mutex<Tokens>,
    faults: Mutex<FaultState>,
    log: Mutex<RequestLog>,
    limiter: Option<Mutex<Limiter>>,
    intake: Intake,
}

/// What goes wrong with the answer to a request, beyond its status and body.
pub(crate) type StreamFault = Option<FaultAction>;

impl Service {
    pub(crate) fn open(config: RestreamConfig) -> std::io::Result<Self> {
        let world = World::new(&config.size);
        let mut changes = ChangeLog::new();
        changes.make_up(&world, config.size.seed, (config.corrections, config.now));
        let salt = mix(jiff::Timestamp::now().as_microsecond().unsigned_abs());
        Ok(Self {
            world: Arc::new(world),
            clock: Clock::new(config.now, config.speed),
            changes: Mutex::new(changes),
            sessions: Mutex::default(),
            sockets: Control::default(),
            stopping: CancellationToken::new(),
            recent: Mutex::new(Recent::open(config.record_file.as_deref())?),
            busy: Busy::default(),
            parameters: Mutex::new(Parameters::new(config.size.begin)),
            tokens: Mutex::new(Tokens::new(salt)),
            faults: Mutex::new(FaultState::new(config.faults.clone())),
            log: Mutex::default(),
            limiter: config
                .rate_limit
                .map(|limit| Mutex::new(Limiter::new(limit))),
            intake: Intake::default(),
            config,
        })
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, FaultState> {
        lock(&self.faults)
    }

    pub(crate) fn tokens(&self) -> MutexGuard<'_, Tokens> {
        lock(&self.tokens)
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
        let (mut parts, body) = request.into_parts();
        let upgrade = parts.extensions.remove::<OnUpgrade>();
        let (body, _share) = self.intake.read(body, self.config.patience).await;
        let unread = body.as_ref().err().copied();
        let query = parse_query(&parts.uri);
        let call = Call {
            method: parts.method,
            uri: parts.uri,
            headers: parts.headers,
            body: body.unwrap_or_default(),
            query,
        };
        let route = Route::of(call.uri.path());
        if let Route::Admin(rest) = &route {
            let answer = admin::answer(self, &call, rest);
            return answer.unwrap_or_else(|refusal| refusal.respond(false));
        }
        let rule = if route.is_service() {
            self.faults().decide(call.method.as_str(), call.uri.path())
        } else {
            None
        };
        if !self.config.latency.is_zero() {
            tokio::time::sleep(self.config.latency).await;
        }
        let fault = rule.as_ref().map(|rule| rule.action.clone());
        let fault = fault.filter(FaultAction::is_of_streams);
        let answer = async {
            if let Some(unread) = unread {
                return unread.respond();
            }
            let answered = match self.allowed(&call, &route) {
                Ok(()) => {
                    self.dispatch(&call, &route, (fault, upgrade, breaker))
                        .await
                }
                Err(refusal) => Err(refusal),
            };
            answered.unwrap_or_else(|refusal| refusal.respond(route.is_socket()))
        };
        let (response, status) = if let Some(rule) = &rule {
            faulted::respond(rule, answer, breaker).await
        } else {
            let response = answer.await;
            let status = response.status().as_u16();
            (response, status)
        };
        let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.record(&call, &route, (status, micros));
        response
    }

    /// What every request of the service has to keep to.
    fn allowed(&self, call: &Call, route: &Route) -> Result<(), Refusal> {
        let path = call
            .uri
            .path_and_query()
            .map_or(0, |path| path.as_str().len());
        // Spaces and the version of the protocol belong to the line.
        if call.method.as_str().len() + path + " HTTP/1.1 ".len() > LINE_MAX {
            return Err(Refusal::bad_request("The request line is too long."));
        }
        match &self.limiter {
            Some(limiter) if route.is_service() => lock(limiter).take().map_err(Refusal::throttled),
            _ => Ok(()),
        }
    }

    async fn dispatch(
        self: &Arc<Self>,
        call: &Call,
        route: &Route,
        (fault, upgrade, breaker): (StreamFault, Option<OnUpgrade>, &Breaker),
    ) -> Result<Response, Refusal> {
        match route {
            Route::Root => return Ok(page::answer(self, call)),
            Route::Health => return Ok(health()),
            Route::Metrics => return Ok(metrics::answer(self)),
            Route::Token if call.method == Method::POST => {
                return self
                    .tokens()
                    .answer(&self.config, &call.headers, &call.body);
            }
            Route::Token => return Err(Refusal::method(&call.method)),
            Route::Slashless if call.method == Method::GET => return Ok(with_slash(call)),
            Route::Slashless | Route::Unknown | Route::Admin(_) => {
                return Err(Refusal::not_found());
            }
            _ => {}
        }
        let token = self.tokens().check(&call.headers)?.to_owned();
        let seat = self.seat(&route.template(), &token)?;
        if let Route::Socket(kind, id, topic) = route {
            let place = self.place(*kind, *id)?;
            let socket = (*kind, place, *topic);
            return sockets::open(self, call, socket, (fault, upgrade, breaker));
        }
        if let Route::Of(kind, id, Part::Data) = route {
            let place = self.place(*kind, *id)?;
            only(call, &[Method::GET])?;
            return self.data(call, (*kind, place), (fault, seat)).await;
        }
        if let Route::Of(kind, id, Part::Aggregations) = route {
            let place = self.place(*kind, *id)?;
            only(call, &[Method::GET])?;
            return self.aggregations(call, (*kind, place)).await;
        }
        let answer = match route {
            Route::Of(kind, id, part) => self.one(call, (*kind, *id), *part)?,
            other => self.list(call, other)?,
        };
        Ok(match answer {
            Value::Null => with_status(StatusCode::NO_CONTENT),
            answer => json_response(StatusCode::OK, &answer),
        })
    }

    fn seat(&self, shape: &str, token: &str) -> Result<Option<Seat>, Refusal> {
        let Some(most) = self.config.behaviour.concurrency else {
            return Ok(None);
        };
        let seat = self.busy.take(shape, token, most);
        seat.map(Some).ok_or_else(|| Refusal::throttled(1))
    }

    /// The place of a site or pad that there is and that may be read.
    pub(crate) fn place(&self, kind: Kind, id: u64) -> Result<usize, Refusal> {
        let place = match kind {
            Kind::Sites => self.world.site(id),
            Kind::Pads => self.world.pad(id),
        };
        let place = place.ok_or_else(Refusal::not_found)?;
        if kind == Kind::Sites && self.config.behaviour.forbidden.contains(&id) {
            return Err(Refusal::forbidden());
        }
        Ok(place)
    }

    /// The places of the sites that a site or pad stands for.
    pub(crate) fn sites_of(&self, (kind, place): (Kind, usize)) -> Vec<usize> {
        match (kind, self.world.pads.get(place)) {
            (Kind::Sites, _) => vec![place],
            (Kind::Pads, pad) => pad.map_or_else(Vec::new, |pad| pad.sites.clone()),
        }
    }

    /// Their ids.
    pub(crate) fn site_ids(&self, whose: (Kind, usize)) -> Vec<u64> {
        let sites = self.sites_of(whose);
        sites
            .iter()
            .filter_map(|site| self.world.sites.get(*site))
            .map(|site| site.id)
            .collect()
    }

    /// The pad of a site, or the pad itself.
    pub(super) fn pad_of(&self, (kind, place): (Kind, usize)) -> Option<u64> {
        let pad = match kind {
            Kind::Sites => self.world.sites.get(place)?.pad?,
            Kind::Pads => place,
        };
        self.world.pads.get(pad).map(|pad| pad.id)
    }

    fn record(&self, call: &Call, route: &Route, (status, micros): (u16, u64)) {
        let nothing = Bytes::new();
        let said = |name: &str| header(&call.headers, name).unwrap_or_default();
        let exchange = Exchange {
            method: known_method(&call.method),
            path: call.uri.path_and_query().map_or("", |path| path.as_str()),
            accept: said("accept"),
            content_type: said("content-type"),
            status,
            micros,
            body: if *route == Route::Token {
                &nothing
            } else {
                &call.body
            },
        };
        lock(&self.recent).add(&exchange);
        self.log()
            .add(route.template(), &exchange, self.config.record);
    }
}

/// The body of a request, which has to be JSON.
pub(crate) fn json_body(call: &Call) -> Result<Value, Refusal> {
    if media_type(&call.headers).as_deref() != Some("application/json") {
        return Err(Refusal::media_type());
    }
    serde_json::from_slice(&call.body)
        .map_err(|error| Refusal::bad_request(&format!("JSON parse error: {error}")))
}

/// Refuses other methods than these.
pub(crate) fn only(call: &Call, methods: &[Method]) -> Result<(), Refusal> {
    if methods.contains(&call.method) {
        return Ok(());
    }
    Err(Refusal::method(&call.method))
}

fn health() -> Response {
    json_response(StatusCode::OK, &serde_json::json!({"status": "ok"}))
}

/// The way to the same path with a slash at its end.
fn with_slash(call: &Call) -> Response {
    let query = call
        .uri
        .query()
        .map_or_else(String::new, |query| format!("?{query}"));
    let mut response = with_status(StatusCode::MOVED_PERMANENTLY);
    set_header(
        &mut response,
        LOCATION,
        &format!("{}/{query}", call.uri.path()),
    );
    response
}
