//! A model as the metadata documents a server publishes: schemas, paths, load order.
//!
//! What is rendered here and read back with [`super::openapi`] is the same model, but for the
//! values of descriptors, which no document holds.

mod dependencies;
mod graph;
mod paths;
mod schemas;

use std::collections::BTreeMap;

use serde_json::{Value, json};

pub use dependencies::{dependencies, dependencies_graphml};

use super::ApiModel;

/// The two documents of a data API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Everything that is no descriptor.
    Resources,
    /// The descriptor types.
    Descriptors,
}

/// The language of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Swagger 2.0, as servers before 7.0 speak it.
    Swagger2,
    /// `OpenAPI` 3.0.
    OpenApi3,
}

/// A document: `server_url` is the root of the data paths, `token_url` where tokens are had.
pub fn openapi(
    model: &ApiModel,
    part: Part,
    style: Style,
    server_url: &str,
    token_url: &str,
) -> Value {
    let mut document = match style {
        Style::Swagger2 => swagger_frame(server_url, token_url),
        Style::OpenApi3 => openapi_frame(server_url, token_url),
    };
    let title = match part {
        Part::Resources => "Ed-Fi Operational Data Store API: resources",
        Part::Descriptors => "Ed-Fi Operational Data Store API: descriptors",
    };
    document["info"] = json!({"title": title, "version": model.data_standard});
    document["security"] = json!([{"oauth2_client_credentials": []}]);
    document["paths"] = paths::all(model, part, style);
    document["tags"] = tags(model, part);
    let home = match style {
        Style::Swagger2 => &mut document,
        Style::OpenApi3 => &mut document["components"],
    };
    home[style.schemas_member()] = schemas::all(model, part, style);
    home["parameters"] = paths::shared_parameters(style);
    home["responses"] = paths::shared_responses();
    document
}

/// One tag for each name of an endpoint, which clients take its description from.
fn tags(model: &ApiModel, part: Part) -> Value {
    let resources = model.resources.values();
    let resources = resources.map(|resource| (&resource.name, &resource.singular));
    let descriptors = model.descriptors.values();
    let descriptors = descriptors.map(|kind| (&kind.name, &kind.singular));
    let named: BTreeMap<&String, &String> = match part {
        Part::Resources => resources.collect(),
        Part::Descriptors => descriptors.collect(),
    };
    let tag = |(name, singular): (&String, &String)| {
        let words = super::naming::words(singular).join(" ").to_lowercase();
        json!({"name": name, "description": format!("Records of the type {words}.")})
    };
    named.into_iter().map(tag).collect()
}

fn swagger_frame(server_url: &str, token_url: &str) -> Value {
    let (scheme, rest) = server_url.split_once("://").unwrap_or(("http", server_url));
    let (host, base) = rest.split_once('/').unwrap_or((rest, ""));
    json!({
        "swagger": "2.0",
        "host": host,
        "basePath": format!("/{}", base.trim_end_matches('/')),
        "schemes": [scheme],
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "securityDefinitions": {"oauth2_client_credentials": {
            "type": "oauth2", "flow": "application", "tokenUrl": token_url, "scopes": {}
        }},
    })
}

fn openapi_frame(server_url: &str, token_url: &str) -> Value {
    json!({
        "openapi": "3.0.1",
        "servers": [{"url": server_url}],
        "components": {"securitySchemes": {"oauth2_client_credentials": {
            "type": "oauth2",
            "flows": {"clientCredentials": {"tokenUrl": token_url, "scopes": {}}}
        }}},
    })
}

impl Style {
    fn schemas_member(self) -> &'static str {
        match self {
            Self::Swagger2 => "definitions",
            Self::OpenApi3 => "schemas",
        }
    }

    /// `{"$ref": …}` to something shared.
    fn link(self, kind: &str, name: &str) -> Value {
        let home = if self == Self::Swagger2 {
            "#"
        } else {
            "#/components"
        };
        json!({"$ref": format!("{home}/{kind}/{name}")})
    }

    fn schema_link(self, name: &str) -> Value {
        self.link(self.schemas_member(), name)
    }

    /// A response or a request body of this schema.
    fn body(self, schema: &Value) -> Value {
        match self {
            Self::Swagger2 => json!({"schema": schema}),
            Self::OpenApi3 => json!({"content": {"application/json": {"schema": schema}}}),
        }
    }
}

#[cfg(test)]
mod tests;
