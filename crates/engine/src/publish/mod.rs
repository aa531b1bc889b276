//! Publishing: a feed as source, the ledger between, and a proof before a mark moves.
//!
//! A run stands for one moment of the source. It goes through three phases, each for all
//! collections before the next begins: keys that changed, in load order; records that were
//! written, in load order; records that went, in reverse. What cannot be done is owed: it stays in
//! the ledger with its reason and is offered again by the next run.
//!
//! What always holds: the mark of a collection moves only when each record that was read is known
//! to be unchanged, or has a durable receipt (written or owed), and the reading covers everything
//! up to the mark. The mark of one collection never waits for another. Runs that do not come to a
//! proof are remembered by their moments: a source tells several changes of one key as one, from
//! the key at the mark to the key now, and the target may hold one between.

mod deletes;
mod gone;
mod histories;
mod memory;
mod missing;
mod moved;
mod part;
mod proof;
mod reading;
mod receipts;
mod screen;
mod upserts;
mod whole;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use syncline_model::{CollectionName, Key, Mark};
use syncline_plan::LoadOrder;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::context::{Context, lock};
use crate::lanes::Lanes;
use crate::recorder::{self, Note};
use crate::run::{Collections, around};
use crate::{EngineError, Event, Job, Observer, RunReport, parked};
pub use memory::proved_mark;
use moved::Moved;
use part::Part;
pub use reading::{Through, unfinished};

/// A publication, ready to go.
#[derive(Debug)]
pub struct PublishJob {
    /// What is to be published where; its source is a feed.
    pub job: Job,
    /// The moment of the source at which every reading ends; nothing if the source has no feed.
    pub moment: Option<Mark>,
    /// By what the moment can be had again, by a run that goes on with this one.
    pub through: Through,
    /// From where on it is read.
    pub start: Start,
    /// Whether only what is owed is offered, and nothing is read.
    pub owed_only: bool,
    /// Whether deletes are not read, and what went in the source stays in the target.
    pub ignore_deletes: bool,
    /// By how much the window begins before its mark; see [`Overlap`].
    pub overlap: Overlap,
    /// Declined records with which the run stops; nothing for any number.
    pub failures_max: Option<u64>,
}

/// From where on a source is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// Each collection after its mark; one without a mark from its beginning.
    Marks,
    /// Each collection after its mark; one without a mark after this one, up to which another
    /// program has published.
    MarksOrAfter(Mark),
    /// Every collection from its beginning, and what went since the marks; what the ledger holds and
    /// a complete reading does not, went as well.
    Beginning,
    /// Every collection from its beginning, compared with the ledger: the marks are of another
    /// source, and are forgotten.
    Anew,
    /// Every collection after this mark.
    After(Mark),
}

/// How a mark is taken back a little, because what was written before it may have become visible
/// after it was given. Only the store that made the mark knows how.
#[derive(Clone)]
pub struct Overlap(Arc<dyn Fn(&Mark) -> Mark + Send + Sync>);

impl Overlap {
    /// An overlap by what `earlier` makes of a mark.
    pub fn new(earlier: impl Fn(&Mark) -> Mark + Send + Sync + 'static) -> Self {
        Self(Arc::new(earlier))
    }

    /// The mark itself: nothing becomes visible late.
    pub fn none() -> Self {
        Self::new(Mark::clone)
    }

    fn before(&self, mark: &Mark) -> Mark {
        (self.0)(mark)
    }
}

impl std::fmt::Debug for Overlap {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Overlap")
    }
}

/// What a publication did.
#[derive(Debug)]
pub struct PublishReport {
    /// What was done to each collection.
    pub run: RunReport,
    /// How far each is proved to be published.
    pub parts: BTreeMap<CollectionName, PartReport>,
}

/// How far a collection is published.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartReport {
    /// The mark it was read from; nothing if from its beginning.
    pub from: Option<Mark>,
    /// The mark it has now.
    pub to: Option<Mark>,
    /// Why the mark did not move, where it should have.
    pub behind: Option<String>,
    /// Changes owed by earlier runs that were offered again.
    pub replayed: u64,
    /// Records given their new keys.
    pub rekeyed: u64,
    /// Keys that went in the source.
    pub gone: u64,
    /// Records fetched one by one because others refer to them.
    pub fetched: u64,
    /// Changes that are owed now.
    pub owed: u64,
    /// Why it was read as a whole to find out what went, where nobody asked for that.
    pub compared: Option<String>,
}

/// Everything the phases share.
pub(crate) struct Publication {
    pub(crate) context: Arc<Context>,
    pub(crate) parts: BTreeMap<CollectionName, Arc<Part>>,
    pub(crate) order: LoadOrder,
    pub(crate) moment: Option<Mark>,
    pub(crate) through: Through,
    pub(crate) owed_only: bool,
    pub(crate) ignore_deletes: bool,
    pub(crate) failures_max: Option<u64>,
    pub(crate) moved: Mutex<Moved>,
}

/// Where changes and receipts go.
#[derive(Clone)]
pub(crate) struct Ways {
    pub(crate) lanes: Lanes,
    pub(crate) notes: mpsc::Sender<Note>,
}

/// Publishes to the end, or until `stop` is cancelled. Whatever happens, what the target accepted
/// is in the ledger, and marks say what is proved and no more.
pub async fn publish(
    job: PublishJob,
    observer: Arc<dyn Observer>,
    stop: CancellationToken,
) -> PublishReport {
    let PublishJob {
        job,
        moment,
        through,
        start,
        owed_only,
        ignore_deletes,
        overlap,
        failures_max,
    } = job;
    let mut parts = BTreeMap::new();
    let mut run = around(job, (observer, stop), async |context, collections| {
        let wanted = (moment.as_ref(), &through);
        let positions = part::positions(context, collections, (&start, &overlap), wanted)?;
        let is_compared = matches!(start, Start::Beginning | Start::Anew) && !ignore_deletes;
        let publication = Arc::new(Publication {
            context: Arc::clone(context),
            parts: part::all(collections, positions, is_compared),
            order: order(context, collections),
            moment: moment.clone(),
            through: through.clone(),
            owed_only,
            ignore_deletes,
            failures_max,
            moved: Mutex::default(),
        });
        let result = go(&publication).await;
        parts = proof::conclude(&publication, result.is_ok())?;
        result
    })
    .await;
    for (name, part) in &mut parts {
        if let (Some(report), Some(error)) = (run.collections.get_mut(name), part.1.take()) {
            report.error = Some(error);
        }
    }
    let parts = parts
        .into_iter()
        .map(|(name, part)| (name, part.0))
        .collect();
    PublishReport { run, parts }
}

fn order(context: &Context, collections: &Collections) -> LoadOrder {
    let selected = collections.keys().cloned().collect();
    LoadOrder::new(&context.catalog.dependencies).restricted_to(&selected)
}

/// All phases; when it returns, every receipt is durable.
async fn go(publication: &Arc<Publication>) -> Result<(), EngineError> {
    let context = &publication.context;
    let sequence = publication.order.sequence().to_vec();
    context.observer.on(&Event::Started(sequence));
    let mut tasks = JoinSet::new();
    let (notes, received) = mpsc::channel(recorder::RECEIPTS_AHEAD);
    tasks.spawn(recorder::record(Arc::clone(context), received));
    let lanes = Lanes::open(context, &notes, &mut tasks);
    let ways = Ways { lanes, notes };
    let result = phases(publication, &ways).await;
    // Lanes end when nobody can send into them, and the recorder when all lanes have ended.
    drop(ways);
    context.hurry.notify_one();
    while let Some(ended) = tasks.join_next().await {
        if ended.is_err() {
            context.stop.fail(EngineError::Defect);
        }
    }
    result?;
    if !context.stop.is_stopped() {
        let all: Vec<_> = publication.runs();
        parked::give_up(context, &all)?;
    }
    Ok(context.rejects.flush()?)
}

async fn phases(publication: &Arc<Publication>, ways: &Ways) -> Result<(), EngineError> {
    let context = &publication.context;
    if !publication.owed_only {
        publication.note_attempt()?;
        if !publication.ignore_deletes {
            histories::read_gone(publication).await?;
        }
        histories::rekey(publication, ways).await?;
        histories::carry_gone(publication)?;
    }
    upserts::write(publication, ways).await?;
    let runs = publication.runs();
    let (lanes, notes) = (&ways.lanes, &ways.notes);
    if !context.stop.is_stopped() {
        parked::offer_again(context, lanes, notes, &runs).await?;
        missing::fetch(publication, ways).await?;
    }
    let deleted = deletes::delete(publication, ways).await?;
    if deleted > 0 && !context.stop.is_stopped() {
        // What went may have stood in the way of what was to be written.
        parked::offer_again(context, lanes, notes, &runs).await?;
    }
    Ok(())
}

impl Publication {
    /// The collections' runs in load order.
    fn runs(&self) -> Vec<Arc<crate::collection::CollectionRun>> {
        self.in_order().map(|part| Arc::clone(&part.run)).collect()
    }

    /// The parts in load order.
    pub(crate) fn in_order(&self) -> impl DoubleEndedIterator<Item = &Arc<Part>> {
        let sequence = self.order.sequence().iter();
        sequence.filter_map(|name| self.parts.get(name))
    }

    /// Whether nothing can have happened to a collection since its mark.
    pub(crate) fn is_up_to_date(&self, part: &Part) -> bool {
        self.moment.is_some() && part.position.records == self.moment
    }

    /// A key as the target has it, now that other keys have changed.
    pub(crate) fn carried(&self, part: &Part, key: &Key) -> Key {
        let collections = &self.context.catalog.collections;
        lock(&self.moved).carried(collections, part.run.collection(), key)
    }

    /// Remembers that the collections are about to be brought to this moment.
    fn note_attempt(&self) -> Result<(), EngineError> {
        let Some(moment) = &self.moment else {
            return Ok(());
        };
        let parts = self.parts.values();
        let attempts: Vec<(CollectionName, Mark)> = parts
            .filter(|part| !self.is_up_to_date(part))
            .filter_map(|part| Some((part.name().clone(), part.memory.with_attempt(moment)?)))
            .collect();
        let mut ledger = lock(&self.context.ledger);
        Ok(ledger.commit_marks(self.context.scope, &attempts)?)
    }
}
