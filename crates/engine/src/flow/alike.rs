//! Keys that the target takes for the same though they are spelled in different ways.

use std::collections::HashSet;

use syncline_model::{Alike, Collection, Digest, RawObject};

use super::values::plain;

/// Most keys of new records that are kept.
const CREATED_MAX: usize = 100_000;

/// What a key is to the target.
pub(super) struct AlikeKeys {
    /// The fields of the key, and what does not tell their values apart.
    fields: Vec<(String, Alike)>,
}

impl AlikeKeys {
    /// Nothing for a collection whose keys are told apart as they are spelled.
    pub(super) fn of(collection: &Collection) -> Option<Self> {
        let alike = |name: &str| {
            let field = collection.field(name);
            field.map(|field| field.bounds.alike).unwrap_or_default()
        };
        let fields: Vec<(String, Alike)> = collection
            .key
            .iter()
            .map(|field| (field.name.clone(), alike(&field.name)))
            .collect();
        let is_exact = fields.iter().all(|(_, alike)| alike.is_exact());
        (!is_exact).then_some(Self { fields })
    }

    /// What is the same for all keys that are not told apart; nothing for a record without a key.
    pub(super) fn identity(&self, payload: &[u8]) -> Option<Digest> {
        let members = RawObject::of(payload)?;
        let folded = |(name, alike): &(String, Alike)| {
            let value = members.get(name)?;
            Some(alike.fold(&plain(value)))
        };
        let values: Option<Vec<String>> = self.fields.iter().map(folded).collect();
        Some(Digest::of(values?.join("\u{1}").as_bytes()))
    }
}

/// Keys of records that are to be created, as far as they can be kept.
#[derive(Default)]
pub(super) struct CreatedKeys {
    identities: HashSet<Digest>,
    is_full: bool,
}

impl CreatedKeys {
    pub(super) fn add(&mut self, identity: Digest) {
        self.is_full |= self.identities.len() >= CREATED_MAX;
        if !self.is_full {
            self.identities.insert(identity);
        }
    }

    /// Whether a record of such a key may be among them.
    pub(super) fn may_have(&self, identity: Digest) -> bool {
        self.is_full || self.identities.contains(&identity)
    }
}

#[cfg(test)]
mod tests {
    use syncline_model::{Bounds, CollectionName, Field, FieldKind, KeyField};

    use super::*;

    fn collection(alike: Alike) -> Collection {
        let bounds = Bounds {
            alike,
            ..Bounds::default()
        };
        let field = |name: &str| Field::new(name, FieldKind::Text).bounded(bounds);
        let key = |name: &str| KeyField {
            name: name.to_owned(),
            path: vec![name.to_owned()],
        };
        Collection {
            key: vec![key("id"), key("part")],
            fields: vec![field("id"), field("part"), field("other")],
            ..Collection::named(CollectionName::new("people"))
        }
    }

    #[test]
    fn keys_are_the_same_by_what_does_not_tell_them_apart() {
        assert!(AlikeKeys::of(&collection(Alike::default())).is_none());
        let keys = AlikeKeys::of(&collection(Alike {
            case: true,
            ..Alike::default()
        }));
        let keys = keys.unwrap();
        let of = |payload: &str| keys.identity(payload.as_bytes());
        let ann = of(r#"{"id":"Ann","part":1,"other":"x"}"#);
        assert!(ann.is_some());
        assert_eq!(ann, of(r#"{"other":"y","part":1,"id":"aNN"}"#));
        assert_ne!(ann, of(r#"{"id":"Ann","part":2}"#));
        assert_eq!(of(r#"{"id":"Ann"}"#), None);
        assert_eq!(of("no object"), None);
    }

    #[test]
    fn where_there_are_too_many_keys_each_may_be_among_them() {
        let mut created = CreatedKeys::default();
        let identity = |number: usize| Digest::of(&number.to_le_bytes());
        (0..CREATED_MAX)
            .map(identity)
            .for_each(|one| created.add(one));
        assert!(created.may_have(identity(5)) && !created.may_have(identity(CREATED_MAX)));
        created.add(identity(CREATED_MAX));
        assert!(created.may_have(identity(CREATED_MAX + 1)));
    }
}
