//! The same verdict as an independent validator of JSON Schema.
//!
//! The oracle reads the same documents, put into JSON Schema. Where servers differ from JSON
//! Schema the documents are changed first, and each change is one documented difference:
//!
//! * a member that is not required, or is marked nullable, may be null;
//! * members that the server owns are no part of the schema, and `id` may not be there;
//! * text of a required member is not empty, and a required list has an item;
//! * whole numbers have the range of their format;
//! * descriptor values have the form of one, and times that of a time;
//! * a date and time needs no offset, and the day alone will do.
//!
//! What servers convert (`"5"` for a whole number) and repeated items are left out by the
//! generator; both have tests of their own.

use std::sync::{LazyLock, OnceLock};

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Map, Value, json};
use syncline_check::Schemas;
use syncline_sandbox::schema::render::Style;

use crate::support::{checker, documents, thing_document};

/// A document as the oracle reads it.
struct Oracle {
    document: Value,
    schemas: Schemas,
    /// Collections and the schemas of their records.
    collections: Vec<(String, String)>,
    /// Validators of the collections, made when they are first needed.
    validators: Vec<OnceLock<jsonschema::Validator>>,
}

static MODEL: LazyLock<Oracle> = LazyLock::new(|| {
    let [resources, descriptors] = documents(Style::OpenApi3);
    Oracle::new(resources, &[descriptors])
});

static THINGS: LazyLock<Oracle> = LazyLock::new(|| Oracle::new(thing_document(), &[]));

impl Oracle {
    fn new(document: Value, others: &[Value]) -> Self {
        let mut all = vec![document.clone()];
        all.extend_from_slice(others);
        let collections: Vec<(String, String)> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .filter(|(path, _)| path.split('/').count() == 3)
            .filter_map(|(path, methods)| {
                let schema = "/post/requestBody/content/application~1json/schema/$ref";
                let schema = methods.pointer(schema)?.as_str()?.rsplit('/').next()?;
                Some((path.trim_start_matches('/').to_owned(), schema.to_owned()))
            })
            .collect();
        let mut document = document;
        let schemas = document["components"]["schemas"].as_object_mut().unwrap();
        for (name, schema) in schemas {
            adapt(name, schema);
            if collections.iter().any(|(_, record)| record == name) {
                schema["not"] = json!({"required": ["id"]});
            }
        }
        Self {
            document,
            schemas: Schemas::read(&all).unwrap(),
            validators: collections.iter().map(|_| OnceLock::new()).collect(),
            collections,
        }
    }

    fn schema(&self, name: &str) -> &Value {
        &self.document["components"]["schemas"][name]
    }

    /// Follows a `$ref`.
    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(pointer) => self
                .document
                .pointer(pointer.trim_start_matches('#'))
                .unwrap(),
            None => schema,
        }
    }

    fn validator(&self, schema: &str) -> jsonschema::Validator {
        let mut root = self.document.clone();
        root["$ref"] = json!(format!("#/components/schemas/{schema}"));
        jsonschema::options()
            .with_draft(jsonschema::Draft::Draft4)
            .should_validate_formats(true)
            .with_format("clock", |text: &str| is_clock(text))
            .with_format("moment", |text: &str| is_moment(text))
            .build(&root)
            .unwrap()
    }
}

/// A time by the calendar crate, which also takes the time out of a date and time.
fn is_clock(text: &str) -> bool {
    !text.contains('T') && text.parse::<jiff::civil::Time>().is_ok()
}

fn is_moment(text: &str) -> bool {
    let local = text.parse::<jiff::civil::DateTime>().is_ok();
    local || text.parse::<jiff::Timestamp>().is_ok()
}

fn adapt(name: &str, schema: &mut Value) {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let is_descriptor = name.ends_with("Descriptor");
    let Some(members) = schema.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    for owned in ["id", "_etag", "_lastModifiedDate", "link"] {
        members.remove(owned);
    }
    for (member, property) in members.iter_mut() {
        let is_required = required.iter().any(|each| each == member);
        adapt_member(member, property, is_required);
        if is_descriptor && member == "codeValue" {
            property["pattern"] = json!("^[^#]*$");
        }
        if is_descriptor && member == "namespace" {
            property["pattern"] = json!("^uri://[a-z.-]+/[A-Za-z0-9]+Descriptor$");
        }
        if !is_required || property["x-nullable"] == true {
            *property = json!({"anyOf": [{"type": "null"}, property.take()]});
        }
    }
}

fn adapt_member(member: &str, property: &mut Value, is_required: bool) {
    let integer = property["type"] == "integer";
    let (least, most) = match property["format"].as_str() {
        Some("int32") => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => (i64::MIN, i64::MAX),
    };
    if integer {
        let bound = |name: &str, other: i64| property[name].as_i64().unwrap_or(other);
        let (least, most) = (bound("minimum", least), bound("maximum", most));
        property["minimum"] = json!(least);
        property["maximum"] = json!(most);
    }
    if property["type"] == "string" {
        let least = property["minLength"].as_u64().unwrap_or(0);
        property["minLength"] = json!(least.max(u64::from(is_required)));
        if member.ends_with("Descriptor") {
            property["pattern"] =
                json!("^uri://[A-Za-z0-9$_.+!*'(),-]+/[A-Za-z0-9]+Descriptor#[^#]+$");
        } else if member.ends_with("Time") && property.get("maxLength").is_none() {
            property["format"] = json!("clock");
        } else if property["format"] == "date-time" {
            property["format"] = json!("moment");
        }
    }
    if property["type"] == "array" && is_required {
        property["minItems"] = json!(1);
    }
}

/// The schema of a member as it was before null was allowed.
fn bare(property: &Value) -> &Value {
    property["anyOf"].get(1).unwrap_or(property)
}

/// A source of choices, used up one by one.
struct Choices<'a> {
    indexes: &'a [Index],
    used: usize,
}

impl Choices<'_> {
    fn below(&mut self, count: usize) -> usize {
        let index = self.indexes[self.used % self.indexes.len()];
        self.used += 1;
        index.index(count)
    }

    fn pick<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())].clone()
    }
}

/// A payload that fits a schema, with some optional members.
fn fitting(oracle: &Oracle, schema: &Value, name: &str, choices: &mut Choices<'_>) -> Value {
    let schema = oracle.resolved(bare(schema));
    match schema["type"].as_str() {
        Some("object") => {
            let mut object = Map::new();
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            for (member, property) in schema["properties"].as_object().into_iter().flatten() {
                let is_required = required.iter().any(|each| each == member);
                if is_required || choices.below(3) == 0 {
                    let value = fitting(oracle, property, member, choices);
                    object.insert(member.clone(), value);
                }
            }
            object.into()
        }
        // One item, so that none can repeat another.
        Some("array") => json!([fitting(oracle, &schema["items"], name, choices)]),
        Some("integer") => {
            let bound = |name: &str| schema[name].as_i64().unwrap();
            choices.pick(&[json!(bound("minimum")), json!(bound("maximum"))])
        }
        Some("number") => {
            let bound = |name: &str| schema.get(name).cloned();
            let least = bound("minimum").unwrap_or(json!(-1.5e10));
            let most = bound("maximum").unwrap_or(json!(2.25));
            choices.pick(&[least, most])
        }
        Some("boolean") => choices.pick(&[json!(true), json!(false)]),
        Some("string") => fitting_text(schema, name, choices),
        _ => json!({"anything": [1, null]}),
    }
}

fn fitting_text(schema: &Value, name: &str, choices: &mut Choices<'_>) -> Value {
    if let Some(listed) = schema["enum"].as_array() {
        return choices.pick(listed);
    }
    match schema["format"].as_str() {
        Some("date") => return choices.pick(&[json!("2024-02-29"), json!("1999-12-31")]),
        Some("clock") => return choices.pick(&[json!("08:30:00"), json!("23:59:59.5")]),
        Some("moment") => {
            return choices.pick(&[json!("2024-02-29T08:30:00Z"), json!("2024-02-29T08:30:00")]);
        }
        _ => {}
    }
    if name.ends_with("Descriptor") {
        return json!(descriptor_of(name));
    }
    if name == "namespace" && schema["pattern"].is_string() {
        return json!("uri://ed-fi.org/GradeLevelDescriptor");
    }
    let least = schema["minLength"].as_u64().unwrap_or(0).max(1);
    let most = schema["maxLength"].as_u64().unwrap_or(12);
    let length = usize::try_from(choices.pick(&[least, most])).unwrap();
    json!(choices.pick(&["a", "ä", "😀", "\""]).repeat(length))
}

/// A value whose name the member's own name ends with, whichever type the member has.
fn descriptor_of(member: &str) -> String {
    let (initial, rest) = member.split_at(1);
    format!("uri://x.org/{}{rest}#code", initial.to_uppercase())
}

/// Places in a payload and the schemas that stand for them.
fn places(oracle: &Oracle, schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    found.push(path.to_owned());
    let schema = oracle.resolved(bare(schema));
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let property = &schema["properties"][name];
                places(oracle, property, value, &format!("{path}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let path = format!("{path}/{index}");
                places(oracle, &schema["items"], item, &path, found);
            }
        }
        _ => {}
    }
}

/// Values to put where others were: none that a server would convert into another type.
fn strange(choices: &mut Choices<'_>, old: &Value) -> Value {
    let long = "x".repeat(400);
    let list = [
        json!(null),
        json!({}),
        json!([]),
        json!([[1]]),
        json!("no such thing"),
        json!(""),
        json!(long),
        json!("2023-02-30"),
        json!("2023-02-28"),
        json!("2023-02-28T10:00:00+01:00"),
        json!("10:30"),
        json!("99:99"),
        json!("uri://ed-fi.org/SexDescriptor#a#b"),
        json!("uri://ed-fi.org/#a"),
        json!("uri://ed-fi.org/GradeLevel#a"),
        json!("http://ed-fi.org/GradeLevelDescriptor#a"),
        json!("x#y"),
        json!(-7),
        json!(3_000_000_000_i64),
        json!(9_223_372_036_854_775_808_u64),
        json!(1.5),
        json!(-1e300),
        json!({"id": 1}),
    ];
    // Booleans may be written 0 and 1, so no number stands in for one but those that do not.
    let number = old.as_i64().map(|number| json!(number.wrapping_add(1)));
    let doubled = old.as_str().map(|text| json!(format!("{text}{text}")));
    let mut list = list.to_vec();
    list.extend(number);
    list.extend(doubled);
    choices.pick(&list)
}

/// Breaks a payload in one place, or leaves it whole.
fn break_one(oracle: &Oracle, schema: &Value, payload: &mut Value, choices: &mut Choices<'_>) {
    let mut found = Vec::new();
    places(oracle, schema, payload, "", &mut found);
    found.remove(0);
    if found.is_empty() || choices.below(8) == 0 {
        return;
    }
    let path = choices.pick(&found);
    if choices.below(3) == 0 {
        let (parent, name) = path.rsplit_once('/').unwrap();
        match payload.pointer_mut(parent).unwrap() {
            Value::Object(members) => drop(members.remove(name)),
            Value::Array(items) => items.clear(),
            _ => {}
        }
        return;
    }
    let place = payload.pointer_mut(&path).unwrap();
    *place = strange(choices, place);
}

fn compare(oracle: &Oracle, which: Index, indexes: &[Index]) -> Result<bool, TestCaseError> {
    let which = which.index(oracle.collections.len());
    let (collection, schema) = &oracle.collections[which];
    let validator = oracle.validators[which].get_or_init(|| oracle.validator(schema));
    let mut choices = Choices { indexes, used: 0 };
    let root = oracle.schema(schema);
    let mut payload = fitting(oracle, root, "", &mut choices);
    for _ in 0..choices.below(3) {
        break_one(oracle, root, &mut payload, &mut choices);
    }
    let checker = checker(&oracle.schemas, collection);
    let text = payload.to_string();
    let found = checker.accepts(text.as_bytes(), &mut ());
    let expected = validator.is_valid(&payload);
    let problems = checker.problems(text.as_bytes());
    prop_assert_eq!(found, expected, "{} {}\n{:?}", collection, text, problems);
    Ok(found)
}

/// Generates payloads and returns how many were accepted and how many refused.
fn run(oracle: &Oracle, cases: u32) -> (usize, usize) {
    use proptest::test_runner::{Config, TestError, TestRunner};
    let counts = std::cell::Cell::new((0, 0));
    let indexes = prop::collection::vec(any::<Index>(), 64..256);
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    });
    let result = runner.run(&(any::<Index>(), indexes), |(which, indexes)| {
        let (good, bad) = counts.get();
        let accepted = compare(oracle, which, &indexes)?;
        counts.set(if accepted {
            (good + 1, bad)
        } else {
            (good, bad + 1)
        });
        Ok(())
    });
    if let Err(TestError::Fail(reason, _)) = result {
        panic!("{reason}");
    }
    assert!(result.is_ok(), "too few payloads were made");
    counts.get()
}

#[test]
fn verdicts_on_the_built_in_model_are_those_of_the_oracle() {
    let (good, bad) = run(&MODEL, 1500);
    assert!(good > 300 && bad > 300, "{good} accepted, {bad} refused");
}

#[test]
fn verdicts_on_a_schema_of_everything_are_those_of_the_oracle() {
    let (good, bad) = run(&THINGS, 6000);
    assert!(good > 1000 && bad > 1000, "{good} accepted, {bad} refused");
}
