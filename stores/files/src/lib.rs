//! Folders of files as stores. [`FilesStore`] reads JSONL: one file (or folder of files) per
//! collection, one JSON object per line. [`FilesTarget`] writes collections anew. [`TablesStore`]
//! reads CSV, JSONL and Parquet and changes them in place.
//!
//! Payloads are handed on exactly as they stand in the file, outer whitespace trimmed. A line
//! that is not a record is reported with its place and never stops the reading. A file that
//! changes while it is read yields no complete coverage. This crate knows no protocol and no
//! target.

mod columns;
mod discover;
mod lines;
mod packed;
#[cfg(feature = "parquet")]
mod parquet;
mod reader;
mod rejects;
mod store;
mod tables;
mod target;

pub use columns::{Column, ColumnKind};
pub use discover::{DataFile, DataFiles, LineKind, Packing, discover};
#[cfg(feature = "parquet")]
pub use parquet::{ParquetTable, write_parquet};
pub use store::FilesStore;
pub use tables::{Dialect, Formulas, TableFormat, TableSettings, TablesStore};
pub use target::{FileFormat, FilesTarget, KeyFilter};
