//! Keys and load order out of the published documents, compared with independently derived
//! maps of the same documents. The documents are not part of the project; without them these
//! tests say so and do nothing.

use std::path::PathBuf;

use syncline_model::Reference;

use super::*;

fn published(file: &str) -> Option<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/edfi");
    let bytes = fs_err::read(folder.join(file)).ok();
    if bytes.is_none() {
        println!("skipped: the published Ed-Fi documents are not beside the project ({file})");
    }
    bytes
}

fn published_json(file: &str) -> Option<Value> {
    published(file).map(|bytes| serde_json::from_slice(&bytes).unwrap())
}

/// The key fields of a resource according to the derived map: flattened name and possible
/// paths. The map lists only members whose name changes when they stand alone.
fn expected_key(model: &Value, resource: &Value) -> BTreeMap<String, BTreeSet<Vec<String>>> {
    let texts = |value: &Value| -> Vec<String> {
        value
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|item| Some(item.as_str()?.to_owned()))
            .collect()
    };
    let mut places: BTreeMap<String, BTreeSet<Vec<String>>> = texts(&resource["key"])
        .into_iter()
        .map(|name| (name, BTreeSet::new()))
        .collect();
    for own in texts(&resource["keyOwn"]) {
        places.entry(own.clone()).or_default().insert(vec![own]);
    }
    let schema = &model["schemas"][resource["schema"].as_str().unwrap()];
    for (reference, told) in resource["references"].as_object().into_iter().flatten() {
        let pointer = schema["properties"][reference]["$ref"].as_str().unwrap();
        let target = &model["schemas"][pointer.rsplit('/').next().unwrap()];
        for member in target["properties"].as_object().unwrap().keys() {
            let flat = told["map"][member].as_str().unwrap_or(member);
            if let (Some(true), Some(paths)) = (told["identity"].as_bool(), places.get_mut(flat)) {
                paths.insert(vec![reference.clone(), member.clone()]);
            }
        }
    }
    places
}

#[test]
fn keys_are_those_of_the_published_models() {
    for standard in ["3.3", "4.0", "5.0", "6.0"] {
        let (Some(document), Some(model)) = (
            published_json(&format!("openapi/ds-{standard}-resources.json")),
            published_json(&format!("model/ds-{standard}.json")),
        ) else {
            return;
        };
        let mut collections = BTreeMap::new();
        openapi::read(&document, &mut collections);
        let mut wrong = Vec::new();
        for (name, resource) in model["resources"].as_object().unwrap() {
            let Some(collection) = collections.get(name.as_str()) else {
                if resource["methods"]
                    .as_array()
                    .is_some_and(|methods| methods.contains(&"post".into()))
                {
                    wrong.push(format!("{name}: not found"));
                }
                continue;
            };
            let expected = expected_key(&model, resource);
            let names: BTreeSet<&str> = collection.key.iter().map(|field| &*field.name).collect();
            if names != expected.keys().map(String::as_str).collect() {
                wrong.push(format!("{name}: key {names:?}, not {:?}", expected.keys()));
            }
            for field in &collection.key {
                if !expected[&field.name].contains(&field.path) {
                    wrong.push(format!(
                        "{name}.{}: at {:?}, not {:?}",
                        field.name, field.path, expected[&field.name]
                    ));
                }
            }
        }
        assert!(
            wrong.is_empty(),
            "data standard {standard}:\n{}",
            wrong.join("\n")
        );
        assert!(collections.len() > 100, "{}", collections.len());
    }
}

#[test]
fn descriptors_are_keyed_by_namespace_and_code() {
    let Some(document) = published_json("openapi/ds-5.0-descriptors.json") else {
        return;
    };
    let mut collections = BTreeMap::new();
    openapi::read(&document, &mut collections);
    assert!(collections.len() > 200);
    let grade = &collections["ed-fi/gradeLevelDescriptors"];
    let names: Vec<&str> = grade.key.iter().map(|field| &*field.name).collect();
    assert_eq!(names, ["namespace", "codeValue"]);
}

#[test]
fn references_inside_collections_are_found() {
    let Some(document) = published_json("openapi/ds-5.0-resources.json") else {
        return;
    };
    let mut collections = BTreeMap::new();
    openapi::read(&document, &mut collections);
    let sections = &collections["ed-fi/sections"];
    let found = |path: &[&str], target: &str| {
        sections.references.iter().any(|reference| {
            reference.path == path && reference.targets.contains(&CollectionName::new(target))
        })
    };
    assert!(found(&["courseOfferingReference"], "ed-fi/courseOfferings"));
    assert!(found(
        &["classPeriods", "classPeriodReference"],
        "ed-fi/classPeriods"
    ));
    let staffs = &collections["ed-fi/staffEducationOrganizationAssignmentAssociations"];
    let organizations = staffs
        .references
        .iter()
        .find(|reference| reference.path == ["educationOrganizationReference"])
        .unwrap();
    assert!(
        organizations
            .targets
            .contains(&CollectionName::new("ed-fi/schools"))
    );
}

#[test]
fn abstract_targets_are_all_collections_that_specialise_them() {
    for (standard, organizations, programs) in
        [("3.3", 9, 9), ("4.0", 9, 9), ("5.0", 9, 9), ("6.0", 9, 10)]
    {
        let Some(document) = published_json(&format!("openapi/ds-{standard}-resources.json"))
        else {
            return;
        };
        let mut collections = BTreeMap::new();
        openapi::read(&document, &mut collections);
        let references = collections.values().flat_map(|one| &one.references);
        let mut several: Vec<_> = references
            .map(|reference| &reference.targets)
            .filter(|targets| targets.len() != 1)
            .collect();
        several.sort();
        several.dedup();
        let named = |part: &str| {
            let mut found = several.iter().filter(|targets| {
                let mut all = targets.iter();
                !targets.is_empty() && all.all(|name| name.short().contains(part))
            });
            found.next().map_or(0, |targets| targets.len())
        };
        let of_schools = several
            .iter()
            .find(|targets| targets.contains(&CollectionName::new("ed-fi/schools")))
            .unwrap();
        assert_eq!(
            of_schools.len(),
            organizations,
            "{standard}: {of_schools:?}"
        );
        assert_eq!(named("ProgramAssociations"), programs, "{standard}");
        // Data standard 4.0 was published without a path for school years.
        let none = several.iter().filter(|targets| targets.is_empty()).count();
        assert_eq!(several.len(), 2 + none, "{standard}: {several:?}");
        assert_eq!(none, usize::from(standard == "4.0"), "{standard}");
    }
}

#[test]
fn the_published_graphs_have_all_their_nodes_and_no_retry_nodes() {
    for (version, nodes) in [("4.0.0", 313), ("5.2.0", 348), ("6.0.0", 454)] {
        let Some(bytes) = published(&format!("dependencies/{version}.graphml")) else {
            return;
        };
        let graph = dependencies::from_graphml(std::str::from_utf8(&bytes).unwrap()).unwrap();
        assert_eq!(graph.len(), nodes, "{version}");
        assert!(graph.keys().all(|name| !name.as_str().contains('#')));
        let waits = &graph["ed-fi/studentSchoolAssociations"];
        assert!(waits.contains(&CollectionName::new("ed-fi/students")));
    }
}

#[test]
fn without_a_load_order_references_give_one() {
    let mut metadata = Metadata::default();
    let name = CollectionName::new;
    for collection in ["ed-fi/schools", "ed-fi/kindDescriptors"] {
        let collection = unknown_collection(&name(collection));
        metadata
            .collections
            .insert(collection.name.clone(), collection);
    }
    let enrolments = Collection {
        references: vec![Reference {
            path: vec!["schoolReference".to_owned()],
            targets: vec![name("ed-fi/schools")],
        }],
        ..unknown_collection(&name("ed-fi/enrolments"))
    };
    metadata
        .collections
        .insert(enrolments.name.clone(), enrolments);
    complete(&mut metadata);
    let waits = |collection: &str| metadata.dependencies[collection].clone();
    assert_eq!(waits("ed-fi/kindDescriptors"), []);
    assert_eq!(waits("ed-fi/schools"), [name("ed-fi/kindDescriptors")]);
    assert_eq!(
        waits("ed-fi/enrolments"),
        [name("ed-fi/kindDescriptors"), name("ed-fi/schools")]
    );
}
