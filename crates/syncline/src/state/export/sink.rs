//! Lines of an export in the format that was asked for.

use std::io::{BufWriter, Write};

use serde::Serialize;
#[cfg(feature = "parquet")]
use syncline_store_files::{Column, ColumnKind, ParquetTable};

use crate::Failure;

/// The format of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// Comma-separated values under a heading.
    Csv,
    /// One JSON object per line.
    Jsonl,
    /// A table with typed columns; not in every build.
    Parquet,
}

impl ExportFormat {
    /// Whether this build can write it.
    pub const fn is_in_build(self) -> bool {
        !matches!(self, Self::Parquet) || cfg!(feature = "parquet")
    }
}

/// A line of the table.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    pub(super) target: &'a str,
    pub(super) flow: &'a str,
    pub(super) collection: &'a str,
    pub(super) key_digest: String,
    pub(super) digest: String,
    pub(super) status: u16,
    pub(super) outcome: String,
    pub(super) at: String,
    pub(super) handle: Option<&'a str>,
}

const HEADING: &str = "target,flow,collection,key_digest,digest,status,outcome,at,handle\n";

/// Where lines go.
pub(super) enum Sink<W: Write + Send> {
    Csv(BufWriter<W>),
    Jsonl(BufWriter<W>),
    #[cfg(feature = "parquet")]
    Parquet(Box<ParquetTable<BufWriter<W>>>),
}

impl<W: Write + Send> Sink<W> {
    /// Begins a file.
    pub(super) fn begin(format: ExportFormat, out: W) -> Result<Self, Failure> {
        let mut out = BufWriter::new(out);
        match format {
            ExportFormat::Csv => {
                out.write_all(HEADING.as_bytes())?;
                Ok(Self::Csv(out))
            }
            ExportFormat::Jsonl => Ok(Self::Jsonl(out)),
            #[cfg(feature = "parquet")]
            ExportFormat::Parquet => {
                let table = ParquetTable::new(out, &columns())?;
                Ok(Self::Parquet(Box::new(table)))
            }
            #[cfg(not(feature = "parquet"))]
            ExportFormat::Parquet => Err(Failure::configuration(
                "--format parquet is not in this build",
            )),
        }
    }

    pub(super) fn write(&mut self, line: &Line<'_>) -> Result<(), Failure> {
        match self {
            Self::Csv(out) => write_csv(line, out)?,
            Self::Jsonl(out) => {
                serde_json::to_writer(&mut *out, line).map_err(std::io::Error::from)?;
                out.write_all(b"\n")?;
            }
            #[cfg(feature = "parquet")]
            Self::Parquet(table) => {
                table.add(&serde_json::to_vec(line).map_err(std::io::Error::from)?)?;
            }
        }
        Ok(())
    }

    /// Makes the file whole.
    pub(super) fn end(self) -> Result<(), Failure> {
        match self {
            Self::Csv(mut out) | Self::Jsonl(mut out) => out.flush()?,
            #[cfg(feature = "parquet")]
            Self::Parquet(table) => table.end()?,
        }
        Ok(())
    }
}

/// The columns of the heading, with their types.
#[cfg(feature = "parquet")]
fn columns() -> Vec<Column> {
    let names = HEADING.trim_end().split(',');
    let kind = |name| match name {
        "status" => ColumnKind::Integer,
        "at" => ColumnKind::Timestamp,
        _ => ColumnKind::Text,
    };
    names.map(|name| Column::new(name, kind(name))).collect()
}

fn write_csv(line: &Line<'_>, writer: &mut impl Write) -> std::io::Result<()> {
    let status = line.status.to_string();
    let cells = [
        line.target,
        line.flow,
        line.collection,
        &line.key_digest,
        &line.digest,
        &status,
        &line.outcome,
        &line.at,
        line.handle.unwrap_or(""),
    ];
    let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
    writeln!(writer, "{}", cells.join(","))
}

/// A cell, in quotes where it needs them.
fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_need_it() {
        assert_eq!(
            quoted("https://api.example/2026"),
            "https://api.example/2026"
        );
        assert_eq!(quoted("CN=Ada, \"A\""), "\"CN=Ada, \"\"A\"\"\"");
        assert_eq!(quoted("two\nlines"), "\"two\nlines\"");
    }
}
