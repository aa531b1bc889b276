//! Conditions on records, as parts of statements.

use rusqlite::types::Value as SqlValue;

use super::scope::Era;
use super::{KeyPlace, Reach, Span};

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
    /// A scalar anywhere in the body, or in an item of the collection `child` of it.
    Member {
        child: Option<String>,
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

impl Condition {
    /// Appends the condition to those of a statement on the items of a collection.
    pub(super) fn append(&self, collection: i64, sql: &mut String, values: &mut Vec<SqlValue>) {
        if self.append_scope((collection, Era::Present), sql, values) {
            return;
        }
        match self {
            // Appended above.
            Self::Within { .. } | Self::Prefix { .. } => {}
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
            Self::Versions(span) => {
                sql.push_str(" AND version BETWEEN ? AND ?");
                values.extend([span.from.into(), span.to.into()]);
            }
            Self::Member {
                child,
                path,
                comparison,
                value,
            } => {
                if let Some(child) = child {
                    sql.push_str(" AND EXISTS (SELECT 1 FROM json_each(body, ?) WHERE 1");
                    values.push(SqlValue::from(json_path(std::slice::from_ref(child))));
                    comparison.append("json_each.value", sql);
                    sql.push(')');
                } else {
                    comparison.append("body", sql);
                }
                values.extend([
                    SqlValue::from(json_path(path)),
                    SqlValue::from(value.clone()),
                ]);
            }
        }
    }
}

impl Condition {
    /// Appends a condition that narrows to what a caller may see, of what there is in a collection
    /// or of what was deleted from it; false for any other condition.
    pub(super) fn append_scope(
        &self,
        place: (i64, Era),
        sql: &mut String,
        values: &mut Vec<SqlValue>,
    ) -> bool {
        match self {
            Self::Within { part, reach } => {
                let column = part.open(place, sql, values);
                sql.push_str(column);
                sql.push_str(" IN (");
                reach.append(place.1, sql, values);
                sql.push(')');
                sql.push_str(part.close(place.1));
            }
            Self::Prefix { part, prefixes } => {
                let column = part.open(place, sql, values);
                sql.push('0');
                for prefix in prefixes {
                    sql.push_str(" OR lower(substr(");
                    sql.push_str(column);
                    sql.push_str(", 1, length(?))) = lower(?)");
                    values.extend([SqlValue::from(prefix.clone()), prefix.clone().into()]);
                }
                sql.push_str(part.close(place.1));
            }
            _ => return false,
        }
        true
    }
}

impl Comparison {
    /// Appends a comparison of a member of a JSON text, for a path and a value.
    fn append(self, text: &str, sql: &mut String) {
        let (before, after) = match self {
            Self::Exact => (" AND CAST(json_extract(", ", ?) AS TEXT) = ?"),
            Self::IgnoreCase => (" AND lower(json_extract(", ", ?)) = lower(?)"),
            Self::Numeric => (" AND json_extract(", ", ?) = CAST(? AS REAL)"),
        };
        sql.push_str(before);
        sql.push_str(text);
        sql.push_str(after);
    }
}

/// `$."member"."inner"`, for members whose names hold no quotation mark.
fn json_path(path: &[String]) -> String {
    path.iter()
        .fold(String::from("$"), |text, name| format!("{text}.\"{name}\""))
}
