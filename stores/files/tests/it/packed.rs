//! Compressed files and streams hold what their plain text would.

use std::io::Write as _;
use std::sync::Arc;

use flate2::write::GzEncoder;
use syncline_model::{Origin, Scope};
use syncline_store::{ErrorKind, Query, Want};
use syncline_store_files::FilesStore;
use syncline_testkit::conformance::{self, Trial, walk};

use super::{folder, students};

fn lines(count: usize) -> Vec<u8> {
    let line = |id| format!("{{\"studentUniqueId\":\"{id}\",\"n\":[1.0,\"é\"]}}\n");
    (0..count).map(line).collect::<String>().into_bytes()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

fn trial() -> Trial {
    Trial {
        collection: students(),
        payloads: vec!["{\"studentUniqueId\":\"x\"}".into()],
    }
}

#[tokio::test]
async fn compressed_files_conform() {
    for (name, packed) in [
        ("students.jsonl.gz", gzip(&lines(1500))),
        ("students.jsonl.zst", zstd(&lines(1500))),
        ("students/a.ndjson.ZST", zstd(&lines(3))),
        ("students.json.gz", gzip(b"")),
    ] {
        let folder = folder(&[(name, &packed)]);
        let store = FilesStore::open(folder.path()).unwrap();
        conformance::run(&store, &[trial()]).await;
    }
}

#[tokio::test]
async fn members_of_one_gzip_file_are_all_read() {
    let folder = folder(&[(
        "students.jsonl.gz",
        &[gzip(&lines(2)), gzip(b"{\"studentUniqueId\":\"z\"}")].concat(),
    )]);
    let store = FilesStore::open(folder.path()).unwrap();
    let read = walk(&store, Query::records(students())).await.unwrap();
    assert_eq!(read.records.len(), 3);
}

#[tokio::test]
async fn a_stream_conforms_whether_or_not_it_is_compressed() {
    for bytes in [lines(700), gzip(&lines(700)), zstd(&lines(700)), vec![]] {
        let store = FilesStore::open_stream("students", &bytes[..]).unwrap();
        conformance::run(&store, &[trial()]).await;
    }
}

#[tokio::test]
async fn places_of_compressed_files_are_read_again_in_any_order() {
    let folder = folder(&[
        ("students/a.jsonl.gz", &gzip(&lines(40))),
        ("students/b.jsonl", &lines(40)),
    ]);
    let store = FilesStore::open(folder.path()).unwrap();
    let digests = Query {
        want: Want::Digests,
        ..Query::records(students())
    };
    let first = walk(&store, digests).await.unwrap().records;
    let mut origins: Vec<Origin> = first.iter().filter_map(|one| one.origin.clone()).collect();
    origins.sort_by_key(|origin| (origin.line, Arc::clone(&origin.unit)));
    let again = Query {
        scope: Scope::At(origins.clone()),
        ..Query::records(students())
    };
    let read = walk(&store, again).await.unwrap().records;
    let places: Vec<Origin> = read.iter().filter_map(|one| one.origin.clone()).collect();
    assert_eq!(places, origins);
    let text = String::from_utf8(lines(40)).unwrap();
    for record in read {
        let line = record.origin.unwrap().line;
        let expected = text
            .lines()
            .nth(usize::try_from(line).unwrap() - 1)
            .unwrap();
        assert_eq!(record.payload, expected);
    }
}

#[tokio::test]
async fn a_damaged_file_is_named_and_never_taken_for_a_short_one() {
    for (name, mut packed) in [
        ("students.jsonl.gz", gzip(&lines(900))),
        ("students.jsonl.zst", zstd(&lines(900))),
    ] {
        packed.truncate(packed.len() - 20);
        let folder = folder(&[(name, &packed)]);
        let store = FilesStore::open(folder.path()).unwrap();
        let error = walk(&store, Query::records(students())).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidData, "{error}");
        assert!(error.message.contains(name), "{error}");
    }
}
