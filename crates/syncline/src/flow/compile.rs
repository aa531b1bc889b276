//! The parts of a flow, compiled: expressions, shapes and policies, with everything checked that can
//! be before a record is read.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use syncline_engine::{DeleteStyle, FlowPart};
use syncline_map::{Each, Lookup, MapProblem, MappedPart, Mapping, MappingSpec, Shape};
use syncline_model::{Catalog, Collection, CollectionName};
use syncline_plan::LoadOrder;

use super::follow::why_whole;
use super::open::find_collection;
use super::settings::{FlowSettings, PartSettings};
use super::shapes::{at, shape, zones};
use crate::Failure;
use crate::suggest::nearest;

/// The parts of a flow, ready to be planned.
pub(super) struct Compiled {
    pub(super) parts: BTreeMap<CollectionName, FlowPart>,
    pub(super) mapped: BTreeMap<CollectionName, MappedPart>,
    pub(super) shapes: BTreeMap<CollectionName, Shape>,
    /// Parts whose source is always read as a whole, with the reason.
    pub(super) whole: BTreeMap<CollectionName, &'static str>,
}

/// Compiles a flow between a source and a target that describe themselves so.
pub(super) fn compile(
    settings: &FlowSettings,
    catalogs: &(Catalog, Catalog),
    lookups: BTreeMap<String, Arc<Lookup>>,
) -> Result<Compiled, Failure> {
    let mut compiling = Compiling {
        settings,
        whole: BTreeMap::new(),
        catalogs,
        lookups,
        problems: vec![],
        parts: BTreeMap::new(),
        mapped: BTreeMap::new(),
        shapes: BTreeMap::new(),
    };
    for part in &settings.collections {
        compiling.part(part);
    }
    compiling.finish()
}

struct Compiling<'open> {
    settings: &'open FlowSettings,
    /// Parts whose source is always read as a whole, with the reason.
    whole: BTreeMap<CollectionName, &'static str>,
    catalogs: &'open (Catalog, Catalog),
    lookups: BTreeMap<String, Arc<Lookup>>,
    problems: Vec<Failure>,
    parts: BTreeMap<CollectionName, FlowPart>,
    mapped: BTreeMap<CollectionName, MappedPart>,
    shapes: BTreeMap<CollectionName, Shape>,
}

impl Compiling<'_> {
    fn part(&mut self, settings: &PartSettings) {
        let found = (
            find_collection(&self.catalogs.0, &settings.from),
            find_collection(&self.catalogs.1, &settings.name),
        );
        let (source, target) = match found {
            (Ok(source), Ok(target)) => (source.clone(), target.clone()),
            (source, target) => {
                let failures = [source.err(), target.err()].into_iter().flatten();
                self.problems
                    .extend(failures.map(|failure| at(settings, failure)));
                return;
            }
        };
        let settings = &match columns_mapped(settings, &source) {
            Ok(settings) => settings,
            Err(failure) => {
                self.problems.push(failure);
                return;
            }
        };
        let shape = match shape(settings, &target) {
            Ok(shape) => shape,
            Err(problems) => {
                self.problems.extend(problems);
                return;
            }
        };
        self.problems.extend(zones(settings, &source, &shape));
        let known: Vec<String> = source
            .fields
            .iter()
            .map(|field| field.name.clone())
            .collect();
        let known = (!known.is_empty()).then_some(known);
        let spec = MappingSpec {
            fields: settings.key.iter().chain(&settings.map).cloned().collect(),
            filter: settings.filter.clone(),
            each: settings
                .each
                .clone()
                .map(|(list, name)| Each { list, name }),
            lookups: self.lookups.clone(),
        };
        match Mapping::compile(&spec, shape.clone(), known.as_deref()) {
            Ok(mapping) => self.take(settings, (source, mapping), shape),
            Err(problems) => {
                let failure = |problem| problem_of(settings, problem, known.as_deref());
                self.problems.extend(problems.into_iter().map(failure));
            }
        }
    }

    fn take(
        &mut self,
        settings: &PartSettings,
        (source, mapping): (Collection, Mapping),
        shape: Shape,
    ) {
        let collection = Arc::clone(shape.collection());
        let name = collection.name.clone();
        let whole = why_whole(self.settings, settings, &source);
        self.whole.extend(whole.map(|why| (name.clone(), why)));
        let part = MappedPart {
            source: Arc::new(source),
            mapping: Arc::new(mapping),
        };
        if self.mapped.insert(name.clone(), part).is_some() {
            let message = format!("`{name}` is filled twice by one flow");
            self.problems
                .push(at(settings, Failure::configuration(message)));
        }
        self.shapes.insert(name.clone(), shape);
        let mut policy = settings.policy.clone();
        if let DeleteStyle::Set(values) = &mut policy.delete {
            for (field, json) in values {
                match self.shapes.get(&name).map(|shape| shape.value(field, json)) {
                    Some(Err(problem)) => {
                        let message = format!("`{name}`: `delete.set`: {problem}");
                        self.problems
                            .push(at(settings, Failure::configuration(message)));
                    }
                    Some(Ok(value)) => *json = value,
                    None => {}
                }
            }
        }
        self.parts.insert(name, FlowPart { collection, policy });
    }

    fn finish(self) -> Result<Compiled, Failure> {
        if !self.problems.is_empty() {
            return Err(all(self.problems));
        }
        Ok(Compiled {
            parts: self.parts,
            mapped: self.mapped,
            shapes: self.shapes,
            whole: self.whole,
        })
    }
}

/// A collection whose query stands with it has a field for each column, unless it says otherwise.
fn columns_mapped<'settings>(
    settings: &'settings PartSettings,
    source: &Collection,
) -> Result<Cow<'settings, PartSettings>, Failure> {
    if !settings.takes_columns {
        return Ok(Cow::Borrowed(settings));
    }
    if source.fields.is_empty() {
        let message = format!(
            "`{}`: the query does not name its columns, so `map` has to",
            settings.name
        );
        return Err(at(settings, Failure::configuration(message)));
    }
    let is_key = |name: &str| settings.key.iter().any(|(_, from)| from == name);
    let columns = source.fields.iter().map(|field| field.name.as_str());
    let map = columns
        .filter(|name| !is_key(name))
        .map(|name| (name.to_owned(), name.to_owned()));
    Ok(Cow::Owned(PartSettings {
        map: map.collect(),
        ..settings.clone()
    }))
}

/// Several failures as one; there is at least one.
pub(super) fn all(problems: Vec<Failure>) -> Failure {
    let mut problems = problems.into_iter();
    let first = problems.next();
    let mut first = first.unwrap_or_else(|| Failure::configuration("the flow cannot be used"));
    for other in problems {
        first.causes.push(other.message);
        first.hints.extend(other.hints);
    }
    first.hints.dedup();
    first
}

fn problem_of(settings: &PartSettings, problem: MapProblem, known: Option<&[String]>) -> Failure {
    let near = problem.unknown.as_deref().and_then(|unknown| {
        nearest(
            unknown,
            known.unwrap_or_default().iter().map(String::as_str),
        )
    });
    let failure = at(
        settings,
        Failure::configuration(format!("`{}`: {}", settings.name, problem)),
    );
    match (near, problem.unknown) {
        (Some(near), _) => failure.with_hint(format!("did you mean `{near}`?")),
        (None, Some(unknown)) => failure.with_hint(format!(
            "a text is written with quotes inside: \"'{unknown}'\""
        )),
        (None, None) => failure,
    }
}

/// The collections in the order in which they are written.
pub(super) fn ordered(
    settings: &FlowSettings,
    target: &Catalog,
    mut parts: BTreeMap<CollectionName, FlowPart>,
) -> Result<Vec<FlowPart>, Failure> {
    let mut dependencies = target.dependencies.clone();
    for part in &settings.collections {
        let own = find_collection(target, &part.name)?.name.clone();
        let entry = dependencies.entry(own).or_default();
        for name in &part.after {
            let before = find_collection(target, name).map_err(|failure| at(part, failure))?;
            entry.push(before.name.clone());
        }
    }
    let selected: BTreeSet<CollectionName> = parts.keys().cloned().collect();
    let order = LoadOrder::new(&dependencies).restricted_to(&selected);
    Ok(order
        .sequence()
        .iter()
        .filter_map(|name| parts.remove(name))
        .collect())
}
