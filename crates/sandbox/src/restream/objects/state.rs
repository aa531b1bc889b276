//! The state of a site: what it does, and everything that was looked at to know it.

use serde_json::{Value, json};

use super::MADE;
use crate::restream::query::iso;
use crate::restream::world::curves::Cell;
use crate::restream::world::timeline::{Stage, State};
use crate::restream::world::{Pad, Site, World};

/// The state of a site is known by this much more than the id of the site.
pub(crate) const IDS: u64 = 900_000;

/// The state of a site that has begun.
pub(crate) fn state(world: &World, place: usize, now: i64) -> Option<Value> {
    let site = world.sites.get(place)?;
    let stage = world.stage(place, now)?;
    let before = world.stage(place, stage.start - 1);
    let pad = site.pad.and_then(|pad| world.pads.get(pad));
    let stamp = iso(stage.start);
    let completed = stage.number - u32::from(stage.state != State::Standby || stage.end.is_some());
    Some(json!({
        "id": IDS + site.id,
        "site": short_site(site, pad),
        "site_component_configuration": components(world, (place, site), (stage, now)),
        "truth_table": truth_table(),
        "current_state": stage.state.name(),
        "actual_stage_number": Value::Null,
        "completed_stage_number": completed,
        "calculated_stage_number": stage.number,
        "site_name": site.name,
        "date_created": MADE,
        "last_updated": iso(now),
        "last_state_update": stamp,
        "last_state_update_system_time": stamp,
        "last_state_confirmation_time": stamp,
        "truth_table_calculating": false,
        "state_change_primary_field_values": primary(world, place, stage.start),
        "previous_state": before.map_or(stage.id, |before| before.id),
    }))
}

fn short_site(site: &Site, pad: Option<&Pad>) -> Value {
    let slug = site.name.to_lowercase().replace(' ', "-");
    let total = site.pad.map(|_| site.stage_total());
    json!({
        "id": site.id,
        "slug": slug,
        "well_api": site.well_api,
        "name": site.name,
        "short_name": site.name.rsplit(' ').next(),
        "fleet": site.fleet.map(|fleet| json!({"id": fleet.id, "name": fleet.name})),
        "crew": site.crew,
        "stage_total": total,
        "date_created": MADE,
        "pad": pad.map(|pad| json!({
            "id": pad.id,
            "name": pad.name,
            "customer": {"id": 3, "name": pad.customer},
            "simops_config": Value::Null,
        })),
        "latitude": site.latitude,
        "longitude": site.longitude,
        "db": "default",
        "timezone": "US/Central",
        "memcache_read": "default",
        "memcache_write": "default",
        "primary_color": Value::Null,
    })
}

fn components(world: &World, (place, site): (usize, &Site), (stage, now): (Stage, i64)) -> Value {
    let valves = ["upper_master_valve", "swab_valve"];
    let list = valves.iter().zip(1_u64..).map(|(name, number)| {
        let field = world.field_place(name).unwrap_or_default();
        // A valve is heard of every ten seconds at least.
        let heard = (0..60).find_map(|ago| world.value((place, field, false), now - ago));
        let condition = match heard {
            Some(Cell::Text(condition)) => condition,
            _ => "N",
        };
        component(site.id * 10 + number, name, (condition, stage.start))
    });
    json!({
        "id": 700_000 + site.id,
        "site": site.id,
        "component_configurations": list.collect::<Vec<Value>>(),
        "site_name": site.name,
        "date_created": MADE,
        "valve_tree_layout": 1,
    })
}

fn component(id: u64, name: &str, (condition, changed): (&str, i64)) -> Value {
    json!({
        "id": id,
        "component": {
            "id": id,
            "component_type": {"id": 1, "name": "valve", "description": "A valve with two ends"},
            "serial_number": format!("SN-{id}"),
            "component_type_name": "valve",
            "valve_safety_buffer_limit": 30,
        },
        "measurement_location": {
            "id": 4, "name": name, "location": "wellhead", "description": "On the tree",
        },
        "condition_logic_set": {
            "id": 2,
            "name": "two switches",
            "description": "Open and closed by a switch each",
            "schema": {
                "default_state": "N",
                "condition_logics": [{
                    "type": "value", "operator": "equal", "comparison_value": "1",
                    "resulting_condition": "O",
                }],
            },
        },
        "current_state": condition,
        "date_created": MADE,
        "last_state_update": iso(changed),
        "last_updated": iso(changed),
        "pumpdown_sim_valve": Value::Null,
        "downhole_sim_valve": Value::Null,
        "field_name": name,
        "last_value": condition,
        "inactivity_threshold": 600,
    })
}

fn truth_table() -> Value {
    let rows = State::ALL.map(|state| {
        let valve = if state == State::Standby { "C" } else { "O" };
        json!({"state": state.name(), "conditions": [valve, valve]})
    });
    json!({
        "id": 2,
        "name": "two valves",
        "description": "What the valves say of the state",
        "schema": {"rows": rows, "conditions_order": ["upper_master_valve", "swab_valve"]},
    })
}

/// What was measured when the state changed.
fn primary(world: &World, place: usize, second: i64) -> Value {
    let source = super::source_of(world, place).unwrap_or("site");
    let field = world.field_place("wellhead_pressure").unwrap_or_default();
    let value = (0..60).find_map(|later| world.value((place, field, false), second + later));
    let value = value.and_then(Cell::number);
    json!({source: {"wellhead_pressure": {"value": value, "timestamp": second}}})
}
