//! One document, whichever of the two shapes it has: its schemas and the paths that take records.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use syncline_model::CollectionName;

use super::SchemaError;

/// A document as it is read.
pub(super) struct Document<'json> {
    whole: &'json Value,
    schemas: &'json Map<String, Value>,
    paths: &'json Map<String, Value>,
}

/// A path that records can be posted to.
pub(super) struct Endpoint<'json> {
    pub(super) collection: CollectionName,
    /// Name of the schema of its records.
    pub(super) schema: &'json str,
    /// Names of the parameters that make up its key, in the order of the document.
    pub(super) key: Vec<&'json str>,
}

impl<'json> Document<'json> {
    pub(super) fn new(whole: &'json Value, number: usize) -> Result<Self, SchemaError> {
        let missing = |member| SchemaError::NotADocument { number, member };
        let schemas = whole
            .pointer("/components/schemas")
            .or_else(|| whole.get("definitions"))
            .and_then(Value::as_object)
            .ok_or_else(|| missing("schemas"))?;
        let paths = whole.get("paths").and_then(Value::as_object);
        Ok(Self {
            whole,
            schemas,
            paths: paths.ok_or_else(|| missing("paths"))?,
        })
    }

    /// Whether the document marks what items of lists are told apart by. Older ones mark records
    /// only, and nothing is known of their items.
    pub(super) fn marks_items(&self) -> bool {
        let members = self.schemas.values().flat_map(properties);
        let items = members.filter_map(|(_, member)| target(member.get("items")?));
        let mut items = items.filter_map(|name| self.schema(name));
        items.any(|item| properties(item).any(|(_, member)| is_identity(member)))
    }

    /// The schema of that name.
    pub(super) fn schema(&self, name: &str) -> Option<&'json Value> {
        self.schemas.get(name)
    }

    pub(super) fn endpoints(&self) -> Vec<Endpoint<'json>> {
        let found = self.paths.iter();
        found
            .filter_map(|(path, methods)| self.endpoint(path, methods))
            .collect()
    }

    fn endpoint(&self, path: &str, methods: &'json Value) -> Option<Endpoint<'json>> {
        let name = path.trim_start_matches('/');
        if name.split('/').count() != 2 || name.contains('{') {
            return None;
        }
        let schema = body_schema(methods.get("post")?)?;
        self.schema(schema)?;
        let parameters = methods.pointer("/get/parameters").and_then(Value::as_array);
        let key = parameters
            .into_iter()
            .flatten()
            .map(|parameter| self.resolved(parameter))
            .filter(|parameter| is_identity(parameter))
            .filter_map(|parameter| parameter.get("name")?.as_str())
            .collect();
        Some(Endpoint {
            collection: CollectionName::new(name),
            schema,
            key,
        })
    }

    /// Follows a `$ref` to a shared parameter.
    fn resolved(&self, parameter: &'json Value) -> &'json Value {
        let target = parameter
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|pointer| self.whole.pointer(pointer.strip_prefix('#')?));
        target.unwrap_or(parameter)
    }
}

/// The name of the schema that a POST takes.
fn body_schema(post: &Value) -> Option<&str> {
    let body = post.pointer("/requestBody/content").and_then(|content| {
        let mut kinds = content.as_object()?.iter();
        kinds
            .find(|(media, _)| media.contains("json"))?
            .1
            .get("schema")
    });
    let schema = body.or_else(|| {
        let mut parameters = post.get("parameters")?.as_array()?.iter();
        let in_body = |value: &&Value| value.get("in").and_then(Value::as_str) == Some("body");
        parameters.find(in_body)?.get("schema")
    })?;
    target(schema)
}

/// The name of the schema that a `$ref` points to, also one wrapped in an `allOf` of its own.
pub(super) fn target(schema: &Value) -> Option<&str> {
    let wrapped = schema.get("allOf").and_then(Value::as_array);
    let schema = match wrapped.map(Vec::as_slice) {
        Some([only]) => only,
        _ => schema,
    };
    schema.get("$ref")?.as_str()?.rsplit('/').next()
}

/// The members of a schema.
pub(super) fn properties(schema: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let members = schema.get("properties").and_then(Value::as_object);
    members
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str(), value))
}

/// The names of the members a schema demands.
pub(super) fn required(schema: &Value) -> BTreeSet<&str> {
    let names = schema.get("required").and_then(Value::as_array);
    names
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// Whether a member or parameter is marked as part of a key.
pub(super) fn is_identity(value: &Value) -> bool {
    value.get("x-Ed-Fi-isIdentity").and_then(Value::as_bool) == Some(true)
}
