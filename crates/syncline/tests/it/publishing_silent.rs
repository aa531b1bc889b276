//! What the Ed-Fi API Publisher does wrong and reports as done: whole publications that end with
//! another target than they should if this program did the same.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use syncline_model::Outcome;
use syncline_sandbox::schema::embedded;
use syncline_sandbox::{
    ApiVersion, FaultAction, FaultMatch, FaultRule, RequestLog, Sandbox, SandboxConfig,
};

use crate::publishing_pair::{ENROLMENTS, Pair, SCHOOLS, STUDENTS, enrolment, school, student};
use crate::site::{plan, status, until};

use ApiVersion::{V6_2, V7_3};

const COURSES: &str = "ed-fi/courses";

/// Answers in place of those of a path.
fn instead(method: &str, path: &str, action: FaultAction) -> FaultRule {
    FaultRule {
        on: FaultMatch {
            method: Some(method.to_owned()),
            path: Some(path.to_owned()),
            ..FaultMatch::default()
        },
        action,
        ..FaultRule::default()
    }
}

/// A page that a server gives.
fn page(records: &str, number: usize) -> FaultAction {
    FaultAction::Status {
        status: 200,
        body: format!("[{records}]"),
        headers: BTreeMap::from([("Total-Count".to_owned(), number.to_string())]),
    }
}

/// A target that remembers what it was sent.
async fn recording() -> Sandbox {
    let config = SandboxConfig {
        record: true,
        ..SandboxConfig::new(embedded().unwrap())
    };
    Sandbox::start(config).await.unwrap()
}

/// What was sent to a collection, or to records of it.
fn bodies(log: &RequestLog, method: &str, name: &str) -> Vec<String> {
    let sent = log.requests.iter().filter(|one| one.method == method);
    let bodies = sent.filter(|one| one.path.contains(name));
    let text = |body: &[u8]| String::from_utf8(body.to_vec()).unwrap();
    bodies.map(|one| text(&one.body)).collect()
}

/// D2: what is refused for haste, however often, on either side, is waited for or stays owed; it
/// is not dropped, and the run is no success.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_for_haste_until_nobody_tries_any_more_is_no_success() {
    let mut pair = Pair::empty(V6_2, V7_3).await;
    pair.retry.attempts_max = 2;
    pair.page_size = 5;
    let hand = pair.hand().await;
    for number in 0..30 {
        hand.put(STUDENTS, &student(number, "Ada")).await;
    }
    let path = format!("/{STUDENTS}");
    let busy = |method: &str| plan([instead(method, &path, status(429, &[]))]);
    let must_have_failed = async |where_: &str| {
        let summary = pair.publish_with(|_| {}).await.unwrap();
        assert_ne!(summary.exit_status(), 0, "{where_}");
        let part = &summary.parts[STUDENTS];
        assert!(
            part.to.is_none() || part.owed == 30,
            "{where_}: {} are owed with the mark at {:?}",
            part.owed,
            part.to
        );
    };
    pair.source.set_faults(busy("GET"));
    must_have_failed("the source").await;
    pair.source.set_faults(plan([]));
    pair.target.set_faults(busy("POST"));
    must_have_failed("the target").await;
    assert_eq!(pair.target.count(STUDENTS).unwrap(), 0);
    pair.target.set_faults(plan([]));
    let summary = pair.publish().await;
    assert_eq!((summary.exit_status(), summary.owed()), (0, 0));
    pair.must_be_equal("once the servers are not busy").await;
}

/// D4: pages by offset while records leave the window, without a snapshot. What stands behind them
/// moves up by as many places, across the edge of a page.
#[tokio::test(flavor = "multi_thread")]
async fn records_that_leave_the_window_while_it_is_read_take_no_others_with_them() {
    let mut pair = Pair::empty(V6_2, V7_3).await;
    pair.page_size = 5;
    let hand = pair.hand().await;
    for number in 0..60 {
        hand.put(STUDENTS, &student(number, "Ada")).await;
    }
    let path = format!("/{STUDENTS}");
    // So that there is time between two pages.
    let slow = FaultRule {
        delay_ms: 5,
        ..instead("POST", &path, FaultAction::Delay)
    };
    pair.target.set_faults(plan([slow]));
    let pages = |log: &RequestLog| log.count("GET", &path);
    let before = pages(&pair.source.requests());
    let living = async {
        until(&pair.source, |log| pages(log) >= before + 3).await;
        for number in 0..3 {
            hand.put(STUDENTS, &student(number, "Eve")).await;
        }
        assert!(
            pages(&pair.source.requests()) < before + 12,
            "it was in time"
        );
    };
    let publishing = pair.publish_with(|arguments| arguments.settings.overlap = Some(0));
    let (summary, ()) = tokio::join!(publishing, living);
    assert_eq!(summary.unwrap().exit_status(), 0);
    pair.must_be_equal("after records left the window").await;
}

/// D7: the source still tells deletes of keys that are there again, as not all servers leave these
/// out. One record came back as it was, one with another content, one did not come back.
#[tokio::test(flavor = "multi_thread")]
async fn deletes_that_are_told_of_records_that_came_back_are_not_made() {
    let pair = Pair::empty(V6_2, V7_3).await;
    let hand = pair.hand().await;
    for number in 0..4 {
        hand.put(STUDENTS, &student(number, "Ada")).await;
    }
    assert_eq!(pair.publish().await.exit_status(), 0);
    for number in 1..4 {
        hand.delete(STUDENTS, &student(number, "Ada")).await;
    }
    hand.put(STUDENTS, &student(1, "Ada")).await;
    hand.put(STUDENTS, &student(2, "Eve")).await;
    let told = |number: usize| {
        let key = json!({"studentUniqueId": format!("S{number}")});
        json!({"id": "0b2f", "changeVersion": 5, "keyValues": key}).to_string()
    };
    let deletes = page(&[1, 2, 3].map(told).join(","), 3);
    let path = format!("/{STUDENTS}/deletes");
    pair.source
        .set_faults(plan([instead("GET", &path, deletes)]));
    let summary = pair.publish().await;
    assert_eq!((summary.exit_status(), summary.owed()), (0, 0));
    assert_eq!(summary.report.collections[STUDENTS].deleted, 1);
    assert_eq!(pair.target.requests().count("DELETE", STUDENTS), 1);
    pair.source.set_faults(plan([]));
    pair.must_be_equal("with deletes of what came back").await;
}

/// Members of a course as no program would write them: spaces, escapes, an order of its own,
/// numbers that a double does not keep, and a text that looks like a moment.
const ODD: &str = r#""courseTitle" : "Zo\u00eb \/ Algebra", "courseCode":"ALG",  "numberOfParts":1,
  "maximumAvailableCredits":1.50, "minimumAvailableCredits":0.1000000000000000055511151231257827,
  "courseDescription":"2020-01-02T03:04:05.1230000+05:00""#;

/// D11: what is written to the target is what the source said, to the byte, without what belongs to
/// the source.
#[tokio::test(flavor = "multi_thread")]
async fn the_target_is_sent_the_bytes_of_the_source() {
    for api in [V6_2, V7_3] {
        let mut pair = Pair::empty(api, V7_3).await;
        pair.target = recording().await;
        pair.hand().await.put(SCHOOLS, &school(0)).await;
        let rest = json!({
            "educationOrganizationReference": {"educationOrganizationId": 1000},
            "identificationCodes": [{"identificationCode": "ALG",
                "courseIdentificationSystemDescriptor":
                    "uri://ed-fi.org/CourseIdentificationSystemDescriptor#LEA course code"}],
        });
        let rest = rest.to_string();
        let rest = rest.strip_prefix('{').unwrap();
        let told = format!(r#"{{"id":"0b2f",{ODD},"_etag":"1",{rest}"#);
        let sent = format!("{{{ODD},{rest}");
        let path = format!("/{COURSES}");
        pair.source
            .set_faults(plan([instead("GET", &path, page(&told, 1))]));
        let summary = pair.publish().await;
        assert_eq!(
            (summary.exit_status(), summary.owed()),
            (0, 0),
            "{:?}",
            summary.report.collections.get(COURSES)
        );
        assert_eq!(
            bodies(&pair.target.requests(), "POST", COURSES),
            [sent],
            "{api:?}"
        );
    }
}

/// D13: a new key changes the members of the key. A member of the same name elsewhere, and what the
/// target has otherwise, stay as they are.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_one_put_that_changes_nothing_but_the_key() {
    let mut pair = Pair::empty(V6_2, V7_3).await;
    pair.target = recording().await;
    let hand = pair.hand().await;
    for number in 0..2 {
        hand.put(SCHOOLS, &school(number)).await;
    }
    hand.put(STUDENTS, &student(1, "Ada")).await;
    let next_year = |mut record: Value| {
        record["nextYearSchoolReference"] = json!({"schoolId": 1000});
        record
    };
    let (old, new) = (
        next_year(enrolment(1, 0, 20)),
        next_year(enrolment(1, 1, 20)),
    );
    hand.put(ENROLMENTS, &old).await;
    assert_eq!(pair.publish().await.exit_status(), 0);
    let mut others = old.clone();
    others["primarySchool"] = json!(true);
    pair.target_hand().await.put(ENROLMENTS, &others).await;
    let moved = hand.rekey(ENROLMENTS, &old, &new).await;
    assert!(matches!(moved, Outcome::Done { .. }), "{moved:?}");
    let summary = pair.publish().await;
    assert_eq!((summary.exit_status(), summary.owed()), (0, 0));
    assert_eq!(summary.parts[ENROLMENTS].rekeyed, 1);
    let puts = bodies(&pair.target.requests(), "PUT", ENROLMENTS);
    assert_eq!(puts.len(), 1, "{puts:?}");
    let put: Value = serde_json::from_str(&puts[0]).unwrap();
    assert_eq!(put["schoolReference"]["schoolId"], 1001);
    assert_eq!(put["nextYearSchoolReference"]["schoolId"], 1000);
    assert_eq!(put["primarySchool"], true, "what the target has stays");
    assert_eq!(put["entryDate"], "2025-08-20");
    pair.must_be_equal("after a record took another school")
        .await;
}
