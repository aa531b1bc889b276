//! Derived collections over a store in memory.

#![expect(
    clippy::unwrap_in_result,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of a test that cannot go on fails the test"
)]

use std::sync::Arc;

use futures_util::StreamExt as _;
use syncline_derive::{DerivedQuery, DerivedStore, SqlProblem};
use syncline_model::{
    Catalog, Collection, CollectionName, Coverage, Field, FieldKind, StoreIdentity,
};
use syncline_store::{Batch, Query, Store as _};
use syncline_testkit::{MemoryStore, ReadingEnd};

/// A school: students declare their fields, marks do not.
fn school() -> MemoryStore {
    let mut catalog = Catalog::empty(StoreIdentity("memory:school".to_owned()));
    let mut students = Collection::named(CollectionName::new("sis/students"));
    students.fields = vec![
        Field::new("id", FieldKind::Text),
        Field::new("grade", FieldKind::Integer),
        Field::new("fee", FieldKind::Decimal),
        Field::new("active", FieldKind::Boolean),
        Field::new("clubs", FieldKind::List),
        Field::new("Last Name", FieldKind::Text),
    ];
    let marks = Collection::named(CollectionName::new("sis/marks"));
    for collection in [students, marks] {
        catalog
            .collections
            .insert(collection.name.clone(), collection);
    }
    let store = MemoryStore::new(catalog);
    store.set(
        "sis/students",
        [
            r#"{"id":"007","grade":7,"fee":1.10,"active":true,"clubs":["chess","go"],"Last Name":"Bond"}"#,
            r#"{"id":"8","grade":7,"fee":null,"active":false,"clubs":[],"Last Name":"O'Hara"}"#,
            r#"{"id":"9","grade":8,"fee":0.12345678901234567890,"active":true,"clubs":["go"],"Last Name":"Zoë"}"#,
        ],
    );
    store.set(
        "sis/marks",
        [
            r#"{"student":"007","mark":1,"final":true}"#,
            r#"{"student":"9","mark":2,"note":{"by":"x"}}"#,
        ],
    );
    store
}

fn query(name: &str, sql: &str) -> DerivedQuery {
    DerivedQuery {
        name: name.to_owned(),
        sql: sql.to_owned(),
    }
}

struct Derived {
    store: DerivedStore,
    folder: tempfile::TempDir,
}

fn derive(inner: &MemoryStore, queries: &[(&str, &str)]) -> Result<Derived, Vec<SqlProblem>> {
    let folder = tempfile::tempdir().unwrap();
    let queries = queries.iter().map(|(name, sql)| query(name, sql)).collect();
    let catalog = inner.catalog().clone();
    let work = (queries, folder.path().to_owned());
    let store = DerivedStore::new(Arc::new(inner.clone()), &catalog, work)?;
    Ok(Derived { store, folder })
}

/// What a reading came to: payloads, items that were no records, and coverage.
#[derive(Debug, Default)]
struct Read {
    payloads: Vec<String>,
    unreadable: Vec<String>,
    coverage: Option<Coverage>,
    error: Option<String>,
}

async fn read(derived: &Derived, name: &str) -> Read {
    let catalog = derived.store.describe().await.unwrap();
    let collection = catalog.collections[name].clone();
    let mut stream = derived
        .store
        .read(Query::records(Arc::new(collection)))
        .await
        .unwrap();
    let mut read = Read::default();
    while let Some(batch) = stream.next().await {
        match batch {
            Ok(Batch::Put(records)) => {
                let payload = |record: syncline_model::Record| {
                    String::from_utf8(record.payload.to_vec()).unwrap()
                };
                read.payloads.extend(records.into_iter().map(payload));
            }
            Ok(Batch::Unreadable(items)) => {
                let item =
                    |item: syncline_store::Rejected| format!("{}: {}", item.origin, item.reason);
                read.unreadable.extend(items.into_iter().map(item));
            }
            Ok(Batch::End { coverage, .. }) => read.coverage = Some(coverage),
            Ok(other) => panic!("{other:?}"),
            Err(error) => read.error = Some(error.to_string()),
        }
    }
    read
}

async fn rows(sql: &str) -> Vec<String> {
    let derived = derive(&school(), &[("d", sql)]).unwrap();
    let read = read(&derived, "d").await;
    assert_eq!(read.error, None);
    assert!(read.coverage.unwrap().is_complete());
    read.payloads
}

fn problems(sql: &str) -> Vec<String> {
    let found = derive(&school(), &[("d", sql)]).err().unwrap_or_default();
    found.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn values_keep_their_kinds() {
    let all = rows("select * from students order by id").await;
    assert_eq!(
        all,
        [
            r#"{"id":"007","grade":7,"fee":1.10,"active":true,"clubs":["chess","go"],"Last Name":"Bond"}"#,
            r#"{"id":"8","grade":7,"fee":null,"active":false,"clubs":[],"Last Name":"O'Hara"}"#,
            r#"{"id":"9","grade":8,"fee":0.12345678901234567890,"active":true,"clubs":["go"],"Last Name":"Zoë"}"#,
        ]
    );
}

#[tokio::test]
async fn cohorts_come_from_grades_and_members_from_lists() {
    let cohorts = rows(
        "select 'students' || grade as cohort, count(*) as size from students group by grade \
         order by 1",
    );
    assert_eq!(
        cohorts.await,
        [
            r#"{"cohort":"students7","size":2}"#,
            r#"{"cohort":"students8","size":1}"#
        ]
    );
    let members = rows(
        "select value as club, s.id from students s, json_each(s.clubs) where active order by 1, 2",
    );
    assert_eq!(
        members.await,
        [
            r#"{"club":"chess","id":"007"}"#,
            r#"{"club":"go","id":"007"}"#,
            r#"{"club":"go","id":"9"}"#
        ]
    );
}

#[tokio::test]
async fn what_declares_no_columns_has_those_of_its_rows_and_of_the_query() {
    let marks = rows("select * from marks order by student").await;
    assert_eq!(
        marks,
        [
            r#"{"final":true,"mark":1,"student":"007","note":null}"#,
            r#"{"final":null,"mark":2,"student":"9","note":{"by":"x"}}"#
        ]
    );
    let named = rows(
        "select m.student, \"no where\", m.note ->> 'by' as teacher from marks m, students s where s.id = m.student and mark > 1",
    );
    assert_eq!(
        named.await,
        [r#"{"student":"9","no where":null,"teacher":"x"}"#]
    );
    let school = school();
    school.set("sis/marks", [] as [&str; 0]);
    let derived = derive(
        &school,
        &[("d", "select student from marks where mark > 1")],
    )
    .unwrap();
    let read = read(&derived, "d").await;
    assert_eq!((read.payloads.len(), read.error), (0, None));
}

#[tokio::test]
async fn queries_look_at_queries() {
    let queries = [
        ("names", "select \"Last Name\" as name, grade from seniors"),
        (
            "seniors",
            "select * from students where grade > 7;  -- the eldest\n",
        ),
    ];
    let derived = derive(&school(), &queries).unwrap();
    assert_eq!(
        read(&derived, "names").await.payloads,
        [r#"{"name":"Zoë","grade":8}"#]
    );
    let catalog = derived.store.describe().await.unwrap();
    let fields = &catalog.collections["names"].fields;
    assert_eq!(
        fields.first().unwrap(),
        &Field::new("name", FieldKind::Text)
    );
    assert_eq!(fields.last().unwrap().kind, FieldKind::Integer);
    let circle = [("a", "select * from b"), ("b", "select * from a")];
    let circle = derive(&school(), &circle).err().unwrap();
    assert!(
        circle[0].to_string().contains("circularly defined"),
        "{circle:?}"
    );
}

#[test]
fn mistakes_are_told_with_their_places() {
    let check = |sql: &str, expected: &str| assert_eq!(problems(sql), [expected], "{sql}");
    check(
        "select id,\n       garde from students",
        "the query of `d`, line 2, column 8: no such column: garde",
    );
    check(
        "select id from studnets",
        "the query of `d`, line 1, column 16: there is no table `studnets`",
    );
    check(
        "select id form students",
        "the query of `d`, line 1, column 16: near \"students\": syntax error",
    );
    check(
        "select \"id\", \"garde\" from students",
        "the query of `d`, line 1, column 14: no such column: garde",
    );
    check(
        "select id, grade as id from students",
        "the query of `d`: two of its columns are named `id`",
    );
    check("", "the query of `d`: it may only select");
    let unknown = derive(&school(), &[("d", "select * from studnets")])
        .err()
        .unwrap();
    assert_eq!(unknown[0].unknown.as_deref(), Some("studnets"));
    assert_eq!(
        unknown[0].hint.as_deref(),
        Some("tables there: marks, students, d")
    );
    let taken = derive(&school(), &[("Students", "select 1 as a")])
        .err()
        .unwrap();
    assert!(
        taken[0]
            .to_string()
            .contains("another collection of that name")
    );
}

#[test]
fn a_query_only_selects_and_only_from_the_source() {
    for sql in [
        "delete from students",
        "insert into students (id) values ('x')",
        "update students set id = 'x'",
        "create table t (a)",
        "drop table students",
        "attach database '/etc/passwd' as other",
        "pragma database_list",
        "vacuum into '/tmp/x'",
        "begin",
        "explain select id from students",
    ] {
        let found = problems(sql);
        let expected = ["it may only select", "there is no table", "no such table"];
        assert!(
            expected.iter().any(|words| found.concat().contains(words)),
            "{sql}: {found:?}"
        );
    }
    let check = |sql: &str, words: &str| {
        let found = problems(sql).concat();
        assert!(found.contains(words), "{sql}: {found}");
    };
    check(
        "select * from sqlite_master",
        "`sqlite_master` is no table of the source",
    );
    check("select * from pragma_database_list", "no table");
    check(
        "select random() as r from students",
        "line 1, column 8: the function `random`",
    );
    check("select load_extension('x') as r", "load_extension");
    check("select 1 as a; select 2 as b", "more than one statement");
    check("select 1 as a; drop table students", "it may only select");
}

#[tokio::test]
async fn what_was_not_read_of_a_table_was_not_read_of_what_is_derived() {
    let school = school();
    let lines = [
        r#"{"id":"1","grade":7}"#,
        "no record",
        r#"{"id":"2","grade":8}"#,
    ];
    school.set("sis/students", lines);
    let derived = derive(&school, &[("d", "select grade from students")]).unwrap();
    let found = read(&derived, "d").await;
    assert_eq!(found.payloads.len(), 2);
    assert_eq!(found.unreadable.len(), 1, "{found:?}");
    assert!(!found.coverage.unwrap().is_complete());

    school.end_reading("sis/students", 1, ReadingEnd::Silence);
    let broken = read(&derived, "d").await;
    assert_eq!((broken.payloads.len(), broken.coverage), (0, None));
    assert!(broken.error.unwrap().contains("broke off"));
}

#[tokio::test]
async fn rows_without_a_form_are_told_and_what_fails_midway_is_an_error() {
    let sql = "select id, case id when '8' then x'00' else id end as x from students order by id";
    let derived = derive(&school(), &[("d", sql)]).unwrap();
    let found = read(&derived, "d").await;
    assert_eq!(found.payloads.len(), 2);
    assert_eq!(
        found.unreadable,
        ["d:2: `x`: it is bytes; `hex()` makes text of them"]
    );
    assert!(!found.coverage.unwrap().is_complete());

    let sql = "select json_extract(\"Last Name\", '$.a') as a from students";
    let derived = derive(&school(), &[("d", sql)]).unwrap();
    let found = read(&derived, "d").await;
    assert_eq!(
        found.error.as_deref(),
        Some("the query of `d`: malformed JSON")
    );
    assert_eq!(found.coverage, None);
}

#[tokio::test]
async fn names_that_differ_in_case_only_cannot_be_one_table() {
    let school = school();
    school.set("sis/marks", [r#"{"a":1,"A":2}"#]);
    let derived = derive(&school, &[("d", "select a from marks")]).unwrap();
    let found = read(&derived, "d").await;
    let error = found.error.unwrap();
    assert!(
        error.contains("`marks` do not fit a table: duplicate column name"),
        "{error}"
    );
}

#[tokio::test]
async fn many_records_pass_and_nothing_is_left_behind() {
    let school = school();
    let line = |n: u32| format!("{{\"id\":\"{n}\",\"grade\":{}}}", n % 12);
    school.set("sis/students", (0..20_000).map(line));
    let sql = "select id, grade, (select count(*) from students t where t.id = s.id) as n \
               from (select * from students order by id desc) s";
    let folder = tempfile::tempdir().unwrap();
    let work = (
        vec![query("d", "select * from students")],
        folder.path().to_owned(),
    );
    let store = Arc::new(school.clone());
    let store = DerivedStore::new(store, school.catalog(), work).unwrap();
    let derived = Derived {
        store,
        folder: tempfile::tempdir().unwrap(),
    };
    assert_eq!(read(&derived, "d").await.payloads.len(), 20_000);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let _prepares = derive(&school, &[("d", sql)]).unwrap();
}

#[tokio::test]
async fn a_query_without_an_end_ends_when_nobody_listens() {
    let sql = "with recursive n(i) as (select 1 union all select i + 1 from n) \
               select max(i) as m from n";
    let folder = tempfile::tempdir().unwrap();
    let school = school();
    let work = (vec![query("d", sql)], folder.path().to_owned());
    let store = Arc::new(school.clone());
    let store = DerivedStore::new(store, school.catalog(), work).unwrap();
    let catalog = store.describe().await.unwrap();
    let collection = Arc::new(catalog.collections["d"].clone());
    let stream = store.read(Query::records(collection)).await.unwrap();
    drop(stream);
    // The runtime waits for its threads: the test ends only if this one does.
}

#[tokio::test]
async fn other_collections_pass_through_and_derived_ones_are_not_written() {
    let derived = derive(&school(), &[("d", "select id from students")]).unwrap();
    assert_eq!(read(&derived, "sis/marks").await.payloads.len(), 2);
    let catalog = derived.store.describe().await.unwrap();
    let collection = Arc::new(catalog.collections["d"].clone());
    let context = syncline_store::WriteContext { collection };
    let error = derived.store.write(&[], &context).await.unwrap_err();
    assert!(error.to_string().contains("is derived"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_worked_on_has_no_name_and_goes_with_the_process() {
    let school = school();
    let marks = (0..3_000).map(|mark| format!("{{\"student\":\"{mark}\",\"mark\":1}}"));
    let marks: Vec<String> = marks.collect();
    school.set("sis/marks", marks);
    let derived = derive(
        &school,
        &[("all", "SELECT student AS id FROM marks ORDER BY id")],
    )
    .unwrap();
    let catalog = derived.store.describe().await.unwrap();
    let query = Query::records(Arc::new(catalog.collections["all"].clone()));
    let mut stream = derived.store.read(query).await.unwrap();
    let first = stream.next().await.unwrap().unwrap();
    assert!(matches!(first, Batch::Put(_)), "{first:?}");
    let left = std::fs::read_dir(derived.folder.path()).unwrap().count();
    assert_eq!(left, 0);
    let rest: Vec<_> = stream.collect().await;
    assert!(matches!(rest.last(), Some(Ok(Batch::End { .. }))));
}
