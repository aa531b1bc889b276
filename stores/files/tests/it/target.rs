//! A folder as a target: what is there before, meanwhile and after.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use syncline_model::{
    Change, Collection, CollectionName, Digest, Done, FailureClass, Key, Outcome, Record,
};
use syncline_store::{ErrorKind, Query, Store as _, WriteContext};
use syncline_store_files::{FileFormat, FilesTarget, KeyFilter};

use super::students;

fn record(payload: &str) -> Record {
    let payload = Bytes::from(payload.to_owned());
    let digest = Digest::of(&payload);
    Record {
        key: Key::of_content(digest),
        digest,
        payload,
        handle: None,
        origin: None,
    }
}

fn target(folder: &Path, format: FileFormat) -> FilesTarget {
    FilesTarget::new(folder, format, [&students().name])
}

pub(crate) async fn write(target: &FilesTarget, collection: &Arc<Collection>, payloads: &[&str]) {
    let changes: Vec<Change> = payloads
        .iter()
        .map(|one| Change::create(record(one)))
        .collect();
    let context = WriteContext {
        collection: Arc::clone(collection),
    };
    let outcomes = target.write(&changes, &context).await.unwrap();
    assert_eq!(outcomes.len(), payloads.len());
    let created = |outcome: &Outcome| {
        matches!(
            outcome,
            Outcome::Done {
                done: Done::Created,
                ..
            }
        )
    };
    assert!(outcomes.iter().all(created));
}

/// Texts of the files in a folder, by name.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs_err::read_dir(folder).unwrap();
    entries
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs_err::read_to_string(path).unwrap())
        })
        .collect()
}

#[tokio::test]
async fn a_file_is_as_it_was_until_its_collection_is_complete() {
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("students.jsonl"), "old\n").unwrap();
    let target = target(folder.path(), FileFormat::Jsonl);
    write(&target, &students(), &["{\"a\": 1.00}", "{\"b\":\"é\"}"]).await;
    write(&target, &students(), &["{}"]).await;
    assert_eq!(files(folder.path())["students.jsonl"], "old\n");
    target.complete(&students()).await.unwrap();
    let after = files(folder.path());
    assert_eq!(
        after["students.jsonl"],
        "{\"a\": 1.00}\n{\"b\":\"é\"}\n{}\n"
    );
    assert_eq!(after.len(), 1, "no part is left: {after:?}");
}

#[tokio::test]
async fn a_collection_that_is_not_completed_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("students.jsonl"), "old\n").unwrap();
    for format in [FileFormat::Jsonl, FileFormat::Csv] {
        let target = target(folder.path(), format);
        write(&target, &students(), &["{}"]).await;
        drop(target);
        let after = files(folder.path());
        assert_eq!(
            (after.len(), after["students.jsonl"].as_str()),
            (1, "old\n")
        );
    }
}

#[tokio::test]
async fn what_a_killed_run_left_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let rest = "{\"from\":\"a run that was killed\"}\n".repeat(9);
    fs_err::write(folder.path().join("students.jsonl.part"), rest).unwrap();
    let target = target(folder.path(), FileFormat::Jsonl);
    write(&target, &students(), &["{}"]).await;
    target.complete(&students()).await.unwrap();
    let expected = [("students.jsonl".to_owned(), "{}\n".to_owned())];
    assert_eq!(files(folder.path()), expected.into());
}

#[tokio::test]
async fn two_runs_do_not_write_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let first = target(folder.path(), FileFormat::Jsonl);
    write(&first, &students(), &["{\"first\":1}"]).await;
    let second = target(folder.path(), FileFormat::Jsonl);
    let context = WriteContext {
        collection: students(),
    };
    let refused = second
        .write(&[Change::create(record("{}"))], &context)
        .await;
    assert_eq!(refused.unwrap_err().kind, ErrorKind::Local);
    drop(second);
    first.complete(&students()).await.unwrap();
    assert_eq!(files(folder.path())["students.jsonl"], "{\"first\":1}\n");
}

#[tokio::test]
async fn an_empty_collection_leaves_no_stale_file_and_makes_none_unasked() {
    let folder = tempfile::tempdir().unwrap();
    target(folder.path(), FileFormat::Jsonl)
        .complete(&students())
        .await
        .unwrap();
    assert_eq!(files(folder.path()), BTreeMap::new());
    fs_err::write(folder.path().join("students.jsonl"), "old\n").unwrap();
    target(folder.path(), FileFormat::Jsonl)
        .complete(&students())
        .await
        .unwrap();
    assert_eq!(files(folder.path())["students.jsonl"], "");
    let asked = target(folder.path(), FileFormat::Csv).with_empty_files();
    asked.complete(&students()).await.unwrap();
    assert_eq!(files(folder.path())["students.csv"], "");
}

#[tokio::test]
async fn payloads_with_line_breaks_are_one_line_each_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let target = target(folder.path(), FileFormat::Jsonl);
    write(
        &target,
        &students(),
        &["{\n \"a b\" : \"x y\"\r\n}", "{ \"as\": \"it is\" }"],
    )
    .await;
    target.complete(&students()).await.unwrap();
    assert_eq!(target.compacted(), 1);
    let text = &files(folder.path())["students.jsonl"];
    assert_eq!(text, "{\"a b\":\"x y\"}\n{ \"as\": \"it is\" }\n");
}

#[tokio::test]
async fn a_table_has_the_columns_of_all_records_and_only_those_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let keys = KeyFilter {
        keep: vec![],
        leave: vec!["_*".to_owned()],
    };
    let target = target(folder.path(), FileFormat::Csv).with_keys(keys);
    write(
        &target,
        &students(),
        &[r#"{"id":"1","ref":{"n":30.00},"_etag":"x"}"#],
    )
    .await;
    write(
        &target,
        &students(),
        &[r#"{"id":"2","list":[1, "a"],"name":"B, \"C\""}"#],
    )
    .await;
    target.complete(&students()).await.unwrap();
    let after = files(folder.path());
    let expected = "id,ref.n,list,name\n1,30.00,,\n2,,\"[1, \"\"a\"\"]\",\"B, \"\"C\"\"\"\n";
    assert_eq!(after["students.csv"], expected);
    assert_eq!(after.len(), 1, "{after:?}");
}

#[tokio::test]
async fn what_a_folder_cannot_do_it_declines() {
    let folder = tempfile::tempdir().unwrap();
    let target = target(folder.path(), FileFormat::Jsonl);
    let context = WriteContext {
        collection: students(),
    };
    let outcomes = target
        .write(&[Change::delete(record("{}"))], &context)
        .await
        .unwrap();
    let [Outcome::Refused(refusal)] = &outcomes[..] else {
        panic!("{outcomes:?}");
    };
    assert_eq!(refusal.class, FailureClass::Unsupported);
    let read = target.read(Query::records(students())).await;
    assert_eq!(read.map(drop).unwrap_err().kind, ErrorKind::Unsupported);
    let name = CollectionName::new("ed-fi/staffs");
    assert_eq!(target.path(&name), folder.path().join("staffs.jsonl"));
}
