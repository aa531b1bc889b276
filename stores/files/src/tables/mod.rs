//! A folder of tables as a store that is read and written: CSV, JSONL and Parquet files, one for
//! each collection, each replaced as a whole.
//!
//! Changes are put down beside the file (`users.csv.changes`) as they come, and are folded into it
//! when their collection is complete: rows that nothing is said about stay, columns that a change
//! does not name keep their cells, and the new file takes the place of the old one in one step. A
//! run that is killed leaves the old file and the changes, which are folded in before anything
//! else is read or written. A file that another program has changed meanwhile is not replaced.
//! A byte-order mark, an encoding and the ends of lines stay as they are.
//!
//! A row with too few or too many cells, or in another encoding than declared, is no record; it is
//! told with its line, stays in the file, and takes the coverage of the reading with it. A Parquet
//! file keeps its schema; one with a row or a column that could not be written again is not changed.

mod cells;
mod dialect;
mod fold;
mod journal;
mod manifest;
mod pending;
mod reading;
mod rows;
mod surface;
mod table;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use syncline_model::{
    Capabilities, Catalog, Change, Collection, CollectionName, Mark, Outcome, Scope, StoreIdentity,
};
use syncline_store::{
    BatchStream, ErrorKind, Query, Result, SecondLook, Store, StoreError, WriteContext,
};

pub use dialect::{Dialect, Formulas};
use pending::Pending;
use table::Table;
pub use table::{TableFormat, TableSettings};

/// Most changes of one table that one call writes.
const CHANGES_TOGETHER: usize = 1024;

type Tables = BTreeMap<CollectionName, Arc<Table>>;

/// A folder of tables.
#[derive(Debug)]
pub struct TablesStore {
    folder: PathBuf,
    tables: Tables,
    /// Those that a manifest calls absent.
    absent: Tables,
    pending: Mutex<BTreeMap<CollectionName, Arc<Mutex<Pending>>>>,
    /// Whether a declared file that is not there is a table without rows.
    creates: bool,
}

impl TablesStore {
    /// Opens a folder. Tables are the CSV, JSONL and Parquet files in it, named by their stems, and those
    /// that are declared; what is declared decides how a file is read. With a `OneRoster` manifest,
    /// tables are the files that it says are there; a target has those that it calls absent, too, and
    /// the manifest calls them `bulk` once they were written.
    pub fn open(
        folder: &Path,
        shared: &TableSettings,
        declared: &BTreeMap<String, TableSettings>,
    ) -> Result<Self> {
        let found = table::find(folder, shared, declared)?;
        let is_absent = |table: &Arc<Table>| table.absent_in.is_some();
        let (absent, tables) = found.into_iter().partition(|(_, table)| is_absent(table));
        Ok(Self {
            folder: folder.to_owned(),
            tables,
            absent,
            pending: Mutex::default(),
            creates: false,
        })
    }

    /// The same folder as a target: a file that is declared, or that a manifest calls absent, and is not
    /// there is made by the first write.
    pub fn as_target(mut self) -> Self {
        self.tables.append(&mut self.absent);
        self.creates = true;
        self
    }

    fn table(&self, name: &CollectionName) -> Result<&Arc<Table>> {
        self.tables.get(name).ok_or_else(|| {
            if let Some(absent) = self.absent.get(name) {
                return called_absent(absent, &absent.unit);
            }
            let message = format!("{} has no table {name}", self.folder.display());
            let known: Vec<&str> = self.tables.keys().map(CollectionName::as_str).collect();
            StoreError::new(ErrorKind::NotFound, message)
                .with_hint(format!("tables there: {}", known.join(", ")))
        })
    }

    /// The changes of a table that are not yet in its file.
    fn pending(&self, collection: &Collection) -> Result<Arc<Mutex<Pending>>> {
        let mut pending = lock(&self.pending);
        if let Some(found) = pending.get(&collection.name) {
            return Ok(Arc::clone(found));
        }
        let table = Arc::clone(self.table(&collection.name)?);
        let begun = Arc::new(Mutex::new(Pending::begin(table, collection)?));
        pending.insert(collection.name.clone(), Arc::clone(&begun));
        Ok(begun)
    }

    /// The table that is asked for, with all of its changes in it.
    fn to_read(&self, query: &Query) -> Result<Arc<Table>> {
        let feeds = query.want.is_of_feeds();
        let scope = &query.scope;
        let has_no_such = matches!(
            scope,
            Scope::Matching(_) | Scope::Keys(_) | Scope::Linked(_)
        );
        if query.since.is_some() || feeds || has_no_such {
            let message = "a folder of tables has no filters and no positions to read from";
            return Err(StoreError::new(ErrorKind::Unsupported, message));
        }
        let table = self.table(&query.collection.name)?;
        self.settle(&query.collection.name)?;
        if !self.creates {
            table.require()?;
        }
        Ok(Arc::clone(table))
    }

    /// Folds what is pending of a table, of this run or of one that was killed.
    fn settle(&self, name: &CollectionName) -> Result<()> {
        let begun = lock(&self.pending).remove(name);
        match begun {
            Some(pending) => lock(&pending).fold(),
            None => pending::recover(self.table(name)?),
        }
    }
}

#[async_trait]
impl Store for TablesStore {
    /// Collections are tables with the columns that their files declare.
    async fn describe(&self) -> Result<Catalog> {
        let identity = StoreIdentity(format!("files:{}", self.folder.display()));
        let mut catalog = Catalog::empty(identity);
        if let (true, Some(absent)) = (self.tables.is_empty(), self.absent.values().next()) {
            return Err(called_absent(absent, "all of its files"));
        }
        for (name, table) in &self.tables {
            catalog.collections.insert(name.clone(), table.describe()?);
        }
        catalog.capabilities = Capabilities {
            upsert: true,
            delete: true,
            count: true,
            batch: CHANGES_TOGETHER,
            // One file is written by one hand.
            in_flight: 1,
        };
        Ok(catalog)
    }

    async fn read(&self, query: Query) -> Result<BatchStream> {
        let table = self.to_read(&query)?;
        Ok(reading::stream(table, query))
    }

    async fn read_with_second_look(
        &self,
        query: Query,
    ) -> Result<(BatchStream, Option<Box<dyn SecondLook>>)> {
        if query.scope != Scope::Whole {
            return Ok((self.read(query).await?, None));
        }
        let table = self.to_read(&query)?;
        reading::stream_and_look(table, query)
    }

    async fn write(&self, changes: &[Change], context: &WriteContext) -> Result<Vec<Outcome>> {
        let pending = self.pending(&context.collection)?;
        let mut pending = lock(&pending);
        changes.iter().map(|change| pending.add(change)).collect()
    }

    async fn confirm(&self, _: &Mark) -> Result<()> {
        Ok(())
    }

    /// The file takes in its changes; then a manifest that calls it absent says that it is there.
    async fn complete(&self, collection: &Collection) -> Result<()> {
        self.settle(&collection.name)?;
        let table = self.table(&collection.name)?;
        match &table.absent_in {
            Some(manifest) if table.path.is_file() => manifest::fill(manifest, &table.unit),
            _ => Ok(()),
        }
    }
}

fn called_absent(table: &Table, what: &str) -> StoreError {
    let manifest = table.absent_in.as_deref().unwrap_or(&table.path);
    let message = format!("{} calls {what} absent", manifest.display());
    StoreError::new(ErrorKind::NotFound, message).with_hint(
        "fetch an export that has it, or leave it out; a flow into the folder can fill it",
    )
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
