//! A store over plain lists in memory.
//!
//! It is honest: everything the contract asks for holds, and whatever it does not do it says so.
//! It can be told to refuse records, to hold a reading back, and to break it off. As a source it
//! is like a folder with one file per collection: lines may repeat a key or be no records, and
//! they can be read again by place. As a target it is a map: a write replaces the line of its
//! key. Clones share one store.

mod deciding;
mod reading;
mod state;
mod table;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use syncline_model::{
    Catalog, Change, CollectionName, FailureClass, Key, Mark, Origin, Outcome, Record, Scope,
};
use syncline_store::{
    BatchStream, ErrorKind, Query, Result, SecondLook, Store, StoreError, Want, WriteContext,
};

use crate::Gate;
pub use deciding::Attempt;
pub use reading::ReadingEnd;
use reading::{Pages, Reading};
use state::State;
pub use state::Write;
use table::Table;

/// What a store holds: payloads, byte by byte, by collection and key.
pub type Contents = BTreeMap<CollectionName, BTreeMap<Key, Bytes>>;

type Hook = Box<dyn Fn(u64) + Send + Sync>;

/// A store in memory.
#[derive(Clone)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

struct Shared {
    catalog: Catalog,
    state: Mutex<State>,
    hook: Mutex<Option<Arc<Hook>>>,
    arrived: AtomicU64,
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("MemoryStore")
            .field("identity", &self.shared.catalog.identity)
            .finish_non_exhaustive()
    }
}

impl MemoryStore {
    /// An empty store that says of itself what the catalog says, and reads 100 records a page.
    pub fn new(catalog: Catalog) -> Self {
        let tables = catalog
            .collections
            .values()
            .map(|collection| (collection.name.clone(), Table::new(collection)));
        let state = State {
            tables: tables.collect(),
            page_size: 100,
            deletes: catalog.capabilities.delete,
            ..State::default()
        };
        Self {
            shared: Arc::new(Shared {
                catalog,
                state: Mutex::new(state),
                hook: Mutex::default(),
                arrived: AtomicU64::new(0),
            }),
        }
    }

    /// How many records are read at a time.
    pub fn with_page_size(self, records: usize) -> Self {
        self.state().page_size = records.max(1);
        self
    }

    /// Records do not know where they were read and cannot be read again by place.
    pub fn without_places(self) -> Self {
        self.state().without_places = true;
        self
    }

    /// Records are seen a second time as they are then.
    pub fn with_second_looks(self) -> Self {
        self.state().with_looks = true;
        self
    }

    /// What it says of itself.
    pub fn catalog(&self) -> &Catalog {
        &self.shared.catalog
    }

    /// Replaces the lines of a collection; they need not be records.
    pub fn set(&self, collection: &str, lines: impl IntoIterator<Item = impl Into<Bytes>>) {
        let mut state = self.state();
        let table = state.table(collection);
        table.clear();
        let unit: Arc<str> = format!("{collection}.jsonl").into();
        for line in lines {
            table.append(Arc::clone(&unit), line.into());
        }
    }

    /// Adds lines to a collection as a unit (file) of their own.
    pub fn add_unit(
        &self,
        collection: &str,
        unit: &str,
        lines: impl IntoIterator<Item = impl Into<Bytes>>,
    ) {
        let mut state = self.state();
        let unit: Arc<str> = unit.into();
        for line in lines {
            state
                .table(collection)
                .append(Arc::clone(&unit), line.into());
        }
    }

    /// Readings of a collection wait at the gate after so many lines.
    pub fn hold_reading(&self, collection: &str, after: usize, gate: &Gate) {
        self.pages(collection, |pages| pages.gate = Some((after, gate.clone())));
    }

    /// Readings of a collection end after so many lines, and in this way.
    pub fn end_reading(&self, collection: &str, after: usize, end: ReadingEnd) {
        self.pages(collection, |pages| pages.end = Some((after, end)));
    }

    /// Readings come to their end again.
    pub fn read_whole(&self) {
        self.state().pages.clear();
    }

    /// Refuses the changes for which the rule names a reason.
    pub fn refuse(
        &self,
        rule: impl Fn(&Attempt<'_>) -> Option<FailureClass> + Send + Sync + 'static,
    ) {
        self.state().rules.push(Box::new(rule));
    }

    /// Refuses a record until another is there, each given by collection and id.
    pub fn refuse_until(
        &self,
        refused: (&'static str, &'static str),
        needed: (&'static str, &'static str),
    ) {
        self.refuse(move |attempt| {
            let waits = attempt.is(refused.0, refused.1) && !attempt.holds(needed.0, needed.1);
            waits.then_some(FailureClass::MissingReference)
        });
    }

    /// Refuses records that refer to what is not there.
    pub fn check_references(&self) {
        self.refuse(|attempt| {
            (!attempt.holds_references()).then_some(FailureClass::MissingReference)
        });
    }

    /// Refuses nothing any more.
    pub fn accept_all(&self) {
        self.state().rules.clear();
    }

    /// Called as each change arrives, before it takes effect, with its number counted from 1.
    pub fn on_write(&self, hook: impl Fn(u64) + Send + Sync + 'static) {
        *lock(&self.shared.hook) = Some(Arc::new(Box::new(hook)));
    }

    /// Everything that was offered, in the order of arrival.
    pub fn journal(&self) -> Vec<Write> {
        self.state().journal.clone()
    }

    /// Forgets what was offered so far, and says how much that was.
    pub fn forget_journal(&self) -> usize {
        std::mem::take(&mut self.state().journal).len()
    }

    /// What it holds; of lines with one key, the last.
    pub fn contents(&self) -> Contents {
        let state = self.state();
        let contents = state
            .tables
            .iter()
            .map(|(name, table)| (name.clone(), table.contents()))
            .filter(|(_, records)| !records.is_empty());
        contents.collect()
    }

    /// How many records it holds.
    pub fn size(&self) -> usize {
        self.contents().values().map(BTreeMap::len).sum()
    }

    fn pages(&self, collection: &str, change: impl FnOnce(&mut Pages)) {
        let mut state = self.state();
        change(
            state
                .pages
                .entry(CollectionName::new(collection))
                .or_default(),
        );
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.shared.state)
    }

    fn announce(&self) {
        let number = self.shared.arrived.fetch_add(1, Ordering::SeqCst) + 1;
        let hook = lock(&self.shared.hook).clone();
        if let Some(hook) = hook {
            hook(number);
        }
    }
}

/// A second look at what is there.
struct Look {
    store: MemoryStore,
    query: Query,
}

impl SecondLook for Look {
    fn records_at(&mut self, origin: &Origin) -> Result<Vec<Record>> {
        let mut state = self.store.state();
        let line = state
            .table(self.query.collection.name.short())
            .line_at(origin);
        let mut reading = Reading::new(self.query.clone(), (vec![], Pages::default()), 1);
        Ok(reading.take(line).into_iter().collect())
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn describe(&self) -> Result<Catalog> {
        Ok(self.shared.catalog.clone())
    }

    async fn read(&self, query: Query) -> Result<BatchStream> {
        if query.since.is_some() {
            return Err(unsupported("there are no positions to read on from"));
        }
        let state = self.state();
        let Some(table) = state.tables.get(&query.collection.name) else {
            let message = format!("there is no collection {}", query.collection.name);
            return Err(StoreError::new(ErrorKind::NotFound, message));
        };
        let lines = match &query.scope {
            Scope::Whole => table.lines(),
            Scope::Matching(_) => return Err(unsupported("there are no filters")),
            Scope::Linked(_) => return Err(unsupported("there are no links")),
            Scope::At(_) if state.without_places => {
                return Err(unsupported("records have no places"));
            }
            Scope::Keys(keys) => keys.iter().filter_map(|key| table.line_of(key)).collect(),
            Scope::At(origins) => origins.iter().map(|origin| table.line_at(origin)).collect(),
        };
        let pages = match query.scope {
            Scope::Whole if query.want != Want::Count => state.pages.get(&query.collection.name),
            _ => None,
        };
        let pages = pages.cloned().unwrap_or_default();
        let reading = Reading::new(query, (lines, pages), state.page_size);
        let places = !state.without_places;
        Ok(reading.stream(places))
    }

    async fn read_with_second_look(
        &self,
        query: Query,
    ) -> Result<(BatchStream, Option<Box<dyn SecondLook>>)> {
        let look: Option<Box<dyn SecondLook>> = if self.state().with_looks {
            let (store, query) = (self.clone(), query.clone());
            Some(Box::new(Look { store, query }))
        } else {
            None
        };
        Ok((self.read(query).await?, look))
    }

    async fn write(&self, changes: &[Change], context: &WriteContext) -> Result<Vec<Outcome>> {
        let mut outcomes = Vec::with_capacity(changes.len());
        for change in changes {
            self.announce();
            outcomes.push(self.state().apply(change, &context.collection));
        }
        Ok(outcomes)
    }

    async fn confirm(&self, _: &Mark) -> Result<()> {
        Ok(())
    }
}

fn unsupported(message: &str) -> StoreError {
    StoreError::new(ErrorKind::Unsupported, message)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
