//! What of a flow is meant: collections, kinds of changes and keys, and whether anybody has these keys.
//!
//! A key is asked for as the texts of its values, as a person types it. That nobody has one is a mistake
//! of whoever asked, and not a flow without differences.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use syncline_model::{
    Canonicaliser, ChangeKind, Collection, CollectionName, Digest, Key, RawObject, canonical_number,
};
use syncline_plan::{PlannedChange, PlannedKey};

/// What of a flow is meant: everything, unless something is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Only {
    /// These keys, each as the texts of its values.
    pub keys: BTreeSet<Vec<String>>,
    /// These kinds of change.
    pub kinds: BTreeSet<ChangeKind>,
    /// These collections.
    pub collections: BTreeSet<CollectionName>,
    /// Whether the keys may be those of no record.
    pub may_be_missing: bool,
}

impl Only {
    /// Whether a whole flow is meant.
    pub fn is_everything(&self) -> bool {
        self.is_every_change() && self.collections.is_empty()
    }

    /// Whether all that differs is meant of the collections that are.
    pub fn is_every_change(&self) -> bool {
        self.keys.is_empty() && self.kinds.is_empty()
    }

    /// Whether a collection is meant.
    pub fn takes_collection(&self, name: &CollectionName) -> bool {
        self.collections.is_empty() || self.collections.contains(name)
    }

    /// Whether a change of a record is meant.
    pub fn takes(&self, key: &Key, kind: ChangeKind) -> bool {
        let kind_fits = self.kinds.is_empty() || self.kinds.contains(&kind);
        kind_fits && (self.keys.is_empty() || self.keys.iter().any(|typed| key.is_typed(typed)))
    }

    /// The keys that no change of a plan is about.
    pub fn keys_without_change<E>(
        &self,
        changes: impl Iterator<Item = Result<PlannedChange, E>>,
    ) -> Result<BTreeSet<Vec<String>>, E> {
        let mut keys = self.keys.clone();
        for change in changes {
            let change = change?;
            if !self.takes_collection(&change.collection) {
                continue;
            }
            for key in [Some(&change.key), change.new_key.as_ref()]
                .into_iter()
                .flatten()
            {
                if let PlannedKey::Text(key) = key {
                    keys.retain(|typed| !key.is_typed(typed));
                }
            }
            if keys.is_empty() {
                break;
            }
        }
        Ok(keys)
    }
}

/// Keys of one collection that are looked for among its differences.
#[derive(Debug, Default)]
pub(super) struct Sought {
    /// The keys that the texts may mean.
    meant: BTreeMap<Digest, BTreeSet<Vec<String>>>,
    met: RefCell<BTreeSet<Vec<String>>>,
}

impl Sought {
    pub(super) fn new(only: &Only, collection: &Collection) -> Self {
        let mut reader = Canonicaliser::new(collection);
        let mut meant: BTreeMap<Digest, BTreeSet<Vec<String>>> = BTreeMap::new();
        for texts in &only.keys {
            for payload in payloads(texts, collection) {
                if let Ok((key, _)) = reader.read(&payload)
                    && key.is_typed(texts)
                {
                    let meant = meant.entry(key.digest()).or_default();
                    meant.insert(texts.clone());
                }
            }
        }
        Self {
            meant,
            met: RefCell::default(),
        }
    }

    /// One of the two sides has a key.
    pub(super) fn meet(&self, key: &Digest) {
        if let Some(texts) = self.meant.get(key) {
            self.met.borrow_mut().extend(texts.iter().cloned());
        }
    }

    /// Those that were met.
    pub(super) fn met(self) -> BTreeSet<Vec<String>> {
        self.met.into_inner()
    }
}

/// Records of a key that is typed: all its values as texts, all as other JSON where they can be, and
/// what is between. None if the key has other fields.
fn payloads(texts: &[String], collection: &Collection) -> Vec<Vec<u8>> {
    if texts.len() != collection.key.len() {
        return vec![];
    }
    let mut keys: Vec<Vec<String>> = vec![vec![]];
    for text in texts {
        let quoted = serde_json::Value::from(text.as_str()).to_string();
        let is_scalar = canonical_number(text).is_some() || matches!(&**text, "true" | "false");
        let values = [Some(quoted), is_scalar.then(|| text.clone())];
        let mut longer = Vec::new();
        for value in values.into_iter().flatten() {
            longer.extend(keys.iter().cloned().map(|mut key| {
                key.push(value.clone());
                key
            }));
        }
        keys = longer;
    }
    let names = collection.key.iter().map(|field| &field.name);
    keys.iter()
        .map(|key| RawObject::written(names.clone().zip(key)))
        .collect()
}

#[cfg(test)]
mod tests {
    use syncline_model::KeyField;

    use super::*;

    fn check(typed: &[&str], key: &str, is_met: bool) {
        let field = |name: &str| KeyField {
            name: name.to_owned(),
            path: vec![name.to_owned()],
        };
        let collection = Collection {
            key: ["school", "code"].map(field).into(),
            ..Collection::named(CollectionName::new("courses"))
        };
        let typed: Vec<String> = typed.iter().map(|&one| one.to_owned()).collect();
        let only = Only {
            keys: [typed.clone()].into(),
            ..Only::default()
        };
        let sought = Sought::new(&only, &collection);
        sought.meet(&Key::from_canonical(key).digest());
        assert_eq!(sought.met().contains(&typed), is_met, "{typed:?} {key}");
    }

    #[test]
    fn a_typed_key_may_be_of_texts_and_of_numbers() {
        check(&["7", "A"], "[7,\"A\"]", true);
        check(&["7", "A"], "[\"7\",\"A\"]", true);
        check(&["7", "8"], "[7,\"8\"]", true);
        check(&["7", "true"], "[7,true]", true);
        check(&["7", "\u{e9} \"q\""], "[7,\"\u{e9} \\\"q\\\"\"]", true);
        check(&["7", "A"], "[7,\"B\"]", false);
        check(&["7.0", "A"], "[7,\"A\"]", true);
        check(&["7.0", "A"], "[\"7\",\"A\"]", false);
        let large = "12345678901234567890123";
        check(&[large, "1.50"], &format!("[{large},15e-1]"), true);
        check(&[large, "1.50"], &format!("[{large},\"1.50\"]"), true);
        check(&["7"], "[7,\"A\"]", false);
    }
}
