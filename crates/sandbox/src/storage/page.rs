//! Listings: which records of a collection, in which stretch, always in order of creation.
//!
//! Key parts and whole keys go through their indexes; any other member is compared inside the
//! stored JSON, over the collection's own records only.

use rusqlite::types::Value as SqlValue;
use rusqlite::{OptionalExtension as _, params_from_iter};

use super::{Condition, Item, Storage, StorageError, read_item};

/// The records of one collection that meet every condition.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    pub(crate) collection: i64,
    pub(crate) conditions: Vec<Condition>,
}

/// A stretch of a listing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// Aggregates from this one up.
    pub(crate) from: i64,
    /// Aggregates below this one.
    pub(crate) before: i64,
    /// Records left out at the start.
    pub(crate) offset: u32,
    /// Records given at most.
    pub(crate) limit: u32,
}

impl Selection {
    /// Every record of a collection.
    pub(crate) fn all(collection: i64) -> Self {
        Self {
            collection,
            conditions: Vec::new(),
        }
    }

    pub(super) fn clause(&self) -> (String, Vec<SqlValue>) {
        let mut sql = String::from(" WHERE collection = ?");
        let mut values = vec![SqlValue::from(self.collection)];
        for condition in &self.conditions {
            condition.append(self.collection, &mut sql, &mut values);
        }
        (sql, values)
    }
}

impl Storage {
    /// How many records a selection has.
    pub(crate) fn count(&mut self, selection: &Selection) -> Result<u64, StorageError> {
        if selection.conditions.is_empty() {
            let counts = self.counts()?;
            return Ok(counts.get(&selection.collection).copied().unwrap_or(0));
        }
        let (clause, values) = selection.clause();
        let sql = format!("SELECT count(*) FROM item{clause}");
        let count: i64 = self
            .prepared(&sql)?
            .query_row(params_from_iter(values), |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    /// One stretch of a selection, in order of creation.
    pub(crate) fn page(
        &self,
        selection: &Selection,
        window: Window,
    ) -> Result<Vec<Item>, StorageError> {
        let (clause, mut values) = selection.clause();
        let sql = format!(
            "SELECT aggregate, collection, id, key, modified, body FROM item{clause} \
             AND aggregate >= ? AND aggregate < ? ORDER BY aggregate LIMIT ? OFFSET ?"
        );
        values.extend([window.from.into(), window.before.into()]);
        values.extend([
            i64::from(window.limit).into(),
            i64::from(window.offset).into(),
        ]);
        let mut statement = self.prepared(&sql)?;
        let items = statement.query_map(params_from_iter(values), read_item)?;
        Ok(items.collect::<Result<_, _>>()?)
    }

    /// Where each stretch of `size` records of a selection begins.
    pub(crate) fn starts(
        &self,
        selection: &Selection,
        size: u64,
    ) -> Result<Vec<i64>, StorageError> {
        let (clause, values) = selection.clause();
        let sql = format!(
            "SELECT aggregate FROM item{clause} AND aggregate >= ? \
             ORDER BY aggregate LIMIT 1 OFFSET ?"
        );
        let mut statement = self.prepared(&sql)?;
        let mut next = |from: i64, skipped: i64| {
            let place = [SqlValue::from(from), SqlValue::from(skipped)];
            let values = values.iter().cloned().chain(place);
            statement
                .query_row(params_from_iter(values), |row| row.get(0))
                .optional()
        };
        let size = i64::try_from(size.max(1)).unwrap_or(i64::MAX);
        let mut starts = Vec::new();
        let mut found = next(0, 0)?;
        while let Some(start) = found {
            starts.push(start);
            found = next(start, size)?;
        }
        Ok(starts)
    }
}
