//! Everything that is known, as a table in a file.

mod sink;

use std::io::Write;
use std::path::Path;

use syncline_ledger::{Known, LedgerView};
use syncline_model::Handle;

use super::{Chosen, Part, chosen, row, view};
use crate::{Config, Failure};
pub use sink::ExportFormat;
use sink::{Line, Sink};

/// Rows read at once.
const PAGE: u32 = 4_096;

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
    let mut sink = Sink::begin(format, &beside)?;
    let mut rows = 0;
    for chosen in &chosen {
        rows += write_scope(&view, chosen, &mut sink)?;
    }
    sink.end()?;
    beside
        .persist_noclobber(out)
        .map_err(|error| std::io::Error::other(format!("{}: {}", out.display(), error.error)))?;
    Ok(rows)
}

fn write_scope<W: Write + Send>(
    view: &LedgerView,
    chosen: &Chosen,
    sink: &mut Sink<W>,
) -> Result<u64, Failure> {
    let mut rows = 0;
    for name in chosen.names() {
        let mut after = None;
        loop {
            let page = view.page(chosen.scope, name, after.as_ref(), PAGE)?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.key);
            for (known, handle) in &page {
                sink.write(&line(chosen, name.as_str(), (known, handle.as_ref())))?;
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
