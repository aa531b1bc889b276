//! Texts: most stand in the canonical form as they stand in the payload, and are known by a look
//! at eight bytes at a time.

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

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
const QUOTES: u64 = u64::from_ne_bytes([b'"'; 8]);
const SLASHES: u64 = u64::from_ne_bytes([b'\\'; 8]);
const BLANKS: u64 = u64::from_ne_bytes([b' '; 8]);

/// How many bytes pass before one that is a quote, a backslash, a control character or not ASCII.
pub(super) fn plain_length(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let found = not_plain(u64::from_le_bytes(*word));
        if found != 0 {
            return index * 8 + (found.trailing_zeros() / 8) as usize;
        }
    }
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'\x7f') && !matches!(byte, b'"' | b'\\');
    words.len() * 8 + rest.iter().take_while(|byte| is_plain(byte)).count()
}

/// The highest bit of the lowest byte that is not plain, among others above it; 0 if all are.
const fn not_plain(word: u64) -> u64 {
    // Where a subtraction has to borrow, the byte was too small. A borrow may reach into the bytes
    // above, never into those below.
    let quote = word ^ QUOTES;
    let slash = word ^ SLASHES;
    let is_quote = quote.wrapping_sub(ONES) & !quote;
    let is_slash = slash.wrapping_sub(ONES) & !slash;
    let is_control = word.wrapping_sub(BLANKS) & !word;
    (is_quote | is_slash | is_control | word) & HIGH
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

#[cfg(test)]
mod tests {
    use super::plain_length;

    #[test]
    fn the_first_byte_that_is_not_plain_is_found_wherever_it_stands() {
        for odd in 0..=255_u8 {
            let is_plain = (b' '..=0x7f).contains(&odd) && odd != b'"' && odd != b'\\';
            for length in 0..20 {
                // What follows has to make no difference, whatever it is.
                for after in [b'a', b'"', 0, 0xff, b'\\', b'!', b'#', 0x1f, 0x7f] {
                    let mut bytes = vec![b'~'; length];
                    bytes.push(odd);
                    bytes.extend([after; 12]);
                    let found = plain_length(&bytes);
                    if is_plain {
                        assert!(found > length, "{odd} after {length}, before {after}");
                    } else {
                        assert_eq!(found, length, "{odd} after {length}, before {after}");
                    }
                }
            }
        }
    }
}
