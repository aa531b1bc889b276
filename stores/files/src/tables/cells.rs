//! The rows of a CSV file, cut into cells.
//!
//! A row without quotes is cut at its delimiters, as most are; any other is left to `csv_core`.
//! Both read the same bytes, of which a buffer holds a part: a row may be longer than it.
//!
//! What always holds: the place of a row is where its first byte is, and lines are counted as
//! editors do, whether they end in `\n` or `\r\n`; empty ones are no rows.

use std::io::{self, Read};

use csv_core::ReadRecordResult;
use memchr::{memchr, memchr_iter, memchr2};
use syncline_model::is_plain;

/// How much of a file is read at once.
const BUFFER_BYTES: usize = 256 << 10;
/// Room for a row at first.
const ROW_BYTES: usize = 1 << 10;

/// What stands behind the last row as a row of its own, so that a quote that nobody closed is
/// seen: it would take this in. No text of any encoding has these bytes.
const END: &[u8] = b"\n\xff\xfe\xfd\xff";

/// The cells of a row.
#[derive(Debug, Default)]
pub(super) struct Cells {
    text: Vec<u8>,
    /// Where each cell ends.
    ends: Vec<usize>,
    /// How many bytes stand between two of them.
    gap: usize,
    /// Whether all of it is ASCII that stands in JSON as it is.
    is_plain: bool,
}

impl Cells {
    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes of all of them.
    pub(super) const fn length(&self) -> usize {
        self.text.len()
    }

    /// Whether each is ASCII that stands in JSON as it is.
    pub(super) const fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// The cells, in their order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut begin = 0;
        self.ends.iter().map(move |end| {
            let cell = self.text.get(begin..*end).unwrap_or_default();
            begin = end + self.gap;
            cell
        })
    }

    /// Cuts a row without quotes.
    fn cut(&mut self, row: &[u8], delimiter: u8) {
        self.text.clear();
        self.text.extend_from_slice(row);
        self.ends.clear();
        self.ends.extend(memchr_iter(delimiter, row));
        self.ends.push(row.len());
        self.gap = 1;
        self.is_plain = is_plain(row);
    }

    /// The last cell.
    fn last(&self) -> &[u8] {
        self.iter().last().unwrap_or_default()
    }
}

/// Where a row is.
#[derive(Clone, Copy, Debug)]
pub(super) struct CsvRow {
    /// Line of its first byte, counted from 1.
    pub(super) line: u64,
    /// Its first byte, counted from the beginning of the text.
    pub(super) offset: u64,
    /// Its bytes, without the end of its line.
    pub(super) length: u64,
    /// Whether a quote in it is open at the end of the file, so that it takes in all behind it.
    pub(super) is_open: bool,
}

/// The rows of a file.
pub(super) struct CsvRows {
    source: Box<dyn Read + Send>,
    core: csv_core::Reader,
    delimiter: u8,
    quote: u8,
    buffer: Vec<u8>,
    /// What of the buffer is not read yet.
    at: usize,
    filled: usize,
    /// Up to where in the buffer there is no end of a line from there on.
    unbroken: usize,
    /// Where the row to come is.
    offset: u64,
    line: u64,
}

impl CsvRows {
    /// The rows of a text.
    pub(super) fn new(source: impl Read + Send + 'static, marks: (u8, u8)) -> Self {
        Self::buffered(source, marks, BUFFER_BYTES)
    }

    fn buffered(
        source: impl Read + Send + 'static,
        (delimiter, quote): (u8, u8),
        room: usize,
    ) -> Self {
        let mut core = csv_core::ReaderBuilder::new()
            .delimiter(delimiter)
            .quote(quote)
            .build();
        keep_marks(&mut core);
        Self {
            source: Box::new(source.chain(END)),
            core,
            delimiter,
            quote,
            buffer: vec![0; room],
            at: 0,
            filled: 0,
            unbroken: 0,
            offset: 0,
            line: 1,
        }
    }

    /// One row, given by its text.
    pub(super) fn of_row(&mut self, text: &[u8], cells: &mut Cells) -> io::Result<Option<CsvRow>> {
        self.core.reset();
        keep_marks(&mut self.core);
        self.source = Box::new(io::empty());
        self.buffer.clear();
        self.buffer.extend_from_slice(text);
        self.buffer.push(b'\n');
        (self.at, self.filled, self.unbroken) = (0, self.buffer.len(), 0);
        (self.offset, self.line) = (0, 1);
        self.next(cells)
    }

    /// The next row, whose cells are put into `cells`.
    pub(super) fn next(&mut self, cells: &mut Cells) -> io::Result<Option<CsvRow>> {
        if !self.skip_empty()? {
            return Ok(None);
        }
        let (line, offset) = (self.line, self.offset);
        let mut row = CsvRow {
            line,
            offset,
            length: 0,
            is_open: false,
        };
        if let Some(end) = self.line_end()? {
            let whole = self.buffer.get(self.at..end).unwrap_or_default();
            let text = whole.strip_suffix(b"\r").unwrap_or(whole);
            if memchr2(self.quote, b'\r', text).is_none() {
                cells.cut(text, self.delimiter);
                row.length = text.len() as u64;
                self.step(end + 1 - self.at);
                self.line += 1;
                return Ok(Some(row));
            }
        }
        self.parse(cells)?;
        let last = cells.last();
        if cells.len() == 1 && last == END.strip_prefix(b"\n").unwrap_or(END) {
            return Ok(None);
        }
        row.is_open = last.ends_with(END);
        if row.is_open {
            cells.text.truncate(cells.text.len() - END.len());
            if let Some(end) = cells.ends.last_mut() {
                *end = cells.text.len();
            }
        }
        // The end of its line was read with it.
        row.length = self.offset - offset - 1;
        Ok(Some(row))
    }

    /// Steps over ends of lines; whether anything is behind them.
    fn skip_empty(&mut self) -> io::Result<bool> {
        loop {
            if self.at == self.filled && !self.fill()? {
                return Ok(false);
            }
            match self.buffer.get(self.at) {
                Some(b'\n') => self.line += 1,
                Some(b'\r') => {}
                _ => return Ok(true),
            }
            self.step(1);
        }
    }

    /// The end of the line to come, if the buffer can hold all of it.
    fn line_end(&mut self) -> io::Result<Option<usize>> {
        loop {
            let from = self.at.max(self.unbroken);
            let rest = self.buffer.get(from..self.filled).unwrap_or_default();
            if let Some(length) = memchr(b'\n', rest) {
                return Ok(Some(from + length));
            }
            self.unbroken = self.filled;
            let is_full = self.filled - self.at > self.buffer.len() / 2;
            if is_full || !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// Reads a row of any kind.
    fn parse(&mut self, cells: &mut Cells) -> io::Result<()> {
        (cells.gap, cells.is_plain) = (0, false);
        cells.text.resize(cells.text.capacity().max(ROW_BYTES), 0);
        cells.ends.resize(cells.ends.capacity().max(64), 0);
        let (mut text, mut ends) = (0, 0);
        loop {
            let input = self.buffer.get(self.at..self.filled).unwrap_or_default();
            let room = cells.text.get_mut(text..).unwrap_or_default();
            let places = cells.ends.get_mut(ends..).unwrap_or_default();
            let (result, read, written, ended) = self.core.read_record(input, room, places);
            let lines = memchr_iter(b'\n', input.get(..read).unwrap_or_default());
            self.line += lines.count() as u64;
            self.step(read);
            text += written;
            ends += ended;
            match result {
                // Without more to read, it is told so by having nothing.
                ReadRecordResult::InputEmpty => {
                    self.fill()?;
                }
                ReadRecordResult::OutputFull => cells.text.resize(2 * cells.text.len(), 0),
                ReadRecordResult::OutputEndsFull => cells.ends.resize(2 * cells.ends.len(), 0),
                ReadRecordResult::Record | ReadRecordResult::End => break,
            }
        }
        cells.text.truncate(text);
        cells.ends.truncate(ends);
        Ok(())
    }

    fn step(&mut self, bytes: usize) {
        self.at += bytes;
        self.offset += bytes as u64;
    }

    /// Reads on; whether there was more.
    fn fill(&mut self) -> io::Result<bool> {
        if self.at > 0 {
            self.buffer.copy_within(self.at..self.filled, 0);
        }
        self.unbroken = self.unbroken.saturating_sub(self.at);
        self.filled -= self.at;
        self.at = 0;
        let room = self.buffer.get_mut(self.filled..).unwrap_or_default();
        let more = loop {
            match self.source.read(room) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        self.filled += more;
        Ok(more > 0)
    }
}

/// Has a core take nothing off the first row that it reads: it would take U+FEFF for the mark of a
/// file, and that is off already. The end of a line is no row.
fn keep_marks(core: &mut csv_core::Reader) {
    core.read_record(b"\n", &mut [0], &mut [0]);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A source that hands on few bytes at a time.
    struct Slow(io::Cursor<Vec<u8>>, usize);

    impl Read for Slow {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            let length = room.len().min(self.1);
            self.0.read(&mut room[..length])
        }
    }

    fn read(text: &[u8], (at_once, room): (usize, usize)) -> Vec<(CsvRow, Vec<Vec<u8>>)> {
        let slow = Slow(io::Cursor::new(text.to_vec()), at_once);
        let mut rows = CsvRows::buffered(slow, (b',', b'"'), room);
        let mut cells = Cells::default();
        let mut found = Vec::new();
        while let Some(row) = rows.next(&mut cells).unwrap() {
            assert!(!cells.is_plain() || cells.iter().all(is_plain));
            found.push((row, cells.iter().map(<[u8]>::to_vec).collect()));
        }
        found
    }

    /// The rows are those that the `csv` crate reads, each is where it says, on the line it says,
    /// and the same by itself.
    #[track_caller]
    fn check(text: &str) {
        let mut expected = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        let expected: Vec<Vec<Vec<u8>>> = expected
            .byte_records()
            .map(|row| row.unwrap().iter().map(<[u8]>::to_vec).collect())
            .collect();
        let mut alone = CsvRows::new(io::empty(), (b',', b'"'));
        for sizes in [(1, 8), (7, 16), (usize::MAX, 8), (usize::MAX, 64)] {
            let found = read(text.as_bytes(), sizes);
            let cells: Vec<_> = found.iter().map(|(_, cells)| cells.clone()).collect();
            assert_eq!(cells, expected, "{text:?}");
            for (row, cells) in found {
                let from = usize::try_from(row.offset).unwrap();
                let to = from + usize::try_from(row.length).unwrap();
                let lines = memchr_iter(b'\n', &text.as_bytes()[..from]).count();
                assert_eq!(usize::try_from(row.line), Ok(1 + lines));
                let again = read(&text.as_bytes()[from..to], sizes);
                assert_eq!(again.len(), 1, "{text:?}, {from} to {to}");
                assert_eq!(again[0].1, cells);
                let mut found = Cells::default();
                let place = alone.of_row(&text.as_bytes()[from..to], &mut found);
                assert_eq!(place.unwrap().map(|one| one.length), Some(row.length));
                assert!(found.iter().eq(cells.iter()), "{text:?}, {from} to {to}");
                assert!(!row.is_open);
            }
        }
    }

    #[test]
    fn rows_are_cut_as_others_cut_them() {
        let texts = [
            "",
            "\n\n",
            "a,b\nc,d\n",
            "a,b\nc,d",
            "a,b\r\nc,d\r\n\r\n\n,\r\ne",
            "a,b\rc,d\r\re",
            ",\n,,\na\n",
            "a,\"b,\n\"\"c\"\"\"\r\nd,e\n\"f\"\n\"\"\ng",
            "a,b\"c\"\nd,\"e\"f,g\n",
            "a,\"b\"",
            "\"id\",\"name\"\n\"1\",\"a\"\n\u{feff}\"2\",\"b\"\n\"3\",\"c\"\n",
            "id,name\n1,a\n\u{feff}\"2\",\"b\"\n\u{feff}\"3\",\"c\"\n\u{feff}4,\"d\"\r\n",
            "Zo\u{eb},\u{1},x\ty\nb\u{2028},c\n",
        ];
        for text in texts {
            check(text);
        }
        let long = "x".repeat(3 * ROW_BYTES);
        check(&format!("a,b\n{long},c\nd,\"{long}\ne\",f\ng,h\n"));
        check(&"a,b\r".repeat(50));
        check(&"abc,d,\"e\"\nfg,h\r\n".repeat(50));
        check(&format!("{}\n1,\"2\"\n", "a,".repeat(500)));
    }

    #[test]
    fn a_quote_that_nobody_closed_is_told() {
        for text in ["a,b\n\"c,d\ne,f\n", "a,b\nc,\"d", "a,b\n\"c\"\"\n"] {
            let found = read(text.as_bytes(), (3, 16));
            assert_eq!(found.len(), 2, "{text}");
            assert!(!found[0].0.is_open && found[1].0.is_open);
            assert!(!found[1].1.concat().contains(&0xff));
            assert_eq!(found[1].0.line, 2);
        }
    }
}
