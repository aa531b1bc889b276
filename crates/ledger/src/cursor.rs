//! Reading what is owed in bounded memory, a page at a time.
//!
//! Each page is a short read of its own. A long one would keep the write-ahead log from being
//! folded into the file for as long as it lasts, and a run that sends while it scans lasts hours.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use syncline_model::{CollectionName, Digest, Key};

use crate::{LedgerError, LedgerView, Owed, Result, ScopeId, column};

const OWED_PER_PAGE: u32 = 64;

/// Changes that are still to be made; ends after an error.
#[derive(Debug)]
pub struct OwedChanges {
    /// Shared with other readings: each page is a statement of its own.
    connection: Arc<Mutex<Connection>>,
    path: PathBuf,
    /// Collections not read to their end, the current one first.
    collections: std::collections::VecDeque<(i64, CollectionName)>,
    /// The last key read of the current collection; empty before the first.
    after: Vec<u8>,
    page: std::vec::IntoIter<Owed>,
}

impl OwedChanges {
    pub(crate) fn read(
        connection: Arc<Mutex<Connection>>,
        path: &Path,
        collections: Vec<(i64, CollectionName)>,
    ) -> Self {
        Self {
            connection,
            path: path.to_owned(),
            collections: collections.into(),
            after: Vec::new(),
            page: Vec::new().into_iter(),
        }
    }

    fn read_page(&self, id: i64, name: &CollectionName) -> rusqlite::Result<Vec<Owed>> {
        let connection = self.connection.lock();
        connection
            .unwrap_or_else(PoisonError::into_inner)
            .prepare_cached(
                "SELECT key, key_text, digest, payload, origin, class, reason, status, attempts,
                    first_at, at
                 FROM owed JOIN record USING (collection, key)
                 WHERE collection = ?1 AND key > ?2 ORDER BY key LIMIT ?3",
            )?
            .query_map(params![id, self.after, OWED_PER_PAGE], |row| {
                owed(row, name)
            })?
            .collect()
    }

    /// Reads on until there is a page with something on it; false if there is none.
    fn refill(&mut self) -> rusqlite::Result<bool> {
        while let Some((id, name)) = self.collections.front() {
            let page = self.read_page(*id, name)?;
            if let Some(last) = page.last() {
                self.after = last.key.as_bytes().to_vec();
                self.page = page.into_iter();
                return Ok(true);
            }
            self.after.clear();
            self.collections.pop_front();
        }
        Ok(false)
    }
}

impl Iterator for OwedChanges {
    type Item = Result<Owed>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(owed) = self.page.next() {
            return Some(Ok(owed));
        }
        match self.refill() {
            Ok(_) => self.page.next().map(Ok),
            Err(source) => {
                self.collections.clear();
                Some(Err(LedgerError::from_sqlite(&self.path, source)))
            }
        }
    }
}

fn owed(row: &Row<'_>, collection: &CollectionName) -> rusqlite::Result<Owed> {
    Ok(Owed {
        collection: collection.clone(),
        key: column::digest(row, 0)?,
        key_text: row.get(1)?,
        digest: column::digest(row, 2)?,
        payload: Bytes::from(row.get::<_, Vec<u8>>(3)?),
        origin: row.get(4)?,
        class: column::owed_class(row, 5)?,
        reason: row.get(6)?,
        status: row.get(7)?,
        attempts: row.get(8)?,
        first_at: row.get(9)?,
        last_at: row.get(10)?,
    })
}

impl LedgerView {
    /// The key of a change that is owed, by its digest.
    pub fn owed_key(
        &self,
        scope: ScopeId,
        collection: &CollectionName,
        key: &Digest,
    ) -> Result<Option<Key>> {
        let Some(collection) = self.find_collection(scope, collection)? else {
            return Ok(None);
        };
        self.ask(|connection| {
            connection
                .prepare_cached("SELECT key_text FROM owed WHERE collection = ?1 AND key = ?2")?
                .query_row((collection, key.as_bytes()), |row| row.get::<_, String>(0))
                .optional()
                .map(|text| text.map(Key::from_canonical))
        })
    }
}
