//! Opening databases, and frozen copies of them.

use std::fs::TryLockError;
use std::path::{Path, PathBuf};

use fs_err::File;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, backup::Backup, params};

use super::tally::Tally;
use super::{Flusher, Storage, StorageError};

/// The form of the tables; files of an earlier one are brought up to it.
const LAYOUT: i64 = 1;

/// The greatest change version of a record, found by one step into an index for each collection
/// and not by looking at every record.
const NEWEST_VERSION: &str = "SELECT coalesce(max(newest), 0) FROM (SELECT \
     (SELECT max(version) FROM item WHERE collection = number) AS newest FROM collection)";
/// The time of change of the record of each collection that changed last.
const NEWEST_MODIFIED: &str = "SELECT coalesce(max(newest), 0) FROM (SELECT \
     (SELECT modified FROM item WHERE collection = number ORDER BY version DESC LIMIT 1) \
     AS newest FROM collection)";
/// Pages that the journal holds before they go into the database.
const JOURNAL_PAGES: i64 = 8_000;

impl Storage {
    /// Opens a database, in memory without a path, and brings its tables into being.
    pub(crate) fn open(path: Option<&Path>) -> Result<Self, StorageError> {
        Self::prepare(connect(path)?, path.is_some())
    }

    /// A copy of everything committed so far, in memory without a path; changes of one do not
    /// reach the other.
    pub(crate) fn copy(&self, path: Option<&Path>) -> Result<Self, StorageError> {
        let mut connection = connect(path)?;
        Backup::new(&self.connection, &mut connection)?.step(-1)?;
        Self::prepare(connection, path.is_some())
    }

    /// Makes sure that a file is a database of a sandbox, without changing it.
    pub(crate) fn verify(path: &Path) -> Result<(), StorageError> {
        let foreign = || StorageError::Foreign {
            path: path.to_path_buf(),
        };
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY);
        let connection = connection.ok().ok_or_else(foreign)?;
        let sql =
            "SELECT count(*) FROM sqlite_master WHERE name IN ('item', 'collection', 'key_part')";
        let tables = connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        if tables.is_ok_and(|tables| tables == 3) {
            Ok(())
        } else {
            Err(foreign())
        }
    }

    fn prepare(connection: Connection, durable: bool) -> Result<Self, StorageError> {
        let journal = if durable { "WAL" } else { "MEMORY" };
        connection.pragma_update(None, "journal_mode", journal)?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update(None, "cache_size", -64_000)?;
        connection.pragma_update(None, "wal_autocheckpoint", JOURNAL_PAGES)?;
        connection.set_prepared_statement_cache_capacity(128);
        migrate(&connection)?;
        connection.execute_batch(include_str!("schema.sql"))?;
        let newest = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        let last_modified = newest(NEWEST_MODIFIED)?;
        let mut last_version = newest(NEWEST_VERSION)?;
        for table in ["tombstone", "rekey"] {
            let sql = format!("SELECT coalesce(max(version), 0) FROM {table}");
            last_version = newest(&sql)?.max(last_version);
        }
        let salt = jiff::Timestamp::now().as_nanosecond().to_le_bytes();
        let salt = salt
            .iter()
            .take(8)
            .fold(0, |sum, byte| (sum << 8) | u64::from(*byte));
        Ok(Self {
            connection,
            last_modified,
            clock_ahead: jiff::SignedDuration::ZERO,
            last_version,
            tally: Tally::default(),
            salt,
        })
    }

    /// What makes commits durable; nothing for a database in memory.
    pub(crate) fn flusher(&self) -> Result<Option<Flusher>, StorageError> {
        let Some(path) = self.connection.path().filter(|path| !path.is_empty()) else {
            return Ok(None);
        };
        let path = PathBuf::from(path);
        let mut journal = path.clone().into_os_string();
        journal.push("-wal");
        let started = Flusher::start(PathBuf::from(journal));
        Ok(Some(started.map_err(|source| StorageError::Flusher {
            path,
            source,
        })?))
    }

    /// Keeps a text under a name, beside the records.
    pub(crate) fn set_note(&self, name: &str, value: &str) -> Result<(), StorageError> {
        self.prepared("INSERT OR REPLACE INTO note (name, value) VALUES (?1, ?2)")?
            .execute(params![name, value])?;
        Ok(())
    }

    /// The text kept under a name.
    pub(crate) fn note(&self, name: &str) -> Result<Option<String>, StorageError> {
        let found = self
            .prepared("SELECT value FROM note WHERE name = ?1")?
            .query_row([name], |row| row.get(0))
            .optional()?;
        Ok(found)
    }
}

/// Takes a data file for one server, until the file given back is dropped or the process ends.
pub(crate) fn claim(path: &Path) -> Result<File, StorageError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let failed = |source| StorageError::Lock {
        path: path.to_path_buf(),
        source,
    };
    let file = File::create(PathBuf::from(name)).map_err(failed)?;
    match file.file().try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StorageError::InUse {
            path: path.to_path_buf(),
        }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

fn connect(path: Option<&Path>) -> Result<Connection, StorageError> {
    let Some(path) = path else {
        return Ok(Connection::open_in_memory()?);
    };
    Connection::open(path).map_err(|source| StorageError::Open {
        path: path.to_path_buf(),
        source,
    })
}

/// Gives the items of a file without change versions theirs, in order of creation.
fn migrate(connection: &Connection) -> Result<(), StorageError> {
    let layout: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let tables = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'item'";
    let tables: i64 = connection.query_row(tables, [], |row| row.get(0))?;
    if layout < 1 && tables == 1 {
        connection.execute_batch(
            "BEGIN; ALTER TABLE item ADD COLUMN version INTEGER NOT NULL DEFAULT 0; \
             UPDATE item SET version = aggregate; PRAGMA user_version = 1; COMMIT;",
        )?;
    }
    connection.pragma_update(None, "user_version", LAYOUT)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Selection;

    #[test]
    fn a_file_without_change_versions_gets_them_in_order_of_creation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("old.sqlite");
        let old = Connection::open(&path).unwrap();
        old.execute_batch(
            "CREATE TABLE collection (number INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE); \
             INSERT INTO collection (path) VALUES ('ed-fi/students'); \
             CREATE TABLE item (aggregate INTEGER PRIMARY KEY AUTOINCREMENT, \
             collection INTEGER NOT NULL, family INTEGER NOT NULL, key TEXT NOT NULL, \
             id TEXT NOT NULL UNIQUE, modified INTEGER NOT NULL, body TEXT NOT NULL); \
             INSERT INTO item (collection, family, key, id, modified, body) \
             VALUES (1, 1, 'a', 'x', 5, '{}'), (1, 1, 'b', 'y', 6, '{}');",
        )
        .unwrap();
        drop(old);
        for _ in 0..2 {
            let mut storage = Storage::open(Some(&path)).unwrap();
            assert_eq!(storage.newest_version(), 2);
            assert_eq!(storage.count(&Selection::all(1)).unwrap(), 2);
        }
    }

    #[test]
    fn a_copy_and_its_original_go_their_own_ways() {
        let storage = Storage::open(None).unwrap();
        storage.set_note("time", "noon").unwrap();
        let copy = storage.copy(None).unwrap();
        storage.set_note("time", "night").unwrap();
        assert_eq!(copy.note("time").unwrap().as_deref(), Some("noon"));
        assert_eq!(storage.note("time").unwrap().as_deref(), Some("night"));
    }
}
