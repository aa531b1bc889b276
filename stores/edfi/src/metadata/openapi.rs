//! Collections, keys and references out of published documents, Swagger 2.0 or `OpenAPI` 3.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use syncline_model::{Collection, CollectionName, FieldPath, KeyField, Reference};

use super::flatten::ReferenceName;
use super::payload_rules;

/// Deepest nesting of embedded objects that is followed.
const DEPTH_MAX: usize = 6;

/// The documents of resources and descriptors in a list of documents.
pub(super) fn listed(list: &Value) -> impl Iterator<Item = &str> {
    let entries = list.as_array().map_or(&[][..], Vec::as_slice);
    entries.iter().filter_map(|entry| {
        let name = entry.get("name")?.as_str()?;
        let wanted =
            name.eq_ignore_ascii_case("resources") || name.eq_ignore_ascii_case("descriptors");
        wanted.then(|| entry.get("endpointUri")?.as_str()).flatten()
    })
}

/// Adds the collections of a document.
pub(super) fn read(document: &Value, collections: &mut BTreeMap<CollectionName, Collection>) {
    let Some(paths) = document.get("paths").and_then(Value::as_object) else {
        return;
    };
    let document = Document::new(document);
    let found: Vec<Endpoint<'_>> = paths
        .iter()
        .filter_map(|(path, methods)| document.endpoint(path, methods))
        .collect();
    let by_schema: BTreeMap<&str, &CollectionName> = found
        .iter()
        .map(|endpoint| (endpoint.schema_name, &endpoint.name))
        .collect();
    for endpoint in &found {
        let collection = Collection {
            name: endpoint.name.clone(),
            key: document.key(endpoint),
            fields: vec![],
            references: document.references(endpoint, &by_schema),
            rules: payload_rules(&endpoint.name),
        };
        collections.insert(endpoint.name.clone(), collection);
    }
}

/// Adds the collections whose keys can change, as the PUT of a single record says.
pub(super) fn updatable(document: &Value, found: &mut BTreeSet<CollectionName>) {
    let paths = document.get("paths").and_then(Value::as_object);
    for (path, methods) in paths.into_iter().flatten() {
        let said = methods.pointer("/put/x-Ed-Fi-isUpdatable");
        let name = path.trim_start_matches('/').strip_suffix("/{id}");
        if let (Some(Value::Bool(true)), Some(name)) = (said, name) {
            found.insert(CollectionName::new(name));
        }
    }
}

pub(super) struct Document<'json> {
    whole: &'json Value,
    schemas: Option<&'json Map<String, Value>>,
}

/// A path that records can be posted to.
pub(super) struct Endpoint<'json> {
    pub(super) name: CollectionName,
    pub(super) schema_name: &'json str,
    pub(super) schema: &'json Value,
    /// Names of the query parameters that make up the flattened key, in order.
    key_names: Vec<&'json str>,
    /// Names of all query parameters.
    query_names: BTreeSet<&'json str>,
}

/// A reference member of a schema.
struct ReferenceMember<'json> {
    name: &'json str,
    /// Schema of the target, for example `edFi_school`.
    target_schema: &'json str,
    members: Vec<&'json str>,
}

impl<'json> Document<'json> {
    pub(super) fn new(whole: &'json Value) -> Self {
        let schemas = whole
            .pointer("/components/schemas")
            .or_else(|| whole.get("definitions"))
            .and_then(Value::as_object);
        Self { whole, schemas }
    }

    pub(super) fn endpoint(&self, path: &str, methods: &'json Value) -> Option<Endpoint<'json>> {
        let name = path.trim_start_matches('/');
        if name.split('/').count() != 2 || name.contains('{') {
            return None;
        }
        let schema_name = body_schema(methods.get("post")?)?;
        let parameters = methods.pointer("/get/parameters").and_then(Value::as_array);
        let parameters: Vec<&'json Value> = parameters
            .into_iter()
            .flatten()
            .map(|parameter| self.resolved(parameter))
            .collect();
        let name_of = |parameter: &&'json Value| parameter.get("name").and_then(Value::as_str);
        let key_names = parameters
            .iter()
            .filter(|parameter| is_identity(parameter))
            .filter_map(name_of)
            .collect();
        let query_names = parameters.iter().filter_map(name_of).collect();
        let schema = self.schemas?.get(schema_name)?;
        Some(Endpoint {
            name: CollectionName::new(name),
            schema_name,
            schema,
            key_names,
            query_names,
        })
    }

    /// A schema by name.
    pub(super) fn schema(&self, name: &str) -> Option<&'json Value> {
        self.schemas?.get(name)
    }

    /// Follows a `$ref` to a shared parameter.
    fn resolved(&self, parameter: &'json Value) -> &'json Value {
        let target = parameter
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|pointer| self.whole.pointer(pointer.strip_prefix('#')?));
        target.unwrap_or(parameter)
    }

    /// The fields of the key and where their values are. A key of which a field cannot be found
    /// in the payload is not known at all.
    fn key(&self, endpoint: &Endpoint<'json>) -> Vec<KeyField> {
        if endpoint.name.short().ends_with("Descriptors") {
            return ["namespace", "codeValue"].map(own_field).into();
        }
        let places = self.key_places(endpoint);
        let fields: Option<Vec<KeyField>> = endpoint
            .key_names
            .iter()
            .map(|name| {
                let path = places.get(name)?.clone();
                Some(KeyField {
                    name: (*name).to_owned(),
                    path,
                })
            })
            .collect();
        fields.unwrap_or_default()
    }

    /// Where the values of key fields are: own members first, then those required references
    /// whose members all belong to the key.
    fn key_places(&self, endpoint: &Endpoint<'json>) -> BTreeMap<&'json str, FieldPath> {
        let wanted: BTreeSet<&'json str> = endpoint.key_names.iter().copied().collect();
        let mut places = BTreeMap::new();
        for (member, _) in properties(endpoint.schema) {
            if let Some(name) = wanted.get(member) {
                places.insert(*name, vec![member.to_owned()]);
            }
        }
        let required = required(endpoint.schema);
        let references: Vec<ReferenceMember<'json>> = self
            .reference_members(endpoint.schema)
            .into_iter()
            .filter(|reference| required.contains(reference.name))
            .collect();
        // A name that the endpoint knows may belong to another reference, so what is still
        // without a place then is looked for among the names of the key alone.
        for names in [&endpoint.query_names, &wanted] {
            for reference in &references {
                for (name, path) in flattened(reference, names, &wanted) {
                    places.entry(name).or_insert(path);
                }
            }
            if places.len() == wanted.len() {
                break;
            }
        }
        places
    }

    /// Reference members directly in a schema.
    fn reference_members(&self, schema: &'json Value) -> Vec<ReferenceMember<'json>> {
        properties(schema)
            .filter_map(|(name, property)| {
                let schema_name = schema_reference(property)?;
                let target_schema = schema_name.strip_suffix("Reference")?;
                let target = self.schemas?.get(schema_name)?;
                let members = properties(target)
                    .map(|(member, _)| member)
                    .filter(|member| *member != "link")
                    .collect();
                Some(ReferenceMember {
                    name,
                    target_schema,
                    members,
                })
            })
            .collect()
    }

    /// All references of a payload, those in embedded objects and collections included.
    fn references(
        &self,
        endpoint: &Endpoint<'json>,
        by_schema: &BTreeMap<&str, &CollectionName>,
    ) -> Vec<Reference> {
        let mut found = Vec::new();
        self.collect_references(
            endpoint.schema,
            &mut Vec::new(),
            &mut |path, target_schema| {
                let targets = match by_schema.get(target_schema) {
                    Some(name) => vec![(*name).clone()],
                    None => self.specialisations(target_schema, by_schema),
                };
                found.push(Reference { path, targets });
            },
        );
        found
    }

    /// Collections that specialise an abstract target: their records hold lists of what belongs
    /// to it, such as `edFi_educationOrganizationCategory`. Those of extensions do, too.
    fn specialisations(
        &self,
        target_schema: &str,
        by_schema: &BTreeMap<&str, &CollectionName>,
    ) -> Vec<CollectionName> {
        let belongs = |item: &str| {
            let rest = item.strip_prefix(target_schema);
            rest.is_some_and(|rest| rest.starts_with(|letter: char| letter.is_ascii_uppercase()))
        };
        let specialises = |name: &str| {
            let schema = self.schemas.and_then(|schemas| schemas.get(name));
            let members = schema.into_iter().flat_map(properties);
            let mut items = members.filter_map(|(_, list)| schema_reference(list.get("items")?));
            // What is named after the target may have lists of its own that are.
            items.any(|item| belongs(item) && !item.starts_with(name))
        };
        let mut found: Vec<CollectionName> = by_schema
            .iter()
            .filter(|(name, _)| specialises(name))
            .map(|(_, collection)| (*collection).clone())
            .collect();
        found.sort();
        found
    }

    fn collect_references(
        &self,
        schema: &'json Value,
        path: &mut FieldPath,
        found: &mut impl FnMut(FieldPath, &str),
    ) {
        if path.len() > DEPTH_MAX {
            return;
        }
        for reference in self.reference_members(schema) {
            let mut whole = path.clone();
            whole.push(reference.name.to_owned());
            found(whole, reference.target_schema);
        }
        for (name, property) in properties(schema) {
            let inner = property.get("items").unwrap_or(property);
            let Some(schema_name) = schema_reference(inner) else {
                continue;
            };
            if schema_name.ends_with("Reference") || schema_name == "link" {
                continue;
            }
            if let Some(embedded) = self.schemas.and_then(|schemas| schemas.get(schema_name)) {
                path.push(name.to_owned());
                self.collect_references(embedded, path, found);
                path.pop();
            }
        }
    }
}

/// The key fields that a reference holds, if all its members are key fields: the name each has
/// when it stands alone, out of the names given, and its place.
fn flattened<'json>(
    reference: &ReferenceMember<'json>,
    names: &BTreeSet<&'json str>,
    wanted: &BTreeSet<&'json str>,
) -> Vec<(&'json str, FieldPath)> {
    let fields = reference.members.iter().map(|member| {
        let name = flat_name(reference, member, names).filter(|name| wanted.contains(name))?;
        Some((name, vec![reference.name.to_owned(), (*member).to_owned()]))
    });
    fields.collect::<Option<_>>().unwrap_or_default()
}

/// The name under which a member of a reference stands alone: the most special one of those
/// given that is not another member's own.
fn flat_name<'json>(
    reference: &ReferenceMember<'json>,
    member: &str,
    names: &BTreeSet<&'json str>,
) -> Option<&'json str> {
    let target = singular(reference.target_schema);
    let candidates = ReferenceName::new(reference.name, target).candidates(member);
    candidates
        .iter()
        .filter(|name| *name == member || !reference.members.contains(&name.as_str()))
        .find_map(|name| names.get(name.as_str()).copied())
}

fn own_field(name: &str) -> KeyField {
    KeyField {
        name: name.to_owned(),
        path: vec![name.to_owned()],
    }
}

/// The name of the schema a POST takes.
fn body_schema(post: &Value) -> Option<&str> {
    let body = post.get("requestBody").and_then(|body| {
        let content = body.get("content")?.as_object()?;
        content
            .iter()
            .find_map(|(media, value)| media.contains("json").then(|| value.get("schema"))?)
    });
    let schema = body.or_else(|| {
        let parameters = post.get("parameters")?.as_array()?;
        parameters
            .iter()
            .find(|parameter| parameter.get("in").and_then(Value::as_str) == Some("body"))?
            .get("schema")
    })?;
    schema_reference(schema)
}

/// The name of the schema a `$ref` points to.
pub(super) fn schema_reference(value: &Value) -> Option<&str> {
    value.get("$ref")?.as_str()?.rsplit('/').next()
}

/// `school` of `edFi_school`.
pub(super) fn singular(schema_name: &str) -> &str {
    schema_name
        .split_once('_')
        .map_or(schema_name, |(_, singular)| singular)
}

fn properties(schema: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let members = schema.get("properties").and_then(Value::as_object);
    members
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str(), value))
}

fn required(schema: &Value) -> BTreeSet<&str> {
    let names = schema.get("required").and_then(Value::as_array);
    names
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

fn is_identity(parameter: &Value) -> bool {
    parameter.get("x-Ed-Fi-isIdentity").and_then(Value::as_bool) == Some(true)
}
