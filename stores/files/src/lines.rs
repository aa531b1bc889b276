//! Splitting a file into lines without copying them, whatever their length.

use std::io::{self, Read};

use bytes::{Bytes, BytesMut};

/// How much is read at once.
const CHUNK_BYTES: usize = 512 << 10;
/// Longest line that is taken as a record. Web servers in front of Ed-Fi APIs accept bodies of
/// at most 30,000,000 bytes.
pub(crate) const LINE_BYTES_MAX: usize = 32 << 20;
/// How much of a line that is too long is kept for the report.
const EXCERPT_BYTES: usize = 4 << 10;

/// A line that is not blank, without its line end and outer whitespace.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Counted from 1, blank lines included.
    pub(crate) number: u64,
    /// Byte of the file at which the text begins.
    pub(crate) offset: u64,
    /// The text, or its beginning if it is too long.
    pub(crate) text: Bytes,
    /// Whether the line is longer than [`LINE_BYTES_MAX`].
    pub(crate) too_long: bool,
}

/// Lines of a reader.
pub(crate) struct Lines<R> {
    reader: R,
    buffer: BytesMut,
    /// Byte of the file at which the buffer begins.
    offset: u64,
    number: u64,
    ended: bool,
}

impl<R: Read> Lines<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self {
            reader,
            buffer: BytesMut::new(),
            offset: 0,
            number: 0,
            ended: false,
        }
    }

    /// The next line that is not blank.
    pub(crate) fn next_line(&mut self) -> io::Result<Option<Line>> {
        loop {
            let Some((start, raw, too_long)) = self.next_raw()? else {
                return Ok(None);
            };
            self.number += 1;
            let text = without_mark(&raw, start).trim_ascii();
            if text.is_empty() {
                continue;
            }
            let text = raw.slice_ref(text);
            let skipped = text.as_ptr() as usize - raw.as_ptr() as usize;
            return Ok(Some(Line {
                number: self.number,
                offset: start + skipped as u64,
                text,
                too_long,
            }));
        }
    }

    /// The next line with its place, line end excluded; nothing at the end of the file.
    fn next_raw(&mut self) -> io::Result<Option<(u64, Bytes, bool)>> {
        let mut searched = 0;
        loop {
            let rest = self.buffer.get(searched..).unwrap_or_default();
            if let Some(step) = memchr::memchr(b'\n', rest) {
                return Ok(Some(self.cut(searched + step, 1)));
            }
            searched = self.buffer.len();
            if searched > LINE_BYTES_MAX {
                return self.skip_long().map(Some);
            }
            if self.ended {
                return Ok((searched > 0).then(|| self.cut(searched, 0)));
            }
            self.fill()?;
        }
    }

    /// Takes a line off the buffer.
    fn cut(&mut self, length: usize, line_end: usize) -> (u64, Bytes, bool) {
        let start = self.offset;
        let mut taken = self.buffer.split_to(length + line_end).freeze();
        taken.truncate(length);
        self.offset += (length + line_end) as u64;
        (start, taken, false)
    }

    /// Passes over a line that is too long, keeping its beginning.
    fn skip_long(&mut self) -> io::Result<(u64, Bytes, bool)> {
        let start = self.offset;
        let excerpt = Bytes::copy_from_slice(self.buffer.get(..EXCERPT_BYTES).unwrap_or_default());
        loop {
            let end = memchr::memchr(b'\n', &self.buffer);
            let passed = end.map_or(self.buffer.len(), |end| end + 1);
            self.offset += passed as u64;
            drop(self.buffer.split_to(passed));
            if end.is_some() || self.ended {
                return Ok((start, excerpt, true));
            }
            self.fill()?;
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        let length = self.buffer.len();
        self.buffer.resize(length + CHUNK_BYTES, 0);
        let read = loop {
            match self
                .reader
                .read(self.buffer.get_mut(length..).unwrap_or_default())
            {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        self.buffer.truncate(length + read);
        self.ended = read == 0;
        Ok(())
    }
}

/// The first line of a file without its byte order mark.
fn without_mark(raw: &[u8], start: u64) -> &[u8] {
    match raw.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) if start == 0 => rest,
        _ => raw,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out its bytes in pieces of one size.
    struct Pieces<'bytes>(&'bytes [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(self.0.len()).min(buffer.len());
            let (piece, rest) = self.0.split_at(length);
            buffer[..length].copy_from_slice(piece);
            self.0 = rest;
            Ok(length)
        }
    }

    fn lines(bytes: &[u8], piece: usize) -> Vec<(u64, u64, String)> {
        let mut lines = Lines::new(Pieces(bytes, piece));
        let mut found = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            let text = String::from_utf8_lossy(&line.text).into_owned();
            assert_eq!(
                &bytes[usize::try_from(line.offset).unwrap()..][..line.text.len()],
                &line.text[..]
            );
            found.push((line.number, line.offset, text));
        }
        found
    }

    #[test]
    fn marks_line_ends_and_blank_lines_do_not_count_as_text() {
        let bytes = b"\xef\xbb\xbf{\"a\":1}\r\n\n  \t\n {\"b\":2} \n{\"c\":3}";
        for piece in [1, 2, 7, 1000] {
            assert_eq!(
                lines(bytes, piece),
                [
                    (1, 3, "{\"a\":1}".to_owned()),
                    (4, 18, "{\"b\":2}".to_owned()),
                    (5, 27, "{\"c\":3}".to_owned())
                ],
                "pieces of {piece}"
            );
        }
    }

    #[test]
    fn a_line_beyond_the_limit_is_passed_over_in_bounded_memory() {
        let mut bytes = vec![b'x'; LINE_BYTES_MAX + 3 * CHUNK_BYTES];
        bytes.extend_from_slice(b"\n{\"a\":1}\n");
        let mut lines = Lines::new(Pieces(&bytes, CHUNK_BYTES));
        let long = lines.next_line().unwrap().unwrap();
        assert!(long.too_long && long.text.len() == EXCERPT_BYTES && long.number == 1);
        let next = lines.next_line().unwrap().unwrap();
        assert_eq!(
            (next.number, &next.text[..], next.too_long),
            (2, &b"{\"a\":1}"[..], false)
        );
        assert!(lines.next_line().unwrap().is_none());
    }
}
