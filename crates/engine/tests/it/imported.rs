//! What another program sent before is not sent again, unless something says otherwise.

use bytes::Bytes;
use md5::{Digest as _, Md5};
use syncline_engine::{Baseline, Resend, RunReport, Verb};
use syncline_ledger::{ImportedLine, LastOutcome, LedgerError};
use syncline_model::{CollectionName, Done, FailureClass};
use syncline_testkit::fixtures::payload;

use crate::world::{World, completed, of, things};

const SENT_AT: i64 = 1_700_000_000;

/// Lines that another program sent, each with the status it was answered with.
fn imported(world: &World, lines: &[(Bytes, u16)]) {
    let lines = lines.iter().map(|(line, status)| {
        Ok(ImportedLine {
            md5: Md5::digest(line).into(),
            at: SENT_AT,
            status: *status,
        })
    });
    let (mut ledger, scope) = world.hold();
    ledger
        .import::<LedgerError>(scope, &CollectionName::new("things"), lines)
        .unwrap();
}

fn accepted(lines: Vec<Bytes>) -> Vec<(Bytes, u16)> {
    lines.into_iter().map(|line| (line, 201)).collect()
}

/// A world of so many records whose target already has them, sent by another program.
async fn sent_before(count: usize) -> World {
    let world = World::of_things(count);
    // Not through the ledger of this world.
    let other = World::of_things(count);
    let mut run = other.ready();
    run.target = std::sync::Arc::new(world.target.clone());
    completed(&run.go().await);
    imported(&world, &accepted(things(count, 1)));
    world
}

/// Created, updated, unchanged.
fn counts(report: &RunReport) -> (u64, u64, u64) {
    let report = of(report, "things");
    (report.created, report.updated, report.unchanged)
}

#[tokio::test]
async fn what_another_program_sent_is_not_sent_again() {
    // More than are read again in one go.
    let world = sent_before(1_700).await;
    world.target.forget_journal();
    let report = world.send().await;
    assert_eq!(counts(&report), (0, 0, 1_700));
    assert_eq!(world.target.forget_journal(), 0);
    assert_eq!(report.owed, 0);

    // From then on the records are known as any other, by what they contain.
    let (ledger, scope) = world.hold();
    let known: Vec<_> = ledger
        .scan(scope, &CollectionName::new("things"))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(known.len(), 1_700);
    assert!(known.iter().all(|known| {
        known.outcome == LastOutcome::Settled(Done::Unchanged)
            && (known.at, known.status) == (SENT_AT, 201)
    }));
    drop(ledger);
    let spelled_otherwise = things(1_700, 1).into_iter().map(|line| {
        let text = String::from_utf8(line.to_vec()).unwrap();
        text.replace(',', ", ")
    });
    world.source.set("things", spelled_otherwise);
    assert_eq!(world.writes_of_another_run().await, 0);
}

#[tokio::test]
async fn what_was_declined_there_or_is_new_is_sent() {
    let world = World::of_things(1_200);
    let lines = things(1_200, 1).into_iter().enumerate();
    let sent: Vec<(Bytes, u16)> = lines
        .filter(|(number, _)| number % 3 != 2)
        .map(|(number, line)| (line, if number % 3 == 0 { 200 } else { 409 }))
        .collect();
    imported(&world, &sent);
    let report = world.send().await;
    assert_eq!(counts(&report), (800, 0, 400));
    assert_eq!(world.target.size(), 800);
    assert_eq!(world.writes_of_another_run().await, 0);
}

#[tokio::test]
async fn a_line_is_known_by_its_bytes() {
    let world = World::new("things:");
    let spelled: Bytes = "{\"id\": \"1\", \"v\": 1}".into();
    world.source.set("things", [spelled, payload(2, 1)]);
    imported(&world, &accepted(things(3, 1)));
    let report = world.send().await;
    assert_eq!(
        counts(&report),
        (1, 0, 1),
        "the MD5 of a line knows no spelling"
    );
}

#[tokio::test]
async fn of_lines_with_one_key_the_last_decides() {
    for (lines, expected, held) in [
        ([payload(1, 2), payload(1, 1)], (0, 0, 1), 0),
        ([payload(1, 1), payload(1, 2)], (1, 0, 0), 1),
    ] {
        let world = World::new("things:");
        imported(&world, &accepted(vec![payload(1, 1)]));
        world.source.set("things", lines);
        let report = world.send().await;
        assert_eq!(counts(&report), expected);
        assert_eq!(of(&report, "things").duplicates, 1);
        assert_eq!(world.target.size(), held);
    }
}

#[tokio::test]
async fn sending_again_on_demand_includes_what_was_imported() {
    let ask = |older_than, newer_than, status: Option<u16>| {
        Baseline::Ledger(Resend {
            older_than,
            newer_than,
            statuses: status.into_iter().collect(),
        })
    };
    for (baseline, sent) in [
        (ask(Some(SENT_AT), None, None), 0),
        (ask(Some(SENT_AT + 1), None, None), 5),
        (ask(None, Some(SENT_AT), None), 0),
        (ask(None, Some(SENT_AT - 1), None), 5),
        (ask(None, None, Some(200)), 0),
        (ask(None, None, Some(201)), 5),
        (Baseline::Nothing, 5),
    ] {
        let world = sent_before(5).await;
        world.target.forget_journal();
        let mut run = world.ready();
        run.baseline = baseline.clone();
        let report = run.go().await;
        completed(&report);
        assert_eq!(world.target.forget_journal(), sent, "{baseline:?}");
        let unchanged = u64::try_from(5 - sent).unwrap();
        assert_eq!(of(&report, "things").unchanged, unchanged, "{baseline:?}");
        assert_eq!(world.writes_of_another_run().await, 0);
    }
}

#[tokio::test]
async fn what_was_deleted_is_sent_anew() {
    let world = sent_before(6).await;
    let mut run = world.ready();
    run.verb = Verb::Delete;
    run.baseline = Baseline::Nothing;
    completed(&run.go().await);
    assert_eq!(world.target.size(), 0);
    let report = world.send().await;
    assert_eq!(counts(&report), (6, 0, 0));
    world.check_in_step();
}

#[tokio::test]
async fn what_is_owed_is_offered_again_whatever_was_imported() {
    let world = sent_before(4).await;
    let mut lines = things(4, 1);
    lines[2] = payload(2, 2);
    world.source.set("things", lines);
    world
        .target
        .refuse(|attempt| attempt.is("things", "2").then_some(FailureClass::Content));
    let report = world.send().await;
    assert_eq!((counts(&report), report.owed), ((0, 0, 3), 1));
    // The line of before is back; what became of the one between is not known.
    world.source.set("things", things(4, 1));
    world.target.accept_all();
    world.target.forget_journal();
    let report = world.send().await;
    assert_eq!(world.target.forget_journal(), 1);
    assert_eq!(report.owed, 0);
    world.check_in_step();
}
