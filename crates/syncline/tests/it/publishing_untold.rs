//! Sources that do not tell which keys changed: those before 6.0, where what may have moved is
//! compared, and others as long as the caller may not ask them.

use syncline::{PublishArgs, PublishSummary};
use syncline_model::Outcome;
use syncline_sandbox::{ApiVersion, FaultAction, FaultMatch, FaultRule};

use crate::publishing_pair::{ENROLMENTS, Pair, STUDENTS, enrolment, student};
use crate::site::{plan, rule, status, until};

use ApiVersion::{V5_4, V7_3};

const SESSIONS: &str = "ed-fi/sessions";
const SECTIONS: &str = "ed-fi/sections";
const WHY: &str = "the API does not tell which keys changed";

/// Nobody may read which enrolments changed their keys.
pub(crate) fn forbidden() -> FaultRule {
    FaultRule {
        on: FaultMatch {
            method: Some("GET".to_owned()),
            path: Some("/studentSchoolAssociations/keyChanges".to_owned()),
            ..FaultMatch::default()
        },
        action: status(403, &[]),
        ..FaultRule::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_changed_untold_are_found_by_comparison() {
    let pair = Pair::district(V5_4, V7_3, 4).await;
    let first = pair.publish().await;
    assert_eq!(first.exit_status(), 0);
    assert!(
        first
            .parts
            .values()
            .all(|part| part.compared.as_deref() != Some(WHY)),
        "a first publication finds no old keys in the target"
    );
    let (mark, sessions) = (
        pair.publish_mark(SESSIONS),
        pair.target.count(SESSIONS).unwrap(),
    );
    let hand = pair.hand().await;
    hand.rename(SESSIONS, ("sessionName", "Renamed")).await;
    hand.rename(SECTIONS, ("sectionIdentifier", "renamed"))
        .await;
    let summary = pair.publish().await;
    assert_eq!(summary.exit_status(), 0, "{:#?}", summary.parts[SESSIONS]);
    for (name, is_compared) in [(SESSIONS, true), (SECTIONS, true), (STUDENTS, false)] {
        let reason = summary.parts[name].compared.as_deref();
        assert_eq!(reason == Some(WHY), is_compared, "{name}: {reason:?}");
    }
    assert_ne!(pair.publish_mark(SESSIONS), mark);
    assert_eq!(pair.target.count(SESSIONS).unwrap(), sessions);
    pair.must_be_equal("after a session and a section were renamed")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_took_another_key_untold_and_then_went_goes_from_the_target_too() {
    let pair = Pair::empty(V7_3, V7_3).await;
    let hand = pair.hand().await;
    hand.enrol(20).await;
    assert_eq!(pair.publish().await.exit_status(), 0);
    pair.source.set_faults(plan([forbidden()]));
    let (old, new) = (enrolment(1, 0, 20), enrolment(1, 0, 21));
    let moved = hand.rekey(ENROLMENTS, &old, &new).await;
    assert!(matches!(moved, Outcome::Done { .. }), "{moved:?}");
    let gone = hand.delete(ENROLMENTS, &new).await;
    assert!(matches!(gone, Outcome::Done { .. }), "{gone:?}");
    let published = pair.publish_with(|arguments| arguments.settings.overlap = Some(0));
    assert_eq!(published.await.unwrap().exit_status(), 0);
    pair.must_be_equal("after a record took another key and went")
        .await;
    assert_eq!(pair.target.count(ENROLMENTS).unwrap(), 19);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_run_had_written_and_then_went_goes_too() {
    let pair = Pair::empty(V5_4, V7_3).await;
    let hand = pair.hand().await;
    hand.put(STUDENTS, &student(1, "Ada")).await;
    // It is stored, and that is never answered.
    let unanswered = FaultRule {
        delay_ms: 600_000,
        ..rule(FaultMatch::default(), FaultAction::Delay)
    };
    pair.target.set_faults(plan([unanswered]));
    {
        let mut publishing = std::pin::pin!(pair.publish());
        let stored = async {
            while pair.target.count(STUDENTS).unwrap() == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = &mut publishing => panic!("it came to an end"),
            () = stored => {}
        }
    }
    pair.target.set_faults(plan([]));
    let gone = hand.delete(STUDENTS, &student(1, "Ada")).await;
    assert!(matches!(gone, Outcome::Done { .. }), "{gone:?}");
    assert_eq!(pair.publish().await.exit_status(), 0);
    pair.must_be_equal("after a run was killed").await;
    assert_eq!(pair.target.count(STUDENTS).unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_deletes_are_ignored_old_keys_stay_and_that_is_told() {
    let pair = Pair::district(V5_4, V7_3, 4).await;
    assert_eq!(pair.publish().await.exit_status(), 0);
    let (mark, sessions) = (
        pair.publish_mark(SESSIONS),
        pair.target.count(SESSIONS).unwrap(),
    );
    let hand = pair.hand().await;
    hand.rename(SESSIONS, ("sessionName", "Renamed")).await;
    let ignoring = pair.publish_with(|arguments| arguments.settings.ignore_deletes = true);
    let ignoring = ignoring.await.unwrap();
    assert_eq!(ignoring.exit_status(), 0, "{:#?}", ignoring.parts[SESSIONS]);
    assert_eq!(ignoring.parts[SESSIONS].unproved.as_deref(), Some(WHY));
    assert_eq!(ignoring.parts[STUDENTS].unproved, None);
    let notes = ignoring.notes.join("; ");
    assert!(notes.contains("stays under the old one, too"), "{notes}");
    assert_ne!(pair.publish_mark(SESSIONS), mark);
    assert_eq!(pair.target.count(SESSIONS).unwrap(), sessions + 1);

    let summary = pair.publish().await;
    assert_eq!(summary.exit_status(), 0, "{:#?}", summary.parts[SESSIONS]);
    assert_eq!(summary.parts[SESSIONS].unproved, None);
    pair.must_be_equal("once deletes were not ignored any more")
        .await;
}

async fn without_deletes(pair: &Pair) -> PublishSummary {
    let ignoring = |arguments: &mut PublishArgs| {
        arguments.settings.ignore_deletes = true;
        arguments.settings.overlap = Some(0);
    };
    pair.publish_with(ignoring).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_keys_that_may_not_be_read_are_made_once_they_may_also_without_deletes() {
    let pair = Pair::empty(V7_3, V7_3).await;
    let hand = pair.hand().await;
    hand.enrol(2).await;
    assert_eq!(without_deletes(&pair).await.exit_status(), 0);
    pair.source.set_faults(plan([forbidden()]));
    for (from, to, held) in [(20, 21, 3), (21, 22, 4)] {
        let mark = pair.publish_mark(ENROLMENTS);
        let moved = hand
            .rekey(ENROLMENTS, &enrolment(0, 0, from), &enrolment(0, 0, to))
            .await;
        assert!(matches!(moved, Outcome::Done { .. }), "{moved:?}");
        let asked = || {
            let path = "/studentSchoolAssociations/keyChanges";
            pair.source.requests().count("GET", path)
        };
        let before = asked();
        let summary = without_deletes(&pair).await;
        assert_eq!(summary.exit_status(), 0, "{:#?}", summary.parts[ENROLMENTS]);
        let why = summary.parts[ENROLMENTS].unproved.clone().unwrap();
        assert!(why.contains("403"), "{why}");
        assert_eq!(pair.target.count(ENROLMENTS).unwrap(), held);
        assert_ne!(pair.publish_mark(ENROLMENTS), mark, "records are proved");
        assert_eq!(asked() - before, 1, "however many moments are waiting");
    }
    pair.source.set_faults(plan([]));
    hand.put(STUDENTS, &student(2, "Ada")).await;
    let summary = without_deletes(&pair).await;
    assert_eq!(summary.exit_status(), 0, "{:#?}", summary.parts[ENROLMENTS]);
    assert_eq!(summary.parts[ENROLMENTS].unproved, None);
    assert_eq!(pair.target.count(ENROLMENTS).unwrap(), 2);
    pair.must_be_equal("once changes of keys could be read")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_may_not_be_read_is_asked_for_once_in_a_run() {
    let pair = Pair::empty(V7_3, V7_3).await;
    let hand = pair.hand().await;
    hand.enrol(20).await;
    assert_eq!(pair.publish().await.exit_status(), 0);
    hand.rekey(ENROLMENTS, &enrolment(1, 0, 20), &enrolment(1, 0, 21))
        .await;
    let slow = FaultRule {
        delay_ms: 20,
        ..rule(FaultMatch::default(), FaultAction::Delay)
    };
    pair.target.set_faults(plan([slow]));
    for number in 0..20 {
        hand.put(STUDENTS, &student(number, "Eve")).await;
    }
    pair.source.set_faults(plan([forbidden()]));
    let asked = || {
        let path = "/studentSchoolAssociations/keyChanges";
        pair.source.requests().count("GET", path)
    };
    let before = asked();
    // Something is written meanwhile, so that a second pass follows. Changes of keys are read since the
    // mark and, on account of the overlap, since a moment before it.
    let writes = pair.target.requests().count("POST", STUDENTS);
    let living = async {
        until(&pair.target, |log| log.count("POST", STUDENTS) > writes).await;
        hand.put(STUDENTS, &student(30, "Ada")).await;
    };
    let (summary, ()) = tokio::join!(pair.publish(), living);
    assert_eq!((summary.exit_status(), summary.passes), (0, 2));
    assert_eq!(asked() - before, 1);
    pair.must_be_equal("by comparison").await;
}
