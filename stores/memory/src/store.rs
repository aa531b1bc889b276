//! The store: tables under one lock, read as they are at one moment.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use syncline_model::{
    Canonicaliser, Capabilities, Catalog, Change, Collection, CollectionName, Counts, Coverage,
    Key, Mark, Outcome, Record, Scope, StoreIdentity,
};
use syncline_store::{
    Batch, BatchStream, ErrorKind, Query, Result, Store, StoreError, Want, WriteContext,
};

use crate::deciding::decide;

/// Most records in a batch.
const BATCH_RECORDS: usize = 512;
/// Most changes that are made under the lock at once.
const CHANGES_TOGETHER: usize = 1024;

/// Payloads by their keys.
pub(crate) type Rows = BTreeMap<Key, Bytes>;

/// A store in memory.
#[derive(Clone, Debug)]
pub struct MemoryStore {
    identity: StoreIdentity,
    tables: Arc<Mutex<BTreeMap<CollectionName, Table>>>,
}

#[derive(Debug)]
struct Table {
    collection: Collection,
    rows: Rows,
}

impl MemoryStore {
    /// An empty store. Its name is what it is known by from run to run.
    pub fn new(name: &str) -> Self {
        Self {
            identity: StoreIdentity(format!("memory:{name}")),
            tables: Arc::default(),
        }
    }

    /// Adds a collection with these records, each a JSON object; the first that is none, or whose
    /// key came before, is the error.
    pub fn with(
        self,
        collection: Collection,
        payloads: impl IntoIterator<Item = Bytes>,
    ) -> Result<Self> {
        let mut canonicaliser = Canonicaliser::new(&collection);
        let mut rows = Rows::new();
        for (index, payload) in payloads.into_iter().enumerate() {
            let wrong = |what: &str| {
                let message = format!("record {} of {} {what}", index + 1, collection.name);
                StoreError::new(ErrorKind::InvalidData, message)
            };
            let read = canonicaliser.read(&payload);
            let (key, _) = read.map_err(|_problem| wrong("is no JSON object"))?;
            if rows.insert(key, payload).is_some() {
                return Err(wrong("has the key of one before"));
            }
        }
        let table = Table { collection, rows };
        self.lock().insert(table.collection.name.clone(), table);
        Ok(self)
    }

    /// The payloads of a collection in the order of their keys; none if there is no such collection.
    pub fn payloads(&self, collection: &CollectionName) -> Vec<Bytes> {
        let tables = self.lock();
        let rows = tables.get(collection).map(|table| table.rows.values());
        rows.into_iter().flatten().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<CollectionName, Table>> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unknown(name: &CollectionName) -> StoreError {
    let message = format!("there is no collection {name}");
    StoreError::new(ErrorKind::NotFound, message)
}

#[async_trait]
impl Store for MemoryStore {
    async fn describe(&self) -> Result<Catalog> {
        let mut catalog = Catalog::empty(self.identity.clone());
        for (name, table) in &*self.lock() {
            let references = table.collection.references.iter();
            let before = references.flat_map(|reference| reference.targets.clone());
            catalog.dependencies.insert(name.clone(), before.collect());
            let collection = table.collection.clone();
            catalog.collections.insert(name.clone(), collection);
        }
        catalog.capabilities = Capabilities {
            upsert: true,
            delete: true,
            count: true,
            batch: CHANGES_TOGETHER,
            in_flight: 1,
        };
        Ok(catalog)
    }

    async fn read(&self, query: Query) -> Result<BatchStream> {
        let is_feed = query.want.is_of_feeds() || query.since.is_some();
        if is_feed || !matches!(query.scope, Scope::Whole | Scope::Keys(_)) {
            let message = "records in memory have no filters, no places and no positions";
            return Err(StoreError::new(ErrorKind::Unsupported, message));
        }
        let tables = self.lock();
        let table = tables.get(&query.collection.name);
        let rows = &table.ok_or_else(|| unknown(&query.collection.name))?.rows;
        let wanted: Vec<Bytes> = match &query.scope {
            Scope::Keys(keys) => {
                let mut keys: Vec<&Key> = keys.iter().collect();
                keys.sort();
                keys.dedup();
                keys.iter()
                    .filter_map(|key| held(rows, key))
                    .cloned()
                    .collect()
            }
            _ => rows.values().cloned().collect(),
        };
        drop(tables);
        Ok(batches(&query, wanted))
    }

    async fn write(&self, changes: &[Change], context: &WriteContext) -> Result<Vec<Outcome>> {
        let mut tables = self.lock();
        let table = tables.get_mut(&context.collection.name);
        let table = table.ok_or_else(|| unknown(&context.collection.name))?;
        let mut canonicaliser = Canonicaliser::new(&context.collection);
        let outcomes = changes
            .iter()
            .map(|change| decide(&mut table.rows, change, &mut canonicaliser));
        Ok(outcomes.collect())
    }

    async fn confirm(&self, _: &Mark) -> Result<()> {
        Ok(())
    }
}

/// The payload under a key, which may be known by its digest alone.
fn held<'rows>(rows: &'rows Rows, key: &Key) -> Option<&'rows Bytes> {
    match key.known_digest() {
        None => rows.get(key),
        Some(digest) => {
            let mut found = rows.iter().filter(|(key, _)| key.digest() == digest);
            found.next().map(|(_, payload)| payload)
        }
    }
}

fn batches(query: &Query, payloads: Vec<Bytes>) -> BatchStream {
    let mut canonicaliser = Canonicaliser::new(&query.collection);
    let counts = Counts {
        records: payloads.len() as u64,
        bytes: payloads.iter().map(|payload| payload.len() as u64).sum(),
        ..Counts::default()
    };
    let end = Batch::End {
        mark: None,
        coverage: Coverage::Complete(query.scope.clone()),
        counts,
    };
    let mut records = Vec::with_capacity(payloads.len());
    if query.want != Want::Count {
        for payload in payloads {
            let read = canonicaliser.read(&payload);
            // What is in a table was read when it was put there.
            let Ok((key, digest)) = read else { continue };
            let is_wanted = query.want != Want::Digests;
            records.push(Record {
                key,
                digest,
                payload: if is_wanted { payload } else { Bytes::new() },
                handle: None,
                origin: None,
            });
        }
    }
    let mut batches = Vec::new();
    while !records.is_empty() {
        let rest = records.split_off(records.len().min(BATCH_RECORDS));
        batches.push(Ok(Batch::Put(std::mem::replace(&mut records, rest))));
    }
    batches.push(Ok(end));
    futures_util::stream::iter(batches).boxed()
}
