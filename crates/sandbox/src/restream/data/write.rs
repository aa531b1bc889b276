//! Records as JSON.

use std::io::{self, Write as _};

use super::columns::Column;
use super::rows::Row;
use crate::restream::world::curves::Cell;

/// Appends a record; fields without a value are left out.
pub(crate) fn write(out: &mut Vec<u8>, columns: &[Column], row: &Row) {
    // Writing to memory cannot fail.
    let _written = try_write(out, columns, row);
}

fn try_write(out: &mut Vec<u8>, columns: &[Column], row: &Row) -> io::Result<()> {
    write!(out, "{{\"timestamp\":{}", row.second)?;
    for (column, cell) in columns.iter().zip(&row.cells) {
        let Some(cell) = cell else {
            continue;
        };
        out.push(b',');
        out.extend_from_slice(column.key.as_bytes());
        match *cell {
            Cell::Number(number) => serde_json::to_writer(&mut *out, &number)?,
            Cell::Whole(number) => write!(out, "{number}")?,
            Cell::Text(text) => write!(out, "\"{text}\"")?,
            Cell::Flag(flag) => write!(out, "{flag}")?,
            Cell::Null => out.extend_from_slice(b"null"),
        }
    }
    if let Some(site) = row.site {
        write!(out, ",\"site_id\":{site}")?;
    }
    out.push(b'}');
    Ok(())
}
