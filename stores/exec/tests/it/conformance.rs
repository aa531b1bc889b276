//! The suite that every store has to pass, over both examples.

use std::sync::Arc;

use bytes::Bytes;
use syncline_model::{Catalog, Change, Key};
use syncline_store::Store as _;
use syncline_store_exec::ExecStore;
use syncline_testkit::conformance::{self, Trial};

use crate::program::{people, record, school, settings, write};

fn trial(catalog: &Catalog, name: &str, payloads: impl Iterator<Item = String>) -> Trial {
    Trial {
        collection: Arc::new(catalog.collections[name].clone()),
        payloads: payloads.map(Bytes::from).collect(),
    }
}

fn trials(catalog: &Catalog, people: u32) -> Vec<Trial> {
    let person = |id: u32| {
        // Quotes, line breaks and what is SQL to a careless program.
        let name = "O'Brien \\\"Ada\\\"\\n; DROP TABLE people; -- é";
        format!("{{\n  \"id\": \"p'{id}\", \"name\": \"{name}\",\r\n \"email\":\"{id}@x\"}}")
    };
    let cohort = |id: u32| format!(r#"{{"id":"c{id}","name":"Cohort {id}"}}"#);
    let member = |id: u32| format!(r#"{{"cohort":"c{}","person":"p'{id}"}}"#, id % 3);
    vec![
        trial(catalog, "people", (0..people).map(person)),
        trial(catalog, "cohorts", (0..3).map(cohort)),
        trial(catalog, "members", (0..people).map(member)),
    ]
}

#[tokio::test]
async fn the_example_in_python_conforms() {
    for people in [1, 230] {
        let folder = tempfile::tempdir().unwrap();
        let store = ExecStore::open(school(folder.path())).await.unwrap();
        let catalog = store.describe().await.unwrap();
        let order = &catalog.dependencies["members"];
        assert_eq!(order.len(), 2, "members come after cohorts and people");
        let trials = trials(&catalog, people);
        conformance::run(&store, &trials).await;
        conformance::narrow(&store, &trials).await;
    }
}

#[tokio::test]
async fn the_example_in_shell_conforms() {
    for count in [0, 1, 300] {
        let folder = tempfile::tempdir().unwrap();
        let line = |id: u32| format!("{{\"id\":\"{id}\",\"n\":[1.0,\"a\\\\b é $HOME `x`\"]}}\n");
        let lines: String = (0..count).map(line).collect();
        fs_write(folder.path().join("people.jsonl"), &lines);
        let place = folder.path().display().to_string();
        let store = ExecStore::open(settings(&["sh", "folder.sh", &place, "id"])).await;
        let store = store.unwrap();
        let catalog = store.describe().await.unwrap();
        let one = trial(&catalog, "people", std::iter::once(line(7)));
        conformance::run(&store, std::slice::from_ref(&one)).await;
        conformance::narrow(&store, &[one]).await;
    }
}

#[tokio::test]
async fn a_record_takes_another_key_once() {
    let folder = tempfile::tempdir().unwrap();
    let (store, collection) = crate::program::open(school(folder.path())).await;
    let told = write(&store, &collection, &people(&collection, 1..3)).await;
    assert_eq!(told.unwrap(), ["Created", "Created"]);
    let key = |id: &str| Key::from_canonical(format!("[\"{id}\"]"));
    for (from, to, expected) in [
        ("1", "9", "Updated"),
        ("1", "9", "Unchanged"),
        ("5", "6", "refused Gone: it is not there"),
        (
            "9",
            "2",
            "refused Content: UNIQUE constraint failed: people.id",
        ),
    ] {
        let change = Change::rekey(key(from), key(to));
        let told = write(&store, &collection, &[change]).await.unwrap();
        assert_eq!(told, [expected]);
    }
}

#[tokio::test]
async fn a_record_that_somebody_changed_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (store, collection) = crate::program::open(school(folder.path())).await;
    let of = |name: &str| record(&collection, format!(r#"{{"id":"1","name":"{name}"}}"#));
    let create = Change::create(of("Ada"));
    write(&store, &collection, &[create]).await.unwrap();
    let from_to = |before: &str, after: &str| Change {
        before: Some(of(before)),
        ..Change::update(of(after))
    };
    for (change, expected) in [
        (
            from_to("Bea", "Cleo"),
            "refused Conflict: somebody changed it meanwhile",
        ),
        (from_to("Ada", "Cleo"), "Updated"),
        (from_to("Ada", "Cleo"), "Unchanged"),
    ] {
        let told = write(&store, &collection, &[change]).await.unwrap();
        assert_eq!(told, [expected]);
    }
}

fn fs_write(path: std::path::PathBuf, text: &str) {
    std::fs::write(path, text).unwrap();
}
