//! Reading a collection's files on a thread of their own, in batches, under back-pressure.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::StreamExt as _;
use syncline_model::{Canonicaliser, CollectionName, Counts, Coverage, Origin, Record, Scope};
use syncline_store::{Batch, BatchStream, ErrorKind, Query, Rejected, Result, StoreError, Want};
use tokio::sync::mpsc;

use crate::discover::{DataFile, LineKind};
use crate::lines::{LINE_BYTES_MAX, Line, Lines};
use crate::packed::Unpacked;
use crate::rejects::Reject;

/// Most records in a batch.
const BATCH_RECORDS: usize = 512;
/// Payload bytes after which a batch is handed on.
const BATCH_BYTES: usize = 1 << 20;
/// Batches that may wait for whoever reads the stream.
const BATCHES_AHEAD: usize = 4;
/// How much of an unreadable line the reject file keeps.
const BODY_BYTES_KEPT: usize = 64 << 10;

/// Starts reading; dropping the stream ends the thread at its next batch.
pub(crate) fn stream(files: Vec<DataFile>, unpacked: Unpacked, query: Query) -> BatchStream {
    let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
    tokio::task::spawn_blocking(move || {
        let mut reading = Reading::new(&query, sender);
        let result = match &query.scope {
            Scope::At(origins) => reading.places((&files, &unpacked), origins),
            _ => reading.files(&files),
        };
        reading.finish(result, query.scope);
    });
    futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|item| (item, receiver))
    })
    .boxed()
}

/// Why a reading stops early.
enum Stop {
    /// Nobody is listening any more.
    Unwanted,
    /// A file cannot be read.
    Error(StoreError),
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Self::Error(error.into())
    }
}

struct Reading {
    collection: CollectionName,
    canonicaliser: Canonicaliser,
    want: Want,
    sender: mpsc::Sender<Result<Batch>>,
    batch: Vec<Record>,
    batch_bytes: usize,
    counts: Counts,
    changed: Option<String>,
}

impl Reading {
    fn new(query: &Query, sender: mpsc::Sender<Result<Batch>>) -> Self {
        Self {
            collection: query.collection.name.clone(),
            canonicaliser: Canonicaliser::new(&query.collection),
            want: query.want,
            sender,
            batch: Vec::new(),
            batch_bytes: 0,
            counts: Counts::default(),
            changed: None,
        }
    }

    fn files(&mut self, files: &[DataFile]) -> Result<(), Stop> {
        for file in files {
            let before = fingerprint(&fs_err::File::open(&file.path)?)?;
            let mut lines = Lines::new(file.open().map_err(Stop::Error)?);
            let problem = |error| Stop::Error(file.problem(error));
            while let Some(line) = lines.next_line().map_err(problem)? {
                self.line(file, line)?;
            }
            if fingerprint(&fs_err::File::open(&file.path)?)? != before {
                self.changed = Some(format!("{} changed while it was read", file.unit));
            }
        }
        Ok(())
    }

    /// Reads single payloads again where an earlier reading found them.
    fn places(
        &mut self,
        (files, unpacked): (&[DataFile], &Unpacked),
        origins: &[Origin],
    ) -> Result<(), Stop> {
        let mut open: Option<(Arc<str>, fs_err::File)> = None;
        for origin in origins {
            if open.as_ref().is_none_or(|(unit, _)| *unit != origin.unit) {
                let file = files.iter().find(|file| file.unit == origin.unit);
                let file = file.ok_or_else(|| Stop::Error(gone(origin)))?;
                let path = unpacked.path(file).map_err(Stop::Error)?;
                open = Some((Arc::clone(&file.unit), fs_err::File::open(path)?));
            }
            let Some((_, source)) = open.as_mut() else {
                continue;
            };
            let mut bytes = vec![0; origin.length as usize];
            source.seek(SeekFrom::Start(origin.offset))?;
            match source.read_exact(&mut bytes) {
                Ok(()) => self.payload(origin.clone(), bytes.into())?,
                Err(_) => {
                    self.unreadable(origin.clone(), "the file became shorter", Bytes::new())?;
                }
            }
        }
        Ok(())
    }

    fn line(&mut self, file: &DataFile, line: Line) -> Result<(), Stop> {
        let origin = Origin {
            unit: Arc::clone(&file.unit),
            line: line.number,
            offset: line.offset,
            length: u32::try_from(line.text.len()).unwrap_or(u32::MAX),
        };
        if line.too_long {
            let reason = format!("longer than {} MB", LINE_BYTES_MAX >> 20);
            return self.unreadable(origin, &reason, line.text);
        }
        match file.lines {
            LineKind::Records => self.payload(origin, line.text),
            LineKind::Rejects => self.reject(origin, &line.text),
        }
    }

    /// The record inside a reject, if it belongs to the collection that is read.
    fn reject(&mut self, origin: Origin, line: &Bytes) -> Result<(), Stop> {
        let reject = match Reject::parse(line) {
            Ok(reject) if !reject.is_of(&self.collection) => return Ok(()),
            Ok(reject) => reject,
            Err(reason) => return self.unreadable(origin, &reason, line.clone()),
        };
        let Some(payload) = reject.record(line) else {
            let reason = "the body is still no JSON object: correct it first";
            return self.unreadable(origin, reason, line.clone());
        };
        let inside = payload.as_ptr() as usize - line.as_ptr() as usize;
        let origin = Origin {
            offset: origin.offset + inside as u64,
            length: u32::try_from(payload.len()).unwrap_or(u32::MAX),
            ..origin
        };
        self.payload(origin, payload)
    }

    fn payload(&mut self, origin: Origin, payload: Bytes) -> Result<(), Stop> {
        if self.want == Want::Count {
            self.counts.records += 1;
            return Ok(());
        }
        let (key, digest) = match self.canonicaliser.read(&payload) {
            Ok(read) => read,
            Err(problem) => return self.unreadable(origin, &problem.to_string(), payload),
        };
        self.counts.records += 1;
        self.counts.bytes += payload.len() as u64;
        self.batch_bytes += payload.len();
        let payload = if self.want == Want::Digests {
            Bytes::new()
        } else {
            payload
        };
        self.batch.push(Record {
            key,
            digest,
            payload,
            handle: None,
            origin: Some(origin),
        });
        if self.batch.len() >= BATCH_RECORDS || self.batch_bytes >= BATCH_BYTES {
            self.hand_on()?;
        }
        Ok(())
    }

    fn unreadable(&mut self, origin: Origin, reason: &str, mut body: Bytes) -> Result<(), Stop> {
        self.counts.unreadable += 1;
        self.hand_on()?;
        body.truncate(BODY_BYTES_KEPT);
        let rejected = Rejected {
            origin,
            reason: reason.to_owned(),
            body,
        };
        self.send(Ok(Batch::Unreadable(vec![rejected])))
    }

    fn hand_on(&mut self) -> Result<(), Stop> {
        self.batch_bytes = 0;
        if self.batch.is_empty() {
            return Ok(());
        }
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH_RECORDS));
        self.send(Ok(Batch::Put(batch)))
    }

    fn send(&self, item: Result<Batch>) -> Result<(), Stop> {
        self.sender
            .blocking_send(item)
            .map_err(|_gone| Stop::Unwanted)
    }

    fn finish(mut self, result: Result<(), Stop>, scope: Scope) {
        let end = result.and_then(|()| self.hand_on());
        let last = match end {
            Ok(()) => Ok(Batch::End {
                mark: None,
                coverage: self.coverage(scope),
                counts: self.counts,
            }),
            Err(Stop::Error(error)) => Err(error),
            Err(Stop::Unwanted) => return,
        };
        // Whoever stopped listening does not miss the end.
        let _unheard = self.send(last);
    }

    fn coverage(&self, scope: Scope) -> Coverage {
        match &self.changed {
            Some(changed) => Coverage::Partial(changed.clone()),
            None if self.counts.unreadable == 1 => {
                Coverage::Partial("1 line is not a record".to_owned())
            }
            None if self.counts.unreadable > 0 => {
                Coverage::Partial(format!("{} lines are not records", self.counts.unreadable))
            }
            None => Coverage::Complete(scope),
        }
    }
}

/// What tells a file from a later version of itself.
fn fingerprint(file: &fs_err::File) -> std::io::Result<(u64, Option<SystemTime>)> {
    let metadata = file.metadata()?;
    Ok((metadata.len(), metadata.modified().ok()))
}

fn gone(origin: &Origin) -> StoreError {
    StoreError::new(
        ErrorKind::NotFound,
        format!("{} is no longer there", origin.unit),
    )
}
