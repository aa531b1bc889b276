//! Tables that expressions look values up in.

use std::collections::BTreeMap;

use minijinja::Value;
use syncline_model::RawObject;

use crate::cell::Cell;

/// Most entries of a table, which is held in memory.
pub(crate) const ENTRIES_MAX: usize = 5_000_000;

/// A table: text to value.
#[derive(Clone, Debug, Default)]
pub struct Lookup(BTreeMap<Box<str>, Value>);

impl Lookup {
    /// A table of texts.
    pub fn of_texts(entries: impl IntoIterator<Item = (String, String)>) -> Self {
        let entries = entries
            .into_iter()
            .map(|(key, value)| (key.into_boxed_str(), Value::from(value)));
        Self(entries.collect())
    }

    /// Adds what a record says: the text of one member leads to the value of another. A record
    /// without the first says nothing. False if the table is full.
    pub fn add(&mut self, payload: &[u8], (key, value): (&str, &str)) -> bool {
        let Some(members) = RawObject::of(payload) else {
            return true;
        };
        let key = match members.get(key).map(Cell::of_json) {
            Some(Cell::Text(text) | Cell::Number(text)) => text.into_owned(),
            _ => return true,
        };
        let value = members.get(value).map_or(Cell::Null, Cell::of_json);
        self.0.insert(key.into_boxed_str(), value.into_value());
        self.0.len() <= ENTRIES_MAX
    }

    pub(crate) fn find(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }
}
