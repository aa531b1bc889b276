//! What a file has besides its records: an encoding, a byte-order mark, and the ends of its lines.
//!
//! Other programs go by these, so a file that is written again keeps them. Of records nothing is
//! known here. What always holds: text that would not be read back as it was is not written.

use std::io::{self, BufRead as _, BufReader, BufWriter, Read as _, Write};

use csv::Terminator;
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use fs_err::File;
use syncline_store::{ErrorKind, Result, StoreError};

use super::cells::Cells;
use super::table::{Table, TableFormat};
use crate::lines::LINE_BYTES_MAX;

/// What a file has besides its records.
#[derive(Clone, Debug)]
pub(super) struct Surface {
    encoding: &'static Encoding,
    /// Its byte-order mark; nothing if it has none.
    mark: Vec<u8>,
    line_end: &'static [u8],
    /// Whether its text is made of other bytes than it has.
    is_decoded: bool,
}

impl Default for Surface {
    fn default() -> Self {
        Self {
            encoding: UTF_8,
            mark: vec![],
            line_end: b"\n",
            is_decoded: false,
        }
    }
}

impl Surface {
    /// That of a file. One that is not there is as declared, and has no mark.
    pub(super) fn of(table: &Table) -> Result<Self> {
        let declared = match table.format {
            TableFormat::Csv => table.dialect.encoding()?,
            TableFormat::Jsonl | TableFormat::Parquet => UTF_8,
        };
        if table.format == TableFormat::Parquet || !table.path.is_file() {
            return Ok(Self::marked(declared, b""));
        }
        let mut beginning = Vec::new();
        File::open(&table.path)?
            .take(3)
            .read_to_end(&mut beginning)?;
        let mut surface = Self::marked(declared, &beginning);
        if table.format == TableFormat::Jsonl && surface.encoding != UTF_8 {
            return Err(no_lines(table, surface.encoding));
        }
        if first_line_end(table)? == b"\r\n" {
            surface.line_end = b"\r\n";
        }
        Ok(surface)
    }

    /// That of a file that begins so, as far as its mark says.
    pub(super) fn marked(declared: &'static Encoding, beginning: &[u8]) -> Self {
        let (encoding, length) = Encoding::for_bom(beginning).unwrap_or((declared, 0));
        Self {
            encoding,
            mark: beginning.get(..length).unwrap_or_default().to_vec(),
            is_decoded: declared != UTF_8 || encoding != UTF_8,
            ..Self::default()
        }
    }

    /// The encoding of the file: what its mark says, or else what is declared.
    pub(super) const fn encoding(&self) -> &'static Encoding {
        self.encoding
    }

    /// What stands behind each line.
    pub(super) const fn line_end(&self) -> &'static [u8] {
        self.line_end
    }

    pub(super) fn terminator(&self) -> Terminator {
        match self.line_end {
            b"\r\n" => Terminator::CRLF,
            _ => Terminator::Any(b'\n'),
        }
    }

    /// Whether a text is read back as it was.
    pub(super) fn gives_back(&self, text: &str) -> bool {
        self.encoding == UTF_8 || text.is_ascii() || encoded(self.encoding, text).is_some()
    }

    /// Whether text that was read can be written as it stood in the file. Where text is decoded, a
    /// sign of its own stands for bytes that are none.
    pub(super) fn keeps<'text>(&self, texts: impl IntoIterator<Item = &'text [u8]>) -> bool {
        let keeps = |text: &[u8]| {
            let text = String::from_utf8_lossy(text);
            !text.contains(char::REPLACEMENT_CHARACTER) && self.gives_back(&text)
        };
        !self.is_decoded || texts.into_iter().all(keeps)
    }

    /// Begins a file.
    pub(super) fn begin(&self, mut writer: BufWriter<File>) -> io::Result<Encoder> {
        writer.write_all(&self.mark)?;
        Ok(Encoder {
            encoding: self.encoding,
            cut: vec![],
            writer,
        })
    }
}

/// How the first line of a file ends, as far as it can be told.
fn first_line_end(table: &Table) -> Result<Vec<u8>> {
    let mut end = Vec::new();
    if table.format == TableFormat::Jsonl {
        let line = BufReader::new(File::open(&table.path)?);
        line.take(LINE_BYTES_MAX as u64)
            .read_until(b'\n', &mut end)?;
        return Ok(end.split_off(end.len().saturating_sub(2)));
    }
    let (mut rows, _) = table.dialect.rows(File::open(&table.path)?)?;
    if let Some(row) = rows.next(&mut Cells::default())? {
        let (mut text, _) = table.dialect.text(File::open(&table.path)?)?;
        let row = text.by_ref().take(row.offset + row.length);
        io::copy(&mut { row }, &mut io::sink())?;
        text.take(2).read_to_end(&mut end)?;
    }
    Ok(end)
}

fn no_lines(table: &Table, encoding: &'static Encoding) -> StoreError {
    let (path, name) = (table.path.display(), encoding.name());
    let message = format!("{path} is in {name}, and lines of JSON are UTF-8");
    StoreError::new(ErrorKind::InvalidData, message)
        .with_hint("convert the file to utf-8; nothing of it was changed")
}

/// A text in an encoding, if that has all of its letters.
fn encoded(encoding: &'static Encoding, text: &str) -> Option<Vec<u8>> {
    // The crate reads UTF-16 and writes UTF-8 instead, as browsers do.
    if encoding == UTF_16LE {
        return Some(text.encode_utf16().flat_map(u16::to_le_bytes).collect());
    }
    if encoding == UTF_16BE {
        return Some(text.encode_utf16().flat_map(u16::to_be_bytes).collect());
    }
    let (bytes, _, is_lossy) = encoding.encode(text);
    (!is_lossy).then(|| bytes.into_owned())
}

/// Writes text, which comes in UTF-8, in the encoding of a file.
pub(super) struct Encoder {
    encoding: &'static Encoding,
    /// The beginning of a letter: whole buffers are handed over, which may end within one.
    cut: Vec<u8>,
    writer: BufWriter<File>,
}

impl Encoder {
    /// What is written to, once all of the text was handed over.
    pub(super) fn into_inner(self) -> io::Result<BufWriter<File>> {
        if self.cut.is_empty() {
            return Ok(self.writer);
        }
        Err(no_text("the text ends within a letter"))
    }
}

impl Write for Encoder {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.encoding == UTF_8 {
            self.writer.write_all(bytes)?;
            return Ok(bytes.len());
        }
        self.cut.extend_from_slice(bytes);
        let (text, rest) = match std::str::from_utf8(&self.cut) {
            Ok(text) => (text, vec![]),
            Err(error) if error.error_len().is_none() => {
                let (whole, rest) = self.cut.split_at(error.valid_up_to());
                let whole = std::str::from_utf8(whole).unwrap_or_default();
                (whole, rest.to_vec())
            }
            Err(_) => return Err(no_text("it is no text")),
        };
        let text = encoded(self.encoding, text)
            .ok_or_else(|| no_text("the encoding of the file does not have all of its letters"))?;
        self.writer.write_all(&text)?;
        self.cut = rest;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

fn no_text(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}
