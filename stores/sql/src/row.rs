//! Rows as they are read: all values in one piece of memory.

use syncline_model::is_plain;

use crate::value::{Cell, quoted};

/// The values of the selected columns, in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    json: String,
    values: Vec<Value>,
}

#[derive(Clone, Copy, Debug)]
enum Value {
    Null,
    /// JSON, up to a byte of all of it.
    Json(usize),
    Odd(&'static str),
}

/// A value of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen<'row> {
    /// NULL.
    Null,
    /// JSON.
    Json(&'row str),
    /// Something that a payload cannot hold; why, without the value.
    Odd(&'static str),
}

impl Row {
    /// A row with room for so many values, and so many bytes of JSON.
    pub(crate) fn with_room(values: usize, bytes: usize) -> Self {
        Self {
            json: String::with_capacity(bytes),
            values: Vec::with_capacity(values),
        }
    }

    /// Bytes of all values as JSON.
    pub(crate) const fn length(&self) -> usize {
        self.json.len()
    }

    /// Adds a value.
    pub(crate) fn push(&mut self, cell: &Cell) {
        let value = match cell {
            Cell::Null => Value::Null,
            Cell::Odd(reason) => Value::Odd(reason),
            Cell::Json(json) => {
                self.json.push_str(json);
                Value::Json(self.json.len())
            }
        };
        self.values.push(value);
    }

    /// Adds a text.
    pub(crate) fn push_text(&mut self, text: &str) {
        if is_plain(text.as_bytes()) {
            self.json.push('"');
            self.json.push_str(text);
            self.json.push('"');
        } else {
            self.json.push_str(&quoted(text));
        }
        self.values.push(Value::Json(self.json.len()));
    }

    /// The values, in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Seen<'_>> {
        let mut begin = 0;
        self.values.iter().map(move |value| match value {
            Value::Null => Seen::Null,
            Value::Odd(reason) => Seen::Odd(reason),
            Value::Json(end) => {
                let json = self.json.get(begin..*end).unwrap_or_default();
                begin = *end;
                Seen::Json(json)
            }
        })
    }

    /// A value by its place.
    pub(crate) fn get(&self, place: usize) -> Option<Seen<'_>> {
        self.iter().nth(place)
    }
}

impl Seen<'_> {
    /// The value by itself.
    pub(crate) fn cell(self) -> Cell {
        match self {
            Self::Null => Cell::Null,
            Self::Json(json) => Cell::Json(json.to_owned()),
            Self::Odd(reason) => Cell::Odd(reason),
        }
    }
}

impl FromIterator<Cell> for Row {
    fn from_iter<I: IntoIterator<Item = Cell>>(cells: I) -> Self {
        let mut row = Self::default();
        for cell in cells {
            row.push(&cell);
        }
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_were_put_in() {
        let mut row: Row = [Cell::Null, Cell::Json("12".to_owned()), Cell::Odd("why")]
            .into_iter()
            .collect();
        row.push_text("Zo\u{eb} \"x\"");
        row.push_text("");
        row.push(&Cell::Null);
        let expected = [
            Seen::Null,
            Seen::Json("12"),
            Seen::Odd("why"),
            Seen::Json("\"Zo\u{eb} \\\"x\\\"\""),
            Seen::Json("\"\""),
            Seen::Null,
        ];
        assert!(row.iter().eq(expected));
        assert_eq!(row.get(3), Some(expected[3]));
        assert_eq!(row.get(6), None);
    }
}
