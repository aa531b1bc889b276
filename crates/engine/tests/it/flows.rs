//! Flows planned in little memory: a plan is the same however little of it is held at once.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use syncline_engine::{
    ApplyJob, DeleteStyle, FlowJob, FlowPart, FlowPolicy, Grace, KnownBy, Only, Settings,
    apply_plan, plan_flow,
};
use syncline_model::{ChangeKind, Digest};
use syncline_plan::{Guard, GuardPolicy, PlanReader};
use syncline_testkit::fixtures;
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
    let catalog = world.target.catalog().clone();
    let view = world.ledger();
    let scope = view.scopes().unwrap().remove(0).0;
    let part = FlowPart {
        collection: fixtures::find(&catalog, "things"),
        policy,
    };
    let job = FlowJob {
        flow: "things".to_owned(),
        source: Arc::new(world.source.clone()),
        target: Arc::new(world.target.clone()),
        identities: (catalog.identity.clone(), catalog.identity),
        parts: vec![part],
        mapping: Digest::of(b""),
        ledger: Some((view, scope)),
        only: Only::default(),
        work_folder: world.folder(),
        memory_budget: budget,
    };
    let planned = plan_flow(job, file, CancellationToken::new())
        .await
        .unwrap();
    assert!(planned.written.is_some(), "{:?}", planned.collections);
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
        target: Arc::new(world.target.clone()),
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
    let report = apply_plan(job, Arc::new(Events::default()), CancellationToken::new()).await;
    completed(&report);
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
