//! A whole run: which collection goes when, and how it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use syncline_ledger::{RunEnd, RunOutcome, RunStart};
use syncline_model::CollectionName;
use syncline_plan::{LoadOrder, ReadyQueue};
use syncline_store::layers::{Limiter, Paced, Retried, Traffic};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::collection::CollectionRun;
use crate::context::{Context, Stop, lock};
use crate::feed::feed;
use crate::lanes::{Announced, Lanes};
use crate::outcomes::OutcomeFile;
use crate::recorder::{self, Note};
use crate::rejects::RejectFile;
use crate::{
    Baseline, CollectionReport, Ending, EngineError, Event, Job, Observer, Progress, RunReport,
    Verb, parked, prune, removal,
};

/// Collections that are read at the same time at most.
const COLLECTIONS_TOGETHER: usize = 6;
/// How often progress is told.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// Runs a job to its end, or until `stop` is cancelled. Whatever happens, what the target
/// accepted is in the ledger and the report says what was done.
pub async fn run(job: Job, observer: Arc<dyn Observer>, stop: CancellationToken) -> RunReport {
    around(job, (observer, stop), async |context, collections| {
        go(context, collections).await
    })
    .await
}

/// What every run has in common: it begins and ends in the ledger, tells how far it is, and is
/// summed up, whatever is done between.
pub(crate) async fn around(
    job: Job,
    (observer, stop): (Arc<dyn Observer>, CancellationToken),
    work: impl AsyncFnOnce(&Arc<Context>, &Collections) -> Result<(), EngineError>,
) -> RunReport {
    let started = now();
    let traffic = Arc::new(Traffic::default());
    let limiter = Arc::new(Limiter::new(job.settings.concurrency_max));
    let prepared = prepare(job, &traffic, &limiter, (observer, stop));
    let (context, collections) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return RunReport::of_nothing(started, error),
    };
    // It ends with the run, whatever becomes of that.
    let mut ticker = JoinSet::new();
    ticker.spawn(tick(
        Arc::clone(&context),
        collections.values().cloned().collect(),
        (Arc::clone(&limiter), Arc::clone(&traffic)),
    ));
    let result = work(&context, &collections).await;
    // It shares the ledger, which is free for the next run when this one returns.
    ticker.shutdown().await;
    tell_progress(
        &context,
        &collections.values().cloned().collect::<Vec<_>>(),
        (&limiter, &traffic),
    );
    if let Err(error) = result {
        context.stop.fail(error);
    }
    finish(&context, &collections, started, &traffic)
}

pub(crate) type Collections = BTreeMap<CollectionName, Arc<CollectionRun>>;

fn prepare(
    mut job: Job,
    traffic: &Arc<Traffic>,
    limiter: &Arc<Limiter>,
    (observer, token): (Arc<dyn Observer>, CancellationToken),
) -> Result<(Arc<Context>, Collections), EngineError> {
    let start = RunStart {
        command: job.command,
        scope: job.scope,
        started: Timestamp::now().as_second(),
    };
    let previous_sizes = match &job.prune {
        Some(_) => prune::previous_sizes(&job.ledger, job.scope)?,
        None => BTreeMap::new(),
    };
    let run = job.ledger.begin_run(&start)?;
    let paced = Paced::new(job.target, Arc::clone(limiter));
    let target = Retried::new(paced, job.settings.retry, Arc::clone(traffic));
    let collections = job
        .collections
        .into_iter()
        .map(|collection| {
            (
                collection.name.clone(),
                Arc::new(CollectionRun::new(collection)),
            )
        })
        .collect();
    let context = Context {
        source: job.source,
        target: Arc::new(target),
        catalog: job.catalog,
        ledger: Arc::new(Mutex::new(job.ledger)),
        scope: job.scope,
        run,
        started: start.started,
        verb: job.verb,
        baseline: job.baseline,
        prune: job.prune,
        previous_sizes,
        rejects: RejectFile::new(job.settings.reject_file.clone()),
        outcomes: OutcomeFile::new(job.settings.outcome_file.clone()),
        settings: job.settings,
        observer,
        stop: Stop::new(token),
        hurry: Notify::new(),
        announced: Notify::new(),
    };
    Ok((Arc::new(context), collections))
}

/// Everything between the first record and the last outcome.
async fn go(context: &Arc<Context>, collections: &Collections) -> Result<(), EngineError> {
    let selected: BTreeSet<CollectionName> = collections.keys().cloned().collect();
    let order = LoadOrder::new(&context.catalog.dependencies).restricted_to(&selected);
    context
        .observer
        .on(&Event::Started(order.sequence().to_vec()));
    for cycle in order.cycles() {
        context.observer.on(&Event::Cycle(cycle.clone()));
    }
    with_lanes(context, announced(context), async |lanes, notes| {
        in_order(context, collections, &order, (lanes, notes)).await
    })
    .await?;
    if !context.stop.is_stopped() && context.verb == Verb::Write {
        let all: Vec<Arc<CollectionRun>> = collections.values().cloned().collect();
        parked::give_up(context, &all)?;
    }
    context.rejects.flush()?;
    Ok(())
}

/// Of which changes the ledger knows before they are offered. Records that it does not know are
/// sent again; only what is to be deleted has to be known. Where it was not asked, it may know all.
fn announced(context: &Context) -> Announced {
    if context.prune.is_some() || context.baseline == Baseline::Nothing {
        Announced::All
    } else {
        Announced::Changes
    }
}

/// Works with lanes and a recorder, and waits until everything under way is settled and recorded.
pub(crate) async fn with_lanes(
    context: &Arc<Context>,
    announced: Announced,
    work: impl AsyncFnOnce(&Lanes, &mpsc::Sender<Note>) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    let mut tasks = JoinSet::new();
    let (notes, received) = mpsc::channel(recorder::RECEIPTS_AHEAD);
    tasks.spawn(recorder::record(Arc::clone(context), received));
    let lanes = Lanes::open(context, (&notes, announced), &mut tasks);

    let result = work(&lanes, &notes).await;

    // Lanes end when nobody can send into them, and the recorder when all lanes have ended.
    drop(lanes);
    drop(notes);
    context.hurry.notify_one();
    while let Some(ended) = tasks.join_next().await {
        if ended.is_err() {
            context.stop.fail(EngineError::Defect);
        }
    }
    result
}

/// Starts each collection as soon as those it waits for are done, then offers again what was
/// declined for something missing.
async fn in_order(
    context: &Arc<Context>,
    collections: &Collections,
    order: &LoadOrder,
    (lanes, notes): (&Lanes, &mpsc::Sender<Note>),
) -> Result<(), EngineError> {
    let mut queue = match context.verb {
        Verb::Write => ReadyQueue::forward(order),
        Verb::Delete => ReadyQueue::backward(order),
    };
    let mut running: JoinSet<Result<CollectionName, EngineError>> = JoinSet::new();
    loop {
        while running.len() < COLLECTIONS_TOGETHER && !context.stop.is_stopped() {
            let Some(name) = queue.next_ready() else {
                break;
            };
            let Some(collection) = collections.get(&name) else {
                queue.finished(&name);
                continue;
            };
            let itself = order.self_references().contains(&name) || refers_to_itself(collection);
            running.spawn(one(
                Arc::clone(context),
                (lanes.clone(), notes.clone()),
                Arc::clone(collection),
                itself,
            ));
        }
        match running.join_next().await {
            None => break,
            Some(Ok(Ok(name))) => queue.finished(&name),
            Some(Ok(Err(error))) => context.stop.fail(error),
            Some(Err(_)) => context.stop.fail(EngineError::Defect),
        }
    }
    if context.stop.is_stopped() {
        return Ok(());
    }
    let mut in_sequence: Vec<Arc<CollectionRun>> = order
        .sequence()
        .iter()
        .filter_map(|name| collections.get(name).cloned())
        .collect();
    if context.verb == Verb::Write {
        parked::offer_again(context, lanes, notes, &in_sequence).await?;
    }
    in_sequence.reverse();
    match context.verb {
        Verb::Write if context.stop.is_stopped() => Ok(()),
        Verb::Write => prune::delete(context, (lanes, notes), &in_sequence).await,
        Verb::Delete => removal::offer_again(context, (lanes, notes), &in_sequence).await,
    }
}

/// One collection from its first record to its last outcome.
async fn one(
    context: Arc<Context>,
    (lanes, notes): (Lanes, mpsc::Sender<Note>),
    collection: Arc<CollectionRun>,
    refers_to_itself: bool,
) -> Result<CollectionName, EngineError> {
    let name = collection.name().clone();
    context.observer.on(&Event::CollectionStarted(name.clone()));
    feed(&context, (&lanes, &notes), &collection).await?;
    if refers_to_itself && collection.has_parked() {
        let only = [Arc::clone(&collection)];
        parked::offer_again(&context, &lanes, &notes, &only).await?;
    }
    if !context.stop.is_stopped() {
        collection.finish();
        let report = Box::new(collection.report());
        context
            .observer
            .on(&Event::CollectionFinished(name.clone(), report));
    }
    Ok(name)
}

fn refers_to_itself(collection: &CollectionRun) -> bool {
    let name = collection.name();
    collection
        .collection()
        .references
        .iter()
        .any(|reference| reference.targets.contains(name))
}

/// Tells how far everything is until it is stopped.
async fn tick(
    context: Arc<Context>,
    collections: Vec<Arc<CollectionRun>>,
    (limiter, traffic): (Arc<Limiter>, Arc<Traffic>),
) {
    let mut interval = tokio::time::interval(PROGRESS_EVERY);
    let mut stopping = false;
    loop {
        interval.tick().await;
        tell_progress(&context, &collections, (&limiter, &traffic));
        if context.stop.is_stopped() && !stopping {
            stopping = true;
            context.observer.on(&Event::Stopping);
        }
    }
}

fn tell_progress(
    context: &Context,
    collections: &[Arc<CollectionRun>],
    (limiter, traffic): (&Limiter, &Traffic),
) {
    let collections = collections
        .iter()
        .map(|collection| collection.progress())
        .collect();
    let progress = Progress {
        collections,
        limit: limiter.limit(),
        traffic: traffic.counts(),
    };
    context.observer.on(&Event::Progress(progress));
}

/// Notes the end of the run and sums it up.
fn finish(
    context: &Context,
    collections: &Collections,
    started: f64,
    traffic: &Traffic,
) -> RunReport {
    let reports: BTreeMap<CollectionName, CollectionReport> = collections
        .iter()
        .map(|(name, collection)| (name.clone(), collection.report()))
        .collect();
    let error = context.stop.take_error();
    let (mut ending, outcome) = match error {
        Some(error) => (Ending::Failed(error), RunOutcome::Failed),
        None if context.stop.is_stopped() => (Ending::Interrupted, RunOutcome::Interrupted),
        None => (Ending::Completed, RunOutcome::Completed),
    };
    let sum = |count: fn(&CollectionReport) -> u64| reports.values().map(count).sum::<u64>();
    let mut counts = json!({
        "read": sum(|report| report.read),
        "unchanged": sum(|report| report.unchanged),
        "created": sum(|report| report.created),
        "updated": sum(|report| report.updated),
        "failed": sum(|report| report.failed),
        "held": sum(|report| report.held),
        "deleted": sum(|report| report.deleted),
    });
    if context.verb == Verb::Write {
        prune::note_sizes(&mut counts, collections);
    }
    let end = RunEnd {
        ended: Timestamp::now().as_second(),
        outcome,
        counts,
    };
    let mut ledger = lock(&context.ledger);
    let noted = ledger.end_run(context.run, &end);
    let owed = ledger.owed_counts(context.scope).map(|counts| {
        let mine = counts
            .iter()
            .filter(|(name, _)| collections.contains_key(name.as_str()));
        mine.flat_map(|(_, classes)| classes.values()).sum()
    });
    let owed = match (noted.and(owed), &ending) {
        (Ok(owed), _) => owed,
        (Err(_), Ending::Failed(_)) => 0,
        (Err(error), _) => {
            ending = Ending::Failed(error.into());
            0
        }
    };
    RunReport {
        started,
        ended: now(),
        ending,
        collections: reports,
        traffic: traffic.counts(),
        owed,
    }
}

impl RunReport {
    /// The report of a run that could not even begin.
    pub(crate) fn of_nothing(started: f64, error: EngineError) -> Self {
        Self {
            started,
            ended: now(),
            ending: Ending::Failed(error),
            collections: BTreeMap::new(),
            traffic: Traffic::default().counts(),
            owed: 0,
        }
    }
}

/// Unix seconds with fractions.
fn now() -> f64 {
    Timestamp::now().as_duration().as_secs_f64()
}
