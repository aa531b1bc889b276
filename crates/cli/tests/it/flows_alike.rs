//! Records that stand in each other's way: keys that the target takes for the same, values that only
//! one may have and that are handed on, rows that refer to one another.

use crate::datastores::{Branch, Database, System};
use crate::desk::Desk;
use crate::flows_trouble::ended;

/// A flow `f` of people, with `more` in its collection.
fn configure(desk: &Desk, store: &str, (part, more): (&str, &str)) {
    desk.write(
        "syncline.yaml",
        format!(
            "stores:\n  left: {{kind: files, path: left}}\n  right: {store}\n\
             flows:\n  f: {{from: left, to: right, collections: {{people: {{{part}, delete: \
             {{style: delete}}, limits: {{small_set: 20, update_share: 100 %}}{more}}}}}}}\n"
        ),
    );
}

const PART: &str = "key: {id: id}, map: {name: name, mail: mail}";

fn people(desk: &Desk, rows: &[&str]) {
    desk.write(
        "left/people.csv",
        format!("id,name,mail\n{}\n", rows.join("\n")),
    );
}

/// People whose keys are the same in small and in capital letters; `own` is nobody's business.
async fn alike(desk: &Desk, system: System) -> Option<Database> {
    let database = Database::new(system, desk).await?;
    let sql = system.pick(
        "CREATE TABLE people (id TEXT PRIMARY KEY COLLATE NOCASE, name TEXT, mail TEXT, own TEXT)",
        "CREATE COLLATION without_case (provider = icu, locale = 'und-u-ks-level2',
             deterministic = false);
         CREATE TABLE people (id text COLLATE without_case PRIMARY KEY, name text, mail text, own text)",
        "CREATE TABLE people (id VARCHAR(40) PRIMARY KEY, name VARCHAR(40), mail VARCHAR(40),
             own VARCHAR(40)) CHARACTER SET utf8mb4",
    );
    database.run(sql).await;
    Some(database)
}

async fn rows(database: &Database) -> Vec<String> {
    let row = database.system.pick(
        "id || ' ' || name || ' ' || coalesce(own, '-')",
        "id || ' ' || name || ' ' || coalesce(own, '-')",
        "concat(id, ' ', name, ' ', coalesce(own, '-'))",
    );
    let mut rows = database.texts(&format!("SELECT {row} FROM people")).await;
    rows.sort();
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_spelled_in_another_way_is_changed_and_its_row_stays() {
    for system in System::ALL {
        let desk = Desk::new();
        let Some(database) = alike(&desk, system).await else {
            continue;
        };
        database
            .run(
                "INSERT INTO people VALUES ('Ann', 'A', 'a@x', 'hers'), ('Bob', 'B', 'b@x', 'his')",
            )
            .await;
        configure(&desk, &database.store(), (PART, ""));
        people(&desk, &["ann,A,a@x", "BOB,Bert,b@x", "cy,C,c@x"]);
        let ran = desk.run(&["sync", "f"]);
        assert_eq!(ran.status, 0, "{system:?} {}", ran.stderr);
        let expected = ["BOB Bert his", "ann A hers", "cy C -"];
        assert_eq!(rows(&database).await, expected, "{system:?}");
        ended(&desk.run(&["drift", "f"]), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_new_keys_that_are_one_to_the_target_are_told_at_planning() {
    for system in System::ALL {
        let desk = Desk::new();
        let Some(database) = alike(&desk, system).await else {
            continue;
        };
        database
            .run("INSERT INTO people VALUES ('gone', 'G', 'g@x', 'theirs')")
            .await;
        configure(&desk, &database.store(), (PART, ""));
        people(&desk, &["ann,A,a@x", "bob,B,b@x", "BOB,B,c@x"]);
        let ran = desk.run(&["sync", "f"]);
        ended(&ran, 1);
        let told = "the target takes its key for the same as that of another row";
        for line in ["people.csv:3", "people.csv:4"] {
            let is_told = |text: &str| text.contains(line) && text.contains(told);
            assert!(
                ran.stderr.lines().chain(ran.stdout.lines()).any(is_told),
                "{line}\n{}\n{}",
                ran.stdout,
                ran.stderr
            );
        }
        assert_eq!(rows(&database).await, ["gone G theirs"], "{system:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_ledger_knows_by_another_spelling_is_not_deleted() {
    for system in System::ALL {
        let desk = Desk::new();
        let Some(database) = alike(&desk, system).await else {
            continue;
        };
        configure(&desk, &database.store(), (PART, ", baseline: ledger"));
        people(&desk, &["Ann,A,a@x", "bob,B,b@x"]);
        ended(&desk.run(&["sync", "f"]), 0);
        database
            .run("UPDATE people SET own = 'hers' WHERE id = 'Ann'")
            .await;
        people(&desk, &["ann,A,a@x", "cy,C,c@x"]);
        let ran = desk.run(&["sync", "f"]);
        ended(&ran, 1);
        assert!(
            ran.stderr
                .contains("by a key that the target takes for the same"),
            "{}",
            ran.stderr
        );
        assert_eq!(
            rows(&database).await,
            ["Ann A hers", "cy C -"],
            "{system:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_whose_key_is_spelled_in_another_way_takes_that_spelling() {
    let Some(mut branch) = Branch::new().await else {
        return;
    };
    let desk = Desk::new();
    let store = Branch::store(&format!(
        "people: {{base: \"ou=people,{}\", object_classes: [inetOrgPerson], rdn: uid, attributes: \
         [uid, cn, sn]}}",
        branch.base
    ));
    branch.person("Ann", "A").await;
    branch.group("staff", &["Ann"]).await;
    let part = "key: {uid: id}, map: {cn: name, sn: name}";
    configure(&desk, &store, (part, ""));
    people(&desk, &["ann,Anna,", "bob,B,"]);
    ended(&desk.run(&["sync", "f"]), 0);
    let uids = branch.look("uid").await;
    assert_eq!(uids["uid=ann"], ["ann"], "{uids:?}");
    assert_eq!(uids.len(), 2, "{uids:?}");
    assert_eq!(branch.look("member").await.len(), 1);
    ended(&desk.run(&["drift", "f"]), 0);
    people(&desk, &["ann,Anna,", "bob,B,", "eve,E,", "Eve,E,"]);
    ended(&desk.run(&["sync", "f"]), 1);
    assert_eq!(branch.look("uid").await.len(), 2);
    branch.remove().await;
}

/// People each of whose mails only one may have.
async fn unique(desk: &Desk, system: System) -> Option<Database> {
    let database = Database::new(system, desk).await?;
    let text = system.pick("TEXT", "text", "VARCHAR(40)");
    let sql = format!(
        "CREATE TABLE people (id {text} PRIMARY KEY, name {text}, mail {text} UNIQUE);
         INSERT INTO people VALUES ('1', 'A', 'm1'), ('2', 'B', 'm2'), ('3', 'C', 'm3')"
    );
    database.run(&sql).await;
    Some(database)
}

async fn mails(database: &Database) -> Vec<String> {
    let row = database
        .system
        .pick("id || mail", "id || mail", "concat(id, mail)");
    database
        .texts(&format!("SELECT {row} FROM people ORDER BY id"))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_one_may_have_is_handed_on_within_one_plan() {
    for system in System::ALL {
        let desk = Desk::new();
        let Some(database) = unique(&desk, system).await else {
            continue;
        };
        configure(&desk, &database.store(), (PART, ""));
        // Each takes what the next one has, and a new one takes what somebody has who leaves.
        people(&desk, &["1,A,m2", "2,B,m4", "4,D,m3"]);
        ended(&desk.run(&["sync", "f"]), 0);
        assert_eq!(mails(&database).await, ["1m2", "2m4", "4m3"], "{system:?}");
        // Two who change places need a third: that is told, and nothing is lost.
        people(&desk, &["1,A,m4", "2,B,m2", "4,D,m3"]);
        let ran = desk.run(&["sync", "f"]);
        ended(&ran, 1);
        assert!(
            ran.stderr.contains("mail") && ran.stderr.contains("2 failed"),
            "{}",
            ran.stderr
        );
        assert_eq!(mails(&database).await, ["1m2", "2m4", "4m3"], "{system:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_refer_to_one_another_come_and_go_in_one_run() {
    for system in System::ALL {
        let desk = Desk::new();
        let Some(database) = Database::new(system, &desk).await else {
            continue;
        };
        let text = system.pick("TEXT", "text", "VARCHAR(40)");
        database
            .run(&format!(
                "CREATE TABLE people (id {text} PRIMARY KEY, boss {text},
                 FOREIGN KEY (boss) REFERENCES people (id))"
            ))
            .await;
        configure(
            &desk,
            &database.store(),
            ("key: {id: id}, map: {boss: boss}", ""),
        );
        desk.write("left/people.csv", "id,boss\na,\nb,a\nc,b\nd,c\ne,\n");
        ended(&desk.run(&["sync", "f"]), 0);
        desk.write("left/people.csv", "id,boss\ne,\n");
        let ran = desk.run(&["sync", "f", "--allow", "delete-share"]);
        ended(&ran, 0);
        assert_eq!(
            database.texts("SELECT id FROM people").await,
            ["e"],
            "{system:?}"
        );
    }
}

/// Cohorts that the database numbers, and members by these numbers.
async fn numbered(desk: &Desk, system: System) -> Option<Database> {
    let database = Database::new(system, desk).await?;
    let sql = system.pick(
        "CREATE TABLE cohorts (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
         CREATE TABLE members (cohort INTEGER REFERENCES cohorts (id), person TEXT,
             PRIMARY KEY (cohort, person))",
        "CREATE TABLE cohorts (id integer GENERATED BY DEFAULT AS IDENTITY (START WITH 70) PRIMARY KEY,
             name text NOT NULL UNIQUE);
         CREATE TABLE members (cohort integer REFERENCES cohorts (id), person text,
             PRIMARY KEY (cohort, person))",
        "CREATE TABLE cohorts (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(40) NOT NULL UNIQUE)
             AUTO_INCREMENT 70;
         CREATE TABLE members (cohort INT, person VARCHAR(40), PRIMARY KEY (cohort, person),
             FOREIGN KEY (cohort) REFERENCES cohorts (id))",
    );
    database.run(sql).await;
    Some(database)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_looked_up_in_the_target_is_written_before_the_rows_that_look_it_up() {
    for (system, rows) in System::ALL
        .into_iter()
        .flat_map(|one| [(one, "stop"), (one, "skip")])
    {
        let desk = Desk::new();
        let Some(database) = numbered(&desk, system).await else {
            continue;
        };
        let limits = "delete: {style: delete}, limits: {small_set: 20}";
        desk.write(
            "syncline.yaml",
            format!(
                "stores:\n  left: {{kind: files, path: left}}\n  right: {}\nflows:\n  f:\n    \
                 from: left\n    to: right\n    lookups: {{ids: {{from: target.cohorts, key: name, \
                 value: id}}}}\n    collections:\n      cohorts: {{key: {{name: name}}, {limits}}}\n      \
                 members: {{key: {{cohort: \"cohort | lookup('ids')\", person: person}}, \
                 rows: {rows}, after: [cohorts], {limits}}}\n",
                database.store()
            ),
        );
        desk.write("left/cohorts.csv", "name\n7A\n7B\n");
        desk.write("left/members.csv", "cohort,person\n7A,ann\n7B,bob\n7B,cy\n");
        let told = "cohorts: 2 created, 0 updated";
        let ran = desk.run(&["sync", "f"]);
        assert_eq!(ran.status, 0, "{system:?} {rows} {}", ran.stderr);
        assert!(ran.stderr.contains(told), "{}", ran.stderr);
        let text = system.pick("TEXT", "text", "CHAR");
        let joined = format!(
            "SELECT CONCAT(CAST(c.name AS {text}), ' ', m.person) AS row_text FROM cohorts c \
             JOIN members m ON m.cohort = c.id ORDER BY 1"
        );
        assert_eq!(database.texts(&joined).await, ["7A ann", "7B bob", "7B cy"]);
        // One goes, another comes, and what neither has is told.
        desk.write("left/cohorts.csv", "name\n7B\n7C\n");
        desk.write("left/members.csv", "cohort,person\n7B,bob\n7C,cy\n");
        let ran = desk.run(&["sync", "f"]);
        assert_eq!(ran.status, 0, "{system:?} {rows} {}", ran.stderr);
        assert_eq!(database.texts(&joined).await, ["7B bob", "7C cy"], "{rows}");
        ended(&desk.run(&["drift", "f"]), 0);
        desk.write("left/members.csv", "cohort,person\n7B,bob\n7X,cy\n");
        let ran = desk.run(&["sync", "f"]);
        // After rows that were left out nothing is deleted.
        ended(&ran, if rows == "stop" { 1 } else { 4 });
        assert!(ran.stderr.contains("members.csv:3"), "{}", ran.stderr);
    }
}
