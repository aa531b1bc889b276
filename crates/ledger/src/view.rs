//! Reading a ledger, also while another process writes it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use rusqlite::{Connection, OptionalExtension as _, Row};
use syncline_model::{CollectionName, Digest, Handle, Mark, StoreIdentity};

use crate::cursor::OwedChanges;
use crate::scan::{self, Scan};
use crate::schema::Format;
use crate::{ImportedLines, Known, LastOutcome, LedgerError, OwedClass, Result, column, schema};

/// What is known of a key: one statement, as it is asked for each record.
const FIND: &str = "SELECT key, digest, record.held, status, outcome, at, handle, 0
     FROM collection JOIN record ON record.collection = collection.id
     WHERE scope = ?1 AND name = ?2 AND key = ?3";
/// The same where it may be known that a change of it is on its way.
const FIND_AND_UNDER_WAY: &str =
    "SELECT key, digest, record.held, status, outcome, at, handle, EXISTS (
         SELECT 1 FROM under_way
         WHERE under_way.collection = record.collection AND under_way.key = record.key)
     FROM collection JOIN record ON record.collection = collection.id
     WHERE scope = ?1 AND name = ?2 AND record.key = ?3";

/// Which target, seen by which flow: what is known is kept apart by this and by nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScopeId(pub(crate) i64);

/// One collection of a scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectionRow {
    /// Which.
    pub name: CollectionName,
    /// Keys that the target is believed to hold.
    pub held: u64,
    /// Imported lines that the target took.
    pub imported: u64,
    /// How far its source was read, if that was committed.
    pub mark: Option<Mark>,
}

/// A ledger that is only read.
#[derive(Debug)]
pub struct LedgerView {
    pub(crate) connection: Connection,
    pub(crate) path: PathBuf,
    /// What the file can hold.
    pub(crate) format: Format,
    /// Reads page by page what goes to other threads; opened when it is first wanted.
    beside: OnceLock<Arc<Mutex<Connection>>>,
}

impl LedgerView {
    /// Opens the ledger of a state directory for inspection; another process may hold it.
    pub fn open(directory: &Path) -> Result<Self> {
        let path = schema::file_in(directory);
        let connection = schema::open_reader(&path)?;
        let format =
            Format::of(&connection).map_err(|source| LedgerError::from_sqlite(&path, source))?;
        Ok(Self::with(connection, path, format))
    }

    pub(crate) const fn with(connection: Connection, path: PathBuf, format: Format) -> Self {
        Self {
            connection,
            path,
            format,
            beside: OnceLock::new(),
        }
    }

    /// The one connection by which everything is read that may be read while this one writes.
    fn beside(&self) -> Result<Arc<Mutex<Connection>>> {
        if let Some(open) = self.beside.get() {
            return Ok(Arc::clone(open));
        }
        let opened = Arc::new(Mutex::new(schema::open_reader(&self.path)?));
        Ok(Arc::clone(self.beside.get_or_init(|| opened)))
    }

    /// Whether there is a ledger in a state directory.
    pub fn is_in(directory: &Path) -> bool {
        schema::file_in(directory).is_file()
    }

    /// The ledger file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All scopes: target, and name of the flow.
    pub fn scopes(&self) -> Result<Vec<(ScopeId, StoreIdentity, String)>> {
        self.ask(|connection| {
            connection
                .prepare_cached("SELECT id, target, source FROM scope ORDER BY target, source")?
                .query_map([], |row| {
                    Ok((
                        ScopeId(row.get(0)?),
                        StoreIdentity(row.get(1)?),
                        row.get(2)?,
                    ))
                })?
                .collect()
        })
    }

    /// The scope of a target and a flow, if anything was ever recorded for it.
    pub fn find_scope(&self, target: &StoreIdentity, source: &str) -> Result<Option<ScopeId>> {
        self.ask(|connection| {
            connection
                .prepare_cached("SELECT id FROM scope WHERE target = ?1 AND source = ?2")?
                .query_row([&target.0, source], |row| row.get(0).map(ScopeId))
                .optional()
        })
    }

    /// Keys of a collection that the target is believed to hold; the whole file is not read.
    pub fn collection_size(&self, scope: ScopeId, collection: &CollectionName) -> Result<u64> {
        self.ask(|connection| {
            let size = connection
                .prepare_cached("SELECT held FROM collection WHERE scope = ?1 AND name = ?2")?
                .query_row((scope.0, collection.as_str()), |row| column::count(row, 0))
                .optional()?;
            Ok(size.unwrap_or(0))
        })
    }

    /// Everything known about a collection, in ascending key order, read a page at a time on a
    /// connection of its own: it can go to another thread, and writes go on meanwhile. Each row
    /// is as it was when its page was read.
    pub fn scan(&self, scope: ScopeId, collection: &CollectionName) -> Result<Scan> {
        let collection = self.find_collection(scope, collection)?;
        Scan::open(&self.path, collection)
    }

    /// The lines imported for a collection; nothing if none of them was accepted.
    pub fn imported(
        &self,
        scope: ScopeId,
        collection: &CollectionName,
    ) -> Result<Option<ImportedLines>> {
        match self.find_collection(scope, collection)? {
            Some(collection) if self.format.holds_imported() => {
                ImportedLines::open(&self.path, collection)
            }
            _ => Ok(None),
        }
    }

    /// All collections of a scope, by name. Counting what was imported reads all of it.
    pub fn collections(&self, scope: ScopeId) -> Result<Vec<CollectionRow>> {
        let imported = if self.format.holds_imported() {
            "(SELECT count(*) FROM imported
              WHERE imported.collection = collection.id AND status BETWEEN 200 AND 299)"
        } else {
            "0"
        };
        self.ask(|connection| {
            connection
                .prepare_cached(&format!(
                    "SELECT name, held, mark, {imported} FROM collection
                     WHERE scope = ?1 ORDER BY name"
                ))?
                .query_map([scope.0], |row| {
                    Ok(CollectionRow {
                        name: CollectionName::new(row.get::<_, String>(0)?),
                        held: column::count(row, 1)?,
                        mark: row.get::<_, Option<String>>(2)?.map(Mark),
                        imported: column::count(row, 3)?,
                    })
                })?
                .collect()
        })
    }

    /// The next keys of a collection after one, in ascending order, at most `limit`, each with
    /// what is known and the target's name for the record.
    pub fn page(
        &self,
        scope: ScopeId,
        collection: &CollectionName,
        after: Option<&Digest>,
        limit: u32,
    ) -> Result<Vec<(Known, Option<Handle>)>> {
        let Some(collection) = self.find_collection(scope, collection)? else {
            return Ok(vec![]);
        };
        let after: &[u8] = after.map_or(&[], |key| key.as_bytes());
        self.ask(|connection| {
            connection
                .prepare_cached(
                    "SELECT key, digest, held, status, outcome, at, handle FROM record
                     WHERE collection = ?1 AND key > ?2 ORDER BY key LIMIT ?3",
                )?
                .query_map((collection, after, limit), known_with_handle)?
                .collect()
        })
    }

    /// What is known about one key, and the target's name for the record. While a change of it is on
    /// its way, it is not known what the target holds.
    pub fn find(
        &self,
        scope: ScopeId,
        collection: &CollectionName,
        key: &Digest,
    ) -> Result<Option<(Known, Option<Handle>)>> {
        let question = if self.format.holds_under_way() {
            FIND_AND_UNDER_WAY
        } else {
            FIND
        };
        self.ask(|connection| {
            connection
                .prepare_cached(question)?
                .query_row((scope.0, collection.as_str(), key.as_bytes()), |row| {
                    let (mut known, handle) = known_with_handle(row)?;
                    if known.outcome.is_settled() && row.get(7)? {
                        known.outcome = LastOutcome::Owed(OwedClass::UnderWay);
                    }
                    Ok((known, handle))
                })
                .optional()
        })
    }

    /// The changes that are still to be made, of one collection or of all, in the order in which
    /// collections became known and of keys in them. Like [`LedgerView::scan`], they can be read
    /// while receipts for them are recorded: each owed key is given at most once.
    pub fn owed(&self, scope: ScopeId, collection: Option<&CollectionName>) -> Result<OwedChanges> {
        let collections = self.ask(|connection| {
            connection
                .prepare_cached(
                    "SELECT id, name FROM collection
                     WHERE scope = ?1 AND (?2 IS NULL OR name = ?2) ORDER BY id",
                )?
                .query_map((scope.0, collection.map(CollectionName::as_str)), |row| {
                    Ok((row.get(0)?, CollectionName::new(row.get::<_, String>(1)?)))
                })?
                .collect()
        })?;
        Ok(OwedChanges::read(self.beside()?, &self.path, collections))
    }

    /// How often a record was missed that is still to be deleted, and since when, in Unix seconds;
    /// nothing if it was not.
    pub fn missed(
        &self,
        scope: ScopeId,
        collection: &CollectionName,
        key: &Digest,
    ) -> Result<Option<(u32, i64)>> {
        let Some(collection) = self.find_collection(scope, collection)? else {
            return Ok(None);
        };
        self.ask(|connection| {
            connection
                .prepare_cached(
                    "SELECT attempts, first_at FROM owed
                     WHERE collection = ?1 AND key = ?2 AND length(payload) = 0",
                )?
                .query_row((collection, key.as_bytes()), |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .optional()
        })
    }

    /// How many changes are still to be made, by collection and reason.
    pub fn owed_counts(
        &self,
        scope: ScopeId,
    ) -> Result<BTreeMap<CollectionName, BTreeMap<OwedClass, u64>>> {
        let rows: Vec<(String, OwedClass, u64)> = self.ask(|connection| {
            connection
                .prepare_cached(
                    "SELECT name, class, count(*) FROM owed
                     JOIN collection ON collection.id = owed.collection
                     WHERE scope = ?1 GROUP BY owed.collection, class",
                )?
                .query_map([scope.0], |row| {
                    Ok((
                        row.get(0)?,
                        column::owed_class(row, 1)?,
                        column::count(row, 2)?,
                    ))
                })?
                .collect()
        })?;
        let mut counts = BTreeMap::<_, BTreeMap<_, _>>::new();
        for (name, class, count) in rows {
            counts
                .entry(CollectionName::new(name))
                .or_default()
                .insert(class, count);
        }
        Ok(counts)
    }

    /// How far the source of a collection was read, as last committed.
    pub fn mark(&self, scope: ScopeId, collection: &CollectionName) -> Result<Option<Mark>> {
        self.ask(|connection| {
            let mark: Option<Option<String>> = connection
                .prepare_cached("SELECT mark FROM collection WHERE scope = ?1 AND name = ?2")?
                .query_row((scope.0, collection.as_str()), |row| row.get(0))
                .optional()?;
            Ok(mark.flatten().map(Mark))
        })
    }

    /// How far an unfinished reading of a collection came, as last recorded.
    pub fn place(&self, scope: ScopeId, collection: &CollectionName) -> Result<Option<Mark>> {
        if !self.format.holds_places() {
            return Ok(None);
        }
        self.ask(|connection| {
            let place: Option<Option<String>> = connection
                .prepare_cached("SELECT place FROM collection WHERE scope = ?1 AND name = ?2")?
                .query_row((scope.0, collection.as_str()), |row| row.get(0))
                .optional()?;
            Ok(place.flatten().map(Mark))
        })
    }

    /// Reads the whole file and says whether it is sound; takes time in proportion to its size.
    pub fn check(&self) -> Result<()> {
        let verdict: String = self.ask(|connection| {
            connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        })?;
        if verdict == "ok" {
            return Ok(());
        }
        Err(LedgerError::Damaged {
            path: self.path.clone(),
            source: verdict.into(),
        })
    }

    pub(crate) fn find_collection(
        &self,
        scope: ScopeId,
        collection: &CollectionName,
    ) -> Result<Option<i64>> {
        self.ask(|connection| {
            connection
                .prepare_cached("SELECT id FROM collection WHERE scope = ?1 AND name = ?2")?
                .query_row((scope.0, collection.as_str()), |row| row.get(0))
                .optional()
        })
    }

    pub(crate) fn ask<T>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        question(&self.connection).map_err(|source| LedgerError::from_sqlite(&self.path, source))
    }
}

/// A row of `key, digest, held, status, outcome, at, handle`.
fn known_with_handle(row: &Row<'_>) -> rusqlite::Result<(Known, Option<Handle>)> {
    let handle: Option<Box<str>> = row.get(6)?;
    Ok((scan::known(row)?, handle.map(Handle)))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use rusqlite::trace::{TraceEvent, TraceEventCodes};
    use syncline_model::Key;

    use super::*;
    use crate::{Entries, Holder, Ledger, Listed, Receipt, ReceiptResult, RunStart};

    const COLLECTIONS: u32 = 350;

    fn collection(number: u32) -> CollectionName {
        CollectionName::new(format!("c{number}"))
    }

    fn key(number: u32) -> Key {
        Key::from_canonical(format!("[{number}]"))
    }

    /// A ledger with many collections, in each of which a key is owed and another one moved.
    fn many(folder: &Path) -> (Ledger, ScopeId) {
        let holder = Holder {
            command: String::new(),
            process_id: 1,
            host: String::new(),
            started: String::new(),
        };
        let mut ledger = Ledger::open(folder, &holder).unwrap();
        let target = StoreIdentity("target".to_owned());
        let scope = ledger.scope(&target, "flow").unwrap();
        let start = RunStart {
            command: String::new(),
            scope,
            started: 0,
        };
        let run = ledger.begin_run(&start).unwrap();
        let receipts: Vec<Receipt> = (0..COLLECTIONS)
            .map(|number| Receipt {
                collection: collection(number),
                key: key(number).digest(),
                digest: Digest::of(b""),
                at: 0,
                status: 409,
                handle: None,
                result: ReceiptResult::Owed {
                    class: OwedClass::Held,
                    reason: String::new(),
                    key_text: key(number).as_str().to_owned(),
                    payload: bytes::Bytes::new(),
                    origin: String::new(),
                },
            })
            .collect();
        let listed: Vec<Listed> = (0..COLLECTIONS)
            .map(|number| Listed {
                collection: collection(number),
                lists: Mark("1".to_owned()),
                gone: vec![],
                moved: vec![(key(number), key(number + 1))],
            })
            .collect();
        let entries = Entries {
            receipts: &receipts,
            listed: &listed,
            ..Entries::default()
        };
        ledger.record_all(scope, run, entries).unwrap();
        (ledger, scope)
    }

    #[test]
    fn what_is_owed_of_many_collections_is_read_by_one_connection() {
        let folder = tempfile::tempdir().unwrap();
        let (ledger, scope) = many(folder.path());
        let readings: Vec<OwedChanges> = (0..COLLECTIONS)
            .map(|number| ledger.owed(scope, Some(&collection(number))).unwrap())
            .collect();
        // The ledger has it, and each of them.
        let beside = ledger.beside.get().unwrap();
        assert_eq!(Arc::strong_count(beside), 1 + readings.len());
        for (number, mut reading) in (0..).zip(readings) {
            assert_eq!(reading.next().unwrap().unwrap().key, key(number).digest());
            assert!(reading.next().is_none());
        }
    }

    #[test]
    fn what_is_known_of_a_key_and_what_it_became_is_one_statement_each() {
        let folder = tempfile::tempdir().unwrap();
        let (_ledger, scope) = many(folder.path());
        let mut view = LedgerView::open(folder.path()).unwrap();
        let statements = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&statements);
        let count = move |_: TraceEvent<'_>| {
            counted.fetch_add(1, Ordering::Relaxed);
        };
        let each = TraceEventCodes::SQLITE_TRACE_STMT;
        view.connection.trace_v2(each, Some(count)).unwrap();
        for number in 0..10 {
            let (name, key_now) = (collection(number), key(number));
            let found = view.find(scope, &name, &key_now.digest()).unwrap();
            assert_eq!(found.unwrap().0.key, key_now.digest());
            let moved = view.moved(scope, &name, &key_now).unwrap();
            assert_eq!(moved, Some(key(number + 1)));
        }
        assert_eq!(statements.load(Ordering::Relaxed), 20);
    }
}
