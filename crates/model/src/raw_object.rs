//! The members of a JSON object in their order, with their values as they stand.
//!
//! For those who copy, leave out or rename members: a value that is not looked into is written
//! again byte by byte, so that no number loses a digit.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A member of an object: its name, and the JSON text of its value.
pub type RawMember<'text> = (Cow<'text, str>, &'text RawValue);

/// The members of an object. A name that stands twice is there twice.
#[derive(Debug)]
pub struct RawObject<'text>(pub Vec<RawMember<'text>>);

impl<'text> RawObject<'text> {
    /// The members of a payload, if it is an object.
    #[must_use]
    pub fn of(payload: &'text [u8]) -> Option<Self> {
        serde_json::from_slice(payload).ok()
    }

    /// The JSON text of a member's value; of several with one name the last counts.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'text str> {
        let mut named = self.0.iter().rev().filter(|(member, _)| member == name);
        named.next().map(|(_, value)| value.get())
    }

    /// All of them: names, and the JSON text of their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'text str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_ref(), value.get()))
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
            // Writing text into memory cannot fail.
            let _name = serde_json::to_writer(&mut out, name.as_ref());
            out.push(b':');
            out.extend_from_slice(json.as_ref().as_bytes());
        }
        out.push(b'}');
        out
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
                while let Some((Name(name), value)) = map.next_entry()? {
                    members.push((name, value));
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
    fn nothing_else_is_an_object() {
        for other in ["[]", "1", "{", r#"{"a": 1} 2"#, ""] {
            assert!(RawObject::of(other.as_bytes()).is_none(), "{other}");
        }
    }
}
