//! The school of `examples/school` by the library: the program `crates/syncline/examples/school.rs`, run
//! against real servers. What is planned is what is done, and every second plan is empty.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use syncline::store::{Store, TablesStore};
use syncline::{CollectionPlan, Flow, FlowPlan};
use syncline_testkit::{Service, services};

use crate::datastores::{Branch, Database, System};
use crate::desk::Desk;
use crate::school::{SCHOOL, Size, count, export, students};

#[expect(dead_code, reason = "`main` is for those who type")]
#[path = "../../../syncline/examples/school.rs"]
mod program;

/// What would be done to a collection: created, updated, re-keyed, left, deleted, held.
fn planned(plan: &FlowPlan, name: &str) -> [u64; 6] {
    let one = plan
        .collections
        .iter()
        .find(|one| one.name.as_str() == name);
    let one = one.unwrap();
    [
        one.creates,
        one.updates,
        one.rekeys,
        one.leaves,
        one.deletes,
        one.held.values().sum(),
    ]
}

/// Brings a target in step: nothing fails, and nothing but those who may stay a while differs then.
async fn in_step<T>(flow: &Flow, sis: &Arc<TablesStore>, target: &T, stay: u64)
where
    T: Store + Clone + 'static,
{
    let plan = flow.plan(sis, target).await.unwrap();
    let planned = plan.changes().unwrap().map(Result::unwrap);
    let planned = planned.map(|one| (one.collection().clone(), one.kind(), one.key().to_owned()));
    let planned: BTreeSet<_> = planned.collect();
    let applied = program::in_step(flow, sis, target).await.unwrap();
    for (name, one) in &applied.report.collections {
        assert_eq!((one.failed, &one.failures[..]), (0, &[][..]), "{name}");
    }
    let mut told = BTreeSet::new();
    for outcome in applied.outcomes().unwrap() {
        let one = outcome.unwrap();
        assert!(!one.outcome.is_failure(), "{one:?}");
        told.insert((one.collection, one.kind, one.key));
    }
    assert_eq!(told, planned, "an outcome for each change");
    let again = flow.plan(sis, target).await.unwrap();
    let left: u64 = again
        .summary()
        .collections
        .iter()
        .map(CollectionPlan::differences)
        .sum();
    assert_eq!(left, stay, "{:?}", again.summary());
}

async fn lms(system: System) {
    let desk = Desk::new();
    let Some(database) = Database::new(system, &desk).await else {
        return;
    };
    let schema = system.pick(
        "lms.postgresql.sql",
        "lms.postgresql.sql",
        "lms.mariadb.sql",
    );
    let schema = std::fs::read_to_string(format!("{SCHOOL}/{schema}")).unwrap();
    database.run(&schema).await;
    let size = Size::of(students());
    let flow = program::lms(&desk.path("state"));
    let target = program::database(&database.url).await.unwrap();
    let sis = desk.path("sis");
    let sis = |day: &str| {
        export(&desk, day);
        program::sis(&sis).unwrap()
    };

    let (folder, state) = (desk.path("sis"), desk.path("state"));
    let typed = [folder.to_str(), state.to_str(), Some(&*database.url)].map(Option::unwrap);
    let start = sis("start");
    program::run(&typed, std::io::empty()).await.unwrap();
    in_step(&flow, &start, &target, 0).await;
    assert_eq!(
        count(&database, "users").await,
        size.students + size.staff + 1
    );
    assert_eq!(
        count(&database, "cohort_members").await,
        2 * size.students + size.staff
    );

    let week = sis("week");
    let plan = flow.plan(&week, &target).await.unwrap();
    let users = [size.come, size.renamed, 0, 0, 0, 1 + size.left];
    assert_eq!(planned(plan.summary(), "users"), users);
    for stay in [size.left, size.left, 0] {
        in_step(&flow, &week, &target, stay).await;
    }
    assert_eq!(count(&database, "users WHERE suspended").await, size.left);

    let back = sis("back");
    let plan = flow.plan(&back, &target).await.unwrap();
    assert_eq!(planned(plan.summary(), "users"), [0, size.back, 1, 0, 0, 1]);
    in_step(&flow, &back, &target, 0).await;
    assert_eq!(
        count(&database, "cohort_members WHERE member = 'S-NEW-1'").await,
        2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_keeps_a_file_of_sqlite_in_step() {
    lms(System::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_keeps_postgresql_in_step() {
    lms(System::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_keeps_mariadb_in_step() {
    lms(System::MariaDb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_keeps_a_directory_in_step() {
    let Some(mut branch) = Branch::new().await else {
        return;
    };
    let desk = Desk::new();
    let setting = |name: &str| services::setting(name).unwrap();
    let url = Service::Ldap.address().unwrap();
    let (name, password) = (
        setting("SYNCLINE_TEST_LDAP_DN"),
        setting("SYNCLINE_TEST_LDAP_PASSWORD"),
    );
    let target = program::people_and_groups(&url, (&name, &password), &branch.base);
    let target = target.await.unwrap();
    let flow = program::directory(&desk.path("state"));
    let size = Size::of(students());
    let folder = desk.path("sis");
    let sis = |day: &str| {
        export(&desk, day);
        program::sis(Path::new(&folder)).unwrap()
    };

    let database = Database::new(System::Sqlite, &desk).await.unwrap();
    let schema = std::fs::read_to_string(format!("{SCHOOL}/lms.postgresql.sql")).unwrap();
    database.run(&schema).await;
    let start = sis("start");
    let state = desk.path("state");
    let places = [folder.to_str(), state.to_str(), Some(&*database.url)].map(Option::unwrap);
    let arguments = [&places[..], &[&url, &name, &branch.base]].concat();
    program::run(&arguments[..4], std::io::empty())
        .await
        .unwrap_err();
    program::run(&arguments, password.as_bytes()).await.unwrap();
    in_step(&flow, &start, &target, 0).await;
    let people = usize::try_from(size.students + size.staff).unwrap();
    assert_eq!(branch.look("uid").await.len(), people);

    let week = sis("week");
    let plan = flow.plan(&week, &target).await.unwrap();
    assert_eq!(
        planned(plan.summary(), "people"),
        [size.come, size.renamed, 0, 0, 0, size.left]
    );
    for stay in [size.left, size.left, 0] {
        in_step(&flow, &week, &target, stay).await;
    }
    let types = branch.look("employeeType").await;
    let left = types.values().filter(|values| values[0] == "left").count() as u64;
    assert_eq!(left, size.left);
    branch.remove().await;
}
