//! Reading the two sides: digests to be compared, records set aside.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::StreamExt as _;
use syncline_model::{Collection, Coverage, Digest, Mark, Record};
use syncline_plan::{BaselineRow, Comparison, DesiredRow, Place, PlanError, RowSorter, SortedRows};
use syncline_store::{Batch, BatchStream, ErrorKind, Query, Rejected, Store, StoreError};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::kept::{Keeping, Kept};
use super::part::{CollectionPlan, PROBLEMS_TOLD, Problem, Side};

use crate::EngineError;

/// Bytes of a row of the target: key, content, offset, length, unit, line.
const ROW_BYTES: usize = 16 + 16 + 8 + 4 + 4 + 8;

/// What a reading amounts to besides its records.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) records: u64,
    pub(super) coverage: Coverage,
    /// Whether only what changed since a mark was read.
    pub(super) only_changes: bool,
    /// Where a reading begins of what changes after this one.
    pub(super) position: Option<Mark>,
    sum: u128,
}

impl Reading {
    /// What tells this reading from one of other records: how many, and a sum that does not depend
    /// on their order.
    pub(super) fn mark(&self) -> Mark {
        let word = if self.coverage.is_complete() && !self.only_changes {
            "rows"
        } else {
            "some"
        };
        Mark(format!("{word}:{}:{:032x}", self.records, self.sum))
    }
}

/// How many records a reading had, by its mark; nothing if it did not come to its end.
pub(super) fn records_of(mark: &Mark) -> Option<u64> {
    let (records, _) = mark.0.strip_prefix("rows:")?.split_once(':')?;
    Some(records.parse().unwrap_or(0))
}

/// The source as it is to be in the target.
pub(super) struct Desired {
    pub(super) comparison: Comparison,
    pub(super) kept: Kept,
    pub(super) reading: Reading,
}

/// The target as it is.
pub(super) struct Found {
    pub(super) rows: SortedRows<ROW_BYTES>,
    pub(super) kept: Kept,
    pub(super) reading: Reading,
}

/// What a reading of a side needs, so that both go on at once.
#[derive(Clone)]
pub(super) struct Reader {
    pub(super) store: Arc<dyn Store>,
    pub(super) side: Side,
    pub(super) collection: Arc<Collection>,
    /// Only what changed since is meant, where the store tells.
    pub(super) since: Option<Mark>,
    pub(super) folder: PathBuf,
    pub(super) memory_budget: usize,
    pub(super) stop: CancellationToken,
}

/// Rows that were no records.
#[derive(Debug, Default)]
pub(super) struct Unfit {
    pub(super) count: u64,
    /// The first of them.
    pub(super) problems: Vec<Problem>,
}

impl Unfit {
    /// Adds them to what is planned of the collection.
    pub(super) fn tell(self, plan: &mut CollectionPlan) {
        plan.unfit += self.count;
        for problem in self.problems {
            plan.tell(problem);
        }
    }
}

impl Reader {
    /// Reads the source.
    pub(super) async fn desired(self) -> Result<(Desired, Unfit), EngineError> {
        let mut comparison = Comparison::new(&self.folder, self.memory_budget);
        let (stream, mut keeping) = self.open().await?;
        let (reading, unfit) = self
            .read(stream, |record, key| {
                let place = keeping.put(record)?;
                Ok(comparison.push(DesiredRow {
                    key,
                    content: record.digest,
                    place,
                })?)
            })
            .await?;
        let desired = Desired {
            comparison,
            kept: keeping.finish()?,
            reading,
        };
        Ok((desired, unfit))
    }

    /// Reads the target.
    pub(super) async fn found(self) -> Result<(Found, Unfit), EngineError> {
        let mut rows = RowSorter::<ROW_BYTES>::new(&self.folder, self.memory_budget);
        let (stream, mut keeping) = self.open().await?;
        let (reading, unfit) = self
            .read(stream, |record, key| {
                let place = keeping.put(record)?;
                Ok(rows.push(encoded((key, record.digest), place))?)
            })
            .await?;
        let found = Found {
            rows: rows.finish()?,
            kept: keeping.finish()?,
            reading,
        };
        Ok((found, unfit))
    }

    /// Begins to read; whether only what changed is read. A store that cannot tell that is read as a
    /// whole.
    async fn open(&self) -> Result<((BatchStream, bool), Keeping), EngineError> {
        let whole = Query::records(Arc::clone(&self.collection));
        if self.since.is_some() {
            let query = Query {
                since: self.since.clone(),
                ..whole.clone()
            };
            match self.unless_stopped(self.store.read(query)).await? {
                Err(error) if error.kind == ErrorKind::Unsupported => {}
                stream => return Ok(((stream?, true), Keeping::new(None, &self.folder)?)),
            }
        }
        let opened = self.store.read_with_second_look(whole);
        let (stream, look) = self.unless_stopped(opened).await??;
        Ok(((stream, false), Keeping::new(look, &self.folder)?))
    }

    async fn read(
        &self,
        (mut stream, only_changes): (BatchStream, bool),
        mut take: impl FnMut(&Record, Digest) -> Result<(), EngineError>,
    ) -> Result<(Reading, Unfit), EngineError> {
        let mut reading = Reading {
            records: 0,
            coverage: Coverage::Partial("the reading broke off".to_owned()),
            only_changes,
            position: None,
            sum: 0,
        };
        let mut unfit = Unfit::default();
        let mut ended = false;
        while let Some(batch) = self.unless_stopped(stream.next()).await? {
            match batch? {
                Batch::Put(records) => {
                    for record in &records {
                        reading.records += 1;
                        let key = record.key.digest();
                        let both = fingerprint(key, record.digest);
                        reading.sum = reading.sum.wrapping_add(both);
                        take(record, key)?;
                    }
                }
                Batch::Unreadable(items) => unreadable(self.side, &mut unfit, &items),
                Batch::End { mark, coverage, .. } => {
                    reading.position = mark.filter(|_| coverage.is_complete());
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
        Ok((reading, unfit))
    }

    pub(super) async fn unless_stopped<T>(
        &self,
        answer: impl Future<Output = T>,
    ) -> Result<T, EngineError> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(EngineError::Stopped),
            answer = answer => Ok(answer),
        }
    }
}

/// Reads both sides at once, each on a thread of its own, as what becomes of a record takes longer
/// than its way from the store; where one cannot be read, the other is given up.
pub(super) async fn both(
    mut source: Reader,
    mut target: Reader,
) -> Result<((Desired, Unfit), (Found, Unfit)), EngineError> {
    let stop = source.stop.child_token();
    source.stop = stop.clone();
    target.stop = stop.clone();
    let _given_up = stop.drop_guard();
    let target = on_a_thread(target.found());
    let source = on_a_thread(source.desired());
    tokio::try_join!(source, target)
}

/// Runs a reading on a thread for work that waits for the disk.
async fn on_a_thread<T: Send + 'static>(
    reading: impl Future<Output = Result<T, EngineError>> + Send + 'static,
) -> Result<T, EngineError> {
    let handle = Handle::current();
    let task = tokio::task::spawn_blocking(move || handle.block_on(reading));
    // A thread that panicked has said so.
    task.await.map_err(|_broken| EngineError::Defect)?
}

fn unreadable(side: Side, unfit: &mut Unfit, items: &[Rejected]) {
    for item in items {
        unfit.count += 1;
        if unfit.problems.len() < PROBLEMS_TOLD {
            let problem = Problem::at(side, &item.origin, item.reason.clone());
            unfit.problems.push(problem);
        }
    }
}

fn fingerprint(key: Digest, content: Digest) -> u128 {
    let mut both = [0; 32];
    both[..16].copy_from_slice(key.as_bytes());
    both[16..].copy_from_slice(content.as_bytes());
    u128::from_be_bytes(*Digest::of(&both).as_bytes())
}

fn encoded((key, content): (Digest, Digest), place: Place) -> [u8; ROW_BYTES] {
    let mut row = [0; ROW_BYTES];
    row[..16].copy_from_slice(key.as_bytes());
    row[16..32].copy_from_slice(content.as_bytes());
    row[32..40].copy_from_slice(&place.offset.to_be_bytes());
    row[40..44].copy_from_slice(&place.length.to_be_bytes());
    row[44..48].copy_from_slice(&place.unit.to_be_bytes());
    row[48..].copy_from_slice(&place.line.to_be_bytes());
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
    let half = |from: usize| {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&row[from..from + 4]);
        u32::from_be_bytes(bytes)
    };
    BaselineRow {
        key: digest(0),
        content: digest(16),
        settled: true,
        place: Place {
            unit: half(44),
            length: half(40),
            line: u64::from_be_bytes(part(48)),
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

#[cfg(test)]
mod tests {
    use syncline_model::Scope;

    use super::*;

    #[test]
    fn a_mark_tells_records_only_of_a_whole_reading() {
        let mut reading = Reading {
            records: 12,
            coverage: Coverage::Complete(Scope::Whole),
            only_changes: false,
            position: None,
            sum: 5,
        };
        assert_eq!(records_of(&reading.mark()), Some(12));
        reading.only_changes = true;
        assert_eq!(records_of(&reading.mark()), None);
        reading.only_changes = false;
        reading.coverage = Coverage::Partial("a file is missing".to_owned());
        assert_eq!(records_of(&reading.mark()), None);
        assert_eq!(records_of(&Mark("12".to_owned())), None);
    }
}
