//! Where the records of a sandbox are kept: one SQLite database, in memory or in a file.
//!
//! It knows collections by number, keys as canonical text and bodies as JSON text; it does not
//! know the model, HTTP or validation. Every write is one transaction, so an acknowledged write
//! is whole, and with a file it outlives the process however that ends. What else a loss of power
//! must not undo waits for the [`Flusher`].

mod changes;
mod condition;
mod flush;
mod open;
mod page;
mod scope;
mod tally;

use std::path::PathBuf;

use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Row, params};

pub(crate) use changes::{Rekeyed, Span, Tombstone};
pub(crate) use condition::{Comparison, Condition};
pub(crate) use flush::Flusher;
pub(crate) use open::claim;
pub(crate) use page::{Selection, Window};
pub(crate) use scope::{KeyPlace, Reach};

use crate::faults::mix;
use tally::Tally;

/// Separates the parts of a canonical key; not a character that keys contain.
pub(crate) const KEY_SEPARATOR: char = '\u{1f}';

/// The database failed or could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The file could not be opened as a database.
    #[error("cannot open the database {}", path.display())]
    Open {
        /// The file asked for.
        path: PathBuf,
        /// What SQLite reported.
        source: rusqlite::Error,
    },
    /// Another server has the file.
    #[error("another server uses {}", path.display())]
    InUse {
        /// The file asked for.
        path: PathBuf,
    },
    /// A file beside the database could not be used.
    #[error("cannot lock {}", path.display())]
    Lock {
        /// The file asked for.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The thread that flushes the journal could not be started.
    #[error("cannot keep {} durable", path.display())]
    Flusher {
        /// The file asked for.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The file is something else.
    #[error("{} holds no records of a sandbox", path.display())]
    Foreign {
        /// The file asked for.
        path: PathBuf,
    },
    /// A statement failed.
    #[error("the database refused an operation")]
    Sql(#[from] rusqlite::Error),
}

/// One stored record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    /// Ever-growing number, never used twice.
    pub(crate) aggregate: i64,
    pub(crate) collection: i64,
    /// 32 hexadecimal digits.
    pub(crate) id: String,
    pub(crate) key: String,
    /// Microseconds since 1970, greater with every write.
    pub(crate) modified: i64,
    /// JSON object without the members that the server owns.
    pub(crate) body: String,
}

/// Which record a reference leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) aggregate: i64,
    pub(crate) collection: i64,
    pub(crate) id: String,
}

/// A record to be written, with everything that is indexed about it.
#[derive(Clone, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) collection: i64,
    pub(crate) family: i64,
    /// Canonical key parts in canonical order.
    pub(crate) parts: &'a [String],
    pub(crate) body: &'a str,
    /// Aggregates of the records it refers to.
    pub(crate) targets: &'a [i64],
}

/// The database and the sources of ids and stamps.
#[derive(Debug)]
pub(crate) struct Storage {
    connection: Connection,
    last_modified: i64,
    /// How far its clock is ahead of that of the machine.
    pub(crate) clock_ahead: jiff::SignedDuration,
    /// The change version given last.
    last_version: i64,
    tally: Tally,
    salt: u64,
}

impl Storage {
    /// Gives a collection its lasting number, and whether the database has just learnt of it.
    pub(crate) fn register(&mut self, path: &str) -> Result<(i64, bool), StorageError> {
        let known = self
            .prepared("SELECT number FROM collection WHERE path = ?1")?
            .query_row([path], |row| row.get(0))
            .optional()?;
        if let Some(number) = known {
            return Ok((number, false));
        }
        self.prepared("INSERT INTO collection (path) VALUES (?1)")?
            .execute([path])?;
        Ok((self.connection.last_insert_rowid(), true))
    }

    /// Runs `work` in one transaction, undone when it fails; within another one, as a part of it.
    pub(crate) fn atomically<T, E: From<StorageError>>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let outermost = self.connection.is_autocommit();
        self.run(if outermost {
            "BEGIN IMMEDIATE"
        } else {
            "SAVEPOINT inner"
        })?;
        let result = work(self);
        if result.is_err() {
            self.tally.forget();
        }
        match (&result, outermost) {
            (Ok(_), true) => self.run("COMMIT")?,
            (Err(_), true) => self.run("ROLLBACK")?,
            (Ok(_), false) => self.run("RELEASE inner")?,
            (Err(_), false) => {
                self.run("ROLLBACK TO inner")?;
                self.run("RELEASE inner")?;
            }
        }
        result
    }

    /// The record of a family with this canonical key.
    pub(crate) fn find_by_key(&self, family: i64, key: &str) -> Result<Option<Item>, StorageError> {
        let found = self
            .prepared(
                "SELECT aggregate, collection, id, key, modified, body FROM item \
                 WHERE family = ?1 AND key = ?2",
            )?
            .query_row(params![family, key], read_item)
            .optional()?;
        Ok(found)
    }

    /// Where the record of a family with this canonical key is, without its body.
    pub(crate) fn locate(&self, family: i64, key: &str) -> Result<Option<Location>, StorageError> {
        let found = self
            .prepared("SELECT aggregate, collection, id FROM item WHERE family = ?1 AND key = ?2")?
            .query_row(params![family, key], |row| {
                Ok(Location {
                    aggregate: row.get(0)?,
                    collection: row.get(1)?,
                    id: row.get(2)?,
                })
            })
            .optional()?;
        Ok(found)
    }

    /// The record of a collection with this id.
    pub(crate) fn find_by_id(
        &self,
        collection: i64,
        id: &str,
    ) -> Result<Option<Item>, StorageError> {
        let found = self
            .prepared(
                "SELECT aggregate, collection, id, key, modified, body FROM item \
                 WHERE id = ?1 AND collection = ?2",
            )?
            .query_row(params![id, collection], read_item)
            .optional()?;
        Ok(found)
    }

    /// Begins a transaction that takes in every write until [`Storage::end_batch`].
    pub(crate) fn begin_batch(&mut self) -> Result<(), StorageError> {
        self.run("BEGIN IMMEDIATE")
    }

    /// Commits what was written since [`Storage::begin_batch`].
    pub(crate) fn end_batch(&mut self) -> Result<(), StorageError> {
        self.run("COMMIT")
    }

    /// Removes every record and its history; change versions and ids go on.
    pub(crate) fn clear(&mut self) -> Result<(), StorageError> {
        for table in [
            "reference",
            "key_part",
            "item",
            "tombstone",
            "tombstone_part",
            "rekey",
        ] {
            self.run(&format!("DELETE FROM {table}"))?;
        }
        self.tally.forget();
        Ok(())
    }

    /// Adds a record; the caller has made sure that its key is free.
    pub(crate) fn insert(&mut self, entry: &Entry<'_>) -> Result<Item, StorageError> {
        let modified = self.stamp();
        // Beginning with the time, so that the index of ids grows at its end and not everywhere.
        let number = modified.unsigned_abs();
        let id = format!("{number:016x}{:016x}", mix(self.salt ^ number));
        let key = join_key(entry.parts);
        let version = self.next_version();
        self.prepared(
            "INSERT INTO item (collection, family, key, id, modified, version, body) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            entry.collection,
            entry.family,
            key,
            id,
            modified,
            version,
            entry.body
        ])?;
        let aggregate = self.connection.last_insert_rowid();
        self.index_key(aggregate, entry)?;
        self.index_references(aggregate, entry.targets)?;
        self.tally.add(entry.collection);
        let body = entry.body.to_owned();
        Ok(Item {
            aggregate,
            collection: entry.collection,
            id,
            key,
            modified,
            body,
        })
    }

    /// Replaces a record and everything indexed about it; gives its new stamp.
    pub(crate) fn replace(&mut self, old: &Item, entry: &Entry<'_>) -> Result<i64, StorageError> {
        let modified = self.stamp();
        let key = join_key(entry.parts);
        let version = self.next_version();
        self.prepared(
            "UPDATE item SET key = ?2, modified = ?3, version = ?4, body = ?5 WHERE aggregate = ?1",
        )?
        .execute(params![old.aggregate, key, modified, version, entry.body])?;
        if key != old.key {
            self.forget_key(old)?;
            self.index_key(old.aggregate, entry)?;
        }
        self.prepared("DELETE FROM reference WHERE source = ?1")?
            .execute([old.aggregate])?;
        self.index_references(old.aggregate, entry.targets)?;
        Ok(modified)
    }

    /// Deletes a record that nothing refers to any more.
    pub(crate) fn remove(&mut self, item: &Item) -> Result<(), StorageError> {
        self.forget_key(item)?;
        self.prepared("DELETE FROM reference WHERE source = ?1")?
            .execute([item.aggregate])?;
        self.prepared("DELETE FROM item WHERE aggregate = ?1")?
            .execute([item.aggregate])?;
        self.tally.take(item.collection);
        Ok(())
    }

    /// The records that refer to this one, oldest first, at most `limit`.
    pub(crate) fn dependants(&self, aggregate: i64, limit: i64) -> Result<Vec<Item>, StorageError> {
        let mut statement = self.prepared(
            "SELECT i.aggregate, i.collection, i.id, i.key, i.modified, i.body \
             FROM reference r JOIN item i ON i.aggregate = r.source \
             WHERE r.target = ?1 AND r.source <> ?1 ORDER BY r.source LIMIT ?2",
        )?;
        let items = statement.query_map(params![aggregate, limit], read_item)?;
        Ok(items.collect::<Result<_, _>>()?)
    }

    fn index_key(&self, aggregate: i64, entry: &Entry<'_>) -> Result<(), StorageError> {
        if entry.parts.len() < 2 {
            return Ok(());
        }
        let mut statement = self.prepared(
            "INSERT INTO key_part (collection, part, value, aggregate) VALUES (?1, ?2, ?3, ?4)",
        )?;
        for (part, value) in (0_i64..).zip(entry.parts) {
            statement.execute(params![entry.collection, part, value, aggregate])?;
        }
        Ok(())
    }

    fn forget_key(&self, item: &Item) -> Result<(), StorageError> {
        let mut statement = self.prepared(
            "DELETE FROM key_part \
             WHERE collection = ?1 AND part = ?2 AND value = ?3 AND aggregate = ?4",
        )?;
        for (part, value) in (0_i64..).zip(item.key.split(KEY_SEPARATOR)) {
            statement.execute(params![item.collection, part, value, item.aggregate])?;
        }
        Ok(())
    }

    fn index_references(&self, source: i64, targets: &[i64]) -> Result<(), StorageError> {
        let mut statement =
            self.prepared("INSERT OR IGNORE INTO reference (target, source) VALUES (?1, ?2)")?;
        for target in targets {
            statement.execute(params![target, source])?;
        }
        Ok(())
    }

    /// A time that is never given twice, even within one microsecond.
    fn stamp(&mut self) -> i64 {
        let now = clock(self.clock_ahead).as_microsecond();
        self.last_modified = now.max(self.last_modified + 1);
        self.last_modified
    }

    fn prepared(&self, sql: &str) -> Result<CachedStatement<'_>, StorageError> {
        Ok(self.connection.prepare_cached(sql)?)
    }

    fn run(&self, sql: &str) -> Result<(), StorageError> {
        self.prepared(sql)?.execute([])?;
        Ok(())
    }
}

/// The time by a clock that is ahead of that of the machine.
pub(crate) fn clock(ahead: jiff::SignedDuration) -> jiff::Timestamp {
    let now = jiff::Timestamp::now();
    now.checked_add(ahead).unwrap_or(now)
}

/// The one text that stands for a whole key.
pub(crate) fn join_key(parts: &[String]) -> String {
    let mut key = String::with_capacity(parts.iter().map(|part| part.len() + 1).sum());
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            key.push(KEY_SEPARATOR);
        }
        key.push_str(part);
    }
    key
}

fn read_item(row: &Row<'_>) -> rusqlite::Result<Item> {
    Ok(Item {
        aggregate: row.get(0)?,
        collection: row.get(1)?,
        id: row.get(2)?,
        key: row.get(3)?,
        modified: row.get(4)?,
        body: row.get(5)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry<'a>(parts: &'a [String], targets: &'a [i64]) -> Entry<'a> {
        Entry {
            collection: 1,
            family: 1,
            parts,
            body: "{}",
            targets,
        }
    }

    fn parts(values: &[&str]) -> Vec<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    #[test]
    fn a_failed_transaction_leaves_nothing() {
        let mut storage = Storage::open(None).unwrap();
        let result: Result<(), StorageError> = storage.atomically(|storage| {
            storage.insert(&entry(&parts(&["a", "b"]), &[]))?;
            Err(rusqlite::Error::QueryReturnedNoRows.into())
        });
        assert!(result.is_err());
        assert_eq!(storage.count(&Selection::all(1)).unwrap(), 0);
    }

    #[test]
    fn replacing_and_removing_keep_the_indexes_in_step() {
        let mut storage = Storage::open(None).unwrap();
        let target = storage.insert(&entry(&parts(&["t"]), &[])).unwrap();
        let item = storage
            .insert(&entry(&parts(&["a", "b"]), &[target.aggregate]))
            .unwrap();
        assert_eq!(
            storage.dependants(target.aggregate, 9).unwrap(),
            vec![item.clone()]
        );
        storage
            .replace(&item, &entry(&parts(&["a", "c"]), &[]))
            .unwrap();
        assert!(storage.dependants(target.aggregate, 9).unwrap().is_empty());
        let by_part = |value: &str| Selection {
            collection: 1,
            conditions: vec![Condition::KeyPart {
                part: 1,
                value: value.to_owned(),
            }],
        };
        assert_eq!(storage.count(&by_part("b")).unwrap(), 0);
        assert_eq!(storage.count(&by_part("c")).unwrap(), 1);
        let moved = storage.find_by_id(1, &item.id).unwrap().unwrap();
        assert!(moved.modified > item.modified);
        storage.remove(&moved).unwrap();
        assert_eq!(storage.count(&by_part("c")).unwrap(), 0);
    }

    #[test]
    fn numbers_and_ids_are_not_used_again() {
        let mut storage = Storage::open(None).unwrap();
        let first = storage.insert(&entry(&parts(&["a"]), &[])).unwrap();
        storage.remove(&first).unwrap();
        let second = storage.insert(&entry(&parts(&["a"]), &[])).unwrap();
        assert!(second.aggregate > first.aggregate);
        assert_ne!(second.id, first.id);
    }
}
