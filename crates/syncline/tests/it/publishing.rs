//! Publishing one sandbox to another.

use syncline::{Ending, FailureKind, PublishStart, PublishSummary};
use syncline_model::Outcome;
use syncline_sandbox::{ApiVersion, FaultAction, FaultMatch, FaultRule};

use crate::publishing_pair::{
    ENROLMENTS, Pair, SCHOOLS, STUDENTS, enrolment, school, server, student,
};
use crate::site::{plan, status};

use ApiVersion::{V5_4, V6_2, V7_1, V7_3, V8_0};

fn total(summary: &PublishSummary, count: fn(&syncline::CollectionReport) -> u64) -> u64 {
    summary.report.collections.values().map(count).sum()
}

#[track_caller]
fn must_be_done(summary: &PublishSummary) {
    let behind: Vec<_> = summary.behind().collect();
    assert_eq!(
        summary.exit_status(),
        0,
        "{:?} {behind:?} {:#?}",
        summary.report.ending,
        summary
            .report
            .collections
            .iter()
            .filter(|(_, one)| one.failed > 0)
            .collect::<Vec<_>>()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_publication_moves_a_district_and_a_second_one_moves_nothing() {
    for (from, to) in [(V6_2, V7_3), (V7_3, V8_0)] {
        let pair = Pair::district(from, to, 20).await;
        let first = pair.publish().await;
        must_be_done(&first);
        assert!(total(&first, |one| one.created) > 100);
        assert_eq!(total(&first, |one| one.updated), 0);
        pair.must_be_equal("after the first").await;

        let writes = pair.target.requests().total;
        let second = pair.publish().await;
        must_be_done(&second);
        assert_eq!(total(&second, |one| one.created + one.updated), 0);
        let posts = pair.target.requests().total - writes;
        assert!(
            posts <= 12,
            "{posts} requests to the target, of which none writes"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn later_only_what_was_written_deleted_or_rekeyed_is_moved() {
    for (from, to) in [(V6_2, V7_3), (V7_1, V7_3), (V7_3, V8_0), (V7_3, V6_2)] {
        let pair = Pair::empty(from, to).await;
        let hand = pair.hand().await;
        for number in 0..2 {
            hand.put(SCHOOLS, &school(number)).await;
        }
        for number in 0..30 {
            hand.put(STUDENTS, &student(number, "Ada")).await;
            hand.put(ENROLMENTS, &enrolment(number, 0, 20)).await;
        }
        must_be_done(&pair.publish().await);

        hand.put(STUDENTS, &student(3, "Eve")).await;
        hand.put(STUDENTS, &student(40, "New")).await;
        hand.delete(ENROLMENTS, &enrolment(7, 0, 20)).await;
        hand.delete(STUDENTS, &student(7, "Ada")).await;
        let rekeyed = hand
            .rekey(ENROLMENTS, &enrolment(9, 0, 20), &enrolment(9, 0, 25))
            .await;
        assert!(
            matches!(rekeyed, Outcome::Done { .. }),
            "{from:?} {rekeyed:?}"
        );
        let summary = pair
            .publish_with(|arguments| arguments.settings.overlap = Some(0))
            .await
            .unwrap();
        must_be_done(&summary);
        assert_eq!(total(&summary, |one| one.created), 1, "{from:?} to {to:?}");
        assert_eq!(total(&summary, |one| one.updated), 2);
        assert_eq!(total(&summary, |one| one.deleted), 2);
        assert_eq!(summary.parts[ENROLMENTS].rekeyed, 1);
        pair.must_be_equal(&format!("{from:?} to {to:?}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_and_created_again_stays() {
    let pair = Pair::empty(V6_2, V7_3).await;
    let hand = pair.hand().await;
    hand.put(STUDENTS, &student(1, "Ada")).await;
    must_be_done(&pair.publish().await);
    hand.delete(STUDENTS, &student(1, "Ada")).await;
    hand.put(STUDENTS, &student(1, "Eve")).await;
    must_be_done(&pair.publish().await);
    pair.must_be_equal("after the second").await;
    assert_eq!(pair.target.count(STUDENTS).unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_source_costs_a_constant_number_of_requests() {
    let pair = Pair::district(V7_3, V7_3, 10).await;
    pair.source.take_snapshot("one").unwrap();
    let isolated = |arguments: &mut syncline::PublishArgs| {
        arguments.settings.ignore_isolation = false;
    };
    must_be_done(&pair.publish_with(isolated).await.unwrap());
    pair.must_be_equal("after the first").await;
    let before = pair.source.requests().total;
    let summary = pair.publish_with(isolated).await.unwrap();
    must_be_done(&summary);
    assert_eq!(summary.snapshot.as_deref(), Some(""));
    let asked = pair.source.requests().total - before;
    assert!(
        asked <= 3,
        "{asked} requests to a source in which nothing happened"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_owed_and_offered_again_while_the_mark_moves() {
    let pair = Pair::empty(V7_3, V7_3).await;
    let hand = pair.hand().await;
    for number in 0..10 {
        hand.put(STUDENTS, &student(number, "Ada")).await;
    }
    let refusal = FaultRule {
        on: FaultMatch {
            method: Some("POST".to_owned()),
            path: Some("/ed-fi/students".to_owned()),
            first: Some(1),
            ..FaultMatch::default()
        },
        action: status(400, &[]),
        ..FaultRule::default()
    };
    pair.target.set_faults(plan([refusal]));
    let first = pair
        .publish_with(|arguments| arguments.settings.overlap = Some(0))
        .await
        .unwrap();
    assert_eq!(first.exit_status(), 1);
    assert_eq!(first.owed(), 1);
    let part = &first.parts[STUDENTS];
    assert_eq!((part.behind.clone(), part.to.is_some()), (None, true));
    assert_eq!(pair.target.count(STUDENTS).unwrap(), 9);

    pair.target.set_faults(plan([]));
    let reads = |pair: &Pair| pair.source.requests().count("GET", "/ed-fi/students");
    let before = reads(&pair);
    let again = pair
        .publish_with(|arguments| arguments.owed_only = true)
        .await
        .unwrap();
    must_be_done(&again);
    assert_eq!(again.parts[STUDENTS].replayed, 1);
    assert_eq!(reads(&pair), before, "nothing was read");
    pair.must_be_equal("after what was owed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_failures_stops_the_run_and_no_mark_moves() {
    let pair = Pair::empty(V7_3, V7_3).await;
    let hand = pair.hand().await;
    for number in 0..120 {
        hand.put(STUDENTS, &student(number, "Ada")).await;
    }
    let refusal = FaultRule {
        on: FaultMatch {
            method: Some("POST".to_owned()),
            path: Some("/ed-fi/students".to_owned()),
            ..FaultMatch::default()
        },
        action: status(400, &[]),
        ..FaultRule::default()
    };
    pair.target.set_faults(plan([refusal]));
    let summary = pair
        .publish_with(|arguments| arguments.settings.failures_max = Some(5))
        .await
        .unwrap();
    assert_eq!(summary.exit_status(), 4, "{:?}", summary.report.ending);
    assert_eq!(summary.parts[STUDENTS].to, None);
    pair.target.set_faults(plan([]));
    must_be_done(&pair.publish().await);
    pair.must_be_equal("after the second").await;
}

/// Publishes enrolments only, of so many students whom the target has to be brought.
async fn enrolments_only(pair: &Pair, failures_max: u64) -> PublishSummary {
    let published = pair.publish_with(|arguments| {
        arguments.settings.choice.include_only = vec![format!("/{ENROLMENTS}")];
        arguments.settings.failures_max = Some(failures_max);
    });
    published.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_what_is_missing_is_not_declined_and_is_once_it_is_given_up() {
    let pair = Pair::empty(V7_3, V7_3).await;
    let hand = pair.hand().await;
    hand.enrol(8).await;
    let hidden = FaultRule {
        on: FaultMatch {
            method: Some("GET".to_owned()),
            path: Some("/ed-fi/students".to_owned()),
            ..FaultMatch::default()
        },
        action: status(403, &[]),
        ..FaultRule::default()
    };
    pair.source.set_faults(plan([hidden]));
    let given_up = enrolments_only(&pair, 5).await;
    assert_eq!(given_up.exit_status(), 4, "{:?}", given_up.report.ending);
    assert_eq!(given_up.parts[ENROLMENTS].to, None);
    pair.source.set_faults(plan([]));
    must_be_done(&enrolments_only(&pair, 5).await);
    assert_eq!(pair.target.count(ENROLMENTS).unwrap(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_deleted_in_the_target_is_fetched_once_something_needs_it() {
    let pair = Pair::empty(V7_3, V7_3).await;
    let hand = pair.hand().await;
    hand.put(SCHOOLS, &school(0)).await;
    hand.put(STUDENTS, &student(1, "Ada")).await;
    must_be_done(&pair.publish().await);
    let other = pair.target_hand().await;
    let gone = other.delete(STUDENTS, &student(1, "Ada")).await;
    assert!(matches!(gone, Outcome::Done { .. }), "{gone:?}");
    hand.put(ENROLMENTS, &enrolment(1, 0, 20)).await;
    let published = pair.publish_with(|arguments| arguments.settings.overlap = Some(0));
    must_be_done(&published.await.unwrap());
    pair.must_be_equal("after it was needed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_snapshot_publishing_is_refused() {
    for api in [V5_4, V6_2, V7_1, V7_3, V8_0] {
        let pair = Pair::empty(api, V7_3).await;
        let failure = pair
            .publish_with(|arguments| arguments.settings.ignore_isolation = false)
            .await
            .unwrap_err();
        assert_eq!(
            failure.kind,
            FailureKind::Configuration,
            "{api:?} {failure}"
        );
        assert!(
            failure.hints[0].contains("--ignore-isolation"),
            "{failure:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_ends_midway_is_told_and_a_newer_one_goes_on() {
    for api in [V6_2, V7_3] {
        let pair = Pair::empty(api, V7_3).await;
        let hand = pair.hand().await;
        for number in 0..20 {
            hand.put(STUDENTS, &student(number, "Ada")).await;
        }
        pair.source.take_snapshot("first").unwrap();
        let isolated = |arguments: &mut syncline::PublishArgs| {
            arguments.settings.ignore_isolation = false;
        };
        // Gone as soon as it has been chosen.
        let refusal = FaultRule {
            on: FaultMatch {
                method: Some("GET".to_owned()),
                path: Some("/ed-fi/students".to_owned()),
                ..FaultMatch::default()
            },
            action: FaultAction::Status {
                status: 410,
                body: r#"{"detail": "The snapshot is not there.", "message": "No snapshot."}"#
                    .to_owned(),
                headers: [].into(),
            },
            ..FaultRule::default()
        };
        pair.source.set_faults(plan([refusal]));
        let broken = pair.publish_with(isolated).await.unwrap();
        let Ending::Failed(error) = &broken.report.ending else {
            panic!("{:?}", broken.report.ending);
        };
        assert!(error.to_string().contains("snapshot"), "{error}");
        assert_eq!(broken.exit_status(), 3);
        assert_eq!(broken.parts[STUDENTS].to, None);

        pair.source.set_faults(plan([]));
        pair.source.expire_snapshot("first");
        hand.delete(STUDENTS, &student(3, "Ada")).await;
        pair.source.take_snapshot("second").unwrap();
        must_be_done(&pair.publish_with(isolated).await.unwrap());
        pair.must_be_equal("after the newer snapshot").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_was_rebuilt_is_refused_until_it_is_read_in_full() {
    let mut pair = Pair::empty(V7_3, V7_3).await;
    let hand = pair.hand().await;
    for number in 0..20 {
        hand.put(STUDENTS, &student(number, "Ada")).await;
    }
    must_be_done(&pair.publish().await);
    let address = pair.source.address();
    let rebuilt = server(V7_3).await;
    std::mem::replace(&mut pair.source, rebuilt).stop().await;
    // The same name for other data: the ledger knows sources by their address.
    let config = syncline_sandbox::SandboxConfig {
        listen: address,
        ..syncline_sandbox::SandboxConfig::new(syncline_sandbox::schema::embedded().unwrap())
    };
    pair.source = syncline_sandbox::Sandbox::start(config).await.unwrap();
    let hand = pair.hand().await;
    hand.put(STUDENTS, &student(1, "Ada")).await;
    let failure = pair.publish_with(|_| {}).await.unwrap_err();
    assert!(failure.message.contains("another database"), "{failure}");
    assert!(failure.hints[0].contains("--full"), "{failure:?}");
    let summary = pair
        .publish_with(|arguments| arguments.start = PublishStart::Full)
        .await
        .unwrap();
    must_be_done(&summary);
    assert_eq!(total(&summary, |one| one.unchanged), 1);
}
