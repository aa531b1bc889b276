//! What the owner of a server does to it: look at it, turn its clock, change data, arm faults, break
//! sockets, end tokens.
//!
//! Below `/sandbox/`, only while the server listens on a loopback address or is told otherwise, and
//! only to requests that a browser cannot be tricked into sending from another site.

use std::sync::Arc;

use axum::response::Response;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::query::{Query, iso};
use super::refusal::Refusal;
use super::service::{Service, json_body};
use super::sockets::Cut;
use super::world::corrections::Correction;
use super::world::{Pad, World};
use crate::faults::{FaultPlan, FaultState};
use crate::web::request::{Call, is_own_host};
use crate::web::respond::{json_response, with_status};
use crate::web::{events, lock};

/// Pads that are shown with their sites.
const PADS_SHOWN: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Turn {
    #[serde(default)]
    advance_seconds: u32,
    speed: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Empty {}

/// Answers a request below `/sandbox/`.
pub(crate) fn answer(service: &Arc<Service>, call: &Call, path: &str) -> Result<Response, Refusal> {
    if !service.config.admin || !is_own_host(&call.headers) {
        return Err(Refusal::not_found());
    }
    let shown = |value: Value| Ok(json_response(StatusCode::OK, &value));
    match (call.method.clone(), path) {
        (Method::GET, "state") => shown(state(service)),
        (Method::GET, "events") => Ok(told(service)),
        (Method::GET, "requests") => {
            let after = Query(&call.query).number("after")?.unwrap_or(0);
            shown(lock(&service.recent).after(after).into())
        }
        (Method::GET, "corrections") => shown(corrections(service)),
        (Method::POST, "corrections") => {
            let id = correct(service, body(call)?)?;
            Ok(json_response(StatusCode::CREATED, &json!({"id": id})))
        }
        (Method::PUT, "faults") => {
            let plan: FaultPlan = body(call)?;
            *service.faults() = FaultState::new(plan);
            Ok(with_status(StatusCode::NO_CONTENT))
        }
        (Method::POST, "clock") => {
            let turn: Turn = body(call)?;
            if let Some(speed) = turn.speed {
                service.clock.set_speed(speed);
            }
            service.clock.advance(turn.advance_seconds);
            shown(clock(service))
        }
        (Method::POST, "sockets") => {
            let cut: Cut = body(call)?;
            shown(json!({"closed": service.sockets.cut(cut)}))
        }
        (Method::POST, "expire-tokens") => {
            let Empty {} = body(call)?;
            service.tokens().expire();
            Ok(with_status(StatusCode::NO_CONTENT))
        }
        (
            _,
            "state" | "events" | "requests" | "corrections" | "faults" | "clock" | "sockets"
            | "expire-tokens",
        ) => Err(Refusal::method(&call.method)),
        _ => Err(Refusal::not_found()),
    }
}

/// Changes data as a person at the service would.
pub(crate) fn correct(service: &Service, correction: Correction) -> Result<u64, Refusal> {
    let now = service.clock.now_micros();
    let added = lock(&service.changes).add(&service.world, correction, now);
    added.map_err(|reason| Refusal::bad_request(&reason))
}

fn body<T: for<'de> Deserialize<'de>>(call: &Call) -> Result<T, Refusal> {
    serde_json::from_value(json_body(call)?)
        .map_err(|error| Refusal::bad_request(&format!("the body cannot be used: {error}")))
}

fn corrections(service: &Service) -> Value {
    let changes = lock(&service.changes);
    let all = changes.all().iter().map(|event| {
        json!({
            "id": event.id,
            "correction": event.correction,
            "confirmed": event.confirmed,
            "confirmations": event.confirmations,
        })
    });
    all.collect()
}

fn clock(service: &Service) -> Value {
    let now = service.clock.now();
    json!({"now": iso(now), "second": now, "speed": service.clock.speed()})
}

/// Everything the page shows but the requests.
pub(crate) fn state(service: &Service) -> Value {
    let now = service.clock.now();
    let world = &service.world;
    let pads = world.pads.iter().take(PADS_SHOWN);
    let pads: Vec<Value> = pads.map(|pad| shown_pad(world, pad, now)).collect();
    let changes = lock(&service.changes);
    let unconfirmed = changes
        .all()
        .iter()
        .filter(|event| !event.confirmed)
        .count();
    let changes = json!({"all": changes.count(), "unconfirmed": unconfirmed});
    let faults = service.faults();
    json!({
        "clock": clock(service),
        "pads": pads,
        "padsInAll": world.pads.len(),
        "sites": world.sites.len(),
        "changes": changes,
        "sockets": service.sockets.open(),
        "faults": faults.plan(),
        "faultsFired": faults.fired(),
        "requests": service.log().total,
    })
}

fn shown_pad(world: &World, pad: &Pad, now: i64) -> Value {
    let sites = pad.sites.iter().filter_map(|place| {
        let site = world.sites.get(*place)?;
        let stage = world.stage(*place, now);
        Some(json!({
            "id": site.id,
            "name": site.name,
            "state": stage.map(|stage| stage.state.name()),
            "stage": stage.map(|stage| stage.number),
            "since": stage.map(|stage| iso(stage.start)),
            "stages": site.stage_total(),
        }))
    });
    let sites: Vec<Value> = sites.collect();
    json!({"id": pad.id, "name": pad.name, "sites": sites})
}

/// What happens from now on.
fn told(service: &Arc<Service>) -> Response {
    let news = lock(&service.recent).news();
    let shared = Arc::clone(service);
    events::answer(news, service.stopping.clone(), move |after| {
        let requests = lock(&shared.recent).after(after);
        json!({"state": state(&shared), "requests": requests})
    })
}
