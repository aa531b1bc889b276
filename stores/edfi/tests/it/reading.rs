//! Reading page by page: every page size, every version, writes beside it, and servers that fail.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use syncline_model::{Change, Collection, Coverage, Digest, Key, Outcome, Record, Scope};
use syncline_sandbox::{ApiVersion, FaultAction, FaultMatch, FaultPlan, FaultRule, Sandbox};
use syncline_store::layers::RetryPolicy;
use syncline_store::{
    Batch, BatchStream, ErrorKind, Query, Store as _, StoreError, Want, WriteContext,
};
use syncline_store_edfi::{EdfiStore, ReadSettings};
use syncline_testkit::conformance::{self, Trial};
use syncline_testkit::fixtures;

use crate::server::{open_with, start};

const VERSIONS: [ApiVersion; 5] = [
    ApiVersion::V5_4,
    ApiVersion::V6_2,
    ApiVersion::V7_1,
    ApiVersion::V7_3,
    ApiVersion::V8_0,
];

/// No wait of these tests is longer than a few milliseconds.
const BRIEF: RetryPolicy = RetryPolicy {
    attempts_max: 4,
    wait_first: Duration::from_millis(1),
    wait_factor: 1.0,
    wait_max: Duration::from_millis(1),
    total_max: Duration::from_secs(20),
};

fn pages_of(page_records: u32, requests_max: usize) -> ReadSettings {
    ReadSettings {
        page_records,
        requests_max,
        retry: BRIEF,
        ..ReadSettings::default()
    }
}

struct School {
    sandbox: Sandbox,
    store: EdfiStore,
    students: Arc<Collection>,
}

impl School {
    /// A server with students 0 to `count`, and a store that reads pages of one size.
    async fn of(api: ApiVersion, count: usize, settings: ReadSettings) -> Self {
        let sandbox = start(api).await;
        let store = open_with(&sandbox, settings).await;
        let catalog = store.describe().await.unwrap();
        let students = Arc::new(catalog.collections["ed-fi/students"].clone());
        let school = Self {
            sandbox,
            store,
            students,
        };
        school.create(0..count).await;
        school
    }

    fn record(&self, number: usize) -> Record {
        fixtures::record(&self.students, student(number))
    }

    async fn create(&self, numbers: impl Iterator<Item = usize>) {
        let changes = numbers.map(|number| Change::create(self.record(number)));
        self.write(&changes.collect::<Vec<_>>()).await;
    }

    async fn delete(&self, number: usize) {
        self.write(&[Change::delete(self.record(number))]).await;
    }

    async fn write(&self, changes: &[Change]) {
        let context = WriteContext {
            collection: Arc::clone(&self.students),
        };
        let outcomes = self.store.write(changes, &context).await.unwrap();
        assert!(
            outcomes
                .iter()
                .all(|outcome| matches!(outcome, Outcome::Done { .. }))
        );
    }

    fn query(&self) -> Query {
        Query::records(Arc::clone(&self.students))
    }

    async fn reading(&self) -> BatchStream {
        self.store.read(self.query()).await.unwrap()
    }

    async fn read(&self) -> Result<(Vec<Record>, Coverage), StoreError> {
        rest(self.reading().await).await
    }

    fn break_pages(&self, on: &FaultMatch, action: FaultAction) {
        let on = FaultMatch {
            method: Some("GET".to_owned()),
            path: Some("/students".to_owned()),
            ..on.clone()
        };
        let rule = FaultRule {
            on,
            action,
            ..FaultRule::default()
        };
        self.sandbox.set_faults(FaultPlan {
            seed: 1,
            rules: vec![rule],
        });
    }

    fn pages_asked(&self) -> u64 {
        self.sandbox.requests().count("GET", "/students")
    }
}

fn student(number: usize) -> Bytes {
    format!(
        "{{\"studentUniqueId\":\"s{number:06}\",\"firstName\":\"Ada\",\"lastSurname\":\"N{number}\",\
         \"birthDate\":\"2014-05-01\"}}"
    )
    .into()
}

/// What is left of a reading; its end has to count it.
async fn rest(mut stream: BatchStream) -> Result<(Vec<Record>, Coverage), StoreError> {
    let mut records = Vec::new();
    while let Some(batch) = stream.next().await {
        match batch? {
            Batch::Put(put) => records.extend(put),
            Batch::End { coverage, .. } => return Ok((records, coverage)),
            other => panic!("unexpected {other:?}"),
        }
    }
    panic!("no end");
}

fn keys(records: &[Record]) -> BTreeSet<Key> {
    let keys: BTreeSet<Key> = records.iter().map(|record| record.key.clone()).collect();
    assert_eq!(keys.len(), records.len(), "a record comes twice");
    keys
}

fn numbers(numbers: impl Iterator<Item = usize>) -> BTreeSet<Key> {
    let key = |number| Key::from_canonical(format!("[\"s{number:06}\"]"));
    numbers.map(key).collect()
}

#[tokio::test]
async fn every_page_size_reads_everything_from_every_version() {
    for api in VERSIONS {
        let school = School::of(api, 23, pages_of(500, 4)).await;
        for page_records in [1, 2, 7, 22, 23, 24, 500, 501, 9000] {
            let store = open_with(&school.sandbox, pages_of(page_records, 4)).await;
            let stream = store.read(school.query()).await.unwrap();
            let (records, coverage) = rest(stream).await.unwrap();
            assert_eq!(
                keys(&records),
                numbers(0..23),
                "{api:?}, pages of {page_records}"
            );
            assert_eq!(
                coverage,
                Coverage::Complete(Scope::Whole),
                "{api:?} {page_records}"
            );
            assert_eq!(store.page_records(), page_records.min(500), "{api:?}");
        }
    }
}

#[tokio::test]
async fn small_pages_conform() {
    for api in [ApiVersion::V6_2, ApiVersion::V7_3, ApiVersion::V8_0] {
        let school = School::of(api, 5, pages_of(3, 2)).await;
        let trial = Trial {
            collection: Arc::clone(&school.students),
            payloads: (5..12).map(student).collect(),
        };
        conformance::run(&school.store, std::slice::from_ref(&trial)).await;
        school.create(20..27).await;
        conformance::narrow(&school.store, &[trial]).await;
    }
}

#[tokio::test]
async fn a_small_collection_costs_one_request() {
    for api in VERSIONS {
        let school = School::of(api, 3, pages_of(500, 4)).await;
        let before = school.pages_asked();
        school.read().await.unwrap();
        assert_eq!(school.pages_asked() - before, 1, "{api:?}");
    }
}

#[tokio::test]
async fn payloads_are_pieces_of_the_page_whether_or_not_keys_are_wanted() {
    let school = School::of(ApiVersion::V7_3, 3, pages_of(500, 4)).await;
    let (records, _) = school.read().await.unwrap();
    let payloads = Query {
        want: Want::Payloads,
        ..school.query()
    };
    let (plain, _) = rest(school.store.read(payloads).await.unwrap())
        .await
        .unwrap();
    let texts = |records: &[Record]| -> Vec<Bytes> {
        records
            .iter()
            .map(|record| record.payload.clone())
            .collect()
    };
    assert_eq!(texts(&plain), texts(&records));
    assert_eq!(plain[0].digest, Digest::of(&plain[0].payload));
    assert!(plain[0].payload.starts_with(b"{\"id\":\""));
}

#[tokio::test]
async fn a_collection_of_many_pages_is_read_in_partitions_where_there_are_any() {
    let school = School::of(ApiVersion::V7_3, 5200, pages_of(500, 4)).await;
    let (records, coverage) = school.read().await.unwrap();
    assert_eq!(keys(&records), numbers(0..5200));
    assert!(coverage.is_complete());
    assert_eq!(school.sandbox.requests().count("GET", "/partitions"), 1);
}

#[tokio::test]
async fn a_delete_between_pages_by_offset_takes_completeness_away() {
    let school = School::of(ApiVersion::V6_2, 60, pages_of(4, 1)).await;
    let mut stream = school.reading().await;
    let first = stream.next().await;
    school.delete(0).await;
    let (records, coverage) = rest(stream).await.unwrap();
    let Coverage::Partial(reason) = coverage else {
        panic!("{} records and {first:?} are not everything", records.len());
    };
    assert!(reason.contains("changed or moved"), "{reason}");
}

#[tokio::test]
async fn records_that_move_are_noticed_though_their_number_stays_the_same() {
    let school = School::of(ApiVersion::V6_2, 60, pages_of(4, 1)).await;
    let mut stream = school.reading().await;
    let _first = stream.next().await;
    for number in 0..3 {
        school.delete(number).await;
    }
    school.create(900..903).await;
    let (records, coverage) = rest(stream).await.unwrap();
    let Coverage::Partial(reason) = coverage else {
        panic!("records were missed, and nothing was said");
    };
    assert!(
        reason.ends_with("counted 60 before and 60 after"),
        "{reason}"
    );
    let missed = 60 + 3 - 4 - records.len();
    assert_eq!(missed, 2, "the overlap of pages saves one of them");
}

#[tokio::test]
async fn writes_beside_a_reading_by_cursor_lose_nothing() {
    for api in [ApiVersion::V7_3, ApiVersion::V8_0] {
        let school = School::of(api, 60, pages_of(4, 1)).await;
        let mut stream = school.reading().await;
        let Some(Ok(Batch::Put(first))) = stream.next().await else {
            panic!("no first page");
        };
        school.delete(1).await;
        school.create(900..903).await;
        let (records, coverage) = rest(stream).await.unwrap();
        let all = [first, records].concat();
        let read = keys(&all);
        assert!(numbers((2..60).chain(900..903)).is_subset(&read), "{api:?}");
        assert!(coverage.is_complete(), "{api:?}: {coverage:?}");
    }
}

#[tokio::test]
async fn pages_that_fail_for_a_time_are_asked_for_again() {
    let status = |status: u16| FaultAction::Status {
        status,
        body: String::new(),
        headers: [("Retry-After".to_owned(), "0".to_owned())].into(),
    };
    for api in [ApiVersion::V6_2, ApiVersion::V7_3] {
        let school = School::of(api, 40, pages_of(6, 3)).await;
        for action in [
            status(429),
            status(503),
            FaultAction::Reset,
            FaultAction::Close,
            FaultAction::Truncate,
        ] {
            let every_third = FaultMatch {
                every: Some(3),
                ..FaultMatch::default()
            };
            school.break_pages(&every_third, action.clone());
            let (records, coverage) = school.read().await.unwrap();
            assert_eq!(keys(&records), numbers(0..40), "{action:?}");
            assert!(coverage.is_complete(), "{action:?}: {coverage:?}");
        }
    }
}

#[tokio::test]
async fn a_page_that_stays_refused_ends_the_reading_and_never_loops() {
    let status = |status: u16| FaultAction::Status {
        status,
        body: "{\"detail\":\"no\"}".to_owned(),
        headers: [].into(),
    };
    let cases = [
        (status(400), ErrorKind::InvalidData),
        (status(403), ErrorKind::Denied),
        (status(404), ErrorKind::NotFound),
        (status(500), ErrorKind::Unavailable),
        (FaultAction::NonJson, ErrorKind::InvalidData),
    ];
    for api in [ApiVersion::V6_2, ApiVersion::V7_3] {
        let school = School::of(api, 40, pages_of(6, 2)).await;
        for (action, kind) in &cases {
            for after in [0, 2] {
                let from_then_on = FaultMatch {
                    after,
                    ..FaultMatch::default()
                };
                school.break_pages(&from_then_on, action.clone());
                let before = school.pages_asked();
                let error = school.read().await.unwrap_err();
                assert_eq!(error.kind, *kind, "{api:?} {action:?}: {error}");
                assert!(error.message.contains("/ed-fi/students"), "{error}");
                assert!(school.pages_asked() - before < 20, "{action:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_limit_above_the_servers_is_stepped_down_also_where_it_names_none() {
    let school = School::of(ApiVersion::V7_1, 12, pages_of(4000, 2)).await;
    let (records, _) = school.read().await.unwrap();
    assert_eq!(records.len(), 12);
    assert_eq!(school.store.page_records(), 500);
    let before = school.pages_asked();
    school.read().await.unwrap();
    assert_eq!(school.pages_asked() - before, 1, "the size is remembered");
}

#[tokio::test]
async fn a_page_that_became_empty_is_no_failure_and_no_completeness() {
    let school = School::of(ApiVersion::V6_2, 20, pages_of(6, 1)).await;
    let second = FaultMatch {
        between: Some((2, 2)),
        ..FaultMatch::default()
    };
    let empty = FaultAction::Status {
        status: 200,
        body: "[]".to_owned(),
        headers: [].into(),
    };
    school.break_pages(&second, empty);
    let (records, coverage) = school.read().await.unwrap();
    assert!(
        records.len() < 20 && !coverage.is_complete(),
        "{coverage:?}"
    );
}

#[tokio::test]
async fn an_empty_page_with_a_token_is_followed() {
    let school = School::of(ApiVersion::V8_0, 20, pages_of(6, 1)).await;
    let second = FaultMatch {
        between: Some((2, 2)),
        ..FaultMatch::default()
    };
    // The token of everything from the beginning.
    let empty = FaultAction::Status {
        status: 200,
        body: "[]".to_owned(),
        headers: [(
            "Next-Page-Token".to_owned(),
            "MCw5MjIzMzcyMDM2ODU0Nzc1ODA3".to_owned(),
        )]
        .into(),
    };
    school.break_pages(&second, empty);
    let (records, coverage) = school.read().await.unwrap();
    assert_eq!(keys(&records), numbers(0..20));
    assert!(coverage.is_complete(), "{coverage:?}");
}

#[tokio::test]
async fn a_server_that_gives_the_same_page_for_ever_is_given_up() {
    let school = School::of(ApiVersion::V7_3, 20, pages_of(6, 1)).await;
    let body = format!("[{}]", String::from_utf8_lossy(&student(1)));
    let always = |token: &str| FaultAction::Status {
        status: 200,
        body: body.clone(),
        headers: [("Next-Page-Token".to_owned(), token.to_owned())].into(),
    };
    school.break_pages(&FaultMatch::default(), always("again"));
    let error = school.read().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidData, "{error}");
}

#[tokio::test]
async fn a_filter_the_api_does_not_know_is_refused_before_anything_is_asked() {
    let school = School::of(ApiVersion::V7_3, 3, pages_of(500, 4)).await;
    let matching = |name: &str, value: &str| Query {
        scope: Scope::Matching(vec![(name.to_owned(), value.to_owned())]),
        ..school.query()
    };
    let before = school.pages_asked();
    let Err(error) = school.store.read(matching("lastSurnam", "N1")).await else {
        panic!("a filter was passed over");
    };
    assert_eq!(error.hint.as_deref(), Some("did you mean `lastSurname`?"));
    assert_eq!(school.pages_asked(), before);
    let known = school
        .store
        .read(matching("lastSurname", "N1"))
        .await
        .unwrap();
    let (records, coverage) = rest(known).await.unwrap();
    assert_eq!(keys(&records), numbers(1..2));
    assert!(matches!(coverage, Coverage::Complete(Scope::Matching(_))));
}
