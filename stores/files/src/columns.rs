//! What is known of the columns of a table before its records are.

/// A column that records are said to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The names on the way to its values, with points between: `schoolReference.schoolId`.
    pub name: String,
    /// What its values are.
    pub kind: ColumnKind,
}

/// Sorts of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// Text, and all that is nothing else: lists are JSON text.
    Text,
    /// Whole numbers.
    Integer,
    /// Numbers.
    Number,
    /// True or false.
    Boolean,
    /// Dates, `2026-08-14`.
    Date,
    /// Points in time, `2026-08-14T12:30:00Z`.
    Timestamp,
}

impl Column {
    /// A column.
    pub fn new(name: impl Into<String>, kind: ColumnKind) -> Self {
        Self {
            name: name.into(),
            kind,
        }
    }
}
