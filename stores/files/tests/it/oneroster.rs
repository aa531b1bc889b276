//! A `OneRoster` folder that is filled and changed: the manifest says what is there, and nothing else.

use std::collections::BTreeMap;
use std::path::Path;

use syncline_model::{Change, CollectionName, Done, Outcome};
use syncline_store::{Query, Result, Store as _};
use syncline_store_files::{TableSettings, TablesStore};

use super::folder;
use super::tables::{complete, payloads, read, record, text, users, write};

const ABSENT: &str = "propertyName,value\r\nmanifest.version,1.0\r\nfile.users,absent\r\n\
                      file.orgs,absent\r\nsource.systemName,\"SIS, \"\"new\"\"\"\r\n";

fn opened(folder: &Path, declared: &[(&str, &str)]) -> Result<TablesStore> {
    let table = |(name, file): &(&str, &str)| {
        let settings = TableSettings {
            file: Some((*file).to_owned()),
            ..TableSettings::default()
        };
        ((*name).to_owned(), settings)
    };
    let declared: BTreeMap<_, _> = declared.iter().map(table).collect();
    TablesStore::open(folder, &TableSettings::default(), &declared)
}

fn target(folder: &Path) -> TablesStore {
    opened(folder, &[]).unwrap().as_target()
}

async fn names(store: &TablesStore) -> Vec<String> {
    let catalog = store.describe().await.unwrap();
    let names = catalog.collections.keys().map(CollectionName::as_str);
    names.map(str::to_owned).collect()
}

async fn created(store: &TablesStore, ids: &[&str]) {
    let create = |id: &&str| Change::create(record(&format!(r#"{{"id":"{id}","name":"n"}}"#)));
    let changes: Vec<Change> = ids.iter().map(create).collect();
    for outcome in write(store, &changes).await {
        let Outcome::Done { done, .. } = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(done, Done::Created);
    }
}

fn bulk(manifest: &str) -> String {
    manifest.replace("file.users,absent", "file.users,bulk")
}

#[tokio::test]
async fn a_folder_is_filled_from_nothing_and_then_changed() {
    let folder = folder(&[("manifest.csv", ABSENT.as_bytes())]);
    let error = opened(folder.path(), &[]).unwrap().describe().await;
    let message = error.unwrap_err().message;
    assert!(
        message.ends_with("manifest.csv calls all of its files absent"),
        "{message}"
    );
    let store = target(folder.path());
    assert_eq!(names(&store).await, ["orgs", "users"]);
    assert_eq!(payloads(&read(&store).await), [""; 0]);
    created(&store, &["1", "2"]).await;
    assert_eq!(
        text(folder.path(), "manifest.csv"),
        ABSENT,
        "not before it is complete"
    );
    complete(&store).await;
    assert_eq!(
        text(folder.path(), "users.csv"),
        "id,name,note\n1,n,\n2,n,\n"
    );
    assert_eq!(text(folder.path(), "manifest.csv"), bulk(ABSENT));
    // Whoever reads the folder sees what is there.
    let source = opened(folder.path(), &[]).unwrap();
    assert_eq!(names(&source).await, ["users"]);
    let walk = read(&source).await;
    assert_eq!(walk.records.len(), 2);
    assert!(walk.end.unwrap().0.is_complete());
    // An update of it leaves the manifest as it is.
    let store = target(folder.path());
    let update = Change::update(record(r#"{"id":"2","name":"other"}"#));
    let delete = Change::delete(record(r#"{"id":"1"}"#));
    write(&store, &[update, delete]).await;
    complete(&store).await;
    assert_eq!(text(folder.path(), "users.csv"), "id,name,note\n2,other,\n");
    assert_eq!(text(folder.path(), "manifest.csv"), bulk(ABSENT));
    assert!(!folder.path().join("manifest.csv.part").exists());
}

#[tokio::test]
async fn other_lines_of_the_manifest_stay_as_they_are() {
    let utf16 = |text: &str| -> Vec<u8> {
        let units = text.encode_utf16();
        units.flat_map(u16::to_be_bytes).collect()
    };
    let utf8 = |text: &str| text.as_bytes().to_vec();
    let marked = format!("\u{feff}{ABSENT}");
    for (before, after) in [
        (
            utf8("\u{feff}a,b\n\nfile.users,absent\nfile.absent,absent\nnote,absent\n"),
            utf8("\u{feff}a,b\n\nfile.users,bulk\nfile.absent,absent\nnote,absent\n"),
        ),
        (
            utf8("\"file.users\",\"absent\",absent"),
            utf8("\"file.users\",\"bulk\",absent"),
        ),
        (
            utf8("file.users, absent ,é\r\nfile.users,absent\n"),
            utf8("file.users, bulk ,é\r\nfile.users,bulk\n"),
        ),
        (utf16(&marked), utf16(&bulk(&marked))),
    ] {
        let folder = folder(&[("manifest.csv", &before)]);
        let store = target(folder.path());
        created(&store, &["1"]).await;
        complete(&store).await;
        let found = fs_err::read(folder.path().join("manifest.csv")).unwrap();
        assert_eq!(found, after, "{}", String::from_utf8_lossy(&found));
    }
}

#[tokio::test]
async fn a_killed_run_leaves_a_folder_that_is_read_as_it_was_or_as_it_is_to_be() {
    // Killed before the table was complete.
    let folder = folder(&[("manifest.csv", ABSENT.as_bytes())]);
    created(&target(folder.path()), &["1"]).await;
    let as_it_was = async || {
        assert_eq!(text(folder.path(), "manifest.csv"), ABSENT);
        let source = opened(folder.path(), &[]).unwrap();
        assert!(source.describe().await.is_err());
    };
    as_it_was().await;
    // The next run takes in what was written, and is killed when the table is in its place.
    let store = target(folder.path());
    assert_eq!(read(&store).await.records.len(), 1);
    as_it_was().await;
    created(&store, &["2"]).await;
    let in_the_way = folder.path().join("manifest.csv.part");
    fs_err::create_dir(&in_the_way).unwrap();
    assert!(store.complete(&users(&[])).await.is_err());
    assert_eq!(
        text(folder.path(), "users.csv"),
        "id,name,note\n1,n,\n2,n,\n"
    );
    as_it_was().await;
    // The run after it finds nothing to change, and says that the table is there.
    fs_err::remove_dir(in_the_way).unwrap();
    let store = target(folder.path());
    assert_eq!(read(&store).await.records.len(), 2);
    as_it_was().await;
    complete(&store).await;
    assert_eq!(text(folder.path(), "manifest.csv"), bulk(ABSENT));
    assert_eq!(names(&opened(folder.path(), &[]).unwrap()).await, ["users"]);
}

#[tokio::test]
async fn a_table_of_which_nothing_was_written_stays_absent() {
    let folder = folder(&[("manifest.csv", ABSENT.as_bytes())]);
    let store = target(folder.path());
    complete(&store).await;
    let unfit = Change::create(record(r#"{"id":"1","nam":"x"}"#));
    let outcomes = write(&store, &[unfit]).await;
    assert!(matches!(outcomes[0], Outcome::Refused(_)), "{outcomes:?}");
    complete(&store).await;
    assert_eq!(text(folder.path(), "manifest.csv"), ABSENT);
    assert!(!folder.path().join("users.csv").exists());
    assert!(!folder.path().join("users.csv.changes").exists());
}

#[tokio::test]
async fn what_a_manifest_says_holds_for_tables_of_other_names() {
    let manifest = "file.users,absent\nfile.orgs,delta\n";
    let files: [(&str, &[u8]); 3] = [
        ("manifest.csv", manifest.as_bytes()),
        ("users.csv", b"id,name,note\n1,old,\n"),
        ("orgs.csv", b"id\n1\n"),
    ];
    let folder = folder(&files);
    // A file that is left over from somewhere is not read, under any name.
    let people = [("people", "users.csv"), ("users", "orgs.csv")];
    let source = opened(folder.path(), &people).unwrap();
    assert_eq!(names(&source).await, ["users"]);
    assert!(!read(&source).await.end.unwrap().0.is_complete(), "a delta");
    let error = opened(folder.path(), &[("users", "users.csv")]).unwrap();
    let error = error.read(Query::records(users(&[]))).await;
    let error = error.err().unwrap();
    assert!(
        error
            .message
            .ends_with("manifest.csv calls users.csv absent"),
        "{error}"
    );
    // A target says what is there, and loses none of it.
    let store = opened(folder.path(), &[("users", "users.csv")])
        .unwrap()
        .as_target();
    assert_eq!(read(&store).await.records.len(), 1);
    created(&store, &["2"]).await;
    complete(&store).await;
    assert_eq!(
        text(folder.path(), "users.csv"),
        "id,name,note\n1,old,\n2,n,\n"
    );
    assert_eq!(text(folder.path(), "manifest.csv"), bulk(manifest));
}

#[tokio::test]
async fn manifests_that_cannot_be_right_are_refused() {
    for (manifest, told) in [
        ("manifest.version,1.0\n", "manifest.csv names no files"),
        (
            "\nfile.users,some\n",
            "manifest.csv:2: `file.users` is neither bulk nor delta nor absent",
        ),
        (
            "file.users,bulk\nfile.users,absent\n",
            "manifest.csv:2: `file.users` is said twice, and each time otherwise",
        ),
        (
            "file.../users,bulk\n",
            "manifest.csv:1: `file.../users` names no file of the folder",
        ),
        (
            "file.users,bulk\n",
            "manifest.csv says that users.csv is there, and it is not",
        ),
    ] {
        let folder = folder(&[("manifest.csv", manifest.as_bytes())]);
        let error = opened(folder.path(), &[]).unwrap_err();
        assert!(error.message.ends_with(told), "{error}");
    }
}

#[tokio::test]
async fn a_manifest_that_another_run_writes_is_left_alone() {
    let folder = folder(&[("manifest.csv", ABSENT.as_bytes())]);
    let store = target(folder.path());
    created(&store, &["1"]).await;
    let other = fs_err::File::open(folder.path().join("manifest.csv")).unwrap();
    other.file().lock().unwrap();
    let error = store.complete(&users(&[])).await.unwrap_err();
    assert!(
        error.message.ends_with("is being written by another run"),
        "{error}"
    );
    assert_eq!(text(folder.path(), "manifest.csv"), ABSENT);
    drop(other);
    complete(&store).await;
    assert_eq!(text(folder.path(), "manifest.csv"), bulk(ABSENT));
}
