//! Asking the API for what the files do not hold.
//!
//! Each key is asked for once at most, several at a time, or not at all where it is cheaper to
//! read the collection: its first page shows how large it is, and the number of pages is held
//! against the number of keys. That page costs a request of its own. It is asked for where enough
//! keys are open, or where requests were saved before, so that all in all there are no more
//! requests than keys, but for that one page at most and for keys of abstract targets, which may
//! be in several collections.

mod asking;
mod report;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use syncline_model::{Collection, CollectionName, Digest};
use syncline_store::{ErrorKind, Query, StoreError, Want};
use syncline_store_edfi::EdfiStore;

use super::key::{Digester, reordered};
use super::targets::{Place, TargetId, Targets};
use super::wanted::Wanted;
use crate::Failure;
pub(super) use report::Report;
pub use report::{How, LookUp};

/// So many keys are worth a look at the first page of their collection in any case.
const KEYS_WORTH_A_PAGE: u64 = 50;
/// Requests that reading a collection takes beyond its pages, at most: for its first page, which
/// was looked at before, and for making sure of its end.
const REQUESTS_BESIDE: u64 = 2;

/// Asks the API for keys.
pub(super) struct Resolver<'a> {
    api: &'a EdfiStore,
    targets: &'a Targets,
    pub(super) wanted: Wanted,
    pub(super) report: Report,
    digester: Digester,
    /// Collections of which every record was seen.
    whole: BTreeSet<CollectionName>,
    /// Keys that a collection was asked for and does not have.
    refuted: HashSet<Digest>,
    /// Requests so far.
    requests: u64,
    /// Why the API is not asked for anything more.
    down: Option<String>,
}

/// How far a collection was read.
enum Reached {
    /// All its records were seen.
    End,
    /// Asking by key is cheaper.
    FirstPage,
    /// Not every record was seen for certain.
    Uncertain,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(api: &'a EdfiStore, targets: &'a Targets, wanted: Wanted) -> Self {
        Self {
            api,
            targets,
            wanted,
            report: Report::default(),
            digester: Digester::default(),
            whole: BTreeSet::new(),
            refuted: HashSet::new(),
            requests: 0,
            down: None,
        }
    }

    /// Reads collections of which so much is wanted that this is cheaper than asking by key.
    pub(super) async fn read_collections(&mut self) -> Result<(), Failure> {
        for (id, collection) in self.single_targets() {
            if self.down.is_some() || !self.is_page_worthwhile(id) {
                continue;
            }
            match self.read(id, &collection).await? {
                Reached::End => self.wanted.absent(id),
                Reached::FirstPage => {}
                Reached::Uncertain => self.wanted.give_up_all(id)?,
            }
        }
        Ok(())
    }

    /// Asks for every key that is left; its text has to be known by now.
    pub(super) async fn ask_for_keys(&mut self) -> Result<(), Failure> {
        for (id, collection) in self.single_targets() {
            let is_told = self.is_told(id);
            let keys = self.wanted.texts(id);
            let is_certain = self.ask(id, &collection, keys).await?;
            self.close(id, is_certain && is_told)?;
        }
        for id in self.wanted.targets() {
            let is_certain = self.anywhere(id).await?;
            self.close(id, is_certain)?;
        }
        Ok(())
    }

    /// Looks for the keys of an abstract target wherever they may be; whether what was not found
    /// is nowhere.
    async fn anywhere(&mut self, id: TargetId) -> Result<bool, Failure> {
        let targets = self.targets;
        let mut is_certain = self.wanted.is_unlisted(id) || self.is_told(id);
        let places = targets.get(id).map_or(&[][..], |target| &target.places);
        for place in places {
            let name = &place.collection.name;
            if self.wanted.count(id) == 0 || self.whole.contains(name) {
                continue;
            }
            let several = self.wanted.count(id) > 1;
            let reached = if several && self.down.is_none() {
                self.read(id, &place.collection).await?
            } else {
                Reached::FirstPage
            };
            is_certain &= match reached {
                Reached::End => true,
                Reached::Uncertain => false,
                Reached::FirstPage => {
                    let keys = self.keys_at(id, place);
                    self.ask(id, &place.collection, keys).await?
                }
            };
        }
        Ok(is_certain)
    }

    /// The open keys of a target as a collection has them, those left out that it was asked for
    /// before.
    fn keys_at(&mut self, id: TargetId, place: &Place) -> Vec<(Digest, Box<str>)> {
        let single = self.targets.of_collection(&place.collection.name);
        let mut keys = Vec::new();
        for (key, text) in self.wanted.texts(id) {
            let text = match &place.order {
                Some(order) => reordered(&text, order).into(),
                None => text,
            };
            let own = single.and_then(|single| self.digest(single, &text));
            if own.is_none_or(|own| !self.refuted.contains(&own)) {
                keys.push((key, text));
            }
        }
        keys
    }

    /// The targets that are one collection, those with most open keys first.
    fn single_targets(&self) -> Vec<(TargetId, Arc<Collection>)> {
        let ids = self.wanted.targets().into_iter();
        let single = ids.filter_map(|id| match self.targets.get(id)?.places.as_slice() {
            [only] => Some((id, Arc::clone(&only.collection))),
            _ => None,
        });
        single.collect()
    }

    fn is_page_worthwhile(&self, id: TargetId) -> bool {
        let open = self.wanted.count(id);
        let has_saved = self.wanted.settled() > self.requests;
        self.wanted.is_unlisted(id) || open >= KEYS_WORTH_A_PAGE || (open > 1 && has_saved)
    }

    /// Reads the first page of a collection, and the others where that is cheaper than asking
    /// for what is still open.
    async fn read(
        &mut self,
        id: TargetId,
        collection: &Arc<Collection>,
    ) -> Result<Reached, Failure> {
        let before = self.wanted.count(id);
        self.requests += 1;
        let query = Query {
            want: Want::Digests,
            ..Query::records(Arc::clone(collection))
        };
        let page = match self.api.first_page(query).await {
            Ok(page) => page,
            Err(error) => {
                self.fails(id, &error);
                return Ok(Reached::Uncertain);
            }
        };
        for record in &page.records {
            self.there_is(&collection.name, record.key.as_str())?;
        }
        let mut look_up = LookUp::first_page(&collection.name, page.total);
        let open = self.wanted.count(id);
        let size = u64::from(self.api.page_records().max(1));
        let pages = page
            .total
            .map(|total| total.div_ceil(size) + REQUESTS_BESIDE);
        let reached = if page.is_everything {
            self.whole.insert(collection.name.clone());
            Reached::End
        } else if open == 0 {
            Reached::FirstPage
        } else if self.wanted.is_unlisted(id) || pages.is_some_and(|pages| pages < open) {
            look_up.requests += pages.unwrap_or(0);
            self.requests += pages.unwrap_or(0);
            self.read_on(id, collection).await?
        } else {
            Reached::FirstPage
        };
        look_up.ends(&reached, (before, self.wanted.count(id)));
        self.report.look_ups.push(look_up);
        Ok(reached)
    }

    /// A record with this key is in a collection.
    fn there_is(&mut self, name: &CollectionName, key: &str) -> Result<(), Failure> {
        for role in self.targets.roles(name) {
            let Some(target) = self.targets.get(role.target) else {
                continue;
            };
            let text = (key, role.order.as_deref());
            let digest = self.digester.digest(role.target, &target.shape, text);
            self.wanted.found(role.target, digest)?;
        }
        Ok(())
    }

    /// Whether all open keys of a target are known in words.
    fn is_told(&self, id: TargetId) -> bool {
        let told = self.wanted.texts(id).len();
        u64::try_from(told) == Ok(self.wanted.count(id))
    }

    fn digest(&mut self, id: TargetId, text: &str) -> Option<Digest> {
        let shape = &self.targets.get(id)?.shape;
        Some(self.digester.digest(id, shape, (text, None)))
    }

    fn close(&mut self, id: TargetId, is_certain: bool) -> Result<(), Failure> {
        if is_certain {
            self.wanted.absent(id);
        } else {
            self.wanted.give_up_all(id)?;
        }
        Ok(())
    }

    /// A request failed. One that is about the API as a whole ends all asking.
    fn fails(&mut self, id: TargetId, error: &StoreError) {
        let reason = error.to_string();
        let is_general = match error.kind {
            ErrorKind::Unavailable | ErrorKind::Local => true,
            // A 403 is about one collection.
            ErrorKind::Denied => !reason.contains(" 403"),
            _ => false,
        };
        if is_general {
            self.down.get_or_insert_with(|| reason.clone());
        }
        self.report.fails(id, reason);
    }

    /// The reasons why keys of targets could not be settled.
    pub(super) fn reasons(&self) -> &BTreeMap<TargetId, BTreeSet<String>> {
        &self.report.reasons
    }
}
