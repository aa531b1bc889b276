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
//! the key at the mark to the key now, and the target may hold one between. Nothing is asked of the
//! target that the ledger does not know to be under way: what a run that is killed leaves so counts
//! neither as done nor as not done, so it is offered again, whatever the source has, and is found
//! where what went is found by comparison.

mod deletes;
mod denied;
mod gone;
mod histories;
mod job;
mod lists;
mod memory;
mod missing;
mod moved;
mod part;
mod proof;
mod reading;
mod receipts;
mod report;
mod screen;
mod upserts;
mod whole;
mod window;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use syncline_ledger::Steps;
use syncline_model::{CollectionName, Key, Mark};
use syncline_plan::LoadOrder;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::collection::CollectionRun;
use crate::context::{Context, lock};
use crate::lanes::{Announced, Lanes};
use crate::recorder::Note;
use crate::run::{Collections, around, with_lanes};
use crate::{EngineError, Event, Observer, RunReport, parked};
use denied::Denied;
pub use job::{Overlap, PublishJob, Start};
pub use memory::proved_mark;
use moved::Moved;
use part::{Compared, Part};
use proof::Conclusions;
pub use reading::{Through, unfinished};
pub use report::{PartReport, PublishReport};

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
    pub(crate) denied: Denied,
    /// Runs of collections that are not published themselves, of which something was fetched.
    pub(crate) others: Mutex<Collections>,
    /// Whether more was missing than a run looks up.
    pub(crate) looks_no_further: AtomicBool,
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
    let mut others = Collections::new();
    let mut looks_no_further = false;
    let mut run = around(job, (observer, stop), async |context, collections| {
        let wanted = (moment.as_ref(), &through);
        let positions = part::positions(context, collections, (&start, &overlap), wanted)?;
        let compared = match start {
            _ if ignore_deletes => Compared::None,
            Start::Beginning | Start::Anew => Compared::All,
            _ => Compared::Forgotten,
        };
        let publication = Arc::new(Publication {
            context: Arc::clone(context),
            parts: part::all(collections, positions, compared),
            order: order(context, collections),
            moment: moment.clone(),
            through: through.clone(),
            owed_only,
            ignore_deletes,
            failures_max,
            moved: Mutex::default(),
            denied: Denied::default(),
            others: Mutex::default(),
            looks_no_further: AtomicBool::new(false),
        });
        let result = go(&publication).await;
        parts = proof::conclude(&publication, result.is_ok())?;
        others = std::mem::take(&mut *lock(&publication.others));
        looks_no_further = publication.looks_no_further.load(Ordering::Relaxed);
        result
    })
    .await;
    add_others(&mut run, &parts, others);
    for (name, part) in &mut parts {
        if let (Some(report), Some(error)) = (run.collections.get_mut(name), part.1.take()) {
            report.error = Some(error);
        }
    }
    let parts = parts
        .into_iter()
        .map(|(name, part)| (name, part.0))
        .collect();
    PublishReport {
        run,
        parts,
        looks_no_further,
    }
}

/// Adds what was done to collections that were not to be published.
fn add_others(run: &mut RunReport, parts: &Conclusions, others: Collections) {
    for (name, other) in others {
        run.owed += parts.get(&name).map_or(0, |part| part.0.owed);
        run.collections.insert(name, other.report());
    }
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
    for cycle in publication.order.cycles() {
        context.observer.on(&Event::Cycle(cycle.clone()));
    }
    with_lanes(context, Announced::All, async |lanes, notes| {
        let (lanes, notes) = (lanes.clone(), notes.clone());
        phases(publication, &Ways { lanes, notes }).await
    })
    .await?;
    if context.stop.is_stopped() {
        return Ok(context.rejects.flush()?);
    }
    parked::give_up(context, &publication.all_runs())?;
    context.rejects.flush()?;
    upserts::within_limit(publication)
}

async fn phases(publication: &Arc<Publication>, ways: &Ways) -> Result<(), EngineError> {
    let context = &publication.context;
    if !publication.owed_only {
        publication.note_attempt()?;
        lists::recall(publication)?;
        if !publication.ignore_deletes {
            histories::read_gone(publication, ways).await?;
        }
        histories::rekey(publication, ways).await?;
        histories::carry_gone(publication)?;
    }
    upserts::write(publication, ways).await?;
    if !context.stop.is_stopped() {
        missing::settle(publication, ways).await?;
    }
    let deleted = deletes::delete(publication, ways).await?;
    if deleted > 0 && !context.stop.is_stopped() {
        // What went may have stood in the way of what was to be written.
        let runs = publication.runs();
        parked::offer_again(context, &ways.lanes, &ways.notes, &runs).await?;
    }
    Ok(())
}

impl Publication {
    /// The collections' runs in load order.
    fn runs(&self) -> Vec<Arc<CollectionRun>> {
        self.in_order().map(|part| Arc::clone(&part.run)).collect()
    }

    /// The runs of all collections of which something was offered, in load order.
    pub(crate) fn all_runs(&self) -> Vec<Arc<CollectionRun>> {
        let others = lock(&self.others);
        if others.is_empty() {
            return self.runs();
        }
        let names = self.parts.keys().chain(others.keys());
        let order = LoadOrder::new(&self.context.catalog.dependencies)
            .restricted_to(&names.cloned().collect());
        let run = |name: &CollectionName| {
            let part = self.parts.get(name).map(|part| &part.run);
            part.or_else(|| others.get(name)).map(Arc::clone)
        };
        order.sequence().iter().filter_map(run).collect()
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
    pub(crate) fn carried(&self, part: &Part, key: &Key) -> Result<Key, EngineError> {
        let context = &self.context;
        let known = |name: &CollectionName, key: &Key| {
            lock(&context.ledger).moved(context.scope, name, key)
        };
        let moved = lock(&self.moved);
        let carrying = moved.carrying(&context.catalog.collections, &known);
        Ok(carrying.carried(part.run.collection(), key)?)
    }

    /// Remembers that the collections are about to be brought to this moment, and forgets what
    /// lists told that are not read any more.
    fn note_attempt(&self) -> Result<(), EngineError> {
        let Some(moment) = &self.moment else {
            return Ok(());
        };
        let others = self.parts.values();
        let forgotten: Vec<CollectionName> = others
            .filter(|part| part.position.has_other_lists)
            .map(|part| part.name().clone())
            .collect();
        let parts = self.parts.values();
        let attempts: Vec<(CollectionName, Mark)> = parts
            .filter(|part| !self.is_up_to_date(part))
            .filter_map(|part| Some((part.name().clone(), part.memory.with_attempt(moment)?)))
            .collect();
        let mut ledger = lock(&self.context.ledger);
        let steps = Steps {
            marks: &attempts,
            forgotten: &forgotten,
            ..Steps::default()
        };
        Ok(ledger.commit(self.context.scope, steps)?)
    }
}
