//! In what two sides differ, and why; one record looked at closely.

use serde_json::{Value, json};
use syncline::{
    ExplainArgs, Explanation, FailureKind, PublishSettings, SideState, VerifyArgs, VerifySummary,
    Why, Wrong, explain_document,
};
use syncline_model::Outcome;
use syncline_sandbox::{ApiVersion, FaultMatch, FaultRule};

use tokio_util::sync::CancellationToken;

use crate::publishing_pair::{Hand, Pair, SCHOOLS, STUDENTS, school, student};
use crate::site::{Site, plan, quiet, status};

/// Eight students that were published, and what became of some of them since, on either side.
async fn drifted() -> Pair {
    let pair = Pair::empty(ApiVersion::V7_3, ApiVersion::V7_3).await;
    let hand = pair.hand().await;
    for number in 0..8 {
        hand.put(STUDENTS, &student(number, "Ada")).await;
    }
    assert_eq!(pair.publish().await.exit_status(), 0);
    hand.put(STUDENTS, &student(0, "New")).await;
    hand.put(STUDENTS, &student(8, "Ada")).await;
    let gone = hand.delete(STUDENTS, &student(1, "Ada")).await;
    assert!(matches!(gone, Outcome::Done { .. }), "{gone:?}");
    let other = pair.target_hand().await;
    other.put(STUDENTS, &student(2, "Other")).await;
    other.delete(STUDENTS, &student(3, "Ada")).await;
    other.put(STUDENTS, &student(9, "Ada")).await;
    pair
}

async fn explained(pair: &Pair, key: &str) -> Explanation {
    let config = pair.config();
    let arguments = ExplainArgs {
        settings: config.publish.clone().unwrap(),
        collection: "students".to_owned(),
        key: vec![key.to_owned()],
    };
    syncline::explain(&config, arguments).await.unwrap()
}

fn reasons(summary: &VerifySummary) -> Vec<(Wrong, Why, u64)> {
    let reasons = summary.collections[STUDENTS].reasons.iter();
    let known = reasons.map(|((wrong, why), count)| (*wrong, why.clone().unwrap(), *count));
    known.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_tells_what_differs_and_why() {
    let pair = drifted().await;
    let summary = pair.compare(|arguments| arguments.reasons = true).await;
    assert_eq!(summary.exit_status(), 6);
    assert_eq!(
        reasons(&summary),
        [
            (Wrong::Missing, Why::NotWritten, 1),
            (Wrong::Missing, Why::GoneFromTarget, 1),
            (Wrong::Extra, Why::GoneFromSource, 1),
            (Wrong::Extra, Why::NotFromHere, 1),
            (Wrong::Different, Why::SourceChanged, 1),
            (Wrong::Different, Why::TargetChanged, 1),
        ]
    );
    let keys: Vec<&str> = summary.collections[STUDENTS]
        .examples
        .iter()
        .map(|one| one.key.as_str())
        .collect();
    let expected = ["S8", "S3", "S1", "S9", "S0", "S2"].map(|id| format!("[\"{id}\"]"));
    assert_eq!(keys, expected);
    // The same comparison without reasons.
    let verified = pair.verify().await;
    let (one, other) = (
        &verified.collections[STUDENTS],
        &summary.collections[STUDENTS],
    );
    assert_eq!(
        (one.missing, one.extra, one.different),
        (other.missing, other.extra, other.different)
    );
    // What went by itself is brought back in step; what others did is not undone unasked.
    assert_eq!(pair.publish().await.exit_status(), 0);
    let left = pair.compare(|arguments| arguments.reasons = true).await;
    let left: Vec<Why> = reasons(&left).into_iter().map(|(_, why, _)| why).collect();
    assert_eq!(
        left,
        [Why::GoneFromTarget, Why::NotFromHere, Why::TargetChanged]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_explained_by_both_sides_the_ledger_and_its_members() {
    let pair = drifted().await;
    let changed = explained(&pair, "S0").await;
    assert_eq!(changed.why, Some(Why::SourceChanged));
    assert_eq!(changed.key, "[\"S0\"]");
    let memory = changed.memory.as_ref().unwrap();
    assert_eq!((memory.outcome.as_str(), memory.status), ("created", 201));
    assert_eq!(
        changed.target,
        SideState::There(memory.held.clone().unwrap())
    );
    assert!(changed.mark.is_some());
    let members: Vec<&str> = changed
        .members
        .iter()
        .map(|one| one.path.as_str())
        .collect();
    assert_eq!(members, ["firstName"]);

    let hidden = explain_document(Ok(&changed), 6, false).to_string();
    assert!(
        !hidden.contains("\"New\"") && !hidden.contains("\"Ada\""),
        "{hidden}"
    );
    let shown = explain_document(Ok(&changed), 6, true);
    let expected = json!([{"path": "firstName", "source": "New", "target": "Ada"}]);
    assert_eq!(shown["members"], expected);

    let equal = explained(&pair, "studentUniqueId=S4").await;
    assert_eq!((equal.exit_status(), equal.why), (0, None));
    let gone = explained(&pair, "[\"S3\"]").await;
    assert_eq!(gone.why, Some(Why::GoneFromTarget));
    assert_eq!(gone.target, SideState::Absent);
    let foreign = explained(&pair, "S9").await;
    assert_eq!(foreign.why, Some(Why::NotFromHere));
    assert!(foreign.memory.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_owed_is_explained_with_its_reason() {
    let pair = Pair::empty(ApiVersion::V7_3, ApiVersion::V7_3).await;
    pair.hand().await.put(STUDENTS, &student(1, "Ada")).await;
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
    assert_eq!(pair.publish().await.exit_status(), 1);
    let found = explained(&pair, "S1").await;
    assert_eq!(found.why, Some(Why::Owed("content".to_owned())));
    let owed = found.memory.unwrap().owed.unwrap();
    assert_eq!((owed.class.as_str(), owed.attempts), ("content", 1));
    let summary = pair.compare(|arguments| arguments.reasons = true).await;
    let expected = (Wrong::Missing, Why::Owed("content".to_owned()), 1);
    assert_eq!(reasons(&summary), [expected]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_nobody_knows_or_that_does_not_fit_is_told() {
    let pair = drifted().await;
    let config = pair.config();
    let wanted = |collection: &str, key: &[&str]| ExplainArgs {
        settings: config.publish.clone().unwrap(),
        collection: collection.to_owned(),
        key: key.iter().map(|&one| one.to_owned()).collect(),
    };
    for (arguments, expected) in [
        (
            wanted("students", &["S77"]),
            "there is no students [\"S77\"]",
        ),
        (
            wanted("studens", &["S1"]),
            "the target has no collection `studens`",
        ),
        (
            wanted("students", &["S1", "S2"]),
            "the key of students has 1 field (studentUniqueId), and what was given is 2 values",
        ),
    ] {
        let failure = syncline::explain(&config, arguments).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Configuration);
        assert_eq!(failure.message, expected);
        assert!(!failure.hints.is_empty(), "{expected}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_come_first_and_nothing_is_read_where_they_are_enough() {
    let pair = Pair::empty(ApiVersion::V7_3, ApiVersion::V7_3).await;
    pair.hand().await.put(SCHOOLS, &school(0)).await;
    let asked = || pair.source.requests().count("GET", "/data/v3/ed-fi/");
    let before = asked();
    let counted = pair.compare(|arguments| arguments.counts_only = true).await;
    assert_eq!(counted.exit_status(), 6);
    let collections = counted.collections.len() as u64;
    assert_eq!(asked() - before, collections);

    let before = asked();
    pair.verify().await;
    // The schools, and their keys once more to be shown; nothing that both have none of.
    assert_eq!(asked() - before, collections + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_compared_with_what_they_were_sent_to() {
    let target = crate::publishing_pair::server(ApiVersion::V7_3).await;
    let site = Site::new();
    let write = |names: &[&str]| {
        let students = names.iter().enumerate();
        let lines = students.map(|(number, name)| format!("{}\n", student(number, name)));
        site.write("students.jsonl", lines.collect::<String>());
    };
    write(&["Ada", "Ada", "Ada"]);
    let sent = site.send(target.url()).await;
    assert_eq!(sent.exit_status(false), 0);
    write(&["Ada", "New", "Ada", "Ada"]);
    let config = site.config(target.url());
    let other = Hand::of(&config, "api").await;
    other.put(STUDENTS, &student(2, "Other")).await;
    let settings = PublishSettings {
        from: Some("files".to_owned()),
        to: Some("api".to_owned()),
        ..PublishSettings::default()
    };
    let arguments = VerifyArgs {
        settings: settings.clone(),
        counts_only: false,
        reasons: true,
    };
    let summary = syncline::verify(&config, arguments, quiet(), CancellationToken::new())
        .await
        .unwrap();
    assert_eq!(summary.collections.len(), 1);
    assert_eq!(
        reasons(&summary),
        [
            (Wrong::Missing, Why::NotWritten, 1),
            (Wrong::Different, Why::SourceChanged, 1),
            (Wrong::Different, Why::TargetChanged, 1),
        ]
    );
    let arguments = ExplainArgs {
        settings,
        collection: "ed-fi/students".to_owned(),
        key: vec!["S2".to_owned()],
    };
    let found = syncline::explain(&config, arguments).await.unwrap();
    let value = |value: &Option<Value>| value.clone().unwrap_or_default();
    let member = &found.members[0];
    assert_eq!(
        (value(&member.source), value(&member.target)),
        (json!("Ada"), json!("Other"))
    );
}
