//! Files of earlier formats.

use rusqlite::Connection;
use syncline_ledger::{LedgerError, LedgerView, Receipt};
use syncline_model::{Done, FailureClass};

use crate::common::{begin, created, digest, open, owed, scan, scope, students, target};

/// What the first format made, as its program wrote it.
const FORMAT_1: &str = "
PRAGMA journal_mode = WAL;
CREATE TABLE scope (
    id INTEGER PRIMARY KEY,
    target TEXT NOT NULL,
    source TEXT NOT NULL,
    UNIQUE (target, source)
) STRICT;
CREATE TABLE collection (
    id INTEGER PRIMARY KEY,
    scope INTEGER NOT NULL REFERENCES scope (id),
    name TEXT NOT NULL,
    held INTEGER NOT NULL DEFAULT 0,
    mark TEXT,
    UNIQUE (scope, name)
) STRICT;
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    scope INTEGER NOT NULL REFERENCES scope (id),
    command TEXT NOT NULL,
    started INTEGER NOT NULL,
    ended INTEGER,
    outcome TEXT,
    counts TEXT
) STRICT;
CREATE TABLE record (
    collection INTEGER NOT NULL,
    key BLOB NOT NULL,
    digest BLOB NOT NULL,
    held BLOB,
    status INTEGER NOT NULL,
    outcome INTEGER NOT NULL,
    at INTEGER NOT NULL,
    run INTEGER NOT NULL,
    handle TEXT,
    PRIMARY KEY (collection, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE owed (
    id INTEGER PRIMARY KEY,
    collection INTEGER NOT NULL,
    key BLOB NOT NULL,
    class INTEGER NOT NULL,
    reason TEXT NOT NULL,
    key_text TEXT NOT NULL,
    payload BLOB NOT NULL,
    origin TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    UNIQUE (collection, key)
) STRICT;
CREATE INDEX owed_by_class ON owed (collection, class);
PRAGMA application_id = 0x53794c65;
PRAGMA user_version = 1;
";

fn format_1(file: &std::path::Path) {
    let connection = Connection::open(file).unwrap();
    connection.execute_batch(FORMAT_1).unwrap();
    connection
        .execute_batch(&format!(
            "INSERT INTO scope VALUES (1, '{}', 'nightly');
             INSERT INTO collection VALUES (7, 1, 'ed-fi/students', 2, '17');
             INSERT INTO run VALUES (1, 1, 'send', 900, 950, 'completed', '{{}}');
             INSERT INTO run VALUES (2, 1, 'send', 1000, NULL, NULL, NULL);",
            target().0
        ))
        .unwrap();
    let mut put = connection
        .prepare("INSERT INTO record VALUES (7, ?1, ?2, ?3, 201, ?4, 2000, 1, 'abc')")
        .unwrap();
    let key = |number| *digest(number).as_bytes();
    put.execute((key(1), key(10), None::<[u8; 16]>, 1)).unwrap();
    put.execute((key(2), key(21), Some(key(20)), 10)).unwrap();
    connection
        .execute(
            "INSERT INTO owed VALUES (1, 7, ?1, 10, 'no', '[2]', x'7b7d', 'students.jsonl:2', 3, 1500)",
            [key(2)],
        )
        .unwrap();
}

#[test]
fn a_file_of_the_first_format_is_brought_up_to_date_and_keeps_everything() {
    let directory = tempfile::tempdir().unwrap();
    format_1(&directory.path().join("ledger.sqlite"));
    let mut ledger = open(directory.path());
    let id = scope(&mut ledger);
    assert_eq!(scan(&ledger, id).len(), 2);
    assert_eq!(ledger.collection_size(id, &students()).unwrap(), 2);
    let owed_change = ledger.owed(id, None).unwrap().next().unwrap().unwrap();
    assert_eq!((owed_change.key, owed_change.attempts), (digest(2), 3));
    assert_eq!(ledger.runs(9).unwrap().len(), 2);

    let run = begin(&mut ledger, id);
    let receipts: Vec<Receipt> = vec![created(2, 21), owed(3, 3, FailureClass::Content)];
    ledger.record(id, run, &receipts).unwrap();
    let none = std::iter::empty::<Result<_, LedgerError>>();
    ledger.import(id, &students(), none).unwrap();
    ledger.check().unwrap();
    drop(ledger);
    let connection = Connection::open(directory.path().join("ledger.sqlite")).unwrap();
    let version: i64 = connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap();
    assert_eq!(version, 5);
    assert_eq!(scan(&open(directory.path()), id).len(), 3);
}

#[test]
fn a_file_of_the_first_format_can_be_looked_at_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ledger.sqlite");
    format_1(&file);
    let view = LedgerView::open(directory.path()).unwrap();
    let id = view.find_scope(&target(), "nightly").unwrap().unwrap();
    let rows = view.collections(id).unwrap();
    assert_eq!((rows.len(), rows[0].held, rows[0].imported), (1, 2, 0));
    assert_eq!(rows[0].mark.as_ref().unwrap().0, "17");
    assert_eq!(view.place(id, &students()).unwrap(), None);
    assert_eq!(view.lists(id, &students()).unwrap(), None);
    assert!(view.gone(id, &students(), (None, 9)).unwrap().is_empty());
    assert!(!view.has_moved(id, &students()).unwrap());
    assert!(view.imported(id, &students()).unwrap().is_none());
    let page = view.page(id, &students(), None, 10).unwrap();
    assert_eq!(page.len(), 2);
    assert_eq!(
        view.find(id, &students(), &digest(1))
            .unwrap()
            .unwrap()
            .0
            .outcome,
        syncline_ledger::LastOutcome::Settled(Done::Created)
    );
    assert_eq!(view.last_run(id).unwrap().unwrap().start.started, 1_000);
    drop(view);
    let connection = Connection::open(&file).unwrap();
    let version: i64 = connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap();
    assert_eq!(version, 1, "looking changes nothing");
}
