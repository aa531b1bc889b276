//! What a target does not let a publication do at once, or lacks.

use std::collections::BTreeMap;

use serde_json::json;
use syncline_sandbox::schema::embedded;
use syncline_sandbox::{
    ApiVersion, Authorization, FaultAction, FaultMatch, FaultRule, Sandbox, SandboxConfig,
};

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
    for number in 2..5 {
        hand.put(STUDENTS, &student(number, "Ada")).await;
    }
    // With a snapshot a run is one pass.
    pair.source.take_snapshot("one").unwrap();
    let read = || pair.source.requests().count("GET", "/ed-fi/students");
    let before = read();
    let summary = pair
        .publish_with(|arguments| {
            persons(arguments);
            arguments.settings.ignore_isolation = false;
        })
        .await
        .unwrap();
    assert_eq!(
        summary.exit_status(),
        0,
        "{:#?}",
        summary.report.collections
    );
    assert_eq!(summary.owed(), 0);
    let requests = pair.target.requests();
    assert_eq!(requests.count_status("POST", "/ed-fi/students", 403), 1);
    // Once by its owner, once too early, once more; the others once each.
    assert_eq!(requests.count("POST", "/ed-fi/students"), 3 + 3);
    assert_eq!(read() - before, 1, "the collection is read once");
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
    hand.enrol(6).await;
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
    let posts = |name: &str| pair.target.requests().count("POST", &format!("/{name}"));
    assert_eq!(posts(SCHOOLS), 1);
    assert_eq!(posts(STUDENTS), 6);
    assert_eq!(posts(ENROLMENTS), 12, "each once too early and once more");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_fetched_and_declined_is_told_though_it_was_not_chosen() {
    let pair = Pair::empty(ApiVersion::V6_2, ApiVersion::V7_3).await;
    pair.hand().await.enrol(2).await;
    let declined = FaultRule {
        on: FaultMatch {
            method: Some("POST".to_owned()),
            path: Some(format!("/{STUDENTS}")),
            ..FaultMatch::default()
        },
        action: status(400, &[]),
        ..FaultRule::default()
    };
    pair.target.set_faults(plan([declined]));
    let enrolments_only = |arguments: &mut syncline::PublishArgs| {
        arguments.settings.choice.include_only = vec!["studentSchoolAssociations".to_owned()];
    };
    let summary = pair.publish_with(enrolments_only).await.unwrap();
    let of = |name: &str| {
        let (report, part) = (&summary.report.collections[name], &summary.parts[name]);
        (report.created, report.failed, part.fetched, part.owed)
    };
    assert_eq!(of(STUDENTS), (0, 2, 2, 2));
    assert_eq!(of(SCHOOLS), (1, 0, 1, 0));
    assert_eq!(of(ENROLMENTS), (0, 2, 0, 2));
    assert_eq!((summary.exit_status(), summary.owed()), (1, 4));
    assert!(summary.parts[STUDENTS].only_fetched);
    let reasons = &summary.report.collections[STUDENTS].failures;
    assert_eq!((reasons[0].status, reasons[0].count), (400, 2));
    pair.target.set_faults(plan([]));
    let summary = pair.publish_with(enrolments_only).await.unwrap();
    assert_eq!((summary.exit_status(), summary.owed()), (0, 0));
    assert_eq!(summary.report.collections[STUDENTS].created, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lacks_something_is_offered_twice_however_much_that_lacks_itself() {
    let pair = Pair::district(ApiVersion::V7_3, ApiVersion::V7_3, 4).await;
    let (sections, offerings) = ("ed-fi/sections", "ed-fi/courseOfferings");
    let summary = pair
        .publish_with(|arguments| {
            arguments.settings.choice.include_only = vec!["sections".to_owned()];
        })
        .await
        .unwrap();
    assert_eq!((summary.exit_status(), summary.owed()), (0, 0));
    let count = |name: &str| pair.target.count(name).unwrap();
    assert_eq!(count(sections), pair.source.count(sections).unwrap());
    // An offering lacks its session and its course, and each of those its school.
    for name in [sections, offerings] {
        let posts = pair.target.requests().count("POST", &format!("/{name}"));
        assert!(count(name) > 0, "{name}");
        assert_eq!(posts, 2 * count(name), "{name}");
    }
}

/// Has the target say no longer which members are the key of a collection.
async fn forget_key(pair: &Pair, name: &str) {
    let settings = pair.target_settings();
    let mut document = syncline_store_edfi::documents(&settings)
        .await
        .unwrap()
        .remove(0);
    let path = &mut document["paths"][format!("/{name}")];
    let parameters = path["get"]["parameters"].as_array_mut().unwrap();
    for parameter in parameters {
        parameter
            .as_object_mut()
            .unwrap()
            .remove("x-Ed-Fi-isIdentity");
    }
    let told = FaultRule {
        on: FaultMatch {
            path: Some("/resources/swagger.json".to_owned()),
            ..FaultMatch::default()
        },
        action: FaultAction::Status {
            status: 200,
            body: document.to_string(),
            headers: BTreeMap::new(),
        },
        ..FaultRule::default()
    };
    pair.target.set_faults(plan([told]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_key_to_look_it_up_by_is_fetched_by_its_link() {
    for target in [ApiVersion::V6_2, ApiVersion::V7_3] {
        let mut pair = Pair::empty(ApiVersion::V7_3, target).await;
        let config = SandboxConfig {
            api: target,
            record: true,
            ..SandboxConfig::new(embedded().unwrap())
        };
        pair.target = Sandbox::start(config).await.unwrap();
        let hand = pair.hand().await;
        hand.put(SCHOOLS, &school(0)).await;
        for number in 0..3 {
            hand.put(STUDENTS, &student(number, "Ada")).await;
        }
        hand.put(ENROLMENTS, &enrolment(1, 0, 20)).await;
        forget_key(&pair, STUDENTS).await;
        let summary = pair
            .publish_with(|arguments| {
                arguments.settings.choice.include_only = vec![format!("/{ENROLMENTS}")];
            })
            .await
            .unwrap();
        assert_eq!(
            (summary.exit_status(), summary.owed()),
            (0, 0),
            "{target:?}"
        );
        assert_eq!(pair.target.count(ENROLMENTS).unwrap(), 1);
        assert_eq!(pair.target.count(SCHOOLS).unwrap(), 1);
        assert_eq!(
            pair.target.count(STUDENTS).unwrap(),
            1,
            "the one it refers to"
        );
        let asked = pair.source.requests();
        assert_eq!(asked.count("GET", "/ed-fi/students/{id}"), 1, "once");
        let written = pair.target.requests();
        let students: Vec<_> = written
            .requests
            .iter()
            .filter(|request| request.method == "POST" && request.path.ends_with(STUDENTS))
            .map(|request| String::from_utf8_lossy(&request.body))
            .collect();
        assert_eq!(students.len(), 1);
        assert!(students[0].contains("\"S1\""), "{}", students[0]);
        for member in ["\"id\"", "_etag", "_lastModifiedDate"] {
            assert!(!students[0].contains(member), "{}", students[0]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_forbidden_record_does_not_take_the_others_with_it() {
    let pair = restricted().await;
    let hand = pair.hand().await;
    for number in 2..40 {
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
    assert_eq!(pair.target.count(STUDENTS).unwrap(), 39);
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

/// Lets requests for students be forbidden.
fn forbidden(method: &str) -> FaultRule {
    FaultRule {
        on: FaultMatch {
            method: Some(method.to_owned()),
            path: Some(format!("/{STUDENTS}")),
            ..FaultMatch::default()
        },
        action: status(403, &[]),
        ..FaultRule::default()
    }
}

/// Look-ups that are under way at once.
const TOGETHER: u64 = 8;

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_looked_up_is_not_asked_for_with_each_key() {
    let pair = Pair::empty(ApiVersion::V7_3, ApiVersion::V7_3).await;
    let hand = pair.hand().await;
    hand.enrol(30).await;
    let asked = || pair.source.requests().count("GET", "/ed-fi/students");
    let before = asked();
    pair.source.set_faults(plan([forbidden("GET")]));
    let summary = pair
        .publish_with(|arguments| {
            arguments.settings.choice.include_only = vec![format!("/{ENROLMENTS}")];
        })
        .await
        .unwrap();
    assert_eq!((summary.exit_status(), summary.owed()), (1, 30));
    let looked_up = asked() - before;
    assert!((1..=TOGETHER).contains(&looked_up), "{looked_up}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_looked_up_is_not_deleted_and_not_asked_for_with_each_key() {
    let pair = Pair::empty(ApiVersion::V7_3, ApiVersion::V7_3).await;
    let hand = pair.hand().await;
    for number in 0..30 {
        hand.put(STUDENTS, &student(number, "Ada")).await;
    }
    assert_eq!(pair.publish().await.exit_status(), 0);
    for number in 0..30 {
        hand.delete(STUDENTS, &student(number, "Ada")).await;
    }
    pair.target.set_faults(plan([forbidden("DELETE")]));
    let owing = pair.publish().await;
    assert_eq!((owing.exit_status(), owing.owed()), (1, 30));
    // Not all is read now, so that each might have come back unseen.
    pair.target.set_faults(plan([]));
    pair.source.set_faults(plan([forbidden("GET")]));
    let asked = || pair.source.requests().count("GET", "/ed-fi/students");
    let before = asked();
    let again = pair
        .publish_with(|arguments| arguments.owed_only = true)
        .await
        .unwrap();
    assert_eq!(again.owed(), 30);
    assert_eq!(pair.target.count(STUDENTS).unwrap(), 30);
    let looked_up = asked() - before;
    assert!((1..=TOGETHER).contains(&looked_up), "{looked_up}");
    pair.source.set_faults(plan([]));
    assert_eq!(pair.publish().await.exit_status(), 0);
    assert_eq!(pair.target.count(STUDENTS).unwrap(), 0);
}
