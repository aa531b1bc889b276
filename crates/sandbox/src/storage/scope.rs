//! Which values of a key part are within reach of a set of values, by the records in between.

use rusqlite::types::Value as SqlValue;
use rusqlite::{params, params_from_iter};

use super::{Storage, StorageError};

/// A set of values of key parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// These.
    Values(Vec<String>),
    /// All that any of these have.
    Any(Vec<Self>),
    /// Part `give` of the keys of a collection whose part `by` is in the inner set.
    Via {
        collection: i64,
        give: usize,
        by: usize,
        inner: Box<Self>,
    },
}

/// Where a value of a key is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyPlace {
    /// It is the whole key.
    Whole,
    /// One of several parts.
    Part(usize),
}

/// Which records a condition is about, and which lead from value to value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Era {
    /// Those there are.
    Present,
    /// Those that were deleted; the way to them may lead over any, deleted or not.
    Past,
}

impl Reach {
    /// Appends a statement that selects the set.
    pub(super) fn append(&self, era: Era, sql: &mut String, values: &mut Vec<SqlValue>) {
        match self {
            Self::Values(list) => {
                sql.push_str("SELECT value FROM json_each(?)");
                values.push(SqlValue::from(serde_json::json!(list).to_string()));
            }
            Self::Any(sets) if sets.is_empty() => sql.push_str("SELECT NULL WHERE 0"),
            Self::Any(sets) => {
                for (index, set) in sets.iter().enumerate() {
                    sql.push_str(if index > 0 { " UNION " } else { "" });
                    set.append(era, sql, values);
                }
            }
            Self::Via {
                collection,
                give,
                by,
                inner,
            } => {
                let (present, past) = (("key_part", "aggregate"), ("tombstone_part", "version"));
                let tables: &[_] = match era {
                    Era::Present => &[present],
                    Era::Past => &[present, past],
                };
                for (index, (table, record)) in tables.iter().enumerate() {
                    sql.push_str(if index > 0 { " UNION " } else { "" });
                    let statement = format!(
                        "SELECT g.value FROM {table} b JOIN {table} g \
                         ON g.collection = b.collection AND g.{record} = b.{record} \
                         AND g.part = ? WHERE b.collection = ? AND b.part = ? AND b.value IN ("
                    );
                    sql.push_str(&statement);
                    values.extend([number(*give), SqlValue::from(*collection), number(*by)]);
                    inner.append(era, sql, values);
                    sql.push(')');
                }
            }
        }
    }
}

impl KeyPlace {
    /// Appends what comes before a condition on the value of a record's key; `)` must follow.
    pub(super) fn open(
        self,
        (collection, era): (i64, Era),
        sql: &mut String,
        values: &mut Vec<SqlValue>,
    ) -> &'static str {
        match self {
            _ if era == Era::Past => {
                sql.push_str(
                    " AND version IN (SELECT version FROM tombstone_part \
                     WHERE collection = ? AND part = ? AND (",
                );
                values.extend([SqlValue::from(collection), number(self.index())]);
                "value"
            }
            Self::Whole => {
                sql.push_str(" AND (");
                "key"
            }
            Self::Part(part) => {
                sql.push_str(
                    " AND aggregate IN (SELECT aggregate FROM key_part \
                     WHERE collection = ? AND part = ? AND (",
                );
                values.extend([SqlValue::from(collection), number(part)]);
                "value"
            }
        }
    }

    /// What closes the condition.
    pub(super) fn close(self, era: Era) -> &'static str {
        match self {
            Self::Whole if era == Era::Present => ")",
            _ => "))",
        }
    }

    /// The part, counted from 0.
    fn index(self) -> usize {
        match self {
            Self::Whole => 0,
            Self::Part(part) => part,
        }
    }
}

impl Storage {
    /// Whether a value is in a set.
    pub(crate) fn reaches(&self, reach: &Reach, value: &str) -> Result<bool, StorageError> {
        let mut sql = String::from("SELECT ? IN (");
        let mut values = vec![SqlValue::from(value.to_owned())];
        reach.append(Era::Present, &mut sql, &mut values);
        sql.push(')');
        let found: bool = self
            .prepared(&sql)?
            .query_row(params_from_iter(values), |row| row.get(0))?;
        Ok(found)
    }

    /// Keys of the records of a family that refer to these keys of it, directly or by others of
    /// the family, with those that are there themselves.
    pub(crate) fn below(&self, family: i64, keys: &[String]) -> Result<Vec<String>, StorageError> {
        let keys = serde_json::json!(keys).to_string();
        let mut statement = self.prepared(
            "WITH RECURSIVE scope(aggregate, key) AS ( \
             SELECT aggregate, key FROM item \
             WHERE family = ?1 AND key IN (SELECT value FROM json_each(?2)) \
             UNION SELECT i.aggregate, i.key FROM scope s \
             JOIN reference r ON r.target = s.aggregate \
             JOIN item i ON i.aggregate = r.source AND i.family = ?1) SELECT key FROM scope",
        )?;
        let found = statement.query_map(params![family, keys], |row| row.get(0))?;
        Ok(found.collect::<Result<_, _>>()?)
    }
}

fn number(part: usize) -> SqlValue {
    SqlValue::from(i64::try_from(part).unwrap_or(i64::MAX))
}
