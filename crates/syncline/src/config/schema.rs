//! The JSON Schema of a configuration, for editors: made of the tables that its readers go by.
//!
//! It is of draft 7, which editors know best. It refuses unknown keys and values of the wrong kind.
//! What only reading can tell (a variable that is not set, names that do not fit each other) it
//! does not say.

use serde_json::{Map, Value, json};

use super::keys::ROOT;
use super::shape::{Body, Kind, Shape, Variant, When};
use crate::publish::JOBS;

/// What a text with a variable in it looks like.
const VARIABLE: &str = r"\$\{";
/// All spellings of yes and no.
const SPELLINGS: [&str; 12] = [
    "true", "yes", "on", "y", "t", "1", "false", "no", "off", "n", "f", "0",
];

/// The schema of a `syncline.yaml`.
pub fn config_schema() -> Value {
    whole("Configuration of Syncline", &ROOT)
}

/// The schema of a jobs file for `publish`.
pub fn jobs_schema() -> Value {
    whole("Jobs of `syncline publish`", &JOBS)
}

fn whole(title: &str, root: &Shape) -> Value {
    let mut schema = shape(root);
    if let Some(members) = schema.as_object_mut() {
        let head = [
            ("$schema", json!("http://json-schema.org/draft-07/schema#")),
            ("title", json!(title)),
            ("definitions", definitions()),
        ];
        members.extend(head.map(|(name, value)| (name.to_owned(), value)));
    }
    schema
}

/// What is needed again and again.
fn definitions() -> Value {
    let is_variable = json!({"type": "string", "pattern": VARIABLE});
    let spelt: Vec<String> = SPELLINGS.iter().map(|word| in_any_case(word)).collect();
    let spelt = format!(r"^\s*({})\s*$", spelt.join("|"));
    json!({
        "text": {"type": ["string", "number", "boolean"]},
        "list": {"anyOf": [
            {"$ref": "#/definitions/text"},
            {"type": "array", "items": {"$ref": "#/definitions/text"}},
            {"type": "null"},
        ]},
        "variable": is_variable,
        "switch": {"anyOf": [
            {"type": "boolean"}, {"enum": [0, 1]}, {"type": "null"},
            {"type": "string", "pattern": spelt}, {"$ref": "#/definitions/variable"},
        ]},
        "url": {"anyOf": [
            {"type": "string", "pattern": r"^\s*([hH][tT][tT][pP][sS]?://.+)?$"}, {"type": "null"},
            {"$ref": "#/definitions/variable"},
        ]},
    })
}

/// A pattern for a word in capitals or not.
fn in_any_case(word: &str) -> String {
    word.chars()
        .flat_map(|letter| ['[', letter, letter.to_ascii_uppercase(), ']'])
        .collect()
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/definitions/{name}")})
}

fn shape(shape: &Shape) -> Value {
    let mut members = Map::new();
    members.insert("type".to_owned(), json!(["object", "null"]));
    if !shape.required.is_empty() {
        members.insert("type".to_owned(), json!("object"));
        members.insert("required".to_owned(), json!(shape.required));
    }
    let properties: Map<String, Value> = shape
        .keys
        .iter()
        .map(|key| {
            let mut value = kind(&key.kind, shape.required.contains(&key.name));
            if let Some(members) = value.as_object_mut() {
                members.insert("description".to_owned(), json!(key.about));
            }
            (key.name.to_owned(), value)
        })
        .collect();
    members.insert("properties".to_owned(), Value::Object(properties));
    let further = if shape.is_open {
        one_value()
    } else {
        Value::Bool(false)
    };
    members.insert("additionalProperties".to_owned(), further);
    Value::Object(members)
}

/// One value, or nothing.
fn one_value() -> Value {
    json!({"anyOf": [reference("text"), {"type": "null"}]})
}

/// What may stand under a key. A key without a value is as good as none, unless it has to be there.
fn kind(of: &Kind, is_required: bool) -> Value {
    match of {
        // References have no room for a description of their own in this draft.
        Kind::Text if is_required => json!({"allOf": [reference("text")]}),
        Kind::Text => one_value(),
        Kind::Words(words) => json!({"anyOf": [
            {"enum": words()}, reference("variable"), {"type": "null"},
        ]}),
        Kind::Switch => json!({"allOf": [reference("switch")]}),
        Kind::Whole(least, most) => {
            let mut number = json!({"type": "integer", "minimum": least});
            if *most < u64::MAX {
                number["maximum"] = json!(most);
            }
            written(&number, r"^\s*\+?[0-9]+\s*$")
        }
        Kind::Number(least, most) => {
            let number = json!({"type": "number", "minimum": least, "maximum": most});
            written(&number, NUMBER)
        }
        Kind::Seconds => {
            let number = json!({"type": "number", "exclusiveMinimum": 0, "maximum": 86_400});
            written(&number, NUMBER)
        }
        Kind::Url => json!({"allOf": [reference("url")]}),
        Kind::List => json!({"allOf": [reference("list")]}),
        Kind::Each(each) => json!({
            "type": ["object", "null"], "additionalProperties": kind(each, false),
        }),
        Kind::Section(of) => body(of),
        Kind::Either(kinds) => {
            let kinds = kinds.iter().map(|one| kind(one, is_required));
            json!({"anyOf": kinds.collect::<Vec<_>>()})
        }
        Kind::Sections(of) => json!({
            "type": ["object", "null"], "additionalProperties": body(of),
        }),
    }
}

/// How numbers are written as texts.
const NUMBER: &str = r"^\s*[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?\s*$";

/// A number, or a text that is one once variables are filled in.
fn written(number: &Value, pattern: &str) -> Value {
    json!({"anyOf": [
        number, {"type": "string", "pattern": pattern}, reference("variable"), {"type": "null"},
    ]})
}

fn body(of: &Body) -> Value {
    match of {
        Body::One(one) => shape(one),
        Body::Variants(variants) => chosen(variants, &unknown(variants)),
    }
}

/// The first form that fits.
fn chosen(variants: &[Variant], otherwise: &Value) -> Value {
    let Some((first, rest)) = variants.split_first() else {
        return otherwise.clone();
    };
    let (key, is_so) = match first.when {
        When::Otherwise => return shape(first.shape),
        When::Says(key) => (key, json!({"not": {"enum": [null, ""]}})),
        When::Word(key, word) => (key, json!({"const": word})),
    };
    json!({
        "type": "object",
        "if": {"required": [key], "properties": {key: is_so}},
        "then": shape(first.shape),
        "else": chosen(rest, otherwise),
    })
}

/// What is refused where no form fits: a word that stands for none, unless variables may make it
/// one.
fn unknown(variants: &[Variant]) -> Value {
    let words: Vec<(&str, &str)> = variants
        .iter()
        .filter_map(|variant| match variant.when {
            When::Word(key, word) => Some((key, word)),
            When::Says(_) | When::Otherwise => None,
        })
        .collect();
    let Some((key, _)) = words.first() else {
        return json!({"type": "object"});
    };
    let words: Vec<&str> = words.iter().map(|(_, word)| *word).collect();
    json!({
        "type": "object", "required": [key],
        "properties": {*key: {"anyOf": [{"enum": words}, reference("variable")]}},
    })
}
