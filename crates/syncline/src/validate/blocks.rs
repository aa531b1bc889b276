//! Cutting a file into blocks of whole lines, so that several threads can work on it at once.

use std::io::{self, Read};
use std::sync::Arc;

/// How much of a file is handed to a thread at once.
const BLOCK_BYTES: usize = 1 << 20;
/// Longest line that is taken as a record, the same as where files are read to be sent.
const LINE_BYTES_MAX: usize = 32 << 20;

/// Whole lines that stand together in a file.
#[derive(Debug)]
pub(crate) struct Block {
    /// Which of the file's blocks, from 0.
    pub(crate) number: u64,
    /// Line of the file at which it begins, from 1.
    first_line: u64,
    bytes: Vec<u8>,
    /// Whether this is the beginning of one line that is too long.
    too_long: bool,
}

/// A line that is not blank.
#[derive(Clone, Copy)]
pub(crate) struct Line<'a> {
    /// Counted from 1, blank lines included.
    pub(crate) number: u64,
    /// The text without outer whitespace, or its beginning if it is too long.
    pub(crate) text: &'a [u8],
    /// Whether the line is longer than a record may be.
    pub(crate) too_long: bool,
}

impl Block {
    /// The lines that are not blank.
    pub(crate) fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        let mut rest = self.bytes.as_slice();
        let mut number = self.first_line;
        std::iter::from_fn(move || {
            loop {
                if rest.is_empty() {
                    return None;
                }
                let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
                let (line, behind) = rest.split_at(end);
                rest = behind.get(1..).unwrap_or_default();
                let (text, line) = (without_mark(line, number).trim_ascii(), number);
                number += 1;
                if !text.is_empty() {
                    let too_long = self.too_long;
                    return Some(Line {
                        number: line,
                        text,
                        too_long,
                    });
                }
            }
        })
    }

    /// How many bytes it has.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// The first line of a file without its byte order mark.
fn without_mark(line: &[u8], number: u64) -> &[u8] {
    match line.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) if number == 1 => rest,
        _ => line,
    }
}

/// Reads a file block by block.
pub(crate) struct Blocks<R> {
    reader: R,
    /// The beginning of a line whose end was not read yet.
    rest: Vec<u8>,
    number: u64,
    line: u64,
    ended: bool,
}

impl<R: Read> Blocks<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self {
            reader,
            rest: Vec::new(),
            number: 0,
            line: 1,
            ended: false,
        }
    }

    /// The next block; none at the end.
    pub(crate) fn next_block(&mut self) -> io::Result<Option<Block>> {
        let mut bytes = std::mem::take(&mut self.rest);
        let mut wanted = BLOCK_BYTES;
        while !self.ended {
            self.fill(&mut bytes, wanted)?;
            if let Some(end) = memchr::memrchr(b'\n', &bytes) {
                self.rest = bytes.get(end + 1..).unwrap_or_default().to_vec();
                bytes.truncate(end + 1);
                return Ok(Some(self.block(bytes, false)));
            }
            if bytes.len() > LINE_BYTES_MAX {
                self.skip_line()?;
                bytes.truncate(BLOCK_BYTES);
                return Ok(Some(self.block(bytes, true)));
            }
            // Never so much that a line beyond the limit could come to its end.
            wanted = (bytes.len() * 2).min(LINE_BYTES_MAX + 1);
        }
        Ok((!bytes.is_empty()).then(|| self.block(bytes, false)))
    }

    /// Reads until there are as many bytes as wanted, or the end has come.
    fn fill(&mut self, bytes: &mut Vec<u8>, wanted: usize) -> io::Result<()> {
        let missing = wanted.saturating_sub(bytes.len()).max(1);
        bytes.reserve(missing);
        let missing = u64::try_from(missing).unwrap_or(u64::MAX);
        let read = self.reader.by_ref().take(missing).read_to_end(bytes)?;
        self.ended = u64::try_from(read).unwrap_or(u64::MAX) < missing;
        Ok(())
    }

    /// Goes behind the end of the line at hand and keeps what was read beyond it.
    fn skip_line(&mut self) -> io::Result<()> {
        let mut bytes = Vec::new();
        while !self.ended {
            bytes.clear();
            self.fill(&mut bytes, BLOCK_BYTES)?;
            if let Some(end) = memchr::memchr(b'\n', &bytes) {
                self.rest = bytes.get(end + 1..).unwrap_or_default().to_vec();
                break;
            }
        }
        Ok(())
    }

    fn block(&mut self, bytes: Vec<u8>, too_long: bool) -> Block {
        let ends = memchr::memchr_iter(b'\n', &bytes).count();
        let block = Block {
            number: self.number,
            first_line: self.line,
            bytes,
            too_long,
        };
        self.number += 1;
        self.line += if too_long { 1 } else { ends as u64 };
        block
    }
}

/// A file that is read: which collection's records, and how it is called.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    /// The collection its records belong to.
    pub(crate) collection: syncline_model::CollectionName,
    /// The file, as the store names it.
    pub(crate) file: Arc<str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Vec<(u64, String, bool)> {
        let mut blocks = Blocks::new(text);
        let mut found = Vec::new();
        while let Some(block) = blocks.next_block().unwrap() {
            found.extend(block.lines().map(|line| {
                let text = String::from_utf8_lossy(line.text).into_owned();
                (line.number, text, line.too_long)
            }));
        }
        found
    }

    #[test]
    fn marks_line_ends_and_blank_lines_do_not_count_as_text() {
        let text = b"\xef\xbb\xbf{\"a\":1}\r\n\n  \t\n {\"b\":2} \n{\"c\":3}";
        let expected = [(1, "{\"a\":1}"), (4, "{\"b\":2}"), (5, "{\"c\":3}")];
        assert_eq!(
            lines(text),
            expected.map(|(number, text)| (number, text.to_owned(), false))
        );
    }

    #[test]
    fn lines_are_whole_however_they_lie_in_blocks() {
        let mut text = Vec::new();
        let lengths = [1, BLOCK_BYTES - 2, BLOCK_BYTES, 3 * BLOCK_BYTES, 5, 0, 7];
        for length in lengths {
            text.extend(std::iter::repeat_n(b'x', length));
            text.push(b'\n');
        }
        let found = lines(&text);
        let seen: Vec<(u64, usize)> = found.iter().map(|(n, text, _)| (*n, text.len())).collect();
        let expected = (1..).zip(lengths).filter(|(_, length)| *length > 0);
        assert_eq!(seen, expected.collect::<Vec<_>>());
    }

    #[test]
    fn a_line_beyond_the_limit_is_passed_over_in_bounded_memory() {
        let mut text = vec![b'x'; LINE_BYTES_MAX + 3 * BLOCK_BYTES];
        text.extend_from_slice(b"\n{}\nlast");
        let found = lines(&text);
        let seen: Vec<(u64, usize, bool)> = found
            .iter()
            .map(|(number, text, too_long)| (*number, text.len(), *too_long))
            .collect();
        assert_eq!(seen, [(1, BLOCK_BYTES, true), (2, 2, false), (3, 4, false)]);
    }
}
