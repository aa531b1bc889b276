//! The members of a JSON object in their order, with their values as they stand.
//!
//! For those who copy, leave out or rename members: a value that is not looked into is written
//! again byte by byte, so that no number loses a digit.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::json_text::{plain_length, plain_value, write_text};

/// Room for so many members is made at first.
const MEMBERS_EXPECTED: usize = 16;

/// A member of an object: its name, and the JSON text of its value.
pub type RawMember<'text> = (Cow<'text, str>, &'text str);

/// The members of an object. A name that stands twice is there twice.
#[derive(Debug)]
pub struct RawObject<'text>(pub Vec<RawMember<'text>>);

impl<'text> RawObject<'text> {
    /// The members of a payload, if it is an object.
    #[must_use]
    pub fn of(payload: &'text [u8]) -> Option<Self> {
        let text = std::str::from_utf8(payload).ok()?;
        Self::plain(text).or_else(|| serde_json::from_str(text).ok())
    }

    /// The members of an object of plain members, without blanks between them, as most payloads
    /// are. Nothing of one that is otherwise, which a parser has to judge.
    pub(crate) fn plain(text: &'text str) -> Option<Self> {
        let mut members = Vec::with_capacity(MEMBERS_EXPECTED);
        let mut rest = text.strip_prefix('{')?;
        loop {
            let (name, after) = cut(rest, plain_text(rest.as_bytes())?)?;
            rest = after.strip_prefix(':')?;
            let (value, after) = cut(rest, plain_value(rest.as_bytes(), plain_text)?)?;
            let name = name.get(1..name.len() - 1)?;
            members.push((Cow::Borrowed(name), value));
            match after.strip_prefix(',') {
                Some(after) => rest = after,
                None => return (after == "}").then_some(Self(members)),
            }
        }
    }

    /// The JSON text of a member's value; of several with one name the last counts.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'text str> {
        let mut named = self.0.iter().rev().filter(|(member, _)| member == name);
        named.next().map(|(_, value)| *value)
    }

    /// All of them: names, and the JSON text of their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'text str)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), *value))
    }

    /// An object of members in their order: names, and the JSON text of their values.
    pub fn written<N: AsRef<str>, V: AsRef<str>>(
        members: impl IntoIterator<Item = (N, V)>,
    ) -> Vec<u8> {
        let mut out = vec![b'{'];
        for (name, json) in members {
            if out.len() > 1 {
                out.push(b',');
            }
            write_text(name.as_ref(), &mut out);
            out.push(b':');
            out.extend_from_slice(json.as_ref().as_bytes());
        }
        out.push(b'}');
        out
    }
}

fn cut(text: &str, length: usize) -> Option<(&str, &str)> {
    text.split_at_checked(length)
}

/// The length of a text without escapes, its quotes included.
fn plain_text(bytes: &[u8]) -> Option<usize> {
    let mut at = 1;
    if bytes.first() != Some(&b'"') {
        return None;
    }
    loop {
        let rest = bytes.get(at..)?;
        at += plain_length(rest);
        match *bytes.get(at)? {
            b'"' => return Some(at + 1),
            0x80.. => at += 1,
            _ => return None,
        }
    }
}

/// A name that is borrowed from the text where no escape stands in it.
#[derive(serde::Deserialize)]
struct Name<'text>(#[serde(borrow)] Cow<'text, str>);

impl<'de> serde::Deserialize<'de> for RawObject<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = RawObject<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((Name(name), value)) = map.next_entry::<_, &RawValue>()? {
                    members.push((name, value.get()));
                }
                Ok(RawObject(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order_and_their_text() {
        let object = RawObject::of(br#"{"b": 1.50, "a\u0062": [ 1 ], "b": null}"#).unwrap();
        let members: Vec<_> = object.iter().collect();
        assert_eq!(members, [("b", "1.50"), ("ab", "[ 1 ]"), ("b", "null")]);
        assert_eq!(object.get("b"), Some("null"));
        assert_eq!(object.get("c"), None);
        assert!(matches!(object.0[0].0, Cow::Borrowed("b")));
    }

    #[test]
    fn what_is_written_reads_as_it_stood() {
        let text = br#"{"b":1.50,"a\"\n":[ 1 ],"b":null}"#;
        let object = RawObject::of(text).unwrap();
        assert_eq!(RawObject::written(object.iter()), text);
        let none: [(&str, &str); 0] = [];
        assert_eq!(RawObject::written(none), b"{}");
    }

    #[test]
    fn plain_objects_are_read_as_a_parser_reads_them() {
        let texts = [
            r#"{"a":"b","c":12,"d":null,"e":true,"f":false}"#,
            r#"{"a":"Zoë","é":"","a":7}"#,
            r#"{"a":0,"b":-1,"c":1.5,"d":1e3}"#,
            r#"{"a":"\u00e9\"","b\n":1}"#,
            r#"{"a":[1],"b":{"c":2}}"#,
            "{}",
            r#"{"a":01}"#,
            r#"{"a":1,}"#,
            r#"{"a":1}}"#,
            r#"{"a":1"#,
            r#"{"a":"b}"#,
            r#"{"a":nul}"#,
            r#"{"a":truer}"#,
            "{a:1}",
            "{\"a\":\"\u{1}\"}",
            "",
        ];
        for text in texts {
            let parsed: Option<RawObject<'_>> = serde_json::from_str(text).ok();
            let members =
                |object: Option<RawObject<'_>>| object.map(|object| format!("{object:?}"));
            assert_eq!(
                members(RawObject::of(text.as_bytes())),
                members(parsed),
                "{text}"
            );
        }
        assert!(RawObject::plain(r#"{"a":"Zoë","b":12}"#).is_some());
    }

    #[test]
    fn nothing_else_is_an_object() {
        for other in ["[]", "1", "{", r#"{"a": 1} 2"#, ""] {
            assert!(RawObject::of(other.as_bytes()).is_none(), "{other}");
        }
    }
}
