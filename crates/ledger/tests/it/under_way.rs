//! Changes that are on their way when a run is killed.

use syncline_ledger::{
    Entries, LastOutcome, Ledger, LedgerView, OwedClass, RunId, ScopeId, UnderWay,
};
use syncline_model::{CollectionName, Digest, Done, FailureClass, Key};

use crate::common::{begin, created, digest, open, owed, scan, scope, students};

fn key(number: u64) -> Key {
    Key::of_digest(digest(number))
}

fn announce(ledger: &mut Ledger, (scope, run): (ScopeId, RunId), (number, changes): (u64, u32)) {
    let under_way = [UnderWay {
        collection: students(),
        key: key(number),
        changes,
    }];
    let entries = Entries {
        under_way: &under_way,
        ..Entries::default()
    };
    ledger.record_all(scope, run, entries).unwrap();
}

fn answer(ledger: &mut Ledger, (scope, run): (ScopeId, RunId), number: u64) {
    let answered: [(CollectionName, Digest); 1] = [(students(), digest(number))];
    let entries = Entries {
        answered: &answered,
        ..Entries::default()
    };
    ledger.record_all(scope, run, entries).unwrap();
}

/// How a key is known, and what the target is believed to hold under it.
fn known(
    ledger: &LedgerView,
    scope: ScopeId,
    number: u64,
) -> Option<(LastOutcome, Option<Digest>)> {
    let found = ledger.find(scope, &students(), &digest(number)).unwrap();
    found.map(|(known, _)| (known.outcome, known.held))
}

const UNKNOWN: LastOutcome = LastOutcome::Owed(OwedClass::UnderWay);
const SETTLED: LastOutcome = LastOutcome::Settled(Done::Created);

#[test]
fn what_is_on_its_way_is_not_settled_until_each_change_has_its_answer() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let id = scope(&mut ledger);
    let run = (id, begin(&mut ledger, id));
    ledger.record(id, run.1, &[created(1, 10)]).unwrap();
    announce(&mut ledger, run, (1, 1));
    announce(&mut ledger, run, (1, 1));
    announce(&mut ledger, run, (2, 1));
    assert_eq!(known(&ledger, id, 1), Some((UNKNOWN, Some(digest(10)))));
    assert_eq!(known(&ledger, id, 2), None);
    ledger.record(id, run.1, &[created(1, 11)]).unwrap();
    assert_eq!(known(&ledger, id, 1), Some((UNKNOWN, Some(digest(11)))));
    ledger.record(id, run.1, &[created(1, 12)]).unwrap();
    assert_eq!(known(&ledger, id, 1), Some((SETTLED, Some(digest(12)))));
    announce(&mut ledger, run, (1, 1));
    answer(&mut ledger, run, 1);
    assert_eq!(known(&ledger, id, 1), Some((SETTLED, Some(digest(12)))));
    announce(&mut ledger, run, (1, 0));
    announce(&mut ledger, run, (1, 1));
    ledger.record(id, run.1, &[created(1, 13)]).unwrap();
    assert_eq!(known(&ledger, id, 1), Some((SETTLED, Some(digest(13)))));
}

#[test]
fn what_a_killed_run_left_under_way_is_owed_from_the_next_one_on() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let id = scope(&mut ledger);
    let run = (id, begin(&mut ledger, id));
    let receipts = [
        created(1, 10),
        owed(3, 30, FailureClass::Content),
        created(4, 40),
    ];
    ledger.record(id, run.1, &receipts).unwrap();
    for number in 1..4 {
        announce(&mut ledger, run, (number, 1));
    }
    drop(ledger);
    let mut ledger = open(directory.path());
    let other = ledger
        .scope(&crate::common::target(), "another flow")
        .unwrap();
    begin(&mut ledger, other);
    assert_eq!(scan(&ledger, id).len(), 3, "another flow is no matter");
    let run = (id, begin(&mut ledger, id));
    let rows = scan(&ledger, id);
    let row = |number| rows.iter().find(|row| row.key == digest(number)).unwrap();
    assert_eq!((row(1).outcome, row(1).held), (UNKNOWN, Some(digest(10))));
    assert_eq!((row(2).outcome, row(2).held), (UNKNOWN, None));
    let refused = LastOutcome::Owed(FailureClass::Content.into());
    assert_eq!(
        (row(3).outcome, row(3).status),
        (refused, 0),
        "it was offered again"
    );
    assert_eq!(row(4).outcome, SETTLED);
    assert_eq!(ledger.collection_size(id, &students()).unwrap(), 2);
    let owed: Vec<_> = ledger.owed(id, None).unwrap().map(Result::unwrap).collect();
    assert_eq!(owed.len(), 3);
    let one = owed.iter().find(|owed| owed.key == digest(2)).unwrap();
    assert_eq!((one.class, one.payload.len()), (OwedClass::UnderWay, 0));
    let text = ledger.owed_key(id, &students(), &digest(2)).unwrap();
    assert_eq!(text, Some(key(2)));
    let kept = owed.iter().find(|owed| owed.key == digest(3)).unwrap();
    assert!(!kept.payload.is_empty());

    // A receipt settles it, and nothing is under way any more.
    ledger
        .record(id, run.1, &[created(1, 11), created(2, 20)])
        .unwrap();
    assert_eq!(known(&ledger, id, 1), Some((SETTLED, Some(digest(11)))));
    assert_eq!(ledger.owed(id, None).unwrap().count(), 1);
    begin(&mut ledger, id);
    assert_eq!(known(&ledger, id, 2), Some((SETTLED, Some(digest(20)))));
    assert_eq!(ledger.collection_size(id, &students()).unwrap(), 3);
}

#[test]
fn what_is_forgotten_is_not_under_way() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let id = scope(&mut ledger);
    let run = (id, begin(&mut ledger, id));
    ledger
        .record(id, run.1, &[created(1, 10), created(2, 20)])
        .unwrap();
    announce(&mut ledger, run, (1, 1));
    announce(&mut ledger, run, (2, 1));
    assert!(ledger.forget_key(id, &students(), &digest(1), 5).unwrap());
    begin(&mut ledger, id);
    assert_eq!(known(&ledger, id, 1), None);
    assert_eq!(known(&ledger, id, 2), Some((UNKNOWN, Some(digest(20)))));
    announce(&mut ledger, run, (3, 1));
    ledger.forget_collection(id, &students()).unwrap();
    begin(&mut ledger, id);
    assert_eq!(scan(&ledger, id), []);
}
