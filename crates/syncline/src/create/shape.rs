//! What payloads look like, out of the documents of an API, as far as templates need it.
//!
//! Members that the server owns are left out. Knows documents, not templates.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use syncline_model::CollectionName;

/// Deepest nesting that is followed; documents may contain themselves.
const DEPTH_MAX: usize = 8;
/// Members that the server owns.
const OWNED: [&str; 4] = ["id", "_etag", "_lastModifiedDate", "link"];
const DESCRIPTOR: &str = "Descriptor";

/// What a value looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Text; what is said of it, for example `date`.
    Text(String),
    /// A value of this descriptor type, for example `GradeLevelDescriptor`.
    Descriptor(String),
    /// A number; what is said of it.
    Number(&'static str),
    /// `true` or `false`.
    Switch,
    /// Members by name.
    Object(Vec<Member>),
    /// Any number of values.
    List(Box<Self>),
    /// The documents do not say.
    Anything,
}

/// A member of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) required: bool,
    pub(super) shape: Shape,
}

/// The payloads of every collection of some documents.
pub(super) struct Shapes<'json> {
    documents: Vec<Document<'json>>,
    /// Capitalised names of all descriptor types.
    descriptors: BTreeSet<String>,
    /// Document and schema of each collection.
    places: BTreeMap<&'json str, (usize, &'json str)>,
}

struct Document<'json> {
    whole: &'json Value,
}

impl<'json> Shapes<'json> {
    pub(super) fn new(documents: &'json [Value]) -> Self {
        let documents: Vec<Document<'json>> =
            documents.iter().map(|whole| Document { whole }).collect();
        let mut places = BTreeMap::new();
        for (number, document) in documents.iter().enumerate() {
            let taking = document.taking_records();
            places.extend(taking.map(|(path, schema)| (path, (number, schema))));
        }
        let schemas = places.values().map(|(_, schema)| stem(schema));
        let descriptors = schemas
            .filter(|name| name.ends_with(DESCRIPTOR))
            .map(capitalised)
            .collect();
        Self {
            documents,
            descriptors,
            places,
        }
    }

    /// All collections of the documents.
    #[cfg(test)]
    pub(super) fn names(&self) -> Vec<CollectionName> {
        let paths = self.places.keys();
        paths.map(|path| CollectionName::new(*path)).collect()
    }

    /// The members of a collection's payloads; none if the documents do not have it.
    pub(super) fn payload(&self, name: &CollectionName) -> Option<Vec<Member>> {
        let (document, schema) = self.places.get(name.as_str())?;
        let document = self.documents.get(*document)?;
        match self.shape(document, document.schema(schema)?, ("", 0)) {
            Shape::Object(members) => Some(members),
            _ => None,
        }
    }

    fn shape(
        &self,
        document: &Document<'json>,
        schema: &'json Value,
        (name, depth): (&str, usize),
    ) -> Shape {
        if depth > DEPTH_MAX {
            return Shape::Anything;
        }
        let schema = target(schema)
            .and_then(|name| document.schema(name))
            .unwrap_or(schema);
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            let required = names(schema.get("required"));
            let members = properties.iter();
            let members = members.filter(|(name, _)| !OWNED.contains(&name.as_str()));
            let members = members.map(|(name, property)| Member {
                name: name.clone(),
                required: required.contains(name.as_str()),
                shape: self.shape(document, property, (name, depth + 1)),
            });
            return Shape::Object(members.collect());
        }
        match kind(schema) {
            Some("array") => {
                let items = schema.get("items").unwrap_or(&Value::Null);
                Shape::List(Box::new(self.shape(document, items, (name, depth + 1))))
            }
            Some("string") => match self.descriptor(name) {
                Some(descriptor) => Shape::Descriptor(descriptor),
                None => Shape::Text(said_of_text(schema)),
            },
            Some("integer") => Shape::Number("whole number"),
            Some("number") => Shape::Number("number"),
            Some("boolean") => Shape::Switch,
            _ => Shape::Anything,
        }
    }

    /// The descriptor type of a member: the longest type that its name ends with at the
    /// beginning of a word, so that `entryGradeLevelDescriptor` is a `GradeLevelDescriptor`.
    fn descriptor(&self, name: &str) -> Option<String> {
        let whole = capitalised(name);
        whole.ends_with(DESCRIPTOR).then_some(())?;
        let mut fitting = whole.char_indices().filter_map(|(start, letter)| {
            let end = whole.get(start..).filter(|_| letter.is_ascii_uppercase())?;
            self.descriptors.get(end)
        });
        let longest = fitting.next().cloned();
        Some(longest.unwrap_or(whole))
    }
}

impl<'json> Document<'json> {
    fn schema(&self, name: &str) -> Option<&'json Value> {
        let schemas = self
            .whole
            .pointer("/components/schemas")
            .or_else(|| self.whole.get("definitions"))?;
        schemas.get(name)
    }

    /// Paths that records are posted to, with the names of the schemas of these records.
    fn taking_records(&self) -> impl Iterator<Item = (&'json str, &'json str)> {
        let paths = self.whole.get("paths").and_then(Value::as_object);
        paths.into_iter().flatten().filter_map(|(path, methods)| {
            let body = body(methods.get("post")?)?;
            Some((path.trim_start_matches('/'), target(body)?))
        })
    }
}

/// The schema of what a POST takes, in either version of the format.
fn body(post: &Value) -> Option<&Value> {
    if let Some(content) = post.pointer("/requestBody/content") {
        let mut media = content.as_object()?.iter();
        let (_, json) = media.find(|(name, _)| name.contains("json"))?;
        return json.get("schema");
    }
    let mut parameters = post.get("parameters")?.as_array()?.iter();
    let in_body = |parameter: &&Value| parameter.get("in").is_some_and(|place| place == "body");
    parameters.find(in_body)?.get("schema")
}

/// The name a `$ref` ends with, also of one that is wrapped so that more can be said of it.
fn target(schema: &Value) -> Option<&str> {
    let wrapped = schema.get("allOf").and_then(|all| all.get(0));
    let reference = wrapped.unwrap_or(schema).get("$ref")?;
    reference.as_str()?.rsplit('/').next()
}

/// The type, also where null is allowed beside it.
fn kind(schema: &Value) -> Option<&str> {
    match schema.get("type")? {
        Value::Array(kinds) => {
            let mut kinds = kinds.iter().filter_map(Value::as_str);
            kinds.find(|kind| *kind != "null")
        }
        kind => kind.as_str(),
    }
}

fn names(list: Option<&Value>) -> BTreeSet<&str> {
    let list = list.and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

fn said_of_text(schema: &Value) -> String {
    let format = schema.get("format").and_then(Value::as_str);
    let longest = schema.get("maxLength").and_then(Value::as_u64);
    match (format, longest) {
        (Some("date"), _) => "date, as 2026-08-31".to_owned(),
        (Some("date-time"), _) => "date and time, as 2026-08-31T07:30:00Z".to_owned(),
        (_, Some(longest)) => format!("text, at most {longest} characters"),
        _ => "text".to_owned(),
    }
}

/// `student` of `edFi_student`.
fn stem(schema: &str) -> &str {
    schema.split_once('_').map_or(schema, |(_, stem)| stem)
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
