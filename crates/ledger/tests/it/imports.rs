//! Lines that another program sent, and when they count.

use md5::{Digest as _, Md5};
use syncline_ledger::{ImportCounts, ImportedLine, Ledger, LedgerError, ReceiptResult, ScopeId};
use syncline_model::{CollectionName, Done, FailureClass};

use crate::common::{begin, created, digest, open, owed, receipt, scope, students};

fn line(text: &str, at: i64, status: u16) -> ImportedLine {
    ImportedLine {
        md5: Md5::digest(text).into(),
        at,
        status,
    }
}

fn import(ledger: &mut Ledger, scope: ScopeId, lines: &[ImportedLine]) -> ImportCounts {
    ledger
        .import::<LedgerError>(scope, &students(), lines.iter().copied().map(Ok))
        .unwrap()
}

/// When the line of a key was accepted, as far as the ledger says so.
fn accepted(ledger: &Ledger, scope: ScopeId, key: u64, text: &str) -> Option<i64> {
    let lines = ledger.imported(scope, &students()).unwrap()?;
    let found = lines.accepted(&digest(key), text.as_bytes()).unwrap();
    found.map(|line| line.at)
}

#[test]
fn accepted_lines_are_known_by_what_was_sent() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let id = scope(&mut ledger);
    assert!(ledger.imported(id, &students()).unwrap().is_none());
    let lines = [
        line("a", 1_000, 201),
        line("b", 1_001, 409),
        line("c", 1_002, 200),
    ];
    let counts = import(&mut ledger, id, &lines);
    assert_eq!((counts.accepted, counts.declined), (2, 1));
    drop(ledger);
    let ledger = open(directory.path());
    let found = |text| accepted(&ledger, id, 1, text);
    assert_eq!(
        [found("a"), found("b"), found("c"), found("d")],
        [Some(1_000), None, Some(1_002), None]
    );
    let rows = ledger.collections(id).unwrap();
    assert_eq!((rows[0].held, rows[0].imported), (0, 2));
    let schools = CollectionName::new("ed-fi/schools");
    assert!(ledger.imported(id, &schools).unwrap().is_none());
}

#[test]
fn lines_that_were_all_declined_are_as_good_as_none() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let id = scope(&mut ledger);
    import(
        &mut ledger,
        id,
        &[line("a", 1_000, 500), line("b", 1_000, 403)],
    );
    assert!(ledger.imported(id, &students()).unwrap().is_none());
}

#[test]
fn of_several_imports_the_line_sent_last_counts_in_any_order() {
    let (early, late) = (line("a", 1_000, 201), line("a", 2_000, 409));
    for order in [[early, late], [late, early]] {
        let directory = tempfile::tempdir().unwrap();
        let mut ledger = open(directory.path());
        let id = scope(&mut ledger);
        for one in order {
            import(&mut ledger, id, &[one]);
        }
        assert_eq!(accepted(&ledger, id, 1, "a"), None, "{order:?}");
        import(&mut ledger, id, &[line("a", 3_000, 200)]);
        assert_eq!(accepted(&ledger, id, 1, "a"), Some(3_000));
    }
}

#[test]
fn what_is_known_or_owed_overrules_what_was_imported() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let id = scope(&mut ledger);
    import(&mut ledger, id, &[line("a", 1_000, 201)]);
    let run = begin(&mut ledger, id);
    let receipts = [created(1, 1), owed(2, 2, FailureClass::Unavailable)];
    ledger.record(id, run, &receipts).unwrap();
    let found = |key| accepted(&ledger, id, key, "a");
    assert_eq!([found(1), found(2), found(3)], [None, None, Some(1_000)]);
}

#[test]
fn a_deleted_record_is_not_taken_for_sent() {
    for result in [ReceiptResult::Gone, ReceiptResult::Settled(Done::Deleted)] {
        let directory = tempfile::tempdir().unwrap();
        let mut ledger = open(directory.path());
        let id = scope(&mut ledger);
        import(&mut ledger, id, &[line("a", 1_999, 201)]);
        let run = begin(&mut ledger, id);
        // The receipts of these tests are from the time 2,000.
        ledger.record(id, run, &[receipt(1, 1, result)]).unwrap();
        assert_eq!(accepted(&ledger, id, 1, "a"), None);
        assert_eq!(accepted(&ledger, id, 2, "a"), Some(1_999), "another record");
        // Sent once more by the other program, after it was deleted.
        import(&mut ledger, id, &[line("a", 2_001, 201)]);
        assert_eq!(accepted(&ledger, id, 1, "a"), Some(2_001));
    }
}

#[test]
fn an_import_that_breaks_off_keeps_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let id = scope(&mut ledger);
    let lines = (0..5_000).map(|number| match number {
        4_999 => Err(LedgerError::Damaged {
            path: "students.dat".into(),
            source: "it ends too early".into(),
        }),
        _ => Ok(line(&number.to_string(), 1_000, 201)),
    });
    let error = ledger.import(id, &students(), lines).unwrap_err();
    assert!(error.to_string().contains("students.dat"), "{error}");
    assert!(ledger.imported(id, &students()).unwrap().is_none());
    assert_eq!(ledger.collections(id).unwrap(), []);
}
