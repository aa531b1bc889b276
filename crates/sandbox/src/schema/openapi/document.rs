//! The parts of a Swagger 2 or OpenAPI 3 document that say what a resource is.
//!
//! Both versions are read into one shape; everything a client of the metadata never needs
//! (descriptions, error responses, tags) is ignored.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Number;

/// Whether a JSON file is a document at all.
#[derive(Deserialize)]
pub(super) struct Probe {
    swagger: Option<String>,
    openapi: Option<String>,
}

impl Probe {
    pub(super) fn is_document(&self) -> bool {
        self.swagger.is_some() || self.openapi.is_some()
    }
}

#[derive(Deserialize)]
pub(super) struct Document {
    pub(super) info: Info,
    #[serde(default)]
    pub(super) paths: BTreeMap<String, PathItem>,
    #[serde(default)]
    definitions: BTreeMap<String, Schema>,
    #[serde(default)]
    components: Components,
}

impl Document {
    /// Schemas of either version by name.
    pub(super) fn schemas(&self) -> impl Iterator<Item = (&str, &Schema)> {
        let all = self.definitions.iter().chain(&self.components.schemas);
        all.map(|(name, schema)| (name.as_str(), schema))
    }
}

#[derive(Deserialize)]
pub(super) struct Info {
    pub(super) version: String,
}

#[derive(Default, Deserialize)]
struct Components {
    #[serde(default)]
    schemas: BTreeMap<String, Schema>,
}

#[derive(Deserialize)]
pub(super) struct PathItem {
    pub(super) get: Option<Operation>,
    put: Option<Operation>,
}

impl PathItem {
    /// Whether a change of the key is allowed by PUT.
    pub(super) fn updates_keys(&self) -> bool {
        self.put.as_ref().is_some_and(|put| put.key_updatable)
    }
}

#[derive(Deserialize)]
pub(super) struct Operation {
    #[serde(default)]
    parameters: Vec<Parameter>,
    #[serde(default)]
    responses: BTreeMap<String, Response>,
    #[serde(default, rename = "x-Ed-Fi-isUpdatable")]
    key_updatable: bool,
}

impl Operation {
    /// Query parameters that are written out: name and whether it is part of the key.
    pub(super) fn query(&self) -> impl Iterator<Item = (&str, bool)> {
        self.parameters.iter().filter_map(|parameter| {
            let name = parameter.name.as_deref()?;
            (parameter.place.as_deref() == Some("query")).then(|| (name, parameter.in_key()))
        })
    }

    /// Name of the schema of the items that a GET-all answers with.
    pub(super) fn item_schema(&self) -> Option<&str> {
        let response = self.responses.get("200")?;
        let in_content = response
            .content
            .values()
            .find_map(|media| media.schema.as_ref());
        response
            .schema
            .as_ref()
            .or(in_content)?
            .items
            .as_ref()?
            .target()
    }
}

#[derive(Deserialize)]
struct Parameter {
    name: Option<String>,
    #[serde(rename = "in")]
    place: Option<String>,
    schema: Option<Schema>,
    #[serde(default, rename = "x-Ed-Fi-isIdentity")]
    identity: bool,
}

impl Parameter {
    fn in_key(&self) -> bool {
        self.identity || self.schema.as_ref().is_some_and(|schema| schema.identity)
    }
}

#[derive(Deserialize)]
struct Response {
    schema: Option<Schema>,
    #[serde(default)]
    content: BTreeMap<String, Media>,
}

#[derive(Deserialize)]
struct Media {
    schema: Option<Schema>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Schema {
    #[serde(rename = "$ref")]
    reference: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) format: Option<String>,
    pub(super) items: Option<Box<Self>>,
    pub(super) min_length: Option<u32>,
    pub(super) max_length: Option<u32>,
    pub(super) minimum: Option<Number>,
    pub(super) maximum: Option<Number>,
    #[serde(default)]
    pub(super) required: Vec<String>,
    #[serde(default)]
    pub(super) properties: BTreeMap<String, Self>,
    #[serde(default, rename = "x-Ed-Fi-isIdentity")]
    pub(super) identity: bool,
}

impl Schema {
    /// Name of the schema a `$ref` leads to.
    pub(super) fn target(&self) -> Option<&str> {
        self.reference.as_deref()?.rsplit('/').next()
    }

    /// Whether the members are those that all descriptors have.
    pub(super) fn is_descriptor(&self) -> bool {
        let expected = ["codeValue", "namespace", "shortDescription"];
        expected
            .iter()
            .all(|name| self.properties.contains_key(*name))
    }
}
