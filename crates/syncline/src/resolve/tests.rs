//! Files of every spelling, in several namespaces.

use syncline_model::StoreIdentity;
use syncline_store_files::discover;

use super::*;

fn settings(overrides: &[(&str, &str)]) -> EdfiSettings {
    let text = "stores:\n  f:\n    kind: files\n    path: .\n  api:\n    kind: edfi\n    base_url: https://h\n    client_id: a\n    client_secret: b\n";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("syncline.yaml");
    fs_err::write(&file, text).unwrap();
    let arguments = crate::ConfigArgs {
        file: Some(file),
        ..crate::ConfigArgs::default()
    };
    let mut settings = crate::Config::load(&arguments)
        .unwrap()
        .api()
        .unwrap()
        .settings
        .clone();
    for (namespace, name) in overrides {
        settings
            .namespace_overrides
            .insert((*namespace).to_owned(), vec![(*name).to_owned()]);
    }
    settings
}

fn catalog(names: &[&str]) -> Catalog {
    let mut catalog = Catalog::empty(StoreIdentity("x".to_owned()));
    for name in names {
        let name = CollectionName::new(*name);
        catalog
            .collections
            .insert(name.clone(), unknown_collection(&name));
    }
    catalog
}

fn files(names: &[&str]) -> DataFiles {
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        fs_err::write(folder.path().join(name), "").unwrap();
    }
    discover(folder.path()).unwrap()
}

fn names(resolved: &Resolved) -> Vec<&str> {
    resolved
        .collections
        .keys()
        .map(CollectionName::as_str)
        .collect()
}

#[test]
fn files_find_their_collection_in_any_case_and_namespace() {
    let catalog = catalog(&[
        "ed-fi/students",
        "ed-fi/candidates",
        "tpdm/candidates",
        "sample/buses",
    ]);
    let files = files(&["STUDENTS.jsonl", "candidates.jsonl", "buses.jsonl"]);
    let plain = resolve(&files, &catalog, &settings(&[]));
    assert_eq!(
        names(&plain),
        ["ed-fi/candidates", "ed-fi/students", "sample/buses"]
    );
    let overridden = resolve(&files, &catalog, &settings(&[("tpdm", "candidates")]));
    assert_eq!(
        names(&overridden),
        ["ed-fi/students", "sample/buses", "tpdm/candidates"]
    );
}

#[test]
fn files_may_carry_the_namespace_that_two_collections_of_one_name_differ_by() {
    let catalog = catalog(&["ed-fi/candidates", "tpdm/candidates", "ed-fi/students"]);
    let both = files(&["ed-fi.candidates.jsonl", "TPDM.candidates.jsonl"]);
    let resolved = resolve(&both, &catalog, &settings(&[]));
    assert_eq!(names(&resolved), ["ed-fi/candidates", "tpdm/candidates"]);
    let one = files(&["candidates.jsonl", "tpdm.candidates.jsonl"]);
    let resolved = resolve(&one, &catalog, &settings(&[]));
    assert_eq!(names(&resolved), ["ed-fi/candidates", "tpdm/candidates"]);
    for (name, unit) in [
        ("ed-fi", "candidates.jsonl"),
        ("tpdm", "tpdm.candidates.jsonl"),
    ] {
        let name = CollectionName::new(format!("{name}/candidates"));
        assert_eq!(&*one.of_collection(&name)[0].unit, unit);
    }
    // Two spellings of one collection: that the second is not read is told.
    let twice = files(&["students.jsonl", "ed-fi.students.jsonl"]);
    let resolved = resolve(&twice, &catalog, &settings(&[]));
    assert_eq!(names(&resolved), ["ed-fi/students"]);
    assert!(
        resolved.unknown[0]
            .message
            .starts_with("students.jsonl: ed-fi/students is read from"),
        "{}",
        resolved.unknown[0]
    );
}

#[test]
fn a_file_without_a_collection_is_told_with_a_suggestion() {
    let resolved = resolve(
        &files(&["studnets.jsonl"]),
        &catalog(&["ed-fi/students"]),
        &settings(&[]),
    );
    assert_eq!(
        resolved.unknown[0].message,
        "studnets.jsonl: the API has no endpoint `studnets`"
    );
    assert!(resolved.unknown[0].hints[0].contains("`students`"));
}
