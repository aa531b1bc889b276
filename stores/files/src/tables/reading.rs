//! Reading a table on a thread of its own, in batches, under back-pressure.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::StreamExt as _;
use syncline_model::{Canonicaliser, Counts, Coverage, Digest, Handle, Key, Origin, Record, Scope};
use syncline_store::{Batch, BatchStream, Query, Rejected, Result, SecondLook, Want};
use tokio::sync::mpsc;

use super::rows::{Raw, Row, Rows, RowsByPlace};
use super::table::Table;

/// Most records in a batch.
const BATCH_RECORDS: usize = 512;
/// Batches that may wait for whoever reads the stream.
const BATCHES_AHEAD: usize = 4;
/// How much of a row that is no record is kept.
const BODY_BYTES_KEPT: usize = 64 << 10;

/// Starts reading; dropping the stream ends the thread at its next batch.
pub(super) fn stream(table: Arc<Table>, query: Query) -> BatchStream {
    begin(table, query, None)
}

/// The same, of a file that is open from now on, with what looks at it once more.
pub(super) fn stream_and_look(
    table: Arc<Table>,
    query: Query,
) -> Result<(BatchStream, Option<Box<dyn SecondLook>>)> {
    let (version, rows) = open(&table)?;
    let look = rows.by_place(&table).map(|rows| Look {
        rows,
        maker: Maker::new(&query),
    });
    let look = look.map(|look| Box::new(look) as Box<dyn SecondLook>);
    Ok((begin(table, query, Some((version, rows))), look))
}

/// A file that is open, and which version of it was there before it was.
type Open = (Option<Version>, Rows);

fn open(table: &Table) -> Result<Open> {
    let version = fingerprint(&table.path);
    Ok((version, Rows::open(table)?))
}

fn begin(table: Arc<Table>, query: Query, opened: Option<Open>) -> BatchStream {
    let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
    tokio::task::spawn_blocking(move || {
        let mut reading = Reading {
            maker: Maker::new(&query),
            sender,
            batch: Vec::new(),
        };
        match reading.read((&table, opened), query.scope) {
            Ok(Some(end)) => reading.send(Ok(end)),
            Ok(None) => true,
            Err(error) => reading.send(Err(error)),
        };
    });
    futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|item| (item, receiver))
    })
    .boxed()
}

struct Reading {
    maker: Maker,
    sender: mpsc::Sender<Result<Batch>>,
    batch: Vec<Record>,
}

impl Reading {
    /// Reads to the end, which is handed back; nothing if nobody listens any more.
    fn read(
        &mut self,
        (table, opened): (&Table, Option<Open>),
        scope: Scope,
    ) -> Result<Option<Batch>> {
        let (before, mut rows) = opened.map_or_else(|| open(table), Ok)?;
        if let Scope::At(origins) = &scope {
            for record in self.at(&mut rows, origins)? {
                if !self.put(record) {
                    return Ok(None);
                }
            }
        } else {
            while let Some(row) = rows.next()? {
                let goes_on = match self.record(row, &mut rows) {
                    Ok(None) => true,
                    Ok(Some(record)) => self.put(record),
                    Err(rejected) => self.reject(rejected),
                };
                if !goes_on {
                    return Ok(None);
                }
            }
        }
        if !self.hand_on() {
            return Ok(None);
        }
        let coverage = if fingerprint(&table.path) == before {
            self.coverage(table, scope)
        } else {
            Coverage::Partial(format!("{} changed while it was read", table.unit))
        };
        Ok(Some(Batch::End {
            mark: None,
            coverage,
            counts: self.maker.counts,
        }))
    }

    /// The records at some lines, in the order in which these are asked for.
    fn at(&mut self, rows: &mut Rows, origins: &[Origin]) -> Result<Vec<Record>> {
        let mut found: Vec<Option<Record>> = vec![None; origins.len()];
        let lines = origins.iter().map(|origin| origin.line);
        let places: HashMap<u64, usize> = lines.zip(0..).collect();
        while let Some(row) = rows.next()? {
            let Some(&index) = places.get(&row.origin.line) else {
                continue;
            };
            if let (Ok(Some(record)), Some(place)) = (self.record(row, rows), found.get_mut(index))
            {
                *place = Some(record);
            }
        }
        Ok(found.into_iter().flatten().collect())
    }

    /// The record of a row, whose cells the next one may have the room of.
    fn record(&mut self, row: Row, rows: &mut Rows) -> Result<Option<Record>, Rejected> {
        let is_row = matches!(row.raw, Raw::Cells(_));
        let read = row
            .payload
            .and_then(|payload| self.maker.record((row.origin.clone(), payload), is_row));
        let read = read.map_err(|reason| rejected(row.origin, reason, &row.raw));
        rows.take_back(row.raw);
        read
    }

    fn put(&mut self, record: Record) -> bool {
        self.batch.push(record);
        self.batch.len() < BATCH_RECORDS || self.hand_on()
    }

    fn reject(&mut self, rejected: Rejected) -> bool {
        self.maker.counts.unreadable += 1;
        self.hand_on() && self.send(Ok(Batch::Unreadable(vec![rejected])))
    }

    fn hand_on(&mut self) -> bool {
        if self.batch.is_empty() {
            return true;
        }
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH_RECORDS));
        self.send(Ok(Batch::Put(batch)))
    }

    /// Whether somebody listens.
    fn send(&self, item: Result<Batch>) -> bool {
        self.sender.blocking_send(item).is_ok()
    }

    fn coverage(&self, table: &Table, scope: Scope) -> Coverage {
        match (self.maker.counts.unreadable, table.partial) {
            (0, None) => Coverage::Complete(scope),
            (0, Some(reason)) => Coverage::Partial(format!("{}: {reason}", table.unit)),
            (1, _) => Coverage::Partial(format!("1 row of {} is no record", table.unit)),
            (rows, _) => Coverage::Partial(format!("{rows} rows of {} are no records", table.unit)),
        }
    }
}

/// Makes records of payloads.
struct Maker {
    canonicaliser: Canonicaliser,
    want: Want,
    counts: Counts,
}

impl Maker {
    fn new(query: &Query) -> Self {
        Self {
            canonicaliser: Canonicaliser::new(&query.collection),
            want: query.want,
            counts: Counts::default(),
        }
    }

    /// The record of a payload, or why it is none; nothing where it is only counted. A row that was
    /// made here is an object.
    fn record(
        &mut self,
        (origin, payload): (Origin, Bytes),
        is_row: bool,
    ) -> Result<Option<Record>, String> {
        if self.want == Want::Count {
            self.counts.records += 1;
            return Ok(None);
        }
        let (key, digest, handle) = if self.want == Want::Payloads && is_row {
            let digest = Digest::of(&payload);
            (Key::of_content(digest), digest, None)
        } else {
            let read = self.canonicaliser.read(&payload);
            let (key, digest) = read.map_err(|problem| problem.to_string())?;
            // How the file itself spells the key, by which its row is found again.
            let handle = Handle(key.as_str().into());
            (key, digest, Some(handle))
        };
        self.counts.records += 1;
        self.counts.bytes += payload.len() as u64;
        let wants_payload = self.want != Want::Digests;
        Ok(Some(Record {
            key,
            digest,
            payload: if wants_payload { payload } else { Bytes::new() },
            handle,
            origin: Some(origin),
        }))
    }
}

/// A second look at rows.
struct Look {
    rows: RowsByPlace,
    maker: Maker,
}

impl SecondLook for Look {
    fn records_at(&mut self, origin: &Origin) -> Result<Vec<Record>> {
        let Some(payload) = self.rows.payload(origin)? else {
            return Ok(vec![]);
        };
        let row = (origin.clone(), payload);
        let record = self.maker.record(row, self.rows.are_cut());
        Ok(record.ok().flatten().into_iter().collect())
    }
}

fn rejected(origin: Origin, reason: String, raw: &Raw) -> Rejected {
    let mut body = match raw {
        Raw::Line(line) => line.clone(),
        Raw::Cells(cells) => {
            let texts: Vec<_> = cells.iter().map(String::from_utf8_lossy).collect();
            serde_json::to_vec(&texts).unwrap_or_default().into()
        }
    };
    body.truncate(BODY_BYTES_KEPT);
    Rejected {
        origin,
        reason,
        body,
    }
}

/// What tells a file from a later version of itself.
type Version = (u64, Option<SystemTime>);

/// Which version of a file is there, if any.
pub(super) fn fingerprint(path: &Path) -> Option<Version> {
    let metadata = fs_err::metadata(path).ok()?;
    Some((metadata.len(), metadata.modified().ok()))
}
