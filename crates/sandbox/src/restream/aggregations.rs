//! What was worked out for stages: one number for each stage and definition.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::config::Behaviour;
use super::history::StageFilter;
use super::parameters::{How, Parameter};
use super::query::Query;
use super::refusal::Refusal;
use super::world::World;
use super::world::corrections::{Correction, corrected};
use super::world::curves::Cell;
use super::world::timeline::Stage;

/// Stages that one request is answered for.
const STAGES_MAX: usize = 5_000;

/// Everything that numbers are worked out from.
#[derive(Debug)]
pub(crate) struct Basis {
    pub(crate) world: Arc<World>,
    pub(crate) corrections: Vec<Correction>,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) now: i64,
}

/// The numbers of some sites by the id of the site; an error text for those that have none.
pub(crate) fn answer(
    basis: &Basis,
    sites: &[usize],
    query: Query<'_>,
    behaviour: &Behaviour,
) -> Result<Value, Refusal> {
    let filter = StageFilter::of(query, behaviour.exact_case)?;
    let wanted: Vec<u64> = query.numbers("histories")?;
    let names = query.list("aggregations_filter");
    let wants = |one: &&Parameter| names.is_empty() || names.contains(&one.name.as_str());
    let parameters: Vec<&Parameter> = basis.parameters.iter().filter(wants).collect();
    let mut answer = Map::new();
    let mut left = STAGES_MAX;
    for place in sites {
        let Some(site) = basis.world.sites.get(*place) else {
            continue;
        };
        if behaviour.broken_aggregations.contains(&site.id) {
            let text = "Aggregations of this site are not available.";
            answer.insert(site.id.to_string(), json!(text));
            continue;
        }
        let stages = filter.stages(&basis.world, *place, basis.now);
        let stages = stages.iter().filter(|stage| {
            let finished = stage.end.is_some_and(|end| end <= basis.now);
            finished && (wanted.is_empty() || wanted.contains(&stage.id))
        });
        let mut list = Vec::new();
        for stage in stages {
            left = left.checked_sub(1).ok_or_else(|| {
                Refusal::bad_request(&format!("histories: At most {STAGES_MAX} stages."))
            })?;
            list.push(numbers(basis, *place, stage, &parameters));
        }
        answer.insert(site.id.to_string(), Value::Array(list));
    }
    Ok(Value::Object(answer))
}

fn numbers(basis: &Basis, site: usize, stage: &Stage, parameters: &[&Parameter]) -> Value {
    let mut numbers = Map::new();
    numbers.insert("id".to_owned(), json!(stage.id));
    for parameter in parameters {
        let number = number(basis, site, stage, parameter);
        numbers.insert(parameter.name.clone(), json!(number));
    }
    Value::Object(numbers)
}

/// The number of a stage; nothing where there was no value.
fn number(basis: &Basis, site: usize, stage: &Stage, parameter: &Parameter) -> Option<f64> {
    let world = &basis.world;
    let field = world.field_place(&parameter.config.field)?;
    let id = world.sites.get(site)?.id;
    let corrections = basis
        .corrections
        .iter()
        .filter(|one| one.site == id)
        .cloned();
    let corrections: Vec<Correction> = corrections.collect();
    let value = |field: usize, second: i64| {
        let cell = corrected(world, (site, field, false), second, &corrections);
        cell.and_then(Cell::number)
    };
    let conditions = parameter
        .config
        .conditions
        .iter()
        .filter_map(|condition| Some((world.field_place(&condition.field)?, condition)));
    let conditions: Vec<_> = conditions.collect();
    let counts = |second: &i64| {
        conditions.iter().all(|(field, condition)| {
            let held = value(*field, *second);
            held.is_some_and(|held| condition.operator.holds(held, condition.value))
        })
    };
    let seconds = (stage.start..stage.end.unwrap_or(basis.now)).filter(counts);
    let values = seconds.filter_map(|second| value(field, second));
    match parameter.config.aggregation {
        How::Min => values.reduce(f64::min),
        How::Max => values.reduce(f64::max),
        How::Sum => values.reduce(|sum, value| sum + value),
        How::Average => {
            let (count, sum) =
                values.fold((0_u32, 0.0), |(count, sum), value| (count + 1, sum + value));
            (count > 0).then(|| sum / f64::from(count))
        }
    }
}
