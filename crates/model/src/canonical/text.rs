//! Texts: most stand in the canonical form as they stand in the payload.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

/// What a quoted text says.
#[derive(Debug)]
pub(super) enum Text<'text> {
    /// ASCII that needs no escapes.
    Plain(&'text str),
    /// Anything else, unescaped and in normal form C.
    Odd(Cow<'text, str>),
}

impl Text<'_> {
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Odd(text) => text,
        }
    }

    /// Appends the text in quotes, with the shortest escapes.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let text = self.as_str();
        if matches!(self, Self::Plain(_)) || !needs_escapes(text) {
            out.push(b'"');
            out.extend_from_slice(text.as_bytes());
            out.push(b'"');
            return;
        }
        // Writing text into memory as JSON cannot fail; the raw text is the harmless way out.
        match serde_json::to_string(text) {
            Ok(json) => out.extend_from_slice(json.as_bytes()),
            Err(_) => out.extend_from_slice(text.as_bytes()),
        }
    }
}

fn needs_escapes(text: &str) -> bool {
    text.bytes()
        .any(|byte| byte < b' ' || matches!(byte, b'"' | b'\\'))
}

/// The text at the beginning of `quoted`, which begins with a quote, and its length in bytes,
/// quotes included; nothing if it is not JSON.
pub(super) fn read_odd(quoted: &str) -> Option<(Text<'_>, usize)> {
    let bytes = quoted.as_bytes();
    let mut end = 1;
    loop {
        let rest = bytes.get(end..)?;
        end += memchr::memchr2(b'"', b'\\', rest)?;
        if bytes.get(end) == Some(&b'"') {
            break;
        }
        end += 2;
    }
    let inner = quoted.get(1..end)?;
    let text = if is_written_as_is(inner) {
        Cow::Borrowed(inner)
    } else {
        unescape(quoted.get(..=end)?, inner)?
    };
    Some((Text::Odd(normalised(text)), end + 1))
}

fn is_written_as_is(inner: &str) -> bool {
    inner.bytes().all(|byte| byte >= b' ' && byte != b'\\')
}

/// The characters of a quoted text. Half of a surrogate pair is JSON, but no text: what holds one
/// stays as it is spelled.
fn unescape<'text>(quoted: &str, inner: &'text str) -> Option<Cow<'text, str>> {
    if let Ok(text) = serde_json::from_str::<String>(quoted) {
        return Some(Cow::Owned(text));
    }
    let is_json = serde_json::from_str::<serde::de::IgnoredAny>(quoted).is_ok();
    is_json.then_some(Cow::Borrowed(inner))
}

/// Text in normal form C.
fn normalised(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        return text;
    }
    Cow::Owned(text.nfc().collect())
}
