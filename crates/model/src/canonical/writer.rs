//! Writes the canonical form of JSON text that is known to be valid.
//!
//! One pass over the text: members are written as they come and put into order afterwards,
//! which costs nothing where they are in order already.

use std::borrow::Cow;
use std::ops::Range;

use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

use super::{JsonProblem, MAX_DEPTH, NullRule, PayloadRules, number};
use crate::KeyField;

/// Room for the members of most objects, so that their list seldom grows.
const MEMBERS_USUAL: usize = 16;
/// Room for the text of most keys.
const KEY_BYTES_USUAL: usize = 64;

/// Appends the canonical form of valid JSON text.
pub(super) fn write(
    text: &str,
    rules: &PayloadRules,
    out: &mut Vec<u8>,
) -> Result<(), JsonProblem> {
    Writer {
        text,
        position: 0,
        rules,
        out,
    }
    .value(0)
}

/// The canonical text of a key, if the payload has all its fields.
pub(super) fn key(text: &str, fields: &[KeyField]) -> Option<String> {
    if fields.is_empty() {
        return None;
    }
    let rules = PayloadRules::default();
    let mut out = Vec::with_capacity(KEY_BYTES_USUAL);
    out.push(b'[');
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        let value = lookup(text, &field.path)?;
        if value == "null" {
            return None;
        }
        write(value, &rules, &mut out).ok()?;
    }
    out.push(b']');
    String::from_utf8(out).ok()
}

/// The text of the value at a path of member names, in valid JSON text of an object.
fn lookup<'text>(text: &'text str, path: &[String]) -> Option<&'text str> {
    let Some((first, rest)) = path.split_first() else {
        return Some(text);
    };
    let mut walker = Walker { text, position: 0 };
    if walker.peek() != b'{' {
        return None;
    }
    walker.position += 1;
    let mut found = None;
    while walker.next_item(b'}') {
        let name = walker.name();
        let value = walker.skip_value();
        if name == first.as_str() {
            found = Some(value);
            // The first of two equal names could stand here, but valid payloads have one.
            break;
        }
    }
    lookup(found?, rest)
}

/// A position in valid JSON text.
struct Walker<'text> {
    text: &'text str,
    position: usize,
}

impl<'text> Walker<'text> {
    /// The next byte that is not whitespace, not consumed; 0 at the end.
    fn peek(&mut self) -> u8 {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.position) {
            if !byte.is_ascii_whitespace() {
                return *byte;
            }
            self.position += 1;
        }
        0
    }

    /// Steps over a separating comma; false at the closing bracket, which is consumed.
    fn next_item(&mut self, close: u8) -> bool {
        if self.peek() == b',' {
            self.position += 1;
        }
        let byte = self.peek();
        if byte == close || byte == 0 {
            self.position += 1;
            return false;
        }
        true
    }

    /// A member name in normal form C, with the colon after it consumed: order and equality of
    /// names are those of what is written.
    fn name(&mut self) -> Cow<'text, str> {
        let quoted = self.quoted();
        if self.peek() == b':' {
            self.position += 1;
        }
        normalised(unescape(quoted))
    }

    /// A text with its quotes.
    fn quoted(&mut self) -> &'text str {
        self.peek();
        let start = self.position;
        let bytes = self.text.as_bytes();
        let mut at = start + 1;
        while let Some(step) = bytes
            .get(at..)
            .and_then(|rest| memchr::memchr2(b'"', b'\\', rest))
        {
            at += step;
            if bytes.get(at) == Some(&b'"') {
                break;
            }
            at += 2;
        }
        self.take(start..at + 1)
    }

    /// A number or one of the words.
    fn scalar(&mut self) -> &'text str {
        self.peek();
        let start = self.position;
        let rest = self.text.as_bytes().get(start..).unwrap_or_default();
        let length = rest
            .iter()
            .position(|byte| matches!(byte, b',' | b'}' | b']') || byte.is_ascii_whitespace())
            .unwrap_or(rest.len());
        self.take(start..start + length)
    }

    /// A whole value, whatever it is.
    fn skip_value(&mut self) -> &'text str {
        match self.peek() {
            b'"' => self.quoted(),
            b'{' | b'[' => self.skip_nested(),
            _ => self.scalar(),
        }
    }

    /// An object or list, by counting brackets outside texts.
    fn skip_nested(&mut self) -> &'text str {
        let start = self.position;
        let mut depth = 0_usize;
        while let Some(byte) = self.text.as_bytes().get(self.position) {
            match byte {
                b'"' => {
                    self.quoted();
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.position += 1;
            if depth == 0 {
                break;
            }
        }
        self.take(start..self.position)
    }

    /// A stretch of the text; the position moves to its end.
    fn take(&mut self, range: Range<usize>) -> &'text str {
        self.position = range.end;
        self.text.get(range).unwrap_or_default()
    }
}

/// The characters of a quoted text.
fn unescape(quoted: &str) -> Cow<'_, str> {
    let inner = quoted
        .get(1..quoted.len().saturating_sub(1))
        .unwrap_or_default();
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Cow::Borrowed(inner);
    }
    serde_json::from_str::<String>(quoted).map_or(Cow::Borrowed(inner), Cow::Owned)
}

/// A member already written: its name and where it stands in the output.
type Written<'text> = (Cow<'text, str>, Range<usize>);

struct Writer<'text, 'out> {
    text: &'text str,
    position: usize,
    rules: &'text PayloadRules,
    out: &'out mut Vec<u8>,
}

impl<'text> Writer<'text, '_> {
    /// Uses the walker at the present position.
    fn walk<T>(&mut self, step: impl FnOnce(&mut Walker<'text>) -> T) -> T {
        let mut walker = Walker {
            text: self.text,
            position: self.position,
        };
        let result = step(&mut walker);
        self.position = walker.position;
        result
    }

    fn value(&mut self, depth: usize) -> Result<(), JsonProblem> {
        if depth > MAX_DEPTH {
            return Err(JsonProblem::TooDeep);
        }
        match self.walk(Walker::peek) {
            b'{' => self.object(depth),
            b'[' => self.list(depth),
            b'"' => {
                let quoted = self.walk(Walker::quoted);
                write_text(quoted, self.out);
                Ok(())
            }
            byte @ (b't' | b'f' | b'n') => {
                let word = self.walk(Walker::scalar);
                debug_assert!(word.as_bytes().first() == Some(&byte), "words are whole");
                self.out.extend_from_slice(word.as_bytes());
                Ok(())
            }
            _ => {
                let digits = self.walk(Walker::scalar);
                number::write(digits, self.out);
                Ok(())
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<(), JsonProblem> {
        self.position += 1;
        self.out.push(b'[');
        let mut first = true;
        while self.walk(|walker| walker.next_item(b']')) {
            if !first {
                self.out.push(b',');
            }
            first = false;
            self.value(depth + 1)?;
        }
        self.out.push(b']');
        Ok(())
    }

    fn object(&mut self, depth: usize) -> Result<(), JsonProblem> {
        self.position += 1;
        self.out.push(b'{');
        let start = self.out.len();
        let mut members: Vec<Written<'text>> = Vec::with_capacity(MEMBERS_USUAL);
        let mut in_order = true;
        while self.walk(|walker| walker.next_item(b'}')) {
            let name = self.walk(Walker::name);
            if self.is_ignored(&name, depth) {
                self.walk(Walker::skip_value);
                continue;
            }
            let begin = self.out.len();
            if begin > start {
                self.out.push(b',');
            }
            let member_start = self.out.len();
            write_name(&name, self.out);
            let value_start = self.out.len();
            self.value(depth + 1)?;
            if self.is_absent(value_start) {
                self.out.truncate(begin);
                continue;
            }
            in_order &= members.last().is_none_or(|(last, _)| *last < name);
            members.push((name, member_start..self.out.len()));
        }
        if !in_order {
            self.reorder(start, members);
        }
        self.out.push(b'}');
        Ok(())
    }

    fn is_ignored(&self, name: &str, depth: usize) -> bool {
        (depth == 0
            && self
                .rules
                .ignored_at_root
                .iter()
                .any(|ignored| ignored == name))
            || self
                .rules
                .ignored_anywhere
                .iter()
                .any(|ignored| ignored == name)
    }

    /// Whether the value just written counts as no member at all.
    fn is_absent(&self, value_start: usize) -> bool {
        self.rules.nulls == NullRule::Absent
            && matches!(self.out.get(value_start..), Some(b"null" | b"[]"))
    }

    /// Puts the written members of an object into the order of their names. Of two members with
    /// one name the last counts, as JSON parsers have it.
    fn reorder(&mut self, start: usize, mut members: Vec<Written<'text>>) {
        members.sort_by(|one, other| one.0.cmp(&other.0));
        let written: Vec<u8> = self.out.drain(start..).collect();
        for (index, (name, range)) in members.iter().enumerate() {
            if members.get(index + 1).is_some_and(|(next, _)| next == name) {
                continue;
            }
            if self.out.len() > start {
                self.out.push(b',');
            }
            let range = range.start - start..range.end - start;
            self.out
                .extend_from_slice(written.get(range).unwrap_or_default());
        }
    }
}

fn write_name(name: &str, out: &mut Vec<u8>) {
    if is_plain(name) {
        out.push(b'"');
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":");
    } else {
        write_normalised(name, out);
        out.push(b':');
    }
}

fn write_text(quoted: &str, out: &mut Vec<u8>) {
    let plain = quoted
        .get(1..quoted.len().saturating_sub(1))
        .is_some_and(is_plain);
    if plain {
        out.extend_from_slice(quoted.as_bytes());
    } else {
        write_normalised(&unescape(quoted), out);
    }
}

/// Whether text stands between quotes as it is and is its own normal form.
fn is_plain(text: &str) -> bool {
    text.is_ascii() && memchr::memchr2(b'\\', b'"', text.as_bytes()).is_none()
}

/// Text in normal form C.
fn normalised(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        return text;
    }
    Cow::Owned(text.nfc().collect())
}

/// Appends text in normal form C, with the shortest escapes.
fn write_normalised(text: &str, out: &mut Vec<u8>) {
    let normal = normalised(Cow::Borrowed(text));
    // Writing text into memory as JSON cannot fail; the raw text is the harmless way out.
    match serde_json::to_string(normal.as_ref()) {
        Ok(json) => out.extend_from_slice(json.as_bytes()),
        Err(_) => out.extend_from_slice(normal.as_bytes()),
    }
}
