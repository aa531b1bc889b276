//! The history of a database: the sequence of change versions, deletes and changes of keys.
//!
//! Every write takes the next number of one sequence, so versions of all collections compare. A
//! number is never given twice; one taken by a transaction that was undone is left out.

use rusqlite::types::Value as SqlValue;
use rusqlite::{Row, params, params_from_iter};

use super::scope::Era;
use super::{Item, KEY_SEPARATOR, Selection, Storage, StorageError, Window};

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
const DELETES: &str = "FROM tombstone t WHERE collection = ? AND version BETWEEN ? AND ? \
     AND NOT EXISTS (SELECT 1 FROM item i WHERE i.family = t.family AND i.key = t.key \
     AND i.collection = t.collection)";

/// The last change of key of each record of a collection (`?1`) within a span (`?2` to `?3`).
const REKEYS: &str = "FROM rekey last WHERE collection = ?1 AND version BETWEEN ?2 AND ?3 \
     AND NOT EXISTS (SELECT 1 FROM rekey later WHERE later.collection = ?1 AND later.id = last.id \
     AND later.version > last.version AND later.version <= ?3)";

/// The key that a record of [`REKEYS`] had before its first change within the span.
const OLD_VALUES: &str = "(SELECT old_values FROM rekey first WHERE first.collection = ?1 \
     AND first.id = last.id AND first.version >= ?2 ORDER BY first.version LIMIT 1)";

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
        let mut statement = self.prepared(
            "INSERT INTO tombstone_part (collection, part, value, version) VALUES (?1, ?2, ?3, ?4)",
        )?;
        for (part, value) in (0_i64..).zip(item.key.split(KEY_SEPARATOR)) {
            statement.execute(params![item.collection, part, value, version])?;
        }
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

    /// One stretch of the deletes from a collection within a span, in their order; of the
    /// selection only those conditions count that say what a caller may see.
    pub(crate) fn deletes(
        &self,
        selection: &Selection,
        span: Span,
        window: Window,
    ) -> Result<Vec<Tombstone>, StorageError> {
        let (clause, values) = deletes_clause(selection, span);
        let sql =
            format!("SELECT version, id, key_values {clause} ORDER BY version LIMIT ? OFFSET ?");
        let read = |row: &Row<'_>| {
            Ok(Tombstone {
                version: row.get(0)?,
                id: row.get(1)?,
                key_values: row.get(2)?,
            })
        };
        let mut statement = self.prepared(&sql)?;
        let found = statement.query_map(params_from_iter(within(values, window)), read)?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// How many deletes [`Storage::deletes`] has in all.
    pub(crate) fn count_deletes(
        &self,
        selection: &Selection,
        span: Span,
    ) -> Result<u64, StorageError> {
        self.count_all(deletes_clause(selection, span))
    }

    /// One stretch of the changed keys of a selection within a span, one entry per record.
    pub(crate) fn rekeys(
        &self,
        selection: &Selection,
        span: Span,
        window: Window,
    ) -> Result<Vec<Rekeyed>, StorageError> {
        let (clause, values) = rekeys_clause(selection, span);
        let sql = format!(
            "SELECT version, id, {OLD_VALUES}, new_values {clause} ORDER BY version LIMIT ? OFFSET ?"
        );
        let read = |row: &Row<'_>| {
            Ok(Rekeyed {
                version: row.get(0)?,
                id: row.get(1)?,
                old_values: row.get(2)?,
                new_values: row.get(3)?,
            })
        };
        let mut statement = self.prepared(&sql)?;
        let found = statement.query_map(params_from_iter(within(values, window)), read)?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// How many records [`Storage::rekeys`] has in all.
    pub(crate) fn count_rekeys(
        &self,
        selection: &Selection,
        span: Span,
    ) -> Result<u64, StorageError> {
        self.count_all(rekeys_clause(selection, span))
    }

    fn count_all(&self, (clause, values): (String, Vec<SqlValue>)) -> Result<u64, StorageError> {
        let count: i64 = self
            .prepared(&format!("SELECT count(*) {clause}"))?
            .query_row(params_from_iter(values), |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }
}

fn deletes_clause(selection: &Selection, span: Span) -> (String, Vec<SqlValue>) {
    let collection = selection.collection;
    let mut sql = DELETES.to_owned();
    let mut values = vec![collection.into(), span.from.into(), span.to.into()];
    for condition in &selection.conditions {
        condition.append_scope((collection, Era::Past), &mut sql, &mut values);
    }
    (sql, values)
}

fn rekeys_clause(selection: &Selection, span: Span) -> (String, Vec<SqlValue>) {
    let mut sql = REKEYS.to_owned();
    let mut values = vec![
        selection.collection.into(),
        span.from.into(),
        span.to.into(),
    ];
    // A record that is there no more has no key to be seen by.
    if !selection.conditions.is_empty() {
        let (clause, more) = selection.clause();
        sql.push_str(" AND id IN (SELECT id FROM item");
        sql.push_str(&clause);
        sql.push(')');
        values.extend(more);
    }
    (sql, values)
}

/// The values of a statement that ends in limit and offset.
fn within(mut values: Vec<SqlValue>, window: Window) -> Vec<SqlValue> {
    values.extend([
        i64::from(window.limit).into(),
        i64::from(window.offset).into(),
    ]);
    values
}
