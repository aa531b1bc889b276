//! Listing change events, and confirming that they were received.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::changes::Event;
use super::query::Query;
use super::refusal::Refusal;
use super::routes::{Kind, Part};
use super::service::{Service, json_body, only};
use crate::web::lock;
use crate::web::request::Call;

/// What a client says of events.
#[derive(Deserialize)]
struct Confirmation {
    change_log: Vec<Confirmed>,
}

#[derive(Deserialize)]
struct Confirmed {
    id: u64,
    #[serde(default)]
    update_received: bool,
}

/// Answers a request for change events.
pub(crate) fn answer(
    service: &Service,
    call: &Call,
    whose: (Kind, usize),
    part: Part,
) -> Result<Value, Refusal> {
    let sites = service.site_ids(whose);
    if let Part::Change(id) = part {
        only(call, &[Method::GET])?;
        let changes = lock(&service.changes);
        let found = changes.of(&sites, 0).find(|event| event.id == id);
        let found = found.ok_or_else(Refusal::not_found)?;
        return Ok(json!({"change_log": [found.shown()]}));
    }
    if call.method == Method::POST && whose.0 == Kind::Sites {
        confirm(service, call, &sites)?;
        return Ok(listed(service, &sites, |event| !event.confirmed));
    }
    only(call, &[Method::GET])?;
    let all = Query(&call.query)
        .flag("get_acknowledged")?
        .unwrap_or(false);
    Ok(listed(service, &sites, |event| all || !event.confirmed))
}

fn listed(service: &Service, sites: &[u64], wanted: impl Fn(&Event) -> bool) -> Value {
    let changes = lock(&service.changes);
    let events = changes.of(sites, 0).filter(|event| wanted(event));
    json!({"change_log": events.map(Event::shown).collect::<Vec<Value>>()})
}

fn confirm(service: &Service, call: &Call, sites: &[u64]) -> Result<(), Refusal> {
    let given: Confirmation = serde_json::from_value(json_body(call)?)
        .map_err(|error| Refusal::bad_request(&format!("change_log: {error}.")))?;
    let received = given.change_log.iter().filter(|one| one.update_received);
    let mut ids: Vec<u64> = received.map(|one| one.id).collect();
    if service.config.behaviour.single_confirmation {
        ids.truncate(1);
    }
    for site in sites {
        lock(&service.changes).confirm(*site, &ids);
    }
    Ok(())
}
