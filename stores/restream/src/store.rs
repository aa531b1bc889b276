//! The API as a store of the contract.
//!
//! Its collections are the lists of the API, `sites`, `pads` and `states`, and the data sets it is
//! opened with: measurements of one site or pad, each with a name of its own. Payloads are the bytes
//! of the API. It is only read.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use syncline_model::{
    Canonicaliser, Capabilities, Catalog, Change, Collection, CollectionName, Counts, Coverage,
    Digest, Field, FieldKind, Key, KeyField, Mark, Outcome, Record, Scope, StoreIdentity,
};
use syncline_store::{
    Batch, BatchStream, ErrorKind, Query, Result, Store, StoreError, Want, WriteContext,
};

use crate::objects::Object;
use crate::{DataQuery, DataStream, Filters, Place, Restream};

/// Records in a batch at most.
const BATCH_RECORDS: usize = 500;
/// The lists of the API.
const LISTS: [&str; 3] = ["sites", "pads", "states"];

/// The API as a store.
#[derive(Clone, Debug)]
pub struct RestreamStore {
    api: Restream,
    sets: Arc<BTreeMap<CollectionName, (Place, DataQuery)>>,
}

impl RestreamStore {
    /// The store, with data sets by their names.
    pub fn new(
        api: Restream,
        sets: impl IntoIterator<Item = (CollectionName, Place, DataQuery)>,
    ) -> Result<Self> {
        let mut named = BTreeMap::new();
        for (name, place, query) in sets {
            query.check(place)?;
            named.insert(name, (place, query));
        }
        Ok(Self {
            api,
            sets: Arc::new(named),
        })
    }

    async fn lists(&self, query: &Query) -> Result<Vec<Bytes>> {
        let mut filters = Filters::none();
        match &query.scope {
            Scope::Whole => {}
            Scope::Matching(given) => {
                for (name, value) in given {
                    filters = filters.with(name.as_str(), value);
                }
            }
            _ => {
                let message = "the API's lists are read as a whole or by its filters";
                return Err(StoreError::new(ErrorKind::Unsupported, message));
            }
        }
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

/// Objects as they came.
fn texts<T>(list: &[Object<T>]) -> Vec<Bytes> {
    let texts = list.iter().map(|object| object.json().to_owned());
    texts.map(Bytes::from).collect()
}

fn key_field(name: &str) -> KeyField {
    KeyField {
        name: name.to_owned(),
        path: vec![name.to_owned()],
    }
}

/// Objects with a number.
fn list(name: &str) -> Collection {
    Collection {
        key: vec![key_field("id")],
        fields: vec![Field::new("id", FieldKind::Integer).required()],
        ..Collection::named(CollectionName::new(name))
    }
}

/// Measurements, one a second of a site; of a pad as a whole the site may be missing.
fn measurements(name: &CollectionName, place: Place, query: &DataQuery) -> Collection {
    let has_site = matches!(place, Place::Site(_)) || query.routed;
    let names: &[&str] = if has_site {
        &["site_id", "timestamp"]
    } else {
        &["timestamp"]
    };
    let field = |name: &&str| Field::new(*name, FieldKind::Integer).required();
    Collection {
        key: names.iter().map(|name| key_field(name)).collect(),
        fields: names.iter().map(field).collect(),
        ..Collection::named(name.clone())
    }
}

#[async_trait]
impl Store for RestreamStore {
    async fn describe(&self) -> Result<Catalog> {
        let base = self.api.settings().base_url.as_str().trim_end_matches('/');
        let mut catalog = Catalog::empty(StoreIdentity(base.to_owned()));
        let sets = self.sets.iter();
        let sets = sets.map(|(name, (place, query))| measurements(name, *place, query));
        let collections = LISTS.into_iter().map(list).chain(sets);
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
        if let Some((place, wanted)) = self.sets.get(&query.collection.name) {
            if query.scope != Scope::Whole {
                let message = "measurements are narrowed by the query of their data set only";
                return Err(StoreError::new(ErrorKind::Unsupported, message));
            }
            let data = self.api.at(*place).data(wanted.clone())?;
            return Ok(streamed(data, &query));
        }
        let payloads = self.lists(&query).await?;
        let mut taken = Taken::new(&query);
        let records: Result<Vec<Record>> = payloads
            .into_iter()
            .map(|payload| taken.record(payload))
            .collect();
        let records = records?;
        let mut batches = vec![];
        if query.want != Want::Count {
            batches.push(Ok(Batch::Put(records)));
        }
        batches.push(Ok(taken.end()));
        Ok(futures_util::stream::iter(batches).boxed())
    }

    async fn write(&self, _: &[Change], _: &WriteContext) -> Result<Vec<Outcome>> {
        let message = "the API is only read";
        Err(StoreError::new(ErrorKind::Unsupported, message))
    }

    async fn confirm(&self, _: &Mark) -> Result<()> {
        Ok(())
    }
}

/// Payloads as records of a query.
struct Taken {
    query: Query,
    reader: Canonicaliser,
    counts: Counts,
}

impl Taken {
    fn new(query: &Query) -> Self {
        Self {
            reader: Canonicaliser::new(&query.collection),
            query: query.clone(),
            counts: Counts::default(),
        }
    }

    fn record(&mut self, payload: Bytes) -> Result<Record> {
        self.counts.records += 1;
        self.counts.bytes += payload.len() as u64;
        let (key, digest) = match self.query.want {
            Want::Payloads | Want::Count => {
                let digest = Digest::of(&payload);
                (Key::of_content(digest), digest)
            }
            _ => self.reader.read(&payload).map_err(|problem| {
                let message = format!("{}: an item is no record", self.query.collection.name);
                StoreError::new(ErrorKind::InvalidData, message).with_source(problem)
            })?,
        };
        Ok(Record {
            key,
            digest,
            payload: match self.query.want {
                Want::Digests => Bytes::new(),
                _ => payload,
            },
            handle: None,
            origin: None,
        })
    }

    fn end(&self) -> Batch {
        Batch::End {
            mark: None,
            coverage: Coverage::Complete(self.query.scope.clone()),
            counts: self.counts,
        }
    }
}

/// Measurements in batches: as many as have arrived, so that the first does not wait for others.
fn streamed(data: DataStream, query: &Query) -> BatchStream {
    let taken = Taken::new(query);
    futures_util::stream::unfold(Some((data, taken)), |state| async move {
        let (mut data, mut taken) = state?;
        match batch(&mut data, &mut taken).await {
            Ok(Some(batch)) => Some((Ok(batch), Some((data, taken)))),
            Ok(None) => Some((Ok(taken.end()), None)),
            Err(error) => Some((Err(error), None)),
        }
    })
    .boxed()
}

async fn batch(data: &mut DataStream, taken: &mut Taken) -> Result<Option<Batch>> {
    let Some(first) = data.next().await? else {
        return Ok(None);
    };
    let mut records = vec![taken.record(first.json)?];
    while records.len() < BATCH_RECORDS
        && let Some(next) = data.ready()?
    {
        records.push(taken.record(next.json)?);
    }
    if taken.query.want == Want::Count {
        records.clear();
    }
    Ok(Some(Batch::Put(records)))
}
