//! What a target does not let a publication do at once, or lacks.

use serde_json::json;
use syncline_sandbox::schema::embedded;
use syncline_sandbox::{ApiVersion, Authorization, FaultMatch, FaultRule, Sandbox, SandboxConfig};

use crate::publishing_pair::{ENROLMENTS, Pair, SCHOOLS, STUDENTS, enrolment, school, student};
use crate::site::{plan, status};

/// Two servers; at the target the publication is a client of one school only.
async fn restricted() -> Pair {
    let mut pair = Pair::empty(ApiVersion::V7_3, ApiVersion::V7_3).await;
    let clients = json!([{
        "clientId": "district", "clientSecret": "districtSecret", "claimSet": "Writer",
        "namespacePrefixes": ["uri://ed-fi.org"], "educationOrganizationIds": [1000],
    }]);
    let config = SandboxConfig {
        authorization: Authorization::Relationships,
        clients: serde_json::from_value(clients).unwrap(),
        ..SandboxConfig::new(embedded().unwrap())
    };
    pair.target = Sandbox::start(config).await.unwrap();
    // The owner of the target made the school and, for somebody else, a student.
    let owner = pair.target_hand().await;
    owner.put(SCHOOLS, &school(0)).await;
    owner.put(STUDENTS, &student(1, "Old")).await;
    pair.target_client = ("district", "districtSecret");
    let hand = pair.hand().await;
    hand.put(SCHOOLS, &school(0)).await;
    hand.put(STUDENTS, &student(1, "New")).await;
    pair
}

fn persons(arguments: &mut syncline::PublishArgs) {
    let names = [STUDENTS, ENROLMENTS].map(|name| format!("/{name}"));
    arguments.settings.choice.include_only = names.into();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_may_not_be_written_yet_is_written_once_enrolled() {
    let pair = restricted().await;
    let hand = pair.hand().await;
    hand.put(ENROLMENTS, &enrolment(1, 0, 20)).await;
    let summary = pair.publish_with(persons).await.unwrap();
    assert_eq!(
        summary.exit_status(),
        0,
        "{:#?}",
        summary.report.collections
    );
    assert_eq!(summary.owed(), 0);
    let requests = pair.target.requests();
    assert_eq!(requests.count_status("POST", "/ed-fi/students", 403), 1);
    // Once by its owner, once too early, once more.
    assert_eq!(requests.count("POST", "/ed-fi/students"), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_never_be_written_is_owed_and_can_be_a_warning() {
    let pair = restricted().await;
    let summary = pair.publish_with(persons).await.unwrap();
    assert_eq!((summary.exit_status(), summary.owed()), (1, 1));
    assert!(
        summary.parts[STUDENTS].to.is_some(),
        "the mark does not wait for it"
    );
    let summary = pair
        .publish_with(|arguments| {
            persons(arguments);
            arguments.settings.forbidden_as_warning = true;
        })
        .await
        .unwrap();
    assert_eq!((summary.exit_status(), summary.owed()), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_referred_to_and_was_not_chosen_is_fetched_once() {
    let pair = Pair::empty(ApiVersion::V6_2, ApiVersion::V7_3).await;
    let hand = pair.hand().await;
    hand.put(SCHOOLS, &school(0)).await;
    for number in 0..6 {
        hand.put(STUDENTS, &student(number, "Ada")).await;
        hand.put(ENROLMENTS, &enrolment(number, 0, 20)).await;
    }
    let summary = pair
        .publish_with(|arguments| {
            arguments.settings.choice.include_only = vec!["studentSchoolAssociations".to_owned()];
        })
        .await
        .unwrap();
    assert_eq!((summary.exit_status(), summary.owed()), (0, 0));
    assert_eq!(pair.target.count(ENROLMENTS).unwrap(), 6);
    assert_eq!(pair.target.count(STUDENTS).unwrap(), 6);
    assert_eq!(pair.target.count(SCHOOLS).unwrap(), 1);
    let requests = pair.source.requests();
    assert_eq!(requests.count("GET", "/ed-fi/schools"), 1, "asked for once");
    assert_eq!(pair.target.requests().count("POST", "/ed-fi/schools"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_forbidden_record_does_not_take_the_others_with_it() {
    let pair = restricted().await;
    let hand = pair.hand().await;
    for number in 2..8 {
        hand.put(STUDENTS, &student(number, "Ada")).await;
    }
    let summary = pair
        .publish_with(|arguments| {
            persons(arguments);
            arguments.settings.forbidden_as_warning = true;
        })
        .await
        .unwrap();
    assert_eq!((summary.exit_status(), summary.owed()), (0, 1));
    assert_eq!(pair.target.count(STUDENTS).unwrap(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_target_is_waited_for() {
    let pair = Pair::empty(ApiVersion::V7_3, ApiVersion::V7_3).await;
    let hand = pair.hand().await;
    for number in 0..20 {
        hand.put(STUDENTS, &student(number, "Ada")).await;
    }
    let busy = FaultRule {
        on: FaultMatch {
            method: Some("POST".to_owned()),
            path: Some("/ed-fi/students".to_owned()),
            every: Some(3),
            ..FaultMatch::default()
        },
        action: status(429, &[("Retry-After", "0")]),
        ..FaultRule::default()
    };
    pair.target.set_faults(plan([busy]));
    let summary = pair.publish().await;
    assert_eq!((summary.exit_status(), summary.owed()), (0, 0));
    pair.must_be_equal("after a busy target").await;
}
