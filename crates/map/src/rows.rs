//! Rows of a store on their way through a mapping or a shape.
//!
//! What a row becomes is told by whoever made the way; here it is given its key and its digest, and
//! rows that do not fit come after the records of their batch, so that nothing is lost of them.

use bytes::Bytes;
use futures_util::StreamExt as _;
use syncline_model::{Canonicaliser, Collection, Coverage, Handle, Origin, Record};
use syncline_store::{Batch, BatchStream, Rejected, Result, SecondLook, Want};

use crate::RowProblem;

/// How much of a row that does not fit the reject file keeps.
const BODY_BYTES_KEPT: usize = 64 << 10;

/// The payload that a row becomes, and the handle of its record.
pub(crate) type Made = (Bytes, Option<Handle>);

/// A row that becomes nothing, and why.
type Unfit = Box<(Record, RowProblem)>;

/// What becomes of a row.
pub(crate) enum Became {
    /// The record that it is already.
    Itself,
    /// Records of their own, none at all among them.
    Others(Vec<Made>),
}

type RecordsOf = Box<dyn Fn(&Record) -> Result<Became, RowProblem> + Send>;

/// Rows on their way through a mapping or a shape.
pub(crate) struct Rows {
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
    pub(crate) fn new(
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

    pub(crate) fn through(self, stream: BatchStream) -> BatchStream {
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

    pub(crate) fn over(self, inner: Box<dyn SecondLook>) -> Box<dyn SecondLook> {
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
