//! The single values that records may have, by the names on the way to them, and their types: what
//! the columns of a table are made from.

use std::collections::BTreeMap;

use serde_json::Value;
use syncline_model::{CollectionName, FieldPath};

use super::SchemaError;
use super::document::{Document, properties, target};
use super::property::{is_object, type_of};

/// Deepest objects that are looked into.
const DEPTH_MAX: usize = 16;
/// Most values of a collection; there are some hundred at most in published documents.
const FIELDS_MAX: usize = 4_096;

/// A value that records may have outside their lists, or a list as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The names on the way to it.
    pub path: FieldPath,
    /// Its type.
    pub kind: FieldKind,
}

/// Types of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Text, and what no type is said of.
    Text,
    /// Whole numbers.
    Integer,
    /// Numbers.
    Number,
    /// True or false.
    Boolean,
    /// Dates.
    Date,
    /// Points in time.
    Timestamp,
    /// Lists.
    List,
}

/// The fields of each collection in the documents of an API.
///
/// # Errors
/// A value that is no document.
pub fn fields(documents: &[Value]) -> Result<BTreeMap<CollectionName, Vec<Field>>, SchemaError> {
    let mut found = BTreeMap::new();
    for (value, number) in documents.iter().zip(1..) {
        let document = Document::new(value, number)?;
        for endpoint in document.endpoints() {
            let mut walk = Walk {
                document: &document,
                path: vec![],
                inside: vec![endpoint.schema],
                fields: vec![],
            };
            if let Some(schema) = document.schema(endpoint.schema) {
                walk.object(schema);
            }
            found.insert(endpoint.collection, walk.fields);
        }
    }
    Ok(found)
}

struct Walk<'json> {
    document: &'json Document<'json>,
    path: FieldPath,
    /// Names of the schemas on the way.
    inside: Vec<&'json str>,
    fields: Vec<Field>,
}

impl<'json> Walk<'json> {
    fn object(&mut self, schema: &'json Value) {
        for (name, property) in properties(schema) {
            if self.fields.len() >= FIELDS_MAX {
                return;
            }
            self.path.push(name.to_owned());
            self.value(property);
            self.path.pop();
        }
    }

    fn value(&mut self, property: &'json Value) {
        let name = target(property);
        let named = name.and_then(|name| self.document.schema(name));
        let schema = named.unwrap_or(property);
        if !is_object(schema) {
            self.fields.push(Field {
                path: self.path.clone(),
                kind: kind(schema),
            });
            return;
        }
        let name = name.unwrap_or_default();
        let again = !name.is_empty() && self.inside.contains(&name);
        if !again && self.path.len() <= DEPTH_MAX {
            self.inside.push(name);
            self.object(schema);
            self.inside.pop();
        }
    }
}

fn kind(schema: &Value) -> FieldKind {
    let format = schema.get("format").and_then(Value::as_str);
    match (type_of(schema), format) {
        (Some("array"), _) => FieldKind::List,
        (Some("boolean"), _) => FieldKind::Boolean,
        (Some("integer"), _) => FieldKind::Integer,
        (Some("number"), _) => FieldKind::Number,
        (Some("string"), Some("date")) => FieldKind::Date,
        (Some("string"), Some("date-time")) => FieldKind::Timestamp,
        _ => FieldKind::Text,
    }
}
