//! Text as JSON has it.
//!
//! Most text is ASCII that needs no escapes, which is known by a look at eight bytes at a time.

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
const QUOTES: u64 = u64::from_ne_bytes([b'"'; 8]);
const SLASHES: u64 = u64::from_ne_bytes([b'\\'; 8]);
const BLANKS: u64 = u64::from_ne_bytes([b' '; 8]);

/// How many bytes pass before one that is a quote, a backslash, a control character or not ASCII.
#[must_use]
pub fn plain_length(bytes: &[u8]) -> usize {
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

/// Whether text is ASCII that stands in JSON as it is, between quotes.
#[must_use]
pub fn is_plain(text: &[u8]) -> bool {
    plain_length(text) == text.len()
}

/// The length of a value that stands as it is: a text, as `text` takes it, a whole number or a word.
pub(crate) fn plain_value(bytes: &[u8], text: impl Fn(&[u8]) -> Option<usize>) -> Option<usize> {
    let word = |word: &[u8]| bytes.starts_with(word).then_some(word.len());
    match *bytes.first()? {
        b'"' => text(bytes),
        b't' => word(b"true"),
        b'f' => word(b"false"),
        b'n' => word(b"null"),
        b'1'..=b'9' => {
            let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit());
            let length = digits.count();
            matches!(bytes.get(length), Some(b',' | b'}')).then_some(length)
        }
        _ => None,
    }
}

/// Appends text as JSON, with the shortest escapes.
pub fn write_text(text: &str, out: &mut Vec<u8>) {
    if is_plain(text.as_bytes()) {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        // Writing text into memory cannot fail.
        let _written = serde_json::to_writer(out, text);
    }
}

#[cfg(test)]
mod tests {
    use super::{plain_length, write_text};

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

    #[test]
    fn text_is_written_as_others_write_it() {
        for text in [
            "",
            "Ann",
            "O\"Neil\\",
            "a\nb\u{1}",
            "Zo\u{eb}",
            "\u{7f}",
            "1234567\t9",
        ] {
            let mut out = Vec::new();
            write_text(text, &mut out);
            assert_eq!(out, serde_json::to_vec(text).unwrap());
        }
    }
}
