//! How a CSV file is written: marks, encoding, header.

use std::io::Read;

use csv::ByteRecord;
use encoding_rs::{Encoding, UTF_8};
use encoding_rs_io::DecodeReaderBytesBuilder;
use syncline_store::{ErrorKind, Result, StoreError};

/// How much of a file is read at once.
const BUFFER_BYTES: usize = 128 << 10;

/// How a CSV file is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// Between cells.
    pub delimiter: u8,
    /// Around cells that hold a delimiter, a quote or a line end; doubled inside.
    pub quote: u8,
    /// The label of the encoding, as the web knows it; UTF-8 if there is none, or what a
    /// byte-order mark says.
    pub encoding: Option<String>,
    /// The names of the columns, where the file has no header.
    pub columns: Option<Vec<String>>,
    /// What becomes of text that a spreadsheet would run.
    pub formulas: Formulas,
}

/// What becomes of text that a spreadsheet would take for a formula when it opens the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Formulas {
    /// It is written as it is: what is read back is what was written.
    #[default]
    Keep,
    /// The record is refused.
    Refuse,
}

impl Formulas {
    /// Whether text is not to be written. Numbers with a sign are no formulas.
    pub(super) fn refuse(self, text: &str) -> bool {
        let begins = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
        self == Self::Refuse && begins && text.parse::<f64>().is_err()
    }
}

impl Default for Dialect {
    fn default() -> Self {
        Self {
            delimiter: b',',
            quote: b'"',
            encoding: None,
            columns: None,
            formulas: Formulas::Keep,
        }
    }
}

impl Dialect {
    /// The declared encoding; UTF-8 where nothing is declared.
    pub(super) fn encoding(&self) -> Result<&'static Encoding> {
        let Some(label) = &self.encoding else {
            return Ok(UTF_8);
        };
        Encoding::for_label(label.as_bytes()).ok_or_else(|| {
            let message = format!("`{label}` is no known encoding");
            StoreError::new(ErrorKind::Configuration, message)
                .with_hint("labels are those of the web, for example utf-8 or windows-1252")
        })
    }

    /// Whether text in the declared encoding is UTF-8 as it stands.
    pub(super) fn is_utf8(&self) -> Result<bool> {
        Ok(self.encoding()? == UTF_8)
    }

    /// Rows of a file; bytes that are not of the encoding are left for whoever looks at the cells.
    pub(super) fn reader(&self, file: impl Read + 'static + Send) -> Result<CsvReader> {
        let file: Box<dyn Read + Send> = if self.is_utf8()? {
            // Only a mark of another encoding is heeded: text is passed on as it is, so that a
            // byte that does not belong is found where it stands.
            marked(file)?
        } else {
            let mut decoder = DecodeReaderBytesBuilder::new();
            decoder.encoding(Some(self.encoding()?)).bom_override(true);
            Box::new(decoder.build(file))
        };
        Ok(csv::ReaderBuilder::new()
            .delimiter(self.delimiter)
            .quote(self.quote)
            .flexible(true)
            .has_headers(false)
            .buffer_capacity(BUFFER_BYTES)
            .from_reader(Box::new(file.chain(END))))
    }
}

/// What stands behind the last row as a row of its own, so that a quote that nobody closed is seen: it
/// would take this in. No text of any encoding has these bytes.
const END: &[u8] = b"\n\xff\xfe\xfd\xff";

/// Where a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// In the file.
    Within,
    /// Behind it.
    Behind,
    /// In the file, and a quote in it is open at its end.
    Open,
}

impl Standing {
    /// Where a row is; what does not belong to it is taken out of it.
    pub(super) fn of(cells: &mut ByteRecord) -> Self {
        let end = END.strip_prefix(b"\n").unwrap_or(END);
        let last = cells.iter().next_back().unwrap_or_default();
        if cells.len() == 1 && last == end {
            return Self::Behind;
        }
        let Some(own) = last.strip_suffix(END).map(<[u8]>::to_vec) else {
            return Self::Within;
        };
        cells.truncate(cells.len() - 1);
        cells.push_field(&own);
        Self::Open
    }
}

/// A reader of rows.
pub(super) type CsvReader = csv::Reader<Box<dyn Read + Send>>;

/// The text behind a byte-order mark; that of UTF-16 is decoded.
fn marked(mut file: impl Read + Send + 'static) -> Result<Box<dyn Read + Send>> {
    let mut beginning = Vec::new();
    file.by_ref().take(3).read_to_end(&mut beginning)?;
    let rest = match beginning.as_slice() {
        [0xef, 0xbb, 0xbf] => Vec::new(),
        _ => beginning.clone(),
    };
    let whole = std::io::Cursor::new(rest).chain(file);
    Ok(match beginning.as_slice() {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            let mut decoder = DecodeReaderBytesBuilder::new();
            Box::new(decoder.encoding(None).bom_sniffing(true).build(whole))
        }
        _ => Box::new(whole),
    })
}
