//! Reading a table on a thread of its own, in batches, under back-pressure.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::StreamExt as _;
use syncline_model::{Canonicaliser, Counts, Coverage, Digest, Handle, Key, Origin, Record, Scope};
use syncline_store::{Batch, BatchStream, Query, Rejected, Result, Want};
use tokio::sync::mpsc;

use super::rows::{Raw, Row, Rows};
use super::table::Table;

/// Most records in a batch.
const BATCH_RECORDS: usize = 512;
/// Batches that may wait for whoever reads the stream.
const BATCHES_AHEAD: usize = 4;
/// How much of a row that is no record is kept.
const BODY_BYTES_KEPT: usize = 64 << 10;

/// Starts reading; dropping the stream ends the thread at its next batch.
pub(super) fn stream(table: Arc<Table>, query: Query) -> BatchStream {
    let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
    tokio::task::spawn_blocking(move || {
        let mut reading = Reading {
            canonicaliser: Canonicaliser::new(&query.collection),
            want: query.want,
            sender,
            batch: Vec::new(),
            counts: Counts::default(),
        };
        match reading.read(&table, query.scope) {
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
    canonicaliser: Canonicaliser,
    want: Want,
    sender: mpsc::Sender<Result<Batch>>,
    batch: Vec<Record>,
    counts: Counts,
}

impl Reading {
    /// Reads to the end, which is handed back; nothing if nobody listens any more.
    fn read(&mut self, table: &Table, scope: Scope) -> Result<Option<Batch>> {
        let before = fingerprint(table);
        if let Scope::At(origins) = &scope {
            for record in self.at(table, origins)? {
                if !self.put(record) {
                    return Ok(None);
                }
            }
        } else {
            let mut rows = Rows::open(table)?;
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
        let coverage = if fingerprint(table) == before {
            self.coverage(table, scope)
        } else {
            Coverage::Partial(format!("{} changed while it was read", table.unit))
        };
        Ok(Some(Batch::End {
            mark: None,
            coverage,
            counts: self.counts,
        }))
    }

    /// The records at some lines, in the order in which these are asked for.
    fn at(&mut self, table: &Table, origins: &[Origin]) -> Result<Vec<Record>> {
        let mut found: Vec<Option<Record>> = vec![None; origins.len()];
        let lines = origins.iter().map(|origin| origin.line);
        let places: HashMap<u64, usize> = lines.zip(0..).collect();
        let mut rows = Rows::open(table)?;
        while let Some(row) = rows.next()? {
            let Some(&index) = places.get(&row.origin.line) else {
                continue;
            };
            if let (Ok(Some(record)), Some(place)) =
                (self.record(row, &mut rows), found.get_mut(index))
            {
                *place = Some(record);
            }
        }
        Ok(found.into_iter().flatten().collect())
    }

    /// The record of a row, whose cells the next one may have the room of.
    fn record(&mut self, row: Row, rows: &mut Rows) -> Result<Option<Record>, Rejected> {
        let read = self.read_row((row.origin, row.payload), &row.raw);
        rows.take_back(row.raw);
        read
    }

    fn read_row(
        &mut self,
        (origin, payload): (Origin, Result<Bytes, String>),
        raw: &Raw,
    ) -> Result<Option<Record>, Rejected> {
        let payload = match payload {
            Ok(payload) => payload,
            Err(reason) => return Err(rejected(origin, reason, raw)),
        };
        if self.want == Want::Count {
            self.counts.records += 1;
            return Ok(None);
        }
        if self.want == Want::Payloads && matches!(raw, Raw::Cells(_)) {
            // A row that was made here is an object.
            self.counts.records += 1;
            self.counts.bytes += payload.len() as u64;
            let digest = Digest::of(&payload);
            return Ok(Some(Record {
                key: Key::of_content(digest),
                digest,
                payload,
                handle: None,
                origin: Some(origin),
            }));
        }
        let (key, digest) = match self.canonicaliser.read(&payload) {
            Ok(read) => read,
            Err(problem) => return Err(rejected(origin, problem.to_string(), raw)),
        };
        self.counts.records += 1;
        self.counts.bytes += payload.len() as u64;
        let wants_payload = self.want != Want::Digests;
        // How the file itself spells the key, by which its row is found again.
        let handle = Handle(key.as_str().into());
        Ok(Some(Record {
            key,
            digest,
            payload: if wants_payload { payload } else { Bytes::new() },
            handle: Some(handle),
            origin: Some(origin),
        }))
    }

    fn put(&mut self, record: Record) -> bool {
        self.batch.push(record);
        self.batch.len() < BATCH_RECORDS || self.hand_on()
    }

    fn reject(&mut self, rejected: Rejected) -> bool {
        self.counts.unreadable += 1;
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
        match (self.counts.unreadable, table.partial) {
            (0, None) => Coverage::Complete(scope),
            (0, Some(reason)) => Coverage::Partial(format!("{}: {reason}", table.unit)),
            (1, _) => Coverage::Partial(format!("1 row of {} is no record", table.unit)),
            (rows, _) => Coverage::Partial(format!("{rows} rows of {} are no records", table.unit)),
        }
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

/// What tells a file from a later version of itself; nothing if it is not there.
pub(super) fn fingerprint(table: &Table) -> Option<(u64, Option<SystemTime>)> {
    let metadata = fs_err::metadata(&table.path).ok()?;
    Some((metadata.len(), metadata.modified().ok()))
}
