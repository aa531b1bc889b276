//! Which fields an update changes, and an update without some of them.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::value::RawValue;
use syncline_model::{
    Canonicaliser, Change, Collection, CollectionName, Digest, NullRule, PayloadRules, Record,
};

type Members<'text> = BTreeMap<String, &'text RawValue>;

/// The fields that an update changes.
#[derive(Debug)]
pub(super) struct Fields(Vec<String>);

impl Fields {
    /// Those whose value is another than before; all but the key if nothing is known of before.
    pub(super) fn changed(change: &Change, collection: &Collection) -> Self {
        let after = change.after.as_ref().map(members).unwrap_or_default();
        let before = change.before.as_ref().map(members);
        let is_key = |name: &String| collection.key.iter().any(|field| field.name == *name);
        let single = Collection {
            rules: PayloadRules {
                nulls: NullRule::Kept,
                ..PayloadRules::default()
            },
            ..Collection::named(CollectionName::new(""))
        };
        let mut single = Canonicaliser::new(&single);
        let mut differs = |name: &String, json: &RawValue| match &before {
            None => true,
            Some(before) => {
                let held = before.get(name).map_or("null", |held| held.get());
                held != json.get() && digest(&mut single, held) != digest(&mut single, json.get())
            }
        };
        let changed = after
            .iter()
            .filter(|(name, json)| !is_key(name) && differs(name, json));
        Self(changed.map(|(name, _)| name.clone()).collect())
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// The same for the same value, however it is spelled.
fn digest(single: &mut Canonicaliser, json: &str) -> Option<Digest> {
    let payload = format!("{{\"v\":{json}}}");
    let read = single.read(payload.as_bytes()).ok();
    read.map(|(_, digest)| digest)
}

fn members(record: &Record) -> Members<'_> {
    serde_json::from_slice(&record.payload).unwrap_or_default()
}

/// An update that says nothing of some fields.
pub(super) fn without(change: &Change, fields: &[&str]) -> Change {
    let mut change = change.clone();
    for record in [&mut change.before, &mut change.after]
        .into_iter()
        .flatten()
    {
        let mut kept = members(record);
        kept.retain(|name, _| !fields.contains(&name.as_str()));
        if let Ok(payload) = serde_json::to_vec(&kept) {
            record.payload = Bytes::from(payload);
        }
    }
    change
}
