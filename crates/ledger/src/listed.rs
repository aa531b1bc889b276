//! What the lists of a run told that is not finished: keys that went and keys that changed, kept
//! with how far the lists were read, so that they need not be read again.
//!
//! What is kept belongs to the lists whose reading it came with: it is forgotten with them.

use std::fmt;

use rusqlite::{OptionalExtension as _, Result, Transaction, params};
use syncline_model::{CollectionName, Key, Mark};

use crate::{LedgerView, ScopeId};

/// What a key of a collection became. It is asked for each key that others contain, so it is one
/// statement.
const MOVED: &str = "SELECT now FROM moved WHERE key = ?3
     AND collection = (SELECT id FROM collection WHERE scope = ?1 AND name = ?2)";

/// What lists of a collection told, and how far they were read then.
#[derive(Clone)]
pub struct Listed {
    /// Which.
    pub collection: CollectionName,
    /// How far its lists were read, by whoever reads them.
    pub lists: Mark,
    /// Keys that went.
    pub gone: Vec<Key>,
    /// Keys that changed: from which to which.
    pub moved: Vec<(Key, Key)>,
}

/// Keys may hold personal data, so debug output leaves them out.
impl fmt::Debug for Listed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (gone, moved) = (self.gone.len(), self.moved.len());
        write!(
            formatter,
            "Listed({}, {gone} gone, {moved} moved)",
            self.collection
        )
    }
}

/// Adds what a list told to what is kept; of a key that changed twice the later one counts.
pub(crate) fn put(transaction: &Transaction<'_>, scope: ScopeId, listed: &Listed) -> Result<()> {
    let collection: i64 = transaction
        .prepare_cached(
            "INSERT INTO collection (scope, name, lists) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET lists = excluded.lists RETURNING id",
        )?
        .query_row(
            (scope.0, listed.collection.as_str(), &listed.lists.0),
            |row| row.get(0),
        )?;
    let mut gone = transaction.prepare_cached(
        "INSERT OR REPLACE INTO gone (collection, key, text) VALUES (?1, ?2, ?3)",
    )?;
    for key in &listed.gone {
        gone.execute(params![collection, key.digest().as_bytes(), key.as_str()])?;
    }
    let mut moved = transaction.prepare_cached(
        "INSERT OR REPLACE INTO moved (collection, key, now) VALUES (?1, ?2, ?3)",
    )?;
    for (from, to) in &listed.moved {
        moved.execute(params![collection, from.digest().as_bytes(), to.as_str()])?;
    }
    Ok(())
}

/// Forgets what the lists of a collection told, and how far they were read.
pub(crate) fn forget(
    transaction: &Transaction<'_>,
    scope: ScopeId,
    collection: &CollectionName,
) -> Result<()> {
    let collection: Option<i64> = transaction
        .prepare_cached(
            "UPDATE collection SET lists = NULL
             WHERE scope = ?1 AND name = ?2 AND lists IS NOT NULL RETURNING id",
        )?
        .query_row((scope.0, collection.as_str()), |row| row.get(0))
        .optional()?;
    match collection {
        Some(collection) => clear(transaction, collection),
        None => Ok(()),
    }
}

/// Forgets what the lists of a collection told.
pub(crate) fn clear(transaction: &Transaction<'_>, collection: i64) -> Result<()> {
    for statement in [
        "DELETE FROM gone WHERE collection = ?1",
        "DELETE FROM moved WHERE collection = ?1",
    ] {
        transaction
            .prepare_cached(statement)?
            .execute([collection])?;
    }
    Ok(())
}

impl LedgerView {
    /// How far the lists of a collection were read by a run that is not finished, as last recorded.
    pub fn lists(
        &self,
        scope: ScopeId,
        collection: &CollectionName,
    ) -> crate::Result<Option<Mark>> {
        if !self.format.holds_lists() {
            return Ok(None);
        }
        self.ask(|connection| {
            let lists: Option<Option<String>> = connection
                .prepare_cached("SELECT lists FROM collection WHERE scope = ?1 AND name = ?2")?
                .query_row((scope.0, collection.as_str()), |row| row.get(0))
                .optional()?;
            Ok(lists.flatten().map(Mark))
        })
    }

    /// The next keys that lists told as gone after one, in the order of their digests, at most
    /// `limit`.
    pub fn gone(
        &self,
        scope: ScopeId,
        collection: &CollectionName,
        (after, limit): (Option<&Key>, u32),
    ) -> crate::Result<Vec<Key>> {
        let Some(collection) = self.with_lists(scope, collection)? else {
            return Ok(vec![]);
        };
        let after = after.map_or_else(Vec::new, |key| key.digest().as_bytes().to_vec());
        self.ask(|connection| {
            connection
                .prepare_cached(
                    "SELECT text FROM gone WHERE collection = ?1 AND key > ?2
                     ORDER BY key LIMIT ?3",
                )?
                .query_map((collection, after, limit), key)?
                .collect()
        })
    }

    /// What a key is now that changed, if lists told that.
    pub fn moved(
        &self,
        scope: ScopeId,
        collection: &CollectionName,
        from: &Key,
    ) -> crate::Result<Option<Key>> {
        if !self.format.holds_lists() {
            return Ok(None);
        }
        let digest = from.digest();
        let digest: &[u8] = digest.as_bytes();
        self.ask(|connection| {
            connection
                .prepare_cached(MOVED)?
                .query_row((scope.0, collection.as_str(), digest), key)
                .optional()
        })
    }

    /// Whether lists told of keys of a collection that changed.
    pub fn has_moved(&self, scope: ScopeId, collection: &CollectionName) -> crate::Result<bool> {
        let Some(collection) = self.with_lists(scope, collection)? else {
            return Ok(false);
        };
        self.ask(|connection| {
            connection
                .prepare_cached("SELECT EXISTS (SELECT 1 FROM moved WHERE collection = ?1)")?
                .query_row([collection], |row| row.get(0))
        })
    }

    fn with_lists(
        &self,
        scope: ScopeId,
        collection: &CollectionName,
    ) -> crate::Result<Option<i64>> {
        if !self.format.holds_lists() {
            return Ok(None);
        }
        self.find_collection(scope, collection)
    }
}

fn key(row: &rusqlite::Row<'_>) -> Result<Key> {
    Ok(Key::from_canonical(row.get::<_, String>(0)?))
}
