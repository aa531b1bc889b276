//! In which order changes are made, and moments of a source that are not what they seem.

use syncline::PublishSummary;
use syncline_model::Outcome;
use syncline_sandbox::schema::embedded;
use syncline_sandbox::{ApiVersion, FaultAction, FaultMatch, FaultRule, Sandbox, SandboxConfig};
use syncline_store::Store as _;
use syncline_store_edfi::EdfiStore;

use crate::publishing_choice::tell_order;
use crate::publishing_pair::{ENROLMENTS, Pair, SCHOOLS, STUDENTS, enrolment, school, student};
use crate::site::{plan, status};

use ApiVersion::{V6_2, V7_3};

const SESSIONS: &str = "ed-fi/sessions";
const SECTIONS: &str = "ed-fi/sections";

async fn without_overlap(pair: &Pair) -> PublishSummary {
    let published = pair.publish_with(|arguments| arguments.settings.overlap = Some(0));
    published.await.unwrap()
}

/// Two servers with a school, and students enrolled on the 20th.
async fn enrolled(students: usize) -> Pair {
    let pair = Pair::empty(V6_2, V7_3).await;
    let hand = pair.hand().await;
    hand.enrol(students).await;
    assert_eq!(pair.publish().await.exit_status(), 0);
    pair
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_change_in_load_order_whatever_lies_between() {
    let mut pair = Pair::district(V7_3, V7_3, 6).await;
    let config = SandboxConfig {
        record: true,
        ..SandboxConfig::new(embedded().unwrap())
    };
    pair.target = Sandbox::start(config).await.unwrap();
    assert_eq!(pair.publish().await.exit_status(), 0);
    let hand = pair.hand().await;
    // Sections contain sessions only by way of offerings, whose keys nobody changes.
    for (name, field, value) in [
        (SECTIONS, "sectionIdentifier", "renamed"),
        (SESSIONS, "sessionName", "Renamed"),
    ] {
        hand.rename(name, (field, value)).await;
    }
    let before = pair.target.requests().requests.len();
    let summary = without_overlap(&pair).await;
    assert_eq!(summary.exit_status(), 0, "{:?}", summary.report.collections);
    let log = pair.target.requests();
    let puts = log
        .requests
        .iter()
        .skip(before)
        .filter(|request| request.method == "PUT");
    let puts: Vec<&str> = puts.map(|request| request.path.as_str()).collect();
    let place = |name: &str| puts.iter().position(|path| path.contains(name)).unwrap();
    assert!(place(SESSIONS) < place(SECTIONS), "{puts:?}");
    pair.must_be_equal("after keys changed").await;
}

/// The load order that the target tells, with further edges, as a graph.
async fn order_with(pair: &Pair, further: &[(&str, &str)]) -> String {
    let settings = pair.target_settings();
    let store = EdfiStore::open(settings).await.unwrap();
    let catalog = store.describe().await.unwrap();
    let mut edges: Vec<(&str, &str)> = further.to_vec();
    for (name, prerequisites) in &catalog.dependencies {
        let prerequisites = prerequisites.iter();
        edges.extend(prerequisites.map(|prerequisite| (prerequisite.as_str(), name.as_str())));
    }
    let nodes = catalog.dependencies.keys();
    let nodes = nodes.map(|name| format!("<node id='/{name}'/>"));
    let edges = edges
        .into_iter()
        .map(|(source, target)| format!("<edge source='/{source}' target='/{target}'/>"));
    let inside: Vec<String> = nodes.chain(edges).collect();
    format!(
        "<graphml><graph id='g'>{}</graph></graphml>",
        inside.concat()
    )
}

/// The collections of which keys are changed in the target, in that order, if its load order has
/// further edges. Sections and enrolments have new keys.
async fn changed_in_order(further: &[(&str, &str)]) -> Vec<&'static str> {
    let mut pair = Pair::district(V7_3, V7_3, 4).await;
    let config = SandboxConfig {
        record: true,
        ..SandboxConfig::new(embedded().unwrap())
    };
    pair.target = Sandbox::start(config).await.unwrap();
    let order = order_with(&pair, further).await;
    tell_order(&pair.target, &order, "application/graphml");
    // What lies between is not published, and its keys cannot change.
    let choose = |arguments: &mut syncline::PublishArgs| {
        arguments.settings.choice.exclude_only = vec!["calendars".to_owned()];
        arguments.settings.overlap = Some(0);
    };
    assert_eq!(pair.publish_with(choose).await.unwrap().exit_status(), 0);
    let hand = pair.hand().await;
    hand.rename(SECTIONS, ("sectionIdentifier", "renamed"))
        .await;
    hand.rename(ENROLMENTS, ("entryDate", "2025-07-01")).await;
    let before = pair.target.requests().requests.len();
    assert_eq!(pair.publish_with(choose).await.unwrap().exit_status(), 0);
    let log = pair.target.requests();
    let puts = log.requests.iter().skip(before);
    let puts = puts.filter(|request| request.method == "PUT");
    let changed = |path: &str| {
        let names = [SECTIONS, ENROLMENTS].into_iter();
        names
            .into_iter()
            .find(|name| path.contains(&format!("/{name}/")))
    };
    puts.filter_map(|request| changed(&request.path)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn enrolments_change_their_keys_after_sections_though_only_calendars_lie_between() {
    let between = [
        (SECTIONS, "ed-fi/calendars"),
        ("ed-fi/calendars", ENROLMENTS),
    ];
    assert_eq!(changed_in_order(&between).await, [SECTIONS, ENROLMENTS]);
    // It is this that decides, and no other order of theirs.
    let otherwise = [
        (ENROLMENTS, "ed-fi/calendars"),
        ("ed-fi/calendars", SECTIONS),
    ];
    assert_eq!(changed_in_order(&otherwise).await, [ENROLMENTS, SECTIONS]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_changes_again_and_again_ends_where_it_is() {
    let pair = enrolled(2).await;
    let hand = pair.hand().await;
    for (from, to) in [(20, 21), (21, 22), (22, 23)] {
        let moved = hand
            .rekey(ENROLMENTS, &enrolment(0, 0, from), &enrolment(0, 0, to))
            .await;
        assert!(matches!(moved, Outcome::Done { .. }), "{moved:?}");
    }
    let before = pair
        .target
        .requests()
        .count("POST", "/ed-fi/studentSchoolAssociations");
    let summary = without_overlap(&pair).await;
    assert_eq!(summary.exit_status(), 0, "{:?}", summary.parts[ENROLMENTS]);
    assert_eq!(pair.target.count(ENROLMENTS).unwrap(), 2);
    pair.must_be_equal("after a chain of keys").await;
    let posts = pair
        .target
        .requests()
        .count("POST", "/ed-fi/studentSchoolAssociations")
        - before;
    assert!(posts <= 1, "the record itself, under its last key: {posts}");
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_keys_that_cannot_be_had_hold_the_mark_or_are_found_by_comparison() {
    for (code, expected) in [(503, 3), (403, 0)] {
        let pair = enrolled(2).await;
        let mark = pair.publish_mark(ENROLMENTS);
        let hand = pair.hand().await;
        let moved = hand
            .rekey(ENROLMENTS, &enrolment(0, 0, 20), &enrolment(0, 0, 21))
            .await;
        assert!(matches!(moved, Outcome::Done { .. }), "{moved:?}");
        let refusal = FaultRule {
            on: FaultMatch {
                method: Some("GET".to_owned()),
                path: Some("/studentSchoolAssociations/keyChanges".to_owned()),
                ..FaultMatch::default()
            },
            action: status(code, &[]),
            ..FaultRule::default()
        };
        pair.source.set_faults(plan([refusal]));
        let summary = without_overlap(&pair).await;
        assert_eq!(
            summary.exit_status(),
            expected,
            "{code}: {:?}",
            summary.parts[ENROLMENTS]
        );
        assert_eq!(pair.publish_mark(ENROLMENTS) == mark, code == 503);
        pair.source.set_faults(plan([]));
        assert_eq!(without_overlap(&pair).await.exit_status(), 0);
        pair.must_be_equal("after key changes could be read").await;
    }
}

/// Lets the source answer the first requests to a path so, with success.
fn answer_first(pair: &Pair, path: &str, body: &str) {
    let rule = FaultRule {
        on: FaultMatch {
            method: Some("GET".to_owned()),
            path: Some(path.to_owned()),
            ..FaultMatch::default()
        },
        action: FaultAction::Status {
            status: 200,
            body: body.to_owned(),
            headers: [("Total-Count".to_owned(), "0".to_owned())].into(),
        },
        ..FaultRule::default()
    };
    pair.source.set_faults(plan([rule]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_whose_newest_change_is_0_is_read_all_the_same() {
    let pair = Pair::empty(V7_3, V7_3).await;
    pair.hand().await.put(STUDENTS, &student(1, "Ada")).await;
    answer_first(
        &pair,
        "/availableChangeVersions",
        r#"{"oldestChangeVersion": 0, "newestChangeVersion": 0}"#,
    );
    let reads = || pair.source.requests().count("GET", "/ed-fi/students");
    let before = reads();
    assert_eq!(pair.publish().await.exit_status(), 0);
    assert!(
        reads() > before,
        "there may be records that are older than change versions"
    );
    pair.source.set_faults(plan([]));
    assert_eq!(pair.publish().await.exit_status(), 0);
    pair.must_be_equal("after the versions were told").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_visible_late_below_the_mark_is_read_on_account_of_the_overlap() {
    let pair = Pair::empty(V7_3, V7_3).await;
    let hand = pair.hand().await;
    hand.put(SCHOOLS, &school(0)).await;
    hand.put(STUDENTS, &student(1, "Late")).await;
    // A transaction that has its version and is not committed yet: nobody sees the record.
    answer_first(&pair, "/ed-fi/students", "[]");
    hand.put(SCHOOLS, &school(1)).await;
    assert_eq!(pair.publish().await.exit_status(), 0);
    pair.source.set_faults(plan([]));
    assert_eq!(pair.target.count(STUDENTS).unwrap(), 0);
    hand.put(SCHOOLS, &school(2)).await;
    let without = without_overlap(&pair).await;
    assert_eq!(
        (without.exit_status(), pair.target.count(STUDENTS).unwrap()),
        (0, 0)
    );
    assert_eq!(pair.publish().await.exit_status(), 0);
    pair.must_be_equal("with the overlap").await;
}
