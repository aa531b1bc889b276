//! The history of a database: the sequence of change versions, deletes and changes of keys.
//!
//! Every write takes the next number of one sequence, so versions of all collections compare. A
//! number is never given twice; one taken by a transaction that was undone is left out.

use rusqlite::{Row, params};

use super::{Item, Storage, StorageError, Window};

/// Change versions from the first to the second, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: i64,
    pub(crate) to: i64,
}

/// A record that was deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tombstone {
    pub(crate) version: i64,
    pub(crate) id: String,
    /// JSON object of the flattened natural key.
    pub(crate) key_values: String,
}

/// A record whose natural key was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rekeyed {
    pub(crate) version: i64,
    pub(crate) id: String,
    /// JSON object of the flattened natural key before the first change of a span.
    pub(crate) old_values: String,
    /// The same after the last change.
    pub(crate) new_values: String,
}

/// Deletes of a collection within a span, without those whose key is in use again.
const DELETES: &str = "FROM tombstone t WHERE collection = ?1 AND version BETWEEN ?2 AND ?3 \
     AND NOT EXISTS (SELECT 1 FROM item i WHERE i.family = t.family AND i.key = t.key \
     AND i.collection = t.collection)";

/// The first and the last change of key of each record within a span.
const REKEYS: &str = "FROM (SELECT min(version) AS low, max(version) AS high FROM rekey \
     WHERE collection = ?1 AND version BETWEEN ?2 AND ?3 GROUP BY id) span \
     JOIN rekey first ON first.version = span.low JOIN rekey last ON last.version = span.high";

impl Storage {
    /// The greatest change version given so far.
    pub(crate) fn newest_version(&self) -> i64 {
        self.last_version
    }

    /// Takes the next change version.
    pub(super) fn next_version(&mut self) -> i64 {
        self.last_version += 1;
        self.last_version
    }

    /// Deletes a record that nothing refers to any more, and remembers that it was there.
    pub(crate) fn delete(
        &mut self,
        item: &Item,
        family: i64,
        key_values: &str,
    ) -> Result<(), StorageError> {
        self.remove(item)?;
        let version = self.next_version();
        self.prepared(
            "INSERT INTO tombstone (version, collection, family, key, id, key_values) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            version,
            item.collection,
            family,
            item.key,
            item.id,
            key_values
        ])?;
        Ok(())
    }

    /// Remembers that the key of a record was changed.
    pub(crate) fn note_rekey(
        &mut self,
        item: &Item,
        old_values: &str,
        new_values: &str,
    ) -> Result<(), StorageError> {
        let version = self.next_version();
        self.prepared(
            "INSERT INTO rekey (version, collection, id, old_values, new_values) \
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            version,
            item.collection,
            item.id,
            old_values,
            new_values
        ])?;
        Ok(())
    }

    /// One stretch of the deletes of a collection within a span, in their order.
    pub(crate) fn deletes(
        &self,
        collection: i64,
        span: Span,
        window: Window,
    ) -> Result<Vec<Tombstone>, StorageError> {
        let sql =
            format!("SELECT version, id, key_values {DELETES} ORDER BY version LIMIT ?4 OFFSET ?5");
        let read = |row: &Row<'_>| {
            Ok(Tombstone {
                version: row.get(0)?,
                id: row.get(1)?,
                key_values: row.get(2)?,
            })
        };
        let (limit, offset) = (window.limit, window.offset);
        let mut statement = self.prepared(&sql)?;
        let values = params![collection, span.from, span.to, limit, offset];
        let found = statement.query_map(values, read)?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// How many deletes of a collection a span has.
    pub(crate) fn count_deletes(&self, collection: i64, span: Span) -> Result<u64, StorageError> {
        self.count_span(&format!("SELECT count(*) {DELETES}"), collection, span)
    }

    /// One stretch of the changed keys of a collection within a span, one entry per record.
    pub(crate) fn rekeys(
        &self,
        collection: i64,
        span: Span,
        window: Window,
    ) -> Result<Vec<Rekeyed>, StorageError> {
        let sql = format!(
            "SELECT last.version, last.id, first.old_values, last.new_values {REKEYS} \
             ORDER BY last.version LIMIT ?4 OFFSET ?5"
        );
        let read = |row: &Row<'_>| {
            Ok(Rekeyed {
                version: row.get(0)?,
                id: row.get(1)?,
                old_values: row.get(2)?,
                new_values: row.get(3)?,
            })
        };
        let (limit, offset) = (window.limit, window.offset);
        let mut statement = self.prepared(&sql)?;
        let values = params![collection, span.from, span.to, limit, offset];
        let found = statement.query_map(values, read)?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// How many records of a collection had their key changed within a span.
    pub(crate) fn count_rekeys(&self, collection: i64, span: Span) -> Result<u64, StorageError> {
        self.count_span(&format!("SELECT count(*) {REKEYS}"), collection, span)
    }

    fn count_span(&self, sql: &str, collection: i64, span: Span) -> Result<u64, StorageError> {
        let values = params![collection, span.from, span.to];
        let count: i64 = self.prepared(sql)?.query_row(values, |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }
}
