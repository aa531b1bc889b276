//! Fetching from the source what others refer to and the target does not have.
//!
//! The window of a run may leave it out: it was written after the moment of the run, or its
//! collection was not chosen. Each is looked up once, in rounds, because what is fetched may itself
//! refer to something; only then is what waited for it offered again, so that nothing is offered in
//! vain. It is looked up by its key, or, where a reference does not give one, by what the record that
//! refers to it links to.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::StreamExt as _;
use serde_json::{Map, Value};
use syncline_ledger::{Known, OwedClass};
use syncline_model::{
    Change, Collection, CollectionName, Digest, FailureClass, Key, Link, Record, Reference, Scope,
};
use syncline_store::{Batch, Query, StoreError};

use super::denied::Side;
use super::part::Part;
use super::{Publication, Ways};
use crate::collection::CollectionRun;
use crate::context::lock;
use crate::copy::related::keys::{key_of, look_up_by, values_at};
use crate::feed::offer;
use crate::lanes::OfferKind;
use crate::recorder::flush;
use crate::{EngineError, parked};

/// Rounds at most in which something is fetched and what waited for it offered again.
const ROUNDS_MAX: usize = 8;
/// References of references that are followed at most before anything is offered again.
const DEPTH_MAX: usize = 16;
/// Look-ups of a run at most.
const LOOKUPS_MAX: usize = 100_000;
/// Look-ups under way at once.
const TOGETHER: usize = 8;

/// Where something may be, and how it is found there.
struct Place {
    collection: Arc<Collection>,
    way: Way,
}

/// How something is found in its collection.
enum Way {
    Key(Key),
    Link(Link),
}

impl Place {
    fn scope(&self) -> Scope {
        match &self.way {
            Way::Key(key) => look_up_by(&self.collection, key),
            Way::Link(link) => Scope::Linked(link.clone()),
        }
    }

    /// Tells it from other places.
    fn digest(&self) -> Digest {
        let name = &self.collection.name;
        let text = match &self.way {
            Way::Key(key) => format!("{name} {key}"),
            Way::Link(link) => format!("{name} {link:?}"),
        };
        Digest::of(text.as_bytes())
    }

    fn takes(&self, record: &Record) -> bool {
        match &self.way {
            Way::Key(key) => record.key == *key,
            Way::Link(_) => true,
        }
    }
}

/// What was looked for so far.
struct Search {
    collections: BTreeMap<CollectionName, Arc<Collection>>,
    asked: HashSet<Digest>,
    /// Whether more was to be looked up than a run looks up.
    is_full: bool,
    /// Whether what the target held before this run counts as there.
    trusts_ledger: bool,
}

/// Fetches what owed records lack and offers again what was declined for something that is missing,
/// until nothing more is found.
pub(crate) async fn settle(publication: &Publication, ways: &Ways) -> Result<(), EngineError> {
    let context = &publication.context;
    let collections = context.catalog.collections.iter();
    let mut search = Search {
        collections: collections
            .map(|(name, collection)| (name.clone(), Arc::new(collection.clone())))
            .collect(),
        asked: HashSet::new(),
        is_full: false,
        trusts_ledger: true,
    };
    for round in 0..ROUNDS_MAX {
        // Somebody else may have deleted in the target what the ledger knows to be there.
        search.trusts_ledger = round == 0;
        let found = search.fetch(publication, ways).await?;
        // What waits for a record that came by itself is offered again in any case.
        if context.stop.is_stopped() || (round > 0 && found == 0) {
            return Ok(());
        }
        let runs = publication.all_runs();
        parked::offer_again(context, &ways.lanes, &ways.notes, &runs).await?;
    }
    Ok(())
}

impl Search {
    /// Fetches what owed records lack, and what that lacks itself; how many records that were.
    async fn fetch(&mut self, publication: &Publication, ways: &Ways) -> Result<u64, EngineError> {
        let context = &publication.context;
        let mut fetched = 0;
        for _ in 0..DEPTH_MAX {
            flush(context, &ways.notes).await;
            let wanted = self.wanted(publication)?;
            let is_full = &publication.looks_no_further;
            is_full.fetch_or(self.is_full, Ordering::Relaxed);
            let mut lookups = futures_util::stream::iter(wanted)
                .map(|places| look_up(publication, places))
                .buffer_unordered(TOGETHER);
            let mut found = 0;
            while let Some(looked_up) = lookups.next().await {
                for one in looked_up? {
                    found += 1;
                    Self::write(publication, ways, one).await;
                }
            }
            for run in publication.all_runs() {
                run.until_idle().await;
            }
            fetched += found;
            if found == 0 || context.stop.is_stopped() {
                break;
            }
        }
        Ok(fetched)
    }

    /// What owed records refer to and was not asked for yet.
    fn wanted(&mut self, publication: &Publication) -> Result<Vec<Vec<Place>>, EngineError> {
        let context = &publication.context;
        let mut wanted = Vec::new();
        let owed = lock(&context.ledger).owed(context.scope, None)?;
        for owed in owed {
            let owed = owed?;
            let lacks = owed.class == OwedClass::Failed(FailureClass::MissingReference);
            let Some(collection) = self.collections.get(&owed.collection).cloned() else {
                continue;
            };
            if !lacks || owed.payload.is_empty() {
                continue;
            }
            let payload: Value = serde_json::from_slice(&owed.payload).unwrap_or_default();
            for reference in &collection.references {
                let mut found = Vec::new();
                values_at(&payload, &reference.path, &mut found);
                for members in found {
                    let mut places = self.by_key(reference, members);
                    if places.is_empty() {
                        places = self.by_link(reference, (&collection, &owed.key_text));
                    }
                    if !self.is_known(publication, &places)? && self.is_new(&places) {
                        wanted.push(places);
                    }
                }
            }
        }
        Ok(wanted)
    }

    fn by_key(&self, reference: &Reference, members: &Map<String, Value>) -> Vec<Place> {
        let targets = reference.targets.iter();
        let places = targets.filter_map(|name| {
            let collection = Arc::clone(self.collections.get(name)?);
            let way = Way::Key(key_of(&collection, members)?);
            Some(Place { collection, way })
        });
        places.collect()
    }

    /// What the holder of a reference links to, if the holder itself can be looked up.
    fn by_link(
        &self,
        reference: &Reference,
        (holder, key_text): (&Collection, &str),
    ) -> Vec<Place> {
        let key = Key::from_canonical(key_text);
        let Scope::Matching(matching) = look_up_by(holder, &key) else {
            return vec![];
        };
        let is_whole = !matching.is_empty() && matching.len() == holder.key.len();
        if key.is_content() || !is_whole {
            return vec![];
        }
        let link = Link {
            holder: holder.name.clone(),
            matching,
            path: reference.path.clone(),
        };
        let targets = reference.targets.iter();
        let places = targets.filter_map(|name| {
            let collection = Arc::clone(self.collections.get(name)?);
            let way = Way::Link(link.clone());
            Some(Place { collection, way })
        });
        places.collect()
    }

    fn is_new(&mut self, places: &[Place]) -> bool {
        let Some(place) = places.first() else {
            return false;
        };
        let place = place.digest();
        if self.asked.len() < LOOKUPS_MAX {
            return self.asked.insert(place);
        }
        self.is_full |= !self.asked.contains(&place);
        false
    }

    /// Whether the target is known to hold one of these.
    fn is_known(&self, publication: &Publication, places: &[Place]) -> Result<bool, EngineError> {
        let context = &publication.context;
        let ledger = lock(&context.ledger);
        let is_believed = |known: &Known| {
            known.outcome.is_settled() && (self.trusts_ledger || known.at > context.started)
        };
        for Place { collection, way } in places {
            // What a link leads to is known once it is there.
            let Way::Key(key) = way else { continue };
            let known = ledger.find(context.scope, &collection.name, &key.digest())?;
            if known.is_some_and(|(known, _)| is_believed(&known)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn write(
        publication: &Publication,
        ways: &Ways,
        (collection, record): (Arc<Collection>, Record),
    ) {
        let part = publication.parts.get(&collection.name);
        let run = if let Some(part) = part {
            Part::count(&part.fetched);
            part.state().gone.is_back(record.key.digest());
            Arc::clone(&part.run)
        } else {
            let mut others = lock(&publication.others);
            let run = others.entry(collection.name.clone());
            Arc::clone(run.or_insert_with(|| Arc::new(CollectionRun::new(collection))))
        };
        let change = Change::create(record);
        offer(&ways.lanes, &run, change, OfferKind::First).await;
    }
}

type Found = Vec<(Arc<Collection>, Record)>;

/// Looks where something may be until it is found.
async fn look_up(publication: &Publication, places: Vec<Place>) -> Result<Found, StoreError> {
    for place in places {
        let name = &place.collection.name;
        let is_by_key = matches!(place.way, Way::Key(_));
        if is_by_key && publication.denied.has(Side::Source, name) {
            continue;
        }
        let declined = |error: &StoreError| {
            if is_by_key {
                publication.denied.note(Side::Source, name, error);
            }
        };
        let query = Query {
            scope: place.scope(),
            ..Query::records(Arc::clone(&place.collection))
        };
        let mut stream = match publication.context.source.read(query).await {
            Ok(stream) => stream,
            Err(error) if !error.is_transient() => {
                declined(&error);
                continue;
            }
            Err(error) => return Err(error),
        };
        while let Some(batch) = stream.next().await {
            match batch {
                Ok(Batch::Put(records)) => {
                    let found = records.into_iter().filter(|record| place.takes(record));
                    let found: Found = found
                        .map(|record| (Arc::clone(&place.collection), record))
                        .collect();
                    if !found.is_empty() {
                        return Ok(found);
                    }
                }
                Ok(_) => {}
                // A collection that may not be read holds nothing that could be fetched.
                Err(error) if !error.is_transient() => {
                    declined(&error);
                    break;
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(vec![])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_the_look_ups_of_a_run_is_known_to_be_left() {
        let name = CollectionName::new("ed-fi/schools");
        let collection = Arc::new(Collection::named(name));
        let place = |number: usize| {
            let way = Way::Key(Key::from_canonical(format!("[{number}]")));
            let collection = Arc::clone(&collection);
            [Place { collection, way }]
        };
        let mut search = Search {
            collections: BTreeMap::new(),
            asked: (1..LOOKUPS_MAX)
                .map(|number| Digest::of(&number.to_le_bytes()))
                .collect(),
            is_full: false,
            trusts_ledger: true,
        };
        assert!(search.is_new(&place(1)));
        assert!(!search.is_new(&place(1)));
        assert!(!search.is_full);
        assert!(!search.is_new(&place(2)));
        assert!(search.is_full);
    }
}
