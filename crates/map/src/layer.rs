//! Stores seen through mappings and shapes.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use syncline_model::{
    Canonicaliser, Catalog, Change, Collection, CollectionName, Coverage, Handle, Mark, Origin,
    Outcome, Record,
};
use syncline_store::{
    Batch, BatchStream, ErrorKind, Query, Rejected, Result, Store, StoreError, Want, WriteContext,
};

use crate::shape::Spelled;
use crate::{Mapping, RowProblem, Shape, spelling};

/// How much of a row that does not fit the reject file keeps.
const BODY_BYTES_KEPT: usize = 64 << 10;

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
}

impl ShapedStore {
    /// A target seen through shapes, by the names of its collections.
    pub fn new(inner: Arc<dyn Store>, shapes: BTreeMap<CollectionName, Shape>) -> Self {
        Self {
            inner,
            shapes: Arc::new(shapes),
        }
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
        let part = self.parts.get(&query.collection.name);
        let part = part.ok_or_else(|| unknown(&query.collection.name))?;
        // What a row becomes has another key and another digest.
        let inside = Query {
            want: Want::Payloads,
            ..inside(&query, &part.source)?
        };
        let stream = self.inner.read(inside).await?;
        let mapping = Arc::clone(&part.mapping);
        let collection = Arc::clone(mapping.shape().collection());
        let rows = Rows::new(&collection, (query.want, false), move |record: &Record| {
            let payloads = if mapping.copies(&record.payload) {
                vec![record.payload.clone()]
            } else {
                mapping.records(&record.payload)?
            };
            let handle = |payload| (payload, record.handle.clone());
            Ok(payloads.into_iter().map(handle).collect())
        });
        Ok(rows.through(stream))
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
        let shape = self.shapes.get(&query.collection.name);
        let shape = shape
            .ok_or_else(|| unknown(&query.collection.name))?
            .clone();
        let collection = Arc::clone(shape.collection());
        let stream = self.inner.read(inside(&query, &collection)?).await?;
        let rows = Rows::new(&collection, (query.want, true), move |record: &Record| {
            let (shaped, spelled) = if shape.has(&record.payload) {
                (record.payload.clone(), Spelled::new())
            } else {
                shape.of_target(&record.payload)?
            };
            Ok(vec![(
                shaped,
                spelling::noted(record.handle.as_ref(), spelled),
            )])
        });
        Ok(rows.through(stream))
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

fn unknown(name: &CollectionName) -> StoreError {
    let message = format!("{name} is no collection of the flow");
    StoreError::new(ErrorKind::NotFound, message)
}

/// What is asked of the store inside. Payloads are needed whatever is wanted of them.
fn inside(query: &Query, collection: &Arc<Collection>) -> Result<Query> {
    if query.since.is_some()
        || !matches!(
            query.want,
            Want::Count | Want::Digests | Want::Payloads | Want::Records
        )
    {
        let message = "a flow reads whole collections and has no feed";
        return Err(StoreError::new(ErrorKind::Unsupported, message));
    }
    Ok(Query {
        scope: query.scope.clone(),
        ..Query::records(Arc::clone(collection))
    })
}

/// The payload that a row becomes, and the handle of its record.
type Made = (Bytes, Option<Handle>);

/// Rows on their way through a mapping or a shape.
struct Rows<F> {
    canonicaliser: Canonicaliser,
    want: Want,
    /// Whether rows come with the key and the digest that they have as records of the collection.
    is_read: bool,
    records_of: F,
    unfit: u64,
    records: u64,
    bytes: u64,
}

impl<F> Rows<F>
where
    F: Fn(&Record) -> Result<Vec<Made>, RowProblem> + Send + 'static,
{
    fn new(collection: &Collection, (want, is_read): (Want, bool), records_of: F) -> Self {
        Self {
            canonicaliser: Canonicaliser::new(collection),
            want,
            is_read,
            records_of,
            unfit: 0,
            records: 0,
            bytes: 0,
        }
    }

    fn through(self, stream: BatchStream) -> BatchStream {
        let state = (self, stream, None);
        futures_util::stream::unfold(state, |(mut rows, mut stream, waiting)| async move {
            if let Some(waiting) = waiting {
                return Some((Ok(waiting), (rows, stream, None)));
            }
            match stream.next().await? {
                Err(error) => Some((Err(error), (rows, stream, None))),
                Ok(batch) => {
                    let (first, second) = rows.batch(batch);
                    Some((Ok(first), (rows, stream, second)))
                }
            }
        })
        .boxed()
    }

    /// What a batch becomes: records, and rows that do not fit after them.
    fn batch(&mut self, batch: Batch) -> (Batch, Option<Batch>) {
        match batch {
            Batch::Put(records) => {
                let mut made = Vec::with_capacity(records.len());
                let mut rejected = Vec::new();
                for record in records {
                    if let Err(problem) = self.row(&record, &mut made) {
                        rejected.push(self.reject(record, &problem));
                    }
                }
                let rejected = (!rejected.is_empty()).then_some(Batch::Unreadable(rejected));
                (Batch::Put(made), rejected)
            }
            Batch::End {
                mark,
                coverage,
                mut counts,
            } => {
                counts.records = self.records;
                counts.bytes = self.bytes;
                counts.unreadable += self.unfit;
                let coverage = self.coverage(coverage);
                let end = Batch::End {
                    mark,
                    coverage,
                    counts,
                };
                (end, None)
            }
            other => (other, None),
        }
    }

    fn row(&mut self, row: &Record, made: &mut Vec<Record>) -> Result<(), RowProblem> {
        let before = made.len();
        for (payload, handle) in (self.records_of)(row)? {
            let read = if self.is_read && payload == row.payload {
                Ok((row.key.clone(), row.digest))
            } else {
                self.canonicaliser.read(&payload)
            };
            let Ok((key, digest)) = read else {
                made.truncate(before);
                return Err(RowProblem::of(RowProblem::NO_OBJECT));
            };
            let wants_payload = matches!(self.want, Want::Payloads | Want::Records);
            self.bytes += payload.len() as u64;
            made.push(Record {
                key,
                digest,
                payload: if wants_payload { payload } else { Bytes::new() },
                handle,
                origin: row.origin.clone(),
            });
        }
        self.records += (made.len() - before) as u64;
        if self.want == Want::Count {
            made.truncate(before);
        }
        Ok(())
    }

    fn reject(&mut self, row: Record, problem: &RowProblem) -> Rejected {
        self.unfit += 1;
        let mut body = row.payload;
        body.truncate(BODY_BYTES_KEPT);
        Rejected {
            origin: row.origin.unwrap_or_else(nowhere),
            reason: problem.to_string(),
            body,
        }
    }

    fn coverage(&self, coverage: Coverage) -> Coverage {
        match (self.unfit, coverage) {
            (0, coverage) | (_, coverage @ Coverage::Partial(_)) => coverage,
            (1, _) => Coverage::Partial("1 row does not fit".to_owned()),
            (unfit, _) => Coverage::Partial(format!("{unfit} rows do not fit")),
        }
    }
}

/// The place of a record whose store does not tell places.
fn nowhere() -> Origin {
    Origin {
        unit: "".into(),
        line: 0,
        offset: 0,
        length: 0,
    }
}
