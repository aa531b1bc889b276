//! Published documents and sample data.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use syncline_sandbox::schema::{ApiModel, openapi, render};
use syncline_sandbox::{Sandbox, SandboxConfig};

use crate::fixture::Fixture;

/// The folder of real Ed-Fi inputs, where there is one.
fn inputs() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2)?;
    let folder = root.join("../shared");
    folder.is_dir().then_some(folder)
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The published model with the standard descriptor values.
fn published(inputs: &Path) -> ApiModel {
    let folder = inputs.join("reference/edfi");
    let mut model = openapi::load_standard(&folder.join("openapi"), "5.0").unwrap();
    let values = read(&folder.join("descriptors/ds-5.2.json"));
    for (path, namespaces) in values.as_object().unwrap() {
        let Some(descriptor) = model.descriptors.get_mut(path) else {
            continue;
        };
        for (namespace, codes) in namespaces.as_object().unwrap() {
            let code = |value: &Value| match value {
                Value::Array(pair) => pair[0].as_str().unwrap().to_owned(),
                other => other.as_str().unwrap().to_owned(),
            };
            let uris = codes.as_array().unwrap().iter().map(code);
            descriptor
                .values
                .extend(uris.map(|code| format!("{namespace}#{code}")));
        }
    }
    model
}

/// Paths of the resources in load order, each once.
fn load_order(model: &ApiModel) -> Vec<String> {
    let list = render::dependencies(model);
    let mut entries: Vec<(u64, String)> = list
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| {
            entry["operations"]
                .as_array()
                .unwrap()
                .contains(&"Create".into())
        })
        .map(|entry| {
            (
                entry["order"].as_u64().unwrap(),
                entry["resource"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    entries.sort();
    entries.into_iter().map(|(_, path)| path).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_sample_district_is_accepted_in_load_order() {
    let Some(inputs) = inputs() else {
        eprintln!("skipped: no folder of real Ed-Fi inputs beside the workspace");
        return;
    };
    let model = published(&inputs);
    let order = load_order(&model);
    let fixture = Fixture::with(SandboxConfig::new(model)).await;
    let extra = std::fs::read_to_string(inputs.join("data/grand-bend-ds5-extra-descriptors.jsonl"));
    for line in extra.unwrap().lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        fixture.create(value["resource"].as_str().unwrap(), &value["body"]);
    }
    let (mut accepted, mut refused) = (0, Vec::new());
    for path in order {
        let name = path.rsplit('/').next().unwrap();
        let file = inputs.join(format!("data/grand-bend-ds5-small/{name}.jsonl"));
        let Ok(text) = std::fs::read_to_string(file) else {
            continue;
        };
        for line in text.lines() {
            let headers = [("Content-Type", "application/json")];
            let answer = fixture
                .send("POST", &path, &headers, line.as_bytes())
                .unwrap();
            match answer.status {
                201 => accepted += 1,
                status => refused.push(format!("{path} {status} {}", answer.text())),
            }
        }
    }
    assert!(
        refused.is_empty(),
        "{} refused: {:#?}",
        refused.len(),
        &refused[..refused.len().min(20)]
    );
    assert_eq!(accepted, 691);
    stored_bodies_are_accepted_again(&fixture.sandbox, &fixture);
    answers_fit_the_published_schemas(&inputs, &fixture);
}

/// Every item of every list, held against the documents by a validator from elsewhere.
fn answers_fit_the_published_schemas(inputs: &Path, fixture: &Fixture) {
    let folder = inputs.join("reference/edfi/openapi");
    let document = read(&folder.join("ds-5.0-resources.json"));
    let mut checked = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        let pointer = "/get/responses/200/content/application~1json/schema/items/$ref";
        let Some(schema) = operations.pointer(pointer).and_then(Value::as_str) else {
            continue;
        };
        let page = fixture.get(path);
        if page.status != 200 || page.text() == "[]" {
            continue;
        }
        let root = json!({"$ref": schema, "components": document["components"]});
        let validator = jsonschema::options().build(&root).unwrap();
        for item in page.json().as_array().unwrap() {
            let faults: Vec<String> = validator
                .iter_errors(item)
                .map(|fault| format!("{} {fault}", fault.instance_path()))
                .collect();
            assert_eq!(faults, Vec::<String>::new(), "{path}");
            checked += 1;
        }
    }
    assert!(checked >= 691, "{checked}");
}

/// What a GET gives can be posted back without its id, and changes nothing.
fn stored_bodies_are_accepted_again(sandbox: &Sandbox, fixture: &Fixture) {
    for path in [
        "/ed-fi/schools",
        "/ed-fi/sections",
        "/ed-fi/studentAssessments",
    ] {
        let before = fixture.get(path).json();
        for item in before.as_array().unwrap() {
            let mut body = item.clone();
            body.as_object_mut().unwrap().remove("id");
            assert_eq!(fixture.post(path, &body).status, 200);
        }
        assert_eq!(fixture.get(path).json(), before);
    }
    assert_eq!(sandbox.count("ed-fi/schoolYearTypes").unwrap(), 60);
}
