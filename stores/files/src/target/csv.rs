//! CSV tables out of payloads.
//!
//! Texts stand without quotes and escapes, numbers with the digits they have, a null or missing
//! member is an empty cell. Columns come in the order in which they are first seen; as a later
//! record may bring another one, payloads are spooled first and the table is made from the spool.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use syncline_store::Result;

use super::flatten::each_cell;
use crate::lines::Lines;

/// The columns of a table.
#[derive(Debug, Default)]
pub(super) struct Columns {
    names: Vec<String>,
    places: BTreeMap<String, usize>,
}

impl Columns {
    /// Adds the columns of a payload.
    pub(super) fn note(&mut self, payload: &[u8]) -> Result<()> {
        each_cell(payload, &mut |name, _| {
            if !self.places.contains_key(name) {
                self.places.insert(name.to_owned(), self.names.len());
                self.names.push(name.to_owned());
            }
            Ok(())
        })
    }
}

/// Writes a table of spooled payloads; one without columns is empty.
pub(super) fn write_table(spool: impl Read, columns: &Columns, out: &mut impl Write) -> Result<()> {
    if columns.names.is_empty() {
        return Ok(());
    }
    write_row(columns.names.iter().map(String::as_str), out)?;
    let mut lines = Lines::new(spool);
    let mut row = vec![String::new(); columns.names.len()];
    while let Some(line) = lines.next_line()? {
        row.iter_mut().for_each(String::clear);
        each_cell(&line.text, &mut |name, text| {
            let place = columns.places.get(name);
            if let Some(cell) = place.and_then(|&place| row.get_mut(place)) {
                *cell = cell_text(text);
            }
            Ok(())
        })?;
        write_row(row.iter().map(String::as_str), out)?;
    }
    Ok(())
}

fn write_row<'cell>(
    cells: impl Iterator<Item = &'cell str>,
    out: &mut impl Write,
) -> std::io::Result<()> {
    for (index, cell) in cells.enumerate() {
        if index > 0 {
            out.write_all(b",")?;
        }
        if cell.contains(['"', ',', '\n', '\r']) {
            write!(out, "\"{}\"", cell.replace('"', "\"\""))?;
        } else {
            out.write_all(cell.as_bytes())?;
        }
    }
    out.write_all(b"\n")
}

/// A value as the text of a cell.
fn cell_text(text: &str) -> String {
    match text.as_bytes().first() {
        Some(b'"') => serde_json::from_str(text).unwrap_or_else(|_| text.to_owned()),
        _ if text == "null" => String::new(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(payloads: &[&str]) -> String {
        let mut columns = Columns::default();
        for payload in payloads {
            columns.note(payload.as_bytes()).unwrap();
        }
        let mut out = Vec::new();
        write_table(payloads.join("\n").as_bytes(), &columns, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn objects_become_columns_and_lists_stay_json() {
        let found = table(&[
            r#"{"id":"1","ref":{"schoolId":30.00,"link":{"rel":"School"}},"list":[{"a":1}]}"#,
            r#"{"id":"2","late":true,"ref":{"schoolId":7},"none":null}"#,
        ]);
        let expected = "id,ref.schoolId,ref.link.rel,list,late,none\n\
                        1,30.00,School,\"[{\"\"a\"\":1}]\",,\n\
                        2,7,,,true,\n";
        assert_eq!(found, expected);
    }

    #[test]
    fn cells_with_commas_quotes_and_line_ends_are_quoted() {
        let found = table(&[r#"{"a":"x, \"y\"\nz","b":"é"}"#]);
        assert_eq!(found, "a,b\n\"x, \"\"y\"\"\nz\",é\n");
    }

    #[test]
    fn a_table_without_records_is_empty() {
        assert_eq!(table(&[]), "");
    }
}
