//! Paths of a document: the list and the item of every resource, and its tracked changes.

use serde_json::{Map, Value, json};

use super::schemas::{at_path, descriptor_members, scalar, schema_name};
use super::{Part, Style};
use crate::schema::naming::capitalised;
use crate::schema::{ApiModel, Descriptor, Resource};

/// What the paths of one endpoint need.
struct Endpoint {
    path: String,
    plural: String,
    singular: String,
    schema: String,
    parameters: Vec<Value>,
    key_updatable: bool,
}

pub(super) fn all(model: &ApiModel, part: Part, style: Style) -> Value {
    let endpoints: Vec<Endpoint> = match part {
        Part::Resources => model
            .resources
            .values()
            .map(|resource| of_resource(resource, style))
            .collect(),
        Part::Descriptors => model
            .descriptors
            .values()
            .map(|each| of_descriptor(each, style))
            .collect(),
    };
    let mut paths = Map::new();
    for endpoint in endpoints {
        add(&mut paths, &endpoint, style);
    }
    Value::Object(paths)
}

fn add(paths: &mut Map<String, Value>, endpoint: &Endpoint, style: Style) {
    let Endpoint { path, schema, .. } = endpoint;
    paths.insert(path.clone(), list(endpoint, style));
    paths.insert(format!("{path}/{{id}}"), item(endpoint, style));
    // School years are the one resource whose changes no server tracks.
    if path != "/ed-fi/schoolYearTypes" {
        for (last, suffix) in [("deletes", "Delete"), ("keyChanges", "KeyChange")] {
            let items = style.schema_link(&format!("trackedChanges_{schema}{suffix}"));
            let parameters = shared(style, &LIST_PARAMETERS);
            let operation = format!("get{}{}", capitalised(last), capitalised(&endpoint.plural));
            let get = operation_of(
                endpoint,
                &operation,
                &parameters,
                &ok(style, &array(&items)),
            );
            paths.insert(format!("{path}/{last}"), json!({"get": get}));
        }
    }
}

const LIST_PARAMETERS: [&str; 5] = [
    "offset",
    "limit",
    "MinChangeVersion",
    "MaxChangeVersion",
    "totalCount",
];

fn of_resource(resource: &Resource, style: Style) -> Endpoint {
    let key: Vec<&str> = resource
        .key
        .iter()
        .map(|part| part.query_name.as_str())
        .collect();
    let parameter = |name: &str, path: &[String], in_key| {
        let kind = at_path(&resource.members, path)?;
        Some(query_parameter(name, scalar(kind), in_key, style))
    };
    // The order of key parts is the order of these parameters.
    let keyed = resource
        .key
        .iter()
        .filter_map(|part| parameter(&part.query_name, &part.path, true));
    let others = resource
        .query
        .iter()
        .filter(|(name, _)| !key.contains(&name.as_str()));
    let others = others.filter_map(|(name, path)| parameter(name, path, false));
    Endpoint {
        path: format!("/{}", resource.path()),
        plural: resource.name.clone(),
        singular: resource.singular.clone(),
        schema: schema_name(&resource.namespace, &resource.singular),
        parameters: keyed.chain(others).chain([id_filter(style)]).collect(),
        key_updatable: resource.key_updatable,
    }
}

fn of_descriptor(descriptor: &Descriptor, style: Style) -> Endpoint {
    let members = descriptor_members();
    let parameters = members
        .iter()
        .map(|member| query_parameter(&member.name, scalar(&member.kind), member.identity, style));
    Endpoint {
        path: format!("/{}/{}", descriptor.namespace, descriptor.name),
        plural: descriptor.name.clone(),
        singular: descriptor.singular.clone(),
        schema: schema_name(&descriptor.namespace, &descriptor.singular),
        parameters: parameters.chain([id_filter(style)]).collect(),
        key_updatable: false,
    }
}

fn list(endpoint: &Endpoint, style: Style) -> Value {
    let parameters = shared(style, &LIST_PARAMETERS).into_iter();
    let parameters: Vec<Value> = parameters
        .chain(endpoint.parameters.iter().cloned())
        .collect();
    let items = array(&style.schema_link(&endpoint.schema));
    let name = format!("get{}", capitalised(&endpoint.plural));
    let get = operation_of(endpoint, &name, &parameters, &ok(style, &items));
    let name = format!("post{}", capitalised(&endpoint.singular));
    let answers = answers(
        style,
        &[("200", "Updated"), ("201", "Created"), ("409", "Conflict")],
    );
    let mut post = operation_of(endpoint, &name, &[], &answers);
    add_body(&mut post, endpoint, style);
    json!({"get": get, "post": post})
}

fn item(endpoint: &Endpoint, style: Style) -> Value {
    let name = format!("get{}ById", capitalised(&endpoint.plural));
    let found = ok(style, &style.schema_link(&endpoint.schema));
    let get = operation_of(
        endpoint,
        &name,
        &shared(style, &["id", "IfNoneMatch"]),
        &found,
    );
    let conditional = || shared(style, &["id", "IfMatch"]);
    let name = format!("put{}", capitalised(&endpoint.singular));
    let written = answers(style, &[("204", "Updated"), ("409", "Conflict")]);
    let mut put = operation_of(endpoint, &name, &conditional(), &written);
    add_body(&mut put, endpoint, style);
    if endpoint.key_updatable {
        put["x-Ed-Fi-isUpdatable"] = json!(true);
    }
    let name = format!("delete{}ById", capitalised(&endpoint.singular));
    let removed = answers(style, &[("204", "Deleted"), ("409", "Conflict")]);
    let delete = operation_of(endpoint, &name, &conditional(), &removed);
    json!({"get": get, "put": put, "delete": delete})
}

fn operation_of(
    endpoint: &Endpoint,
    operation_id: &str,
    parameters: &[Value],
    responses: &Value,
) -> Value {
    json!({
        "tags": [endpoint.plural],
        "operationId": operation_id,
        "parameters": parameters,
        "responses": responses,
    })
}

fn add_body(operation: &mut Value, endpoint: &Endpoint, style: Style) {
    let schema = style.schema_link(&endpoint.schema);
    let name = &endpoint.singular;
    match style {
        Style::OpenApi3 => {
            let mut body = style.body(&schema);
            body["required"] = json!(true);
            body["x-bodyName"] = json!(name);
            operation["requestBody"] = body;
        }
        Style::Swagger2 => {
            let body = json!({"name": name, "in": "body", "required": true, "schema": schema});
            if let Some(parameters) = operation["parameters"].as_array_mut() {
                parameters.push(body);
            }
        }
    }
}

fn array(items: &Value) -> Value {
    json!({"type": "array", "items": items})
}

fn ok(style: Style, schema: &Value) -> Value {
    let mut responses = answers(style, &[("304", "NotModified")]);
    responses["200"] = style.body(schema);
    responses["200"]["description"] = json!("The requested items.");
    responses
}

/// Responses every operation has, and its own.
fn answers(style: Style, own: &[(&str, &str)]) -> Value {
    const COMMON: [(&str, &str); 5] = [
        ("400", "BadRequest"),
        ("401", "Unauthorized"),
        ("403", "Forbidden"),
        ("404", "NotFound"),
        ("500", "Error"),
    ];
    let all = COMMON.iter().chain(own);
    all.map(|(status, name)| ((*status).to_owned(), style.link("responses", name)))
        .collect::<Map<_, _>>()
        .into()
}

fn shared(style: Style, names: &[&str]) -> Vec<Value> {
    names
        .iter()
        .map(|name| style.link("parameters", name))
        .collect()
}

fn id_filter(style: Style) -> Value {
    query_parameter("id", json!({"type": "string"}), false, style)
}

fn query_parameter(name: &str, schema: Value, in_key: bool, style: Style) -> Value {
    let mut parameter = json!({"name": name, "in": "query"});
    put_type(&mut parameter, schema, style);
    if in_key {
        parameter["x-Ed-Fi-isIdentity"] = json!(true);
    }
    parameter
}

/// Swagger 2 writes the type into the parameter, `OpenAPI` 3 into its schema.
fn put_type(parameter: &mut Value, schema: Value, style: Style) {
    match (style, parameter.as_object_mut(), schema) {
        (Style::Swagger2, Some(parameter), Value::Object(schema)) => parameter.extend(schema),
        (_, Some(parameter), schema) => drop(parameter.insert("schema".to_owned(), schema)),
        _ => {}
    }
}

/// Parameters that paths name by reference.
pub(super) fn shared_parameters(style: Style) -> Value {
    let int32 = || json!({"type": "integer", "format": "int32"});
    let int64 = || json!({"type": "integer", "format": "int64"});
    let text = || json!({"type": "string"});
    let limit = json!({"type": "integer", "format": "int32", "minimum": 0, "maximum": 500});
    let entries = [
        ("offset", "offset", "query", int32()),
        ("limit", "limit", "query", limit),
        ("MinChangeVersion", "minChangeVersion", "query", int64()),
        ("MaxChangeVersion", "maxChangeVersion", "query", int64()),
        (
            "totalCount",
            "totalCount",
            "query",
            json!({"type": "boolean"}),
        ),
        ("id", "id", "path", text()),
        ("IfMatch", "If-Match", "header", text()),
        ("IfNoneMatch", "If-None-Match", "header", text()),
    ];
    let parameter = |(shared_name, name, place, schema): (&str, &str, &str, Value)| {
        let mut parameter = json!({"name": name, "in": place, "required": place == "path"});
        put_type(&mut parameter, schema, style);
        (shared_name.to_owned(), parameter)
    };
    entries
        .into_iter()
        .map(parameter)
        .collect::<Map<_, _>>()
        .into()
}

/// Responses that paths name by reference.
pub(super) fn shared_responses() -> Value {
    let entries = [
        ("Created", "The item was created."),
        ("Updated", "The item was updated."),
        ("Deleted", "The item was deleted."),
        ("NotModified", "The item is as the caller has it."),
        ("BadRequest", "The request is not valid."),
        ("Unauthorized", "The token is missing or no longer valid."),
        ("Forbidden", "The caller may not do this."),
        ("NotFound", "There is no such item."),
        ("Conflict", "The change contradicts other items."),
        ("Error", "The server failed."),
    ];
    let response = |(name, text): (&str, &str)| (name.to_owned(), json!({"description": text}));
    entries
        .into_iter()
        .map(response)
        .collect::<Map<_, _>>()
        .into()
}
