//! What the ledger remembers of receipts, runs and marks.

use syncline_ledger::{
    Entries, Known, LastOutcome, Ledger, Listed, OwedClass, Receipt, ReceiptResult, Repeat, RunEnd,
    RunOutcome, RunRow, RunStart, Scan, Steps,
};
use syncline_model::{CollectionName, Done, FailureClass, Handle, Key, Mark, StoreIdentity};

use crate::common::{begin, created, digest, open, owed, receipt, scan, scope, students, target};

#[test]
fn what_was_recorded_is_there_after_reopening_in_key_order() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let id = scope(&mut ledger);
    let run = begin(&mut ledger, id);
    // More than one page of a scan.
    let receipts: Vec<Receipt> = (0..20_000)
        .map(|number| created(number, number + 7))
        .collect();
    assert_eq!(ledger.record(id, run, &receipts).unwrap(), []);
    drop(ledger);
    let mut ledger = open(directory.path());
    assert_eq!(scope(&mut ledger), id);
    let known = scan(&ledger, id);
    let mut expected: Vec<Known> = receipts
        .iter()
        .map(|receipt| Known {
            key: receipt.key,
            digest: receipt.digest,
            held: Some(receipt.digest),
            status: 201,
            outcome: LastOutcome::Settled(Done::Created),
            at: 2_000,
        })
        .collect();
    expected.sort_unstable_by_key(|known| known.key);
    assert!(known == expected);
    assert_eq!(ledger.collection_size(id, &students()).unwrap(), 20_000);
}

#[test]
fn scopes_and_collections_are_kept_apart() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let nightly = scope(&mut ledger);
    let other_flow = ledger.scope(&target(), "weekly").unwrap();
    let other_year = ledger
        .scope(
            &StoreIdentity("https://api.example/2025".to_owned()),
            "nightly",
        )
        .unwrap();
    let run = begin(&mut ledger, nightly);
    ledger.record(nightly, run, &[created(1, 1)]).unwrap();
    ledger
        .record(other_flow, run, &[created(1, 2), created(2, 2)])
        .unwrap();
    assert_eq!(scan(&ledger, nightly).len(), 1);
    assert_eq!(scan(&ledger, other_flow).len(), 2);
    assert_eq!(scan(&ledger, other_year), []);
    let schools = CollectionName::new("ed-fi/schools");
    assert_eq!(ledger.scan(nightly, &schools).unwrap().count(), 0);
    assert_eq!(ledger.collection_size(nightly, &schools).unwrap(), 0);
    let names: Vec<String> = ledger
        .scopes()
        .unwrap()
        .into_iter()
        .map(|(_, _, source)| source)
        .collect();
    assert_eq!(names, ["nightly", "nightly", "weekly"]);
}

#[test]
fn an_owed_change_keeps_what_the_target_is_believed_to_hold() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let id = scope(&mut ledger);
    let run = begin(&mut ledger, id);
    ledger.record(id, run, &[created(1, 10)]).unwrap();
    let refused = Receipt {
        at: 3_000,
        ..owed(1, 11, FailureClass::Content)
    };
    ledger.record(id, run, &[refused]).unwrap();
    let failed_again = Receipt {
        at: 4_000,
        ..owed(1, 12, FailureClass::Denied)
    };
    ledger
        .record(id, run, &[failed_again, owed(2, 5, OwedClass::Held)])
        .unwrap();

    let known = ledger.find(id, &students(), &digest(1)).unwrap().unwrap().0;
    assert_eq!((known.digest, known.held), (digest(12), Some(digest(10))));
    assert_eq!(
        known.outcome,
        LastOutcome::Owed(FailureClass::Denied.into())
    );
    assert!(!known.outcome.is_settled());
    let never_held = ledger.find(id, &students(), &digest(2)).unwrap().unwrap().0;
    assert_eq!((never_held.digest, never_held.held), (digest(5), None));
    assert_eq!(ledger.collection_size(id, &students()).unwrap(), 1);
}

#[test]
fn owed_changes_carry_what_is_needed_to_try_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let id = scope(&mut ledger);
    let run = begin(&mut ledger, id);
    ledger
        .record(id, run, &[owed(1, 11, FailureClass::Content)])
        .unwrap();
    let again = Receipt {
        at: 4_000,
        status: 409,
        ..owed(1, 12, FailureClass::MissingReference)
    };
    ledger.record(id, run, &[again]).unwrap();
    let owed: Vec<_> = ledger
        .owed(id, None)
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(owed.len(), 1);
    let change = &owed[0];
    assert_eq!(
        (change.collection.as_str(), change.key),
        ("ed-fi/students", digest(1))
    );
    assert_eq!(
        change.class,
        OwedClass::Failed(FailureClass::MissingReference)
    );
    assert_eq!(
        (change.attempts, change.first_at, change.last_at),
        (2, 2_000, 4_000)
    );
    assert_eq!((change.status, change.digest), (409, digest(12)));
    assert_eq!(
        (&*change.payload, change.reason.as_str()),
        (&b"{\"n\":12}"[..], "reason 12")
    );
    assert_eq!(
        (change.key_text.as_str(), change.origin.as_str()),
        ("[1]", "students.jsonl:1")
    );
}

#[test]
fn a_key_that_settles_is_owed_no_longer() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let id = scope(&mut ledger);
    let run = begin(&mut ledger, id);
    let failed: Vec<Receipt> = (0..4)
        .map(|number| owed(number, number, FailureClass::Unavailable))
        .collect();
    ledger.record(id, run, &failed).unwrap();
    let settled = [
        created(0, 9),
        receipt(1, 1, ReceiptResult::Settled(Done::Deleted)),
        receipt(2, 2, ReceiptResult::Gone),
    ];
    ledger.record(id, run, &settled).unwrap();
    let counts = ledger.owed_counts(id).unwrap();
    assert_eq!(
        counts[&students()],
        [(FailureClass::Unavailable.into(), 1)].into()
    );
    let left: Vec<_> = ledger
        .owed(id, None)
        .unwrap()
        .map(|owed| owed.unwrap().key)
        .collect();
    assert_eq!(left, [digest(3)]);
    let known: Vec<bool> = scan(&ledger, id)
        .iter()
        .map(|known| known.outcome.is_settled())
        .collect();
    assert_eq!(known.len(), 2, "deleted keys are not known");
    assert_eq!(known.iter().filter(|settled| **settled).count(), 1);
}

#[test]
fn owed_changes_can_be_settled_while_they_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let id = scope(&mut ledger);
    let run = begin(&mut ledger, id);
    let schools = CollectionName::new("ed-fi/schools");
    let in_schools = |number| Receipt {
        collection: schools.clone(),
        ..owed(number, number, FailureClass::Throttled)
    };
    // More than one page in each collection.
    let failed: Vec<Receipt> = (0..200)
        .flat_map(|number| {
            [
                owed(number, number, FailureClass::Throttled),
                in_schools(number),
            ]
        })
        .collect();
    ledger.record(id, run, &failed).unwrap();
    let mut offered = 0;
    for change in ledger.owed(id, None).unwrap() {
        let change = change.unwrap();
        let settled = Receipt {
            collection: change.collection,
            key: change.key,
            ..created(0, 0)
        };
        ledger.record(id, run, &[settled]).unwrap();
        offered += 1;
    }
    assert_eq!(offered, 400);
    assert_eq!(ledger.owed(id, None).unwrap().count(), 0);
    assert!(ledger.owed_counts(id).unwrap().is_empty());
}

#[test]
fn owed_changes_of_one_collection_can_be_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let id = scope(&mut ledger);
    let run = begin(&mut ledger, id);
    let schools = CollectionName::new("ed-fi/schools");
    let school = Receipt {
        collection: schools.clone(),
        ..owed(1, 1, OwedClass::Held)
    };
    ledger
        .record(id, run, &[owed(1, 1, OwedClass::Held), school])
        .unwrap();
    let owed: Vec<_> = ledger
        .owed(id, Some(&schools))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(owed.len(), 1);
    assert_eq!(owed[0].collection, schools);
}

#[test]
fn giving_up_a_change_restores_what_was_known() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let id = scope(&mut ledger);
    let run = begin(&mut ledger, id);
    ledger.record(id, run, &[created(1, 10)]).unwrap();
    let failed = [
        owed(1, 11, FailureClass::Content),
        owed(2, 5, FailureClass::Content),
    ];
    ledger.record(id, run, &failed).unwrap();
    for key in [1, 2] {
        assert!(ledger.forget_owed(id, &students(), &digest(key)).unwrap());
        assert!(
            !ledger.forget_owed(id, &students(), &digest(key)).unwrap(),
            "not owed any more"
        );
    }
    let known = scan(&ledger, id);
    assert_eq!(known.len(), 1);
    assert_eq!((known[0].key, known[0].digest), (digest(1), digest(10)));
    assert!(known[0].outcome.is_settled());
    assert_eq!(ledger.owed(id, None).unwrap().count(), 0);
    assert_eq!(ledger.collection_size(id, &students()).unwrap(), 1);
}

#[test]
fn a_key_recorded_again_in_the_same_run_is_a_repeat() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let id = scope(&mut ledger);
    let earlier_run = begin(&mut ledger, id);
    ledger.record(id, earlier_run, &[created(5, 1)]).unwrap();
    let run = begin(&mut ledger, id);
    let batch = [created(1, 1), created(2, 1), created(1, 2), created(5, 2)];
    let settled = LastOutcome::Settled(Done::Created);
    let repeat = |index, same_digest| Repeat {
        index,
        earlier: settled,
        same_digest,
    };
    assert_eq!(ledger.record(id, run, &batch).unwrap(), [repeat(2, false)]);
    assert_eq!(
        ledger.record(id, run, &[created(2, 1)]).unwrap(),
        [repeat(0, true)]
    );
    ledger
        .record(id, run, &[owed(9, 1, FailureClass::Denied)])
        .unwrap();
    let tried_again = ledger.record(id, run, &[created(9, 1)]).unwrap();
    assert_eq!(
        tried_again[0].earlier,
        LastOutcome::Owed(FailureClass::Denied.into())
    );
    let known = ledger.find(id, &students(), &digest(1)).unwrap().unwrap().0;
    assert_eq!(known.digest, digest(2), "the later receipt counts");
}

#[test]
fn the_last_handle_told_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let id = scope(&mut ledger);
    let run = begin(&mut ledger, id);
    let told = Receipt {
        handle: Some("abc".into()),
        ..created(1, 1)
    };
    ledger.record(id, run, &[told]).unwrap();
    ledger
        .record(id, run, &[created(1, 2), owed(1, 3, FailureClass::Content)])
        .unwrap();
    let (known, handle) = ledger.find(id, &students(), &digest(1)).unwrap().unwrap();
    assert_eq!(
        (known.held, handle),
        (Some(digest(2)), Some(Handle("abc".into())))
    );
    assert_eq!(ledger.find(id, &students(), &digest(2)).unwrap(), None);
}

#[test]
fn a_scan_goes_on_in_another_thread_while_receipts_are_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let id = scope(&mut ledger);
    let run = begin(&mut ledger, id);
    let first: Vec<Receipt> = (0..30_000).map(|number| created(number, 1)).collect();
    ledger.record(id, run, &first).unwrap();
    let mut scan: Scan = ledger.scan(id, &students()).unwrap();
    let head = scan.next().unwrap().unwrap();
    let reader = std::thread::spawn(move || {
        let mut keys = vec![head.key];
        keys.extend(scan.map(|known| known.unwrap().key));
        keys
    });
    for chunk in 0..10_u64 {
        let more: Vec<Receipt> = (0..500)
            .map(|number| created(100_000 + chunk * 500 + number, 1))
            .collect();
        ledger.record(id, run, &more).unwrap();
    }
    let keys = reader.join().unwrap();
    assert!(keys.is_sorted_by(|earlier, later| earlier < later));
    let missing = first
        .iter()
        .filter(|receipt| keys.binary_search(&receipt.key).is_err())
        .count();
    assert_eq!(
        missing, 0,
        "what was there before is read whatever is written meanwhile"
    );
}

#[test]
fn many_marks_are_kept_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let id = scope(&mut ledger);
    let marks: Vec<(CollectionName, Mark)> = (0..300)
        .map(|number| {
            let name = CollectionName::new(format!("ed-fi/c{number}"));
            (name, Mark(number.to_string()))
        })
        .collect();
    ledger.commit_marks(id, &marks).unwrap();
    ledger.commit_marks(id, &[]).unwrap();
    for (name, mark) in &marks {
        assert_eq!(ledger.mark(id, name).unwrap().as_ref(), Some(mark));
    }
}

#[test]
fn marks_are_kept_by_collection() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let id = scope(&mut ledger);
    assert_eq!(ledger.mark(id, &students()).unwrap(), None);
    for text in ["17", "18"] {
        let mark = Mark(text.to_owned());
        ledger.commit_mark(id, &students(), &mark).unwrap();
        assert_eq!(ledger.mark(id, &students()).unwrap(), Some(mark));
    }
    let run = begin(&mut ledger, id);
    ledger.record(id, run, &[created(1, 1)]).unwrap();
    assert_eq!(
        ledger.mark(id, &students()).unwrap(),
        Some(Mark("18".to_owned()))
    );
    assert_eq!(
        ledger
            .mark(id, &CollectionName::new("ed-fi/schools"))
            .unwrap(),
        None
    );
}

#[test]
fn runs_are_listed_newest_first_and_say_how_they_ended() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let scope = scope(&mut ledger);
    let start = |command: &str, started| RunStart {
        command: command.to_owned(),
        scope,
        started,
    };
    let ids: Vec<_> = [start("a", 1), start("b", 2), start("c", 3)]
        .iter()
        .map(|start| ledger.begin_run(start).unwrap())
        .collect();
    let end = RunEnd {
        ended: 9,
        outcome: RunOutcome::Interrupted,
        counts: serde_json::json!({"sent": 3}),
    };
    ledger.end_run(ids[1], &end).unwrap();
    let runs = Ledger::open_read_only(directory.path())
        .unwrap()
        .runs(2)
        .unwrap();
    assert_eq!(
        runs,
        [
            RunRow {
                id: ids[2],
                start: start("c", 3),
                end: None
            },
            RunRow {
                id: ids[1],
                start: start("b", 2),
                end: Some(end)
            },
        ]
    );
}

#[test]
fn a_place_of_a_reading_comes_with_its_receipts_and_goes_with_the_mark() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let id = scope(&mut ledger);
    let run = begin(&mut ledger, id);
    let mark = |text: &str| Mark(text.to_owned());
    assert_eq!(ledger.place(id, &students()).unwrap(), None);
    let places = [(students(), Some(mark("page 7")))];
    let receipts = [created(1, 1)];
    ledger
        .record_all(
            id,
            run,
            Entries {
                receipts: &receipts,
                places: &places,
                ..Entries::default()
            },
        )
        .unwrap();
    drop(ledger);
    let mut ledger = open(directory.path());
    assert_eq!(ledger.place(id, &students()).unwrap(), Some(mark("page 7")));
    assert_eq!(ledger.mark(id, &students()).unwrap(), None);
    let marks = [(students(), mark("30"))];
    let steps = Steps {
        marks: &marks,
        places: &[(students(), None)],
        ..Steps::default()
    };
    ledger.commit(id, steps).unwrap();
    assert_eq!(ledger.place(id, &students()).unwrap(), None);
    assert_eq!(ledger.mark(id, &students()).unwrap(), Some(mark("30")));
}

fn listed(listed: &[Listed]) -> Entries<'_> {
    Entries {
        listed,
        ..Entries::default()
    }
}

#[test]
fn what_lists_told_comes_with_how_far_they_were_read_and_goes_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let id = scope(&mut ledger);
    let run = begin(&mut ledger, id);
    let key = |number: u64| Key::from_canonical(format!("[{number}]"));
    let told = |lists: &str, gone: std::ops::Range<u64>, moved: Vec<(Key, Key)>| Listed {
        collection: students(),
        lists: Mark(lists.to_owned()),
        gone: gone.map(key).collect(),
        moved,
    };
    let first = told("page 1", 0..5, vec![(key(7), key(8))]);
    assert!(!format!("{first:?}").contains('['), "no key is shown");
    // What is told twice is kept once, and of two changes of a key the later one.
    let second = told("page 2", 3..9, vec![(key(7), key(9))]);
    ledger
        .record_all(id, run, listed(&[first, second]))
        .unwrap();
    drop(ledger);
    let mut ledger = open(directory.path());
    let lists = ledger.lists(id, &students()).unwrap();
    assert_eq!(lists, Some(Mark("page 2".to_owned())));
    let mut gone = ledger.gone(id, &students(), (None, 4)).unwrap();
    assert_eq!(gone.len(), 4, "a page of it");
    let rest = ledger.gone(id, &students(), (gone.last(), 9)).unwrap();
    gone.extend(rest);
    gone.sort_by(|one, other| one.as_str().cmp(other.as_str()));
    assert_eq!(gone, (0..9).map(key).collect::<Vec<_>>());
    assert_eq!(
        ledger.moved(id, &students(), &key(7)).unwrap(),
        Some(key(9))
    );
    assert_eq!(ledger.moved(id, &students(), &key(8)).unwrap(), None);
    assert!(ledger.has_moved(id, &students()).unwrap());
    let steps = Steps {
        forgotten: &[students()],
        ..Steps::default()
    };
    ledger.commit(id, steps).unwrap();
    assert_eq!(ledger.lists(id, &students()).unwrap(), None);
    assert!(ledger.gone(id, &students(), (None, 9)).unwrap().is_empty());
    assert!(!ledger.has_moved(id, &students()).unwrap());
    ledger
        .record_all(id, run, listed(&[told("page 1", 0..5, vec![])]))
        .unwrap();
    ledger.forget_collection(id, &students()).unwrap();
    ledger
        .record_all(id, run, listed(&[told("page 1", 0..1, vec![])]))
        .unwrap();
    assert_eq!(ledger.gone(id, &students(), (None, 9)).unwrap(), [key(0)]);
}
