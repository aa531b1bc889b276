//! Files that cannot be trusted, and disks that are full.

use std::path::Path;

use rusqlite::Connection;
use syncline_ledger::{Ledger, LedgerError, LedgerView, Receipt};

use crate::common::{begin, created, holder, open, scan, scope, students};

fn refusals(directory: &Path) -> [LedgerError; 2] {
    [
        Ledger::open(directory, &holder()).unwrap_err(),
        LedgerView::open(directory).unwrap_err(),
    ]
}

#[test]
fn a_newer_file_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()));
    let file = directory.path().join("ledger.sqlite");
    let connection = Connection::open(&file).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    for error in refusals(directory.path()) {
        assert!(
            matches!(
                error,
                LedgerError::Newer {
                    found: 99,
                    known: 5,
                    ..
                }
            ),
            "{error:?}"
        );
        assert!(
            error
                .to_string()
                .contains("ledger.sqlite has ledger format 99"),
            "{error}"
        );
        assert!(error.hint().is_some());
    }
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ledger.sqlite");
    let text = "these are notes on the district's ledger\n".repeat(200);
    std::fs::write(&file, &text).unwrap();
    for error in refusals(directory.path()) {
        assert!(matches!(error, LedgerError::Damaged { .. }), "{error:?}");
        assert!(
            error.to_string().contains("ledger.sqlite is damaged"),
            "{error}"
        );
        assert!(error.hint().unwrap().contains("backup"));
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn the_database_of_another_program_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ledger.sqlite");
    Connection::open(&file)
        .unwrap()
        .execute_batch("CREATE TABLE mail (id INTEGER)")
        .unwrap();
    for error in refusals(directory.path()) {
        assert!(matches!(error, LedgerError::Damaged { .. }), "{error:?}");
    }
}

#[test]
fn damage_inside_the_file_is_found_by_reading() {
    // The second ledger is long enough that its middle is read ahead.
    for size in [5_000, 40_000] {
        damage_is_found(size);
    }
}

fn damage_is_found(size: u64) {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let id = scope(&mut ledger);
    let run = begin(&mut ledger, id);
    let receipts: Vec<Receipt> = (0..size).map(|number| created(number, 1)).collect();
    ledger.record(id, run, &receipts).unwrap();
    drop(ledger);
    let file = directory.path().join("ledger.sqlite");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 40_000].fill(0xa5);
    std::fs::write(&file, bytes).unwrap();
    let view = LedgerView::open(directory.path()).unwrap();
    assert!(matches!(view.check(), Err(LedgerError::Damaged { .. })));
    let mut scan = view.scan(id, &students()).unwrap();
    let read: Result<Vec<_>, _> = scan.by_ref().collect();
    assert!(matches!(read, Err(LedgerError::Damaged { .. })));
    assert!(scan.next().is_none(), "nothing comes after an error");
}

#[test]
fn a_full_disk_loses_nothing_that_was_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let id = scope(&mut ledger);
    let run = begin(&mut ledger, id);
    ledger.limit_pages(60).unwrap();
    let batch = |number: u64| -> Vec<Receipt> {
        (number * 500..(number + 1) * 500)
            .map(|key| created(key, 1))
            .collect()
    };
    let mut recorded = 0;
    let error = loop {
        match ledger.record(id, run, &batch(recorded)) {
            Ok(repeats) => assert_eq!(repeats, []),
            Err(error) => break error,
        }
        recorded += 1;
    };
    assert!(matches!(error, LedgerError::Full { .. }), "{error:?}");
    assert!(error.to_string().contains("ledger.sqlite"), "{error}");
    assert!(error.hint().unwrap().contains("is safe"));
    assert!(recorded > 0);
    let size = usize::try_from(recorded * 500).unwrap();
    assert_eq!(scan(&ledger, id).len(), size);
    assert_eq!(
        ledger.collection_size(id, &students()).unwrap(),
        recorded * 500
    );

    // With room again, the same process goes on where it stopped.
    ledger.limit_pages(1_000_000).unwrap();
    assert_eq!(
        ledger.record(id, run, &batch(recorded)).unwrap(),
        [],
        "nothing was half recorded"
    );
    ledger.check().unwrap();
    drop(ledger);
    assert_eq!(scan(&open(directory.path()), id).len(), size + 500);
}
