//! A CSV table out of records that were spooled.
//!
//! Numbers have the digits they came with. A field without a value is an empty cell, and a text
//! without letters is `""`, so that the two are told apart.

use std::io::{BufRead, Write};

use bytes::Bytes;
use syncline_store_files::Column;
use syncline_store_restream::DataRecord;

use super::places::Places;
use super::spool::{line_of, odd};
use crate::Failure;

/// Writes the table.
pub(super) fn write(
    mut lines: impl BufRead,
    columns: &[Column],
    out: &mut impl Write,
) -> Result<(), Failure> {
    let mut row = Row::new(columns);
    for (place, column) in columns.iter().enumerate() {
        begin(place, out)?;
        write_text(&column.name, out)?;
    }
    if !columns.is_empty() {
        out.write_all(b"\n")?;
    }
    let mut line = Vec::new();
    while line_of(&mut lines, &mut line)? {
        let record = DataRecord::read(Bytes::copy_from_slice(&line)).map_err(odd)?;
        row.places.begin();
        record
            .each_member(&mut |name, json| row.set(name, json))
            .map_err(odd)?;
        row.write(out)?;
    }
    Ok(())
}

/// The cells of one record.
struct Row {
    places: Places,
    /// JSON texts; an empty one where there is no value.
    cells: Vec<String>,
}

impl Row {
    fn new(columns: &[Column]) -> Self {
        let mut places = Places::default();
        for column in columns {
            places.add(&column.name);
        }
        Self {
            places,
            cells: vec![String::new(); columns.len()],
        }
    }

    fn set(&mut self, name: &str, json: &str) {
        let place = self.places.find(name);
        if let Some(cell) = place.and_then(|place| self.cells.get_mut(place)) {
            cell.clear();
            cell.push_str(json);
        }
    }

    /// Writes the row and empties it.
    fn write(&mut self, out: &mut impl Write) -> std::io::Result<()> {
        for (place, cell) in self.cells.iter_mut().enumerate() {
            begin(place, out)?;
            write_cell(cell, out)?;
            cell.clear();
        }
        out.write_all(b"\n")
    }
}

fn begin(place: usize, out: &mut impl Write) -> std::io::Result<()> {
    if place > 0 {
        out.write_all(b",")
    } else {
        Ok(())
    }
}

/// A JSON text as a cell.
fn write_cell(json: &str, out: &mut impl Write) -> std::io::Result<()> {
    match json.as_bytes().first() {
        None | Some(b'n') => Ok(()),
        Some(b'"') => match serde_json::from_str::<String>(json) {
            Ok(text) => write_text(&text, out),
            Err(_) => write_text(json, out),
        },
        Some(b'{' | b'[') => write_text(json, out),
        Some(_) => out.write_all(json.as_bytes()),
    }
}

fn write_text(text: &str, out: &mut impl Write) -> std::io::Result<()> {
    if text.is_empty() || text.contains(['"', ',', '\n', '\r']) {
        write!(out, "\"{}\"", text.replace('"', "\"\""))
    } else {
        out.write_all(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use syncline_store_files::ColumnKind;

    use super::*;

    #[test]
    fn digits_stay_and_nothing_is_told_from_no_letters() {
        let columns = ["timestamp", "a,b", "c"].map(|name| Column::new(name, ColumnKind::Number));
        let lines = concat!(
            r#"{"timestamp":1,"a,b":2.4390571117401123,"c":""}"#,
            "\n",
            r#"{"c":"x\"y","timestamp":2,"a,b":1.0}"#,
            "\n",
            r#"{"timestamp":3,"c":null}"#,
            "\n",
            r#"{"timestamp":4,"c":[1, {"d":2}]}"#,
            "\n",
        );
        let mut out = Vec::new();
        write(lines.as_bytes(), &columns, &mut out).unwrap();
        let expected = concat!(
            "timestamp,\"a,b\",c\n",
            "1,2.4390571117401123,\"\"\n",
            "2,1.0,\"x\"\"y\"\n",
            "3,,\n",
            "4,,\"[1, {\"\"d\"\":2}]\"\n",
        );
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
