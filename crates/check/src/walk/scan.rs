//! The grammar of JSON over bytes that are known to be UTF-8.
//!
//! The scanner moves over values and knows nothing of schemas. Text is looked through eight bytes
//! at a time.

use std::borrow::Cow;

use super::identity::Span;
use crate::finding::Kind;

/// Why bytes are not JSON. As wide as what it stands beside in results, which are moved in whole
/// words then: a byte among them costs a seventh of the speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Reason {
    Encoding,
    TooLong,
    TooDeep,
    CutOff,
    Value,
    MemberName,
    Colon,
    ObjectEnd,
    ListEnd,
    Number,
    LeadingZero,
    Escape,
    Surrogate,
    ControlCharacter,
    Behind,
}

/// A place where the grammar is broken, in bytes from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) reason: Reason,
    pub(crate) at: usize,
}

impl Fault {
    #[cold]
    pub(crate) fn new(reason: Reason, at: usize) -> Self {
        Self { reason, at }
    }
}

/// A text in the payload, without its quotes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quoted<'p> {
    pub(crate) inner: &'p str,
    pub(crate) span: Span,
    /// Whether there are escapes in it.
    pub(crate) escaped: bool,
}

pub(super) struct Scanner<'p> {
    text: &'p str,
    bytes: &'p [u8],
    at: usize,
}

impl<'p> Scanner<'p> {
    pub(super) fn new(text: &'p str) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            at: 0,
        }
    }

    #[inline]
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The byte at hand; 0 behind the end.
    #[inline]
    pub(super) fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    /// The whole payload.
    pub(super) fn text(&self) -> &'p str {
        self.text
    }

    pub(super) fn part(&self, span: Span) -> &'p str {
        self.text.get(span.range()).unwrap_or_default()
    }

    /// What was read since `start`.
    pub(super) fn since(&self, start: usize) -> Span {
        Span::new(start, self.at)
    }

    #[inline]
    pub(super) fn whitespace(&mut self) {
        while matches!(self.peek(), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
    }

    /// A fault at hand; at the end of the payload it is that the payload ends.
    #[cold]
    pub(super) fn fault(&self, reason: Reason) -> Fault {
        let cut_off = self.at >= self.bytes.len();
        Fault::new(if cut_off { Reason::CutOff } else { reason }, self.at)
    }

    /// Which kind of value begins here.
    pub(super) fn kind(&self) -> Result<Kind, Fault> {
        match self.peek() {
            b'{' => Ok(Kind::Object),
            b'[' => Ok(Kind::List),
            b'"' => Ok(Kind::Text),
            b't' | b'f' => Ok(Kind::Boolean),
            b'n' => Ok(Kind::Null),
            b'-' | b'0'..=b'9' => Ok(Kind::Number),
            _ => Err(self.fault(Reason::Value)),
        }
    }

    /// Only whitespace is left.
    pub(super) fn end(&mut self) -> Result<(), Fault> {
        self.whitespace();
        if self.at < self.bytes.len() {
            return Err(Fault::new(Reason::Behind, self.at));
        }
        Ok(())
    }

    /// The name of a member and the colon behind it, up to the value.
    #[inline]
    pub(super) fn name(&mut self) -> Result<Quoted<'p>, Fault> {
        if self.peek() != b'"' {
            return Err(self.fault(Reason::MemberName));
        }
        let name = self.quoted()?;
        self.whitespace();
        if self.peek() != b':' {
            return Err(self.fault(Reason::Colon));
        }
        self.at += 1;
        self.whitespace();
        Ok(name)
    }

    /// Steps to the next member or item; false at the closing bracket, which is stepped over.
    #[inline]
    pub(super) fn next(&mut self, close: u8) -> Result<bool, Fault> {
        self.whitespace();
        let byte = self.peek();
        self.at += 1;
        if byte == b',' {
            self.whitespace();
            return Ok(true);
        }
        if byte == close {
            return Ok(false);
        }
        self.at -= 1;
        let reason = if close == b'}' {
            Reason::ObjectEnd
        } else {
            Reason::ListEnd
        };
        Err(self.fault(reason))
    }

    /// Steps over an opening bracket; false if the closing one is next, which is stepped over.
    #[inline]
    pub(super) fn open(&mut self, close: u8) -> bool {
        self.at += 1;
        self.whitespace();
        let empty = self.peek() == close;
        self.at += usize::from(empty);
        !empty
    }

    /// A text, from its opening quote to behind its closing one.
    #[inline]
    pub(super) fn quoted(&mut self) -> Result<Quoted<'p>, Fault> {
        let start = self.at + 1;
        self.at = start + plain(self.bytes.get(start..).unwrap_or_default());
        let mut escaped = false;
        if self.peek() != b'"' {
            self.escaped()?;
            escaped = true;
        }
        let span = self.since(start);
        self.at += 1;
        Ok(Quoted {
            inner: self.part(span),
            span,
            escaped,
        })
    }

    /// From the first byte that is not plain to the closing quote.
    #[cold]
    fn escaped(&mut self) -> Result<(), Fault> {
        loop {
            match self.peek() {
                b'"' => return Ok(()),
                b'\\' => self.escape()?,
                _ => return Err(self.fault(Reason::ControlCharacter)),
            }
            self.at += plain(self.bytes.get(self.at..).unwrap_or_default());
        }
    }

    fn escape(&mut self) -> Result<(), Fault> {
        self.at += 1;
        match self.peek() {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {
                self.at += 1;
                Ok(())
            }
            b'u' => {
                let start = self.at - 1;
                match self.unit()? {
                    0xDC00..=0xDFFF => Err(Fault::new(Reason::Surrogate, start)),
                    0xD800..=0xDBFF => self.low_surrogate(start),
                    _ => Ok(()),
                }
            }
            _ => Err(self.fault(Reason::Escape)),
        }
    }

    /// The second half of a character written as two escapes.
    fn low_surrogate(&mut self, start: usize) -> Result<(), Fault> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if rest.starts_with(b"\\u") {
            self.at += 1;
            if matches!(self.unit()?, 0xDC00..=0xDFFF) {
                return Ok(());
            }
        }
        Err(Fault::new(Reason::Surrogate, start))
    }

    /// The number behind the `u` at hand.
    fn unit(&mut self) -> Result<u32, Fault> {
        let mut unit = 0;
        for _ in 0..4 {
            self.at += 1;
            let digit = char::from(self.peek()).to_digit(16);
            unit = unit * 16 + digit.ok_or_else(|| self.fault(Reason::Escape))?;
        }
        self.at += 1;
        Ok(unit)
    }

    /// A number; whether it is written without fraction and exponent.
    pub(super) fn number(&mut self) -> Result<bool, Fault> {
        self.at += usize::from(self.peek() == b'-');
        match self.peek() {
            b'0' => {
                self.at += 1;
                if self.peek().is_ascii_digit() {
                    return Err(self.fault(Reason::LeadingZero));
                }
            }
            b'1'..=b'9' => self.digits()?,
            _ => return Err(self.fault(Reason::Number)),
        }
        let mut whole = true;
        if self.peek() == b'.' {
            whole = false;
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), b'e' | b'E') {
            whole = false;
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), b'+' | b'-'));
            self.digits()?;
        }
        Ok(whole)
    }

    /// At least one digit.
    #[inline]
    fn digits(&mut self) -> Result<(), Fault> {
        if !self.peek().is_ascii_digit() {
            return Err(self.fault(Reason::Number));
        }
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
        Ok(())
    }

    /// `true`, `false` or `null`.
    pub(super) fn word(&mut self) -> Result<(), Fault> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let words: [&[u8]; 3] = [b"true", b"false", b"null"];
        let word = words.into_iter().find(|word| rest.starts_with(word));
        self.at += word.ok_or_else(|| self.fault(Reason::Value))?.len();
        Ok(())
    }

    /// Any value, nested at most `depth` deep.
    pub(super) fn skip(&mut self, depth: usize) -> Result<(), Fault> {
        match self.kind()? {
            Kind::Text => self.quoted().map(drop),
            Kind::Number | Kind::Whole => self.number().map(drop),
            Kind::Boolean | Kind::Null => self.word(),
            Kind::Object => self.skip_all(depth, b'}'),
            Kind::List => self.skip_all(depth, b']'),
        }
    }

    fn skip_all(&mut self, depth: usize, close: u8) -> Result<(), Fault> {
        let depth = depth
            .checked_sub(1)
            .ok_or_else(|| Fault::new(Reason::TooDeep, self.at))?;
        let mut more = self.open(close);
        while more {
            if close == b'}' {
                self.name()?;
            }
            self.skip(depth)?;
            more = self.next(close)?;
        }
        Ok(())
    }
}

/// The characters of a text, escapes undone where there are any.
pub(crate) fn decoded(inner: &str, escaped: bool) -> Cow<'_, str> {
    if escaped {
        unescaped(inner)
    } else {
        Cow::Borrowed(inner)
    }
}

#[cold]
fn unescaped(inner: &str) -> Cow<'_, str> {
    // The grammar has been checked, so reading it again cannot fail.
    serde_json::from_str(&format!("\"{inner}\"")).map_or(Cow::Borrowed(inner), Cow::Owned)
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// How many bytes come before the first quote, backslash or control character.
#[inline]
fn plain(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let special = special(u64::from_le_bytes(*word));
        if special != 0 {
            return at + usize::try_from(special.trailing_zeros() / 8).unwrap_or(0);
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    let special = |&byte: &u8| byte == b'"' || byte == b'\\' || byte < 0x20;
    at + rest.iter().position(special).unwrap_or(rest.len())
}

/// The high bit of the first byte that is not plain, and possibly of some behind it.
#[inline]
fn special(word: u64) -> u64 {
    let quote = word ^ (ONES * u64::from(b'"'));
    let backslash = word ^ (ONES * u64::from(b'\\'));
    let is_quote = quote.wrapping_sub(ONES) & !quote;
    let is_backslash = backslash.wrapping_sub(ONES) & !backslash;
    let is_control = word.wrapping_sub(ONES * 0x20) & !word;
    (is_quote | is_backslash | is_control) & HIGHS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_plain_text_is_found_wherever_it_is() {
        for special in [b'"', b'\\', 0x00, 0x1F, b'\n'] {
            for length in 0..40 {
                let mut bytes = vec![b'a'; length];
                bytes.push(special);
                bytes.extend_from_slice(b"a\"\\\x01aaaaaaaa");
                assert_eq!(plain(&bytes), length, "{special} after {length}");
            }
        }
        let every: Vec<u8> = (0x20..=0xFF)
            .filter(|byte| !matches!(byte, b'"' | b'\\'))
            .collect();
        assert_eq!(plain(&every), every.len());
    }
}
