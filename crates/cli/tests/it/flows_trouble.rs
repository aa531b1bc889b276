//! What becomes of a plan while something goes wrong: another writer, a rule of the target, a
//! connection that is lost, a program that dies. Every change has its outcome, and the same
//! command goes on.

use std::fmt::Write as _;
use std::process::{Child, Stdio};
use std::time::Duration;

use mysql_async::prelude::Queryable as _;

use crate::datastores::{Database, System};
use crate::desk::{Desk, Ran};
use crate::interruption::signal;

/// Longest time for anything that is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

const PLAN: &str = ".syncline/plans/f.jsonl";

#[track_caller]
pub(crate) fn ended(ran: &Ran, status: i32) {
    assert_eq!(ran.status, status, "{}\n{}", ran.stdout, ran.stderr);
}

/// A flow `f` of people with a name and a mail into a store.
pub(crate) fn configure(desk: &Desk, store: &str) {
    desk.write(
        "syncline.yaml",
        format!(
            "stores:\n  left: {{kind: files, path: left}}\n  right: {store}\n\
             flows:\n  f: {{from: left, to: right, collections: {{people: {{key: {{id: id}}, map: \
             {{name: name, mail: mail}}, limits: {{update_share: 100 %}}}}}}}}\n"
        ),
    );
}

/// People with these numbers, and what they are called.
pub(crate) fn people(numbers: std::ops::Range<u32>, name: &str) -> String {
    let mut text = "id,name,mail\n".to_owned();
    for number in numbers {
        let _fits = writeln!(text, "{number},{name}{number},m{number}@x");
    }
    text
}

/// A table that counts how often each row was made or changed.
pub(crate) async fn counted(system: System, desk: &Desk) -> Option<Database> {
    let database = Database::new(system, desk).await?;
    let sql = match system {
        System::Sqlite => {
            "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, mail TEXT UNIQUE);
             CREATE TABLE log (id INTEGER);
             CREATE TRIGGER made AFTER INSERT ON people BEGIN INSERT INTO log VALUES (NEW.id); END;
             CREATE TRIGGER changed AFTER UPDATE ON people
             BEGIN INSERT INTO log VALUES (NEW.id); END;"
        }
        System::Postgres => {
            "CREATE TABLE people (id integer PRIMARY KEY, name text, mail text UNIQUE);
             CREATE TABLE log (id integer);
             CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN INSERT INTO log VALUES (NEW.id); RETURN NEW; END $$;
             CREATE TRIGGER noted AFTER INSERT OR UPDATE ON people
             FOR EACH ROW EXECUTE FUNCTION noted();"
        }
        System::MariaDb => {
            "CREATE TABLE people (id INT PRIMARY KEY, name VARCHAR(99), mail VARCHAR(99) UNIQUE);
             CREATE TABLE log (id INT);
             CREATE TRIGGER made AFTER INSERT ON people FOR EACH ROW INSERT INTO log VALUES (NEW.id);
             CREATE TRIGGER changed AFTER UPDATE ON people
             FOR EACH ROW INSERT INTO log VALUES (NEW.id);"
        }
    };
    database.run(sql).await;
    Some(database)
}

/// How many rows there are, how many writes there were, and to how many different rows.
pub(crate) async fn counts(database: &Database) -> [u64; 3] {
    let text = database.system.pick("TEXT", "text", "CHAR");
    let mut counts = [0; 3];
    let wanted = [
        "count(*) FROM people",
        "count(*) FROM log",
        "count(DISTINCT id) FROM log",
    ];
    for (count, wanted) in counts.iter_mut().zip(wanted) {
        let (what, from) = wanted.split_once(" FROM ").unwrap();
        let sql = format!("SELECT CAST({what} AS {text}) FROM {from}");
        *count = database.texts(&sql).await[0].parse().unwrap();
    }
    counts
}

pub(crate) fn start(desk: &Desk, arguments: &[&str]) -> Child {
    let mut command = desk.command(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Somebody else, in the middle of a transaction.
enum Somebody {
    Postgres(tokio_postgres::Client),
    MariaDb(mysql_async::Conn),
}

impl Somebody {
    /// Begins a transaction with a statement.
    async fn in_the_middle_of(database: &Database, sql: &str) -> Self {
        if database.system == System::Postgres {
            let client = database.postgres().await;
            client.batch_execute("BEGIN").await.unwrap();
            client.batch_execute(sql).await.unwrap();
            return Self::Postgres(client);
        }
        let mut connection = database.mariadb().await;
        connection.query_drop("BEGIN").await.unwrap();
        connection.query_drop(sql).await.unwrap();
        Self::MariaDb(connection)
    }

    /// The connections that wait for it; comes back when there is one.
    async fn waited_for(&mut self) -> Vec<String> {
        let waiting = async {
            loop {
                let found = self.waiting().await;
                if !found.is_empty() {
                    return found;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap()
    }

    async fn waiting(&mut self) -> Vec<String> {
        match self {
            Self::Postgres(client) => {
                let sql = "SELECT pid::text FROM pg_locks \
                    WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))";
                let rows = client.query(sql, &[]).await.unwrap();
                rows.iter().map(|row| row.get(0)).collect()
            }
            Self::MariaDb(connection) => {
                // What InnoDB tells of locks is not renewed for those who keep asking.
                let sql = "SELECT CAST(id AS CHAR) FROM information_schema.processlist \
                    WHERE db = database() AND info LIKE '% FOR UPDATE' AND time_ms > 300";
                connection.query(sql).await.unwrap()
            }
        }
    }

    /// Ends connections of others.
    async fn ends(&mut self, others: &[String]) {
        for other in others {
            match self {
                Self::Postgres(client) => {
                    let sql = format!("SELECT pg_terminate_backend({other})");
                    client.batch_execute(&sql).await.unwrap();
                }
                Self::MariaDb(connection) => {
                    connection
                        .query_drop(format!("KILL {other}"))
                        .await
                        .unwrap();
                }
            }
        }
    }

    async fn finishes(self, how: &str) {
        match self {
            Self::Postgres(client) => client.batch_execute(how).await.unwrap(),
            Self::MariaDb(mut connection) => {
                connection.query_drop(how).await.unwrap();
                connection.disconnect().await.unwrap();
            }
        }
    }
}

async fn out(child: Child, desk: &Desk) -> Ran {
    let waiting = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap());
    desk.ended(waiting.await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_changes_meanwhile_is_left_alone_and_told() {
    for system in [System::Postgres, System::MariaDb] {
        let desk = Desk::new();
        let Some(database) = counted(system, &desk).await else {
            continue;
        };
        configure(&desk, &database.store());
        desk.write("left/people.csv", people(1..41, "old"));
        ended(&desk.run(&["sync", "f"]), 0);
        desk.write("left/people.csv", people(1..41, "new"));
        ended(&desk.run(&["plan", "f"]), 0);
        let theirs = "UPDATE people SET name = 'theirs' WHERE id = 5";
        let mut somebody = Somebody::in_the_middle_of(&database, theirs).await;
        let child = start(&desk, &["apply", PLAN]);
        somebody.waited_for().await;
        somebody.finishes("COMMIT").await;
        let ran = out(child, &desk).await;
        ended(&ran, 1);
        let told = "people: 0 created, 39 updated, 0 deleted, 0 held, 1 failed";
        assert!(ran.stderr.contains(told), "{}", ran.stderr);
        let why = "it was changed since it was looked at, and was left alone";
        assert!(ran.stderr.contains(why), "{}", ran.stderr);
        let kept = database.texts("SELECT name FROM people WHERE id = 5").await;
        assert_eq!(kept, ["theirs"], "{system:?}");
        // Nobody has approved of what it is now.
        ended(&desk.run(&["apply", PLAN]), 2);
        ended(&desk.run(&["drift", "f"]), 6);
        let told = desk.run(&["explain", "people", "5", "--flow", "f"]).stdout;
        assert!(told.contains("owed"), "{told}");
        ended(&desk.run(&["sync", "f"]), 0);
        ended(&desk.run(&["drift", "f"]), 0);
        assert_eq!(counts(&database).await, [40, 40 + 1 + 40, 40]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_lost_midway_is_made_again_and_nothing_is_done_twice() {
    for system in [System::Postgres, System::MariaDb] {
        let desk = Desk::new();
        let Some(database) = counted(system, &desk).await else {
            continue;
        };
        configure(&desk, &database.store());
        desk.write("left/people.csv", people(0..2000, "old"));
        ended(&desk.run(&["sync", "f"]), 0);
        desk.write("left/people.csv", people(0..2000, "new"));
        ended(&desk.run(&["plan", "f"]), 0);
        let lock = "SELECT * FROM people WHERE id IN (7, 700, 1700) FOR UPDATE";
        let mut somebody = Somebody::in_the_middle_of(&database, lock).await;
        let child = start(&desk, &["apply", PLAN]);
        let others = somebody.waited_for().await;
        somebody.ends(&others).await;
        somebody.finishes("ROLLBACK").await;
        let ran = out(child, &desk).await;
        ended(&ran, 0);
        let told = "people: 0 created, 2000 updated, 0 deleted, 0 held, 0 failed";
        assert!(ran.stderr.contains(told), "{}", ran.stderr);
        assert_eq!(counts(&database).await, [2000, 4000, 2000], "{system:?}");
        ended(&desk.run(&["drift", "f"]), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_one_row_breaks_holds_up_no_other() {
    for system in System::ALL {
        let desk = Desk::new();
        let Some(database) = counted(system, &desk).await else {
            continue;
        };
        database
            .run("INSERT INTO people VALUES (99, 'Eve', 'm5@x')")
            .await;
        configure(&desk, &database.store());
        desk.write("left/people.csv", people(1..11, "n"));
        ended(&desk.run(&["plan", "f"]), 0);
        for (status, created) in [(1, 9), (1, 0)] {
            let ran = desk.run(&["apply", PLAN]);
            ended(&ran, status);
            let told = format!("people: {created} created, 0 updated, 0 deleted, 1 held, 1 failed");
            assert!(ran.stderr.contains(&told), "{system:?} {}", ran.stderr);
            assert!(ran.stderr.contains("mail"), "{}", ran.stderr);
            assert!(!ran.stderr.contains("m5@x"), "{}", ran.stderr);
            assert_eq!(counts(&database).await, [10, 10, 10]);
        }
        let rejects = desk.rejects();
        let reject = std::fs::read_to_string(rejects.last().unwrap()).unwrap();
        assert!(reject.contains("\"line\":6"), "{reject}");
        database
            .run("UPDATE people SET mail = 'eve@x' WHERE id = 99")
            .await;
        // What is in the way is not of the flow, so the plan is still what was approved.
        ended(&desk.run(&["sync", "f"]), 0);
        assert_eq!(counts(&database).await, [11, 12, 11], "{system:?}");
        ended(&desk.run(&["drift", "f", "--only-kind", "create"]), 0);
    }
}

/// A program that answers for three changes and then does something else, unless a file says that
/// it has done so before.
fn program(desk: &Desk, then: &str, answers: &str) -> String {
    let school = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/exec");
    let text = format!(
        "import os, sys, time\n\
         sys.dont_write_bytecode = True\n\
         sys.path.insert(0, {school:?})\n\
         import school\n\
         tell, told = school.say, 0\n\
         school.COLLECTIONS['people'] = ['id', 'name', 'mail']\n\
         school.SCHEMA = school.SCHEMA.replace('email', 'mail')\n\
         def say(**answer):\n    \
             global told\n    \
             told += 'change' in answer\n    \
             if told > {answers} and not os.path.exists('mended'):\n        \
                 sys.stdout.flush()\n        \
                 open('reached', 'w').close()\n        \
                 {then}\n    \
             tell(**answer)\n\
         school.say = say\n\
         school.main()\n"
    );
    desk.write("program/store.py", text);
    format!(
        "{{kind: exec, command: [python3, store.py], folder: program, environment: \
         {{SCHOOL_DATABASE: {}}}}}",
        desk.path("program/school.db").display()
    )
}

#[test]
fn a_program_that_dies_midway_is_started_again_and_asked_for_the_rest() {
    let desk = Desk::new();
    let dies = "open('mended', 'w').close(); os._exit(3)";
    configure(&desk, &program(&desk, dies, "3"));
    desk.write("left/people.csv", people(0..20, "n"));
    ended(&desk.run(&["plan", "f"]), 0);
    let ran = desk.run(&["apply", PLAN]);
    ended(&ran, 0);
    assert!(ran.stderr.contains("0 failed"), "{}", ran.stderr);
    assert!(desk.path("program/reached").exists());
    ended(&desk.run(&["drift", "f"]), 0);
}

#[test]
fn a_program_that_dies_before_it_has_answered_is_asked_again() {
    let desk = Desk::new();
    let dies = "open('mended', 'w').close(); os._exit(3)";
    let store = program(&desk, dies, "-1 and os.path.exists('dying')");
    let text = desk.read("program/store.py").replace(
        "school.main()",
        "one = school.change_one\n\
         def change_one(database, name, change):\n    \
             if change['key'] == ['7'] and not os.path.exists('mended'):\n        \
                 open('reached', 'w').close()\n        \
                 open('mended', 'w').close()\n        \
                 os._exit(3)\n    \
             return one(database, name, change)\n\
         school.change_one = change_one\n\
         school.main()",
    );
    desk.write("program/store.py", text);
    configure(&desk, &store);
    desk.write("left/people.csv", people(0..20, "n"));
    let ran = desk.run(&["sync", "f"]);
    ended(&ran, 0);
    assert!(ran.stderr.contains("0 failed"), "{}", ran.stderr);
    assert!(desk.path("program/reached").exists());
    ended(&desk.run(&["drift", "f"]), 0);
}

#[test]
fn a_program_that_hangs_can_be_stopped_and_the_plan_goes_on() {
    let desk = Desk::new();
    configure(&desk, &program(&desk, "time.sleep(600)", "3"));
    desk.write("left/people.csv", people(0..20, "n"));
    ended(&desk.run(&["plan", "f"]), 0);
    let mut child = start(&desk, &["apply", PLAN]);
    while !desk.path("program/reached").exists() {
        assert!(child.try_wait().unwrap().is_none(), "it never got there");
        std::thread::yield_now();
    }
    signal(&child, "-INT");
    let ran = desk.ended(child.wait_with_output().unwrap());
    ended(&ran, 5);
    assert!(
        ran.stderr
            .contains("the same command goes on where it stopped"),
        "{}",
        ran.stderr
    );
    desk.write("program/mended", "");
    ended(&desk.run(&["apply", PLAN]), 0);
    ended(&desk.run(&["drift", "f"]), 0);
}

#[test]
fn a_program_that_prints_garbage_is_believed_nothing() {
    let desk = Desk::new();
    let prints = "print('PHP Warning: what now?'); return";
    configure(&desk, &program(&desk, prints, "0"));
    desk.write("left/people.csv", people(0..20, "n"));
    ended(&desk.run(&["plan", "f"]), 0);
    let ran = desk.run(&["apply", PLAN]);
    assert_ne!(ran.status, 0, "{}", ran.stderr);
    let told = "people: 0 created, 0 updated, 0 deleted";
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
    let why = "the program misbehaved";
    assert!(ran.stderr.contains(why), "{}", ran.stderr);
    desk.write("program/mended", "");
    ended(&desk.run(&["apply", PLAN]), 0);
    ended(&desk.run(&["drift", "f"]), 0);
}

#[test]
fn a_program_that_prints_garbage_now_and_then_gets_there() {
    let desk = Desk::new();
    let prints = "print('PHP Warning: what now?'); return";
    configure(&desk, &program(&desk, prints, "7"));
    desk.write("left/people.csv", people(0..20, "n"));
    let ran = desk.run(&["sync", "f"]);
    ended(&ran, 0);
    assert!(ran.stderr.contains("0 failed"), "{}", ran.stderr);
    assert!(desk.path("program/reached").exists());
    ended(&desk.run(&["drift", "f"]), 0);
}

/// A program that has what a lookup looks in, and says how its reading ended.
const LOOKED_IN: &str = r#"import json, sys
for line in sys.stdin:
    if json.loads(line)["do"] != "read":
        print('{"syncline": 1, "can": [], "collections": [{"name": "roles", "key": ["id"]}]}', flush=True)
        continue
    with open("roles.jsonl") as file:
        print(file.read(), end="", flush=True)
"#;

#[test]
fn a_lookup_that_was_not_read_as_a_whole_is_not_taken_for_one() {
    let desk = Desk::new();
    desk.write("left.py", LOOKED_IN);
    desk.write("right/r.csv", "id,role\n");
    desk.write(
        "syncline.yaml",
        "stores:\n  left: {kind: exec, command: [python3, left.py]}\n  right: {kind: files, path: \
         right}\nflows:\n  f:\n    from: left\n    to: right\n    lookups: {names: {from: \
         source.roles, key: id, value: name}}\n    collections:\n      r: {from: roles, key: {id: \
         id}, map: {role: \"id | lookup('names', 'nobody')\"}}\n",
    );
    let rows = r#"{"records":[{"id":"1","name":"one"},{"id":"2","name":"two"}]}"#;
    let ends = |end: &str| desk.write("roles.jsonl", format!("{rows}\n{{\"end\":{end}}}\n"));
    ends(r#"{"complete":false,"reason":"the table is locked"}"#);
    let ran = desk.run(&["sync", "f"]);
    ended(&ran, 3);
    for told in [
        "the lookup `names` was not read as a whole",
        "the table is locked",
    ] {
        assert!(ran.stderr.contains(told), "{ran}");
    }
    assert_eq!(desk.read("right/r.csv"), "id,role\n");
    ends(r#"{"complete":true,"records":2}"#);
    ended(&desk.run(&["sync", "f"]), 0);
    let rows = desk.read("right/r.csv");
    for row in ["\n1,one\n", "\n2,two\n"] {
        assert!(rows.contains(row), "{rows}");
    }
}

#[test]
fn a_folder_without_tables_and_no_folder_are_told_apart() {
    let desk = Desk::new();
    desk.write("left/people.csv", people(1..3, "n"));
    desk.write("right/people.csv", "id,name,mail\n");
    configure(&desk, "{kind: files, path: right}");
    ended(&desk.run(&["sync", "f"]), 0);
    for (change, told) in [
        ("people.csv", "hint: it has no collections at all"),
        ("", "left, which `left` is read from, is no folder"),
    ] {
        let gone = desk.path("left").join(change);
        let removed = if gone.is_dir() {
            std::fs::remove_dir(gone)
        } else {
            std::fs::remove_file(gone)
        };
        removed.unwrap();
        let ran = desk.run(&["sync", "f"]);
        ended(&ran, 2);
        assert!(ran.stderr.contains(told), "{ran}");
    }
    assert_eq!(desk.read("right/people.csv").lines().count(), 3);
}
