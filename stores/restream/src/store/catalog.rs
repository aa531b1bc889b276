//! What the collections of the API are: their keys, and their fields as far as they are known.

use syncline_model::{Collection, CollectionName, Field, FieldKind, KeyField};

use super::Set;

/// The lists of the API.
pub(super) const LISTS: [&str; 3] = ["pads", "sites", "states"];

/// Members of the objects of a list.
type Members = &'static [(&'static str, FieldKind)];

const PADS: Members = &[
    ("id", FieldKind::Integer),
    ("name", FieldKind::Text),
    ("lease_name", FieldKind::Text),
    ("customer_name", FieldKind::Text),
    ("simops_config", FieldKind::Any),
    ("completion_date", FieldKind::Timestamp),
    ("wireline_enabled", FieldKind::Boolean),
    ("coil_tubing_enabled", FieldKind::Boolean),
];
const SITES: Members = &[
    ("id", FieldKind::Integer),
    ("name", FieldKind::Text),
    ("date_created", FieldKind::Timestamp),
    ("latitude", FieldKind::Number),
    ("longitude", FieldKind::Number),
    ("formation_name", FieldKind::Text),
    ("lease_name", FieldKind::Text),
    ("operator_name", FieldKind::Text),
    ("crew", FieldKind::Text),
    ("division", FieldKind::Text),
    ("metadata", FieldKind::Any),
    ("well_api", FieldKind::Text),
    ("pad_id", FieldKind::Integer),
    ("is_demo_site", FieldKind::Boolean),
    ("stage_total", FieldKind::Integer),
    ("timezone", FieldKind::Text),
    ("current_stage_number", FieldKind::Integer),
    ("current_state", FieldKind::Text),
    ("fleet_id", FieldKind::Integer),
    ("fleet_name", FieldKind::Text),
];
const STATES: Members = &[
    ("id", FieldKind::Integer),
    ("site", FieldKind::Any),
    ("site_component_configuration", FieldKind::Any),
    ("truth_table", FieldKind::Any),
    ("current_state", FieldKind::Text),
    ("actual_stage_number", FieldKind::Integer),
    ("completed_stage_number", FieldKind::Integer),
    ("calculated_stage_number", FieldKind::Integer),
    ("site_name", FieldKind::Text),
    ("date_created", FieldKind::Timestamp),
    ("last_updated", FieldKind::Timestamp),
    ("last_state_update", FieldKind::Timestamp),
    ("last_state_update_system_time", FieldKind::Timestamp),
    ("last_state_confirmation_time", FieldKind::Timestamp),
    ("truth_table_calculating", FieldKind::Boolean),
    ("state_change_primary_field_values", FieldKind::Any),
    ("previous_state", FieldKind::Integer),
];
const STAGES: Members = &[
    ("site", FieldKind::Integer),
    ("start", FieldKind::Timestamp),
    ("end", FieldKind::Timestamp),
    ("state", FieldKind::Text),
    ("stage_number", FieldKind::Integer),
    ("id", FieldKind::Integer),
];

/// What a list of the API can be filtered by.
pub(super) fn filters(list: &str) -> &'static [&'static str] {
    match list {
        "pads" => &[
            "complete",
            "well_api",
            "site_pk",
            "name_search",
            "fleet_id",
            "fleet_name",
        ],
        "sites" => &[
            "complete",
            "pad_pk",
            "pad__id",
            "well_api",
            "name_search",
            "formation_name",
            "pad_name",
            "latitude_gte",
            "latitude_lte",
            "longitude_gte",
            "longitude_lte",
            "lat",
            "long",
            "radius_miles",
            "fleet_id",
            "fleet_name",
        ],
        "states" => &["site__id", "pad__id", "current_state_search"],
        _ => &[],
    }
}

/// A list of the API.
pub(super) fn list(name: &str) -> Collection {
    let members = match name {
        "pads" => PADS,
        "sites" => SITES,
        _ => STATES,
    };
    declared(CollectionName::new(name), &["id"], members)
}

/// A set that the store was opened with.
pub(super) fn set(name: &CollectionName, set: &Set) -> Collection {
    match set {
        // The stage that goes on has no number of its own; no two begin together at a site.
        Set::Stages(..) => declared(name.clone(), &["site", "start"], STAGES),
        Set::Data(place, query) => {
            let key: &[&str] = if query.names_site(*place) {
                &["site_id", "timestamp"]
            } else {
                &["timestamp"]
            };
            Collection {
                fields: measured(key, query.fields.as_deref()),
                ..declared(name.clone(), key, &[])
            }
        }
    }
}

/// The fields of measurements, if they were chosen: without a choice the service decides, and
/// records of a pad as a whole have names that are put together.
fn measured(key: &[&str], chosen: Option<&[String]>) -> Vec<Field> {
    let (Some(chosen), ["site_id", _]) = (chosen, key) else {
        return vec![];
    };
    let key = key
        .iter()
        .map(|name| Field::new(*name, FieldKind::Integer).required());
    let chosen = chosen.iter().map(|name| Field::new(name, FieldKind::Any));
    key.chain(chosen).collect()
}

fn declared(name: CollectionName, key: &[&str], members: Members) -> Collection {
    let key_field = |name: &&str| KeyField {
        name: (*name).to_owned(),
        path: vec![(*name).to_owned()],
    };
    let field = |&(name, kind): &(&str, FieldKind)| {
        let field = Field::new(name, kind);
        if key.contains(&name) {
            field.required()
        } else {
            field
        }
    };
    Collection {
        key: key.iter().map(key_field).collect(),
        fields: members.iter().map(field).collect(),
        ..Collection::named(name)
    }
}
