//! Giving up what is known or owed, because a person says so.

use md5::{Digest as _, Md5};
use syncline_ledger::{Forgotten, ImportedLine, Ledger, LedgerError, OwedClass, ScopeId};
use syncline_model::{CollectionName, FailureClass, Mark};

use crate::common::{begin, created, digest, open, owed, scan, scope, students};

/// Keys 1 and 2 settled, 3 owed and held, 4 owed only; a line imported, a mark committed.
fn filled(ledger: &mut Ledger) -> ScopeId {
    let id = scope(ledger);
    let run = begin(ledger, id);
    let settled: Vec<_> = (1..4).map(|key| created(key, key)).collect();
    ledger.record(id, run, &settled).unwrap();
    let failed = [
        owed(3, 30, FailureClass::Content),
        owed(4, 40, OwedClass::Held),
    ];
    ledger.record(id, run, &failed).unwrap();
    let line = ImportedLine {
        md5: Md5::digest("a").into(),
        at: 1_000,
        status: 201,
    };
    ledger
        .import::<LedgerError>(id, &students(), std::iter::once(Ok(line)))
        .unwrap();
    ledger
        .commit_mark(id, &students(), &Mark("17".to_owned()))
        .unwrap();
    id
}

#[test]
fn a_forgotten_collection_is_as_new() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let id = filled(&mut ledger);
    let schools = CollectionName::new("ed-fi/schools");
    let run = begin(&mut ledger, id);
    let mut school = created(1, 1);
    school.collection = schools.clone();
    ledger.record(id, run, &[school]).unwrap();

    let expected = Forgotten {
        known: 4,
        owed: 2,
        imported: 1,
    };
    let forget = |ledger: &mut Ledger| ledger.forget_collection(id, &students()).unwrap();
    assert_eq!(forget(&mut ledger), expected);
    assert_eq!(forget(&mut ledger), Forgotten::default());
    assert_eq!(scan(&ledger, id), []);
    assert_eq!(ledger.collection_size(id, &students()).unwrap(), 0);
    assert_eq!(ledger.mark(id, &students()).unwrap(), None);
    assert!(ledger.owed_counts(id).unwrap().is_empty());
    assert!(ledger.imported(id, &students()).unwrap().is_none());
    assert_eq!(ledger.collection_size(id, &schools).unwrap(), 1);
    ledger.check().unwrap();
}

#[test]
fn a_forgotten_key_is_sent_again_whatever_was_imported() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let id = filled(&mut ledger);
    for (key, held) in [(1, 2), (3, 1), (4, 1)] {
        assert!(
            ledger
                .forget_key(id, &students(), &digest(key), 5_000)
                .unwrap()
        );
        assert_eq!(ledger.collection_size(id, &students()).unwrap(), held);
        assert_eq!(ledger.find(id, &students(), &digest(key)).unwrap(), None);
        let imported = ledger.imported(id, &students()).unwrap().unwrap();
        assert_eq!(imported.accepted(&digest(key), b"a").unwrap(), None);
    }
    assert!(
        !ledger
            .forget_key(id, &students(), &digest(1), 5_000)
            .unwrap()
    );
    assert!(ledger.owed_counts(id).unwrap().is_empty());
    assert_eq!(scan(&ledger, id).len(), 1);
}

#[test]
fn forgetting_what_is_owed_restores_what_was_known() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let id = filled(&mut ledger);
    assert_eq!(ledger.forget_all_owed(id, &students()).unwrap(), 2);
    assert_eq!(ledger.forget_all_owed(id, &students()).unwrap(), 0);
    let mut known: Vec<_> = scan(&ledger, id)
        .iter()
        .map(|known| (known.key, known.digest, known.outcome.is_settled()))
        .collect();
    known.sort_unstable_by_key(|(key, ..)| *key);
    let mut expected: Vec<_> = (1..4).map(|key| (digest(key), digest(key), true)).collect();
    expected.sort_unstable_by_key(|(key, ..)| *key);
    assert_eq!(known, expected);
    assert_eq!(ledger.collection_size(id, &students()).unwrap(), 3);
    assert_eq!(ledger.owed(id, None).unwrap().count(), 0);
}

#[test]
fn pages_come_in_key_order_and_hold_the_handles() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let id = scope(&mut ledger);
    let run = begin(&mut ledger, id);
    let receipts: Vec<_> = (0..25)
        .map(|key| {
            let mut receipt = created(key, key);
            receipt.handle = (key % 2 == 0).then(|| format!("handle {key}").into());
            receipt
        })
        .collect();
    ledger.record(id, run, &receipts).unwrap();
    let mut after = None;
    let mut read = Vec::new();
    loop {
        let page = ledger.page(id, &students(), after.as_ref(), 10).unwrap();
        assert!(page.len() <= 10);
        let Some((last, _)) = page.last() else { break };
        after = Some(last.key);
        read.extend(page);
    }
    let keys: Vec<_> = read.iter().map(|(known, _)| known.key).collect();
    let scanned: Vec<_> = scan(&ledger, id).iter().map(|known| known.key).collect();
    assert_eq!(keys, scanned);
    assert_eq!(
        read.iter().filter(|(_, handle)| handle.is_some()).count(),
        13
    );
}
