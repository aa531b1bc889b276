//! What readings promise.

use std::sync::Arc;

use futures_util::StreamExt as _;
use syncline_model::{Canonicaliser, Catalog, Collection, Key, Origin, Record, Scope};
use syncline_store::{ErrorKind, Query, Store, Want};

use super::walk::{Walk, walk, walk_through};

#[expect(clippy::expect_used, reason = "a broken promise fails the test")]
pub(super) async fn describe(store: &dyn Store) -> Catalog {
    let first = store.describe().await.expect("a store describes itself");
    let second = store.describe().await.expect("a store describes itself");
    assert_eq!(first, second, "a store describes itself the same each time");
    assert!(!first.identity.0.is_empty(), "a store has an identity");
    for (name, prerequisites) in &first.dependencies {
        assert!(
            first.collections.is_empty() || first.collections.contains_key(name),
            "{name} has prerequisites ({prerequisites:?}) and is no collection"
        );
    }
    first
}

/// A collection read in every way shows the same.
pub(super) async fn whole(store: &dyn Store, collection: &Arc<Collection>) {
    let name = collection.name.as_str();
    let records = read(store, collection, Want::Records).await;
    records.checked_end(name);
    records.check_unique(name);
    let mut canonicaliser = Canonicaliser::new(collection);
    for record in &records.records {
        let read = canonicaliser.read(&record.payload);
        let own = Ok((record.key.clone(), record.digest));
        assert_eq!(read, own, "{name}: key and digest follow from the payload");
    }

    let digests = read(store, collection, Want::Digests).await;
    digests.checked_end(name);
    let outline = |walk: &Walk| -> Vec<_> {
        let mut rows: Vec<_> = walk
            .records
            .iter()
            .map(|r| (r.key.clone(), r.digest))
            .collect();
        rows.sort();
        rows
    };
    assert_eq!(
        outline(&digests),
        outline(&records),
        "{name}: digests differ from records"
    );
    assert!(
        digests
            .records
            .iter()
            .all(|record| record.payload.is_empty()),
        "{name}: payloads were not asked for"
    );

    let payloads = read(store, collection, Want::Payloads).await;
    payloads.checked_end(name);
    let texts = |walk: &Walk| -> Vec<_> {
        let mut texts: Vec<_> = walk.records.iter().map(|r| r.payload.clone()).collect();
        texts.sort();
        texts
    };
    assert!(
        texts(&payloads) == texts(&records),
        "{name}: payloads alone differ from those of records"
    );

    let counted = read(store, collection, Want::Count).await;
    let counted_records = counted.end.map(|(_, counts)| counts.records);
    assert!(
        counted.records.is_empty(),
        "{name}: records were not asked for"
    );
    assert_eq!(
        counted_records,
        Some(records.records.len() as u64),
        "{name}: the count is not the number of records read"
    );
}

/// Records that know where they were read can be read again there, in any order; stores without
/// places decline.
#[expect(clippy::panic, reason = "a broken promise fails the test")]
pub(super) async fn places(store: &dyn Store, collection: &Arc<Collection>) {
    let name = collection.name.as_str();
    let mut read_first = read(store, collection, Want::Digests).await.records;
    if read_first.is_empty() {
        return;
    }
    read_first.reverse();
    let origins: Vec<Origin> = read_first.iter().filter_map(|r| r.origin.clone()).collect();
    let has_places = !origins.is_empty();
    assert!(
        !has_places || origins.len() == read_first.len(),
        "{name}: only some records know their place"
    );
    let asked = if has_places {
        origins
    } else {
        vec![somewhere(name)]
    };
    let query = Query {
        scope: Scope::At(asked),
        ..Query::records(Arc::clone(collection))
    };
    match walk(store, query).await {
        Ok(again) if has_places => {
            let outline = |records: &[Record]| -> Vec<_> {
                let place = |record: &Record| record.origin.clone();
                records
                    .iter()
                    .map(|r| (r.key.clone(), r.digest, place(r)))
                    .collect()
            };
            again.checked_end(name);
            assert_eq!(
                outline(&again.records),
                outline(&read_first),
                "{name}: by place"
            );
        }
        Ok(_) => panic!("{name}: records have no place, and yet one could be read"),
        Err(error) => {
            assert_eq!(error.kind, ErrorKind::Unsupported, "{name}: {error}");
            assert!(
                !has_places,
                "{name}: records name places that cannot be read"
            );
        }
    }
}

/// A reading of which single records are seen once more is like any other, and they are seen as
/// they were read, in any order.
#[expect(clippy::expect_used, reason = "a broken promise fails the test")]
pub(super) async fn looks(store: &dyn Store, collection: &Arc<Collection>) {
    let name = collection.name.as_str();
    let query = Query::records(Arc::clone(collection));
    let opened = store.read_with_second_look(query).await;
    let (stream, look) = opened.expect("a collection that is read can be read once more");
    let walked = walk_through(stream, name).await;
    let walked = walked.expect("a collection that is read can be read once more");
    walked.checked_end(name);
    let plain = read(store, collection, Want::Records).await.records;
    let has_places = plain.iter().any(|record| record.origin.is_some());
    let without_places = |record: &Record| Record {
        origin: None,
        ..record.clone()
    };
    // A store may have places for the second look alone.
    let same = if look.is_some() && !has_places {
        walked.records.iter().map(without_places).collect()
    } else {
        walked.records.clone()
    };
    assert_eq!(same, plain, "{name}: another reading");
    let Some(mut look) = look else {
        return;
    };
    let records = walked.records;
    for record in records.iter().rev().chain(&records) {
        let origin = record.origin.as_ref();
        let origin = origin.expect("records that are looked at again have a place");
        let seen = look.records_at(origin).expect("a record is looked at");
        assert!(
            seen.contains(record),
            "{name}: {origin} is another at the second look"
        );
    }
}

/// Records can be asked for by key, one that is not there among them; stores that cannot look up
/// decline.
pub(super) async fn keys(store: &dyn Store, collection: &Arc<Collection>) {
    let name = collection.name.as_str();
    let mut wanted = read(store, collection, Want::Records).await.records;
    wanted.truncate(wanted.len().div_ceil(2));
    let mut keys: Vec<Key> = wanted.iter().map(|record| record.key.clone()).collect();
    keys.extend(wanted.first().map(|record| unheard_of(&record.key)));
    let query = Query {
        scope: Scope::Keys(keys),
        ..Query::records(Arc::clone(collection))
    };
    match walk(store, query).await {
        Err(error) => assert_eq!(error.kind, ErrorKind::Unsupported, "{name}: {error}"),
        Ok(mut found) => {
            found.checked_end(name);
            let outline = |records: &mut [Record]| -> Vec<_> {
                records.sort_by(|one, other| one.key.cmp(&other.key));
                let row = |record: &Record| (record.key.clone(), record.digest);
                records.iter().map(row).collect()
            };
            let asked = outline(&mut wanted);
            assert!(outline(&mut found.records) == asked, "{name}: by key");
        }
    }
}

/// A key of the same shape that no record has.
fn unheard_of(key: &Key) -> Key {
    let mut values: Vec<serde_json::Value> = serde_json::from_str(key.as_str()).unwrap_or_default();
    for value in &mut values {
        if let Some(text) = value.as_str() {
            *value = format!("{text}~none").into();
        } else if let Some(number) = value.as_i64() {
            *value = (number + 1_000_003).into();
        }
    }
    Key::from_canonical(serde_json::json!(values).to_string())
}

/// Whoever stops listening harms nobody.
pub(super) async fn dropped(store: &dyn Store, collection: &Arc<Collection>) {
    let before = read(store, collection, Want::Records).await.records;
    for batches in 0..2 {
        let query = Query::records(Arc::clone(collection));
        if let Ok(mut stream) = store.read(query).await {
            for _ in 0..batches {
                assert!(stream.next().await.is_some_and(|batch| batch.is_ok()));
            }
        }
    }
    let after = read(store, collection, Want::Records).await.records;
    let name = collection.name.as_str();
    assert_eq!(
        before.len(),
        after.len(),
        "{name}: a dropped reading changed the store"
    );
}

#[expect(clippy::panic, reason = "a broken promise fails the test")]
pub(super) async fn read(store: &dyn Store, collection: &Arc<Collection>, want: Want) -> Walk {
    let query = Query {
        want,
        ..Query::records(Arc::clone(collection))
    };
    match walk(store, query).await {
        Ok(walk) => walk,
        Err(error) => panic!("{}: {want:?} cannot be read: {error}", collection.name),
    }
}

/// A place that means nothing to the store.
fn somewhere(name: &str) -> Origin {
    Origin {
        unit: name.into(),
        line: 1,
        offset: 0,
        length: 2,
    }
}
