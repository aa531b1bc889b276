//! Keys: how the canonical key of a record finds its row.
//!
//! A canonical key is in Unicode's composed form, and the row may spell its texts otherwise. What
//! is looked for is every likely spelling, and rows are told apart by their canonical keys.

use serde_json::value::RawValue;
use syncline_model::{Canonicaliser, Collection, Key};
use unicode_normalization::UnicodeNormalization as _;

use crate::driver::named;
use crate::input::Input;
use crate::read::Shape;
use crate::row::{Row, RowMaker, Seen};
use crate::table::Table;
use crate::value::Cell;

/// The values of a key; nothing for a key that no row can have.
pub(crate) fn values(table: &Table, columns: &[usize], key: &Key) -> Option<Vec<Input>> {
    let values: Vec<Box<RawValue>> = serde_json::from_str(key.as_str()).ok()?;
    if values.len() != columns.len() {
        return None;
    }
    let columns = named(table, columns);
    let pairs = columns.iter().zip(&values);
    pairs
        .map(|(column, value)| Input::of_member(column, value).ok())
        .collect()
}

/// The spellings in which a row may have a key: as given, and decomposed.
pub(crate) fn spellings(given: Vec<Input>) -> Vec<Vec<Input>> {
    let is_plain = |value: &Input| !matches!(value, Input::Text(text) if !text.is_ascii());
    if given.iter().all(is_plain) {
        return vec![given];
    }
    let spelled = |spell: fn(&str) -> String| -> Vec<Input> {
        let value = |value: &Input| match value {
            Input::Text(text) => Input::Text(spell(text)),
            other => other.clone(),
        };
        given.iter().map(value).collect()
    };
    let mut all = vec![
        spelled(|text| text.nfc().collect()),
        spelled(|text| text.nfd().collect()),
    ];
    all.push(given);
    all.dedup();
    all
}

/// Finds the keys of rows.
#[derive(Debug)]
pub(crate) struct KeyReader {
    /// Where the values of the key are in a row.
    places: Vec<usize>,
    maker: RowMaker,
    shape: Shape,
    canonicaliser: Canonicaliser,
}

impl KeyReader {
    /// A reader of rows that hold these columns.
    pub(crate) fn new(
        table: &Table,
        collection: &Collection,
        (columns, key): (&[usize], &[usize]),
    ) -> Self {
        let place = |column: &usize| columns.iter().position(|read| read == column);
        Self {
            places: key.iter().filter_map(place).collect(),
            maker: RowMaker::new(table, key),
            shape: Shape::new(table, key, key),
            canonicaliser: Canonicaliser::new(collection),
        }
    }

    /// The canonical key of a row, if it has one.
    pub(crate) fn read(&mut self, row: &Row) -> Option<Key> {
        let cells: Vec<Cell> = self.cells(row).map(Seen::cell).collect();
        let key = self.maker.row(cells);
        let payload = self.shape.payload(&key).ok()?;
        let (key, _) = self.canonicaliser.read(&payload).ok()?;
        Some(key)
    }

    /// The values of the key of a row.
    pub(crate) fn cells<'r>(&self, row: &'r Row) -> impl Iterator<Item = Seen<'r>> {
        self.places.iter().filter_map(|place| row.get(*place))
    }
}
