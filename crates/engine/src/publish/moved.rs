//! Keys that changed in this run, and what that does to keys that contain them.
//!
//! When a session takes another name, the target carries the name on into the keys of its
//! offerings, sections and enrolments, whatever the source tells of those. A key that the source
//! tells as it was is therefore looked for as the target has it now.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::value::RawValue;
use syncline_ledger::LedgerError;
use syncline_model::{Collection, CollectionName, Key};

/// References inside references that are followed at most.
const DEPTH_MAX: usize = 16;

type Result<T> = std::result::Result<T, LedgerError>;

/// Which changes of keys there are. They are in the ledger; only those that may not be durable yet
/// are held here.
#[derive(Debug, Default)]
pub(crate) struct Moved {
    /// Collections of which keys changed.
    collections: BTreeSet<CollectionName>,
    /// From which to which.
    recent: BTreeMap<CollectionName, HashMap<Key, Key>>,
}

/// What the ledger knows of the key that a collection's key became.
type Lookup<'a> = dyn Fn(&CollectionName, &Key) -> Result<Option<Key>> + 'a;

/// Works out what keys are called now.
pub(crate) struct Carrying<'a> {
    moved: &'a Moved,
    collections: &'a BTreeMap<CollectionName, Collection>,
    known: &'a Lookup<'a>,
}

impl Moved {
    /// A key changed in the target.
    pub(crate) fn note(&mut self, collection: &CollectionName, from: Key, to: Key) {
        self.take_up(collection);
        let keys = self.recent.entry(collection.clone()).or_default();
        keys.insert(from, to);
    }

    /// The ledger knows of keys of a collection that changed.
    pub(crate) fn take_up(&mut self, collection: &CollectionName) {
        if !self.collections.contains(collection) {
            self.collections.insert(collection.clone());
        }
    }

    /// The ledger has all of them.
    pub(crate) fn are_durable(&mut self) {
        self.recent.clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.collections.is_empty()
    }

    /// Carries keys on, with what the ledger knows.
    pub(crate) const fn carrying<'a>(
        &'a self,
        collections: &'a BTreeMap<CollectionName, Collection>,
        known: &'a Lookup<'a>,
    ) -> Carrying<'a> {
        Carrying {
            moved: self,
            collections,
            known,
        }
    }
}

impl Carrying<'_> {
    /// A key as the target has it now, on account of the keys that it contains.
    pub(crate) fn carried(&self, collection: &Collection, key: &Key) -> Result<Key> {
        if self.moved.is_empty() {
            return Ok(key.clone());
        }
        self.carry((collection, key), DEPTH_MAX)
    }

    fn carry(&self, (collection, key): (&Collection, &Key), depth: usize) -> Result<Key> {
        let Ok(raw) = serde_json::from_str::<Vec<&RawValue>>(key.as_str()) else {
            return Ok(key.clone());
        };
        let mut values: Vec<String> = raw.iter().map(|value| value.get().to_owned()).collect();
        if values.len() != collection.key.len() || depth == 0 {
            return Ok(key.clone());
        }
        for reference in &collection.references {
            for target in &reference.targets {
                let Some(target) = self.collections.get(target) else {
                    continue;
                };
                let Some(places) = places(collection, &reference.path, target) else {
                    continue;
                };
                let contained = join(places.iter().filter_map(|&place| values.get(place)));
                let now = self.now((target, &contained), depth - 1)?;
                if let Ok(now) = serde_json::from_str::<Vec<&RawValue>>(now.as_str()) {
                    for (place, value) in places.into_iter().zip(now) {
                        value.get().clone_into(&mut values[place]);
                    }
                }
            }
        }
        Ok(join(values.iter()))
    }

    /// A key that another contains, as the target has it now.
    fn now(&self, (collection, key): (&Collection, &Key), depth: usize) -> Result<Key> {
        match self.became(&collection.name, key)? {
            Some(to) => Ok(to),
            None => self.carry((collection, key), depth),
        }
    }

    fn became(&self, collection: &CollectionName, key: &Key) -> Result<Option<Key>> {
        if !self.moved.collections.contains(collection) {
            return Ok(None);
        }
        let recent = self.moved.recent.get(collection);
        match recent.and_then(|keys| keys.get(key)) {
            Some(to) => Ok(Some(to.clone())),
            None => (self.known)(collection, key),
        }
    }
}

/// Where the values of a target's key stand in the key of whoever refers to it; nothing if not
/// all of them do.
fn places(collection: &Collection, path: &[String], target: &Collection) -> Option<Vec<usize>> {
    let inside = collection
        .key
        .iter()
        .any(|field| field.path.starts_with(path));
    if !inside || target.key.is_empty() {
        return None;
    }
    let place = |name: &String| {
        let under = collection.key.iter().position(|field| {
            field.path.len() == path.len() + 1
                && field.path.starts_with(path)
                && field.path.last() == Some(name)
        });
        // A value that several references share stands in the key once.
        under.or_else(|| collection.key.iter().position(|field| field.name == *name))
    };
    target.key.iter().map(|field| place(&field.name)).collect()
}

fn join<'a>(values: impl Iterator<Item = &'a String>) -> Key {
    let values: Vec<&str> = values.map(String::as_str).collect();
    Key::from_canonical(format!("[{}]", values.join(",")))
}

#[cfg(test)]
mod tests {
    use syncline_model::{KeyField, PayloadRules, Reference};

    use super::*;

    fn collection(name: &str, key: &[&str], references: &[(&str, &str)]) -> Collection {
        let path = |text: &str| -> Vec<String> { text.split('.').map(str::to_owned).collect() };
        let field = |text: &&str| KeyField {
            name: path(text).pop().unwrap(),
            path: path(text),
        };
        let reference = |(member, target): &(&str, &str)| Reference {
            path: path(member),
            targets: vec![CollectionName::new(*target)],
        };
        Collection {
            name: CollectionName::new(name),
            key: key.iter().map(field).collect(),
            fields: vec![],
            references: references.iter().map(reference).collect(),
            rules: PayloadRules::default(),
        }
    }

    fn model() -> BTreeMap<CollectionName, Collection> {
        let all = [
            collection("sessions", &["sessionName", "school.schoolId"], &[]),
            collection(
                "offerings",
                &["code", "session.sessionName", "session.schoolId"],
                &[("session", "sessions")],
            ),
            collection(
                "sections",
                &[
                    "id",
                    "offering.code",
                    "offering.sessionName",
                    "offering.schoolId",
                ],
                &[("offering", "offerings")],
            ),
        ];
        all.map(|one| (one.name.clone(), one)).into()
    }

    #[test]
    fn a_key_follows_the_keys_that_it_contains() {
        let model = model();
        let key = Key::from_canonical;
        let mut moved = Moved::default();
        let section = key(r#"["S","ALG","Fall",1.0]"#);
        // What the ledger has of sessions, once it is durable.
        let known = |name: &CollectionName, key: &Key| {
            let is_fall = name.as_str() == "sessions" && key.as_str() == r#"["Fall",1.0]"#;
            Ok(is_fall.then(|| Key::from_canonical(r#"["Autumn",1.0]"#)))
        };
        let carried = |moved: &Moved, section: &Key| {
            let carrying = moved.carrying(&model, &known);
            let key = carrying.carried(&model["sections"], section).unwrap();
            key.as_str().to_owned()
        };
        assert_eq!(carried(&moved, &section), section.as_str());
        moved.note(
            &CollectionName::new("sessions"),
            key(r#"["Fall",1.0]"#),
            key(r#"["Autumn",1.0]"#),
        );
        assert_eq!(carried(&moved, &section), r#"["S","ALG","Autumn",1.0]"#);
        moved.are_durable();
        assert_eq!(carried(&moved, &section), r#"["S","ALG","Autumn",1.0]"#);
        let other = key(r#"["S","ALG","Fall",2]"#);
        assert_eq!(carried(&moved, &other), other.as_str());
        moved.note(
            &CollectionName::new("offerings"),
            key(r#"["ALG","Fall",1.0]"#),
            key(r#"["GEO","Autumn",1.0]"#),
        );
        assert_eq!(carried(&moved, &section), r#"["S","GEO","Autumn",1.0]"#);
    }
}
