//! Templates are rendered with rows made out of real payloads, and have to give these back.

use std::sync::atomic::{AtomicBool, Ordering};

use minijinja::value::{Object, Value as Jinja};
use minijinja::{Environment, Error, State, context};
use serde_json::{Map, json};
use syncline_sandbox::{Sandbox, SandboxConfig, generate, schema};

use super::shape::{Member, Shape};
use super::*;
use crate::ConfigArgs;

/// What Jinja calls `joiner`: nothing the first time, its text from then on.
#[derive(Debug)]
struct Joiner {
    text: String,
    used: AtomicBool,
}

impl Object for Joiner {
    fn call(self: &std::sync::Arc<Self>, _: &State<'_, '_>, _: &[Jinja]) -> Result<Jinja, Error> {
        let again = self.used.swap(true, Ordering::Relaxed);
        Ok(Jinja::from(if again { &self.text } else { "" }))
    }
}

fn rendered(template: &str, row: &Value) -> Value {
    let mut jinja = Environment::empty();
    jinja.add_filter("string", minijinja::filters::string);
    jinja.add_filter("tojson", minijinja::filters::tojson);
    jinja.add_filter("lower", minijinja::filters::lower);
    jinja.add_test("defined", minijinja::tests::is_defined);
    jinja.add_function("joiner", |text: String| {
        let used = AtomicBool::new(false);
        Jinja::from_object(Joiner { text, used })
    });
    // Earthmover takes out the line breaks.
    let flat = template.split_whitespace().collect::<Vec<_>>().join(" ");
    let [one, other] = [template, &flat].map(|template| {
        let text = jinja.render_str(template, context! { ..Jinja::from_serialize(row) });
        let text = text.unwrap_or_else(|error| panic!("{error:#}\n{template}"));
        serde_json::from_str::<Value>(&text)
            .unwrap_or_else(|error| panic!("{error}\n{template}\n{text}"))
    });
    assert_eq!(one, other);
    one
}

/// The row a payload is made from: columns for members of embedded objects, codes for
/// descriptors.
fn row(members: &[Member], payload: &Value) -> Value {
    let mut columns = Map::new();
    add_columns(members, payload, "", &mut columns);
    Value::Object(columns)
}

fn add_columns(
    members: &[Member],
    payload: &Value,
    prefix: &str,
    columns: &mut Map<String, Value>,
) {
    for Member { name, shape, .. } in members {
        let Some(value) = payload.get(name) else {
            continue;
        };
        let column = format!("{prefix}{name}");
        match (shape, value) {
            (Shape::Object(members), _) if name == "_ext" => {
                add_columns(members, value, prefix, columns);
            }
            (Shape::Object(members), _) => {
                add_columns(members, value, &format!("{column}_"), columns);
            }
            (Shape::List(item), Value::Array(values)) => {
                let items = values.iter().map(|value| match &**item {
                    Shape::Object(members) => row(members, value),
                    scalar => cell(scalar, value),
                });
                columns.insert(column, items.collect());
            }
            _ => {
                columns.insert(column, cell(shape, value));
            }
        }
    }
}

fn cell(shape: &Shape, value: &Value) -> Value {
    match (shape, value.as_str()) {
        (Shape::Descriptor(_), Some(text)) => json!(text.rsplit('#').next()),
        _ => value.clone(),
    }
}

/// A payload that has everything its shape knows.
fn filled(shape: &Shape) -> Value {
    match shape {
        Shape::Text(_) => json!("O\"Neil\\ & <Söhne>"),
        Shape::Descriptor(name) => json!(format!("uri://ed-fi.org/{name}#Code \"1\"")),
        Shape::Number("number") => json!(0.5),
        Shape::Number(_) => json!(0),
        Shape::Switch => json!(false),
        Shape::Object(members) => {
            let pairs = members
                .iter()
                .map(|member| (member.name.clone(), filled(&member.shape)));
            Value::Object(pairs.collect())
        }
        Shape::List(item) => json!([filled(item), filled(item)]),
        Shape::Anything => Value::Null,
    }
}

/// A payload that has only what it needs.
fn bare(shape: &Shape) -> Value {
    match shape {
        Shape::Object(members) => {
            let required = members.iter().filter(|member| member.required);
            let pairs = required.map(|member| (member.name.clone(), bare(&member.shape)));
            Value::Object(pairs.collect())
        }
        Shape::List(_) => json!([]),
        scalar => filled(scalar),
    }
}

async fn sandbox() -> (Sandbox, Vec<Value>, Catalog) {
    let config = SandboxConfig::new(schema::embedded().unwrap());
    let sandbox = Sandbox::start(config).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lightbeam.yaml");
    let text = format!(
        "edfi_api:\n  base_url: {}\n  mode:\n  client_id: populated\n  client_secret: s\n",
        sandbox.url()
    );
    std::fs::write(&file, text).unwrap();
    let arguments = ConfigArgs {
        file: Some(file),
        ..ConfigArgs::default()
    };
    let config = Config::load(&arguments).unwrap();
    let api = config.api().unwrap();
    let (_, catalog) = open::api(api).await.unwrap();
    let documents = documents(&api.settings).await.unwrap();
    (sandbox, documents, catalog)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_template_gives_the_payload_back_whole_and_bare() {
    let (_sandbox, documents, catalog) = sandbox().await;
    let shapes = Shapes::new(&documents);
    let names: Vec<CollectionName> = catalog.collections.keys().cloned().collect();
    let (templates, notes) = templates(&names, &catalog, &documents);
    assert_eq!((templates.len(), notes.len()), (names.len(), 0));
    assert!(names.len() > 50, "{}", names.len());
    for (name, (_, template)) in names.iter().zip(&templates) {
        let members = shapes.payload(name).unwrap();
        let shape = Shape::Object(members.clone());
        for payload in [filled(&shape), bare(&shape)] {
            let found = rendered(template, &row(&members, &payload));
            assert_eq!(found, payload, "{name}\n{template}");
        }
    }
}

/// The documents that Ed-Fi publishes, which are not part of this repository.
#[test]
fn templates_of_published_documents_give_payloads_back() {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/edfi/openapi");
    if !folder.is_dir() {
        println!("skipped: no published documents in ../shared");
        return;
    }
    for version in ["3.3", "4.0", "5.0", "6.0"] {
        let documents = ["resources", "descriptors"].map(|kind| {
            let file = folder.join(format!("ds-{version}-{kind}.json"));
            serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
        });
        let shapes = Shapes::new(&documents);
        let names = shapes.names();
        assert!(names.len() > 200, "{version}: {}", names.len());
        for name in names {
            let members = shapes.payload(&name).unwrap();
            let template = template::template(name.as_str(), &[], &members);
            let shape = Shape::Object(members.clone());
            for payload in [filled(&shape), bare(&shape)] {
                let found = rendered(&template, &row(&members, &payload));
                assert_eq!(found, payload, "{version} {name}\n{template}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generated_district_comes_out_of_the_templates_as_it_went_in() {
    let (_sandbox, documents, catalog) = sandbox().await;
    let folder = tempfile::tempdir().unwrap();
    let district = generate::GenerateConfig {
        students: 20,
        seed: 1,
        out: folder.path().to_owned(),
        defects: None,
        school_year: 2026,
    };
    generate::write(&district).unwrap();
    let shapes = Shapes::new(&documents);
    let mut seen = 0;
    for (name, collection) in &catalog.collections {
        let file = folder.path().join(format!("{}.jsonl", name.short()));
        let Ok(lines) = std::fs::read_to_string(file) else {
            continue;
        };
        let members = shapes.payload(name).unwrap();
        let (made, _) = templates(std::slice::from_ref(&collection.name), &catalog, &documents);
        for line in lines.lines() {
            let payload: Value = serde_json::from_str(line).unwrap();
            assert_eq!(
                rendered(&made[0].1, &row(&members, &payload)),
                payload,
                "{name}"
            );
            seen += 1;
        }
    }
    assert!(seen > 200, "{seen}");
}

#[test]
fn descriptors_of_a_role_and_in_lists_have_their_own_types() {
    let documents = [json!({
        "paths": {
            "/ed-fi/gradeLevelDescriptors": {"post": {"parameters": [
                {"in": "body", "schema": {"$ref": "#/definitions/edFi_gradeLevelDescriptor"}}]}},
            "/ed-fi/students": {"post": {"parameters": [
                {"in": "body", "schema": {"$ref": "#/definitions/edFi_student"}}]}},
        },
        "definitions": {
            "edFi_gradeLevelDescriptor": {"properties": {"codeValue": {"type": "string"}}},
            "edFi_student": {"required": ["levels"], "properties": {
                "id": {"type": "string"},
                "_lastModifiedDate": {"type": "string"},
                "score": {"type": "number"},
                "entryGradeLevelDescriptor": {"type": "string"},
                "otherDescriptor": {"type": "string"},
                "levels": {"type": "array", "items": {"$ref": "#/definitions/edFi_level"}},
            }},
            "edFi_level": {"required": ["gradeLevelDescriptor"], "properties": {
                "gradeLevelDescriptor": {"type": "string"}}},
        },
    })];
    let shapes = Shapes::new(&documents);
    let members = shapes
        .payload(&CollectionName::new("ed-fi/students"))
        .unwrap();
    let template = template::template("ed-fi/students", &["studentUniqueId".to_owned()], &members);
    assert!(!template.contains("_lastModifiedDate"), "{template}");
    assert!(
        template.contains("one for each: studentUniqueId."),
        "{template}"
    );
    let row = json!({
        "score": 0, "entryGradeLevelDescriptor": "Tenth", "otherDescriptor": "x",
        "levels": [{"gradeLevelDescriptor": "Ninth"}, {"gradeLevelDescriptor": "Tenth"}],
    });
    assert_eq!(
        rendered(&template, &row),
        json!({
            "score": 0,
            "entryGradeLevelDescriptor": "uri://ed-fi.org/GradeLevelDescriptor#Tenth",
            "otherDescriptor": "uri://ed-fi.org/OtherDescriptor#x",
            "levels": [
                {"gradeLevelDescriptor": "uri://ed-fi.org/GradeLevelDescriptor#Ninth"},
                {"gradeLevelDescriptor": "uri://ed-fi.org/GradeLevelDescriptor#Tenth"},
            ],
        })
    );
    // The namespace is the project's.
    let macros = "{% macro descriptor_namespace() -%}\n  uri://district.org\n{%- endmacro %}\n";
    let found = rendered(&(macros.to_owned() + &template), &row);
    assert_eq!(
        found["entryGradeLevelDescriptor"],
        "uri://district.org/GradeLevelDescriptor#Tenth"
    );
}
