//! Which members the payloads of a collection may have, and what one of its records is called.
//!
//! Nothing here says what a member holds: two APIs are compared by the names alone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use syncline_model::CollectionName;

use super::openapi::{Document, schema_reference};

/// Deepest nesting that is followed.
const DEPTH_MAX: usize = 8;
/// The member of references that belongs to the server.
const LINK: &str = "link";

/// What the documents say about the payloads of a collection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// What one record is called, for example `student`.
    pub singular: String,
    /// Its members, with those below them.
    pub members: Members,
}

/// Names of members, each with those of what it holds; none where it holds no object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Members(pub BTreeMap<String, Self>);

/// Adds the shapes of a document's collections.
pub(super) fn read(document: &Value, shapes: &mut BTreeMap<CollectionName, Shape>) {
    let paths = document.get("paths").and_then(Value::as_object);
    let document = Document::new(document);
    for (path, methods) in paths.into_iter().flatten() {
        let Some(endpoint) = document.endpoint(path, methods) else {
            continue;
        };
        let shape = Shape {
            singular: super::openapi::singular(endpoint.schema_name).to_owned(),
            members: members(&document, endpoint.schema, 0),
        };
        shapes.insert(endpoint.name, shape);
    }
}

fn members(document: &Document<'_>, schema: &Value, depth: usize) -> Members {
    let properties = schema.get("properties").and_then(Value::as_object);
    let properties = properties.into_iter().flatten();
    Members(
        properties
            .filter(|(name, _)| depth == 0 || name.as_str() != LINK)
            .map(|(name, property)| (name.clone(), held(document, property, depth + 1)))
            .collect(),
    )
}

/// The members of what a property holds, or of the items of its list.
fn held(document: &Document<'_>, property: &Value, depth: usize) -> Members {
    if depth > DEPTH_MAX {
        return Members::default();
    }
    let inner = property.get("items").unwrap_or(property);
    match schema_reference(inner) {
        Some(name) => document
            .schema(name)
            .map_or_else(Members::default, |schema| members(document, schema, depth)),
        None => members(document, inner, depth),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_named_with_those_of_lists_references_and_embedded_objects() {
        let document = json!({
            "paths": {"/ed-fi/parents": {
                "post": {"requestBody": {"content": {"application/json": {"schema":
                    {"$ref": "#/components/schemas/edFi_parent"}}}}},
            }},
            "components": {"schemas": {
                "edFi_parent": {"properties": {
                    "id": {"type": "string"},
                    "addresses": {"type": "array",
                        "items": {"$ref": "#/components/schemas/edFi_parentAddress"}},
                    "personReference": {"$ref": "#/components/schemas/edFi_personReference"},
                }},
                "edFi_parentAddress": {"properties": {"city": {}, "periods":
                    {"type": "array", "items": {"properties": {"beginDate": {}}}}}},
                "edFi_personReference": {"properties": {"personId": {}, "link": {}}},
            }},
        });
        let mut shapes = BTreeMap::new();
        read(&document, &mut shapes);
        let shape = &shapes["ed-fi/parents"];
        assert_eq!(shape.singular, "parent");
        assert_eq!(
            serde_json::to_value(&shape.members).unwrap(),
            json!({
                "id": {},
                "addresses": {"city": {}, "periods": {"beginDate": {}}},
                "personReference": {"personId": {}},
            })
        );
    }
}
