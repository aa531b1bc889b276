//! Parquet tables out of payloads.
//!
//! A column is typed only if its type is declared and each of its values can be told from the
//! typed one; otherwise it is text, and nothing of a value is lost. As that is known only when
//! all records have been seen, they are surveyed first ([`Survey`]) and written then
//! ([`ParquetTable`]), in groups of rows of bounded size.

mod buffer;
mod form;
mod survey;
mod table;

pub(crate) use survey::Survey;
pub use table::ParquetTable;
