//! What is worked out for every stage: the definitions, as clients list, make and change them.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::query::iso;
use super::refusal::Refusal;
use super::world::World;

/// Definitions that are kept at most.
const MOST: usize = 10_000;
/// Entries of one request.
const BATCH: usize = 500;

/// How values of a stage become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum How {
    Average,
    Min,
    Max,
    Sum,
}

impl How {
    fn name(self) -> &'static str {
        match self {
            Self::Average => "average",
            Self::Min => "min",
            Self::Max => "max",
            Self::Sum => "sum",
        }
    }
}

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Operator {
    GreaterThan,
    LessThan,
    GreaterThanOrEqual,
    LessThanOrEqual,
    Equal,
}

impl Operator {
    fn name(self) -> &'static str {
        match self {
            Self::GreaterThan => "greater_than",
            Self::LessThan => "less_than",
            Self::GreaterThanOrEqual => "greater_than_or_equal",
            Self::LessThanOrEqual => "less_than_or_equal",
            Self::Equal => "equal",
        }
    }

    #[expect(clippy::float_cmp, reason = "equal means the same number")]
    pub(crate) fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Self::GreaterThan => value > bound,
            Self::LessThan => value < bound,
            Self::GreaterThanOrEqual => value >= bound,
            Self::LessThanOrEqual => value <= bound,
            Self::Equal => value == bound,
        }
    }
}

/// A condition on another field; only seconds for which it holds count.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Condition {
    pub(crate) field: String,
    pub(crate) operator: Operator,
    pub(crate) value: f64,
}

/// What is worked out; units are filled in by the service and not read.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Config {
    pub(crate) field: String,
    pub(crate) aggregation: How,
    #[serde(default)]
    pub(crate) conditions: Vec<Condition>,
}

#[derive(Deserialize)]
struct New {
    name: String,
    config: Config,
    #[serde(default)]
    description: String,
}

/// A change of a definition; what is absent stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    config: Option<Config>,
    description: Option<String>,
    label: Option<String>,
    color: Option<String>,
}

/// A definition.
#[derive(Clone, Debug)]
pub(crate) struct Parameter {
    id: u64,
    pub(crate) name: String,
    pub(crate) config: Config,
    is_default: bool,
    label: String,
    color: Option<String>,
    description: String,
    created: i64,
    updated: i64,
    /// The pads it is worked out for; all when it is a default.
    pads: BTreeSet<u64>,
}

/// All definitions.
#[derive(Debug)]
pub(crate) struct Parameters {
    list: Vec<Parameter>,
    next_id: u64,
}

const DEFAULTS: [(&str, &str, How); 6] = [
    ("avg_slurry_rate", "slurry_rate", How::Average),
    ("max_treating_pressure", "treating_pressure", How::Max),
    ("avg_treating_pressure", "treating_pressure", How::Average),
    (
        "avg_proppant_concentration",
        "proppant_concentration",
        How::Average,
    ),
    ("total_proppant", "stage_proppant_total", How::Max),
    ("max_line_tension", "line_tension", How::Max),
];

impl Parameters {
    /// Those that the service has of itself.
    pub(crate) fn new(begin: i64) -> Self {
        let list = DEFAULTS
            .iter()
            .zip(1..)
            .map(|((name, field, how), id)| Parameter {
                id,
                name: (*name).to_owned(),
                config: Config {
                    field: (*field).to_owned(),
                    aggregation: *how,
                    conditions: Vec::new(),
                },
                is_default: true,
                label: name.replace('_', " "),
                color: Some("#2f6f9f".to_owned()),
                description: String::new(),
                created: begin,
                updated: begin,
                pads: BTreeSet::new(),
            });
        Self {
            list: list.collect(),
            next_id: 101,
        }
    }

    /// Those of a pad; all of the service where there is none.
    pub(crate) fn of(&self, pad: Option<u64>) -> impl Iterator<Item = &Parameter> {
        self.list.iter().filter(move |one| one.is_for(pad))
    }

    /// The list of a pad.
    pub(crate) fn shown(&self, world: &World, pad: Option<u64>) -> Value {
        self.of(pad).map(|one| one.shown(world)).collect()
    }

    /// One of them.
    pub(crate) fn one(&self, pad: Option<u64>, id: u64) -> Result<&Parameter, Refusal> {
        let found = self.of(pad).find(|one| one.id == id);
        found.ok_or_else(Refusal::not_found)
    }

    /// Makes new ones for a pad, all or none; only looks whether it could, if `validate_only`.
    pub(crate) fn create(
        &mut self,
        (world, pad): (&World, Option<u64>),
        body: &Value,
        (validate_only, now): (bool, i64),
    ) -> Result<Value, Refusal> {
        let Some(pad) = pad else {
            return Err(Refusal::bad_request("The site belongs to no pad."));
        };
        let entries = body.as_array().filter(|entries| !entries.is_empty());
        let entries = entries.filter(|entries| entries.len() <= BATCH);
        let Some(entries) = entries else {
            let text = format!("Expected a list of 1 to {BATCH} items.");
            return Err(Refusal::bad_request(&text));
        };
        let mut names: BTreeSet<String> = self.of(Some(pad)).map(|one| one.name.clone()).collect();
        let mut made = Vec::new();
        for (entry, number) in entries.iter().zip(1..) {
            let new = read_new(world, entry).and_then(|new| {
                let free = names.insert(new.name.clone());
                free.then_some(new)
                    .ok_or_else(|| "name: it is taken".to_owned())
            });
            let new =
                new.map_err(|reason| Refusal::bad_request(&format!("Item {number}: {reason}.")))?;
            made.push(self.made(new, (pad, now), made.len()));
        }
        if validate_only {
            return Ok(json!({"valid": true}));
        }
        if self.list.len() + made.len() > MOST {
            return Err(Refusal::bad_request("There are too many aggregations."));
        }
        let shown = made.iter().map(|one| one.shown(world)).collect();
        self.next_id += made.len() as u64;
        self.list.append(&mut made);
        Ok(shown)
    }

    fn made(&self, new: New, (pad, now): (u64, i64), before: usize) -> Parameter {
        Parameter {
            id: self.next_id + before as u64,
            name: new.name,
            config: new.config,
            is_default: false,
            label: String::new(),
            color: None,
            description: new.description,
            created: now,
            updated: now,
            pads: BTreeSet::from([pad]),
        }
    }

    /// Changes one; `whole` asks for all that it consists of.
    pub(crate) fn update(
        &mut self,
        (world, pad): (&World, Option<u64>),
        (id, body): (u64, &Value),
        (whole, now): (bool, i64),
    ) -> Result<Value, Refusal> {
        let change: Change = serde_json::from_value(body.clone()).map_err(|error| {
            Refusal::bad_request(&format!("The change cannot be used: {error}."))
        })?;
        if whole && change.config.is_none() {
            return Err(Refusal::bad_request("config: This field is required."));
        }
        if let Some(config) = &change.config {
            check(world, config)
                .map_err(|reason| Refusal::bad_request(&format!("config: {reason}.")))?;
        }
        let one = self.custom(pad, id)?;
        if let Some(config) = change.config {
            one.config = config;
        }
        if let Some(description) = change.description {
            one.description = description;
        }
        if let Some(label) = change.label {
            one.label = label;
        }
        one.color = change.color.or(one.color.take());
        one.updated = now;
        Ok(one.shown(world))
    }

    /// Removes one.
    pub(crate) fn delete(&mut self, pad: Option<u64>, id: u64) -> Result<(), Refusal> {
        self.custom(pad, id)?;
        self.list.retain(|one| one.id != id);
        Ok(())
    }

    fn custom(&mut self, pad: Option<u64>, id: u64) -> Result<&mut Parameter, Refusal> {
        let found = self
            .list
            .iter_mut()
            .find(|one| one.id == id && one.is_for(pad));
        let found = found.ok_or_else(Refusal::not_found)?;
        if found.is_default {
            return Err(Refusal::bad_request(
                "Default aggregations cannot be changed.",
            ));
        }
        Ok(found)
    }
}

impl Parameter {
    fn is_for(&self, pad: Option<u64>) -> bool {
        self.is_default || pad.is_some_and(|pad| self.pads.contains(&pad))
    }

    pub(crate) fn shown(&self, world: &World) -> Value {
        let mut config = with_units(world, &self.config.field);
        config.insert(
            "aggregation".to_owned(),
            json!(self.config.aggregation.name()),
        );
        if !self.config.conditions.is_empty() {
            let conditions = self.config.conditions.iter().map(|condition| {
                let mut shown = with_units(world, &condition.field);
                shown.insert("operator".to_owned(), json!(condition.operator.name()));
                shown.insert("value".to_owned(), json!(condition.value));
                Value::Object(shown)
            });
            config.insert("conditions".to_owned(), conditions.collect());
        }
        let unit = world
            .field_place(&self.config.field)
            .map_or(0, |place| place + 1);
        json!({
            "id": self.id,
            "name": self.name,
            "config": config,
            "type": if self.is_default { "D" } else { "C" },
            "label": self.label,
            "color": self.color,
            "description": self.description,
            "created_at": iso(self.created),
            "updated_at": iso(self.updated),
            "units": Value::Null,
            "imperial_unit": unit,
            "si_unit": unit,
            "pads": self.pads,
        })
    }
}

/// A field and the units that the service fills in.
fn with_units(world: &World, field: &str) -> Map<String, Value> {
    let found = world
        .field_place(field)
        .and_then(|place| world.fields.get(place));
    let (si, imperial) = found.map_or(("", ""), |field| field.unit.names());
    let mut shown = Map::new();
    for (name, value) in [
        ("field", field),
        ("si_unit", si),
        ("base_unit", imperial),
        ("imperial_unit", imperial),
    ] {
        shown.insert(name.to_owned(), json!(value));
    }
    shown
}

fn read_new(world: &World, entry: &Value) -> Result<New, String> {
    let new: New = serde_json::from_value(entry.clone()).map_err(|error| error.to_string())?;
    let mut letters = new.name.chars();
    let first = letters
        .next()
        .is_some_and(|letter| letter.is_ascii_alphabetic() || letter == '_');
    if !first || !letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_') {
        return Err("name: letters, digits and underscores, and no digit first".to_owned());
    }
    check(world, &new.config).map_err(|reason| format!("config: {reason}"))?;
    Ok(new)
}

fn check(world: &World, config: &Config) -> Result<(), String> {
    let conditions = config.conditions.iter().map(|condition| &condition.field);
    for name in std::iter::once(&config.field).chain(conditions) {
        if world.field_place(name).is_none() {
            return Err(format!("there is no field {name:?}"));
        }
    }
    Ok(())
}
