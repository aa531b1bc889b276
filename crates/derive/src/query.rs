//! Queries as they are declared, and what is wrong with them.

use std::fmt;

use rusqlite::Error;

/// A collection and the query that makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DerivedQuery {
    /// The name of the collection, by which other queries may look at it.
    pub name: String,
    /// One `select`.
    pub sql: String,
}

/// What is wrong with a query, as one clause without values of records.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct SqlProblem {
    /// The collection that the query makes.
    pub collection: String,
    /// What is wrong.
    pub message: String,
    /// Where in the query: line and column, counted from 1.
    pub place: Option<(usize, usize)>,
    /// What to do about it.
    pub hint: Option<String>,
    /// A name that does not exist, for whoever can suggest another.
    pub unknown: Option<String>,
}

impl fmt::Display for SqlProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the query of `{}`", self.collection)?;
        if let Some((line, column)) = self.place {
            write!(formatter, ", line {line}, column {column}")?;
        }
        write!(formatter, ": {}", self.message)
    }
}

impl SqlProblem {
    pub(crate) fn of(query: &DerivedQuery, message: impl Into<String>) -> Self {
        Self {
            collection: query.name.clone(),
            message: message.into(),
            place: None,
            hint: None,
            unknown: None,
        }
    }

    /// What SQLite says of a query.
    pub(crate) fn of_error(query: &DerivedQuery, error: &Error) -> Self {
        match error {
            Error::SqlInputError { msg, offset, .. } => {
                let place = usize::try_from(*offset).ok();
                let (message, hint) = unquoted(msg);
                Self {
                    place: place.map(|offset| position(&query.sql, offset)),
                    hint,
                    ..Self::of(query, message)
                }
            }
            Error::SqliteFailure(_, Some(message)) => Self::of(query, message.clone()),
            Error::MultipleStatement => Self::of(query, "it is more than one statement"),
            other => Self::of(query, other.to_string()),
        }
    }

    /// The same problem, where a word stands.
    pub(crate) fn at_word(mut self, query: &DerivedQuery, word: &str) -> Self {
        let place = find_word(&query.sql, word);
        self.place = place.map(|offset| position(&query.sql, offset));
        self
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// A message about a name in double quotes, with the name alone; what may have been meant besides.
fn unquoted(message: &str) -> (String, Option<String>) {
    let Some((told, _)) = message.split_once(" - should this be") else {
        return (message.to_owned(), None);
    };
    let told = told.replacen('"', "", 1);
    let told = told
        .strip_suffix('"')
        .unwrap_or(&told)
        .replace("\"\"", "\"");
    (told, Some("a text stands in single quotes".to_owned()))
}

/// Line and column of a byte of a text, counted from 1.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let last = before.rsplit('\n').next().unwrap_or_default();
    (line, last.chars().count() + 1)
}

/// Where a word stands for the first time, in any case of its letters.
fn find_word(text: &str, word: &str) -> Option<usize> {
    let (text, word) = (text.to_ascii_lowercase(), word.to_ascii_lowercase());
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    let ends = |at: usize| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(at + word.len()..);
        let after = after.and_then(|after| after.chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    };
    let found = text.match_indices(&word).map(|(at, _)| at);
    found.into_iter().find(|at| ends(*at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_lines_and_columns() {
        let text = "select é,\n  grades\nfrom grade";
        let at = find_word(text, "GRADE").unwrap();
        assert_eq!(position(text, at), (3, 6));
        assert_eq!(position(text, 0), (1, 1));
        assert_eq!(find_word(text, "rade"), None);
    }
}
