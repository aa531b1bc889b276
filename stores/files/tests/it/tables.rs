//! Tables that are read and changed in place.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use syncline_model::{
    Canonicaliser, Change, Collection, CollectionName, Coverage, Done, Field, FieldKind, KeyField,
    Outcome, Record,
};
use syncline_store::{Batch, Query, Store as _, WriteContext};
use syncline_store_files::{Dialect, TableSettings, TablesStore};
use syncline_testkit::conformance::{self, Trial, Walk};

use super::folder;

pub(crate) fn users(fields: &[&str]) -> Arc<Collection> {
    let mut users = Collection::named(CollectionName::new("users"));
    users.key = vec![KeyField {
        name: "id".to_owned(),
        path: vec!["id".to_owned()],
    }];
    let fields = fields.iter().map(|name| Field::new(*name, FieldKind::Text));
    users.fields = fields.collect();
    Arc::new(users)
}

pub(crate) fn open(folder: &Path, dialect: Dialect) -> TablesStore {
    let shared = TableSettings {
        dialect: Some(dialect),
        ..TableSettings::default()
    };
    TablesStore::open(folder, &shared, &BTreeMap::new()).unwrap()
}

pub(crate) fn plain(folder: &Path) -> TablesStore {
    open(folder, Dialect::default())
}

pub(crate) async fn read(store: &TablesStore) -> Walk {
    conformance::walk(store, Query::records(users(&[])))
        .await
        .unwrap()
}

pub(crate) fn payloads(walk: &Walk) -> Vec<String> {
    let text = |record: &Record| String::from_utf8(record.payload.to_vec()).unwrap();
    walk.records.iter().map(text).collect()
}

pub(crate) fn record(payload: &str) -> Record {
    let (key, digest) = Canonicaliser::new(&users(&[]))
        .read(payload.as_bytes())
        .unwrap();
    Record {
        key,
        digest,
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        handle: None,
        origin: None,
    }
}

pub(crate) async fn write(store: &TablesStore, changes: &[Change]) -> Vec<Outcome> {
    let collection = users(&["id", "name", "note"]);
    store
        .write(changes, &WriteContext { collection })
        .await
        .unwrap()
}

pub(crate) async fn complete(store: &TablesStore) {
    store.complete(&users(&[])).await.unwrap();
}

pub(crate) fn text(folder: &Path, name: &str) -> String {
    fs_err::read_to_string(folder.join(name)).unwrap()
}

fn is_done(outcome: &Outcome, expected: Done) -> bool {
    matches!(outcome, Outcome::Done { done, .. } if *done == expected)
}

/// A table of users with the ids 1 and 2, which have names, passes the suite of all stores.
pub(crate) async fn conforms(store: &TablesStore, users: Arc<Collection>) {
    let trial = Trial {
        collection: users,
        payloads: [
            r#"{"id":"2","name":"x"}"#,
            r#"{"id":"3","name":"=1+1\nzwei"}"#,
        ]
        .map(Bytes::from)
        .to_vec(),
    };
    conformance::run(store, std::slice::from_ref(&trial)).await;
    conformance::narrow(store, &[trial]).await;
}

#[tokio::test]
async fn csv_and_jsonl_tables_conform() {
    for (name, content) in [
        ("users.csv", &b"id,name\n1,a\n2,\"b, \"\"c\"\"\"\n"[..]),
        (
            "users.jsonl",
            &b"{\"id\":\"1\",\"name\":\"a\"}\n{\"id\":\"2\",\"name\":\"b\"}\n"[..],
        ),
    ] {
        let folder = folder(&[(name, content)]);
        let store = plain(folder.path());
        conforms(&store, users(&["id", "name"])).await;
    }
}

#[tokio::test]
async fn marks_delimiters_and_encodings_are_those_of_the_file() {
    let semicolons = Dialect {
        delimiter: b';',
        quote: b'\'',
        encoding: Some("windows-1252".to_owned()),
        ..Dialect::default()
    };
    let (utf16, ..) = encoding_utf16("id,name\n1,Zoë\n");
    let cases: [(&[u8], Dialect); 4] = [
        (b"\xef\xbb\xbfid,name\n1,Zo\xc3\xab\n", Dialect::default()),
        (b"id;name\r\n1;'Zo\xeb'\r\n", semicolons.clone()),
        (&utf16, Dialect::default()),
        (
            b"1;Zo\xeb\n",
            Dialect {
                columns: Some(vec!["id".to_owned(), "name".to_owned()]),
                ..semicolons
            },
        ),
    ];
    for (content, dialect) in cases {
        let folder = folder(&[("users.csv", content)]);
        let walk = read(&open(folder.path(), dialect)).await;
        assert_eq!(payloads(&walk), [r#"{"id":"1","name":"Zoë"}"#]);
        assert_eq!(walk.records[0].key.as_str(), "[\"1\"]");
    }
}

fn encoding_utf16(text: &str) -> (Vec<u8>,) {
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    (units.flat_map(u16::to_le_bytes).collect(),)
}

#[tokio::test]
async fn rows_that_are_no_records_are_told_with_their_line_and_cost_the_coverage() {
    let content = b"id,name\n1,\"two\nlines\"\n2\n3,c,d\n4,\xff\n5,e\n";
    let folder = folder(&[("users.csv", content)]);
    let walk = read(&plain(folder.path())).await;
    assert_eq!(walk.records.len(), 2);
    let told: Vec<String> = walk
        .rejected
        .iter()
        .map(|item| format!("{} {}", item.origin, item.reason))
        .collect();
    assert_eq!(
        told,
        [
            "users.csv:4 it has 1 cell, and there are 2 columns",
            "users.csv:5 it has 3 cells, and there are 2 columns",
            "users.csv:6 `name` is not in the encoding of the file; `encoding` can be declared",
        ]
    );
    let expected = Coverage::Partial("3 rows of users.csv are no records".to_owned());
    assert_eq!(walk.end.unwrap().0, expected);
}

#[tokio::test]
async fn a_quote_that_nobody_closed_does_not_take_in_the_rest_unseen() {
    for (content, line) in [
        ("id,name\n1,\"a\n2,b\n3,c\n", 2),
        ("id,name\n1,a\n2,\"b", 3),
        ("id,name\n1,a\n\"2,b\n", 3),
    ] {
        let folder = folder(&[("users.csv", content.as_bytes())]);
        let store = plain(folder.path());
        let walk = read(&store).await;
        let told: Vec<String> = walk
            .rejected
            .iter()
            .map(|item| format!("{} {}", item.origin, item.reason))
            .collect();
        let reason = "a quote is opened in it and not closed before the end of the file";
        assert_eq!(told, [format!("users.csv:{line} {reason}")]);
        let body = String::from_utf8_lossy(&walk.rejected[0].body).into_owned();
        assert!(!body.contains('\u{fffd}'), "{body}");
        assert!(matches!(walk.end.unwrap().0, Coverage::Partial(_)));
        // Nor is such a file written again, in which it would be closed.
        let new = [Change::create(record(r#"{"id":"9","name":"new"}"#))];
        let context = WriteContext {
            collection: users(&["id", "name"]),
        };
        let error = store.write(&new, &context).await.unwrap_err();
        assert!(error.to_string().contains("users.csv"), "{error}");
        assert_eq!(text(folder.path(), "users.csv"), content);
    }
    // Quotes within a cell, and one that is closed at the very end, are none of it.
    let folder = folder(&[("users.csv", b"id,name\n1,5\" pipe\n2,\"b \"\"c\"\"\"")]);
    let walk = read(&plain(folder.path())).await;
    assert_eq!((walk.records.len(), walk.rejected.len()), (2, 0));
    let folder = super::folder(&[("users.csv", b"id,\"name\n1,a\n")]);
    let error = plain(folder.path()).describe().await.unwrap_err();
    assert!(error.message.contains("a quote is opened"), "{error}");
}

#[tokio::test]
async fn headers_have_to_be_names() {
    for (header, told) in [
        ("id,id\n", "column 2 has the name of another"),
        ("id,\n", "column 2 has no name"),
    ] {
        let folder = folder(&[("users.csv", header.as_bytes())]);
        let error = plain(folder.path()).describe().await.unwrap_err();
        assert!(error.message.ends_with(told), "{error}");
    }
}

#[tokio::test]
async fn a_table_takes_in_changes_and_keeps_what_nothing_is_said_about() {
    let content = "id,name,other\n007,old,keep\n2,\"b, c\",x\n3,gone,y\nodd\n";
    let folder = folder(&[("users.csv", content.as_bytes())]);
    let store = plain(folder.path());
    let before = read(&store).await.records;
    let update = Change {
        before: Some(before[0].clone()),
        ..Change::update(record(r#"{"id":"7","name":"=new"}"#))
    };
    let delete = Change::delete(before[2].clone());
    let create = Change::create(record(r#"{"name":"née \"x\"","id":4}"#));
    let outcomes = write(&store, &[update, delete, create]).await;
    assert!(is_done(&outcomes[0], Done::Updated), "{outcomes:?}");
    assert!(is_done(&outcomes[1], Done::Deleted), "{outcomes:?}");
    assert!(is_done(&outcomes[2], Done::Created), "{outcomes:?}");
    assert_eq!(
        text(folder.path(), "users.csv"),
        content,
        "not before it is complete"
    );
    complete(&store).await;
    assert_eq!(
        text(folder.path(), "users.csv"),
        "id,name,other\n7,=new,keep\n2,\"b, c\",x\nodd\n4,\"née \"\"x\"\"\",\n"
    );
    assert!(!folder.path().join("users.csv.changes").exists());
}

#[tokio::test]
async fn a_row_takes_another_key_and_leaves_its_own_to_a_new_one() {
    let folder = folder(&[("users.jsonl", b"{\"id\":\"1\",\"name\":\"a\",\"n\":1.00}\n")]);
    let store = plain(folder.path());
    let from = record(r#"{"id":"1"}"#).key;
    let to = record(r#"{"id":"9"}"#).key;
    let again = Change::create(record(r#"{"id":"1","name":"new"}"#));
    let update = Change::update(record(r#"{"id":"9","name":"b"}"#));
    let outcomes = write(&store, &[Change::rekey(from, to), again, update]).await;
    assert!(is_done(&outcomes[1], Done::Created), "{outcomes:?}");
    assert!(is_done(&outcomes[2], Done::Updated), "{outcomes:?}");
    complete(&store).await;
    assert_eq!(
        text(folder.path(), "users.jsonl"),
        "{\"id\":\"9\",\"name\":\"b\",\"n\":1.00}\n{\"id\":\"1\",\"name\":\"new\"}\n"
    );
}

#[tokio::test]
async fn what_a_killed_run_left_is_taken_in_before_anything_is_read() {
    let folder = folder(&[("users.csv", b"id,name,note\n1,a,\n")]);
    {
        let store = plain(folder.path());
        write(
            &store,
            &[Change::create(record(r#"{"id":"2","name":"b"}"#))],
        )
        .await;
        write(
            &store,
            &[Change::delete(record(r#"{"id":"1","name":"a"}"#))],
        )
        .await;
        // The process is gone here: nothing is completed.
    }
    let walk = read(&plain(folder.path())).await;
    assert_eq!(payloads(&walk), [r#"{"id":"2","name":"b","note":""}"#]);
    assert_eq!(text(folder.path(), "users.csv"), "id,name,note\n2,b,\n");
}

#[tokio::test]
async fn a_run_that_is_killed_when_the_file_is_in_its_place_is_gone_on_with() {
    let folder = folder(&[("users.csv", b"id,name\n1,a\n")]);
    let changes = folder.path().join("users.csv.changes");
    let kept = folder.path().join("kept");
    let create = |id: &str| Change::create(record(&format!(r#"{{"id":"{id}","name":"n"}}"#)));
    let store = plain(folder.path());
    write(&store, &[create("2")]).await;
    // Killed before the file is in its place, in the middle of a line.
    drop(store);
    let torn = [fs_err::read(&changes).unwrap(), b"{\"row\":\"".to_vec()].concat();
    fs_err::write(&changes, torn).unwrap();
    // The same inode under another name is what a kill just behind the replacement leaves.
    fs_err::hard_link(&changes, &kept).unwrap();
    assert_eq!(read(&plain(folder.path())).await.records.len(), 2);
    assert!(!changes.exists());
    fs_err::rename(&kept, &changes).unwrap();
    let store = plain(folder.path());
    write(&store, &[create("3")]).await;
    complete(&store).await;
    assert_eq!(text(folder.path(), "users.csv"), "id,name\n1,a\n2,n\n3,n\n");
    assert!(!changes.exists());
}

#[tokio::test]
async fn a_record_over_several_lines_is_one_line_of_the_file_and_of_the_changes() {
    let folder = folder(&[("users.jsonl", b"")]);
    let several = "{ \"id\": \"1\",\n  \"list\": [1,\r\n 2, \"a b\"]\n}";
    write(&plain(folder.path()), &[Change::create(record(several))]).await;
    // The process is gone here.
    let walk = read(&plain(folder.path())).await;
    assert_eq!((walk.records.len(), walk.rejected.len()), (1, 0));
    let line = "{\"id\":\"1\",\"list\":[1,2,\"a b\"]}\n";
    assert_eq!(text(folder.path(), "users.jsonl"), line);
}

#[tokio::test]
async fn a_file_that_something_else_changed_is_not_replaced() {
    let folder = folder(&[("users.csv", b"id,name\n1,a\n")]);
    let store = plain(folder.path());
    write(
        &store,
        &[Change::create(record(r#"{"id":"2","name":"b"}"#))],
    )
    .await;
    fs_err::write(folder.path().join("users.csv"), "id,name\n1,a\n5,other\n").unwrap();
    let error = store.complete(&users(&[])).await.unwrap_err();
    assert!(
        error.message.contains("changed by something else"),
        "{error}"
    );
    assert_eq!(text(folder.path(), "users.csv"), "id,name\n1,a\n5,other\n");
}

#[tokio::test]
async fn two_runs_do_not_write_one_table() {
    let folder = folder(&[("users.csv", b"id,name\n1,a\n")]);
    let one = plain(folder.path());
    write(&one, &[Change::create(record(r#"{"id":"2","name":"b"}"#))]).await;
    let other = plain(folder.path());
    let collection = users(&[]);
    let change = Change::create(record(r#"{"id":"3"}"#));
    let refused = other
        .write(&[change], &WriteContext { collection })
        .await
        .unwrap_err();
    assert!(
        refused.message.ends_with("is being written by another run"),
        "{refused}"
    );
    complete(&one).await;
    assert_eq!(text(folder.path(), "users.csv"), "id,name\n1,a\n2,b\n");
}

#[tokio::test]
async fn what_a_file_cannot_hold_is_refused() {
    let dialect = Dialect {
        encoding: Some("latin1".to_owned()),
        ..Dialect::default()
    };
    let folder = folder(&[("users.csv", b"id,name\n")]);
    let store = open(folder.path(), dialect);
    let changes = [
        r#"{"id":"1","name":"日本"}"#,
        r#"{"id":"2","nam":"x"}"#,
        r#"{"id":"3","name":"é"}"#,
    ];
    let changes = changes.map(|payload| Change::create(record(payload)));
    let outcomes = write(&store, &changes).await;
    let reason = |outcome: &Outcome| match outcome {
        Outcome::Refused(refusal) => refusal.text(),
        other => format!("{other:?}"),
    };
    assert_eq!(
        reason(&outcomes[0]),
        "`name` has letters that windows-1252 does not have"
    );
    assert_eq!(reason(&outcomes[1]), "the file has no column `nam`");
    complete(&store).await;
    assert_eq!(
        fs_err::read(folder.path().join("users.csv")).unwrap(),
        b"id,name\n3,\xe9\n"
    );
}

#[tokio::test]
async fn a_missing_file_is_empty_only_for_a_target_that_declares_it() {
    let empty = folder(&[]);
    let declared = BTreeMap::from([("users".to_owned(), TableSettings::default())]);
    let store = TablesStore::open(empty.path(), &TableSettings::default(), &declared).unwrap();
    let error = store.read(Query::records(users(&[]))).await.err().unwrap();
    assert!(error.message.ends_with("users.csv is not there"), "{error}");
    let target = store.as_target();
    assert_eq!(read(&target).await.records.len(), 0);
    write(
        &target,
        &[Change::create(record(r#"{"id":"1","note":"n"}"#))],
    )
    .await;
    complete(&target).await;
    assert_eq!(text(empty.path(), "users.csv"), "id,name,note\n1,,n\n");
}

#[tokio::test]
async fn a_oneroster_folder_is_what_its_manifest_says() {
    let manifest = "propertyName,value\nmanifest.version,1.0\nfile.users,bulk\n\
                    file.orgs,delta\nfile.classes,absent\n";
    let files: [(&str, &[u8]); 4] = [
        ("manifest.csv", manifest.as_bytes()),
        ("users.csv", b"id\n1\n"),
        ("orgs.csv", b"id\n1\n"),
        ("classes.csv", b"id\n1\n"),
    ];
    let folder = folder(&files);
    let store = plain(folder.path());
    let catalog = store.describe().await.unwrap();
    let names: Vec<&str> = catalog
        .collections
        .keys()
        .map(CollectionName::as_str)
        .collect();
    assert_eq!(names, ["orgs", "users"]);
    assert!(read(&store).await.end.unwrap().0.is_complete());
    let orgs = Arc::new(Collection {
        name: CollectionName::new("orgs"),
        ..(*users(&[])).clone()
    });
    let walk = conformance::walk(&store, Query::records(orgs))
        .await
        .unwrap();
    assert!(
        !walk.end.unwrap().0.is_complete(),
        "a delta is not everything"
    );
    fs_err::remove_file(folder.path().join("users.csv")).unwrap();
    let shared = TableSettings::default();
    let error = TablesStore::open(folder.path(), &shared, &BTreeMap::new()).unwrap_err();
    assert!(
        error.message.contains("says that users.csv is there"),
        "{error}"
    );
}

/// What is seen at the second look at rows, after something was done to the file.
async fn looked_at(content: &[u8], done: impl FnOnce(&Path)) -> Vec<Vec<String>> {
    let folder = folder(&[("users.csv", content)]);
    let store = plain(folder.path());
    let query = Query::records(users(&[]));
    let (mut stream, look) = store.read_with_second_look(query).await.unwrap();
    let mut origins = Vec::new();
    while let Some(batch) = stream.next().await {
        if let Batch::Put(records) = batch.unwrap() {
            origins.extend(records.into_iter().filter_map(|record| record.origin));
        }
    }
    done(&folder.path().join("users.csv"));
    let mut look = look.unwrap();
    let text = |record: Record| String::from_utf8(record.payload.to_vec()).unwrap();
    let seen = origins
        .iter()
        .map(|origin| look.records_at(origin).unwrap());
    seen.map(|records| records.into_iter().map(text).collect())
        .collect()
}

/// Another file takes the place of one.
fn replaced(path: &Path) {
    let beside = path.with_extension("new");
    fs_err::write(&beside, "id,name\n7,x\n").unwrap();
    fs_err::rename(beside, path).unwrap();
}

#[test]
fn a_file_that_is_replaced_before_a_row_of_it_is_read_changed_meanwhile() {
    let folder = folder(&[("users.csv", b"id,name\n1,a\n2,b\n")]);
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.max_blocking_threads(1).build().unwrap();
    let coverage = runtime.block_on(async {
        // The one thread on which files are read is busy until the file is replaced.
        let (idle, until_idle) = std::sync::mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || until_idle.recv());
        let query = Query::records(users(&[]));
        let (mut stream, _look) = plain(folder.path())
            .read_with_second_look(query)
            .await
            .unwrap();
        replaced(&folder.path().join("users.csv"));
        drop(idle);
        while let Some(batch) = stream.next().await {
            if let Batch::End { coverage, .. } = batch.unwrap() {
                return Some(coverage);
            }
        }
        None
    });
    let changed = "users.csv changed while it was read".to_owned();
    assert_eq!(coverage, Some(Coverage::Partial(changed)));
}

#[tokio::test]
async fn rows_are_seen_again_as_they_were_read_though_their_file_is_replaced() {
    let content = "\u{feff}id,name\r\n1,Zo\u{eb}\r\n\r\n2,\"b, \"\"c\"\"\nd\"\r\n3,e";
    let expected = [
        [r#"{"id":"1","name":"Zoë"}"#.to_owned()],
        [r#"{"id":"2","name":"b, \"c\"\nd"}"#.to_owned()],
        [r#"{"id":"3","name":"e"}"#.to_owned()],
    ];
    assert_eq!(looked_at(content.as_bytes(), |_| {}).await, expected);
    assert_eq!(looked_at(content.as_bytes(), replaced).await, expected);
}

#[tokio::test]
async fn rows_that_were_altered_in_place_are_seen_as_they_are() {
    let content = b"id,name\n1,abc\n2,def\n3,\"ghi\"\n";
    let altered = |path: &Path| fs_err::write(path, "id,name\n1,abc\n2,dxf\n3,\"g").unwrap();
    let seen = looked_at(content, altered).await;
    assert_eq!(
        seen,
        [
            vec![r#"{"id":"1","name":"abc"}"#.to_owned()],
            vec![r#"{"id":"2","name":"dxf"}"#.to_owned()],
            vec![],
        ]
    );
}

#[tokio::test]
async fn text_that_is_decoded_is_not_looked_at_again() {
    let (utf16, ..) = encoding_utf16("id,name\n1,Zoë\n");
    let folder = folder(&[("users.csv", &utf16)]);
    let query = Query::records(users(&[]));
    let opened = plain(folder.path()).read_with_second_look(query).await;
    assert!(opened.unwrap().1.is_none());
}
