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
    Batch, BatchStream, ErrorKind, Query, Rejected, Result, SecondLook, Store, StoreError, Want,
    WriteContext,
};

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
        let (inside, rows) = self.rows(&query)?;
        Ok(rows.through(self.inner.read(inside).await?))
    }

    async fn read_with_second_look(
        &self,
        query: Query,
    ) -> Result<(BatchStream, Option<Box<dyn SecondLook>>)> {
        let ((inside, rows), (_, again)) = (self.rows(&query)?, self.rows(&query)?);
        let (stream, look) = self.inner.read_with_second_look(inside).await?;
        Ok((rows.through(stream), look.map(|look| again.over(look))))
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
        let ((inside, rows), (_, again)) = (self.rows(&query)?, self.rows(&query)?);
        let (stream, look) = self.inner.read_with_second_look(inside).await?;
        Ok((rows.through(stream), look.map(|look| again.over(look))))
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

/// What is asked of the store inside. Payloads are needed whatever is wanted of them. Only what a
/// source has can be asked for since a mark, as what went is not known by its key.
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

/// The payload that a row becomes, and the handle of its record.
type Made = (Bytes, Option<Handle>);

/// A row that becomes nothing, and why.
type Unfit = Box<(Record, RowProblem)>;

/// What becomes of a row.
enum Became {
    /// The record that it is already.
    Itself,
    Others(Vec<Made>),
}

type RecordsOf = Box<dyn Fn(&Record) -> Result<Became, RowProblem> + Send>;

/// Rows on their way through a mapping or a shape.
struct Rows {
    canonicaliser: Canonicaliser,
    want: Want,
    /// Whether rows come with the key and the digest that they have as records of the collection.
    is_read: bool,
    records_of: RecordsOf,
    unfit: u64,
    records: u64,
    bytes: u64,
}

impl Rows {
    fn new(
        collection: &Collection,
        (want, is_read): (Want, bool),
        records_of: impl Fn(&Record) -> Result<Became, RowProblem> + Send + 'static,
    ) -> Self {
        Self {
            canonicaliser: Canonicaliser::new(collection),
            want,
            is_read,
            records_of: Box::new(records_of),
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

    fn over(self, inner: Box<dyn SecondLook>) -> Box<dyn SecondLook> {
        Box::new(Look { inner, rows: self })
    }

    /// What a batch becomes: records, and rows that do not fit after them.
    fn batch(&mut self, batch: Batch) -> (Batch, Option<Batch>) {
        match batch {
            Batch::Put(records) => {
                let mut made = Vec::with_capacity(records.len());
                let mut rejected = Vec::new();
                for record in records {
                    if let Err(unfit) = self.row(record, &mut made) {
                        let (record, problem) = *unfit;
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

    fn row(&mut self, row: Record, made: &mut Vec<Record>) -> Result<(), Unfit> {
        let before = made.len();
        let unread = || RowProblem::of(RowProblem::NO_OBJECT);
        match (self.records_of)(&row) {
            Err(problem) => return Err(Box::new((row, problem))),
            Ok(Became::Itself) => match self.itself(row) {
                Ok(record) => made.push(record),
                Err(row) => return Err(Box::new((row, unread()))),
            },
            Ok(Became::Others(others)) => {
                for other in others {
                    let Some(record) = self.other(&row, other) else {
                        made.truncate(before);
                        return Err(Box::new((row, unread())));
                    };
                    made.push(record);
                }
            }
        }
        self.records += (made.len() - before) as u64;
        if self.want == Want::Count {
            made.truncate(before);
        }
        Ok(())
    }

    /// A row that is a record; the row, if it is none.
    fn itself(&mut self, mut row: Record) -> Result<Record, Record> {
        if !self.is_read {
            let Ok((key, digest)) = self.canonicaliser.read(&row.payload) else {
                return Err(row);
            };
            (row.key, row.digest) = (key, digest);
        }
        self.bytes += row.payload.len() as u64;
        if !self.wants_payload() {
            row.payload = Bytes::new();
        }
        Ok(row)
    }

    /// A record that was made of a row.
    fn other(&mut self, row: &Record, (payload, handle): Made) -> Option<Record> {
        let (key, digest) = if self.is_read && payload == row.payload {
            (row.key.clone(), row.digest)
        } else {
            self.canonicaliser.read(&payload).ok()?
        };
        self.bytes += payload.len() as u64;
        let wants_payload = self.wants_payload();
        Some(Record {
            key,
            digest,
            payload: if wants_payload { payload } else { Bytes::new() },
            handle,
            origin: row.origin.clone(),
        })
    }

    const fn wants_payload(&self) -> bool {
        matches!(self.want, Want::Payloads | Want::Records)
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

/// A second look at rows through a mapping or a shape.
struct Look {
    inner: Box<dyn SecondLook>,
    rows: Rows,
}

impl SecondLook for Look {
    fn records_at(&mut self, origin: &Origin) -> Result<Vec<Record>> {
        let mut made = Vec::new();
        for row in self.inner.records_at(origin)? {
            // What became a record then was not this.
            let _unfit = self.rows.row(row, &mut made);
        }
        Ok(made)
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
