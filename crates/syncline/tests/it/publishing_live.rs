//! Sources that go on living while they are published, and servers with clocks of their own.

use std::collections::BTreeMap;

use serde_json::Value;
use syncline_sandbox::schema::embedded;
use syncline_sandbox::{
    ApiVersion, FaultAction, FaultMatch, FaultRule, RequestLog, Sandbox, SandboxConfig,
};

use crate::publishing_pair::{ENROLMENTS, Hand, Pair, STUDENTS, enrolment, student};
use crate::site::{plan, status, until};

use ApiVersion::{V6_2, V7_3};

const RECORDS: usize = 60;
const PAGE: u32 = 5;
/// Seconds of a year and a month.
const FAR_OFF_S: i64 = 395 * 24 * 60 * 60;

/// How often each body was written to a collection.
fn bodies(log: &RequestLog, path: &str) -> BTreeMap<Vec<u8>, usize> {
    let mut bodies = BTreeMap::new();
    let is_write = |path_asked: &str| path_asked.ends_with(path);
    let posts = log
        .requests
        .iter()
        .filter(|request| request.method == "POST");
    for request in posts.filter(|request| is_write(&request.path)) {
        *bodies.entry(request.body.to_vec()).or_default() += 1;
    }
    bodies
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_on_two_pages_is_written_once_and_counted_once() {
    let mut pair = Pair::empty(V6_2, V7_3).await;
    pair.page_size = PAGE;
    let config = SandboxConfig {
        record: true,
        ..SandboxConfig::new(embedded().unwrap())
    };
    pair.target = Sandbox::start(config).await.unwrap();
    let hand = pair.hand().await;
    for number in 0..RECORDS {
        hand.put(STUDENTS, &student(number, "Ada")).await;
    }
    let slow = FaultRule {
        on: FaultMatch {
            method: Some("POST".to_owned()),
            path: Some(format!("/{STUDENTS}")),
            ..FaultMatch::default()
        },
        action: FaultAction::Delay,
        delay_ms: 5,
        ..FaultRule::default()
    };
    pair.target.set_faults(plan([slow]));
    let pages = || pair.source.requests().count("GET", &format!("/{STUDENTS}"));
    let before = pages();
    let living = async {
        // The first page only says how many there are; then they come from the last one on.
        until(&pair.source, |_| pages() >= before + 4).await;
        // The first two leave the window, and all others move down by two: what stood first on the
        // page that was read last stands on the next one as well.
        for number in 0..2 {
            hand.put(STUDENTS, &student(number, "Eve")).await;
        }
        pages() - before
    };
    let publishing = pair.publish_with(|arguments| arguments.settings.overlap = Some(0));
    let (summary, pages) = tokio::join!(publishing, living);
    let summary = summary.unwrap();
    assert!(pages < RECORDS as u64 / u64::from(PAGE), "it was in time");
    assert_eq!((summary.exit_status(), summary.owed()), (0, 0));
    pair.must_be_equal("after records moved").await;
    let report = &summary.report.collections[STUDENTS];
    // Each once, the first two only in the second pass.
    assert_eq!(
        (report.read, report.unchanged, report.created),
        (RECORDS as u64, 0, RECORDS as u64)
    );
    let bodies = bodies(&pair.target.requests(), STUDENTS);
    assert_eq!(bodies.len(), RECORDS);
    assert!(bodies.values().all(|&times| times == 1), "{bodies:?}");
}

/// An answer that asks to be left alone until a second later, by the clock of the server.
fn busy(ahead_s: i64) -> FaultRule {
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(ahead_s + 1);
    let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
    let later = printer.timestamp_to_rfc9110_string(&later).unwrap();
    FaultRule {
        on: FaultMatch {
            path: Some(format!("/{STUDENTS}")),
            first: Some(1),
            ..FaultMatch::default()
        },
        action: status(429, &[("Retry-After", &later)]),
        ..FaultRule::default()
    }
}

/// When a server says that its first student was changed.
async fn modified(hand: &Hand) -> String {
    let student = hand.list(STUDENTS).await.remove(0);
    let student: Value = serde_json::from_slice(&student.payload).unwrap();
    student["_lastModifiedDate"].as_str().unwrap().to_owned()
}

/// Servers whose clocks are ahead of ours by so many seconds.
async fn with_clocks(api: ApiVersion, (source_s, target_s): (i64, i64)) -> Pair {
    let mut pair = Pair::empty(api, V7_3).await;
    let config = |api, clock_ahead_s| SandboxConfig {
        api,
        clock_ahead_s,
        ..SandboxConfig::new(embedded().unwrap())
    };
    pair.source = Sandbox::start(config(api, source_s)).await.unwrap();
    pair.target = Sandbox::start(config(V7_3, target_s)).await.unwrap();
    pair
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_depends_on_the_clocks_of_the_servers() {
    for (api, source_s, isolated) in [
        (V7_3, FAR_OFF_S, false),
        (V7_3, -FAR_OFF_S, false),
        (V6_2, FAR_OFF_S, true),
        (V6_2, -FAR_OFF_S, true),
    ] {
        let pair = with_clocks(api, (source_s, -source_s)).await;
        let publish = async |when: &str| {
            if isolated {
                pair.source.take_snapshot(when).unwrap();
            }
            let summary = pair
                .publish_with(|arguments| arguments.settings.ignore_isolation = !isolated)
                .await
                .unwrap();
            let done = (summary.exit_status(), summary.owed());
            assert_eq!(done, (0, 0), "{api:?} {source_s} {when}: {summary:?}");
            pair.must_be_equal(when).await;
            summary
        };
        let hand = pair.hand().await;
        hand.enrol(4).await;
        pair.source.set_faults(plan([busy(source_s)]));
        pair.target.set_faults(plan([busy(-source_s)]));
        publish("first").await;
        let (ahead, behind) = (
            modified(&hand).await,
            modified(&pair.target_hand().await).await,
        );
        assert_eq!(ahead > behind, source_s > 0, "{ahead} and {behind}");

        hand.put(STUDENTS, &student(1, "Eve")).await;
        hand.put(STUDENTS, &student(9, "Ada")).await;
        hand.delete(ENROLMENTS, &enrolment(2, 0, 20)).await;
        hand.delete(STUDENTS, &student(2, "Ada")).await;
        hand.rekey(ENROLMENTS, &enrolment(3, 0, 20), &enrolment(3, 0, 21))
            .await;
        let summary = publish("second").await;
        let students = &summary.report.collections[STUDENTS];
        assert_eq!(
            (students.created, students.updated),
            (1, 1),
            "{api:?} {source_s}"
        );
        let quiet = publish("third").await;
        let written = quiet.report.collections.values();
        let written: u64 = written.map(|one| one.created + one.updated).sum();
        assert_eq!(written, 0, "{api:?} {source_s}");
    }
}
