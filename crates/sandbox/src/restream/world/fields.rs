//! The fields that are measured, and the shape of their curves.

use serde_json::{Value, json};

use super::timeline::State;
use super::units::{
    ADDITIVE, CONCENTRATION, DENSITY, FORCE, LENGTH, MASS, NONE, POWER, PRESSURE, RATE, SPEED,
    TEMPERATURE, Unit, VOLTAGE, VOLUME,
};

/// How a field's value goes with what its site does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Curve {
    /// Up to a level at the start of a fracturing, down at its end.
    Plateau(f32),
    /// The same, and little when the site waits.
    Pressure(f32),
    /// In steps upwards through a fracturing.
    Steps(f32),
    /// What has gone in since the stage began, by the hour.
    Total(f32),
    /// Out and back in a run of the wireline.
    Line(f32),
    /// Always about the same.
    Steady(f32),
    /// 1 or 0; a whole number at some times and not at others.
    Switch,
    /// A ratio that is infinite while nothing flows.
    Ratio,
    /// True or false, and null while it is not known.
    Flag,
    /// A valve: open, closed, or not known.
    Valve,
}

impl Curve {
    /// Whether values are numbers with a fraction.
    pub(crate) fn is_number(self) -> bool {
        !matches!(self, Self::Switch | Self::Ratio | Self::Flag | Self::Valve)
    }

    /// Whether there is a value at all in a state.
    pub(crate) fn in_state(self, state: State) -> bool {
        match self {
            Self::Plateau(_) | Self::Steps(_) | Self::Total(_) | Self::Ratio | Self::Flag => {
                state == State::Frac
            }
            Self::Line(_) => state == State::Wireline,
            Self::Pressure(_) => state != State::Wireline,
            Self::Steady(_) | Self::Switch | Self::Valve => true,
        }
    }
}

/// A field.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    label: String,
    pub(crate) unit: &'static Unit,
    pub(crate) curve: Curve,
    /// Seconds from one value to the next.
    pub(crate) period: i64,
    source: Option<&'static str>,
    category: Option<&'static str>,
    /// Whether it is there without being asked for.
    pub(crate) exposed: bool,
}

impl Field {
    /// Whether it comes from what the fracturing crew runs.
    pub(crate) fn is_simops(&self) -> bool {
        self.source == Some("frac")
    }

    /// Whether the list of fields has it.
    pub(crate) fn is_listed(&self) -> bool {
        self.curve != Curve::Valve
    }
}

type Row = (
    &'static str,
    &'static str,
    &'static Unit,
    Curve,
    i64,
    Option<&'static str>,
);

const F: Option<&str> = Some("frac");
const W: Option<&str> = Some("wl");

const ROWS: &[Row] = &[
    (
        "slurry_rate",
        "Slurry Rate",
        &RATE,
        Curve::Plateau(92.0),
        1,
        F,
    ),
    (
        "clean_rate",
        "Clean Rate",
        &RATE,
        Curve::Plateau(84.0),
        1,
        F,
    ),
    (
        "treating_pressure",
        "Treating Pressure",
        &PRESSURE,
        Curve::Pressure(8_700.0),
        1,
        F,
    ),
    (
        "annulus_pressure",
        "Annulus Pressure",
        &PRESSURE,
        Curve::Steady(410.0),
        5,
        F,
    ),
    (
        "bottomhole_pressure",
        "Bottomhole Pressure",
        &PRESSURE,
        Curve::Plateau(11_900.0),
        2,
        F,
    ),
    (
        "proppant_concentration",
        "Proppant Conc",
        &CONCENTRATION,
        Curve::Steps(2.5),
        1,
        F,
    ),
    (
        "blender_density",
        "Blender Density",
        &DENSITY,
        Curve::Plateau(9.2),
        2,
        F,
    ),
    (
        "stage_proppant_total",
        "Stage Proppant",
        &MASS,
        Curve::Total(310_000.0),
        5,
        F,
    ),
    (
        "stage_slurry_volume",
        "Stage Slurry Volume",
        &VOLUME,
        Curve::Total(5_400.0),
        5,
        F,
    ),
    ("slurry_ph", "Slurry pH", &NONE, Curve::Plateau(7.4), 10, F),
    (
        "proppant_ratio",
        "Proppant Ratio",
        &NONE,
        Curve::Ratio,
        10,
        F,
    ),
    ("auto_control", "Auto Control", &NONE, Curve::Flag, 30, F),
    (
        "hydraulic_power",
        "Hydraulic Power",
        &POWER,
        Curve::Plateau(19_600.0),
        2,
        F,
    ),
    (
        "line_depth",
        "Line Depth",
        &LENGTH,
        Curve::Line(18_400.0),
        1,
        W,
    ),
    ("line_speed", "Line Speed", &SPEED, Curve::Line(520.0), 1, W),
    (
        "line_tension",
        "Line Tension",
        &FORCE,
        Curve::Line(2_300.0),
        1,
        W,
    ),
    (
        "pumpdown_rate",
        "Pumpdown Rate",
        &RATE,
        Curve::Line(14.0),
        2,
        Some("pd"),
    ),
    (
        "tank_level",
        "Tank Level",
        &VOLUME,
        Curve::Steady(480.0),
        30,
        Some("fluid"),
    ),
    (
        "water_temperature",
        "Water Temperature",
        &TEMPERATURE,
        Curve::Steady(64.0),
        60,
        Some("fluid"),
    ),
    (
        "wellhead_pressure",
        "Wellhead Pressure",
        &PRESSURE,
        Curve::Steady(3_100.0),
        2,
        None,
    ),
    (
        "battery_voltage",
        "Battery",
        &VOLTAGE,
        Curve::Steady(12.6),
        60,
        None,
    ),
    (
        "_external_power_",
        "External Power",
        &NONE,
        Curve::Switch,
        30,
        None,
    ),
    (
        "upper_master_valve",
        "Upper Master Valve",
        &NONE,
        Curve::Valve,
        10,
        None,
    ),
    ("swab_valve", "Swab Valve", &NONE, Curve::Valve, 10, None),
    (
        "internal_gauge",
        "Internal Gauge",
        &PRESSURE,
        Curve::Steady(14.7),
        5,
        None,
    ),
];
/// Additives and pumps beside them, so that busy seconds have some fifty fields.
const ADDITIVES: u16 = 10;
const PUMPS: u16 = 16;

/// All of them, in the order of records.
pub(crate) fn all() -> Vec<Field> {
    let rows = ROWS.iter().map(|row| Field {
        name: row.0.to_owned(),
        label: row.1.to_owned(),
        unit: row.2,
        curve: row.3,
        period: row.4,
        source: row.5,
        category: match row.5 {
            Some("frac") => Some("frac"),
            Some("wl") => Some("wl"),
            Some(_) => Some("misc"),
            None if row.0.starts_with('_') => Some("restream"),
            None => None,
        },
        exposed: row.0 != "internal_gauge",
    });
    let more = |name: String, label: String, unit, curve, period| Field {
        name,
        label,
        unit,
        curve,
        period,
        source: F,
        category: F,
        exposed: true,
    };
    let additives = (1..=ADDITIVES).map(|number| {
        let level = 0.2 + f32::from(number) * 0.15;
        let (name, label) = (
            format!("additive_{number}_rate"),
            format!("Additive {number}"),
        );
        more(
            name,
            label,
            &ADDITIVE,
            Curve::Plateau(level),
            1 + i64::from(number % 2),
        )
    });
    let pumps = (1..=PUMPS).map(|number| {
        let level = 4.5 + f32::from(number) * 0.1;
        let (name, label) = (format!("pump_{number}_rate"), format!("Pump {number}"));
        more(name, label, &RATE, Curve::Plateau(level), 1)
    });
    rows.chain(additives).chain(pumps).collect()
}

/// Fields as the service lists them: one name is there under two ids, as it is in reality.
pub(crate) fn listed(fields: &[Field]) -> Vec<Value> {
    let listed = fields.iter().filter(|field| field.is_listed());
    let mut list: Vec<Value> = listed
        .zip(1_u32..)
        .map(|(field, id)| shown(field, id))
        .collect();
    if let Some(first) = fields.first() {
        list.push(shown(first, 900));
    }
    list
}

/// What the service says of units: absent ones are null.
fn named(name: &str) -> Value {
    if name.is_empty() {
        Value::Null
    } else {
        json!(name)
    }
}

fn shown(field: &Field, id: u32) -> Value {
    let unit = field.unit;
    let (low, high) = match field.curve {
        Curve::Plateau(level) | Curve::Pressure(level) => (Some(0.0), Some(level * 1.3)),
        _ => (None, None),
    };
    let si = |value: Option<f32>| value.map(|value| f64::from(unit.si(value)));
    json!({
        "id": id,
        "name": field.name,
        "label": field.label,
        "simops_label": if field.is_simops() { field.label.as_str() } else { "" },
        "description": Value::Null,
        "si_unit": named(unit.si),
        "imperial_unit": named(unit.imperial),
        "energistics_si_unit": named(unit.energistics.0),
        "energistics_imperial_unit": named(unit.energistics.1),
        "connect_nulls": field.period > 1,
        "customer_facing_label": field.exposed.then_some(&field.label),
        "primary_color": format!("#{:06x}", id.wrapping_mul(0x9e_37b1) & 0x00ff_ffff),
        "secondary_color": Value::Null,
        "tertiary_color": Value::Null,
        "source_category": field.source,
        "field_category": field.category,
        "si_plot_min": si(low),
        "si_plot_max": si(high),
        "imperial_plot_min": low.map(f64::from),
        "imperial_plot_max": high.map(f64::from),
    })
}
