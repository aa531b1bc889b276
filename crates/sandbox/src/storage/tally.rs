//! How many records each collection has, without counting them every time.
//!
//! Counted when first asked for, kept in step by every write since, and forgotten when a
//! transaction is undone.

use std::collections::BTreeMap;

use rusqlite::Row;

use super::{Storage, StorageError};

/// Records by collection, once they have been counted.
#[derive(Debug, Default)]
pub(super) struct Tally(Option<BTreeMap<i64, u64>>);

impl Tally {
    pub(super) fn add(&mut self, collection: i64) {
        if let Some(counts) = &mut self.0 {
            *counts.entry(collection).or_default() += 1;
        }
    }

    pub(super) fn take(&mut self, collection: i64) {
        if let Some(count) = self.0.as_mut().and_then(|it| it.get_mut(&collection)) {
            *count -= 1;
        }
    }

    pub(super) fn forget(&mut self) {
        self.0 = None;
    }
}

impl Storage {
    /// How many records each collection has; collections that never had any are left out.
    pub(crate) fn counts(&mut self) -> Result<&BTreeMap<i64, u64>, StorageError> {
        let counts = match self.tally.0.take() {
            Some(counts) => counts,
            None => self.recount()?,
        };
        Ok(self.tally.0.insert(counts))
    }

    fn recount(&self) -> Result<BTreeMap<i64, u64>, StorageError> {
        let mut statement =
            self.prepared("SELECT collection, count(*) FROM item GROUP BY collection")?;
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs()));
        let counts = statement.query_map([], read)?;
        Ok(counts.collect::<Result<_, _>>()?)
    }
}
