//! Outcomes on their way into the ledger: collected for a moment, then written durably in one
//! transaction, while the next ones are collected.

use std::sync::Arc;
use std::time::Duration;

use syncline_ledger::{Ledger, Receipt};
use syncline_model::Origin;
use tokio::sync::{mpsc, oneshot};

use crate::collection::CollectionRun;
use crate::context::{Context, lock};
use crate::{Duplicate, EngineError};

/// Most receipts in a transaction.
const BATCH_RECEIPTS: usize = 8192;
/// Longest time a receipt waits for others.
const BATCH_TIME: Duration = Duration::from_millis(100);
/// Receipts that may wait while a transaction is written.
pub(crate) const RECEIPTS_AHEAD: usize = 16_384;

/// Something for the recorder.
pub(crate) enum Note {
    /// An outcome.
    Receipt(Box<Noted>),
    /// Answer when everything before this is durable.
    Flush(oneshot::Sender<()>),
}

/// An outcome, and what it takes to report a repeated key.
pub(crate) struct Noted {
    pub(crate) receipt: Receipt,
    pub(crate) collection: Arc<CollectionRun>,
    pub(crate) origin: Option<Origin>,
    /// Whether the record is offered for the first time in this run.
    pub(crate) first: bool,
}

/// Records until all senders are gone. A ledger that cannot be written stops the run.
pub(crate) async fn record(context: Arc<Context>, mut notes: mpsc::Receiver<Note>) {
    let mut batch: Vec<Noted> = Vec::new();
    while let Some(note) = notes.recv().await {
        let mut waiting = Vec::new();
        take(note, &mut batch, &mut waiting);
        // One wait for all that comes meanwhile: waking up for each receipt would cost more than
        // noting it.
        if waiting.is_empty() {
            tokio::select! {
                () = tokio::time::sleep(BATCH_TIME) => {}
                () = context.hurry.notified() => {}
            }
        }
        while batch.len() < BATCH_RECEIPTS
            && let Ok(note) = notes.try_recv()
        {
            take(note, &mut batch, &mut waiting);
        }
        if let Err(error) = write(&context, std::mem::take(&mut batch)).await {
            context.stop.fail(error);
        }
        for answer in waiting {
            // Whoever asked may have given up meanwhile.
            let _unheard = answer.send(());
        }
    }
}

fn take(note: Note, batch: &mut Vec<Noted>, waiting: &mut Vec<oneshot::Sender<()>>) {
    match note {
        Note::Receipt(noted) => batch.push(*noted),
        Note::Flush(answer) => waiting.push(answer),
    }
}

async fn write(context: &Arc<Context>, batch: Vec<Noted>) -> Result<(), EngineError> {
    if batch.is_empty() {
        return Ok(());
    }
    let context = Arc::clone(context);
    let written = tokio::task::spawn_blocking(move || {
        let mut receipts = Vec::with_capacity(batch.len());
        let mut origins = Vec::with_capacity(batch.len());
        for noted in batch {
            receipts.push(noted.receipt);
            origins.push((noted.collection, noted.origin, noted.first));
        }
        let mut ledger = lock::<Ledger>(&context.ledger);
        let repeats = ledger.record(context.scope, context.run, &receipts)?;
        for (collection, _, first) in &origins {
            if *first {
                collection.note_recorded();
            }
        }
        for repeat in repeats {
            if let Some((collection, Some(origin), true)) = origins.get(repeat.index) {
                collection.note_duplicate(Duplicate {
                    file: origin.unit.to_string(),
                    line: origin.line,
                    earlier_line: None,
                    same_content: repeat.same_digest,
                });
            }
        }
        Ok(())
    });
    written.await.unwrap_or(Err(EngineError::Defect))
}

/// Waits until all outcomes noted so far are durable.
pub(crate) async fn flush(context: &Context, notes: &mpsc::Sender<Note>) {
    let (answer, answered) = oneshot::channel();
    if notes.send(Note::Flush(answer)).await.is_ok() {
        context.hurry.notify_one();
        // The recorder answers every flush it has taken.
        let _answered = answered.await;
    }
}
