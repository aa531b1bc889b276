//! Outcomes on their way into the ledger: collected for a moment, then written durably in one
//! transaction, while the next ones are collected. What is about to be offered goes the same way,
//! so that the ledger knows of it before the target does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use syncline_ledger::{Entries, Ledger, Listed, ReadingPlace, Receipt, UnderWay};
use syncline_model::{CollectionName, Digest, Origin};
use syncline_store::Reached;
use tokio::sync::{mpsc, oneshot};

use crate::collection::CollectionRun;
use crate::context::{Context, lock};
use crate::places::{End, Page};
use crate::{Duplicate, EngineError};

/// Most receipts in a transaction.
const BATCH_RECEIPTS: usize = 8192;
/// Longest time a receipt waits for others.
const BATCH_TIME: Duration = Duration::from_millis(100);
/// Receipts that may wait while a transaction is written.
pub(crate) const RECEIPTS_AHEAD: usize = 16_384;

/// Something for the recorder.
pub(crate) enum Note {
    /// Changes that are about to be offered, once the ledger knows of them.
    UnderWay(Vec<UnderWay>, Known),
    /// An outcome.
    Receipt(Box<Noted>),
    /// A change was answered and leaves everything as it was known.
    Answered(CollectionName, Digest),
    /// A page of a collection has come to its end.
    Placed(Arc<CollectionRun>),
    /// What a list told or how far it was read, and the place that waits for that to be durable.
    Listed(Box<Listed>, Option<Reached>),
    /// Answer when everything before this is durable.
    Flush(oneshot::Sender<()>),
}

/// Whether the ledger knows of changes that were announced together.
#[derive(Clone, Default)]
pub(crate) struct Known(Arc<AtomicBool>);

impl Known {
    fn tell(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Waits until the ledger knows; false if the run stops before.
    pub(crate) async fn wait(&self, context: &Context) -> bool {
        loop {
            let announced = context.announced.notified();
            if self.0.load(Ordering::Acquire) {
                return true;
            }
            context.hurry.notify_one();
            tokio::select! {
                biased;
                () = context.stop.stopped() => return false,
                () = announced => {}
            }
        }
    }
}

/// An outcome, and what it takes to report a repeated key.
pub(crate) struct Noted {
    pub(crate) receipt: Receipt,
    pub(crate) collection: Arc<CollectionRun>,
    pub(crate) origin: Option<Origin>,
    /// Whether the record is offered for the first time in this run.
    pub(crate) first: bool,
    /// The page it was read with, where that is of interest.
    pub(crate) page: Option<Arc<Page>>,
}

impl Noted {
    /// An outcome that comes from no line and no page, and of nothing that is offered first.
    pub(crate) fn of(receipt: Receipt, collection: &Arc<CollectionRun>) -> Self {
        Self {
            receipt,
            collection: Arc::clone(collection),
            origin: None,
            first: false,
            page: None,
        }
    }
}

/// Hands an outcome over. There is always a recorder, unless it has broken off.
pub(crate) async fn note(notes: &mpsc::Sender<Note>, outcome: Noted) -> Result<(), EngineError> {
    let sent = notes.send(Note::Receipt(Box::new(outcome))).await;
    sent.map_err(|_closed| EngineError::Defect)
}

/// Tells the recorder of changes that are about to be offered. They may be once that is known.
pub(crate) async fn announce(
    notes: &mpsc::Sender<Note>,
    under_way: Vec<UnderWay>,
) -> Result<Known, EngineError> {
    let known = Known::default();
    let note = Note::UnderWay(under_way, known.clone());
    let sent = notes.send(note).await;
    sent.map_err(|_closed| EngineError::Defect)?;
    Ok(known)
}

/// Tells that a change leaves everything as it was known.
pub(crate) async fn answered(
    notes: &mpsc::Sender<Note>,
    (collection, key): (&CollectionName, Digest),
) -> Result<(), EngineError> {
    let sent = notes.send(Note::Answered(collection.clone(), key)).await;
    sent.map_err(|_closed| EngineError::Defect)
}

/// Records until all senders are gone. A ledger that cannot be written stops the run.
pub(crate) async fn record(context: Arc<Context>, mut notes: mpsc::Receiver<Note>) {
    while let Some(note) = notes.recv().await {
        let mut batch = Batch::default();
        batch.take(note);
        // One wait for all that comes meanwhile: waking up for each receipt would cost more than
        // noting it.
        if batch.waiting.is_empty() {
            tokio::select! {
                () = tokio::time::sleep(BATCH_TIME) => {}
                () = context.hurry.notified() => {}
            }
        }
        while batch.noted.len() + batch.under_way.len() < BATCH_RECEIPTS
            && let Ok(note) = notes.try_recv()
        {
            batch.take(note);
        }
        let waiting = std::mem::take(&mut batch.waiting);
        if let Err(error) = write(&context, batch).await {
            context.stop.fail(error);
        }
        for answer in waiting {
            // Whoever asked may have given up meanwhile.
            let _unheard = answer.send(());
        }
    }
}

/// What is written in one transaction.
#[derive(Default)]
struct Batch {
    under_way: Vec<UnderWay>,
    /// Whoever waits for that.
    known: Vec<Known>,
    noted: Vec<Noted>,
    answered: Vec<(CollectionName, Digest)>,
    /// Collections of which a page may be settled by it.
    placed: BTreeMap<CollectionName, Arc<CollectionRun>>,
    listed: Vec<Listed>,
    /// Places of lists.
    reached: Vec<Reached>,
    waiting: Vec<oneshot::Sender<()>>,
}

impl Batch {
    fn take(&mut self, note: Note) {
        match note {
            Note::UnderWay(under_way, known) => {
                self.under_way.extend(under_way);
                self.known.push(known);
            }
            Note::Answered(collection, key) => self.answered.push((collection, key)),
            Note::Receipt(noted) => {
                if noted.page.is_some() {
                    self.place(&noted.collection);
                }
                self.noted.push(*noted);
            }
            Note::Placed(collection) => self.place(&collection),
            Note::Listed(listed, reached) => {
                self.listed.push(*listed);
                self.reached.extend(reached);
            }
            Note::Flush(answer) => self.waiting.push(answer),
        }
    }

    fn is_empty(&self) -> bool {
        let receipts = self.noted.is_empty() && self.answered.is_empty();
        let places = self.placed.is_empty() && self.listed.is_empty();
        self.under_way.is_empty() && receipts && places
    }

    fn place(&mut self, collection: &Arc<CollectionRun>) {
        if !self.placed.contains_key(collection.name()) {
            let name = collection.name().clone();
            self.placed.insert(name, Arc::clone(collection));
        }
    }

    /// The ends of the pages that are settled by this, by collection.
    fn settled(&self) -> Vec<(CollectionName, Vec<End>)> {
        for page in self.noted.iter().filter_map(|noted| noted.page.as_ref()) {
            page.settle();
        }
        let placed = self.placed.iter();
        placed
            .map(|(name, collection)| (name.clone(), collection.pages().settled()))
            .filter(|(_, ends)| !ends.is_empty())
            .collect()
    }
}

async fn write(context: &Arc<Context>, batch: Batch) -> Result<(), EngineError> {
    if batch.is_empty() {
        return Ok(());
    }
    let context = Arc::clone(context);
    let written = tokio::task::spawn_blocking(move || {
        let settled = batch.settled();
        let places: Vec<ReadingPlace> = settled
            .iter()
            .filter_map(|(name, ends)| Some((name.clone(), ends.last()?.place.clone())))
            .collect();
        let mut receipts = Vec::with_capacity(batch.noted.len());
        let mut origins = Vec::with_capacity(batch.noted.len());
        for noted in batch.noted {
            receipts.push(noted.receipt);
            origins.push((noted.collection, noted.origin, noted.first));
        }
        let mut ledger = lock::<Ledger>(&context.ledger);
        let entries = Entries {
            under_way: &batch.under_way,
            receipts: &receipts,
            answered: &batch.answered,
            places: &places,
            listed: &batch.listed,
        };
        let repeats = if entries.is_empty() {
            vec![]
        } else {
            ledger.record_all(context.scope, context.run, entries)?
        };
        batch.known.iter().for_each(Known::tell);
        context.announced.notify_waiters();
        for (collection, _, first) in &origins {
            if *first {
                collection.note_recorded();
            }
        }
        // Whoever waits for a place to be safe reads on now.
        drop(batch.reached);
        for end in settled.into_iter().flat_map(|(_, ends)| ends) {
            drop(end.reached);
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
