//! Files of records: written once from start to end, or passed through line by line.

use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;

use fs_err::File;
use serde_json::Value;

use super::GenerateError;
use super::manifest::WrittenFile;

/// A collection's file while it is written.
pub(super) struct Writer {
    out: BufWriter<File>,
    written: WrittenFile,
}

impl Writer {
    pub(super) fn create(dir: &Path, collection: &str) -> Result<Self, GenerateError> {
        let file = format!("{collection}.jsonl");
        let out = BufWriter::with_capacity(1 << 16, File::create(dir.join(&file))?);
        let collection = collection.to_owned();
        Ok(Self {
            out,
            written: WrittenFile {
                file,
                collection,
                lines: 0,
            },
        })
    }

    pub(super) fn record(&mut self, record: &Value) -> Result<(), GenerateError> {
        serde_json::to_writer(&mut self.out, record)?;
        self.out.write_all(b"\n")?;
        self.written.lines += 1;
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<WrittenFile, GenerateError> {
        self.out.flush()?;
        Ok(self.written)
    }
}

/// Replaces a file by what becomes of its lines, all at once: `change` gets each line with its
/// one-based number and answers with what stands there afterwards, `last` is added at the end.
pub(super) fn rewrite(
    path: &Path,
    mut change: impl FnMut(u64, String) -> Result<String, GenerateError>,
    last: impl FnOnce() -> Vec<String>,
) -> Result<(), GenerateError> {
    let partial = path.with_extension("partial");
    let mut out = BufWriter::new(File::create(&partial)?);
    for (number, line) in (1..).zip(BufReader::new(File::open(path)?).lines()) {
        writeln!(out, "{}", change(number, line?)?)?;
    }
    for line in last() {
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    drop(out);
    Ok(fs_err::rename(&partial, path)?)
}

/// How many lines a file has.
pub(super) fn count_lines(path: &Path) -> Result<u64, GenerateError> {
    let mut count = 0;
    for line in BufReader::new(File::open(path)?).split(b'\n') {
        line?;
        count += 1;
    }
    Ok(count)
}
