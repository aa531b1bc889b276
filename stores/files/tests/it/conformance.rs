//! The suite that every store has to pass.

use std::sync::Arc;

use bytes::Bytes;
use syncline_model::{Collection, Scope};
use syncline_store::Query;
use syncline_store_files::FilesStore;
use syncline_testkit::conformance::{self, Trial};

use super::{folder, students};

fn lines(from: usize, count: usize) -> Vec<Bytes> {
    (from..from + count)
        .map(|id| format!("{{\"studentUniqueId\":\"{id}\",\"n\":[1.0,\"é\"]}}").into())
        .collect()
}

fn file(lines: &[Bytes]) -> Vec<u8> {
    lines.join(&b"\r\n"[..])
}

async fn conforms(files: &[(&str, &[u8])]) {
    let folder = folder(files);
    let store = FilesStore::open(folder.path()).unwrap();
    let trial = |collection: Arc<Collection>| Trial {
        collection,
        payloads: lines(0, 3),
    };
    conformance::run(&store, &[trial(students())]).await;
}

#[tokio::test]
async fn a_folder_of_one_file_conforms_whatever_its_size() {
    // Nothing, one record, one batch and a record more, many batches.
    for count in [0, 1, 513, 5000] {
        conforms(&[("students.jsonl", &file(&lines(0, count)))]).await;
    }
}

#[tokio::test]
async fn a_folder_of_several_files_conforms() {
    conforms(&[
        ("students/a.jsonl", &file(&lines(0, 600))),
        ("students/b.ndjson", b""),
        ("students/c.json", &file(&lines(600, 700))),
        ("other.txt", b"no records"),
    ])
    .await;
}

#[tokio::test]
async fn a_folder_of_large_records_conforms() {
    let filler = "x".repeat(200_000);
    let large: Vec<Bytes> = (0..20)
        .map(|id| format!("{{\"studentUniqueId\":\"{id}\",\"x\":\"{filler}\"}}").into())
        .collect();
    conforms(&[("students.jsonl", &file(&large))]).await;
}

/// What a folder holds at places that were read before its file was replaced.
async fn at_places_of(before: &[Bytes], after: &[Bytes]) -> conformance::Walk {
    let folder = folder(&[("students.jsonl", &file(before))]);
    let store = FilesStore::open(folder.path()).unwrap();
    let query = Query::records(students());
    let read = conformance::walk(&store, query.clone()).await.unwrap();
    let origins = read.records.into_iter().filter_map(|record| record.origin);
    let scope = Scope::At(origins.collect());
    fs_err::write(folder.path().join("students.jsonl"), file(after)).unwrap();
    let again = Query { scope, ..query };
    conformance::walk(&store, again).await.unwrap()
}

#[tokio::test]
async fn a_place_shows_what_stands_there_now() {
    // The same length, so that each place still holds one record.
    let walk = at_places_of(&lines(10, 3), &lines(20, 3)).await;
    let keys: Vec<&str> = walk
        .records
        .iter()
        .map(|record| record.key.as_str())
        .collect();
    assert_eq!(keys, ["[\"20\"]", "[\"21\"]", "[\"22\"]"]);
    // Shifted by a byte, the places after the first hold no record, and each is told.
    let walk = at_places_of(&lines(10, 3), &lines(9, 3)).await;
    assert_eq!((walk.records.len(), walk.rejected.len()), (1, 2));
    let (coverage, counts) = walk.end.unwrap();
    assert!(!coverage.is_complete() && counts.unreadable == 2);
}
