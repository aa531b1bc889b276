//! One file while it is written.

use std::borrow::Cow;
use std::ffi::OsString;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use fs_err::File;
use syncline_store::{ErrorKind, Result, StoreError};

use super::FileFormat;
use super::table::Table;
use crate::Column;

/// How much is written at once.
const BUFFER_BYTES: usize = 256 << 10;

/// A file beside the one it is to replace.
#[derive(Debug)]
pub(super) struct Part {
    path: PathBuf,
    beside: PathBuf,
    writer: BufWriter<File>,
    /// What is known so far of the table that the file becomes, if it does.
    table: Option<Table>,
    completed: bool,
}

impl Part {
    /// Begins the part of a file. What a killed run left there is overwritten; what another run
    /// is writing is not.
    pub(super) fn begin(
        path: &Path,
        format: FileFormat,
        declared: impl Iterator<Item = Column>,
    ) -> Result<Self> {
        let beside = with_ending(path, ".part");
        let file = create(&beside)?;
        Ok(Self {
            path: path.to_owned(),
            beside,
            writer: BufWriter::with_capacity(BUFFER_BYTES, file),
            table: Table::begin(format, declared),
            completed: false,
        })
    }

    /// Adds payloads, one per line; how many had to be written without their line breaks.
    pub(super) fn add(&mut self, payloads: &[Bytes]) -> Result<u64> {
        let mut compacted = 0;
        for payload in payloads {
            let line = one_line(payload);
            compacted += u64::from(matches!(line, Cow::Owned(_)));
            if let Some(table) = &mut self.table {
                table.note(&line)?;
            }
            self.writer.write_all(&line)?;
            self.writer.write_all(b"\n")?;
        }
        Ok(compacted)
    }

    /// Puts the file into its place; what a person should know of it.
    pub(super) fn complete(&mut self) -> Result<Vec<String>> {
        self.writer.flush()?;
        let mut notes = vec![];
        match self.table.take() {
            None => {
                self.writer.get_ref().sync_data()?;
                fs_err::rename(&self.beside, &self.path)?;
            }
            Some(table) => {
                let path = with_ending(&self.path, ".table.part");
                let mut writer = BufWriter::with_capacity(BUFFER_BYTES, create(&path)?);
                notes = table.write(File::open(&self.beside)?, &mut writer)?;
                writer.flush()?;
                writer.get_ref().sync_data()?;
                fs_err::rename(&path, &self.path)?;
                fs_err::remove_file(&self.beside)?;
            }
        }
        self.completed = true;
        Ok(notes)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.completed {
            // A part that stays behind is overwritten by the next run.
            let _stays = fs_err::remove_file(&self.beside);
        }
    }
}

/// A new file, held against other runs.
pub(crate) fn create(path: &Path) -> Result<File> {
    let mut options = fs_err::OpenOptions::new();
    let file = options
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    if let Err(std::fs::TryLockError::WouldBlock) = file.file().try_lock() {
        let message = format!("{} is being written by another run", path.display());
        return Err(StoreError::new(ErrorKind::Local, message));
    }
    file.set_len(0)?;
    Ok(file)
}

pub(crate) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().map(OsString::from).unwrap_or_default();
    name.push(ending);
    path.with_file_name(name)
}

/// A payload as one line: as it is, or without the whitespace between its values.
pub(crate) fn one_line(payload: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr2(b'\n', b'\r', payload).is_none() {
        return Cow::Borrowed(payload);
    }
    let mut line = Vec::with_capacity(payload.len());
    let (mut inside, mut escaped) = (false, false);
    for &byte in payload {
        if !inside && byte.is_ascii_whitespace() {
            continue;
        }
        line.push(byte);
        match byte {
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'"' => inside = !inside,
            _ => {}
        }
    }
    Cow::Owned(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_stays_as_it_is_unless_it_has_line_breaks() {
        let plain = br#"{ "a" : 1.0 , "b":"x  \" y" }"#;
        assert!(matches!(one_line(plain), Cow::Borrowed(same) if same == plain));
        let broken = b"{\n  \"a b\": \"x \\\" \\\\\", \r\n \"n\": [1.00, 2]\n}";
        assert_eq!(
            &*one_line(broken),
            b"{\"a b\":\"x \\\" \\\\\",\"n\":[1.00,2]}"
        );
    }
}
