//! Every object of the contract, member by member.

use std::collections::BTreeMap;

use serde_json::Value;
use syncline_sandbox::restream::RestreamConfig;

use super::{AT, Fixture, range};

/// What a member may be: names of types with `|` between them.
type Shape = &'static [(&'static str, &'static str)];

/// Members must be those of a shape, and of its types; those with `°` may be absent.
#[track_caller]
fn check(value: &Value, shape: Shape) {
    let members = value.as_object().unwrap();
    let allowed: BTreeMap<&str, &str> = shape
        .iter()
        .map(|(name, kind)| (name.trim_end_matches('°'), *kind))
        .collect();
    for (name, kind) in shape {
        let optional = name.ends_with('°');
        let name = name.trim_end_matches('°');
        match members.get(name) {
            Some(member) => assert!(fits(member, kind), "{name} is {member} and no {kind}"),
            None => assert!(optional, "{name} is not in {value}"),
        }
    }
    for name in members.keys() {
        assert!(allowed.contains_key(name.as_str()), "{name} is not known");
    }
}

fn fits(value: &Value, kinds: &str) -> bool {
    kinds.split('|').any(|kind| match kind {
        "int" => value.is_i64() || value.is_u64(),
        "float" => value.is_f64(),
        "number" => value.is_number(),
        "str" => value.is_string(),
        "bool" => value.is_boolean(),
        "null" => value.is_null(),
        "list" => value.is_array(),
        "object" => value.is_object(),
        "iso" => value
            .as_str()
            .is_some_and(|text| text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok()),
        "color" => value
            .as_str()
            .is_some_and(|text| text.len() == 7 && text.starts_with('#')),
        other => unreachable!("{other} is no type"),
    })
}

const SITE: Shape = &[
    ("id", "int"),
    ("name", "str"),
    ("date_created", "iso"),
    ("latitude", "float"),
    ("longitude", "float"),
    ("formation_name°", "str"),
    ("lease_name", "str"),
    ("operator_name", "str"),
    ("crew°", "str"),
    ("division°", "str"),
    ("metadata", "object"),
    ("well_api", "str|null"),
    ("pad_id", "int|null"),
    ("is_demo_site", "bool"),
    ("stage_total", "int|null"),
    ("timezone", "str|null"),
    ("current_stage_number°", "int|null"),
    ("current_state°", "str|null"),
    ("fleet_id°", "int|null"),
    ("fleet_name°", "str|null"),
];

#[tokio::test(flavor = "multi_thread")]
async fn sites_have_their_members() {
    let fixture = Fixture::new().await;
    let sites = fixture.list("/sites/");
    for site in &sites {
        check(site, SITE);
        check(
            &site["metadata"],
            &[("first_timestamp", "int"), ("last_timestamp", "int")],
        );
        assert_eq!(fixture.json(&format!("/sites/{}/", site["id"])), *site);
    }
    let lone = sites.last().unwrap();
    for absent in ["crew", "division"] {
        assert!(
            lone.get(absent).is_none(),
            "{absent} is left out where it is not assigned"
        );
    }
    assert!(lone["pad_id"].is_null() && lone["well_api"].is_null() && lone["timezone"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn pads_have_their_members_and_sources() {
    let fixture = Fixture::new().await;
    let pads = fixture.list("/pads/");
    for pad in &pads {
        check(
            pad,
            &[
                ("id", "int"),
                ("name", "str"),
                ("lease_name", "str"),
                ("customer_name", "str"),
                ("simops_config", "object|null"),
                ("completion_date", "iso|null"),
                ("wireline_enabled", "bool"),
                ("coil_tubing_enabled°", "bool"),
            ],
        );
        assert_eq!(fixture.json(&format!("/pads/{}/", pad["id"])), *pad);
    }
    assert!(pads[1]["simops_config"].is_null());
    let simops = &pads[0]["simops_config"];
    check(
        simops,
        &[
            ("frac", "str"),
            ("wireline", "str|null"),
            ("pumpdown", "str|null"),
            ("fluid", "str|null"),
            ("measurement_sources", "object"),
            ("exc_fields", "list"),
        ],
    );
    for category in ["frac", "wl"] {
        for source in simops["measurement_sources"][category].as_array().unwrap() {
            check(
                source,
                &[
                    ("name", "str"),
                    ("label", "str"),
                    ("type", "str"),
                    ("attached_sites", "list"),
                    ("active_site", "int|null"),
                ],
            );
        }
    }
    for category in ["fluid", "pumpdown"] {
        assert_eq!(
            simops["measurement_sources"][category],
            Value::Array(Vec::new())
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn states_have_their_members_down_to_the_valves() {
    let fixture = Fixture::new().await;
    let states = fixture.list("/states/");
    assert_eq!(states.len(), 10);
    for state in &states {
        check(
            state,
            &[
                ("id", "int"),
                ("site", "object"),
                ("site_component_configuration", "object"),
                ("truth_table", "object"),
                ("current_state", "str"),
                ("actual_stage_number", "int|null"),
                ("completed_stage_number", "int"),
                ("calculated_stage_number", "int"),
                ("site_name", "str"),
                ("date_created", "iso"),
                ("last_updated", "iso"),
                ("last_state_update", "iso"),
                ("last_state_update_system_time", "iso"),
                ("last_state_confirmation_time", "iso"),
                ("truth_table_calculating", "bool"),
                ("state_change_primary_field_values", "object"),
                ("previous_state", "int"),
            ],
        );
        let site = &state["site"];
        for name in [
            "id",
            "slug",
            "well_api",
            "name",
            "short_name",
            "fleet",
            "crew",
            "stage_total",
            "date_created",
            "pad",
            "latitude",
            "longitude",
            "db",
            "timezone",
            "memcache_read",
            "memcache_write",
            "primary_color",
        ] {
            assert!(site.get(name).is_some(), "{name}");
        }
        let valves = &state["site_component_configuration"];
        for valve in valves["component_configurations"].as_array().unwrap() {
            let condition = valve["current_state"].as_str().unwrap();
            assert!(["O", "C", "N"].contains(&condition), "{condition}");
            assert!(valve["component"]["component_type"]["name"].is_string());
            assert!(valve["condition_logic_set"]["schema"]["condition_logics"].is_array());
            assert!(fits(&valve["inactivity_threshold"], "int"));
        }
        let table = &state["truth_table"]["schema"];
        assert!(table["rows"][0]["conditions"].is_array());
        let primary = state["state_change_primary_field_values"]
            .as_object()
            .unwrap();
        let fields = primary.values().next().unwrap().as_object().unwrap();
        check(
            fields.values().next().unwrap(),
            &[("value", "number|null"), ("timestamp", "int")],
        );
        assert_eq!(fixture.json(&format!("/states/{}/", state["id"])), *state);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_have_their_members_and_one_name_is_there_twice() {
    let fixture = Fixture::new().await;
    for path in ["/sites/1001/fields/", "/pads/101/fields/"] {
        let fields = fixture.list(path);
        for field in &fields {
            check(
                field,
                &[
                    ("id", "int"),
                    ("name", "str"),
                    ("label", "str"),
                    ("simops_label", "str"),
                    ("description", "str|null"),
                    ("si_unit", "str|null"),
                    ("imperial_unit", "str|null"),
                    ("energistics_si_unit", "str|null"),
                    ("energistics_imperial_unit", "str|null"),
                    ("connect_nulls", "bool"),
                    ("customer_facing_label", "str|null"),
                    ("primary_color", "color|null"),
                    ("secondary_color", "color|null"),
                    ("tertiary_color", "color|null"),
                    ("source_category", "str|null"),
                    ("field_category", "str|null"),
                    ("si_plot_min", "float|null"),
                    ("si_plot_max", "float|null"),
                    ("imperial_plot_min", "float|null"),
                    ("imperial_plot_max", "float|null"),
                ],
            );
        }
        let named = |name: &str| fields.iter().filter(|field| field["name"] == name).count();
        assert_eq!(
            [named("slurry_rate"), named("swab_valve"), named("site_id")],
            [2, 0, 0]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stages_have_their_members_and_the_one_under_way_has_no_id() {
    let fixture = Fixture::new().await;
    let stages = fixture.list("/sites/1001/history/");
    let shape: Shape = &[
        ("id°", "int"),
        ("state", "str"),
        ("start", "iso"),
        ("end", "iso|null"),
        ("stage_number", "int"),
        ("site", "int"),
    ];
    for stage in &stages {
        check(stage, shape);
        assert_eq!(stage["end"].is_null(), stage.get("id").is_none());
    }
    let under_way = stages.iter().filter(|stage| stage["end"].is_null()).count();
    assert_eq!(
        (under_way, stages.last().unwrap()["end"].is_null()),
        (1, true)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn events_and_definitions_have_their_members() {
    let config = RestreamConfig {
        corrections: 40,
        ..RestreamConfig::default()
    };
    let fixture = Fixture::with(config).await;
    let log = fixture.json("/pads/101/data_changes/");
    let events = log["change_log"].as_array().unwrap();
    assert!(events.len() > 5, "{log}");
    for event in events {
        check(
            event,
            &[
                ("id", "int"),
                ("created_at", "iso"),
                ("modification_type", "str"),
                ("modification_subtype", "str"),
                ("start_date", "iso"),
                ("end_date", "iso"),
                ("site", "int"),
            ],
        );
        let one = fixture.json(&format!("/pads/101/data_changes/{}/", event["id"]));
        assert_eq!(one["change_log"][0], *event);
    }
    for definition in fixture.list("/pads/101/parameters/") {
        check(
            &definition,
            &[
                ("id", "int"),
                ("name", "str"),
                ("config", "object"),
                ("type", "str"),
                ("label", "str"),
                ("color", "color|null"),
                ("description", "str"),
                ("created_at", "iso"),
                ("updated_at", "iso"),
                ("units", "int|null"),
                ("imperial_unit", "int"),
                ("si_unit", "int"),
                ("pads", "list"),
            ],
        );
        check(
            &definition["config"],
            &[
                ("field", "str"),
                ("aggregation", "str"),
                ("si_unit", "str"),
                ("base_unit", "str"),
                ("imperial_unit", "str"),
                ("conditions°", "list"),
            ],
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_have_values_of_every_kind_and_many_are_empty() {
    let fixture = Fixture::new().await;
    let path = format!("/sites/1001/data/?{}", range(AT - 6 * 3_600, AT));
    let records = fixture.list(&path);
    let mut kinds: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut sizes: BTreeMap<usize, usize> = BTreeMap::new();
    for record in &records {
        let members = record.as_object().unwrap();
        *sizes.entry(members.len()).or_default() += 1;
        for (name, value) in members {
            let kind = match value {
                Value::Null => "null",
                Value::Bool(_) => "bool",
                Value::Number(number) if number.is_f64() => "float",
                Value::Number(_) => "int",
                Value::String(text) if text == "Infinity" => "infinity",
                Value::String(_) => "text",
                other => unreachable!("{other}"),
            };
            let seen = kinds.entry(name).or_default();
            if !seen.contains(&kind) {
                seen.push(kind);
            }
        }
    }
    assert_eq!(
        (&*kinds["timestamp"], &*kinds["site_id"]),
        (&["int"][..], &["int"][..])
    );
    assert_eq!(kinds["slurry_rate"], ["float"]);
    assert_eq!(
        kinds["_external_power_"].len(),
        2,
        "whole at times and not at others"
    );
    assert!(kinds["auto_control"].contains(&"null") && kinds["auto_control"].contains(&"bool"));
    assert!(kinds["proppant_ratio"].contains(&"infinity"));
    assert_eq!(kinds["swab_valve"], ["text"]);
    assert!(
        !kinds.contains_key("internal_gauge"),
        "only what is exposed"
    );
    assert!(
        sizes[&2] > 100 && sizes.keys().max() > Some(&30),
        "{sizes:?}"
    );
    // Numbers are those of four bytes in eight.
    let rates = records
        .iter()
        .filter_map(|record| record["slurry_rate"].as_f64());
    let digits = rates.map(|rate| rate.to_string().len()).max();
    assert!(digits >= Some(15), "{digits:?}");
}
