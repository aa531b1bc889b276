//! Which pages are asked for: by offset, backwards, by cursor, in windows of change versions, and in
//! sizes of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use serde_json::json;
use syncline_model::{Change, Collection, Coverage, Mark, Outcome, Record, Scope};
use syncline_sandbox::{
    ApiVersion, FaultAction, FaultMatch, FaultPlan, FaultRule, Sandbox, SandboxConfig, schema,
};
use syncline_store::{Batch, ErrorKind, Places, Query, Result, Store, Want, WriteContext};
use syncline_store_edfi::{EdfiStore, Feed, Paging, ReadSettings};
use syncline_testkit::fixtures;

use crate::server::{open_with, settings};

use ApiVersion::{V6_2, V7_3};

/// A server that remembers what it was asked, and a store that reads it in one way.
struct Place {
    sandbox: Sandbox,
    store: EdfiStore,
    students: Arc<Collection>,
}

impl Place {
    async fn of(api: ApiVersion, students: usize, reading: ReadSettings) -> Self {
        let config = SandboxConfig {
            api,
            record: true,
            ..SandboxConfig::new(schema::embedded().unwrap())
        };
        let sandbox = Sandbox::start(config).await.unwrap();
        let store = open_with(&sandbox, reading).await;
        let catalog = store.describe().await.unwrap();
        let place = Self {
            sandbox,
            store,
            students: Arc::new(catalog.collections["ed-fi/students"].clone()),
        };
        place.write(Change::create, 0..students).await;
        place
    }

    async fn write(&self, change: impl Fn(Record) -> Change, numbers: std::ops::Range<usize>) {
        let changes: Vec<Change> = numbers.map(|number| change(self.record(number))).collect();
        let context = WriteContext {
            collection: Arc::clone(&self.students),
        };
        let outcomes = self.store.write(&changes, &context).await.unwrap();
        let done = |outcome: &Outcome| matches!(outcome, Outcome::Done { .. });
        assert!(outcomes.iter().all(done), "{outcomes:?}");
    }

    fn record(&self, number: usize) -> Record {
        let payload = json!({"studentUniqueId": number.to_string(), "firstName": "Ada",
            "lastSurname": "Byron", "birthDate": "2010-01-31"});
        fixtures::record(&self.students, payload.to_string())
    }

    fn query(&self, want: Want, since: Option<u64>) -> Query {
        Query {
            want,
            since: since.map(|version| Mark(version.to_string())),
            ..Query::records(Arc::clone(&self.students))
        }
    }

    async fn feed(&self) -> Feed {
        self.store.feed(true).await.unwrap()
    }

    /// What is read and the queries of the requests for it.
    async fn asked(&self, store: &dyn Store, query: Query) -> (usize, Coverage, Vec<String>) {
        let before = self.sandbox.requests().requests.len();
        let (keys, coverage) = read(store, query).await.unwrap();
        let log = self.sandbox.requests();
        let asked = log.requests.iter().skip(before);
        let asked = asked.filter(|request| request.path.contains("/ed-fi/"));
        let queries = asked.map(|request| {
            let (_, after) = request.path.split_once("/ed-fi/").unwrap();
            after.to_owned()
        });
        (keys, coverage, queries.collect())
    }

    fn fault(&self, path: &str, first: Option<u64>, action: FaultAction) {
        let rule = FaultRule {
            on: FaultMatch {
                method: Some("GET".to_owned()),
                path: Some(path.to_owned()),
                first,
                ..FaultMatch::default()
            },
            action,
            ..FaultRule::default()
        };
        self.sandbox.set_faults(FaultPlan {
            seed: 1,
            rules: vec![rule],
        });
    }
}

/// The change to a record of another content.
fn renamed(record: Record) -> Change {
    let text = std::str::from_utf8(&record.payload).unwrap();
    let payload = Bytes::from(text.replace("Ada", "Eve"));
    Change::update(Record { payload, ..record })
}

/// How many different keys came, and what the reading covers.
async fn read(store: &dyn Store, query: Query) -> Result<(usize, Coverage)> {
    let mut stream = store.read(query).await?;
    let mut keys = BTreeSet::new();
    loop {
        match stream.next().await.expect("an end")? {
            Batch::Put(records) => keys.extend(records.into_iter().map(|record| record.key)),
            Batch::Gone(gone) => keys.extend(gone),
            Batch::End { coverage, .. } => return Ok((keys.len(), coverage)),
            other => panic!("{other:?}"),
        }
    }
}

fn pages_of(page_records: u32, paging: Paging) -> ReadSettings {
    ReadSettings {
        page_records,
        requests_max: 4,
        paging,
        ..ReadSettings::default()
    }
}

/// Offset and limit of each request for a page.
fn offsets(queries: &[String]) -> Vec<(u64, u64)> {
    let pairs = queries.iter().filter_map(|query| {
        let (_, query) = query.split_once('?')?;
        let values: BTreeMap<&str, &str> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .collect();
        let number = |name| values.get(name).and_then(|text: &&str| text.parse().ok());
        Some((number("offset").unwrap_or(0), number("limit")?))
    });
    pairs.filter(|(_, limit)| *limit > 0).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn backwards_the_last_page_comes_first_and_the_rest_is_left_for_the_end() {
    let sequences: [(u32, &[(u64, u64)]); 4] = [
        // The page before them only says how many there are.
        (40, &[(0, 40), (60, 40), (20, 40), (0, 20)]),
        (50, &[(0, 50), (50, 50), (0, 50)]),
        (30, &[(0, 30), (70, 30), (40, 30), (10, 30), (0, 10)]),
        (100, &[(0, 100)]),
    ];
    for api in [V6_2, V7_3] {
        let place = Place::of(api, 100, ReadSettings::default()).await;
        for (size, expected) in sequences {
            let store = open_with(&place.sandbox, pages_of(size, Paging::Reverse)).await;
            let feed = store.feed(true).await.unwrap();
            let (read, coverage, queries) =
                place.asked(&feed, place.query(Want::Records, None)).await;
            assert_eq!((read, coverage.is_complete()), (100, true));
            assert_eq!(offsets(&queries), expected, "{api:?}, pages of {size}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_hold_every_version_once_and_are_read_one_after_the_other() {
    let place = Place::of(V6_2, 0, ReadSettings::default()).await;
    let before = place.feed().await.newest().unwrap();
    place.write(Change::create, 0..100).await;
    // Of 100 versions the last is in a window of its own if 99 are in one.
    for (window, expected) in [(40, vec![40, 40, 20]), (99, vec![99, 1]), (25, vec![25; 4])] {
        let reading = ReadSettings {
            version_window: Some(window),
            ..pages_of(15, Paging::Reverse)
        };
        let store = open_with(&place.sandbox, reading).await;
        let feed = store.feed(true).await.unwrap();
        assert_eq!(
            feed.newest(),
            Some(before + 100),
            "a version for each record"
        );
        let query = place.query(Want::Records, Some(before));
        let (read, coverage, queries) = place.asked(&feed, query).await;
        assert_eq!((read, coverage.is_complete()), (100, true));
        let mut windows: Vec<(u64, u64)> = Vec::new();
        for query in &queries {
            let bound = |name: &str| -> u64 {
                let (_, after) = query.split_once(name).unwrap();
                after.split('&').next().unwrap().parse().unwrap()
            };
            let window = (bound("minChangeVersion="), bound("maxChangeVersion="));
            if windows.last() != Some(&window) {
                windows.push(window);
            }
        }
        let sizes: Vec<u64> = windows
            .iter()
            .map(|(first, last)| last - first + 1)
            .collect();
        assert_eq!(sizes, expected);
        assert_eq!(windows.first().unwrap().0, before + 1);
        assert_eq!(windows.last().unwrap().1, before + 100);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_read_in_windows_too_and_what_is_written_meanwhile_comes_last() {
    let place = Place::of(V6_2, 0, ReadSettings::default()).await;
    let before = place.feed().await.newest().unwrap();
    place.write(Change::create, 0..100).await;
    let reading = ReadSettings {
        version_window: Some(before + 40),
        ..pages_of(15, Paging::Reverse)
    };
    let store = open_with(&place.sandbox, reading).await;
    let feed = store.feed(true).await.unwrap();
    // What was written after the feed was opened is in no window but the last.
    place.write(Change::create, 100..120).await;
    let query = Query {
        scope: Scope::Matching(vec![]),
        ..place.query(Want::Records, None)
    };
    let (read, coverage, queries) = place.asked(&feed, query).await;
    assert_eq!((read, coverage.is_complete()), (120, true));
    let asks = |text: &str| queries.iter().any(|query| query.contains(text));
    assert!(asks("minChangeVersion=0&"), "{queries:?}");
    let last = queries.last().unwrap();
    let after = format!("minChangeVersion={}", before + 101);
    assert!(last.contains(&after), "{queries:?}");
    assert!(!last.contains("maxChangeVersion"), "{queries:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_follows_tokens_and_asks_for_no_offset() {
    let place = Place::of(V7_3, 120, pages_of(50, Paging::Cursor)).await;
    let (read, coverage, queries) = place
        .asked(&place.feed().await, place.query(Want::Records, None))
        .await;
    assert_eq!((read, coverage.is_complete()), (120, true));
    let (first, rest) = queries.split_first().unwrap();
    assert!(
        first.contains("limit=50") && !first.contains("pageToken"),
        "{first}"
    );
    assert!(rest.len() >= 2);
    for query in rest {
        assert!(
            query.contains("pageToken=") && query.contains("pageSize=50"),
            "{query}"
        );
    }
    assert!(queries.iter().all(|query| !query.contains("offset=")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_without_cursors_is_not_read_by_cursor() {
    let place = Place::of(V6_2, 12, pages_of(5, Paging::Cursor)).await;
    let error = read(&place.store, place.query(Want::Records, None))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Configuration);
    assert!(error.message.contains("by cursor"), "{error}");
    let all = open_with(&place.sandbox, pages_of(12, Paging::Cursor)).await;
    let (read, _) = read(&all, place.query(Want::Records, None)).await.unwrap();
    assert_eq!(read, 12, "what fits a page needs none");
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_are_used_where_they_are_asked_for() {
    let place = Place::of(V7_3, 20, pages_of(6, Paging::Offset)).await;
    let (read, coverage, queries) = place
        .asked(&place.store, place.query(Want::Records, None))
        .await;
    assert_eq!((read, coverage.is_complete()), (20, true));
    assert!(
        queries.iter().all(|query| !query.contains("pageToken")),
        "{queries:?}"
    );
    assert!(queries.iter().any(|query| query.contains("offset=")));
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_are_as_many_as_wanted_and_can_be_left_out() {
    let reading = |partitions| ReadSettings {
        partitions,
        ..pages_of(500, Paging::Cursor)
    };
    let place = Place::of(V7_3, 5200, ReadSettings::default()).await;
    for (wanted, requests, walks) in [(Some(0), 0, 1), (Some(2), 1, 2), (Some(64), 1, 2)] {
        let store = open_with(&place.sandbox, reading(wanted)).await;
        let (read, coverage, queries) = place.asked(&store, place.query(Want::Records, None)).await;
        assert_eq!((read, coverage.is_complete()), (5200, true));
        let asked: Vec<_> = queries
            .iter()
            .filter(|query| query.contains("/partitions"))
            .collect();
        assert_eq!(asked.len(), requests, "{wanted:?}");
        if let (Some(query), Some(number)) = (asked.first(), wanted) {
            assert!(query.contains(&format!("number={number}")), "{query}");
            // The first page only says that there are more.
            let pages = queries.iter().filter(|query| query.contains("pageToken"));
            assert!(pages.count() >= 5200 / 500 + walks);
        }
    }
    let missing = FaultAction::Status {
        status: 404,
        body: String::new(),
        headers: BTreeMap::new(),
    };
    place.fault("/partitions", None, missing);
    let store = open_with(&place.sandbox, reading(Some(4))).await;
    let (read, coverage) = read(&store, place.query(Want::Records, None))
        .await
        .unwrap();
    assert_eq!(
        (read, coverage.is_complete()),
        (5200, true),
        "one walk does as well"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_may_have_pages_of_its_own_size_and_its_deletes_too() {
    let reading = ReadSettings {
        page_sizes: BTreeMap::from([("/ed-fi/Students".to_owned(), 7)]),
        ..pages_of(500, Paging::Automatic)
    };
    let place = Place::of(V6_2, 40, reading).await;
    let mark = place.feed().await.newest();
    place.write(Change::delete, 0..20).await;
    let feed = place.feed().await;
    let (gone, coverage, queries) = place.asked(&feed, place.query(Want::Gone, mark)).await;
    assert_eq!((gone, coverage.is_complete()), (20, true));
    assert_eq!(offsets(&queries), [(0, 7), (7, 7), (14, 7)]);
    let (_, _, queries) = place.asked(&feed, place.query(Want::Records, None)).await;
    assert!(
        offsets(&queries).iter().all(|(_, limit)| *limit <= 7),
        "{queries:?}"
    );
    let catalog = place.store.describe().await.unwrap();
    let schools = Arc::new(catalog.collections["ed-fi/schools"].clone());
    let (_, _, queries) = place.asked(&feed, Query::records(schools)).await;
    assert_eq!(offsets(&queries), [(0, 500)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_size_for_a_collection_that_is_not_there_is_refused() {
    let place = Place::of(V7_3, 0, ReadSettings::default()).await;
    let reading = ReadSettings {
        page_sizes: BTreeMap::from([("studnets".to_owned(), 7)]),
        ..ReadSettings::default()
    };
    let error = EdfiStore::open(settings(&place.sandbox, reading))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Configuration);
    assert_eq!(
        error.hint.as_deref(),
        Some("did you mean `ed-fi/students`?")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn deletes_are_asked_for_in_pages_as_large_as_the_server_allows() {
    let place = Place::of(V6_2, 30, ReadSettings::default()).await;
    let mark = place.feed().await.newest();
    place.write(Change::delete, 0..30).await;
    let refusal = FaultAction::Status {
        status: 400,
        body: json!({"message": "Limit must be omitted or set to a value between 1 and 20."})
            .to_string(),
        headers: BTreeMap::new(),
    };
    place.fault("/students/deletes", Some(1), refusal);
    let query = place.query(Want::Gone, mark);
    let (gone, coverage, queries) = place.asked(&place.feed().await, query).await;
    assert_eq!((gone, coverage.is_complete()), (30, true));
    assert_eq!(offsets(&queries), [(0, 500), (0, 20), (20, 20)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_count_everything_is_read_and_not_called_complete() {
    for (api, paging, complete) in [
        (V6_2, Paging::Automatic, false),
        (V6_2, Paging::Reverse, false),
        (V7_3, Paging::Offset, false),
        // Tokens say by themselves where the end is.
        (V7_3, Paging::Automatic, true),
    ] {
        let place = Place::of(api, 25, pages_of(6, paging)).await;
        let feed = place.feed().await;
        place.fault("/ed-fi/students", None, FaultAction::DropTotalCount);
        let (read, coverage) = read(&feed, place.query(Want::Records, None)).await.unwrap();
        assert_eq!(read, 25, "{api:?} {paging:?}");
        assert_eq!(coverage.is_complete(), complete, "{api:?} {paging:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_leaves_the_window_between_pages_is_lost_in_no_way_of_paging() {
    for (api, paging) in [
        (V6_2, Paging::Offset),
        (V6_2, Paging::Reverse),
        (V7_3, Paging::Reverse),
        (V7_3, Paging::Cursor),
    ] {
        let place = Place::of(api, 30, pages_of(5, paging)).await;
        let feed = place.feed().await;
        // No page is asked for before what was read is safe, so that what is written moves the next.
        let query = Query {
            places: Places::Told,
            ..place.query(Want::Records, None)
        };
        let mut stream = feed.read(query).await.unwrap();
        let mut keys = BTreeSet::new();
        let mut moved = 0;
        let coverage = loop {
            match stream.next().await.unwrap().unwrap() {
                Batch::Put(records) => keys.extend(records.into_iter().map(|record| record.key)),
                Batch::End { coverage, .. } => break coverage,
                Batch::Reached(_) => continue,
                other => panic!("{other:?}"),
            }
            // What is written now leaves the window, and what stands after it moves.
            if moved < 3 {
                place.write(renamed, moved..moved + 1).await;
                moved += 1;
            }
        };
        let still = (moved..30).filter(|number| keys.contains(&place.record(*number).key));
        let lost = 30 - moved - still.count();
        assert!(
            lost == 0 || !coverage.is_complete(),
            "{api:?} {paging:?}: {lost} lost in silence"
        );
        assert!(lost == 0 || paging == Paging::Offset, "{paging:?}");
    }
}
