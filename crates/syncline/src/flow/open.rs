//! A flow, opened: both stores in the same shapes, and everything checked that can be before a
//! record is read.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use syncline_engine::{DeleteStyle, FlowPart};
use syncline_map::{Each, Lookup};
use syncline_map::{
    MapProblem, MappedPart, MappedStore, Mapping, MappingSpec, Shape, ShapedStore, fits,
};
use syncline_model::{
    Catalog, Collection, CollectionName, Digest, Field, FieldKind, FieldRole, KeyField,
};
use syncline_plan::LoadOrder;
use syncline_store::layers::Handled;
use syncline_store::{Handler, Store};
use syncline_store_files::TablesStore;

use super::derived::with_derived;
use super::events::{self, Names};
use super::follow::why_whole;
use super::plan::state_folder;
use super::secrets::sealed;
use super::settings::{FlowSettings, PartSettings};
use super::{handlers, lookups};
use crate::suggest::nearest;
use crate::{Config, Failure, StoreConfig, open};

/// A flow, ready to be planned.
pub(crate) struct Opened {
    pub(super) source: Arc<dyn Store>,
    pub(super) target: Arc<dyn Store>,
    /// What both stores say of themselves.
    pub(crate) catalogs: (Catalog, Catalog),
    /// In the order in which they are written.
    pub(super) parts: Vec<FlowPart>,
    /// Those whose source is always read as a whole, with the reason.
    pub(super) whole: BTreeMap<CollectionName, &'static str>,
    pub(super) mapping: Digest,
}

impl Opened {
    /// The collections that it fills.
    pub(super) fn collections(&self) -> Vec<CollectionName> {
        let parts = self.parts.iter();
        parts.map(|part| part.collection.name.clone()).collect()
    }
}

/// The settings of a flow by its name.
pub(super) fn settings<'config>(
    config: &'config Config,
    name: &str,
) -> Result<&'config FlowSettings, Failure> {
    config.flows.get(name).ok_or_else(|| {
        let message = format!("{} has no flow named `{name}`", config.file.display());
        let names = config.flows.keys().map(String::as_str);
        let failure = Failure::configuration(message);
        match nearest(name, names.clone()) {
            Some(near) => failure.with_hint(format!("did you mean `{near}`?")),
            None if config.flows.is_empty() => {
                failure.with_hint("describe flows under `flows:`; see docs/flows.md")
            }
            None => failure.with_hint(format!(
                "flows there: {}",
                names.collect::<Vec<_>>().join(", ")
            )),
        }
    })
}

/// Connects both stores of a flow and compiles it.
pub(super) async fn open(config: &Config, name: &str) -> Result<Opened, Failure> {
    let settings = settings(config, name)?;
    let source = side(config, &settings.from, false).await?;
    let state = state_folder(config)?;
    let source = with_derived(&state, settings, source).await?;
    let target = side(config, &settings.to, true).await?;
    let opened = between(settings, (source, target), async |names| {
        for (event, handler) in &settings.handlers {
            let known = names.find(event).map(|_event| ());
            known.map_err(|failure| {
                let message = format!("{}: {}", handler.place, failure.message);
                Failure { message, ..failure }
            })?;
        }
        handlers::start(&settings.handlers).await
    })
    .await?;
    sealed(opened, &state)
}

/// Compiles a flow between two stores. Handlers are asked for when the names of events are known.
pub(crate) async fn between(
    settings: &FlowSettings,
    (source, target): (Arc<dyn Store>, Arc<dyn Store>),
    handlers: impl AsyncFnOnce(&Names) -> Result<Vec<(String, Arc<dyn Handler>)>, Failure>,
) -> Result<Opened, Failure> {
    let catalogs = (source.describe().await?, target.describe().await?);
    let sides = ((&source, &catalogs.0), (&target, &catalogs.1));
    let lookups = lookups::read(settings, sides).await?;
    let mut compiling = Compiling {
        settings,
        catalogs: &catalogs,
        whole: BTreeMap::new(),
        lookups,
        problems: vec![],
        parts: BTreeMap::new(),
        mapped: BTreeMap::new(),
        shapes: BTreeMap::new(),
    };
    for part in &settings.collections {
        compiling.part(part);
    }
    let whole = std::mem::take(&mut compiling.whole);
    let (parts, mapped, shapes) = compiling.finish()?;
    let names = Names::of(&parts);
    let handlers = handlers(&names).await?;
    let handlers = events::registered(&names, handlers).map_err(all)?;
    let target: Arc<dyn Store> = if handlers.is_empty() {
        target
    } else {
        Arc::new(Handled::new(target, handlers))
    };
    let parts = ordered(settings, &catalogs.1, parts)?;
    Ok(Opened {
        source: Arc::new(MappedStore::new(source, mapped)),
        target: Arc::new(ShapedStore::new(target, shapes)),
        parts,
        whole,
        mapping: Digest::of(format!("{settings:?}").as_bytes()),
        catalogs,
    })
}

async fn side(config: &Config, name: &str, is_target: bool) -> Result<Arc<dyn Store>, Failure> {
    let store = config.store(name)?;
    let StoreConfig::Files(folder) = store else {
        return open::store(store).await;
    };
    let none = super::TablesSettings::default();
    let tables = config.tables.get(name).unwrap_or(&none);
    let store = TablesStore::open(folder, &tables.shared, &tables.tables)?;
    Ok(Arc::new(if is_target { store.as_target() } else { store }))
}

/// A collection by its name, or by its short name where that is clear.
pub(super) fn find_collection<'catalog>(
    catalog: &'catalog Catalog,
    name: &str,
) -> Result<&'catalog Collection, Failure> {
    if let Some(found) = catalog.collections.get(name) {
        return Ok(found);
    }
    let mut short = catalog
        .collections
        .values()
        .filter(|one| one.name.short() == name);
    if let (Some(found), None) = (short.next(), short.next()) {
        return Ok(found);
    }
    if let Some(why) = catalog.left_out.get(name) {
        let message = format!("`{name}` of {} is no collection: {why}", catalog.identity.0);
        return Err(Failure::configuration(message).with_hint(format!(
            "say under the store which columns tell its rows apart: `tables: {{{name}: {{key: [...]}}}}`"
        )));
    }
    let message = format!("{} has no collection `{name}`", catalog.identity.0);
    let names = catalog.collections.keys().map(CollectionName::as_str);
    let failure = Failure::configuration(message);
    if let Some(near) = nearest(name, names.clone()) {
        return Err(failure.with_hint(format!("did you mean `{near}`?")));
    }
    let some: Vec<&str> = names.take(10).collect();
    Err(failure.with_hint(format!("collections there: {}", some.join(", "))))
}

type Compiled = (
    BTreeMap<CollectionName, FlowPart>,
    BTreeMap<CollectionName, MappedPart>,
    BTreeMap<CollectionName, Shape>,
);

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
        if self.problems.is_empty() {
            return Ok((self.parts, self.mapped, self.shapes));
        }
        Err(all(self.problems))
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
fn all(problems: Vec<Failure>) -> Failure {
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

fn at(settings: &PartSettings, failure: Failure) -> Failure {
    let message = format!("{}: {}", settings.place, failure.message);
    Failure { message, ..failure }
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

/// The shape of a collection: the fields that the flow speaks of, as the target has them.
fn shape(settings: &PartSettings, target: &Collection) -> Result<Shape, Vec<Failure>> {
    let mut problems = Vec::new();
    let mut fields: Vec<Field> = Vec::new();
    let mapped = settings
        .key
        .iter()
        .chain(&settings.map)
        .map(|(name, _)| name);
    let carried = settings
        .roles
        .iter()
        .filter(|(_, role)| **role == FieldRole::Carry);
    let protected = settings.policy.protect.iter().map(|one| &one.field);
    let others = carried.map(|(name, _)| name).chain(protected);
    let mut seen = BTreeSet::new();
    for (name, is_mapped) in mapped
        .map(|name| (name, true))
        .chain(others.map(|name| (name, false)))
    {
        if !seen.insert(name.as_str()) {
            continue;
        }
        let Some(known) = known_field(settings, target, name) else {
            problems.push(no_field(settings, target, name));
            continue;
        };
        problems.extend(other_kind(settings, target, &known));
        let unsaid = if is_mapped {
            FieldRole::Compare
        } else {
            FieldRole::Carry
        };
        let role = settings.roles.get(name).copied().unwrap_or(unsaid);
        fields.push(Field { role, ..known });
    }
    let mapped: BTreeSet<&str> = settings
        .key
        .iter()
        .chain(&settings.map)
        .map(|(name, _)| name.as_str())
        .collect();
    problems.extend(unmapped(settings, &mapped));
    if !problems.is_empty() {
        return Err(problems);
    }
    fields.retain(|field| field.role != FieldRole::Ignore);
    let mut collection = Collection {
        fields,
        ..target.clone()
    };
    let key = settings.key.iter().map(|(name, _)| KeyField {
        name: name.clone(),
        path: vec![name.clone()],
    });
    collection.key = key.collect();
    Ok(Shape::new(collection, settings.rules).over(target))
}

/// Times of the source that say a zone for fields of the target that keep none, and the other way round.
fn zones(settings: &PartSettings, source: &Collection, shape: &Shape) -> Vec<Failure> {
    let given = settings.key.iter().chain(&settings.map);
    let problem = |(name, expression): &(String, String)| {
        let from = source.field(expression)?.bounds.zoned?;
        let to = shape.collection().field(name)?.bounds.zoned?;
        if from == to {
            return None;
        }
        let (with, filter) = if to {
            ("with", "instant")
        } else {
            ("without", "local")
        };
        let message = format!(
            "`{}`: `{name}` keeps times {with} a zone, and `{expression}` of the source is not so",
            settings.name
        );
        let hint = format!("say which zone in `map`: \"{expression} | {filter}('UTC')\"");
        Some(at(
            settings,
            Failure::configuration(message).with_hint(hint),
        ))
    };
    given.filter_map(problem).collect()
}

fn known_field(settings: &PartSettings, target: &Collection, name: &str) -> Option<Field> {
    let kind = settings.kinds.get(name).copied();
    match target.field(name) {
        Some(field) => Some(Field {
            kind: kind.unwrap_or(field.kind),
            ..field.clone()
        }),
        None if target.fields.is_empty() => Some(Field::new(name, kind.unwrap_or(FieldKind::Any))),
        None => None,
    }
}

/// A kind that the field of the target is not and cannot be taken for.
fn other_kind(settings: &PartSettings, target: &Collection, field: &Field) -> Option<Failure> {
    let own = target.field(&field.name)?.kind;
    if fits(own, field.kind) {
        return None;
    }
    let message = format!(
        "`{}`: `types` takes `{}` for {}, and the target keeps it as {own}",
        settings.name, field.name, field.kind
    );
    let hint = format!("leave it out of `types`, or bring the value to {own} in `map`");
    Some(at(
        settings,
        Failure::configuration(message).with_hint(hint),
    ))
}

fn no_field(settings: &PartSettings, target: &Collection, name: &str) -> Failure {
    let message = format!("`{}` has no field `{name}`", target.name);
    let failure = at(settings, Failure::configuration(message));
    let names = target.fields.iter().map(|field| field.name.as_str());
    match nearest(name, names) {
        Some(near) => failure.with_hint(format!("did you mean `{near}`?")),
        None => failure,
    }
}

/// Fields that settings speak of and no expression gives.
fn unmapped(settings: &PartSettings, mapped: &BTreeSet<&str>) -> Vec<Failure> {
    let mut problems = Vec::new();
    let mut require = |part: &str, name: &str| {
        if !mapped.contains(name) {
            let message = format!(
                "`{}`: `{part}` names `{name}`, which `map` does not give",
                settings.name
            );
            problems.push(at(settings, Failure::configuration(message)));
        }
    };
    for name in settings.kinds.keys() {
        require("types", name);
    }
    for (name, role) in &settings.roles {
        if *role != FieldRole::Carry {
            require("roles", name);
        }
    }
    for name in &settings.policy.rename_by {
        require("rename_by", name);
    }
    if let DeleteStyle::Set(values) = &settings.policy.delete {
        for (name, _) in values {
            require("delete.set", name);
        }
    }
    problems.extend(misused_secrets(settings));
    problems
}

/// Secrets in places where their value would have to be seen.
fn misused_secrets(settings: &PartSettings) -> Vec<Failure> {
    let roles = settings.roles.iter();
    let secrets = roles.filter(|(_, role)| role.is_secret());
    let misused = secrets.filter_map(|(name, _)| {
        let is_key = settings.key.iter().any(|(field, _)| field == name);
        let is_protected = settings.policy.protect.iter().any(|one| one.field == *name);
        let place = match (is_key, is_protected) {
            (true, _) => "part of the key",
            (_, true) => "looked at by `protect`",
            _ => return None,
        };
        let message = format!(
            "`{}`: `{name}` is {place} and cannot be a secret",
            settings.name
        );
        Some(at(settings, Failure::configuration(message)))
    });
    misused.collect()
}

/// The collections in the order in which they are written.
fn ordered(
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
