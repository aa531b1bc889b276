//! Following references: what copied records refer to is looked up by its key and copied too, in
//! rounds, until nothing new is named.
//!
//! Each record is copied once. A collection that is copied whole need not be looked into. A
//! reference to one of several collections (an education organization) is looked for where the
//! record says it is, and then in the others. Rounds and look-ups are bounded; what is left then
//! is said. What was found is remembered on disk, where that is wanted, and not asked for again by
//! a run that goes on where this one was stopped.

mod follow;
mod journal;
pub(crate) mod keys;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value};
use syncline_model::{Collection, CollectionName, Digest, Key, Record, Scope};

use super::{Following, MoreReferences};
use crate::context::lock;
use journal::{Journal, Line, WantedLine};
use keys::{key_of, named_by_link, values_at};

pub(super) use follow::follow;

/// Look-ups of a run at most, so that what is remembered of them stays small.
const LOOKUPS_MAX: usize = 1_000_000;

/// A record, and the collection it is in.
type Find = (Arc<Collection>, Record);

/// Which records are known, and which are still to be looked up.
pub(super) struct Related {
    collections: BTreeMap<CollectionName, Arc<Collection>>,
    /// Collections that are copied whole, by this run or the one that it goes on with.
    whole: HashSet<CollectionName>,
    more: Option<MoreReferences>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Records copied or looked for, by collection and key.
    known: HashSet<Digest>,
    waiting: Vec<Wanted>,
    journal: Option<Journal>,
}

/// A record that something refers to.
struct Wanted {
    /// Where it may be, the likeliest first, each with the key it has there.
    places: Vec<(Arc<Collection>, Key)>,
    /// Whoever refers to it.
    from: CollectionName,
}

impl Related {
    /// What is to be followed, the journal of an earlier run included.
    pub(super) fn open(
        following: Following,
        scope: &Scope,
        copied: &[Arc<Collection>],
    ) -> std::io::Result<Self> {
        let whole = if *scope == Scope::Whole {
            let copied = copied.iter().map(|one| one.name.clone());
            copied.chain(following.done).collect()
        } else {
            HashSet::new()
        };
        let journal = following.journal.as_deref().map(Journal::open);
        let related = Self {
            collections: following
                .catalog
                .collections
                .into_iter()
                .map(|(name, collection)| (name, Arc::new(collection)))
                .collect(),
            whole,
            more: following.more,
            state: Mutex::default(),
        };
        if let Some(journal) = journal.transpose()? {
            related.recall(&journal)?;
            lock(&related.state).journal = Some(journal);
        }
        Ok(related)
    }

    /// Whether a collection is copied whole, so that nothing of it has to be looked up.
    pub(super) fn is_whole(&self, name: &CollectionName) -> bool {
        self.whole.contains(name)
    }

    /// Knows again what was found, and waits again for what was not.
    fn recall(&self, journal: &Journal) -> std::io::Result<()> {
        let mut found = HashSet::new();
        let mut waiting = Vec::new();
        for line in journal.earlier()? {
            match line? {
                Line::Found(line) => {
                    found.extend(line.sought());
                    let mark = mark(&line.found, &line.key);
                    lock(&self.state).known.insert(mark);
                }
                Line::Wanted(line) => waiting.push(line),
            }
        }
        for line in waiting {
            let places: Vec<(Arc<Collection>, Key)> = line
                .wanted
                .into_iter()
                .filter_map(|(name, key)| Some((Arc::clone(self.collections.get(&name)?), key)))
                .collect();
            let first = places.first();
            let mark = first.map(|(collection, key)| mark(&collection.name, key));
            let mut state = lock(&self.state);
            if let Some(mark) = mark.filter(|mark| !found.contains(mark))
                && state.known.insert(mark)
            {
                state.waiting.push(Wanted {
                    places,
                    from: line.from,
                });
            }
        }
        lock(&self.state).known.extend(found);
        Ok(())
    }

    /// Makes sure that what was noted so far is not lost with this process.
    pub(super) fn keep(&self) -> std::io::Result<()> {
        match &mut lock(&self.state).journal {
            Some(journal) => journal.flush(),
            None => Ok(()),
        }
    }

    /// Remembers records that are copied and what they refer to.
    pub(super) fn note(&self, collection: &Collection, records: &[Record]) -> std::io::Result<()> {
        for record in records {
            lock(&self.state)
                .known
                .insert(mark(&collection.name, &record.key));
            if collection.references.is_empty() && self.more.is_none() {
                continue;
            }
            if let Ok(payload) = serde_json::from_slice::<Value>(&record.payload) {
                self.note_references(collection, &payload)?;
            }
        }
        Ok(())
    }

    fn note_references(&self, collection: &Collection, payload: &Value) -> std::io::Result<()> {
        for reference in &collection.references {
            let mut found = Vec::new();
            values_at(payload, &reference.path, &mut found);
            for members in found {
                if let Some(wanted) = self.wanted(collection, members, &reference.targets) {
                    self.want(wanted)?;
                }
            }
        }
        for named in self.more.iter().flat_map(|more| more(payload)) {
            let targets = [named.collection];
            if let Some(wanted) = self.wanted(collection, &named.members, &targets) {
                self.want(wanted)?;
            }
        }
        Ok(())
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

    fn want(&self, wanted: Wanted) -> std::io::Result<()> {
        let mut state = lock(&self.state);
        let is_known = wanted
            .places
            .iter()
            .any(|(collection, key)| state.known.contains(&mark(&collection.name, key)));
        if is_known || state.known.len() >= LOOKUPS_MAX {
            return Ok(());
        }
        // Asked for under its first name only; found, it is known under its true one.
        if let Some(mark) = wanted.mark() {
            state.known.insert(mark);
        }
        if let Some(journal) = &mut state.journal {
            journal.wanted(&wanted.line())?;
        }
        state.waiting.push(wanted);
        Ok(())
    }

    /// Remembers what was found.
    fn note_found(&self, wanted: &Wanted, (collection, record): &Find) -> std::io::Result<()> {
        self.note(collection, std::slice::from_ref(record))?;
        match (&mut lock(&self.state).journal, wanted.mark()) {
            (Some(journal), Some(mark)) => {
                journal.found((&collection.name, &record.key), mark, &record.payload)
            }
            _ => Ok(()),
        }
    }

    /// The records that earlier runs have found.
    fn found_earlier(
        &self,
    ) -> std::io::Result<impl Iterator<Item = std::io::Result<Line>> + use<>> {
        let state = lock(&self.state);
        let journal = state.journal.as_ref().map(Journal::earlier).transpose()?;
        Ok(journal.into_iter().flatten())
    }

    fn take_waiting(&self) -> Vec<Wanted> {
        std::mem::take(&mut lock(&self.state).waiting)
    }

    fn is_full(&self) -> bool {
        lock(&self.state).known.len() >= LOOKUPS_MAX
    }
}

impl Wanted {
    /// The mark under which it is looked for.
    fn mark(&self) -> Option<Digest> {
        let (collection, key) = self.places.first()?;
        Some(mark(&collection.name, key))
    }

    fn line(&self) -> WantedLine {
        let places = self.places.iter();
        WantedLine {
            wanted: places
                .map(|(collection, key)| (collection.name.clone(), key.clone()))
                .collect(),
            from: self.from.clone(),
        }
    }
}

fn mark(collection: &CollectionName, key: &Key) -> Digest {
    Digest::of(format!("{collection} {key}").as_bytes())
}
