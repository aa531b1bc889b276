//! Stores seen through mappings and shapes.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use syncline_model::{Catalog, Change, Collection, CollectionName, Mark, Outcome, Record};
use syncline_store::{
    Batch, BatchStream, ErrorKind, Query, Result, SecondLook, Store, StoreError, Want, WriteContext,
};

use crate::rows::{Became, Rows};
use crate::{Mapping, Shape, spelling};

/// A collection of a source, and what its records become.
#[derive(Debug)]
pub struct MappedPart {
    /// The collection as the source describes it.
    pub source: Arc<Collection>,
    /// What its records become.
    pub mapping: Arc<Mapping>,
}

/// A source in the words of the target: its collections are those that mappings make.
#[derive(Clone)]
pub struct MappedStore {
    inner: Arc<dyn Store>,
    parts: Arc<BTreeMap<CollectionName, MappedPart>>,
}

/// A target as a flow sees it: its records have the fields of their shapes and no others.
#[derive(Clone)]
pub struct ShapedStore {
    inner: Arc<dyn Store>,
    shapes: Arc<BTreeMap<CollectionName, Shape>>,
}

impl std::fmt::Debug for MappedStore {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_tuple("MappedStore")
            .field(&self.parts.keys())
            .finish()
    }
}

impl std::fmt::Debug for ShapedStore {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_tuple("ShapedStore")
            .field(&self.shapes.keys())
            .finish()
    }
}

impl MappedStore {
    /// A source seen through mappings, by the names of the collections that they make.
    pub fn new(inner: Arc<dyn Store>, parts: BTreeMap<CollectionName, MappedPart>) -> Self {
        Self {
            inner,
            parts: Arc::new(parts),
        }
    }

    /// What is asked of the source, and what its rows become.
    fn rows(&self, query: &Query) -> Result<(Query, Rows)> {
        let part = self.parts.get(&query.collection.name);
        let part = part.ok_or_else(|| unknown(&query.collection.name))?;
        // What a row becomes has another key and another digest.
        let inside = Query {
            want: Want::Payloads,
            since: query.since.clone(),
            ..inside(query, &part.source)?
        };
        let mapping = Arc::clone(&part.mapping);
        let collection = Arc::clone(mapping.shape().collection());
        let rows = Rows::new(&collection, (query.want, false), move |record: &Record| {
            if mapping.copies(&record.payload) {
                return Ok(Became::Itself);
            }
            let payloads = mapping.records(&record.payload)?;
            let handle = |payload| (payload, record.handle.clone());
            Ok(Became::Others(payloads.into_iter().map(handle).collect()))
        });
        Ok((inside, rows))
    }

    /// The keys of what the source no longer has, as the flow knows them. What became of a row whose
    /// key does not tell that is not among them.
    async fn missing(&self, query: Query) -> Result<BatchStream> {
        let part = self.parts.get(&query.collection.name);
        let part = part.ok_or_else(|| unknown(&query.collection.name))?;
        let (source, mapping) = (Arc::clone(&part.source), Arc::clone(&part.mapping));
        let inside = Query {
            collection: Arc::clone(&source),
            ..query
        };
        let stream = self.inner.read(inside).await?;
        let mapped = stream.map(move |batch| match batch? {
            Batch::Gone(keys) => {
                let keys = keys.iter();
                let keys = keys.filter_map(|key| mapping.key_of(&source, key));
                Ok(Batch::Gone(keys.collect()))
            }
            other => Ok(other),
        });
        Ok(mapped.boxed())
    }
}

impl ShapedStore {
    /// A target seen through shapes, by the names of its collections.
    pub fn new(inner: Arc<dyn Store>, shapes: BTreeMap<CollectionName, Shape>) -> Self {
        Self {
            inner,
            shapes: Arc::new(shapes),
        }
    }

    /// What is asked of the target, and how its records are seen.
    fn rows(&self, query: &Query) -> Result<(Query, Rows)> {
        let shape = self.shapes.get(&query.collection.name);
        let shape = shape
            .ok_or_else(|| unknown(&query.collection.name))?
            .clone();
        let collection = Arc::clone(shape.collection());
        if query.since.is_some() {
            let message = "the target of a flow is read as a whole";
            return Err(StoreError::new(ErrorKind::Unsupported, message));
        }
        let inside = inside(query, &collection)?;
        let rows = Rows::new(&collection, (query.want, true), move |record: &Record| {
            let own = record.handle.as_ref();
            if shape.has(&record.payload) && !spelling::is_noted(own) {
                return Ok(Became::Itself);
            }
            let (shaped, spelled) = shape.of_target(&record.payload)?;
            let handle = spelling::noted(own, spelled);
            Ok(Became::Others(vec![(shaped, handle)]))
        });
        Ok((inside, rows))
    }
}

#[async_trait]
impl Store for MappedStore {
    async fn describe(&self) -> Result<Catalog> {
        let mut catalog = Catalog::empty(self.inner.describe().await?.identity);
        catalog.collections = self
            .parts
            .iter()
            .map(|(name, part)| (name.clone(), (**part.mapping.shape().collection()).clone()))
            .collect();
        Ok(catalog)
    }

    async fn read(&self, query: Query) -> Result<BatchStream> {
        if query.want == Want::Missing {
            return self.missing(query).await;
        }
        let (inside, rows) = self.rows(&query)?;
        Ok(rows.through(self.inner.read(inside).await?))
    }

    async fn read_with_second_look(
        &self,
        query: Query,
    ) -> Result<(BatchStream, Option<Box<dyn SecondLook>>)> {
        let (_, again) = self.rows(&query)?;
        seen_twice(&self.inner, self.rows(&query)?, again).await
    }

    async fn write(&self, _: &[Change], _: &WriteContext) -> Result<Vec<Outcome>> {
        let message = "a source seen through a field map is not written";
        Err(StoreError::new(ErrorKind::Unsupported, message))
    }

    async fn confirm(&self, upto: &Mark) -> Result<()> {
        self.inner.confirm(upto).await
    }
}

#[async_trait]
impl Store for ShapedStore {
    async fn describe(&self) -> Result<Catalog> {
        let mut catalog = self.inner.describe().await?;
        for (name, shape) in &*self.shapes {
            let collection = (**shape.collection()).clone();
            catalog.collections.insert(name.clone(), collection);
        }
        Ok(catalog)
    }

    async fn read(&self, query: Query) -> Result<BatchStream> {
        let (inside, rows) = self.rows(&query)?;
        Ok(rows.through(self.inner.read(inside).await?))
    }

    async fn read_with_second_look(
        &self,
        query: Query,
    ) -> Result<(BatchStream, Option<Box<dyn SecondLook>>)> {
        let (_, again) = self.rows(&query)?;
        seen_twice(&self.inner, self.rows(&query)?, again).await
    }

    /// What is compared in one form is written in that of the target, and what does not change
    /// stays as the target spells it.
    async fn write(&self, changes: &[Change], context: &WriteContext) -> Result<Vec<Outcome>> {
        let shape = self.shapes.get(&context.collection.name);
        let shape = shape.ok_or_else(|| unknown(&context.collection.name))?;
        let spelled: Vec<Change> = changes
            .iter()
            .map(|change| spelling::restored(change, shape))
            .collect();
        self.inner.write(&spelled, context).await
    }

    async fn confirm(&self, upto: &Mark) -> Result<()> {
        self.inner.confirm(upto).await
    }

    async fn complete(&self, collection: &Collection) -> Result<()> {
        self.inner.complete(collection).await
    }
}

/// A reading of a store and the second look at it, each through rows of its own.
async fn seen_twice(
    inner: &Arc<dyn Store>,
    (inside, rows): (Query, Rows),
    again: Rows,
) -> Result<(BatchStream, Option<Box<dyn SecondLook>>)> {
    let (stream, look) = inner.read_with_second_look(inside).await?;
    Ok((rows.through(stream), look.map(|look| again.over(look))))
}

fn unknown(name: &CollectionName) -> StoreError {
    let message = format!("{name} is no collection of the flow");
    StoreError::new(ErrorKind::NotFound, message)
}

/// What is asked of the store inside. Payloads are needed whatever is wanted of them.
fn inside(query: &Query, collection: &Arc<Collection>) -> Result<Query> {
    if !matches!(
        query.want,
        Want::Count | Want::Digests | Want::Payloads | Want::Records
    ) {
        let message = "a flow is not told which records went or took another key";
        return Err(StoreError::new(ErrorKind::Unsupported, message));
    }
    Ok(Query {
        scope: query.scope.clone(),
        ..Query::records(Arc::clone(collection))
    })
}
