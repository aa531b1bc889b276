//! Parquet tables out of payloads.
//!
//! A column is typed only if its type is declared and each of its values can be told from the
//! typed one; otherwise it is text, and nothing of a value is lost. As that is known only when
//! all records have been seen, they are surveyed first ([`Survey`]) and written then
//! ([`ParquetTable`]), in groups of rows of bounded size.
//!
//! A file that is there is read by its own types ([`ParquetRows`]) and written again with them: its
//! [`Layout`] says what its columns hold.

mod buffer;
mod decimal;
mod form;
mod layout;
mod moments;
mod nested;
mod rows;
mod stored;
mod survey;
mod table;

use std::io::{Read, Write};

use syncline_store::Result;

use crate::Column;
use crate::lines::Lines;
pub(crate) use layout::{FileColumn, Layout};
pub(crate) use rows::ParquetRows;
pub(crate) use survey::Survey;
pub use table::ParquetTable;

/// Writes the table of payloads that stand one a line and can be read twice. Its columns are those
/// declared, in that order, and then any others; what a person should know of them.
///
/// # Errors
/// A line that is no JSON object, and what reader and writer say.
pub fn write_parquet<R: Read>(
    mut lines: impl FnMut() -> std::io::Result<R>,
    declared: impl IntoIterator<Item = Column>,
    out: impl Write + Send,
) -> Result<Vec<String>> {
    let mut survey = Survey::new(declared);
    let mut first = Lines::new(lines()?);
    while let Some(line) = first.next_line()? {
        survey.note(&line.text)?;
    }
    let mut surveyed = survey.end_as_declared();
    let notes = std::mem::take(&mut surveyed.notes);
    let mut table = ParquetTable::of(out, surveyed)?;
    let mut second = Lines::new(lines()?);
    while let Some(line) = second.next_line()? {
        table.add(&line.text)?;
    }
    table.end()?;
    Ok(notes)
}
