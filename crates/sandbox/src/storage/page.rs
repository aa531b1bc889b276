//! Listings: which records of a collection, in which stretch, always in order of creation.
//!
//! Key parts and whole keys go through their indexes; any other member is compared inside the
//! stored JSON, over the collection's own records only.

use rusqlite::params_from_iter;
use rusqlite::types::Value as SqlValue;

use super::{Item, KeyPlace, Reach, Span, Storage, StorageError, read_item};

/// The records of one collection that meet every condition.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    pub(crate) collection: i64,
    pub(crate) conditions: Vec<Condition>,
}

/// One condition on a record.
#[derive(Clone, Debug)]
pub(crate) enum Condition {
    /// The whole canonical key.
    Key { family: i64, key: String },
    /// One part of a key of several parts, by its canonical position.
    KeyPart { part: usize, value: String },
    /// The id.
    Id(String),
    /// A value of the key within a set.
    Within { part: KeyPlace, reach: Reach },
    /// A value of the key that begins in one of these ways, without case.
    Prefix {
        part: KeyPlace,
        prefixes: Vec<String>,
    },
    /// The change version.
    Versions(Span),
    /// A scalar anywhere in the body.
    Member {
        path: Vec<String>,
        comparison: Comparison,
        value: String,
    },
}

/// How a member of a body is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// As text.
    Exact,
    /// As text, without case.
    IgnoreCase,
    /// By value.
    Numeric,
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

    fn clause(&self) -> (String, Vec<SqlValue>) {
        let mut sql = String::from(" WHERE collection = ?");
        let mut values = vec![SqlValue::from(self.collection)];
        for condition in &self.conditions {
            condition.append(self.collection, &mut sql, &mut values);
        }
        (sql, values)
    }
}

impl Condition {
    fn append(&self, collection: i64, sql: &mut String, values: &mut Vec<SqlValue>) {
        match self {
            Self::Key { family, key } => {
                sql.push_str(" AND family = ? AND key = ?");
                values.extend([SqlValue::from(*family), SqlValue::from(key.clone())]);
            }
            Self::KeyPart { part, value } => {
                sql.push_str(
                    " AND aggregate IN (SELECT aggregate FROM key_part \
                     WHERE collection = ? AND part = ? AND value = ?)",
                );
                let part = i64::try_from(*part).unwrap_or(i64::MAX);
                values.extend([
                    collection.into(),
                    part.into(),
                    SqlValue::from(value.clone()),
                ]);
            }
            Self::Id(id) => {
                sql.push_str(" AND id = ?");
                values.push(SqlValue::from(id.clone()));
            }
            Self::Within { part, reach } => {
                let column = part.open(collection, sql, values);
                sql.push_str(column);
                sql.push_str(" IN (");
                reach.append(sql, values);
                sql.push(')');
                sql.push_str(part.close());
            }
            Self::Prefix { part, prefixes } => {
                let column = part.open(collection, sql, values);
                sql.push('0');
                for prefix in prefixes {
                    sql.push_str(" OR lower(substr(");
                    sql.push_str(column);
                    sql.push_str(", 1, length(?))) = lower(?)");
                    values.extend([SqlValue::from(prefix.clone()), prefix.clone().into()]);
                }
                sql.push_str(part.close());
            }
            Self::Versions(span) => {
                sql.push_str(" AND version BETWEEN ? AND ?");
                values.extend([span.from.into(), span.to.into()]);
            }
            Self::Member {
                path,
                comparison,
                value,
            } => {
                sql.push_str(match comparison {
                    Comparison::Exact => " AND CAST(json_extract(body, ?) AS TEXT) = ?",
                    Comparison::IgnoreCase => " AND lower(json_extract(body, ?)) = lower(?)",
                    Comparison::Numeric => " AND json_extract(body, ?) = CAST(? AS REAL)",
                });
                values.extend([
                    SqlValue::from(json_path(path)),
                    SqlValue::from(value.clone()),
                ]);
            }
        }
    }
}

impl Storage {
    /// How many records a selection has.
    pub(crate) fn count(&self, selection: &Selection) -> Result<u64, StorageError> {
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

    /// Where each of `number` even stretches of a selection begins.
    pub(crate) fn starts(
        &self,
        selection: &Selection,
        size: u64,
    ) -> Result<Vec<i64>, StorageError> {
        let (clause, mut values) = selection.clause();
        let sql = format!(
            "SELECT aggregate FROM (SELECT aggregate, row_number() OVER (ORDER BY aggregate) - 1 \
             AS place FROM item{clause}) WHERE place % ? = 0 ORDER BY aggregate"
        );
        values.push(i64::try_from(size.max(1)).unwrap_or(i64::MAX).into());
        let mut statement = self.prepared(&sql)?;
        let starts = statement.query_map(params_from_iter(values), |row| row.get(0))?;
        Ok(starts.collect::<Result<_, _>>()?)
    }
}

/// `$."member"."inner"`, for members whose names hold no quotation mark.
fn json_path(path: &[String]) -> String {
    path.iter()
        .fold(String::from("$"), |text, name| format!("{text}.\"{name}\""))
}
