//! Documents against the independently derived maps, and small documents made here.

use serde::Deserialize;

use super::*;
use crate::schema::{MemberKind, Resource, Target, embedded, published};

#[derive(Deserialize)]
struct Oracle {
    resources: BTreeMap<String, OracleResource>,
    descriptors: Vec<String>,
}

#[derive(Deserialize)]
struct OracleResource {
    key: Vec<String>,
    query: Vec<String>,
    #[serde(default)]
    updatable: bool,
    references: BTreeMap<String, OracleReference>,
}

#[derive(Deserialize)]
struct OracleReference {
    target: String,
    identity: bool,
    #[serde(default)]
    map: BTreeMap<String, String>,
}

fn differences(model: &ApiModel, oracle: &Oracle) -> Vec<String> {
    let mut found = Vec::new();
    for path in model
        .resources
        .keys()
        .filter(|path| *path != "ed-fi/schoolYearTypes")
    {
        if !oracle.resources.contains_key(path) {
            found.push(format!("{path} is extra"));
        }
    }
    let mut listed = oracle.descriptors.clone();
    listed.sort();
    if !model.descriptors.keys().eq(listed.iter()) {
        found.push("descriptor types".to_owned());
    }
    for (path, expected) in &oracle.resources {
        match model.resources.get(path) {
            Some(resource) => resource_differences(model, resource, expected, &mut found),
            None => found.push(format!("{path} is missing")),
        }
    }
    found
}

fn resource_differences(
    model: &ApiModel,
    resource: &Resource,
    expected: &OracleResource,
    found: &mut Vec<String>,
) {
    let path = resource.path();
    let key: Vec<&String> = resource.key.iter().map(|part| &part.query_name).collect();
    if key != expected.key.iter().collect::<Vec<_>>()
        || resource.key_updatable != expected.updatable
    {
        found.push(format!("{path}: key {key:?} {:?}", expected.key));
    }
    // Identification codes inside collections can be filtered by but are no member of the root.
    let in_collection = |name: &&String| {
        let parts = resource
            .members
            .iter()
            .flat_map(|member| member.kind.members());
        parts.map(|part| &part.name).any(|part| part == *name)
    };
    let unknown = expected
        .query
        .iter()
        .filter(|name| !resource.query.contains_key(*name));
    for name in unknown.filter(|name| !in_collection(name)) {
        found.push(format!("{path}: query {name}"));
    }
    for (name, wanted) in &expected.references {
        let member = resource
            .members
            .iter()
            .find(|member| member.name == *name)
            .unwrap();
        let MemberKind::Reference(reference) = &member.kind else {
            panic!("{path} {name}")
        };
        let target = match model.target(&reference.target).unwrap() {
            Target::Resource(target) => target.path(),
            Target::Abstract(target) => format!("abstract/{}", target.singular),
        };
        let mut names = resource.flattened_names(name);
        names.retain(|inner, flat| inner != flat);
        // The 4.0 document has no school year endpoint, so its map takes them for abstract.
        let wanted_target = wanted
            .target
            .replace("abstract/schoolYearType", "ed-fi/schoolYearTypes");
        if (&target, member.identity, &names) != (&wanted_target, wanted.identity, &wanted.map) {
            found.push(format!(
                "{path}.{name}: {target} {} {names:?}",
                member.identity
            ));
        }
    }
}

#[test]
fn published_documents_give_the_derived_keys_and_names() {
    let Some(directory) = published::directory() else {
        return;
    };
    for standard in ["3.3", "4.0", "5.0", "6.0"] {
        let model = load_standard(&directory.join("openapi"), standard).unwrap();
        let map = fs_err::read(directory.join(format!("model/ds-{standard}.json"))).unwrap();
        let oracle: Oracle = serde_json::from_slice(&map).unwrap();
        assert_eq!(
            differences(&model, &oracle),
            Vec::<String>::new(),
            "standard {standard}"
        );
    }
}

#[test]
fn a_directory_of_several_standards_names_the_choices() {
    let Some(directory) = published::directory() else {
        return;
    };
    let error = load(&directory.join("openapi")).unwrap_err();
    let SchemaError::SeveralStandards { choices, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!(choices, ["3.3", "4.0", "5.0", "6.0.0"]);
}

/// A directory with the two documents of the built-in model.
fn documents() -> (tempfile::TempDir, ApiModel) {
    let mut model = embedded().unwrap();
    model
        .descriptors
        .values_mut()
        .for_each(|descriptor| descriptor.values.clear());
    let directory = tempfile::tempdir().unwrap();
    for (name, part) in [
        ("resources", Part::Resources),
        ("descriptors", Part::Descriptors),
    ] {
        let document = render::openapi(&model, part, Style::OpenApi3, "http://a/b", "http://a/c");
        let path = directory.path().join(format!("{name}.json"));
        fs_err::write(path, document.to_string()).unwrap();
    }
    (directory, model)
}

#[test]
fn a_directory_of_one_standard_is_one_model_whatever_else_lies_there() {
    let (directory, model) = documents();
    fs_err::write(directory.path().join("list.json"), "[1, 2]").unwrap();
    fs_err::write(directory.path().join("notes.txt"), "{").unwrap();
    assert_eq!(load(directory.path()).unwrap(), model);
    assert_eq!(load_standard(directory.path(), "5").unwrap(), model);
    let files = ["resources.json", "descriptors.json"].map(|name| directory.path().join(name));
    assert_eq!(load_files(&files).unwrap(), model);
}

#[test]
fn what_cannot_be_loaded_is_named() {
    let (directory, _) = documents();
    let missing = load_standard(directory.path(), "4.0").unwrap_err();
    assert!(
        matches!(missing, SchemaError::SeveralStandards { choices, .. } if choices == ["5.0.0"])
    );
    let broken = directory.path().join("broken.json");
    fs_err::write(&broken, "{\"openapi\": ").unwrap();
    let error = load(directory.path()).unwrap_err();
    assert!(matches!(error, SchemaError::Json { path, .. } if path == broken));
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(
        load(empty.path()),
        Err(SchemaError::NoDocuments { .. })
    ));
}

#[test]
fn a_document_of_an_extension_adds_to_a_model_and_changes_nothing_of_it() {
    let model = embedded().unwrap();
    let period = model.resources["ed-fi/classPeriods"].clone();
    let own = Resource {
        namespace: "sample".to_owned(),
        name: "busRoutes".to_owned(),
        singular: "busRoute".to_owned(),
        ..period
    };
    let extension = ApiModel {
        resources: BTreeMap::from([(own.path(), own.clone())]),
        ..ApiModel::default()
    };
    let document = render::openapi(&extension, Part::Resources, Style::OpenApi3, "", "");
    let extended = extend(&model, document.to_string().as_bytes()).unwrap();
    assert_eq!(extended.resources["sample/busRoutes"].key, own.key);
    assert_eq!(extended.resources.len(), model.resources.len() + 1);
    assert_eq!(extended.descriptors, model.descriptors);
    assert_eq!(
        extended.resources["ed-fi/students"],
        model.resources["ed-fi/students"]
    );
}

/// A member with members of its own.
fn object(name: &str, schema: &str, members: Vec<Member>) -> Member {
    Member {
        name: name.to_owned(),
        kind: MemberKind::Object {
            schema: schema.to_owned(),
            members,
        },
        required: false,
        identity: false,
    }
}

#[test]
fn members_below_ext_are_added_for_every_extension() {
    let mut model = embedded().unwrap();
    let plain = model.resources["ed-fi/staffs"].clone();
    for extension in ["sample", "other"] {
        let mut staff = plain.clone();
        let pet = Member {
            name: "petName".to_owned(),
            kind: MemberKind::String {
                min_length: None,
                max_length: Some(20),
            },
            required: false,
            identity: false,
        };
        let own = object(
            extension,
            &format!("{extension}_staffExtension"),
            vec![pet.clone()],
        );
        staff
            .members
            .push(object("_ext", "edFi_staffExtensions", vec![own]));
        // Anything else is the model's to say.
        staff.members.push(pet);
        let document = ApiModel {
            resources: BTreeMap::from([(staff.path(), staff)]),
            ..ApiModel::default()
        };
        let document = render::openapi(&document, Part::Resources, Style::OpenApi3, "", "");
        model = extend(&model, document.to_string().as_bytes()).unwrap();
    }
    let mut members = model.resources["ed-fi/staffs"].members.clone();
    let at = members
        .iter()
        .position(|member| member.name == "_ext")
        .unwrap();
    let bridge = members.remove(at);
    let names: Vec<&str> = bridge
        .kind
        .members()
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(names, ["sample", "other"]);
    assert_eq!(bridge.kind.members()[0].kind.members()[0].name, "petName");
    assert_eq!(members, plain.members);
}
