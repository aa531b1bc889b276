//! What has happened to a collection: deletes, changed keys, and the span of change versions that
//! a request asks for.

use axum::response::Response;
use http::{HeaderName, StatusCode};
use serde_json::{Map, Value, json};

use super::{Request, query};
use crate::server::access::Operation;
use crate::server::catalog::Endpoint;
use crate::server::lock;
use crate::server::problem::Problem;
use crate::server::service::{Call, Service};
use crate::storage::{Rekeyed, Selection, Span, Tombstone};
use crate::web::respond::{json_response, json_text, set_header};

/// Which history of a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum History {
    Deletes,
    KeyChanges,
}

impl History {
    /// The history a path segment names in this version, if any.
    pub(super) fn named(segment: &str) -> Option<Self> {
        let is = |name: &str| segment.eq_ignore_ascii_case(name);
        if is("deletes") {
            Some(Self::Deletes)
        } else if is("keyChanges") {
            Some(Self::KeyChanges)
        } else {
            None
        }
    }
}

/// One page of a history.
pub(super) fn page(request: Request<'_>, history: History) -> Result<Response, Problem> {
    let api = request.service.api();
    if !request.service.metadata.config.change_queries {
        return Err(Problem::feature_disabled("ChangeQueries"));
    }
    let offered = api.tracks_key_changes() || history == History::Deletes;
    if !offered || request.endpoint.resource.singular == "schoolYearType" {
        return Err(Problem::no_endpoint());
    }
    request.claim(Operation::ReadChanges)?;
    let window = query::history_window(&request.call.query, api)?;
    let span = span(&request.call.query)?.unwrap_or(Span {
        from: 0,
        to: i64::MAX,
    });
    let wants_total = query::wants_total(&request.call.query)?;
    let storage = request.service.view(request.call)?;
    let storage = lock(&storage);
    let selection = Selection {
        collection: request.endpoint.collection,
        conditions: request.visible(&storage)?,
    };
    let text = match history {
        History::Deletes => {
            let found = storage.deletes(&selection, span, window)?;
            let with_keys = api.tracks_key_changes();
            list(found.iter().map(|one| deleted(one, with_keys)))
        }
        History::KeyChanges => {
            let found = storage.rekeys(&selection, span, window)?;
            list(found.iter().map(rekeyed))
        }
    };
    let count = || match history {
        History::Deletes => storage.count_deletes(&selection, span),
        History::KeyChanges => storage.count_rekeys(&selection, span),
    };
    let total = wants_total.then(count).transpose()?;
    let mut response = json_text(StatusCode::OK, text);
    if let Some(total) = total {
        let name = HeaderName::from_static("total-count");
        set_header(&mut response, name, &total.to_string());
    }
    Ok(response)
}

fn deleted(one: &Tombstone, with_keys: bool) -> String {
    let (id, version) = (&one.id, one.version);
    let values = if with_keys {
        format!(",\"keyValues\":{}", one.key_values)
    } else {
        String::new()
    };
    format!("{{\"id\":\"{id}\",\"changeVersion\":{version}{values}}}")
}

fn rekeyed(one: &Rekeyed) -> String {
    format!(
        "{{\"id\":\"{}\",\"changeVersion\":{},\"oldKeyValues\":{},\"newKeyValues\":{}}}",
        one.id, one.version, one.old_values, one.new_values
    )
}

/// The oldest and the newest change version.
pub(crate) fn available(service: &Service, call: &Call) -> Result<Response, Problem> {
    let storage = service.view(call)?;
    let newest = lock(&storage).newest_version();
    let body = json!({"oldestChangeVersion": 0, "newestChangeVersion": newest});
    Ok(json_response(StatusCode::OK, &body))
}

/// The change versions that a request asks for, both bounds included.
pub(super) fn span(parameters: &[(String, String)]) -> Result<Option<Span>, Problem> {
    let from = query::integer(parameters, "minChangeVersion")?;
    let to = query::integer(parameters, "maxChangeVersion")?;
    let given = from.is_some() || to.is_some();
    Ok(given.then(|| Span {
        from: from.unwrap_or(0),
        to: to.unwrap_or(i64::MAX),
    }))
}

/// The flattened natural key of a stored body as JSON, under the names that queries use.
pub(super) fn key_values(endpoint: &Endpoint, body: &str) -> String {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let mut values = Map::new();
    for part in &endpoint.resource.key {
        let value = part
            .path
            .iter()
            .try_fold(&body, |value, name| value.get(name));
        if let Some(value) = value {
            values.insert(part.query_name.clone(), value.clone());
        }
    }
    Value::Object(values).to_string()
}

fn list(entries: impl Iterator<Item = String>) -> String {
    let entries: Vec<String> = entries.collect();
    format!("[{}]", entries.join(","))
}
