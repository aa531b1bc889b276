//! Making records of a shape out of records of a source.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use minijinja::{Environment, Value};
use syncline_model::{Field, RawObject};

use crate::Lookup;
use crate::cell::{Cell, Given};
use crate::expression::{Expression, ROW, Unusable, reason};
use crate::filters;
use crate::shape::{RowProblem, Shape};

/// Most records that one row may become.
const ELEMENTS_MAX: usize = 100_000;

/// What a mapping is to do, as configuration says it.
#[derive(Clone, Debug, Default)]
pub struct MappingSpec {
    /// Each field of the shape with the expression that gives its value.
    pub fields: Vec<(String, String)>,
    /// Which rows take part: an expression that is true.
    pub filter: Option<String>,
    /// One record for each element of a list.
    pub each: Option<Each>,
    /// Tables for `lookup`.
    pub lookups: BTreeMap<String, Arc<Lookup>>,
}

/// One record for each element of a list.
#[derive(Clone, Debug)]
pub struct Each {
    /// The expression that gives the list.
    pub list: String,
    /// The name by which expressions know the element.
    pub name: String,
}

/// The name by which expressions know which element it is, from 1.
const POSITION: &str = "position";

/// What is wrong with a mapping: the field (or `where`, `each`) and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: {message}")]
pub struct MapProblem {
    /// Which part of the mapping.
    pub field: String,
    /// One clause.
    pub message: String,
    /// A name that does not exist, for whoever can suggest another.
    pub unknown: Option<String>,
}

/// A mapping, ready for rows.
pub struct Mapping {
    environment: Environment<'static>,
    shape: Shape,
    /// What gives the value of each field of the shape, by its place.
    fields: Vec<Option<Expression>>,
    filter: Option<Expression>,
    each: Option<(Expression, String)>,
    /// Fields of the source that expressions look at.
    used: BTreeSet<String>,
    /// Whether each field is the source's own of that name, and every row takes part.
    copies: bool,
}

impl std::fmt::Debug for Mapping {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Mapping")
            .field("collection", &self.shape.collection().name)
            .field("fields", &self.fields.len())
            .finish_non_exhaustive()
    }
}

impl Mapping {
    /// Compiles a mapping. `known` are the fields of the source, or nothing if it does not say.
    /// Everything that is wrong is told at once.
    pub fn compile(
        spec: &MappingSpec,
        shape: Shape,
        known: Option<&[String]>,
    ) -> Result<Self, Vec<MapProblem>> {
        let mut compiler = Compiler {
            environment: filters::environment(&spec.lookups),
            known: known.map(|known| known.iter().cloned().collect()),
            used: BTreeSet::new(),
            problems: vec![],
        };
        let filter = spec.filter.as_ref();
        let filter = filter.and_then(|text| compiler.compile("where", text));
        let list = spec.each.as_ref();
        let each = list.and_then(|each| {
            let expression = compiler.compile("each", &each.list)?;
            Some((expression, each.name.clone()))
        });
        if let (Some(known), Some((_, name))) = (&mut compiler.known, &each) {
            known.extend([name.clone(), POSITION.to_owned()]);
        }
        let mut fields = BTreeMap::new();
        for (name, text) in &spec.fields {
            if let Some(expression) = compiler.compile(name, text) {
                fields.insert(name.clone(), expression);
            }
        }
        if !compiler.problems.is_empty() {
            return Err(compiler.problems);
        }
        let in_order = shape.collection().fields.iter();
        let is_same = |field: &Field| match fields.get(&field.name) {
            Some(Expression::Field(name)) => *name == field.name,
            _ => false,
        };
        let copies = filter.is_none() && each.is_none() && in_order.clone().all(is_same);
        Ok(Self {
            environment: compiler.environment,
            fields: in_order.map(|field| fields.remove(&field.name)).collect(),
            shape,
            filter,
            each,
            used: compiler.used,
            copies,
        })
    }

    /// What records are made into.
    pub const fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Whether a row is the one record that it becomes, as far as that is seen at a glance.
    pub(crate) fn copies(&self, payload: &[u8]) -> bool {
        self.copies && self.shape.has(payload)
    }

    /// The records a row becomes: none if it does not take part, one, or one for each element.
    pub fn records(&self, payload: &[u8]) -> Result<Vec<Bytes>, RowProblem> {
        let row = RawObject::of(payload).ok_or_else(|| RowProblem::of(RowProblem::NO_OBJECT))?;
        let mut context = self.context(&row);
        if let Some(filter) = &self.filter {
            let value = Value::from(context.clone());
            let takes_part = filter.evaluate(&self.environment, &value);
            let refused = |error| RowProblem::of(format!("`where`: {}", reason(&error)));
            if !takes_part.map_err(refused)?.is_true() {
                return Ok(vec![]);
            }
        }
        let Some((list, name)) = &self.each else {
            return Ok(vec![self.record((&row, payload.len()), context)?]);
        };
        let mut records = Vec::new();
        let elements = self.elements(list, &context)?;
        for (index, element) in elements.into_iter().enumerate() {
            context.insert(name.clone(), element);
            context.insert(POSITION.to_owned(), Value::from(index + 1));
            records.push(self.record((&row, payload.len()), context.clone())?);
        }
        Ok(records)
    }

    fn record(
        &self,
        (row, size): (&RawObject<'_>, usize),
        context: BTreeMap<String, Value>,
    ) -> Result<Bytes, RowProblem> {
        self.written((row, size), context, |_| true)
    }

    /// The fields of a record that are wanted.
    fn written(
        &self,
        (row, size): (&RawObject<'_>, usize),
        context: BTreeMap<String, Value>,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<Bytes, RowProblem> {
        let context = Value::from(context);
        self.shape.write_kept(size, |place, field| {
            let expression = self.fields.get(place).and_then(Option::as_ref);
            let Some(expression) = expression.filter(|_| is_wanted(&field.name)) else {
                return Ok(None);
            };
            let of_row = match (&self.each, expression) {
                // The element goes before a field of its name.
                (Some((_, name)), Expression::Field(field)) => {
                    !(field == name || field == POSITION)
                }
                _ => true,
            };
            if of_row {
                expression.given(&self.environment, row, &context).map(Some)
            } else {
                let value = expression.evaluate(&self.environment, &context);
                let value = value.map_err(|error| reason(&error))?;
                Ok(Some(Given::Cell(Cell::of_value(&value))))
            }
        })
    }

    fn elements(
        &self,
        list: &Expression,
        context: &BTreeMap<String, Value>,
    ) -> Result<Vec<Value>, RowProblem> {
        let refused = |reason: &str| RowProblem::of(format!("`each`: {reason}"));
        let value = list
            .evaluate(&self.environment, &Value::from(context.clone()))
            .map_err(|error| refused(&reason(&error)))?;
        if value.is_none() || value.is_undefined() || value.as_str() == Some("") {
            return Ok(vec![]);
        }
        if value.as_str().is_some() {
            return Err(refused(
                "a list was expected; text can be taken apart with `split`",
            ));
        }
        let elements = value.try_iter();
        let elements = elements.map_err(|_no_list| refused("a list was expected"))?;
        let elements: Vec<Value> = elements.take(ELEMENTS_MAX + 1).collect();
        if elements.len() > ELEMENTS_MAX {
            return Err(refused("the list is too long"));
        }
        Ok(elements)
    }

    /// What expressions see of a row: the fields they look at, and nothing where there is none.
    fn context(&self, row: &RawObject<'_>) -> BTreeMap<String, Value> {
        let value_of = |name: &String| {
            let value = if name == ROW {
                whole(row)
            } else {
                row.get(name).map_or(Cell::Null, Cell::of_json).into_value()
            };
            (name.clone(), value)
        };
        self.used.iter().map(value_of).collect()
    }
}

fn whole(row: &RawObject<'_>) -> Value {
    let members = row
        .iter()
        .map(|(name, text)| (name.to_owned(), Cell::of_json(text).into_value()));
    Value::from(members.collect::<BTreeMap<String, Value>>())
}

struct Compiler {
    environment: Environment<'static>,
    known: Option<BTreeSet<String>>,
    used: BTreeSet<String>,
    problems: Vec<MapProblem>,
}

impl Compiler {
    fn compile(&mut self, field: &str, text: &str) -> Option<Expression> {
        let known = self.known.as_ref();
        match Expression::compile(&mut self.environment, (field, text.trim()), known) {
            Ok((expression, used)) => {
                // A field alone is read from the row itself.
                let is_seen = !matches!(expression, Expression::Field(_))
                    || matches!(field, "where" | "each");
                self.used.extend(used.into_iter().filter(|_| is_seen));
                Some(expression)
            }
            Err(Unusable { message, unknown }) => {
                self.problems.push(MapProblem {
                    field: field.to_owned(),
                    message,
                    unknown,
                });
                None
            }
        }
    }
}

mod key;
#[cfg(test)]
mod tests;
