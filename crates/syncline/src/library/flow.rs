//! A flow, described by a program.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use syncline_engine::{
    DeleteStyle, Duplicates, FlowPolicy, Grace, Nulls, Only, Protection, RowErrors,
};
use syncline_map::ValueRules;
use syncline_model::{FieldKind, FieldRole};
use syncline_plan::GuardPolicy;
use syncline_store::{Handler, Store};
use tokio_util::sync::CancellationToken;

use super::planned::{Place, PlannedFlow};
use super::record::Record;
use crate::flow::{between, planned, sealed, with_derived};
use crate::{DerivedSettings, Failure, FlowArgs, FlowSettings, PartSettings};

/// What goes from one store to another, and how.
#[derive(Clone)]
pub struct Flow {
    settings: FlowSettings,
    handlers: Vec<(String, Arc<dyn Handler>)>,
    state: Option<PathBuf>,
    only: Only,
}

impl std::fmt::Debug for Flow {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Flow")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Flow {
    /// A flow of a name, by which it is remembered.
    pub fn new(name: &str) -> Self {
        Self {
            settings: FlowSettings::new(name),
            handlers: Vec::new(),
            state: None,
            only: Only::default(),
        }
    }

    /// With a collection more. They are written in the order that the target's references ask for,
    /// and otherwise in this one.
    pub fn part(mut self, part: Part) -> Self {
        self.settings.derived.extend(part.1);
        self.settings.collections.push(part.0);
        self
    }

    /// With a collection that SQL derives from those of the source, which a part may be filled from.
    pub fn derived(mut self, name: &str, sql: &str) -> Self {
        self.settings.derived.push(DerivedSettings {
            name: name.to_owned(),
            sql: sql.to_owned(),
            place: format!("the flow's `{name}`"),
        });
        self
    }

    /// With somebody who does what an event is about instead of the target: a closure, or a
    /// [`Handler`]. Events are called `new_students`, `update_students`, `update_students_email`,
    /// `rekey_students`, `old_students`; one that does not exist is an error of the plan.
    pub fn on(mut self, event: &str, handler: impl Handler + 'static) -> Self {
        self.handlers.push((event.to_owned(), Arc::new(handler)));
        self
    }

    /// With a folder in which plans and what is known of the target are kept from run to run: for
    /// grace, for shrunken sources, for `baseline: ledger`. Without one nothing is remembered.
    pub fn state(mut self, folder: impl Into<PathBuf>) -> Self {
        self.state = Some(folder.into());
        self
    }

    /// With a part of it only: keys, kinds of changes, collections.
    pub fn only(mut self, only: Only) -> Self {
        self.only = only;
        self
    }

    /// Reads and compares both stores. Nothing is changed.
    pub async fn plan<S, T>(&self, source: &S, target: &T) -> Result<PlannedFlow, Failure>
    where
        S: Store + Clone + 'static,
        T: Store + Clone + 'static,
    {
        let place = Place::of(self.state.clone())?;
        let source: Arc<dyn Store> = Arc::new(source.clone());
        let source = with_derived(&place.state, &self.settings, source).await?;
        let stores: (_, Arc<dyn Store>) = (source, Arc::new(target.clone()));
        let handlers = self.handlers.clone();
        let handlers = async |_names: &_| Ok(handlers);
        let opened = between(&self.settings, stores, &place.state, handlers).await?;
        let opened = sealed(opened, &place.state)?;
        let arguments = FlowArgs {
            flow: self.settings.name.clone(),
            only: self.only.clone(),
            ..FlowArgs::default()
        };
        let file = place.plan_of(&arguments.flow)?;
        let stop = CancellationToken::new();
        let plan = planned(&opened, (&place.state, &arguments), &file, stop).await?;
        Ok(PlannedFlow::new(arguments.flow, opened, plan, place))
    }
}

/// A collection of the target, and what its records are made of. Expressions are those of the
/// `flows:` of a configuration (docs/flows.md): names of fields, templates, small expressions.
#[derive(Clone, Debug)]
pub struct Part(PartSettings, Option<DerivedSettings>);

impl Part {
    /// A collection of the target, filled from the one of the same name.
    pub fn new(name: &str) -> Self {
        let settings = PartSettings {
            name: name.to_owned(),
            from: name.to_owned(),
            key: Vec::new(),
            map: Vec::new(),
            takes_columns: false,
            filter: None,
            each: None,
            kinds: BTreeMap::new(),
            roles: BTreeMap::new(),
            rules: ValueRules::default(),
            policy: FlowPolicy::default(),
            after: Vec::new(),
            place: format!("the flow's `{name}`"),
        };
        Self(settings, None)
    }

    /// The collection of a type: its key, its fields and what they are for.
    pub fn of<T: Record>() -> Self {
        let collection = T::collection();
        let mut part = Self::new(collection.name.as_str());
        for field in &collection.fields {
            let is_key = collection.key.iter().any(|key| key.name == field.name);
            if field.role == FieldRole::Carry {
                part.0.roles.insert(field.name.clone(), field.role);
                continue;
            }
            if field.role != FieldRole::Compare {
                part.0.roles.insert(field.name.clone(), field.role);
            }
            part = if is_key {
                part.key(&field.name, &field.name)
            } else {
                part.map(&field.name, &field.name)
            };
        }
        part
    }

    /// Filled from another collection of the source.
    pub fn from(mut self, collection: &str) -> Self {
        collection.clone_into(&mut self.0.from);
        self
    }

    /// Filled by a query over the collections of the source; each of its columns is a field, unless
    /// fields are named.
    pub fn sql(mut self, sql: &str) -> Self {
        let name = DerivedSettings::name_within(&self.0.name);
        self.0.from.clone_from(&name);
        self.0.takes_columns = self.0.map.is_empty();
        self.1 = Some(DerivedSettings {
            name,
            sql: sql.to_owned(),
            place: self.0.place.clone(),
        });
        self
    }

    /// A field of the key, and the expression that gives it.
    pub fn key(mut self, field: &str, expression: &str) -> Self {
        self.0.key.push((field.to_owned(), expression.to_owned()));
        self
    }

    /// Another field, and the expression that gives it; in place of the one it had.
    pub fn map(mut self, field: &str, expression: &str) -> Self {
        self.0.takes_columns = false;
        self.0.map.retain(|(other, _)| other != field);
        self.0.map.push((field.to_owned(), expression.to_owned()));
        self
    }

    /// Only rows for which an expression is true.
    pub fn filter(mut self, expression: &str) -> Self {
        self.0.filter = Some(expression.to_owned());
        self
    }

    /// One record for each element of the list that an expression gives, under a name.
    pub fn each(mut self, list: &str, name: &str) -> Self {
        self.0.each = Some((list.to_owned(), name.to_owned()));
        self.0.policy.duplicates = Duplicates::Same;
        self
    }

    /// A field is of a kind, where the target does not say or says text.
    pub fn kind(mut self, field: &str, kind: FieldKind) -> Self {
        self.0.kinds.insert(field.to_owned(), kind);
        self
    }

    /// What a field is for.
    pub fn role(mut self, field: &str, role: FieldRole) -> Self {
        self.0.roles.insert(field.to_owned(), role);
        self
    }

    /// What blank text is and what becomes of whitespace.
    pub const fn values(mut self, rules: ValueRules) -> Self {
        self.0.rules = rules;
        self
    }

    /// What becomes of records that the source no longer has, and after how long; by itself they
    /// stay.
    pub fn delete(mut self, style: DeleteStyle, grace: Grace) -> Self {
        self.0.policy.delete = style;
        self.0.policy.grace = grace;
        self
    }

    /// Records whose field fits a pattern are never touched.
    pub fn protect(mut self, field: &str, pattern: &str) -> Self {
        self.0.policy.protect.push(Protection {
            field: field.to_owned(),
            pattern: pattern.to_owned(),
        });
        self
    }

    /// Fields by which a record is known again that took another key.
    pub fn rename_by(mut self, fields: &[&str]) -> Self {
        let fields = fields.iter().map(|field| (*field).to_owned());
        self.0.policy.rename_by = fields.collect();
        self
    }

    /// What two rows of one key mean; by itself an error.
    pub const fn duplicates(mut self, duplicates: Duplicates) -> Self {
        self.0.policy.duplicates = duplicates;
        self
    }

    /// What a row that does not fit means; by itself an error.
    pub const fn rows(mut self, rows: RowErrors) -> Self {
        self.0.policy.rows = rows;
        self
    }

    /// What a field without a value means; by itself it clears.
    pub const fn nulls(mut self, nulls: Nulls) -> Self {
        self.0.policy.nulls = nulls;
        self
    }

    /// How much may change unasked.
    pub fn guards(mut self, guards: GuardPolicy) -> Self {
        self.0.policy.guards = guards;
        self
    }

    /// Written after another collection.
    pub fn after(mut self, collection: &str) -> Self {
        self.0.after.push(collection.to_owned());
        self
    }
}
