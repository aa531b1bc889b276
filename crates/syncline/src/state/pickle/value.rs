//! The values of a dict of lines.

use std::sync::Arc;

use super::Entry;

/// Longest text, in bytes: 16 bytes as text take at most two bytes each.
pub(super) const TEXT_MAX: usize = 32;
/// How Python calls the encoding that has one character for each byte.
const LATIN_1: &str = "latin1";

#[derive(Clone, Debug)]
pub(super) enum Value {
    Mark,
    Dict,
    Bytes([u8; 16]),
    Integer(i64),
    /// A time and a status.
    Pair(i64, i64),
    Text(Arc<str>),
    /// What turns text into bytes.
    Encode,
    /// Text, and how it is to be encoded: the bytes.
    Encoded([u8; 16]),
}

impl Value {
    /// Two values together, if that means anything here.
    pub(super) fn pair(first: Self, second: Self) -> Option<Self> {
        match (first, second) {
            (Self::Integer(at), Self::Integer(status)) => Some(Self::Pair(at, status)),
            (Self::Text(text), Self::Text(encoding)) if *encoding == *LATIN_1 => {
                let bytes: Option<Vec<u8>> = text
                    .chars()
                    .map(|character| u8::try_from(character).ok())
                    .collect();
                Some(Self::Encoded(bytes?.try_into().ok()?))
            }
            _ => None,
        }
    }
}

/// A key and a value as an entry, or why they are none.
pub(super) fn entry([key, value]: &[Value; 2]) -> Result<Entry, &'static str> {
    let Value::Bytes(md5) = key else {
        return Err("a key that is not 16 bytes");
    };
    let Value::Pair(at, status) = value else {
        return Err("a value that is not a time and a status");
    };
    let status = u16::try_from(*status)
        .ok()
        .filter(|status| *status < 1_000)
        .ok_or("a status that is no status code")?;
    Ok((*md5, *at, status))
}
