//! What the Ed-Fi API Publisher gets wrong and is right here, as far as nothing else shows it. The
//! table in `docs/api-publisher-faults.md` names the tests.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use syncline::{PublishStart, StoreConfig, VerifyArgs};
use syncline_sandbox::{
    ApiVersion, FaultAction, FaultMatch, FaultPlan, FaultRule, RequestLog, Sandbox,
};
use tokio_util::sync::CancellationToken;

use crate::publishing_pair::{ENROLMENTS, Pair, SCHOOLS, STUDENTS, enrolment, school, student};
use crate::site::{plan, quiet, until};

use ApiVersion::{V6_2, V7_3};

/// Collections whose keys the publisher's settings call updatable.
const UPDATABLE: [&str; 8] = [
    "classPeriods",
    "grades",
    "gradebookEntries",
    "locations",
    "sections",
    "sessions",
    "studentSchoolAssociations",
    "studentSectionAssociations",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_requests_in_a_second_makes_it_wait_and_loses_nothing() {
    let pair = Pair::empty(V7_3, V7_3).await;
    let hand = pair.hand().await;
    for number in 0..30 {
        hand.put(STUDENTS, &student(number, "Ada")).await;
    }
    let mut config = pair.config();
    for store in config.stores.values_mut() {
        if let StoreConfig::Edfi(api) = store {
            api.settings.client.requests_per_second = Some(200.0);
        }
    }
    let arguments = crate::publishing_pair::arguments(&config);
    let summary = syncline::publish(&config, arguments, quiet(), CancellationToken::new())
        .await
        .unwrap();
    assert_eq!((summary.exit_status(), summary.owed()), (0, 0));
    pair.must_be_equal("with a limit of requests").await;
    assert_eq!(pair.target.requests().count("POST", STUDENTS), 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_target_holds_back_the_reading_of_a_fast_source() {
    let mut pair = Pair::empty(V7_3, V7_3).await;
    let hand = pair.hand().await;
    let records = 600;
    for number in 0..records {
        hand.put(STUDENTS, &student(number, "Ada")).await;
    }
    pair.page_size = 10;
    pair.target.set_faults(plan([FaultRule {
        on: FaultMatch {
            method: Some("POST".to_owned()),
            path: Some(format!("/{STUDENTS}")),
            ..FaultMatch::default()
        },
        action: FaultAction::Delay,
        delay_ms: 150,
        ..FaultRule::default()
    }]));
    let watching = async {
        until(&pair.target, |log| log.count("POST", STUDENTS) >= 24).await;
        let pages = pair.source.requests().count("GET", STUDENTS);
        pair.target.set_faults(plan([]));
        pages
    };
    let (summary, pages) = tokio::join!(pair.publish(), watching);
    assert_eq!((summary.exit_status(), summary.owed()), (0, 0));
    assert_eq!(pair.target.count(STUDENTS).unwrap(), records as u64);
    // Four lanes of 32 changes each are filled, and some pages wait before them.
    assert!((2..45).contains(&pages), "{pages} of 60 pages");
}

/// Requests by path since an earlier log, of GET below the data.
fn asked(before: &RequestLog, after: &RequestLog) -> BTreeMap<String, u64> {
    let mut asked = BTreeMap::new();
    for (key, count) in &after.counts {
        let (method, path, _) = key;
        let new = count - before.counts.get(key).copied().unwrap_or(0);
        if method == "GET" && path.contains("/data/v3/") && new > 0 {
            *asked.entry(path.clone()).or_default() += new;
        }
    }
    asked
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_run_asks_once_for_each_collection_and_stage_and_for_new_keys_only_where_they_change()
 {
    let pair = Pair::district(V6_2, V7_3, 3).await;
    assert_eq!(pair.publish().await.exit_status(), 0);
    let hand = pair.hand().await;
    hand.put(STUDENTS, &student(1, "Ada")).await;
    // With a snapshot a run is one pass.
    pair.source.take_snapshot("later").unwrap();
    let before = pair.source.requests();
    let summary = pair
        .publish_with(|arguments| arguments.settings.ignore_isolation = false)
        .await
        .unwrap();
    assert_eq!(summary.exit_status(), 0);
    let asked = asked(&before, &pair.source.requests());
    let often: Vec<_> = asked.iter().filter(|(_, count)| **count > 1).collect();
    assert!(often.is_empty(), "{often:?}");
    let rekeyed: Vec<&str> = asked
        .keys()
        .filter_map(|path| path.strip_suffix("/keyChanges")?.rsplit('/').next())
        .collect();
    for name in UPDATABLE {
        assert!(rekeyed.contains(&name), "{name} is not among {rekeyed:?}");
    }
    for never in ["students", "schools", "courses"] {
        assert!(!rekeyed.contains(&never), "{never} is among {rekeyed:?}");
    }
    assert!(
        asked.contains_key("/data/v3/ed-fi/students/deletes"),
        "{asked:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_is_given_counts_more_than_the_mark() {
    let pair = Pair::empty(V7_3, V7_3).await;
    let hand = pair.hand().await;
    for number in 0..4 {
        hand.put(STUDENTS, &student(number, "Ada")).await;
    }
    let first = pair.publish().await;
    let newest = first.newest.unwrap();
    hand.put(STUDENTS, &student(7, "Ada")).await;
    let read = |summary: &syncline::PublishSummary| summary.report.collections[STUDENTS].read;
    let after = |version: u64| {
        move |arguments: &mut syncline::PublishArgs| {
            arguments.start = PublishStart::After(version);
        }
    };
    let later = pair.publish_with(after(newest)).await.unwrap();
    assert_eq!((later.exit_status(), read(&later)), (0, 1));
    let all = pair.publish_with(after(0)).await.unwrap();
    assert_eq!((all.exit_status(), read(&all)), (0, 5));
    assert_eq!(
        pair.target.requests().count("POST", STUDENTS),
        5,
        "and none twice"
    );
}

/// Publishes students only; from which mark on, and how many records were read.
async fn students_only(pair: &Pair, job: Option<&str>) -> (Option<String>, u64) {
    let summary = pair
        .publish_with(|arguments| {
            arguments.settings.job = job.map(str::to_owned);
            arguments.settings.choice.include_only = vec![format!("/{STUDENTS}")];
            arguments.settings.overlap = Some(0);
        })
        .await
        .unwrap();
    assert_eq!((summary.exit_status(), summary.owed()), (0, 0), "{job:?}");
    let from = summary.parts[STUDENTS].from.clone();
    let read = summary.report.collections[STUDENTS].read;
    (from.map(|mark| mark.0), read)
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_other_names_keep_marks_of_their_own() {
    let pair = Pair::empty(V7_3, V7_3).await;
    let hand = pair.hand().await;
    hand.put(STUDENTS, &student(1, "Ada")).await;
    assert_eq!(students_only(&pair, Some("one")).await, (None, 1));
    let mark = pair.publish_mark(STUDENTS);
    assert!(mark.is_some());
    hand.put(STUDENTS, &student(2, "Ada")).await;
    assert_eq!(
        students_only(&pair, Some("two")).await,
        (None, 2),
        "it begins at its beginning"
    );
    assert_eq!(
        students_only(&pair, Some("one")).await,
        (mark, 1),
        "it goes on where it was"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_target_has_marks_of_its_own() {
    let mut pair = Pair::empty(V7_3, V7_3).await;
    let hand = pair.hand().await;
    hand.put(STUDENTS, &student(1, "Ada")).await;
    assert_eq!(students_only(&pair, None).await, (None, 1));
    let mark = pair.publish_mark(STUDENTS);
    hand.put(STUDENTS, &student(2, "Ada")).await;
    let other = crate::publishing_pair::server(V7_3).await;
    let first = std::mem::replace(&mut pair.target, other);
    assert_eq!(students_only(&pair, None).await, (None, 2));
    assert_eq!(pair.target.count(STUDENTS).unwrap(), 2);
    pair.target = first;
    assert_eq!(students_only(&pair, None).await, (mark, 1));
    assert_eq!(pair.target.count(STUDENTS).unwrap(), 2);
}

/// Requests of one sort: the method, what the path contains, and how many of them break.
type Sort = (&'static str, &'static str, usize);

/// Breaks the first requests of each sort: no answer and a reset, no answer and an end, half an answer.
fn breaks(sorts: &[Sort]) -> FaultPlan {
    let actions = [
        FaultAction::Reset,
        FaultAction::Close,
        FaultAction::Truncate,
    ];
    let broken = |(method, path, times): &Sort| {
        let rule = |(ordinal, action): (u64, &FaultAction)| FaultRule {
            on: FaultMatch {
                method: Some((*method).to_owned()),
                path: Some((*path).to_owned()),
                between: Some((ordinal, ordinal)),
                ..FaultMatch::default()
            },
            action: action.clone(),
            ..FaultRule::default()
        };
        let rules = (1..).zip(&actions).map(rule);
        rules.take(*times).collect::<Vec<_>>()
    };
    plan(sorts.iter().flat_map(broken))
}

/// How many requests of each sort were broken before an answer.
fn broken(server: &Sandbox, sorts: &[Sort]) -> Vec<u64> {
    let log = server.requests();
    // Paths that are not those of records are counted without case.
    let places = |path: &str| BTreeSet::from([path.to_owned(), path.to_ascii_lowercase()]);
    let count = |(method, path, _): &Sort| {
        let places = places(path).into_iter();
        places
            .map(|place| log.count_status(method, &place, 0))
            .sum()
    };
    sorts.iter().map(count).collect()
}

/// Publishes while requests of those sorts break, on either side, and compares.
async fn must_survive_breaks(pair: &Pair, of_source: &[Sort], of_target: &[Sort]) {
    let sides = [(&pair.source, of_source), (&pair.target, of_target)];
    let before = sides.map(|(server, sorts)| broken(server, sorts));
    for (server, sorts) in sides {
        server.set_faults(breaks(sorts));
    }
    let summary = pair.publish().await;
    assert_eq!((summary.exit_status(), summary.owed()), (0, 0));
    for ((server, sorts), before) in sides.into_iter().zip(before) {
        server.set_faults(plan([]));
        let after = broken(server, sorts);
        for ((sort, before), after) in sorts.iter().zip(before).zip(after) {
            let least = sort.2.min(2) as u64;
            assert!(after - before >= least, "{sort:?}: {}", after - before);
        }
    }
    pair.must_be_equal("after broken requests").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn resets_and_breaks_on_every_sort_of_request_lose_nothing() {
    let mut pair = Pair::empty(V6_2, V7_3).await;
    pair.page_size = 3;
    let hand = pair.hand().await;
    hand.enrol(5).await;
    // Getting in touch, which is tried for a short time only; records and their counts.
    must_survive_breaks(
        &pair,
        &[
            ("POST", "/oauth/token", 1),
            ("GET", "/metadata/", 1),
            ("GET", "/availableChangeVersions", 1),
            ("GET", "/ed-fi/students", 3),
        ],
        &[
            ("POST", "/oauth/token", 1),
            ("GET", "/metadata/", 1),
            ("POST", "/ed-fi/students", 3),
        ],
    )
    .await;
    hand.delete(ENROLMENTS, &enrolment(0, 0, 20)).await;
    hand.rekey(ENROLMENTS, &enrolment(1, 0, 20), &enrolment(1, 0, 21))
        .await;
    hand.put(STUDENTS, &student(2, "Eve")).await;
    // What went, and keys that changed; look-ups, new keys, records and deletes.
    must_survive_breaks(
        &pair,
        &[
            ("GET", "/studentSchoolAssociations/deletes", 3),
            ("GET", "/studentSchoolAssociations/keyChanges", 3),
        ],
        &[
            ("GET", "/ed-fi/studentSchoolAssociations", 3),
            ("PUT", "/ed-fi/studentSchoolAssociations", 3),
            ("DELETE", "/ed-fi/studentSchoolAssociations", 3),
            ("POST", "/ed-fi/students", 3),
        ],
    )
    .await;
    assert_eq!(pair.target.count(ENROLMENTS).unwrap(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_end_while_a_publication_runs_are_replaced_at_once() {
    let mut pair = Pair::empty(V7_3, V7_3).await;
    pair.page_size = 5;
    let hand = pair.hand().await;
    for number in 0..100 {
        hand.put(STUDENTS, &student(number, "Ada")).await;
    }
    pair.target.set_faults(plan([FaultRule {
        on: FaultMatch {
            method: Some("POST".to_owned()),
            path: Some(format!("/{STUDENTS}")),
            ..FaultMatch::default()
        },
        action: FaultAction::Delay,
        delay_ms: 5,
        ..FaultRule::default()
    }]));
    let ending = async {
        until(&pair.target, |log| log.count("POST", STUDENTS) >= 1).await;
        pair.source.expire_tokens();
        pair.target.expire_tokens();
    };
    let (summary, ()) = tokio::join!(pair.publish(), ending);
    assert_eq!((summary.exit_status(), summary.owed()), (0, 0));
    for (server, method) in [(&pair.source, "GET"), (&pair.target, "POST")] {
        let log = server.requests();
        assert!(log.count_status(method, "/ed-fi/", 401) > 0, "{method}");
    }
    pair.must_be_equal("after tokens ended").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_part_of_0_deletes_no_other_record() {
    let pair = Pair::empty(V7_3, V7_3).await;
    let hand = pair.hand().await;
    let zero = |id: usize| {
        let mut school = school(id);
        school["schoolId"] = json!(id);
        school
    };
    for id in [0, 7] {
        hand.put(SCHOOLS, &zero(id)).await;
    }
    assert_eq!(pair.publish().await.exit_status(), 0);
    // A server that takes 0 for nothing answers a look-up of it with whatever comes first.
    let target = pair.target_hand().await;
    target.delete(SCHOOLS, &zero(0)).await;
    hand.delete(SCHOOLS, &zero(0)).await;
    let ignored = FaultRule {
        on: FaultMatch {
            method: Some("GET".to_owned()),
            path: Some("/ed-fi/schools".to_owned()),
            ..FaultMatch::default()
        },
        action: FaultAction::Status {
            status: 200,
            body: format!("[{}]", with_id(&zero(7))),
            headers: BTreeMap::from([("Total-Count".to_owned(), "1".to_owned())]),
        },
        ..FaultRule::default()
    };
    pair.target.set_faults(plan([ignored]));
    pair.publish().await;
    pair.target.set_faults(plan([]));
    assert_eq!(
        pair.target.count(SCHOOLS).unwrap(),
        1,
        "the other school stays"
    );
    assert_eq!(
        pair.target.requests().count("DELETE", SCHOOLS),
        1,
        "that of the test"
    );
}

fn with_id(record: &serde_json::Value) -> serde_json::Value {
    let mut record = record.clone();
    record["id"] = json!("0123456789abcdef0123456789abcdef");
    record["_etag"] = json!("1");
    record
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_that_is_stopped_says_so() {
    let pair = Pair::empty(V7_3, V7_3).await;
    let config = pair.config();
    let stop = CancellationToken::new();
    stop.cancel();
    let arguments = VerifyArgs {
        settings: config.publish.clone().unwrap(),
        counts_only: false,
        reasons: false,
    };
    let failure = syncline::verify(&config, arguments, quiet(), stop).await;
    assert_eq!(
        failure.unwrap_err().kind,
        syncline::FailureKind::Interrupted
    );
}
