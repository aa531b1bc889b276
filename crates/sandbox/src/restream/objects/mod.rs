//! Sites, pads, states and stages as the service writes them, at a second.

mod state;

use serde_json::{Map, Value, json};

use super::query::iso;
use super::world::timeline::{Stage, State};
use super::world::{Pad, Site, World};
pub(crate) use state::{IDS as STATE_IDS, state};

/// When the master data was made: before anything happens.
pub(crate) const MADE: &str = "2024-11-05T16:20:31.482913Z";

/// A site; metadata has numbers.
pub(crate) fn site(world: &World, place: usize, now: i64) -> Value {
    let Some(site) = world.sites.get(place) else {
        return Value::Null;
    };
    let begun = site.timeline.begin <= now;
    let (first, last) = (site.timeline.begin, now);
    let stage = world.stage(place, now);
    let mut members = Map::new();
    let mut set = |name: &str, value: Value| members.insert(name.to_owned(), value);
    set("id", json!(site.id));
    set("name", json!(site.name));
    set("date_created", json!(MADE));
    set("latitude", json!(site.latitude));
    set("longitude", json!(site.longitude));
    set("formation_name", json!(site.formation));
    set("lease_name", json!(lease(world, site)));
    set("operator_name", json!("Example Energy"));
    if let Some(crew) = site.crew {
        set("crew", json!(crew));
        set("division", json!("South"));
    }
    let seconds = begun.then_some((first, last));
    set(
        "metadata",
        json!({
            "first_timestamp": seconds.map(|(first, _)| first),
            "last_timestamp": seconds.map(|(_, last)| last),
        }),
    );
    set("well_api", json!(site.well_api));
    let pad = site.pad.and_then(|pad| world.pads.get(pad));
    set("pad_id", json!(pad.map(|pad| pad.id)));
    set("is_demo_site", json!(site.pad.is_none()));
    set("stage_total", json!(site.pad.map(|_| site.stage_total())));
    set("timezone", json!(site.pad.map(|_| "US/Central")));
    set(
        "current_stage_number",
        json!(stage.map(|stage| stage.number)),
    );
    set(
        "current_state",
        json!(stage.map(|stage| stage.state.name())),
    );
    set("fleet_id", json!(site.fleet.map(|fleet| fleet.id)));
    set("fleet_name", json!(site.fleet.map(|fleet| fleet.name)));
    Value::Object(members)
}

/// A site as sockets tell it: metadata has times, and the sources that run are named.
pub(crate) fn told_site(world: &World, place: usize, now: i64) -> Value {
    let mut told = site(world, place, now);
    for name in ["first_timestamp", "last_timestamp"] {
        let second = told["metadata"][name].as_i64();
        told["metadata"][name] = json!(second.map(iso));
    }
    let source = |state: State| match (source_of(world, place), world.stage(place, now)) {
        (Some(name), Some(stage)) if stage.state == state => json!([name]),
        _ => json!([]),
    };
    told["current_data_sources"] = json!({
        "frac": source(State::Frac), "wl": source(State::Wireline), "fluid": [], "pumpdown": [],
    });
    told
}

fn lease<'a>(world: &'a World, site: &'a Site) -> &'a str {
    let pad = site.pad.and_then(|pad| world.pads.get(pad));
    pad.map_or("Showcase", |pad| pad.lease.as_str())
}

/// The name of the source that a site is attached to.
fn source_of(world: &World, place: usize) -> Option<&str> {
    let pad = world.pads.get(world.sites.get(place)?.pad?)?;
    let source = pad
        .sources
        .iter()
        .find(|source| source.sites.contains(&place))?;
    Some(&source.name)
}

/// A pad.
pub(crate) fn pad(world: &World, place: usize, now: i64) -> Value {
    let Some(pad) = world.pads.get(place) else {
        return Value::Null;
    };
    let ids = |places: &[usize]| -> Vec<u64> {
        places
            .iter()
            .filter_map(|place| world.sites.get(*place))
            .map(|site| site.id)
            .collect()
    };
    json!({
        "id": pad.id,
        "name": pad.name,
        "lease_name": pad.lease,
        "customer_name": pad.customer,
        "simops_config": simops(world, pad, now, &ids),
        "completion_date": completion(world, pad, now).map(iso),
        "wireline_enabled": true,
        "coil_tubing_enabled": false,
    })
}

/// When the last of its sites was fractured for the last time, once that is over.
pub(crate) fn completion(world: &World, pad: &Pad, now: i64) -> Option<i64> {
    let ends = pad.sites.iter().map(|site| {
        let stage = world.stage(*site, now)?;
        stage.end.is_none().then_some(stage.start)
    });
    ends.collect::<Option<Vec<i64>>>()?.into_iter().max()
}

fn simops(world: &World, pad: &Pad, now: i64, ids: &dyn Fn(&[usize]) -> Vec<u64>) -> Value {
    if !pad.simops {
        return Value::Null;
    }
    let sources =
        |category: &str, state: State| -> Vec<Value> {
            let list = pad.sources.iter().zip(1_u32..).map(|(source, number)| {
            let active = source.sites.iter().find(|site| {
                world.stage(**site, now).is_some_and(|stage| stage.state == state)
            });
            json!({
                "name": source.name,
                "label": format!("Source {number}"),
                "type": category,
                "attached_sites": ids(&source.sites),
                "active_site": active.and_then(|site| world.sites.get(*site)).map(|site| site.id),
            })
        });
            list.collect()
        };
    json!({
        "frac": "run",
        "wireline": Value::Null,
        "pumpdown": Value::Null,
        "fluid": Value::Null,
        "measurement_sources": {
            "frac": sources("frac", State::Frac),
            "wl": sources("wl", State::Wireline),
            "fluid": [],
            "pumpdown": [],
        },
        "exc_fields": EXCEPTED,
    })
}

/// Fields of a crew that are not told apart by source.
pub(crate) const EXCEPTED: [&str; 1] = ["annulus_pressure"];

/// A stage of the history; the one under way has neither id nor end.
pub(crate) fn stage(site: u64, stage: &Stage, now: i64) -> Value {
    let mut shown = json!({
        "state": stage.state.name(),
        "start": iso(stage.start),
        "end": Value::Null,
        "stage_number": stage.number,
        "site": site,
    });
    if let Some(end) = stage.end.filter(|end| *end <= now) {
        shown["end"] = json!(iso(end));
        shown["id"] = json!(stage.id);
    }
    shown
}
