//! Small catalogs, collections and payloads.
//!
//! All collections of these catalogs have the same shape: a record is
//! `{"id":"7","refs":["schools/3"],"v":1}`, its key is `id`, and `refs` names the records it
//! refers to by collection and id.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use syncline_model::{
    Canonicaliser, Capabilities, Catalog, Collection, CollectionName, Key, KeyField, PayloadRules,
    Record, Reference, StoreIdentity,
};

/// A catalog written as dependencies, `schools: agencies; agencies: agencies`: each collection
/// with those it refers to, itself included if it does. Its store upserts, deletes and counts.
pub fn catalog(dependencies: &str) -> Catalog {
    let mut catalog = Catalog::empty(StoreIdentity("memory:".to_owned()));
    for entry in dependencies
        .split(';')
        .filter(|entry| !entry.trim().is_empty())
    {
        let (name, named) = entry.split_once(':').unwrap_or((entry, ""));
        let name = CollectionName::new(name.trim());
        let named: Vec<CollectionName> =
            named.split_whitespace().map(CollectionName::new).collect();
        let collection = collection(name.as_str(), &named);
        catalog.collections.insert(name.clone(), collection);
        catalog.dependencies.insert(name, named);
    }
    catalog.capabilities = Capabilities {
        upsert: true,
        delete: true,
        count: true,
        batch: 0,
        in_flight: 0,
    };
    catalog
}

/// Agencies that refer to one another, schools in them, and students in schools.
pub fn district() -> Catalog {
    catalog("agencies: agencies; schools: agencies; students: schools")
}

/// Two collections that refer to each other, and one that refers to neither.
pub fn circle() -> Catalog {
    catalog("courses: offerings; offerings: courses; rooms:")
}

/// A collection of a catalog, ready for a query.
///
/// # Panics
/// If the catalog has no such collection.
#[expect(
    clippy::panic,
    reason = "a test that asks for what it has not made is wrong"
)]
pub fn find(catalog: &Catalog, name: &str) -> Arc<Collection> {
    match catalog.collections.get(name) {
        Some(collection) => Arc::new(collection.clone()),
        None => panic!("the catalog has no collection {name}"),
    }
}

/// All collections of a catalog, by name.
pub fn all(catalog: &Catalog) -> Vec<Arc<Collection>> {
    let mut all = Vec::new();
    for collection in catalog.collections.values() {
        all.push(Arc::new(collection.clone()));
    }
    all
}

/// The payload of a record that refers to nothing.
pub fn payload(id: impl std::fmt::Display, version: u64) -> Bytes {
    format!("{{\"id\":\"{id}\",\"v\":{version}}}").into()
}

/// The payload of a record that refers to others, each as `schools/3`.
pub fn referring(id: impl std::fmt::Display, refs: &[&str], version: u64) -> Bytes {
    let refs = serde_json::json!(refs);
    format!("{{\"id\":\"{id}\",\"refs\":{refs},\"v\":{version}}}").into()
}

/// The key of a record by its id.
pub fn key(id: impl std::fmt::Display) -> Key {
    Key::from_canonical(format!("[\"{id}\"]"))
}

/// A record of a collection, as a store without places would read it.
///
/// # Panics
/// If the payload is no JSON object.
#[expect(
    clippy::expect_used,
    reason = "a test whose payload is broken is wrong"
)]
pub fn record(collection: &Collection, payload: impl AsRef<[u8]>) -> Record {
    let payload = Bytes::copy_from_slice(payload.as_ref());
    let (key, digest) = Canonicaliser::new(collection)
        .read(&payload)
        .expect("a JSON object");
    Record {
        key,
        digest,
        payload,
        handle: None,
        origin: None,
    }
}

/// What a collection should hold in the end: of payloads with one key, the last.
pub fn last_of_each<'a>(
    collection: &Collection,
    payloads: impl IntoIterator<Item = &'a Bytes>,
) -> BTreeMap<Key, Bytes> {
    payloads
        .into_iter()
        .map(|payload| (record(collection, payload).key, payload.clone()))
        .collect()
}

fn collection(name: &str, refers_to: &[CollectionName]) -> Collection {
    let id = "id".to_owned();
    let references = refers_to.iter().map(|target| Reference {
        path: vec!["refs".to_owned()],
        targets: vec![target.clone()],
    });
    Collection {
        name: CollectionName::new(name),
        key: vec![KeyField {
            name: id.clone(),
            path: vec![id],
        }],
        fields: vec![],
        references: references.collect(),
        rules: PayloadRules::default(),
    }
}
