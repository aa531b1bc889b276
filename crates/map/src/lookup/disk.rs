//! A table in a private file, which goes with the process.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension as _};
use tempfile::NamedTempFile;

use super::{ENTRIES_MAX, LookupError};

/// What SQLite keeps in memory of its file, in KiB.
const CACHE_KIB: i32 = 16 << 10;

/// Entries on disk.
#[derive(Debug)]
pub(super) struct Disk {
    connection: Mutex<Connection>,
    entries: u64,
    /// Where an open file cannot be without a name.
    _file: Option<NamedTempFile>,
}

impl Disk {
    /// An empty table in a file of a folder, which exists.
    pub(super) fn create(folder: &Path) -> Result<Self, LookupError> {
        let unmade = |error: std::io::Error| {
            let told = format!("{}: {error}", folder.display());
            LookupError::File(told.into())
        };
        let file = NamedTempFile::new_in(folder).map_err(unmade)?;
        let connection = Connection::open(file.path())?;
        connection.pragma_update(None, "journal_mode", "off")?;
        connection.pragma_update(None, "synchronous", "off")?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        // It is never ended: nobody else looks, and there is nothing to be safe for.
        connection.execute_batch(
            "BEGIN; CREATE TABLE entries (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        )?;
        // What has no name goes with the process, however that ends.
        let named = (!cfg!(unix)).then_some(file);
        Ok(Self {
            connection: Mutex::new(connection),
            entries: 0,
            _file: named,
        })
    }

    /// The last value that is put for a key is that of the key.
    pub(super) fn put(&mut self, key: &str, json: &str) -> Result<(), LookupError> {
        self.entries += 1;
        if self.entries > ENTRIES_MAX {
            return Err(LookupError::Full);
        }
        let connection = self.connection();
        let mut put =
            connection.prepare_cached("INSERT OR REPLACE INTO entries VALUES (?1, ?2)")?;
        put.execute((key, json))?;
        Ok(())
    }

    /// The JSON text of a value.
    pub(super) fn find(&self, key: &str) -> Result<Option<String>, LookupError> {
        let connection = self.connection();
        let mut find = connection.prepare_cached("SELECT value FROM entries WHERE key = ?1")?;
        Ok(find.query_row([key], |row| row.get(0)).optional()?)
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// What SQLite says has no values in it.
impl From<rusqlite::Error> for LookupError {
    fn from(error: rusqlite::Error) -> Self {
        Self::File(error.to_string().into())
    }
}
