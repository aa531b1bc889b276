//! What a mapping makes of a key by itself, where there is no row any more.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use syncline_model::{Canonicaliser, Collection, Key, RawObject};

use super::Mapping;

/// Members of an object that holds a key.
#[derive(Debug)]
enum Node<'text> {
    Value(&'text str),
    Members(BTreeMap<&'text str, Self>),
}

impl Mapping {
    /// The key of what a row with this key became; nothing if that does not follow from the key.
    pub(crate) fn key_of(&self, source: &Collection, key: &Key) -> Option<Key> {
        let payload = payload(source, key)?;
        let row = RawObject::of(payload.as_bytes())?;
        let own = self.shape.collection();
        let context = self.context(&row);
        let is_key = |name: &str| own.key.iter().any(|field| field.name == name);
        let record = self.written((&row, payload.len()), context, is_key).ok()?;
        let (key, _) = Canonicaliser::new(own).read(&record).ok()?;
        (!key.is_content()).then_some(key)
    }
}

/// An object that has a key where the rows of a collection have it, and nothing else.
fn payload(collection: &Collection, key: &Key) -> Option<String> {
    let values: Vec<&RawValue> = serde_json::from_str(key.as_str()).ok()?;
    let is_of_fields = !key.is_content() && key.known_digest().is_none();
    if !is_of_fields || values.len() != collection.key.len() {
        return None;
    }
    let mut root = Node::Members(BTreeMap::new());
    for (field, value) in collection.key.iter().zip(values) {
        let mut place = &mut root;
        for name in &field.path {
            let Node::Members(members) = place else {
                return None;
            };
            let empty = || Node::Members(BTreeMap::new());
            place = members.entry(name).or_insert_with(empty);
        }
        *place = Node::Value(value.get());
    }
    Some(root.text())
}

impl Node<'_> {
    fn text(&self) -> String {
        match self {
            Self::Value(text) => (*text).to_owned(),
            Self::Members(members) => {
                let members = members.iter().map(|(name, node)| {
                    let name = serde_json::Value::from(*name);
                    format!("{name}:{}", node.text())
                });
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }
        }
    }
}
