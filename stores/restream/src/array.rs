//! The elements of a JSON array of objects, each as soon as its last byte is there.
//!
//! The service writes one array, bit by bit, and may be cut off anywhere. Nothing is parsed here:
//! brackets are counted outside of texts, so that an element can be handed on byte for byte. What
//! stands inside an element is for whoever parses it.

use bytes::{Bytes, BytesMut};
use memchr::{memchr2, memchr3};

/// Longest element; a longer one is not a record.
const ELEMENT_BYTES_MAX: usize = 4 << 20;

/// Why bytes are no array of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// What comes is no array at all.
    NoArray,
    /// An element is no object, or is not separated from the one before it.
    NoObject,
    /// An element is longer than any record.
    TooLong,
    /// Something follows the array.
    Trailing,
    /// The bytes end inside the array.
    CutOff,
}

impl Malformed {
    /// One clause for a person.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::NoArray => "the answer is no JSON array",
            Self::NoObject => "an element of the answer is no JSON object",
            Self::TooLong => "an element of the answer is longer than 4 MB",
            Self::Trailing => "something follows the JSON array of the answer",
            Self::CutOff => "the answer ends inside its JSON array",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before the opening bracket.
    Start,
    /// After it: an element or the end may follow.
    First,
    /// After an element: a comma or the end must follow.
    AfterElement,
    /// After a comma: an element must follow.
    AfterComma,
    /// In an element, so many braces deep; whether in a text.
    Inside { depth: u32, text: bool },
    /// After the closing bracket.
    End,
}

/// Takes an array apart as it arrives.
#[derive(Debug)]
pub(crate) struct Elements {
    bytes: BytesMut,
    /// Bytes of the element at the front that have been looked at.
    seen: usize,
    place: Place,
}

impl Elements {
    pub(crate) fn new() -> Self {
        Self {
            bytes: BytesMut::new(),
            seen: 0,
            place: Place::Start,
        }
    }

    /// Adds what arrived.
    pub(crate) fn push(&mut self, piece: &[u8]) {
        self.bytes.extend_from_slice(piece);
    }

    /// The next whole element, if it is there.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, Malformed> {
        loop {
            if let Place::Inside { depth, text } = self.place {
                return self.element(depth, text);
            }
            let Some(byte) = self.significant() else {
                return Ok(None);
            };
            self.place = match (self.place, byte) {
                (Place::Start, b'[') => Place::First,
                (Place::First | Place::AfterElement, b']') => Place::End,
                (Place::AfterElement, b',') => Place::AfterComma,
                (Place::First | Place::AfterComma, b'{') => {
                    self.seen = 1;
                    self.place = Place::Inside {
                        depth: 1,
                        text: false,
                    };
                    continue;
                }
                (Place::Start, _) => return Err(Malformed::NoArray),
                (Place::End, _) => return Err(Malformed::Trailing),
                _ => return Err(Malformed::NoObject),
            };
            let _bracket = self.bytes.split_to(1);
        }
    }

    /// Nothing more will arrive.
    pub(crate) fn finish(&self) -> Result<(), Malformed> {
        match self.place {
            Place::End => Ok(()),
            Place::Start => Err(Malformed::NoArray),
            _ => Err(Malformed::CutOff),
        }
    }

    /// The first byte that is no white space, which is dropped.
    fn significant(&mut self) -> Option<u8> {
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
        let blanks = self.bytes.iter().take_while(|byte| is_blank(byte)).count();
        if blanks > 0 {
            let _white_space = self.bytes.split_to(blanks);
        }
        self.bytes.first().copied()
    }

    /// Goes on in the element at the front.
    fn element(&mut self, mut depth: u32, mut text: bool) -> Result<Option<Bytes>, Malformed> {
        let mut at = self.seen;
        loop {
            let rest = self.bytes.get(at..).unwrap_or_default();
            let found = if text {
                memchr2(b'"', b'\\', rest)
            } else {
                memchr3(b'"', b'{', b'}', rest)
            };
            let Some(found) = found else {
                at = self.bytes.len();
                break;
            };
            let byte = rest[found];
            at += found + 1;
            match byte {
                b'"' => text = !text,
                b'{' => depth += 1,
                b'}' => depth -= 1,
                // A backslash: the byte after it belongs to it, and may not be there yet.
                _ if at == self.bytes.len() => {
                    at -= 1;
                    break;
                }
                _ => at += 1,
            }
            if depth == 0 {
                self.place = Place::AfterElement;
                self.seen = 0;
                return Ok(Some(self.bytes.split_to(at).freeze()));
            }
        }
        if self.bytes.len() > ELEMENT_BYTES_MAX {
            return Err(Malformed::TooLong);
        }
        self.seen = at;
        self.place = Place::Inside { depth, text };
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The elements of a text that arrives in pieces of a size, and what is wrong with it.
    fn taken(text: &str, size: usize) -> (Vec<String>, Option<Malformed>) {
        let mut elements = Elements::new();
        let mut found = Vec::new();
        for piece in text.as_bytes().chunks(size) {
            elements.push(piece);
            loop {
                match elements.next() {
                    Ok(Some(element)) => found.push(String::from_utf8(element.into()).unwrap()),
                    Ok(None) => break,
                    Err(malformed) => return (found, Some(malformed)),
                }
            }
        }
        (found, elements.finish().err())
    }

    #[track_caller]
    fn check(text: &str, expected: &[&str], problem: Option<Malformed>) {
        for size in [1, 2, 3, 7, 1000] {
            let (found, malformed) = taken(text, size);
            assert_eq!(found, expected, "{text} in pieces of {size}");
            assert_eq!(malformed, problem, "{text} in pieces of {size}");
        }
    }

    #[test]
    fn elements_come_byte_for_byte_however_they_arrive() {
        let first = r#"{"timestamp": 1,"a":{"b":[1.50,{}]}}"#;
        let second = r#"{"text":"} \" { \\","next":"[\\\"{"}"#;
        check(&format!("[{first},\n {second} ]"), &[first, second], None);
        check(" [ ] \n", &[], None);
        check("[{}]", &["{}"], None);
    }

    #[test]
    fn what_is_no_array_of_objects_is_told_apart() {
        check("{\"detail\":\"no\"}", &[], Some(Malformed::NoArray));
        check("null", &[], Some(Malformed::NoArray));
        check("", &[], Some(Malformed::NoArray));
        check("[1]", &[], Some(Malformed::NoObject));
        check("[{},]", &["{}"], Some(Malformed::NoObject));
        check("[{} {}]", &["{}"], Some(Malformed::NoObject));
        check("[{}]{}", &["{}"], Some(Malformed::Trailing));
        check("[{},{\"a\":\"", &["{}"], Some(Malformed::CutOff));
        check("[", &[], Some(Malformed::CutOff));
    }

    #[test]
    fn an_element_without_end_is_given_up() {
        let mut elements = Elements::new();
        elements.push(b"[{\"a\":\"");
        let piece = vec![b'x'; 1 << 20];
        let mut problem = None;
        for _ in 0..8 {
            elements.push(&piece);
            if let Err(malformed) = elements.next() {
                problem = Some(malformed);
                break;
            }
        }
        assert_eq!(problem, Some(Malformed::TooLong));
    }
}
