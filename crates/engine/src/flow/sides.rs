//! Reading the two sides: digests to be compared, records set aside.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::StreamExt as _;
use syncline_model::{Collection, Coverage, Digest, Mark, Record};
use syncline_plan::{BaselineRow, Comparison, DesiredRow, Place, PlanError, RowSorter, SortedRows};
use syncline_store::{Batch, ErrorKind, Query, Rejected, Store, StoreError};
use tokio_util::sync::CancellationToken;

use super::part::{CollectionPlan, PROBLEMS_TOLD, Problem, Side};
use super::spool::{Spool, Spooled};
use crate::EngineError;

/// Bytes of a row of the target: key, content, offset, length, line.
const ROW_BYTES: usize = 16 + 16 + 8 + 4 + 8;

/// Where units and lines are that rows were read at.
pub(super) type Units = Vec<Arc<str>>;

/// What a reading amounts to besides its records.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) records: u64,
    pub(super) coverage: Coverage,
    sum: u128,
}

impl Reading {
    /// What tells this reading from one of other records: how many, and a sum that does not depend
    /// on their order.
    pub(super) fn mark(&self) -> Mark {
        let word = if self.coverage.is_complete() {
            "rows"
        } else {
            "some"
        };
        Mark(format!("{word}:{}:{:032x}", self.records, self.sum))
    }
}

/// The source as it is to be in the target.
pub(super) struct Desired {
    pub(super) comparison: Comparison,
    pub(super) spool: Spooled,
    pub(super) units: Units,
    pub(super) reading: Reading,
}

/// The target as it is.
pub(super) struct Found {
    pub(super) rows: SortedRows<ROW_BYTES>,
    pub(super) spool: Spooled,
    pub(super) reading: Reading,
}

/// What both readings need.
pub(super) struct Reader<'run> {
    pub(super) collection: &'run Arc<Collection>,
    pub(super) folder: &'run std::path::Path,
    pub(super) memory_budget: usize,
    pub(super) stop: &'run CancellationToken,
}

impl Reader<'_> {
    pub(super) async fn desired(
        &self,
        source: &dyn Store,
        plan: &mut CollectionPlan,
    ) -> Result<Desired, EngineError> {
        let mut comparison = Comparison::new(self.folder, self.memory_budget);
        let mut spool = Spool::create(self.folder)?;
        let mut units = Units::new();
        let reading = self
            .read(source, (Side::Source, plan), |record| {
                let unit = record.origin.as_ref().map(|origin| &origin.unit);
                let unit = unit.cloned().unwrap_or_else(|| "".into());
                if units.last() != Some(&unit) {
                    units.push(unit);
                }
                let unit = u32::try_from(units.len() - 1).unwrap_or(u32::MAX);
                let place = spool.put(record, unit)?;
                Ok(comparison.push(DesiredRow {
                    key: record.key.digest(),
                    content: record.digest,
                    place,
                })?)
            })
            .await?;
        Ok(Desired {
            comparison,
            spool: spool.finish()?,
            units,
            reading,
        })
    }

    pub(super) async fn found(
        &self,
        target: &dyn Store,
        plan: &mut CollectionPlan,
    ) -> Result<Found, EngineError> {
        let mut rows = RowSorter::<ROW_BYTES>::new(self.folder, self.memory_budget);
        let mut spool = Spool::create(self.folder)?;
        let reading = self
            .read(target, (Side::Target, plan), |record| {
                let place = spool.put(record, 0)?;
                Ok(rows.push(encoded(record, place))?)
            })
            .await?;
        Ok(Found {
            rows: rows.finish()?,
            spool: spool.finish()?,
            reading,
        })
    }

    async fn read(
        &self,
        store: &dyn Store,
        (side, plan): (Side, &mut CollectionPlan),
        mut take: impl FnMut(&Record) -> Result<(), EngineError>,
    ) -> Result<Reading, EngineError> {
        let query = Query::records(Arc::clone(self.collection));
        let mut stream = store.read(query).await?;
        let mut reading = Reading {
            records: 0,
            coverage: Coverage::Partial("the reading broke off".to_owned()),
            sum: 0,
        };
        let mut ended = false;
        while let Some(batch) = self.next(&mut stream).await? {
            match batch? {
                Batch::Put(records) => {
                    for record in &records {
                        reading.records += 1;
                        reading.sum = reading.sum.wrapping_add(fingerprint(record));
                        take(record)?;
                    }
                }
                Batch::Unreadable(items) => unreadable(side, plan, &items),
                Batch::End { coverage, .. } => {
                    reading.coverage = coverage;
                    ended = true;
                }
                Batch::Gone(_) | Batch::Rekeyed(_) | Batch::Reached(_) => {}
            }
        }
        if !ended {
            let name = &self.collection.name;
            let message = format!("the reading of {name} broke off before its end");
            return Err(StoreError::new(ErrorKind::Unavailable, message).into());
        }
        Ok(reading)
    }

    async fn next(
        &self,
        stream: &mut syncline_store::BatchStream,
    ) -> Result<Option<syncline_store::Result<Batch>>, EngineError> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(EngineError::Stopped),
            batch = stream.next() => Ok(batch),
        }
    }
}

fn unreadable(side: Side, plan: &mut CollectionPlan, items: &[Rejected]) {
    for item in items {
        plan.unfit += 1;
        plan.tell(Problem::at(side, &item.origin, item.reason.clone()));
    }
}

fn fingerprint(record: &Record) -> u128 {
    let mut both = [0; 32];
    both[..16].copy_from_slice(record.key.digest().as_bytes());
    both[16..].copy_from_slice(record.digest.as_bytes());
    u128::from_be_bytes(*Digest::of(&both).as_bytes())
}

fn encoded(record: &Record, place: Place) -> [u8; ROW_BYTES] {
    let mut row = [0; ROW_BYTES];
    row[..16].copy_from_slice(record.key.digest().as_bytes());
    row[16..32].copy_from_slice(record.digest.as_bytes());
    row[32..40].copy_from_slice(&place.offset.to_be_bytes());
    row[40..44].copy_from_slice(&place.length.to_be_bytes());
    row[44..].copy_from_slice(&place.line.to_be_bytes());
    row
}

fn decoded(row: &[u8; ROW_BYTES]) -> BaselineRow {
    let part = |from: usize| -> [u8; 8] {
        let bytes = row.get(from..from + 8);
        bytes
            .and_then(|bytes| bytes.try_into().ok())
            .unwrap_or_default()
    };
    let digest = |from: usize| {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&row[from..from + 16]);
        Digest::from_bytes(bytes)
    };
    let mut length = [0; 4];
    length.copy_from_slice(&row[40..44]);
    BaselineRow {
        key: digest(0),
        content: digest(16),
        settled: true,
        place: Place {
            unit: 0,
            length: u32::from_be_bytes(length),
            line: u64::from_be_bytes(part(44)),
            offset: u64::from_be_bytes(part(32)),
        },
    }
}

/// Rows of the target whose key another row has too.
#[derive(Debug, Default)]
pub(super) struct Repeated {
    pub(super) count: u64,
    /// The lines of some of them.
    pub(super) lines: Vec<(u64, u64)>,
}

/// Rows of the target in the order of their keys, each key once; the lines of keys that come again
/// are kept for the report.
pub(super) struct Baseline {
    rows: SortedRows<ROW_BYTES>,
    ahead: Option<BaselineRow>,
    /// Lines of a key that comes again, and how many there are in all.
    pub(super) repeated: Rc<RefCell<Repeated>>,
}

impl Baseline {
    pub(super) fn new(rows: SortedRows<ROW_BYTES>) -> Self {
        Self {
            rows,
            ahead: None,
            repeated: Rc::default(),
        }
    }
}

impl Iterator for Baseline {
    type Item = Result<BaselineRow, PlanError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let row = match self.rows.next() {
                None => return self.ahead.take().map(Ok),
                Some(Err(error)) => return Some(Err(error)),
                Some(Ok(row)) => decoded(&row),
            };
            match self.ahead {
                Some(ahead) if ahead.key == row.key => {
                    let mut repeated = self.repeated.borrow_mut();
                    repeated.count += 1;
                    if repeated.lines.len() < PROBLEMS_TOLD {
                        repeated.lines.push((ahead.place.line, row.place.line));
                    }
                }
                Some(ahead) => {
                    self.ahead = Some(row);
                    return Some(Ok(ahead));
                }
                None => self.ahead = Some(row),
            }
        }
    }
}
