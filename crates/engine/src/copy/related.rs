//! Following references: what copied records refer to is looked up by its key and copied too, in
//! rounds, until nothing new is named.
//!
//! Each record is copied once. A collection that is copied whole need not be looked into. A
//! reference to one of several collections (an education organization) is looked for where the
//! record says it is, and then in the others. Rounds and look-ups are bounded; what is left then
//! is said.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};

use futures_util::StreamExt as _;
use serde_json::{Map, Value};
use syncline_model::{
    Canonicaliser, Catalog, Collection, CollectionName, Digest, Key, Record, Scope,
};
use syncline_store::{Batch, Query, StoreError, Want};

use super::part::Part;
use super::{Parts, Shared};
use crate::EngineError;
use crate::context::lock;

/// Rounds of look-ups at most: references of references of references.
const ROUNDS_MAX: usize = 32;
/// Look-ups of a run at most, so that what is remembered of them stays small.
const LOOKUPS_MAX: usize = 1_000_000;
/// Look-ups under way at once; the source bounds its requests further.
const LOOKUPS_TOGETHER: usize = 16;

/// Which records are known, and which are still to be looked up.
pub(super) struct Related {
    collections: BTreeMap<CollectionName, Arc<Collection>>,
    /// Collections that are copied whole.
    whole: HashSet<CollectionName>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Records copied or looked for, by collection and key.
    known: HashSet<Digest>,
    waiting: Vec<Wanted>,
}

/// A record that something refers to.
struct Wanted {
    /// Where it may be, the likeliest first, each with the key it has there.
    places: Vec<(Arc<Collection>, Key)>,
    /// Whoever refers to it.
    from: CollectionName,
}

impl Related {
    pub(super) fn new(catalog: Catalog, scope: &Scope, copied: &[Arc<Collection>]) -> Self {
        let whole = if *scope == Scope::Whole {
            copied.iter().map(|one| one.name.clone()).collect()
        } else {
            HashSet::new()
        };
        Self {
            collections: catalog
                .collections
                .into_iter()
                .map(|(name, collection)| (name, Arc::new(collection)))
                .collect(),
            whole,
            state: Mutex::default(),
        }
    }

    /// Remembers records that are copied and what they refer to.
    pub(super) fn note(&self, collection: &Collection, records: &[Record]) {
        for record in records {
            lock(&self.state)
                .known
                .insert(mark(&collection.name, &record.key));
            if collection.references.is_empty() {
                continue;
            }
            if let Ok(payload) = serde_json::from_slice::<Value>(&record.payload) {
                self.note_references(collection, &payload);
            }
        }
    }

    fn note_references(&self, collection: &Collection, payload: &Value) {
        for reference in &collection.references {
            let mut found = Vec::new();
            values_at(payload, &reference.path, &mut found);
            for members in found {
                if let Some(wanted) = self.wanted(collection, members, &reference.targets) {
                    self.want(wanted);
                }
            }
        }
    }

    /// The record that the members of a reference name; nothing if it is copied anyway.
    fn wanted(
        &self,
        from: &Collection,
        members: &Map<String, Value>,
        targets: &[CollectionName],
    ) -> Option<Wanted> {
        let mut places: Vec<(Arc<Collection>, Key)> = targets
            .iter()
            .filter_map(|name| {
                let collection = self.collections.get(name)?;
                Some((Arc::clone(collection), key_of(collection, members)?))
            })
            .collect();
        let named = named_by_link(members);
        places.sort_by_key(|(collection, _)| Some(collection.name.as_str()) != named.as_deref());
        let first = places.first()?;
        let certain = places.len() == 1 || named.as_deref() == Some(first.0.name.as_str());
        if certain && self.whole.contains(&first.0.name) {
            return None;
        }
        Some(Wanted {
            places,
            from: from.name.clone(),
        })
    }

    fn want(&self, wanted: Wanted) {
        let mut state = lock(&self.state);
        let is_known = wanted
            .places
            .iter()
            .any(|(collection, key)| state.known.contains(&mark(&collection.name, key)));
        if is_known || state.known.len() >= LOOKUPS_MAX {
            return;
        }
        // Asked for under its first name only; found, it is known under its true one.
        if let Some((collection, key)) = wanted.places.first() {
            let mark = mark(&collection.name, key);
            state.known.insert(mark);
        }
        state.waiting.push(wanted);
    }

    fn take_waiting(&self) -> Vec<Wanted> {
        std::mem::take(&mut lock(&self.state).waiting)
    }

    fn is_full(&self) -> bool {
        lock(&self.state).known.len() >= LOOKUPS_MAX
    }
}

/// Looks up and copies until nothing new is named.
pub(super) async fn follow(shared: &Arc<Shared>, parts: &mut Parts) -> Result<(), EngineError> {
    let Some(related) = &shared.related else {
        return Ok(());
    };
    for _ in 0..ROUNDS_MAX {
        let waiting = related.take_waiting();
        if waiting.is_empty() || shared.stop.is_cancelled() {
            return Ok(());
        }
        let mut lookups = futures_util::stream::iter(waiting)
            .map(|wanted| look_up(shared, wanted))
            .buffer_unordered(LOOKUPS_TOGETHER);
        while let Some((wanted, found)) = lookups.next().await {
            if shared.stop.is_cancelled() {
                return Ok(());
            }
            settle(shared, parts, (&wanted, found?)).await?;
        }
    }
    let unfinished = related.is_full() || !related.take_waiting().is_empty();
    if unfinished {
        let reason = "further records are referred to than can be followed".to_owned();
        for part in parts.values() {
            part.note_partial(reason.clone());
        }
    }
    Ok(())
}

/// Writes what was found, and notes what it refers to in turn.
async fn settle(
    shared: &Shared,
    parts: &mut Parts,
    (wanted, found): (&Wanted, Option<(Arc<Collection>, Record)>),
) -> Result<(), EngineError> {
    let Some((collection, record)) = found else {
        if let Some(part) = parts.get(&wanted.from) {
            part.note_problem("something it refers to was not found".to_owned());
        }
        return Ok(());
    };
    let part = parts
        .entry(collection.name.clone())
        .or_insert_with(|| Arc::new(Part::new(Arc::clone(&collection))));
    part.note_looked_up();
    if let Some(related) = &shared.related {
        related.note(&collection, std::slice::from_ref(&record));
    }
    shared.note_batch();
    part.write(shared, vec![record]).await?;
    Ok(())
}

type Found = Result<Option<(Arc<Collection>, Record)>, StoreError>;

/// Looks where a record may be until it is found.
async fn look_up(shared: &Shared, wanted: Wanted) -> (Wanted, Found) {
    for (collection, key) in &wanted.places {
        match one(shared, collection, key).await {
            Ok(Some(record)) => {
                let found = (Arc::clone(collection), record);
                return (wanted, Ok(Some(found)));
            }
            Ok(None) => {}
            // A collection that may not be read holds nothing that could be copied.
            Err(error) if !error.is_transient() => {}
            Err(error) => return (wanted, Err(error)),
        }
    }
    (wanted, Ok(None))
}

/// The record with a key, asked for by the fields of the key.
async fn one(
    shared: &Shared,
    collection: &Arc<Collection>,
    key: &Key,
) -> Result<Option<Record>, StoreError> {
    let values: Vec<Value> = serde_json::from_str(key.as_str()).unwrap_or_default();
    let fields = collection.key.iter().zip(values);
    let asked = fields.map(|(field, value)| {
        let text = match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        (field.name.clone(), text)
    });
    let query = Query {
        collection: Arc::clone(collection),
        scope: Scope::Matching(asked.collect()),
        since: None,
        want: Want::Records,
    };
    let mut stream = shared.source.read(query).await?;
    while let Some(batch) = stream.next().await {
        if let Batch::Put(records) = batch? {
            let found = records.into_iter().find(|record| record.key == *key);
            if found.is_some() {
                return Ok(found);
            }
        }
    }
    Ok(None)
}

/// The objects at a path, through lists.
fn values_at<'json>(
    value: &'json Value,
    path: &[String],
    found: &mut Vec<&'json Map<String, Value>>,
) {
    match (value, path.split_first()) {
        (Value::Array(items), _) => {
            for item in items {
                values_at(item, path, found);
            }
        }
        (Value::Object(members), Some((first, rest))) => {
            if let Some(inner) = members.get(first) {
                values_at(inner, rest, found);
            }
        }
        (Value::Object(members), None) => found.push(members),
        _ => {}
    }
}

/// The key that the members of a reference give a record of a collection: by the names of its
/// key fields, or, where there is one of each, whatever they are called.
fn key_of(collection: &Collection, members: &Map<String, Value>) -> Option<Key> {
    let own: Vec<(&String, &Value)> = members.iter().filter(|(name, _)| *name != "link").collect();
    let mut payload = Value::Object(Map::new());
    for field in &collection.key {
        let value = match (members.get(&field.name), own.as_slice()) {
            (Some(value), _) => value,
            (None, [(_, value)]) if collection.key.len() == 1 => value,
            _ => return None,
        };
        put(&mut payload, &field.path, value.clone());
    }
    let text = serde_json::to_vec(&payload).ok()?;
    let (key, _) = Canonicaliser::new(collection).read(&text).ok()?;
    (!key.is_content()).then_some(key)
}

fn put(payload: &mut Value, path: &[String], value: Value) {
    let mut place = payload;
    for name in path {
        place = &mut place[name.as_str()];
    }
    *place = value;
}

/// The collection that a reference's link points into: `ed-fi/schools` of `/ed-fi/schools/0b2f`.
fn named_by_link(members: &Map<String, Value>) -> Option<String> {
    let href = members.get("link")?.get("href")?.as_str()?;
    let (collection, _) = href.trim_start_matches('/').rsplit_once('/')?;
    Some(collection.to_owned())
}

fn mark(collection: &CollectionName, key: &Key) -> Digest {
    Digest::of(format!("{collection} {key}").as_bytes())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use syncline_model::{KeyField, PayloadRules};

    use super::*;

    fn sections() -> Collection {
        let field = |name: &str, path: &[&str]| KeyField {
            name: name.to_owned(),
            path: path.iter().map(|part| (*part).to_owned()).collect(),
        };
        Collection {
            name: CollectionName::new("ed-fi/sections"),
            key: vec![
                field("sectionIdentifier", &["sectionIdentifier"]),
                field("schoolId", &["courseOfferingReference", "schoolId"]),
            ],
            references: vec![],
            rules: PayloadRules::default(),
        }
    }

    #[test]
    fn a_reference_gives_the_key_that_the_record_has() {
        let reference = json!({"schoolId": 7.0, "sectionIdentifier": "A", "link": {"rel": "x"}});
        let key = key_of(&sections(), reference.as_object().unwrap()).unwrap();
        assert_eq!(key.as_str(), "[\"A\",7]");
        let partial = json!({"schoolId": 7});
        assert_eq!(key_of(&sections(), partial.as_object().unwrap()), None);
    }

    #[test]
    fn a_single_member_is_the_key_whatever_it_is_called() {
        let mut schools = sections();
        schools.key.remove(0);
        let reference = json!({"educationOrganizationId": 7, "link": {"rel": "School"}});
        let key = key_of(&schools, reference.as_object().unwrap()).unwrap();
        assert_eq!(key.as_str(), "[7]");
    }

    #[test]
    fn references_inside_lists_are_found() {
        let payload = json!({"a": [{"r": {"x": 1}}, {"r": {"x": 2}}, {"other": {}}], "r": {}});
        let mut found = Vec::new();
        values_at(&payload, &["a".to_owned(), "r".to_owned()], &mut found);
        assert_eq!(found.len(), 2);
    }
}
