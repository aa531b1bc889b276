//! Who may hold a ledger, and who may look at its files.

use std::path::Path;

use syncline_ledger::{Holder, Ledger, LedgerError, Receipt};

use crate::common::{begin, created, holder, open, scope, students, target};

#[test]
fn a_second_opener_is_told_who_holds_the_ledger() {
    let directory = tempfile::tempdir().unwrap();
    let first = open(directory.path());
    let error = Ledger::open(directory.path(), &holder()).unwrap_err();
    let message = error.to_string();
    for part in [
        "`send --only students`",
        "on school-7",
        "since 2026-11-21 08:00",
        "ledger.lock",
    ] {
        assert!(message.contains(part), "{message}");
    }
    assert!(error.hint().is_some());
    let LedgerError::Held {
        holder: Some(named),
        ..
    } = error
    else {
        panic!("the holder is named");
    };
    assert_eq!(*named, holder());
    drop(first);
    open(directory.path());
}

#[test]
fn a_shorter_name_replaces_a_longer_one() {
    let directory = tempfile::tempdir().unwrap();
    open(directory.path());
    let short = Holder {
        command: "plan".to_owned(),
        ..holder()
    };
    let _held = Ledger::open(directory.path(), &short).unwrap();
    let error = Ledger::open(directory.path(), &holder()).unwrap_err();
    assert!(error.to_string().contains("`plan`"), "{error}");
}

fn open_flow(directory: &Path, source: &str) -> Result<Ledger, LedgerError> {
    let holder = Holder {
        command: format!("publish {source}"),
        ..holder()
    };
    Ledger::open_flow(directory, (&target(), source), &holder)
}

#[test]
fn flows_are_held_side_by_side_and_each_by_one() {
    let directory = tempfile::tempdir().unwrap();
    let north = open_flow(directory.path(), "north").unwrap();
    let _south = open_flow(directory.path(), "south").unwrap();
    let error = open_flow(directory.path(), "north").unwrap_err();
    assert!(matches!(error, LedgerError::FlowHeld { .. }), "{error:?}");
    assert!(error.to_string().contains("`publish north`"), "{error}");
    assert!(error.hint().is_some());
    let error = Ledger::open(directory.path(), &holder()).unwrap_err();
    assert!(error.to_string().contains("by `publish "), "{error}");
    drop(north);
    open_flow(directory.path(), "north").unwrap();
}

#[test]
fn no_flow_is_held_beside_the_whole() {
    let directory = tempfile::tempdir().unwrap();
    let whole = open(directory.path());
    let error = open_flow(directory.path(), "north").unwrap_err();
    assert!(error.to_string().contains("`send --only"), "{error}");
    drop(whole);
    open_flow(directory.path(), "north").unwrap();
    open(directory.path());
}

#[test]
fn flows_that_begin_together_make_one_ledger_and_lose_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let names = ["a", "b", "c", "d", "e", "f"];
    std::thread::scope(|threads| {
        for name in names {
            let directory = directory.path();
            threads.spawn(move || {
                let mut ledger = open_flow(directory, name).unwrap();
                let scope = ledger.scope(&target(), name).unwrap();
                let run = begin(&mut ledger, scope);
                for number in 0..20 {
                    let receipts = [created(number, number)];
                    ledger.record(scope, run, &receipts).unwrap();
                }
            });
        }
    });
    let mut ledger = open(directory.path());
    for name in names {
        let scope = ledger.scope(&target(), name).unwrap();
        assert_eq!(ledger.collection_size(scope, &students()).unwrap(), 20);
    }
}

#[test]
fn a_view_reads_while_the_ledger_is_held_and_written() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let id = scope(&mut ledger);
    let run = begin(&mut ledger, id);
    let view = Ledger::open_read_only(directory.path()).unwrap();
    for number in 1..4 {
        ledger.record(id, run, &[created(number, 1)]).unwrap();
        assert_eq!(view.collection_size(id, &students()).unwrap(), number);
    }
    drop(ledger);
    assert_eq!(view.scan(id, &students()).unwrap().count(), 3);
    drop(view);
    let later = Ledger::open_read_only(directory.path()).unwrap();
    assert_eq!(later.collection_size(id, &students()).unwrap(), 3);
}

#[test]
fn looking_at_a_ledger_that_is_not_there_makes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let error = Ledger::open_read_only(directory.path()).unwrap_err();
    assert!(matches!(error, LedgerError::Open { .. }), "{error:?}");
    assert!(error.to_string().contains("ledger.sqlite"));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn only_this_user_can_look_at_the_files() {
    use std::os::unix::fs::PermissionsExt as _;

    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("state").join("district-7");
    let mut ledger = open(&directory);
    let id = scope(&mut ledger);
    let run = begin(&mut ledger, id);
    let receipts: Vec<Receipt> = (0..100).map(|number| created(number, 1)).collect();
    ledger.record(id, run, &receipts).unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
    }
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "ledger.lock",
            "ledger.sqlite",
            "ledger.sqlite-shm",
            "ledger.sqlite-wal"
        ]
    );
}
