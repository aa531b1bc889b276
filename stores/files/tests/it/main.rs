//! The store as a whole: what a reading hands on, and what it says of itself at the end.
#![expect(clippy::unwrap_used, clippy::panic, reason = "test support")]

mod conformance;
mod oneroster;
mod packed;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(feature = "parquet")]
mod parquet_tables;
mod surface;
mod tables;
mod target;

use std::path::Path;
use std::sync::Arc;

use futures_util::StreamExt as _;
use syncline_model::{
    Collection, CollectionName, Counts, Coverage, KeyField, Origin, PayloadRules, Record, Scope,
};
use syncline_store::{Batch, ErrorKind, Query, Rejected, Store as _, Want};
use syncline_store_files::FilesStore;

fn students() -> Arc<Collection> {
    let id = "studentUniqueId".to_owned();
    Arc::new(Collection {
        name: CollectionName::new("ed-fi/students"),
        key: vec![KeyField {
            name: id.clone(),
            path: vec![id],
        }],
        fields: vec![],
        references: vec![],
        rules: PayloadRules::default(),
    })
}

#[derive(Default)]
struct Read {
    records: Vec<Record>,
    rejected: Vec<Rejected>,
    end: Option<(Coverage, Counts)>,
}

async fn read(folder: &Path, query: Query) -> Read {
    let store = FilesStore::open(folder).unwrap();
    let mut stream = store.read(query).await.unwrap();
    let mut read = Read::default();
    while let Some(batch) = stream.next().await {
        match batch.unwrap() {
            Batch::Put(records) => read.records.extend(records),
            Batch::Unreadable(rejected) => read.rejected.extend(rejected),
            Batch::End {
                coverage, counts, ..
            } => read.end = Some((coverage, counts)),
            other => panic!("unexpected {other:?}"),
        }
    }
    read
}

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs_err::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
        fs_err::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

#[tokio::test]
async fn payloads_are_byte_exact_and_know_their_place() {
    let line = "{ \"studentUniqueId\" : \"1\",\"n\":30.00 }";
    let text = format!("\n  {line}\r\n{{\"studentUniqueId\":\"2\"}}");
    let folder = folder(&[("students.jsonl", text.as_bytes())]);
    let read = read(folder.path(), Query::records(students())).await;
    let first = &read.records[0];
    assert_eq!(&first.payload[..], line.as_bytes());
    assert_eq!(first.key.as_str(), "[\"1\"]");
    assert_eq!(
        first.origin.as_ref().unwrap().to_string(),
        "students.jsonl:2"
    );
    assert_eq!(read.records.len(), 2);
    let (coverage, counts) = read.end.unwrap();
    assert_eq!(coverage, Coverage::Complete(Scope::Whole));
    assert_eq!((counts.records, counts.unreadable), (2, 0));
}

#[tokio::test]
async fn lines_that_are_no_records_are_reported_and_take_completeness_away() {
    let text = b"{\"studentUniqueId\":\"1\"}\n{\"studentUniqueId\":\n{\"a\":\"\xff\"}\n[]\n{\"studentUniqueId\":\"2\"}\n";
    let folder = folder(&[("students.jsonl", text)]);
    let read = read(folder.path(), Query::records(students())).await;
    assert_eq!(read.records.len(), 2);
    let lines: Vec<u64> = read
        .rejected
        .iter()
        .map(|rejected| rejected.origin.line)
        .collect();
    assert_eq!(lines, [2, 3, 4]);
    assert!(
        read.rejected[1]
            .reason
            .starts_with("not valid UTF-8 at byte")
    );
    assert!(!read.end.unwrap().0.is_complete());
}

#[tokio::test]
async fn a_place_found_by_digest_can_be_read_again() {
    let folder = folder(&[
        (
            "students/a.jsonl",
            b"{\"studentUniqueId\":\"1\"}\n{\"studentUniqueId\":\"2\"}\n",
        ),
        ("students/b.jsonl", b"{\"studentUniqueId\":\"3\"}\n"),
    ]);
    let digests = Query {
        want: Want::Digests,
        ..Query::records(students())
    };
    let first = read(folder.path(), digests).await;
    assert!(first.records.iter().all(|record| record.payload.is_empty()));
    let origins: Vec<Origin> = [2, 0]
        .iter()
        .map(|&index: &usize| first.records[index].origin.clone().unwrap())
        .collect();
    let again = Query {
        scope: Scope::At(origins),
        ..Query::records(students())
    };
    let again = read(folder.path(), again).await;
    let keys: Vec<&str> = again
        .records
        .iter()
        .map(|record| record.key.as_str())
        .collect();
    assert_eq!(keys, ["[\"3\"]", "[\"1\"]"]);
    assert_eq!(again.records[1].digest, first.records[0].digest);
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_read_covers_nothing() {
    let line = format!(
        "{{\"studentUniqueId\":\"1\",\"x\":\"{}\"}}\n",
        "x".repeat(1000)
    );
    let folder = folder(&[("students.jsonl", line.repeat(20_000).as_bytes())]);
    let store = FilesStore::open(folder.path()).unwrap();
    let mut stream = store.read(Query::records(students())).await.unwrap();
    let mut coverage = None;
    let mut grown = false;
    while let Some(batch) = stream.next().await {
        if !grown {
            let path = folder.path().join("students.jsonl");
            let mut file = fs_err::OpenOptions::new().append(true).open(path).unwrap();
            std::io::Write::write_all(&mut file, b"{\"studentUniqueId\":\"2\"}\n").unwrap();
            grown = true;
        }
        if let Batch::End { coverage: end, .. } = batch.unwrap() {
            coverage = Some(end);
        }
    }
    let expected = Coverage::Partial("students.jsonl changed while it was read".to_owned());
    assert_eq!(coverage, Some(expected));
}

#[tokio::test]
async fn a_collection_without_a_file_is_an_error_and_not_empty() {
    let folder = folder(&[("staffs.jsonl", b"")]);
    let store = FilesStore::open(folder.path()).unwrap();
    let Err(error) = store.read(Query::records(students())).await else {
        panic!("a missing file was read");
    };
    assert_eq!(error.kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn a_reject_file_is_read_as_its_records() {
    let line = |collection: &str, body: &str| {
        format!(
            "{{\"collection\":\"{collection}\",\"line\":7,\"reason\":\"no\",\"body\":{body}}}\n"
        )
    };
    let text = line("ed-fi/students", "{\"studentUniqueId\": \"1\"}")
        + &line("ed-fi/staffs", "{\"staffUniqueId\":\"9\"}")
        + &line("ed-fi/students", "\"{broken\"");
    let folder = folder(&[("rejects.jsonl", text.as_bytes())]);
    let store = FilesStore::open_rejects(&folder.path().join("rejects.jsonl")).unwrap();
    let mut stream = store.read(Query::records(students())).await.unwrap();
    let (mut records, mut rejected) = (Vec::new(), Vec::new());
    while let Some(batch) = stream.next().await {
        match batch.unwrap() {
            Batch::Put(put) => records.extend(put),
            Batch::Unreadable(items) => rejected.extend(items),
            _ => {}
        }
    }
    assert_eq!(&records[0].payload[..], b"{\"studentUniqueId\": \"1\"}");
    assert_eq!((records.len(), rejected.len()), (1, 1));
    let again = Query {
        scope: Scope::At(vec![records[0].origin.clone().unwrap()]),
        ..Query::records(students())
    };
    let mut stream = store.read(again).await.unwrap();
    let Some(Ok(Batch::Put(reread))) = stream.next().await else {
        panic!("nothing read again")
    };
    assert_eq!(reread[0].payload, records[0].payload);
}
