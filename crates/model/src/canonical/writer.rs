//! Checks JSON text and writes its canonical form, in one pass.
//!
//! Members are written as they come and put into order afterwards, which costs nothing where they
//! are in order already. Text that is not JSON ends the pass; whoever wants to know why asks a
//! parser that can tell.

use super::order::Member;
use super::paths::Paths;
use super::text::{self, Text};
use super::{Canonicaliser, MAX_DEPTH, NullRule, number};
use crate::json_text::plain_length;

/// The text is no JSON, or is nested too deep.
#[derive(Clone, Copy, Debug)]
pub(super) struct Broken;

/// A position in JSON text, and where its canonical form goes.
pub(super) struct Writer<'text, 'reader> {
    text: &'text str,
    bytes: &'text [u8],
    at: usize,
    reader: &'reader mut Canonicaliser,
}

impl<'text, 'reader> Writer<'text, 'reader> {
    pub(super) fn new(text: &'text str, reader: &'reader mut Canonicaliser) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            at: 0,
            reader,
        }
    }

    /// Writes the whole text, which has to be an object, and notes the values at `paths`.
    pub(super) fn write(mut self, paths: &Paths) -> Result<(), Broken> {
        self.skip_blanks();
        if self.peek() != b'{' {
            return Err(Broken);
        }
        self.value(0, Some(paths))?;
        self.skip_blanks();
        if self.at == self.bytes.len() {
            Ok(())
        } else {
            Err(Broken)
        }
    }

    /// The byte at the position; 0, which no JSON holds, at the end.
    fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
    }

    /// Steps over one byte that has to be there.
    fn expect(&mut self, byte: u8) -> Result<(), Broken> {
        if self.peek() != byte {
            return Err(Broken);
        }
        self.at += 1;
        Ok(())
    }

    /// A value of any kind, at the position.
    fn value(&mut self, depth: usize, paths: Option<&Paths>) -> Result<(), Broken> {
        if depth > MAX_DEPTH {
            return Err(Broken);
        }
        let start = self.reader.form.len();
        match self.peek() {
            b'"' => self.quoted()?.write(&mut self.reader.form),
            b'{' => self.object(depth, paths)?,
            b'[' => self.list(depth)?,
            b't' => self.word(b"true")?,
            b'f' => self.word(b"false")?,
            b'n' => self.word(b"null")?,
            _ => self.number()?,
        }
        if let Some(paths) = paths {
            let value = self.reader.form.get(start..).unwrap_or_default();
            self.reader.key.note(paths, value);
        }
        Ok(())
    }

    fn word(&mut self, word: &[u8]) -> Result<(), Broken> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word) {
            return Err(Broken);
        }
        self.at += word.len();
        self.reader.form.extend_from_slice(word);
        Ok(())
    }

    fn number(&mut self) -> Result<(), Broken> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = number::read(rest, &mut self.reader.form).ok_or(Broken)?;
        self.at += length;
        Ok(())
    }

    /// A text, its quotes passed over.
    fn quoted(&mut self) -> Result<Text<'text>, Broken> {
        self.expect(b'"')?;
        let rest = self.text.get(self.at..).unwrap_or_default();
        let plain = plain_length(rest.as_bytes());
        if rest.as_bytes().get(plain) == Some(&b'"') {
            self.at += plain + 1;
            return Ok(Text::Plain(rest.get(..plain).unwrap_or_default()));
        }
        let (text, length) =
            text::read_odd(self.text.get(self.at - 1..).unwrap_or_default()).ok_or(Broken)?;
        self.at += length - 1;
        Ok(text)
    }

    fn list(&mut self, depth: usize) -> Result<(), Broken> {
        self.enter(b'[');
        if self.peek() == b']' {
            return self.leave(b']');
        }
        loop {
            self.value(depth + 1, None)?;
            self.skip_blanks();
            if self.peek() != b',' {
                return self.leave(b']');
            }
            self.at += 1;
            self.skip_blanks();
            self.reader.form.push(b',');
        }
    }

    fn object(&mut self, depth: usize, paths: Option<&Paths>) -> Result<(), Broken> {
        self.enter(b'{');
        let start = self.reader.form.len();
        let members = self.reader.members.len();
        if self.peek() != b'}' {
            loop {
                self.member((depth, start), paths)?;
                self.skip_blanks();
                if self.peek() != b',' {
                    break;
                }
                self.at += 1;
                self.skip_blanks();
            }
        }
        self.reader.put_in_order(start, members);
        self.leave(b'}')
    }

    /// Writes one member of an object whose members begin at `start` of the form, unless it
    /// counts as none.
    fn member(
        &mut self,
        (depth, start): (usize, usize),
        paths: Option<&Paths>,
    ) -> Result<(), Broken> {
        let begin = self.reader.form.len();
        let names = self.reader.names.len();
        if begin > start {
            self.reader.form.push(b',');
        }
        let member = self.reader.form.len();
        let name = self.quoted()?;
        name.write(&mut self.reader.form);
        self.reader.form.push(b':');
        let below = paths.and_then(|paths| paths.below(name.as_str()));
        let ignored = self.reader.is_ignored(name.as_str(), depth);
        self.skip_blanks();
        self.expect(b':')?;
        self.skip_blanks();
        let value = self.reader.form.len();
        self.value(depth + 1, below)?;
        // Names of members of the value are not needed any more.
        self.reader.names.truncate(names);
        if ignored || self.reader.is_absent(value) {
            self.reader.form.truncate(begin);
            return Ok(());
        }
        let end = self.reader.form.len();
        let name = match name {
            // It stands between its quotes, at the beginning of the member.
            Text::Plain(name) => Member::named_in_form(name, member + 1),
            Text::Odd(name) => {
                self.reader.names.extend_from_slice(name.as_bytes());
                Member::named_apart(&name, names)
            }
        };
        self.reader.members.push(name.at(member, end));
        Ok(())
    }

    /// Steps into an object or list.
    fn enter(&mut self, open: u8) {
        self.at += 1;
        self.reader.form.push(open);
        self.skip_blanks();
    }

    /// Steps out of an object or list.
    fn leave(&mut self, close: u8) -> Result<(), Broken> {
        self.expect(close)?;
        self.reader.form.push(close);
        Ok(())
    }
}

impl Canonicaliser {
    fn is_ignored(&self, name: &str, depth: usize) -> bool {
        let at_root = depth == 0 && self.rules.ignored_at_root.iter().any(|one| one == name);
        at_root || self.rules.ignored_anywhere.iter().any(|one| one == name)
    }

    /// Whether the value written from `start` on counts as no member at all.
    fn is_absent(&self, start: usize) -> bool {
        self.rules.nulls == NullRule::Absent
            && matches!(self.form.get(start..), Some(b"null" | b"[]"))
    }
}
