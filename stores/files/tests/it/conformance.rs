//! The suite that every store has to pass.

use std::sync::Arc;

use bytes::Bytes;
use syncline_model::Collection;
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
