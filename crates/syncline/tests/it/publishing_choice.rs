//! Which collections are read and written when a choice is made of them, by the order of the
//! sandbox and by orders as they were published.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::json;
use syncline::{CollectionName, Event, FailureKind, PublishSummary};
use syncline_sandbox::{ApiVersion, FaultAction, FaultMatch, FaultRule, Sandbox};
use tokio_util::sync::CancellationToken;

use crate::publishing_pair::{Pair, SCHOOLS, STUDENTS, arguments, school, student};
use crate::site::{Telling, plan};

use ApiVersion::{V6_2, V7_3};

const AGENCIES: &str = "ed-fi/localEducationAgencies";
const NETWORKS: &str = "ed-fi/educationOrganizationNetworks";
const ENROLLED: &str = "ed-fi/studentSchoolAssociations";

/// A school, its agency, a network and a student, each of which refers to nothing.
async fn pair() -> Pair {
    let pair = Pair::empty(V6_2, V7_3).await;
    let hand = pair.hand().await;
    let category = |name: &str| {
        json!([{"educationOrganizationCategoryDescriptor":
            format!("uri://ed-fi.org/EducationOrganizationCategoryDescriptor#{name}")}])
    };
    let agency = json!({"localEducationAgencyId": 9, "nameOfInstitution": "District",
        "categories": category("Local Education Agency"), "localEducationAgencyCategoryDescriptor":
            "uri://ed-fi.org/LocalEducationAgencyCategoryDescriptor#Independent"});
    hand.put(AGENCIES, &agency).await;
    hand.put(SCHOOLS, &school(0)).await;
    hand.put(STUDENTS, &student(1, "Ada")).await;
    pair
}

/// Which of some collections were read, and which were written.
fn touched(pair: &Pair, before: [u64; 2], name: &str) -> (bool, bool) {
    let path = format!("/{name}");
    let read = pair.source.requests().count("GET", &path);
    let written = pair.target.requests().count("POST", &path);
    (read > before[0], written > before[1])
}

/// Publishes a choice. The collections of the first list are read, those of the second are not;
/// the numbers are of records written.
async fn check(
    choose: impl FnOnce(&mut syncline::Choice),
    chosen: &[&str],
    left_out: &[&str],
    written: u64,
) {
    let pair = pair().await;
    // What made the records of the source is not the publication's doing.
    let before: BTreeMap<&str, [u64; 2]> = chosen
        .iter()
        .chain(left_out)
        .map(|name| {
            let path = format!("/{name}");
            let read = pair.source.requests().count("GET", &path);
            (*name, [read, pair.target.requests().count("POST", &path)])
        })
        .collect();
    let summary = pair
        .publish_with(|arguments| choose(&mut arguments.settings.choice))
        .await
        .unwrap();
    assert_eq!((summary.exit_status(), summary.owed()), (0, 0));
    for name in chosen {
        assert!(touched(&pair, before[name], name).0, "{name} is not read");
        assert!(summary.parts.contains_key(*name), "{name} is no part");
    }
    for name in left_out {
        assert_eq!(touched(&pair, before[name], name), (false, false), "{name}");
        assert!(!summary.parts.contains_key(*name), "{name} is a part");
    }
    let accepted: u64 = summary
        .report
        .collections
        .values()
        .map(|one| one.created)
        .sum();
    assert_eq!(accepted, written);
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_included_comes_with_all_that_it_depends_on() {
    check(
        |choice| choice.include = names(&["schools"]),
        &[
            SCHOOLS,
            AGENCIES,
            "ed-fi/stateEducationAgencies",
            "ed-fi/educationServiceCenters",
        ],
        &[
            STUDENTS,
            ENROLLED,
            NETWORKS,
            "ed-fi/educationOrganizationNetworkAssociations",
        ],
        2,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_alone_is_included_comes_alone() {
    check(
        |choice| choice.include_only = names(&["schools"]),
        &[SCHOOLS],
        &[
            AGENCIES,
            "ed-fi/stateEducationAgencies",
            "ed-fi/educationServiceCenters",
            STUDENTS,
            ENROLLED,
            NETWORKS,
        ],
        1,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_excluded_takes_with_it_all_that_depends_on_it() {
    check(
        |choice| choice.exclude = names(&["schools"]),
        &[AGENCIES, NETWORKS, STUDENTS],
        &[
            SCHOOLS,
            "ed-fi/sessions",
            "ed-fi/studentSectionAssociations",
            ENROLLED,
        ],
        2,
    )
    .await;
    // Short and full names.
    check(
        |choice| choice.exclude = names(&["assessments", "/ed-fi/sections"]),
        &[AGENCIES, SCHOOLS],
        &[
            "ed-fi/assessments",
            "ed-fi/studentAssessments",
            "ed-fi/sections",
            "ed-fi/studentSectionAssociations",
        ],
        3,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_alone_is_excluded_goes_alone() {
    check(
        |choice| choice.exclude_only = names(&["schools"]),
        &[AGENCIES, "ed-fi/sessions", ENROLLED],
        &[SCHOOLS],
        2,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_nobody_has_is_refused_with_the_nearest_one() {
    let pair = pair().await;
    let choices: [fn(&mut syncline::Choice); 4] = [
        |choice| choice.include = names(&["studnets"]),
        |choice| choice.include_only = names(&["studnets"]),
        |choice| choice.exclude = names(&["studnets"]),
        |choice| choice.exclude_only = names(&["studnets"]),
    ];
    for choose in choices {
        let failure = pair
            .publish_with(|arguments| choose(&mut arguments.settings.choice))
            .await
            .unwrap_err();
        assert_eq!(failure.kind, FailureKind::Configuration);
        assert_eq!(failure.hints, ["did you mean `students`?"]);
    }
    assert_eq!(pair.target.requests().count("POST", "/ed-fi/"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_isolation_no_snapshot_is_asked_for() {
    let pair = pair().await;
    let summary = pair.publish().await;
    assert_eq!((summary.exit_status(), summary.snapshot), (0, None));
    assert_eq!(pair.source.requests().count("GET", "snapshots"), 0);
}

/// Has a server tell another load order than its own.
pub(crate) fn tell_order(server: &Sandbox, body: &str, media_type: &str) {
    let order = FaultRule {
        on: FaultMatch {
            path: Some("/metadata/data/v3/dependencies".to_owned()),
            ..FaultMatch::default()
        },
        action: FaultAction::Status {
            status: 200,
            body: body.to_owned(),
            headers: BTreeMap::from([("Content-Type".to_owned(), media_type.to_owned())]),
        },
        ..FaultRule::default()
    };
    server.set_faults(plan([order]));
}

async fn published(pair: &Pair, choose: impl FnOnce(&mut syncline::Choice)) -> PublishSummary {
    pair.publish_with(|arguments| choose(&mut arguments.settings.choice))
        .await
        .unwrap()
}

fn parts(summary: &PublishSummary) -> BTreeSet<&str> {
    summary.parts.keys().map(CollectionName::short).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn cycles_in_an_order_are_broken_and_everything_is_published() {
    let pair = pair().await;
    let edge = |from: &str, to: &str| format!("<edge source='/{from}' target='/{to}'/>");
    let node = |name: &str| format!("<node id='/{name}'/>");
    let nodes: String = [SCHOOLS, AGENCIES, STUDENTS]
        .iter()
        .map(|name| node(name))
        .collect();
    let order = format!(
        "<graphml><graph id='g'>{nodes}{}{}{}</graph></graphml>",
        edge(SCHOOLS, AGENCIES),
        edge(AGENCIES, SCHOOLS),
        edge(STUDENTS, STUDENTS),
    );
    tell_order(&pair.target, &order, "application/graphml");
    let config = pair.config();
    let mut arguments = arguments(&config);
    arguments.settings.choice.include = names(&["schools", "students"]);
    let cycles = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&cycles);
    let observer = Arc::new(Telling(move |event: &Event| {
        if let Event::Cycle(cycle) = event {
            told.lock().unwrap().push(cycle.clone());
        }
    }));
    let summary = syncline::publish(&config, arguments, observer, CancellationToken::new())
        .await
        .unwrap();
    let cycles = cycles.lock().unwrap().concat();
    let cycle: BTreeSet<&str> = cycles.iter().map(CollectionName::short).collect();
    assert_eq!(cycle, BTreeSet::from(["localEducationAgencies", "schools"]));
    assert_eq!((summary.exit_status(), summary.owed()), (0, 0));
    let expected = BTreeSet::from(["localEducationAgencies", "schools", "students"]);
    assert_eq!(parts(&summary), expected);
    assert_eq!(pair.target.count(SCHOOLS).unwrap(), 1);
    let summary = published(&pair, |choice| choice.exclude = names(&["schools"])).await;
    assert_eq!(parts(&summary), BTreeSet::from(["students"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_target_does_not_have_is_told_and_the_rest_goes_on() {
    let pair = pair().await;
    let nodes = [SCHOOLS, AGENCIES, STUDENTS].map(|name| format!("<node id='/{name}'/>"));
    let nodes = nodes.concat();
    let order = format!("<graphml><graph id='g'>{nodes}</graph></graphml>");
    let answer = |path: &str, body: String| FaultRule {
        on: FaultMatch {
            path: Some(path.to_owned()),
            ..FaultMatch::default()
        },
        action: FaultAction::Status {
            status: 200,
            body,
            headers: BTreeMap::new(),
        },
        ..FaultRule::default()
    };
    let settings = pair.target_settings();
    let mut document = syncline_store_edfi::documents(&settings)
        .await
        .unwrap()
        .remove(0);
    let paths = document["paths"].as_object_mut().unwrap();
    paths.retain(|path, _| path.starts_with("/ed-fi/s"));
    pair.target.set_faults(plan([
        answer("/dependencies", order),
        answer("/resources/swagger.json", document.to_string()),
    ]));
    let summary = published(&pair, |_| {}).await;
    assert_eq!((summary.exit_status(), summary.owed()), (0, 0));
    assert_eq!(pair.target.count(SCHOOLS).unwrap(), 1);
    assert_eq!(pair.target.count(STUDENTS).unwrap(), 1);
    let told = summary.notes.join("; ");
    assert!(
        told.contains("the target does not have them: ed-fi/"),
        "{told}"
    );
    // What both have and the order leaves out is told, too, and published where it is named.
    let left_out = "the load order of the target leaves them out: ed-fi/section";
    assert!(told.contains(left_out), "{told}");
    assert!(!told.contains("schoolYearTypes"), "{told}");
    let named = published(&pair, |choice| {
        choice.include = names(&["studentSchoolAssociations"]);
    });
    let expected = BTreeSet::from(["schools", "studentSchoolAssociations", "students"]);
    assert_eq!(parts(&named.await), expected);
}

/// The load orders that were published, as both forms tell them.
fn published_orders() -> Vec<(PathBuf, &'static str)> {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/edfi/dependencies");
    let mut orders = Vec::new();
    for version in ["4.0.0", "5.2.0", "6.0.0"] {
        for (ending, media_type) in [
            ("graphml", "application/graphml"),
            ("json", "application/json"),
        ] {
            let file = folder.join(format!("{version}.{ending}"));
            if file.exists() {
                orders.push((file, media_type));
            }
        }
    }
    if orders.is_empty() {
        println!("skipped: no published load orders in ../shared");
    }
    orders
}

#[tokio::test(flavor = "multi_thread")]
async fn published_orders_are_followed_with_every_choice() {
    for (file, media_type) in published_orders() {
        let when = file.display().to_string();
        let pair = pair().await;
        let text = std::fs::read_to_string(&file).unwrap();
        tell_order(&pair.target, &text, media_type);
        // Nothing is configured about persons, so that none can be lacking.
        let summary = published(&pair, |_| {}).await;
        assert_eq!((summary.exit_status(), summary.owed()), (0, 0), "{when}");
        assert_eq!(pair.target.count(STUDENTS).unwrap(), 1, "{when}");
        assert_eq!(pair.target.count(SCHOOLS).unwrap(), 1, "{when}");
        let every = parts(&summary);
        let all = every.len();

        // Students may be written again once enrolled: what that node stands for may be left out.
        let summary = published(&pair, |choice| {
            choice.exclude_only = names(&["studentSchoolAssociations"]);
        })
        .await;
        assert_eq!(summary.exit_status(), 0, "{when}");
        assert_eq!(parts(&summary).len(), all - 1, "{when}");
        let summary = published(&pair, |choice| {
            choice.include_only = names(&["students", "studentAssessments"]);
        })
        .await;
        assert_eq!(summary.exit_status(), 0, "{when}");
        let expected = BTreeSet::from(["studentAssessments", "students"]);
        assert_eq!(parts(&summary), expected, "{when}");
        if media_type == "application/graphml" {
            // What depends on an education organization depends on a school, too.
            let summary = published(&pair, |choice| choice.exclude = names(&["schools"])).await;
            let left = parts(&summary);
            for name in ["assessments", "programs", "sessions"] {
                assert!(
                    every.contains(name) && !left.contains(name),
                    "{when}: {name}"
                );
            }
            assert!(left.contains("localEducationAgencies"), "{when}");
            let summary = published(&pair, |choice| choice.include = names(&["students"])).await;
            let expected = BTreeSet::from(["people", "students"]);
            assert_eq!(parts(&summary), expected, "{when}");
        }
    }
}
