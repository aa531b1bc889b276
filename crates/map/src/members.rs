//! The members of a payload in their order, with their values as they stand.

use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of an object.
pub(crate) struct Members<'text>(Vec<(String, &'text RawValue)>);

impl<'text> Members<'text> {
    /// The members of a payload, if it is an object.
    pub(crate) fn of(payload: &'text [u8]) -> Option<Self> {
        serde_json::from_slice(payload).ok()
    }

    /// The JSON text of a member's value; of several with one name the last counts.
    pub(crate) fn get(&self, name: &str) -> Option<&'text str> {
        let mut named = self.0.iter().rev().filter(|(member, _)| member == name);
        named.next().map(|(_, value)| value.get())
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &'text str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.get()))
    }
}

impl<'de> serde::Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}
