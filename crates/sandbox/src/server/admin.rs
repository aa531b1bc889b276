//! What the owner of a server does to it: look at it, arm faults, take snapshots, begin anew.
//!
//! Below `/sandbox/`, where no real API has anything, and only while the server listens on a
//! loopback address or is told otherwise. Requests that a browser could be tricked into sending
//! from another site are refused: the host must be this one, and bodies must be JSON.

use std::sync::Arc;

use axum::response::Response;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::problem::Problem;
use super::service::{Call, Service};
use super::{lock, metadata};
use crate::faults::{FaultPlan, FaultState};
use crate::storage::StorageError;
use crate::web::events;
use crate::web::request::is_own_host;
use crate::web::respond::{json_response, media_type, with_status};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewSnapshot {
    snapshot_identifier: String,
}

/// Answers a request below `/sandbox/`.
pub(crate) fn answer(service: &Arc<Service>, call: &Call, path: &str) -> Result<Response, Problem> {
    if !service.metadata.config.admin || !is_own_host(&call.headers) {
        return Err(Problem::no_endpoint());
    }
    let (head, tail) = path.split_once('/').unwrap_or((path, ""));
    match (call.method.clone(), head, tail) {
        (Method::GET, "state", "") => Ok(json_response(StatusCode::OK, &state(service)?)),
        (Method::GET, "events", "") => Ok(told(service)),
        (Method::GET, "requests", "") => Ok(requests(service, call)),
        (Method::PUT, "faults", "") => {
            let plan: FaultPlan = body(call)?;
            if plan.has_streams() {
                let text = "cut, stall and slow break streams, and this API has none";
                return Err(Problem::bad_request(text));
            }
            *service.faults() = FaultState::new(plan);
            Ok(with_status(StatusCode::NO_CONTENT))
        }
        (Method::POST, "snapshots", "") => {
            let new: NewSnapshot = body(call)?;
            let taken = service.take_snapshot(&new.snapshot_identifier);
            let taken = taken.map_err(|error| Problem::bad_request(&error.to_string()))?;
            let answer = json!({"id": taken.id, "snapshotIdentifier": taken.identifier});
            Ok(json_response(StatusCode::CREATED, &answer))
        }
        (Method::DELETE, "snapshots", name) if !name.is_empty() => {
            let status = if service.expire_snapshot(name) {
                StatusCode::NO_CONTENT
            } else {
                StatusCode::NOT_FOUND
            };
            Ok(with_status(status))
        }
        (Method::POST, "reset", "") => {
            let Empty {} = body(call)?;
            service.reset()?;
            Ok(with_status(StatusCode::NO_CONTENT))
        }
        (_, "state" | "events" | "requests" | "faults" | "snapshots" | "reset", _) => {
            Err(Problem::method(metadata::unsupported(&call.method)))
        }
        _ => Err(Problem::no_endpoint()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Empty {}

/// Everything the page shows but the requests.
pub(super) fn state(service: &Service) -> Result<Value, StorageError> {
    let mut storage = service.storage();
    let counts = storage.counts()?;
    let counts: Map<String, Value> = service
        .catalog
        .endpoints()
        .iter()
        .map(|endpoint| {
            let count = counts
                .get(&endpoint.collection)
                .copied()
                .unwrap_or_default();
            (endpoint.path.clone(), json!(count))
        })
        .collect();
    let version = storage.newest_version();
    drop(storage);
    let snapshots = lock(&service.snapshots).list();
    let snapshots: Vec<Value> = snapshots
        .iter()
        .map(|info| json!({"snapshotIdentifier": info.identifier, "taken": info.taken}))
        .collect();
    let faults = service.faults();
    Ok(json!({
        "counts": counts,
        "changeVersion": version,
        "snapshots": snapshots,
        "faults": faults.plan(),
        "faultsFired": faults.fired(),
        "requests": service.log().total,
    }))
}

/// What happens from now on.
fn told(service: &Arc<Service>) -> Response {
    let news = lock(&service.recent).news();
    let shared = Arc::clone(service);
    events::answer(news, service.stopping.clone(), move |after| {
        let requests = lock(&shared.recent).after(after);
        // A database that fails now is told of by the requests that meet it.
        json!({"state": state(&shared).unwrap_or_default(), "requests": requests})
    })
}

fn requests(service: &Service, call: &Call) -> Response {
    let after = call.query.iter().find(|(name, _)| name == "after");
    let after = after.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
    let newer = lock(&service.recent).after(after);
    json_response(StatusCode::OK, &Value::from(newer))
}

fn body<T: for<'de> Deserialize<'de>>(call: &Call) -> Result<T, Problem> {
    if media_type(&call.headers).as_deref() != Some("application/json") {
        return Err(Problem::media_type(
            "The 'Content-Type' must be 'application/json'.",
        ));
    }
    serde_json::from_slice(&call.body)
        .map_err(|error| Problem::bad_request(&format!("the body cannot be used: {error}")))
}
