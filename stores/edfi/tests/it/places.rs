//! Readings that are broken off and gone on with, at every place and in every way of paging.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use serde_json::json;
use syncline_model::{Canonicaliser, Change, Collection, Coverage, Mark, Record};
use syncline_sandbox::{ApiVersion, Sandbox};
use syncline_store::{Batch, Places, Query, Store as _, WriteContext};
use syncline_store_edfi::{EdfiStore, Feed, ReadSettings};

use crate::server::{open_with, start};

const RECORDS: usize = 60;
const PAGE: u32 = 7;

async fn source(api: ApiVersion) -> (Sandbox, EdfiStore, Arc<Collection>) {
    source_in_windows(api, None).await
}

async fn source_in_windows(
    api: ApiVersion,
    version_window: Option<u64>,
) -> (Sandbox, EdfiStore, Arc<Collection>) {
    let sandbox = start(api).await;
    let settings = ReadSettings {
        page_records: PAGE,
        version_window,
        ..ReadSettings::default()
    };
    let store = open_with(&sandbox, settings).await;
    let catalog = store.describe().await.unwrap();
    let collection = Arc::new(catalog.collections["ed-fi/students"].clone());
    for number in 0..RECORDS {
        let student = json!({"studentUniqueId": number.to_string(), "firstName": "Ada",
            "lastSurname": "Byron", "birthDate": "2010-01-31"});
        let payload = Bytes::from(student.to_string());
        let (key, digest) = Canonicaliser::new(&collection).read(&payload).unwrap();
        let record = Record {
            key,
            digest,
            payload,
            handle: None,
            origin: None,
        };
        let context = WriteContext {
            collection: Arc::clone(&collection),
        };
        store
            .write(&[Change::create(record)], &context)
            .await
            .unwrap();
    }
    (sandbox, store, collection)
}

/// What a reading gave until it was broken off.
#[derive(Default)]
struct Read {
    keys: Vec<String>,
    places: Vec<Mark>,
    coverage: Option<Coverage>,
}

/// Reads up to so many places.
async fn read(feed: &Feed, collection: &Arc<Collection>, places: Places, most: usize) -> Read {
    let query = Query {
        places,
        ..Query::records(Arc::clone(collection))
    };
    read_by(feed, query, most).await
}

async fn read_by(feed: &Feed, query: Query, most: usize) -> Read {
    let mut stream = feed.read(query).await.unwrap();
    let mut read = Read::default();
    while read.places.len() < most {
        match stream.next().await {
            Some(Ok(Batch::Put(records))) => {
                read.keys
                    .extend(records.iter().map(|record| record.key.to_string()));
            }
            Some(Ok(Batch::Reached(reached))) => read.places.push(reached.place),
            Some(Ok(Batch::End { coverage, .. })) => {
                read.coverage = Some(coverage);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    read
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_goes_on_after_any_of_its_places_and_covers_everything() {
    for (api, frozen) in [
        (ApiVersion::V7_3, false),
        (ApiVersion::V6_2, false),
        (ApiVersion::V6_2, true),
        (ApiVersion::V7_1, true),
        (ApiVersion::V8_0, false),
    ] {
        let (sandbox, store, collection) = source(api).await;
        if frozen {
            sandbox.take_snapshot("one").unwrap();
        }
        let feed = store.feed(!frozen).await.unwrap();
        let query = Query::records(collection);
        let places = goes_on_after_any_place((&store, api), &feed, query).await;
        assert!(places >= RECORDS / PAGE as usize, "{api:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_of_change_versions_tell_places_at_their_ends_too() {
    for (api, frozen, window) in [
        // Of several pages, of one page, and some without a record.
        (ApiVersion::V7_3, false, 25),
        (ApiVersion::V6_2, false, 25),
        (ApiVersion::V6_2, true, 6),
        (ApiVersion::V7_3, false, 6),
    ] {
        let (sandbox, store, collection) = source_in_windows(api, Some(window)).await;
        if frozen {
            sandbox.take_snapshot("one").unwrap();
        }
        let feed = store.feed(!frozen).await.unwrap();
        // The windows before the records hold none of them.
        let versions = RECORDS as u64 + 2 * window;
        let since = feed.newest().unwrap() - versions;
        let query = Query {
            since: Some(Mark(since.to_string())),
            ..Query::records(collection)
        };
        let places = goes_on_after_any_place((&store, api), &feed, query).await;
        let windows = versions.div_ceil(window);
        assert!(places as u64 >= windows, "{api:?} {window}: {places}");
        let pages = RECORDS.div_ceil(PAGE as usize);
        assert!(places >= pages, "{api:?} {window}: {places}");
    }
}

/// Breaks a reading off at each of its places and goes on; how many there are.
async fn goes_on_after_any_place(
    (store, api): (&EdfiStore, ApiVersion),
    feed: &Feed,
    query: Query,
) -> usize {
    let asked = |places| Query {
        places,
        ..query.clone()
    };
    let whole = read_by(feed, asked(Places::Told), usize::MAX).await;
    let all: BTreeSet<String> = whole.keys.iter().cloned().collect();
    assert_eq!((all.len(), whole.keys.len()), (RECORDS, RECORDS), "{api:?}");
    for stop in 1..=whole.places.len() {
        let first = read_by(feed, asked(Places::Told), stop).await;
        let place = first.places.last().unwrap().clone();
        let again = store
            .feed_again(feed.isolation(), feed.newest().unwrap())
            .await;
        let again = again.unwrap().unwrap();
        let rest = read_by(&again, asked(Places::After(place)), usize::MAX).await;
        let both: BTreeSet<String> = first.keys.iter().chain(&rest.keys).cloned().collect();
        assert_eq!(both, all, "{api:?} after place {stop}");
        assert_eq!(
            first.keys.len() + rest.keys.len(),
            RECORDS,
            "{api:?} {stop}: twice"
        );
        let covers = rest.coverage.is_some_and(|coverage| coverage.is_complete());
        assert!(covers, "{api:?} after place {stop}");
    }
    whole.places.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_of_another_moment_is_none() {
    let (_sandbox, store, collection) = source(ApiVersion::V7_3).await;
    let earlier = store.feed(true).await.unwrap();
    let place = read(&earlier, &collection, Places::Told, 3)
        .await
        .places
        .remove(2);
    let (moment, isolation) = (earlier.newest().unwrap() - 1, earlier.isolation().clone());
    let other = store.feed_again(&isolation, moment).await.unwrap().unwrap();
    let read = read(&other, &collection, Places::After(place), usize::MAX).await;
    assert_eq!(read.keys.len(), RECORDS - 1, "read from its beginning");
    assert!(
        store
            .feed_again(&isolation, moment + 9)
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_is_gone_is_not_had_again() {
    for api in [ApiVersion::V6_2, ApiVersion::V7_3] {
        let (sandbox, store, _) = source(api).await;
        sandbox.take_snapshot("one").unwrap();
        let feed = store.feed(false).await.unwrap();
        let again = || store.feed_again(feed.isolation(), feed.newest().unwrap());
        assert!(again().await.unwrap().is_some(), "{api:?}");
        sandbox.expire_snapshot("one");
        assert!(again().await.unwrap().is_none(), "{api:?}");
    }
}
