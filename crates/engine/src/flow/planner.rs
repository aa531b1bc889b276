//! Both sides read, compared and put into a plan.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use syncline_ledger::{LedgerView, ScopeId};
use syncline_model::{
    ChangeKind, Collection, CollectionName, Coverage, Digest, Mark, StoreIdentity,
};
use syncline_plan::{
    BaselineRow, Difference, Place, PlanError, PlanHeader, PlanSide, Tally, judge,
};
use syncline_store::Store;
use tokio_util::sync::CancellationToken;

use super::classify::Classifier;
use super::extras::Extras;
use super::facts::{Facts, Missed};
use super::gone::{Gone, gone};
use super::only::{Only, Sought};
use super::part::{CollectionPlan, FlowPlan, Problem, Side};
use super::policy::{FlowPolicy, KnownBy, RowErrors};
use super::segments::{Segments, written};
use super::sides::{Baseline, Desired, Found, Reader, Unfit, both};
use crate::context::lock;
use crate::{EngineError, prune};

/// What is to be planned. Both stores show their collections in the same shapes.
pub struct FlowJob {
    /// The name of the flow.
    pub flow: String,
    /// Where records come from.
    pub source: Arc<dyn Store>,
    /// Where they go.
    pub target: Arc<dyn Store>,
    /// Which systems these are.
    pub identities: (StoreIdentity, StoreIdentity),
    /// The collections, in the order in which they are written.
    pub parts: Vec<FlowPart>,
    /// Digest of everything that decides what a record becomes.
    pub mapping: Digest,
    /// What is remembered of the target, if anything.
    pub ledger: Option<(LedgerView, ScopeId)>,
    /// What of it all is meant.
    pub only: Only,
    /// Collections of which the source is only to say what changed since. It counts where the ledger
    /// says what the target holds, and of these only what the source tells of is deleted.
    pub since: BTreeMap<CollectionName, Mark>,
    /// Folder for temporary files; it exists.
    pub work_folder: PathBuf,
    /// Most bytes of rows that a comparison holds in memory.
    pub memory_budget: usize,
}

impl std::fmt::Debug for FlowJob {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("FlowJob")
            .field("flow", &self.flow)
            .field("parts", &self.parts)
            .finish_non_exhaustive()
    }
}

/// A collection of a flow.
#[derive(Clone, Debug)]
pub struct FlowPart {
    /// The collection in the shape in which it is compared.
    pub collection: Arc<Collection>,
    /// What may be done to it.
    pub policy: FlowPolicy,
}

/// Plans a flow and puts the plan at `path`, whose folder exists, unless problems forbid it.
pub async fn plan_flow(
    mut job: FlowJob,
    path: &Path,
    stop: CancellationToken,
) -> Result<FlowPlan, EngineError> {
    let created = Timestamp::now();
    let mut previous = BTreeMap::new();
    if let Some((ledger, scope)) = &job.ledger {
        previous = prune::previous_sizes(ledger, *scope)?;
    }
    let ledger = job
        .ledger
        .take()
        .map(|(view, scope)| (Arc::new(Mutex::new(view)), scope));
    let mut planning = Planning {
        job: &job,
        ledger,
        previous,
        now: created.as_second(),
        stop,
        planned: Vec::new(),
        met: BTreeSet::new(),
        positions: BTreeMap::new(),
        marks: (BTreeMap::new(), BTreeMap::new()),
    };
    for part in &job.parts {
        if job.only.takes_collection(&part.collection.name) {
            planning.part(part).await?;
        }
    }
    planning.write(path, &created.to_string())
}

/// Rows of the ledger, in the order of their keys.
type Remembered = Box<dyn Iterator<Item = Result<BaselineRow, PlanError>>>;

type Marks = BTreeMap<CollectionName, Mark>;

struct Planning<'run> {
    job: &'run FlowJob,
    ledger: Option<(Arc<Mutex<LedgerView>>, ScopeId)>,
    previous: BTreeMap<CollectionName, u64>,
    now: i64,
    stop: CancellationToken,
    planned: Vec<(CollectionPlan, Segments)>,
    /// Keys that were asked for and that one of the sides has.
    met: BTreeSet<Vec<String>>,
    positions: BTreeMap<CollectionName, Mark>,
    marks: (Marks, Marks),
}

impl Planning<'_> {
    async fn part(&mut self, part: &FlowPart) -> Result<(), EngineError> {
        let name = part.collection.name.clone();
        let mut plan = CollectionPlan::new(name.clone());
        let sought = Sought::new(&self.job.only, &part.collection);
        let source_coverage;
        let segments = match part.policy.known_by {
            KnownBy::Target => {
                let sides = (
                    self.reader(part, Side::Source),
                    self.reader(part, Side::Target),
                );
                let (source, (found, unfit)) = both(sides.0, sides.1).await?;
                let desired = self.note_source(source, &mut plan);
                unfit.tell(&mut plan);
                plan.target = found.reading.records;
                self.marks.1.insert(name.clone(), found.reading.mark());
                incomplete(&mut plan, &found.reading.coverage, Side::Target);
                source_coverage = desired.reading.coverage.clone();
                self.against_target((part, &sought), (desired, found), &mut plan)?
            }
            KnownBy::Ledger => {
                let source = Reader {
                    since: self.job.since.get(&name).cloned(),
                    ..self.reader(part, Side::Source)
                };
                let asked_again = source.clone();
                let desired = self.note_source(source.desired().await?, &mut plan);
                let gone = if desired.reading.only_changes {
                    gone(&asked_again, &mut plan).await?
                } else {
                    Gone::new()
                };
                let position = desired.reading.position.clone();
                self.positions
                    .extend(position.map(|mark| (name.clone(), mark)));
                source_coverage = desired.reading.coverage.clone();
                self.against_ledger((part, &sought), (desired, gone), &mut plan)
                    .await?
            }
        };
        self.met.extend(sought.met());
        incomplete(&mut plan, &source_coverage, Side::Source);
        plan.refused |= plan.unfit > 0 && part.policy.rows == RowErrors::Stop;
        self.judge(part, &mut plan, source_coverage.is_complete());
        self.planned.push((plan, segments));
        Ok(())
    }

    fn reader(&self, part: &FlowPart, side: Side) -> Reader {
        let store = match side {
            Side::Source => &self.job.source,
            Side::Target => &self.job.target,
        };
        Reader {
            store: Arc::clone(store),
            side,
            collection: Arc::clone(&part.collection),
            since: None,
            folder: self.job.work_folder.clone(),
            memory_budget: self.job.memory_budget,
            stop: self.stop.clone(),
        }
    }

    /// Notes what the source amounts to.
    fn note_source(
        &mut self,
        (desired, unfit): (Desired, Unfit),
        plan: &mut CollectionPlan,
    ) -> Desired {
        unfit.tell(plan);
        plan.source = desired.reading.records;
        plan.only_changes = desired.reading.only_changes;
        let mark = desired.reading.mark();
        self.marks.0.insert(plan.name.clone(), mark);
        desired
    }

    fn facts<'part>(&'part self, part: &'part FlowPart, sought: &'part Sought) -> Facts<'part> {
        Facts {
            sought,
            collection: &part.collection,
            policy: &part.policy,
            only: &self.job.only,
            missed: self.missed(&part.collection.name),
            now: self.now,
        }
    }

    fn against_target(
        &self,
        (part, sought): (&FlowPart, &Sought),
        (desired, found): (Desired, Found),
        plan: &mut CollectionPlan,
    ) -> Result<Segments, EngineError> {
        let facts = self.facts(part, sought);
        let folder = &*self.job.work_folder;
        let baseline = Baseline::new(found.rows);
        let repeated = std::rc::Rc::clone(&baseline.repeated);
        let mut classifier =
            Classifier::new(facts, desired.kept, Some(found.kept), (plan, folder))?;
        for difference in desired.comparison.finish(baseline)? {
            self.go_on()?;
            classifier.take(&difference?)?;
        }
        let segments = classifier.finish()?;
        let repeated = repeated.borrow();
        plan.duplicates += repeated.count;
        plan.refused |= repeated.count > 0;
        for (one, other) in &repeated.lines {
            plan.tell(Problem {
                side: Side::Target,
                place: format!("{}, row {one}", part.collection.name),
                reason: format!(
                    "its key comes again at row {other}: the key does not tell records apart"
                ),
            });
        }
        Ok(segments)
    }

    async fn against_ledger(
        &self,
        (part, sought): (&FlowPart, &Sought),
        (desired, gone): (Desired, Gone),
        plan: &mut CollectionPlan,
    ) -> Result<Segments, EngineError> {
        let facts = self.facts(part, sought);
        let folder = &*self.job.work_folder;
        let only_changes = desired.reading.only_changes;
        let (rows, size) = self.remembered(&part.collection.name)?;
        plan.target = size;
        let mut extras = Extras::new(folder, self.job.memory_budget);
        let mut classifier = Classifier::new(facts, desired.kept, None, (plan, folder))?;
        for difference in desired.comparison.finish(rows)? {
            self.go_on()?;
            match difference? {
                // What did not change is there as it was.
                Difference::Extra { key, .. } if only_changes && !gone.contains(&key) => {}
                Difference::Extra { key, .. } => extras.push(key)?,
                other => classifier.take(&other)?,
            }
        }
        // What is gone from the source is looked at in the target before it is deleted.
        let target = self.reader(part, Side::Target);
        extras.look_up(target, &mut classifier).await?;
        classifier.finish()
    }

    /// What the ledger holds of a collection, in the order of keys, and how many records.
    fn remembered(&self, name: &CollectionName) -> Result<(Remembered, u64), EngineError> {
        let Some((ledger, scope)) = &self.ledger else {
            return Ok((Box::new(std::iter::empty()), 0));
        };
        let ledger = lock(ledger);
        let size = ledger.collection_size(*scope, name)?;
        let rows = ledger.scan(*scope, name)?.filter_map(|known| match known {
            // What was never accepted is not there.
            Ok(known) => known.held.map(|held| {
                Ok(BaselineRow {
                    key: known.key,
                    content: held,
                    settled: known.outcome.is_settled(),
                    place: Place::default(),
                })
            }),
            Err(error) => Some(Err(PlanError::Baseline(error.into()))),
        });
        Ok((Box::new(rows), size))
    }

    /// How often a record was missed in earlier runs and not yet deleted, and since when.
    fn missed(&self, name: &CollectionName) -> Missed {
        let (ledger, name) = (self.ledger.clone(), name.clone());
        Box::new(move |key| match &ledger {
            Some((ledger, scope)) => Ok(lock(ledger).missed(*scope, &name, key)?),
            None => Ok(None),
        })
    }

    fn judge(&self, part: &FlowPart, plan: &mut CollectionPlan, is_complete: bool) {
        // What was not read since it did not change is still there, and no size of the source is known.
        let size = if plan.only_changes {
            (plan.target + plan.creates).saturating_sub(plan.deletes + plan.leaves)
        } else {
            plan.source
        };
        let previous = self.previous.get(&plan.name).copied();
        let tally = Tally {
            creates: plan.creates,
            updates: plan.updates + plan.rekeys,
            deletes: plan.deletes + plan.leaves,
            // All that the source has, whatever was asked for of it.
            unchanged: size.saturating_sub(plan.creates + plan.updates + plan.rekeys),
            baseline_size: plan.target,
            previous_size: previous.filter(|_| !plan.only_changes),
            coverage_complete: is_complete,
        };
        plan.verdicts = judge(&part.policy.guards, &tally);
        // Where nothing is to be deleted, a guard of deletes has nothing to say.
        plan.verdicts
            .retain(|verdict| tally.deletes > 0 || verdict.holds != [ChangeKind::Delete]);
    }

    fn go_on(&self) -> Result<(), EngineError> {
        if self.stop.is_cancelled() {
            return Err(EngineError::Stopped);
        }
        Ok(())
    }

    fn write(self, path: &Path, created: &str) -> Result<FlowPlan, EngineError> {
        let (source, target) = self.job.identities.clone();
        let side = |identity, marks| PlanSide { identity, marks };
        let seed = format!("{created} {} {:?}", self.job.flow, self.marks);
        let id: String = Digest::of(seed.as_bytes())
            .to_string()
            .chars()
            .take(12)
            .collect();
        let collections = self.planned.iter().filter_map(|(plan, _)| {
            let part = self
                .job
                .parts
                .iter()
                .find(|part| part.collection.name == plan.name);
            part.map(|part| (*part.collection).clone())
        });
        let header = PlanHeader {
            id: id.clone(),
            created: created.to_owned(),
            source: side(source, self.marks.0),
            target: side(target, self.marks.1),
            mapping: self.job.mapping,
            flow: self.job.flow.clone(),
            collections: collections.collect(),
            is_part: !self.job.only.is_every_change(),
        };
        let keys = self.job.only.keys.iter();
        let is_missing = |key: &&Vec<String>| !self.met.contains(*key);
        let missing = keys.filter(|key| !self.job.only.may_be_missing && is_missing(key));
        let missing = missing.cloned();
        let missing_keys = missing.collect();
        let (collections, segments): (Vec<_>, Vec<_>) = self.planned.into_iter().unzip();
        let mut plan = FlowPlan {
            id,
            written: None,
            collections,
            positions: self.positions,
            missing_keys,
        };
        if plan.missing_keys.is_empty() && !plan.collections.iter().any(|one| one.refused) {
            let summary = written(path, &header, (&plan.collections, segments))?;
            plan.written = Some((path.to_owned(), summary));
        }
        Ok(plan)
    }
}

/// Notes why not everything was read of a side, if that is so.
fn incomplete(plan: &mut CollectionPlan, coverage: &Coverage, side: Side) {
    if let Coverage::Partial(reason) = coverage {
        let word = match side {
            Side::Source => "source",
            Side::Target => "target",
        };
        plan.incomplete = Some(format!("{word}: {reason}"));
    }
}
