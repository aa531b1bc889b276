//! A store with derived collections besides its own.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use syncline_model::{Catalog, Change, Collection, CollectionName, Field, Mark, Outcome, Scope};
use syncline_store::{
    BatchStream, ErrorKind, Query, Result, SecondLook, Store, StoreError, WriteContext,
};

use crate::reading::{self, Reading};
use crate::survey::{Sources, Survey};
use crate::{DerivedQuery, SqlProblem};

/// A store with derived collections besides its own, which pass through as they are.
#[derive(Clone)]
pub struct DerivedStore {
    inner: Arc<dyn Store>,
    derived: Arc<BTreeMap<CollectionName, Derived>>,
    folder: PathBuf,
}

/// A derived collection.
#[derive(Debug)]
pub(crate) struct Derived {
    pub(crate) query: DerivedQuery,
    pub(crate) survey: Survey,
}

impl std::fmt::Debug for DerivedStore {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_tuple("DerivedStore")
            .field(&self.derived.keys())
            .finish()
    }
}

impl DerivedStore {
    /// A store, what it says of itself, and the queries. Every query is looked at, and all that is
    /// wrong is told. Rows are put down in a folder, which exists, while they are worked on.
    pub fn new(
        inner: Arc<dyn Store>,
        catalog: &Catalog,
        (queries, folder): (Vec<DerivedQuery>, PathBuf),
    ) -> Result<Self, Vec<SqlProblem>> {
        let sources = Sources::new(catalog, &queries).map_err(|problem| vec![problem])?;
        let mut derived = BTreeMap::new();
        let mut problems = Vec::new();
        for query in queries {
            match sources.survey(&query) {
                Ok(survey) => {
                    let name = CollectionName::new(query.name.as_str());
                    derived.insert(name, Derived { query, survey });
                }
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            inner,
            derived: Arc::new(derived),
            folder,
        })
    }
}

impl Derived {
    /// The collection as far as the query says.
    fn describe(&self, name: &CollectionName) -> Collection {
        let mut collection = Collection::named(name.clone());
        let columns = self.survey.columns.iter().flatten();
        collection.fields = columns
            .map(|(name, kind)| Field::new(name.as_str(), *kind))
            .collect();
        collection
    }
}

#[async_trait]
impl Store for DerivedStore {
    async fn describe(&self) -> Result<Catalog> {
        let mut catalog = self.inner.describe().await?;
        for (name, derived) in &*self.derived {
            let collection = derived.describe(name);
            catalog.collections.insert(name.clone(), collection);
        }
        Ok(catalog)
    }

    async fn read(&self, query: Query) -> Result<BatchStream> {
        if !self.derived.contains_key(&query.collection.name) {
            return self.inner.read(query).await;
        }
        let is_whole = query.scope == Scope::Whole && query.since.is_none();
        if !is_whole || query.want.is_of_feeds() {
            let message = "a derived collection is read as a whole and has no feed";
            return Err(StoreError::new(ErrorKind::Unsupported, message));
        }
        Ok(reading::stream(Reading {
            inner: Arc::clone(&self.inner),
            derived: Arc::clone(&self.derived),
            folder: self.folder.clone(),
            query,
        }))
    }

    async fn read_with_second_look(
        &self,
        query: Query,
    ) -> Result<(BatchStream, Option<Box<dyn SecondLook>>)> {
        if !self.derived.contains_key(&query.collection.name) {
            return self.inner.read_with_second_look(query).await;
        }
        Ok((self.read(query).await?, None))
    }

    async fn write(&self, changes: &[Change], context: &WriteContext) -> Result<Vec<Outcome>> {
        if self.derived.contains_key(&context.collection.name) {
            let message = format!("{} is derived and is not written", context.collection.name);
            return Err(StoreError::new(ErrorKind::Unsupported, message));
        }
        self.inner.write(changes, context).await
    }

    async fn confirm(&self, upto: &Mark) -> Result<()> {
        self.inner.confirm(upto).await
    }

    async fn complete(&self, collection: &Collection) -> Result<()> {
        self.inner.complete(collection).await
    }
}
