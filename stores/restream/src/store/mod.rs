//! The API as a store of the contract.
//!
//! Its collections are the lists of the API, `pads`, `sites` and `states`, and the sets it is opened
//! with: measurements or stages of one site or pad, each under a name of its own. Payloads are the
//! bytes of the API. It is only read.

mod catalog;
mod taken;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use syncline_model::{
    Capabilities, Catalog, Change, CollectionName, Mark, Outcome, Scope, StoreIdentity,
};
use syncline_store::{BatchStream, ErrorKind, Query, Result, Store, StoreError, WriteContext};

use crate::objects::Object;
use crate::{DataQuery, Filters, Place, Restream, StageFilters};
use catalog::LISTS;

/// The API as a store.
#[derive(Clone, Debug)]
pub struct RestreamStore {
    api: Restream,
    sets: Arc<BTreeMap<CollectionName, Set>>,
}

/// What a collection of its own is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Set {
    /// Measurements.
    Data(Place, DataQuery),
    /// Stages, finished ones and the one that goes on.
    Stages(Place, StageFilters),
}

impl RestreamStore {
    /// The store, with sets by their names.
    pub fn new(
        api: Restream,
        sets: impl IntoIterator<Item = (CollectionName, Set)>,
    ) -> Result<Self> {
        let mut named = BTreeMap::new();
        for (name, set) in sets {
            let wrong = |message: String| StoreError::new(ErrorKind::Configuration, message);
            if LISTS.contains(&name.as_str()) {
                return Err(wrong(format!("`{name}` is the name of a list of the API")));
            }
            if let Set::Data(place, query) = &set {
                query
                    .check(*place)
                    .map_err(|error| wrong(format!("`{name}`: {}", error.message)))?;
            }
            named.insert(name, set);
        }
        Ok(Self {
            api,
            sets: Arc::new(named),
        })
    }

    async fn lists(&self, query: &Query) -> Result<Vec<Bytes>> {
        let filters = filters(query)?;
        match query.collection.name.as_str() {
            "sites" => Ok(texts(&self.api.sites(&filters).await?)),
            "pads" => Ok(texts(&self.api.pads(&filters).await?)),
            "states" => Ok(texts(&self.api.states(&filters).await?)),
            other => {
                let message = format!("the API has no collection `{other}`");
                Err(StoreError::new(ErrorKind::NotFound, message))
            }
        }
    }
}

/// The filters of a list. The API passes over a filter it does not have, and lists everything.
fn filters(query: &Query) -> Result<Filters> {
    let list = query.collection.name.as_str();
    match &query.scope {
        Scope::Whole => Ok(Filters::none()),
        Scope::Matching(given) => {
            given
                .iter()
                .try_fold(Filters::none(), |filters, (name, value)| {
                    let known = catalog::filters(list);
                    if known.contains(&name.as_str()) {
                        return Ok(filters.with(name.as_str(), value));
                    }
                    let known = known.join(", ");
                    let message =
                        format!("`{list}` cannot be filtered by `{name}`; there are {known}");
                    Err(StoreError::new(ErrorKind::Unsupported, message))
                })
        }
        _ => {
            let message = "the API's lists are read as a whole or by its filters";
            Err(StoreError::new(ErrorKind::Unsupported, message))
        }
    }
}

/// Objects as they came.
fn texts<T>(list: &[Object<T>]) -> Vec<Bytes> {
    let texts = list.iter().map(|object| object.json().to_owned());
    texts.map(Bytes::from).collect()
}

#[async_trait]
impl Store for RestreamStore {
    async fn describe(&self) -> Result<Catalog> {
        let base = self.api.settings().base_url.as_str().trim_end_matches('/');
        let mut catalog = Catalog::empty(StoreIdentity(base.to_owned()));
        let sets = self.sets.iter();
        let sets = sets.map(|(name, set)| catalog::set(name, set));
        let collections = LISTS.into_iter().map(catalog::list).chain(sets);
        catalog.collections = collections
            .map(|collection| (collection.name.clone(), collection))
            .collect();
        catalog.capabilities = Capabilities {
            in_flight: self.api.settings().calls_max,
            ..Capabilities::default()
        };
        Ok(catalog)
    }

    async fn read(&self, query: Query) -> Result<BatchStream> {
        if query.since.is_some() {
            let message = "the API does not tell what came after a mark";
            return Err(StoreError::new(ErrorKind::Unsupported, message));
        }
        let set = self.sets.get(&query.collection.name);
        if set.is_some() && query.scope != Scope::Whole {
            let message = "a set is narrowed by its own query only";
            return Err(StoreError::new(ErrorKind::Unsupported, message));
        }
        match set {
            Some(Set::Data(place, wanted)) => {
                let data = self.api.at(*place).data(wanted.clone()).stream()?;
                Ok(taken::streamed(data, &query))
            }
            Some(Set::Stages(place, filters)) => {
                let stages = self.api.at(*place).stages(filters).await?;
                taken::whole(texts(&stages), &query)
            }
            None => taken::whole(self.lists(&query).await?, &query),
        }
    }

    async fn write(&self, _: &[Change], _: &WriteContext) -> Result<Vec<Outcome>> {
        let message = "the API is only read";
        Err(StoreError::new(ErrorKind::Unsupported, message))
    }

    async fn confirm(&self, _: &Mark) -> Result<()> {
        Ok(())
    }
}
