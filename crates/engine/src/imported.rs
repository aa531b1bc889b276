//! Records that another program sent before this one was used: settled without a request.
//!
//! What is left of them is the MD5 of each line, so the lines of what would be created are read
//! again before it is planned. Where nothing was imported, nothing here runs.

use std::collections::HashSet;
use std::sync::Arc;

use syncline_ledger::{ImportedLine, ImportedLines, Receipt, ReceiptResult};
use syncline_model::{ChangeKind, Digest, Done, Origin, Record, Scope};
use syncline_plan::PlannedChange;
use syncline_store::{Batch, Query};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::collection::CollectionRun;
use crate::compare::{is_at, origin};
use crate::context::Context;
use crate::feed::next_batch;
use crate::recorder::{self, Note, Noted};
use crate::{EngineError, Resend};

/// What a file in UTF-8 may begin with.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The lines imported for a collection, and where it is noted that they count.
pub(crate) type Imported = (ImportedLines, mpsc::Sender<Note>);

/// Takes what was sent before out of what is planned.
pub(crate) struct Sifter<'run> {
    handle: &'run Handle,
    context: &'run Context,
    collection: &'run Arc<CollectionRun>,
    lines: ImportedLines,
    notes: mpsc::Sender<Note>,
    resend: Resend,
}

impl<'run> Sifter<'run> {
    pub(crate) fn new(
        handle: &'run Handle,
        (context, collection): (&'run Context, &'run Arc<CollectionRun>),
        (lines, notes): Imported,
        resend: &Resend,
    ) -> Self {
        Self {
            handle,
            context,
            collection,
            lines,
            notes,
            resend: resend.clone(),
        }
    }

    /// Takes out what was sent before and notes it as settled; how many changes that were. What
    /// remains keeps its order. Blocks.
    pub(crate) fn sift(&self, planned: &mut Vec<PlannedChange>) -> Result<u64, EngineError> {
        let settled = self.handle.block_on(self.settle(planned))?;
        planned.retain(|change| !settled.contains(&change.key.digest()));
        Ok(settled.len() as u64)
    }

    /// Settles what was sent before; the keys.
    async fn settle(&self, planned: &[PlannedChange]) -> Result<HashSet<Digest>, EngineError> {
        let mut settled = HashSet::new();
        let created = |change: &&PlannedChange| change.kind == ChangeKind::Create;
        let origins: Vec<Origin> = planned.iter().filter(created).filter_map(origin).collect();
        if origins.is_empty() {
            return Ok(settled);
        }
        let query = Query {
            scope: Scope::At(origins),
            ..Query::records(Arc::clone(self.collection.collection()))
        };
        let mut stream = self.context.source.read(query).await?;
        let mut planned = planned.iter();
        while let Some(batch) = next_batch(self.context, self.collection, &mut stream).await? {
            let records = match batch {
                Batch::Put(records) => records,
                Batch::End { .. } => break,
                // What cannot be read is told when it is read to be sent.
                Batch::Unreadable(_) | Batch::Gone(_) | Batch::Rekeyed(_) | Batch::Reached(_) => {
                    continue;
                }
            };
            for record in records {
                let found = record.origin.as_ref();
                let Some(change) = planned.by_ref().find(|change| is_at(change, found)) else {
                    continue;
                };
                let key = change.key.digest();
                if change.content == Some(record.digest)
                    && let Some(line) = self.accepted(&key, &record)?
                    && !self.resend.includes(line.at, line.status)
                {
                    self.note(key, line, record).await?;
                    settled.insert(key);
                }
            }
        }
        Ok(settled)
    }

    /// What is left of a record that was sent before. The byte order mark that a file may begin
    /// with is no part of the record, but was part of the line that was sent.
    fn accepted(&self, key: &Digest, record: &Record) -> Result<Option<ImportedLine>, EngineError> {
        if let Some(line) = self.lines.accepted(key, &record.payload)? {
            return Ok(Some(line));
        }
        let origin = record.origin.as_ref();
        let may_be_marked = |origin: &Origin| {
            let mark = BYTE_ORDER_MARK.len() as u64;
            origin.line == 1 && origin.offset >= mark
        };
        if !origin.is_some_and(may_be_marked) {
            return Ok(None);
        }
        let marked = [BYTE_ORDER_MARK, &record.payload].concat();
        Ok(self.lines.accepted(key, &marked)?)
    }

    /// Notes for the ledger that the target holds a record.
    async fn note(
        &self,
        key: Digest,
        line: ImportedLine,
        record: Record,
    ) -> Result<(), EngineError> {
        let receipt = Receipt {
            collection: self.collection.name().clone(),
            key,
            digest: record.digest,
            at: line.at,
            status: line.status,
            handle: None,
            result: ReceiptResult::Settled(Done::Unchanged),
        };
        let noted = Noted {
            origin: record.origin,
            first: true,
            ..Noted::of(receipt, self.collection)
        };
        recorder::note(&self.notes, noted).await
    }
}
