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
mod nested;
mod rows;
mod stored;
mod survey;
mod table;

pub(crate) use layout::{FileColumn, Layout};
pub(crate) use rows::ParquetRows;
pub(crate) use survey::Survey;
pub use table::ParquetTable;
