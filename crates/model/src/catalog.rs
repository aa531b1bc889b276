//! Catalogs: which collections a store has, their keys, and what refers to what.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Field, FieldPath, KeyField, PayloadRules};

/// The name of a collection, unique in its store, for example `ed-fi/students`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CollectionName(Arc<str>);

impl CollectionName {
    /// A name from its text.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part after the last `/`: `students` of `ed-fi/students`.
    pub fn short(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The part before the last `/`: `ed-fi` of `ed-fi/students`, empty if there is none.
    pub fn namespace(&self) -> &str {
        self.0
            .rsplit_once('/')
            .map_or("", |(namespace, _)| namespace)
    }
}

impl fmt::Display for CollectionName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for CollectionName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, formatter)
    }
}

impl Borrow<str> for CollectionName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// A named set of records in a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collection {
    /// Its name.
    pub name: CollectionName,
    /// The fields of the key, in order; empty if unknown, and records are then keyed by content.
    pub key: Vec<KeyField>,
    /// Its fields as far as they are known, in the order of the store; empty if nothing is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    /// What its payloads refer to.
    pub references: Vec<Reference>,
    /// How its payloads are compared.
    pub rules: PayloadRules,
}

impl Collection {
    /// A collection of which only the name is known.
    pub fn named(name: CollectionName) -> Self {
        Self {
            name,
            key: vec![],
            fields: vec![],
            references: vec![],
            rules: PayloadRules::default(),
        }
    }

    /// The field of a name, if it is known.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// A reference from a collection's payload to other collections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// Where it is in the payload.
    pub path: FieldPath,
    /// The collections one of which holds the target.
    pub targets: Vec<CollectionName>,
}

/// Which system, seen through which door: two stores with the same identity hold the same data.
/// For an Ed-Fi API it is made of data URL, tenant, year and instance.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StoreIdentity(pub String);

/// What a store can do; the engine adapts to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// One write creates or replaces, whichever is needed.
    pub upsert: bool,
    /// Records can be deleted.
    pub delete: bool,
    /// Collections can be counted without reading them.
    pub count: bool,
    /// Most changes one write call takes; 0 means any number.
    pub batch: usize,
    /// Most writes under way at once that the store's owner allows; 0 means unlimited.
    pub in_flight: usize,
}

/// What a store says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalog {
    /// Which system this is.
    pub identity: StoreIdentity,
    /// Its collections by name.
    pub collections: BTreeMap<CollectionName, Collection>,
    /// Load order: each collection with those that must be complete before it starts.
    pub dependencies: BTreeMap<CollectionName, Vec<CollectionName>>,
    /// What the store can do.
    pub capabilities: Capabilities,
    /// What it has besides that is no collection, and why, one clause each.
    #[serde(default)]
    pub left_out: BTreeMap<String, String>,
}

impl Catalog {
    /// A catalog without collections.
    pub fn empty(identity: StoreIdentity) -> Self {
        Self {
            identity,
            collections: BTreeMap::new(),
            dependencies: BTreeMap::new(),
            capabilities: Capabilities::default(),
            left_out: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_splits_into_namespace_and_short_name() {
        let name = CollectionName::new("ed-fi/students");
        assert_eq!((name.namespace(), name.short()), ("ed-fi", "students"));
        let plain = CollectionName::new("students");
        assert_eq!((plain.namespace(), plain.short()), ("", "students"));
    }
}
