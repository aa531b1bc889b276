//! Rows as they are read: each is put together as the object that its payload is.

use bytes::{Bytes, BytesMut};
use syncline_model::is_plain;

use crate::driver::named;
use crate::table::{Column, Table};
use crate::value::{Cell, quoted};

/// How much room rows share: little, as one that is kept keeps all of it.
const ROOM_BYTES: usize = 32 << 10;

/// The values of the selected columns, in their order.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// An object with a member for each value that can be told.
    json: Bytes,
    values: Vec<Value>,
    /// By what its table finds it again, where that is known.
    pub(crate) place: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
enum Value {
    Null,
    /// JSON, from a byte of the object up to another.
    Json(usize, usize),
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
    /// The object, without the members whose values are odd.
    pub(crate) const fn json(&self) -> &Bytes {
        &self.json
    }

    /// A value by its place.
    pub(crate) fn get(&self, place: usize) -> Option<Seen<'_>> {
        self.values.get(place).map(|value| self.seen(*value))
    }

    /// Places of the values that are none or cannot be told, and why not.
    pub(crate) fn untold(&self) -> impl Iterator<Item = (usize, Option<&'static str>)> {
        let values = self.values.iter().enumerate();
        values.filter_map(|(place, value)| match value {
            Value::Json(..) => None,
            Value::Null => Some((place, None)),
            Value::Odd(reason) => Some((place, Some(*reason))),
        })
    }

    fn seen(&self, value: Value) -> Seen<'_> {
        match value {
            Value::Null => Seen::Null,
            Value::Odd(reason) => Seen::Odd(reason),
            Value::Json(from, to) => {
                let json = self.json.get(from..to).map(std::str::from_utf8);
                Seen::Json(json.and_then(Result::ok).unwrap_or_default())
            }
        }
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

/// Makes rows of some columns.
#[derive(Debug)]
pub(crate) struct RowMaker {
    /// How the member of each column begins: `,"name":`.
    begins: Vec<Vec<u8>>,
    room: BytesMut,
}

impl RowMaker {
    pub(crate) fn new(table: &Table, columns: &[usize]) -> Self {
        let begin = |column: &&Column| format!(",{}:", quoted(&column.name)).into_bytes();
        Self {
            begins: named(table, columns).iter().map(begin).collect(),
            room: BytesMut::with_capacity(ROOM_BYTES),
        }
    }

    /// Begins a row, which has none of its values yet.
    pub(crate) fn begin(&mut self) -> RowInMaking<'_> {
        self.room.clear();
        RowInMaking {
            values: Vec::with_capacity(self.begins.len()),
            maker: self,
        }
    }

    /// A row of values in the order of the columns.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) -> Row {
        let mut row = self.begin();
        for cell in cells {
            row.push(&cell);
        }
        row.end()
    }
}

/// A row that gets its values, one by one.
pub(crate) struct RowInMaking<'m> {
    maker: &'m mut RowMaker,
    values: Vec<Value>,
}

impl RowInMaking<'_> {
    /// Adds a value.
    pub(crate) fn push(&mut self, cell: &Cell) {
        match cell {
            Cell::Odd(reason) => self.values.push(Value::Odd(reason)),
            Cell::Null => {
                self.member(b"null");
                self.values.push(Value::Null);
            }
            Cell::Json(json) => {
                let (from, to) = self.member(json.as_bytes());
                self.values.push(Value::Json(from, to));
            }
        }
    }

    /// Adds a text.
    pub(crate) fn push_text(&mut self, text: &[u8]) {
        if is_plain(text) {
            let (from, to) = self.member(b"\"");
            self.maker.room.extend_from_slice(text);
            self.maker.room.extend_from_slice(b"\"");
            self.values.push(Value::Json(from, to + text.len() + 1));
            return;
        }
        self.push(&match std::str::from_utf8(text) {
            Ok(text) => Cell::Json(quoted(text)),
            Err(_) => Cell::Odd("it is no text in UTF-8"),
        });
    }

    /// Writes the next member; where its value, or the begin of it, stands.
    fn member(&mut self, json: &[u8]) -> (usize, usize) {
        let room = &mut self.maker.room;
        let begin = self.maker.begins.get(self.values.len());
        room.extend_from_slice(begin.map_or(&b","[..], Vec::as_slice));
        let from = room.len();
        room.extend_from_slice(json);
        (from, room.len())
    }

    pub(crate) fn end(self) -> Row {
        let room = &mut self.maker.room;
        // Each member begins with a comma; an object does not.
        match room.first_mut() {
            Some(first) => *first = b'{',
            None => room.extend_from_slice(b"{"),
        }
        room.extend_from_slice(b"}");
        Row {
            json: room.split().freeze(),
            values: self.values,
            place: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use syncline_model::{Bounds, Labels};

    use super::*;
    use crate::table::{Form, Source};

    fn maker(names: &[&str]) -> RowMaker {
        let column = |name: &&str| Column {
            name: (*name).to_owned(),
            form: Form::Text,
            bounds: Bounds::default(),
            labels: Labels::Free,
            type_name: String::new(),
            nullable: true,
            computed: false,
        };
        let table = Table {
            source: Source::Query(String::new()),
            columns: names.iter().map(column).collect(),
            key: vec![],
            constraints: BTreeMap::new(),
            foreign_keys: vec![],
            is_writable: false,
            is_usual: true,
        };
        RowMaker::new(&table, &(0..names.len()).collect::<Vec<_>>())
    }

    #[test]
    fn values_come_back_as_they_were_put_in() {
        let mut maker = maker(&[
            "none",
            "number",
            "odd",
            "text \"x\"",
            "blank",
            "no utf-8",
            "last",
        ]);
        for _ in 0..2 {
            let mut row = maker.begin();
            row.push(&Cell::Null);
            row.push(&Cell::Json("12".to_owned()));
            row.push(&Cell::Odd("why"));
            row.push_text("Zo\u{eb} \"x\"".as_bytes());
            row.push_text(b"");
            row.push_text(b"\xff");
            row.push_text(b"Ann");
            let row = row.end();
            let expected = [
                Seen::Null,
                Seen::Json("12"),
                Seen::Odd("why"),
                Seen::Json("\"Zo\u{eb} \\\"x\\\"\""),
                Seen::Json("\"\""),
                Seen::Odd("it is no text in UTF-8"),
                Seen::Json("\"Ann\""),
            ];
            for (place, value) in expected.into_iter().enumerate() {
                assert_eq!(row.get(place), Some(value));
            }
            assert_eq!(row.get(7), None);
            let untold: Vec<_> = row.untold().map(|(place, _)| place).collect();
            assert_eq!(untold, [0, 2, 5]);
            let json = std::str::from_utf8(row.json()).unwrap();
            let told = "{\"none\":null,\"number\":12,\"text \\\"x\\\"\":\"Zo\u{eb} \\\"x\\\"\",\
                        \"blank\":\"\",\"last\":\"Ann\"}";
            assert_eq!(json, told);
        }
    }

    #[test]
    fn a_row_without_values_that_can_be_told_is_an_empty_object() {
        let odd = maker(&["one"]).row([Cell::Odd("why")]);
        assert_eq!(&odd.json()[..], b"{}");
        assert_eq!(&maker(&[]).row([]).json()[..], b"{}");
    }

    #[test]
    fn a_row_larger_than_the_room_is_whole() {
        let long = "x".repeat(3 * ROOM_BYTES);
        let mut maker = maker(&["one", "two"]);
        for _ in 0..3 {
            let cells = [Cell::Json("1".to_owned()), Cell::Json(quoted(&long))];
            let row = maker.row(cells);
            assert_eq!(
                &row.json()[..],
                format!("{{\"one\":1,\"two\":\"{long}\"}}").as_bytes()
            );
        }
    }
}
