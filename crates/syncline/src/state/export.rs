//! Everything that is known, as a table in a file.

use std::io::{BufWriter, Write};
use std::path::Path;

use serde::Serialize;
use syncline_ledger::{Known, LedgerView};
use syncline_model::Handle;

use super::{Chosen, Part, chosen, row, view};
use crate::{Config, Failure};

/// Rows read at once.
const PAGE: u32 = 4_096;

/// The format of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// Comma-separated values under a heading.
    Csv,
    /// One JSON object per line.
    Jsonl,
}

/// A line of the table.
#[derive(Serialize)]
struct Line<'a> {
    target: &'a str,
    flow: &'a str,
    collection: &'a str,
    key_digest: String,
    digest: String,
    status: u16,
    outcome: String,
    at: String,
    handle: Option<&'a str>,
}

const HEADING: &str = "target,flow,collection,key_digest,digest,status,outcome,at,handle\n";

/// Writes everything known to a new file, which appears when it is complete and which only its
/// owner can read; how many rows. While another process sends, each row is as it was when it was
/// read.
pub fn export(
    config: &Config,
    part: &Part,
    format: ExportFormat,
    out: &Path,
) -> Result<u64, Failure> {
    if out.exists() {
        let message = format!("--out: {} is there already", out.display());
        return Err(Failure::configuration(message).with_hint("name a file that is not there yet"));
    }
    let view = view(config)?;
    let chosen = chosen(&view, part)?;
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    fs_err::create_dir_all(folder)?;
    let beside = tempfile::NamedTempFile::new_in(folder)?;
    let mut writer = BufWriter::new(beside);
    if format == ExportFormat::Csv {
        writer.write_all(HEADING.as_bytes())?;
    }
    let mut rows = 0;
    for chosen in &chosen {
        rows += write_scope(&view, chosen, format, &mut writer)?;
    }
    let beside = writer
        .into_inner()
        .map_err(std::io::IntoInnerError::into_error)?;
    beside
        .persist_noclobber(out)
        .map_err(|error| std::io::Error::other(format!("{}: {}", out.display(), error.error)))?;
    Ok(rows)
}

fn write_scope(
    view: &LedgerView,
    chosen: &Chosen,
    format: ExportFormat,
    writer: &mut impl Write,
) -> Result<u64, Failure> {
    let mut rows = 0;
    for name in chosen.names() {
        let mut after = None;
        loop {
            let page = view.page(chosen.scope, name, after.as_ref(), PAGE)?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.key);
            for (known, handle) in &page {
                let line = line(chosen, name.as_str(), (known, handle.as_ref()));
                write_line(&line, format, writer)?;
                rows += 1;
            }
        }
    }
    Ok(rows)
}

fn line<'a>(
    chosen: &'a Chosen,
    collection: &'a str,
    (known, handle): (&Known, Option<&'a Handle>),
) -> Line<'a> {
    Line {
        target: &chosen.target,
        flow: &chosen.flow,
        collection,
        key_digest: known.key.to_string(),
        digest: known.digest.to_string(),
        status: known.status,
        outcome: row::outcome(known.outcome),
        at: row::time(known.at),
        handle: handle.map(|handle| &*handle.0),
    }
}

fn write_line(
    line: &Line<'_>,
    format: ExportFormat,
    writer: &mut impl Write,
) -> std::io::Result<()> {
    match format {
        ExportFormat::Jsonl => {
            serde_json::to_writer(&mut *writer, line)?;
            writer.write_all(b"\n")
        }
        ExportFormat::Csv => {
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
    }
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
