//! Payloads as records of a query, and measurements in batches.

use bytes::Bytes;
use futures_util::StreamExt as _;
use syncline_model::{Canonicaliser, Counts, Coverage, Digest, Key, Record};
use syncline_store::{Batch, BatchStream, ErrorKind, Query, Result, StoreError, Want};

use crate::DataStream;

/// Records in a batch at most.
const BATCH_RECORDS: usize = 500;

/// What a query has taken so far.
pub(super) struct Taken {
    query: Query,
    reader: Canonicaliser,
    counts: Counts,
}

impl Taken {
    pub(super) fn new(query: &Query) -> Self {
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

/// A list, which came whole.
pub(super) fn whole(payloads: Vec<Bytes>, query: &Query) -> Result<BatchStream> {
    let mut taken = Taken::new(query);
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

/// Measurements in batches: as many as have arrived, so that the first does not wait for others.
pub(super) fn streamed(data: DataStream, query: &Query) -> BatchStream {
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
