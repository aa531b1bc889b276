//! A process that is killed loses nothing it was told is recorded, and leaves no lock behind.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use syncline_ledger::{Ledger, LedgerError, Receipt};
use syncline_model::FailureClass;

use crate::common::{begin, created, digest, holder, open, owed, scan, scope};

/// Set in the child: the state directory to record into.
const CHILD: &str = "SYNCLINE_LEDGER_KILL_CHILD";
const BATCH: u64 = 300;

/// Receipts of a batch; every tenth key is owed.
fn batch(number: u64) -> Vec<Receipt> {
    (number * BATCH..(number + 1) * BATCH)
        .map(|key| match key % 10 {
            0 => owed(key, number, FailureClass::Unavailable),
            _ => created(key, number),
        })
        .collect()
}

/// Records batches for ever and says so after each.
fn record_until_killed(directory: &Path) {
    let mut ledger = open(directory);
    let id = scope(&mut ledger);
    let run = begin(&mut ledger, id);
    let mut stdout = std::io::stdout();
    for number in 0.. {
        ledger.record(id, run, &batch(number)).unwrap();
        writeln!(stdout, "\nrecorded {number}").unwrap();
        stdout.flush().unwrap();
    }
}

/// This test again, in a process of its own that records until it is killed.
fn start_child(directory: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "kill::what_was_recorded_survives_a_kill",
            "--nocapture",
        ])
        .env(CHILD, directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Kills the child once it has said so many times that it recorded; returns all it said.
fn kill_after(child: &mut Child, times: usize) -> Vec<u64> {
    let lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let mut said = lines.filter_map(|line| line.strip_prefix("recorded ")?.parse().ok());
    let mut numbers: Vec<u64> = said.by_ref().take(times).collect();
    assert_eq!(numbers.len(), times, "the child recorded");
    child.kill().unwrap();
    numbers.extend(said);
    child.wait().unwrap();
    numbers
}

#[test]
fn what_was_recorded_survives_a_kill() {
    if let Some(directory) = std::env::var_os(CHILD) {
        record_until_killed(Path::new(&directory));
    }
    for times in [1, 2, 7, 23] {
        let directory = tempfile::tempdir().unwrap();
        let mut child = start_child(directory.path());
        let said = kill_after(&mut child, times);
        let mut ledger = open(directory.path());
        ledger.check().unwrap();
        let id = scope(&mut ledger);
        let known: BTreeSet<_> = scan(&ledger, id).iter().map(|known| known.key).collect();
        for number in &said {
            let keys = number * BATCH..(number + 1) * BATCH;
            assert!(
                keys.clone().all(|key| known.contains(&digest(key))),
                "batch {number}"
            );
        }
        // A batch the child did not live to speak of is there whole or not at all.
        let batches = u64::try_from(known.len()).unwrap() / BATCH;
        assert_eq!(u64::try_from(known.len()).unwrap() % BATCH, 0);
        assert_eq!(ledger.owed(id, None).unwrap().count(), known.len() / 10);
        assert!(batches == u64::try_from(said.len()).unwrap() || batches == said.len() as u64 + 1);
    }
}

#[test]
fn a_killed_process_holds_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = start_child(directory.path());
    let process_id = child.id();
    let stdout = BufReader::new(child.stdout.as_mut().unwrap());
    assert!(
        stdout
            .lines()
            .map(Result::unwrap)
            .any(|line| line == "recorded 0")
    );
    let error = Ledger::open(directory.path(), &holder()).unwrap_err();
    assert!(
        matches!(&error, LedgerError::Held { holder: Some(holder), .. } if holder.process_id == process_id),
        "{error:?}"
    );
    child.kill().unwrap();
    child.wait().unwrap();
    open(directory.path());
}
