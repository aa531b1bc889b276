//! How a CSV file is written: marks, encoding, header.

use std::io::Read;

use encoding_rs::{Encoding, UTF_8};
use encoding_rs_io::DecodeReaderBytesBuilder;
use syncline_store::{ErrorKind, Result, StoreError};

use super::cells::CsvRows;

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
        Encoding::for_label_no_replacement(label.as_bytes()).ok_or_else(|| {
            let message = format!("`{label}` is no known encoding");
            StoreError::new(ErrorKind::Configuration, message)
                .with_hint("labels are those of the web, for example utf-8 or windows-1252")
        })
    }

    /// Whether text in the declared encoding is UTF-8 as it stands.
    pub(super) fn is_utf8(&self) -> Result<bool> {
        Ok(self.encoding()? == UTF_8)
    }

    /// Rows of a file, and where its text begins.
    pub(super) fn rows(&self, file: impl Read + 'static + Send) -> Result<(CsvRows, Option<u64>)> {
        let (text, begin) = self.text(file)?;
        Ok((CsvRows::new(text, (self.delimiter, self.quote)), begin))
    }

    /// The text of a file, and which of its bytes is the first of it; nothing if the text is not
    /// made of the bytes as they are. Bytes that are not of the encoding are left for whoever looks
    /// at the cells.
    pub(super) fn text(&self, file: impl Read + 'static + Send) -> Result<Text> {
        if self.is_utf8()? {
            // Only a mark of another encoding is heeded: text is passed on as it is, so that a
            // byte that does not belong is found where it stands.
            return marked(file);
        }
        let mut decoder = DecodeReaderBytesBuilder::new();
        decoder.encoding(Some(self.encoding()?)).bom_override(true);
        Ok((Box::new(decoder.build(file)), None))
    }

    /// What cuts rows that come one by one, in UTF-8.
    pub(super) fn rows_alone(&self) -> CsvRows {
        CsvRows::new(std::io::empty(), (self.delimiter, self.quote))
    }
}

/// A text, and where it begins in its file.
type Text = (Box<dyn Read + Send>, Option<u64>);

/// The text behind a byte-order mark, and where it begins if it is not decoded, as that of UTF-16
/// is.
fn marked(mut file: impl Read + Send + 'static) -> Result<Text> {
    let mut beginning = Vec::new();
    file.by_ref().take(3).read_to_end(&mut beginning)?;
    let rest = match beginning.as_slice() {
        [0xef, 0xbb, 0xbf] => Vec::new(),
        _ => beginning.clone(),
    };
    let begin = (beginning.len() - rest.len()) as u64;
    let whole = std::io::Cursor::new(rest).chain(file);
    Ok(match beginning.as_slice() {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            let mut decoder = DecodeReaderBytesBuilder::new();
            let decoder = decoder.encoding(None).bom_sniffing(true).build(whole);
            (Box::new(decoder), None)
        }
        _ => (Box::new(whole), Some(begin)),
    })
}
