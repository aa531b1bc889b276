//! Flows planned in little memory: a plan is the same however little of it is held at once.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use syncline_engine::{
    ApplyJob, DeleteStyle, Ending, EngineError, FlowJob, FlowPart, FlowPlan, FlowPolicy, Grace,
    KnownBy, Only, RunReport, Settings, apply_plan, plan_flow,
};
use syncline_model::{Catalog, Change, ChangeKind, Collection, Digest, Mark, Outcome};
use syncline_plan::{Guard, GuardPolicy, PlanReader};
use syncline_store::{
    BatchStream, ErrorKind, Query, Result as Answer, SecondLook, Store, StoreError, WriteContext,
};
use syncline_testkit::{MemoryStore, fixtures};
use tokio_util::sync::CancellationToken;

use crate::world::{Events, World, completed, quick, things};

/// Room for everything, and for nearly nothing.
const BUDGETS: [usize; 2] = [1 << 20, 1 << 10];

/// Deletes what is gone, after it was missed in so many runs.
fn policy(known_by: KnownBy, grace: Grace) -> FlowPolicy {
    FlowPolicy {
        known_by,
        delete: DeleteStyle::Delete,
        grace,
        ..FlowPolicy::default()
    }
}

/// Plans the one collection of a world into a file.
async fn plan(world: &World, policy: FlowPolicy, (budget, file): (usize, &Path)) {
    let sides = (world.source.clone(), world.target.clone());
    let planned = try_plan(world, (policy, budget), sides, file)
        .await
        .unwrap();
    assert!(planned.written.is_some(), "{:?}", planned.collections);
}

async fn try_plan(
    world: &World,
    (policy, budget): (FlowPolicy, usize),
    (source, target): (impl Store + 'static, impl Store + 'static),
    file: &Path,
) -> Result<FlowPlan, EngineError> {
    let catalog = world.target.catalog().clone();
    let view = world.ledger();
    let scope = view.scopes().unwrap().remove(0).0;
    let part = FlowPart {
        collection: fixtures::find(&catalog, "things"),
        policy,
    };
    let job = FlowJob {
        since: BTreeMap::new(),
        flow: "things".to_owned(),
        source: Arc::new(source),
        target: Arc::new(target),
        identities: (catalog.identity.clone(), catalog.identity),
        parts: vec![part],
        mapping: Digest::of(b""),
        ledger: Some((view, scope)),
        only: Only::default(),
        work_folder: world.folder(),
        memory_budget: budget,
    };
    plan_flow(job, file, CancellationToken::new()).await
}

/// What a plan would do, by key: the kind, and why it is held.
fn changes(file: &Path) -> BTreeMap<String, (ChangeKind, Option<String>)> {
    let changes = PlanReader::open(file).unwrap().into_changes().unwrap();
    let change = |change: Result<syncline_plan::PlannedChange, _>| {
        let change = change.unwrap();
        let key = change.key.digest().to_string();
        (key, (change.kind, change.sides.unwrap().held))
    };
    changes.map(change).collect()
}

/// Makes a plan true, whatever guards say.
async fn apply(world: &World, file: &Path) {
    let target = Arc::new(world.target.clone());
    let report = apply_to(world, target, (file, CancellationToken::new())).await;
    completed(&report);
}

async fn apply_to(
    world: &World,
    target: Arc<dyn Store>,
    (file, stop): (&Path, CancellationToken),
) -> RunReport {
    let (ledger, scope) = world.hold();
    let job = ApplyJob {
        command: "apply".to_owned(),
        plan: file.to_owned(),
        remaining: None,
        only: Only::default(),
        allowed: [
            Guard::DeleteShare,
            Guard::DeleteCount,
            Guard::ShrunkenSource,
        ]
        .into(),
        target,
        catalog: world.target.catalog().clone(),
        ledger,
        scope,
        settings: Settings {
            concurrency_max: 4,
            retry: quick(),
            memory_budget: 1 << 20,
            work_folder: world.folder(),
            reject_file: world.reject_file(),
            outcome_file: None,
            guards: GuardPolicy::default(),
        },
    };
    apply_plan(job, Arc::new(Events::default()), stop).await
}

/// What keeps a collection from being completed.
#[derive(Clone, Copy, PartialEq)]
enum Trouble {
    /// No write is understood.
    Fails,
    /// The run is stopped while it writes.
    IsStopped,
    /// The target does not answer when it is asked to complete, and the run is stopped then.
    Hangs,
}

/// A target that cannot complete a collection.
struct Incomplete {
    target: MemoryStore,
    trouble: Trouble,
    stop: CancellationToken,
    asked: CancellationToken,
}

#[async_trait]
impl Store for Incomplete {
    async fn describe(&self) -> Answer<Catalog> {
        self.target.describe().await
    }

    async fn read(&self, query: Query) -> Answer<BatchStream> {
        self.target.read(query).await
    }

    async fn write(&self, changes: &[Change], context: &WriteContext) -> Answer<Vec<Outcome>> {
        match self.trouble {
            Trouble::Fails => {
                return Err(StoreError::new(ErrorKind::InvalidData, "not understood"));
            }
            Trouble::IsStopped => self.stop.cancel(),
            Trouble::Hangs => {}
        }
        self.target.write(changes, context).await
    }

    async fn confirm(&self, upto: &Mark) -> Answer<()> {
        self.target.confirm(upto).await
    }

    async fn complete(&self, _: &Collection) -> Answer<()> {
        self.asked.cancel();
        self.stop.cancel();
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn only_what_was_written_whole_is_completed_and_a_target_that_hangs_is_not_waited_for() {
    for trouble in [Trouble::Fails, Trouble::IsStopped, Trouble::Hangs] {
        let world = World::of_things(3);
        let file = world.folder().join("plan.jsonl");
        drop(world.hold());
        plan(
            &world,
            policy(KnownBy::Target, Grace::None),
            (BUDGETS[0], &file),
        )
        .await;
        let stop = CancellationToken::new();
        let asked = CancellationToken::new();
        let target = Incomplete {
            target: world.target.clone(),
            trouble,
            stop: stop.clone(),
            asked: asked.clone(),
        };
        let report = apply_to(&world, Arc::new(target), (&file, stop)).await;
        assert_eq!(asked.is_cancelled(), trouble == Trouble::Hangs);
        let ending = &report.ending;
        if trouble == Trouble::Fails {
            assert!(matches!(ending, Ending::Failed(_)), "{ending:?}");
        } else {
            assert!(matches!(ending, Ending::Interrupted), "{ending:?}");
            assert_eq!(world.accepted() == 3, trouble == Trouble::Hangs);
        }
    }
}

/// A world in which the ledger knows 3,000 records, every third of which is gone from the source and
/// every tenth is another; the target lost one of those that are gone by itself.
async fn world() -> World {
    let world = World::of_things(3_000);
    world.send().await;
    let payload = |id: usize| fixtures::payload(id, 1 + u64::from(id.is_multiple_of(10)));
    let left: Vec<Bytes> = (0..3_000).filter(|id| id % 3 > 0).map(payload).collect();
    world.source.set("things", left);
    let held = things(3_000, 1).into_iter().skip(1);
    world.target.set("things", held.collect::<Vec<_>>());
    world
}

#[tokio::test]
async fn what_the_ledger_knows_and_the_source_does_not_is_found_in_any_memory() {
    let world = world().await;
    let file = world.folder().join("plan.jsonl");
    let mut plans = Vec::new();
    for budget in BUDGETS {
        let policy = policy(KnownBy::Ledger, Grace::None);
        plan(&world, policy, (budget, &file)).await;
        plans.push(changes(&file));
    }
    assert_eq!(plans[0], plans[1]);
    let of = |kind| {
        plans[1]
            .values()
            .filter(|(found, _)| *found == kind)
            .count()
    };
    assert_eq!((of(ChangeKind::Delete), of(ChangeKind::Update)), (999, 200));
}

#[tokio::test]
async fn how_often_records_were_missed_is_asked_one_by_one() {
    for known_by in [KnownBy::Target, KnownBy::Ledger] {
        let world = world().await;
        let file = world.folder().join("plan.jsonl");
        let held = async |world: &World| {
            let policy = policy(known_by, Grace::Runs(2));
            plan(world, policy, (BUDGETS[1], &file)).await;
            let changes = changes(&file);
            let deletes = changes
                .values()
                .filter(|(kind, _)| *kind == ChangeKind::Delete);
            let held = deletes.clone().filter(|(_, held)| held.is_some());
            (deletes.count(), held.count())
        };
        for _ in 0..2 {
            assert_eq!(held(&world).await, (999, 999), "{known_by:?}");
            apply(&world, &file).await;
        }
        assert_eq!(held(&world).await, (999, 0), "{known_by:?}");
        apply(&world, &file).await;
        world.check_in_step();
    }
}

/// The changes of a plan with all that they say, in their order.
fn whole_changes(file: &Path) -> Vec<String> {
    let changes = PlanReader::open(file).unwrap().into_changes().unwrap();
    let text = |change: Result<syncline_plan::PlannedChange, _>| {
        serde_json::to_string(&change.unwrap()).unwrap()
    };
    changes.map(text).collect()
}

#[tokio::test]
async fn records_that_are_looked_at_again_are_planned_like_those_that_were_set_aside() {
    let world = world().await;
    let file = world.folder().join("plan.jsonl");
    for known_by in [KnownBy::Target, KnownBy::Ledger] {
        for budget in BUDGETS {
            let policy = FlowPolicy {
                rename_by: vec!["v".to_owned()],
                ..policy(known_by, Grace::None)
            };
            plan(&world, policy.clone(), (budget, &file)).await;
            let expected = whole_changes(&file);
            let (source, target) = (world.source.clone(), world.target.clone());
            let looking = (source.with_second_looks(), target.with_second_looks());
            let planned = try_plan(&world, (policy, budget), looking, &file).await;
            assert!(planned.unwrap().written.is_some());
            assert!(whole_changes(&file) == expected, "{known_by:?}");
        }
    }
}

/// A store in which something is altered when a reading of it has come to its end.
struct Altered(MemoryStore, usize);

#[async_trait]
impl Store for Altered {
    async fn describe(&self) -> Answer<Catalog> {
        self.0.describe().await
    }

    async fn read(&self, query: Query) -> Answer<BatchStream> {
        self.0.read(query).await
    }

    async fn read_with_second_look(
        &self,
        query: Query,
    ) -> Answer<(BatchStream, Option<Box<dyn SecondLook>>)> {
        let (stream, look) = self.0.read_with_second_look(query).await?;
        let (store, id) = (self.0.clone(), self.1);
        let altered = futures_util::stream::poll_fn(move |_| {
            let mut lines = things(3_000, 1);
            lines[id] = fixtures::payload(id, 7);
            store.set("things", lines);
            std::task::Poll::Ready(None)
        });
        Ok((stream.chain(altered).boxed(), look))
    }

    async fn write(&self, changes: &[Change], context: &WriteContext) -> Answer<Vec<Outcome>> {
        self.0.write(changes, context).await
    }

    async fn confirm(&self, upto: &Mark) -> Answer<()> {
        self.0.confirm(upto).await
    }
}

#[tokio::test]
async fn a_record_that_is_altered_before_it_is_looked_at_again_forbids_the_plan() {
    // Of the first it is planned that it goes; the second is in step, and not looked at again.
    for (id, is_looked_at) in [(1, true), (2, false)] {
        let world = World::of_things(3_000);
        world.send().await;
        world.target.set("things", things(3_000, 1));
        let source = things(3_000, 1).into_iter().enumerate();
        let source = source.filter(|(id, _)| *id != 1).map(|(_, line)| line);
        world.source.set("things", source.collect::<Vec<_>>());
        let file = world.folder().join("plan.jsonl");
        let target = Altered(world.target.clone().with_second_looks(), id);
        let sides = (world.source.clone(), target);
        let policy = policy(KnownBy::Target, Grace::None);
        let planned = try_plan(&world, (policy, BUDGETS[0]), sides, &file).await;
        if !is_looked_at {
            assert!(planned.unwrap().written.is_some());
            continue;
        }
        let error = planned.unwrap_err();
        let told = error.to_string();
        assert!(matches!(error, EngineError::Store(error) if error.kind == ErrorKind::Local));
        assert_eq!(told, "things.jsonl:2 was altered while it was compared");
        let left = std::fs::read_dir(world.folder()).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert!(
            !left
                .iter()
                .any(|name| name.to_string_lossy().contains("plan")),
            "{left:?}"
        );
    }
}
