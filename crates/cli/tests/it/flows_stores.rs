//! Flows into every kind of store and back out of it: planned, applied, planned again.

use serde_json::Value;

use crate::datastores::{Branch, Database, System};
use crate::desk::{Desk, Ran};

/// People as a school exports them, among them some who try to be more than a value.
const EXPORT: &str = "id,name,grade,gpa,active,born,seen,mails\n\
    s1,\"Ada \"\"The\"\" O'Neil\",7,3.50,yes,2012-05-01,2026-08-14T12:30:00Z,b@x;a@x\n\
    s2,Zo\u{e9} \u{1f600},012,-0.25,no,2008-02-29,2026-08-14 14:30:00+02:00,z@x\n\
    \"o'x*)(|(uid=*\",\"'); DROP TABLE people; --\",9,0,TRUE,2011-01-31,,\"c,d@x\"\n\
    \"s,4+\"\"\\\",=1+1,,,0,,,\n";

/// The same a week later: one changed in everything, one without what can go, one spelled
/// otherwise, one gone and one new.
const A_WEEK_LATER: &str = "id,name,grade,gpa,active,born,seen,mails\n\
    s1,Ada King,8,3.75,0,2012-05-02,2026-08-15T00:00:00.5Z,b@x\n\
    s2,Zo\u{e9} \u{1f600},,,no,,,\n\
    \"o'x*)(|(uid=*\",\"'); DROP TABLE people; --\",9.0,-0.00,1,2011-01-31,,\"c,d@x\"\n\
    s5,*)(cn=*,10,1e0,t,2010-12-31,2026-08-14T12:30:00Z,\n";

/// How a text of the export comes out of a store that knows kinds.
const BACK: [&str; 4] = [
    "o'x*)(|(uid=*,'); DROP TABLE people; --,9,0,true,2011-01-31,,\"c,d@x\"",
    "s1,Ada King,8,3.75,false,2012-05-02,2026-08-15T00:00:00.5Z,b@x",
    "s2,Zo\u{e9} \u{1f600},,,false,,,",
    "s5,*)(cn=*,10,1,true,2010-12-31,2026-08-14T12:30:00Z,",
];

/// What every part says besides its key and its map.
const POLICY: &str = "delete: {style: delete}, limits: {small_set: 20, update_share: 100 %}";

/// A desk with a store `right` and the flows `in` and `back` between it and files.
fn desk(desk: &Desk, right: &str, (part, back): (&str, &str)) {
    desk.write("left/people.csv", EXPORT);
    desk.write(
        "back/people.csv",
        EXPORT.lines().next().unwrap().to_owned() + "\n",
    );
    desk.write(
        "syncline.yaml",
        format!(
            "stores:\n  left: {{kind: files, path: left}}\n  right: {right}\n  \
             back: {{kind: files, path: back, tables: {{lines: {{file: lines.jsonl}}}}}}\n\
             flows:\n  \
             in: {{from: left, to: right, collections: {{people: {{{part}, {POLICY}}}}}}}\n  \
             back: {{from: right, to: back, collections: {{people: {{{back}, {POLICY}}}, \
             lines: {{from: people, {back}, {POLICY}}}}}}}\n"
        ),
    );
}

#[track_caller]
fn ended(ran: &Ran, status: i32) {
    assert_eq!(ran.status, status, "{}\n{}", ran.stdout, ran.stderr);
}

/// How many are created, updated and deleted by a plan.
#[track_caller]
fn planned(desk: &Desk, flow: &str) -> [u64; 3] {
    let ran = desk.run(&["plan", flow, "--json"]);
    ended(&ran, 0);
    let plan: Value = serde_json::from_str(&ran.stdout).unwrap();
    ["creates", "updates", "deletes"].map(|kind| plan["collections"][0][kind].as_u64().unwrap())
}

#[track_caller]
fn nothing_differs(desk: &Desk, flow: &str) {
    let ran = desk.run(&["drift", flow]);
    ended(&ran, 0);
    assert!(ran.stdout.contains("Nothing differs"), "{}", ran.stdout);
    let ran = desk.run(&["sync", flow]);
    ended(&ran, 0);
    let told = "people: 0 created, 0 updated, 0 deleted, 0 held, 0 failed";
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
}

/// All is written, nothing differs, what changes is changed, nothing differs.
#[track_caller]
fn check_in(desk: &Desk) {
    assert_eq!(planned(desk, "in"), [4, 0, 0]);
    ended(&desk.run(&["apply", ".syncline/plans/in.jsonl"]), 0);
    nothing_differs(desk, "in");
    desk.write("left/people.csv", A_WEEK_LATER);
    assert_eq!(planned(desk, "in"), [1, 2, 1]);
    ended(&desk.run(&["drift", "in"]), 6);
    ended(&desk.run(&["sync", "in"]), 0);
    nothing_differs(desk, "in");
}

/// What is in the store comes out as it went in, into cells and into lines.
#[track_caller]
fn check_back(desk: &Desk, expected: &[&str]) {
    ended(&desk.run(&["sync", "back"]), 0);
    let told = desk.read("back/people.csv");
    let mut rows: Vec<&str> = told.lines().skip(1).collect();
    rows.sort_unstable();
    assert_eq!(rows, expected);
    assert_eq!(
        desk.read("back/lines.jsonl").lines().count(),
        expected.len()
    );
    nothing_differs(desk, "back");
}

const OF_TABLES: &str = "key: {id: id}, map: {name: name, grade: grade, gpa: gpa, active: active, \
    born: born, seen: seen, mails: mails}";

/// What the columns hold, for files that do not say.
const TYPES: &str =
    "types: {grade: integer, gpa: decimal, active: boolean, born: date, seen: timestamp}";

/// A table of people, with a column that the flow says nothing of.
const fn table(system: System) -> &'static str {
    match system {
        System::Sqlite => {
            "CREATE TABLE people (id TEXT PRIMARY KEY, name TEXT NOT NULL, grade INTEGER, \
             gpa NUMERIC, active BOOLEAN NOT NULL, born DATE, seen TEXT, mails TEXT, note TEXT)"
        }
        System::Postgres => {
            "CREATE TABLE people (id varchar(20) PRIMARY KEY, name text NOT NULL, grade integer, \
             gpa numeric(4,2), active boolean NOT NULL, born date, seen timestamptz, mails text[], \
             note text)"
        }
        System::MariaDb => {
            "CREATE TABLE people (id VARCHAR(20) PRIMARY KEY, name VARCHAR(99) NOT NULL, \
             grade INT, gpa DECIMAL(4,2), active BOOLEAN NOT NULL, born DATE, \
             seen TIMESTAMP(6) NULL, mails VARCHAR(99), note VARCHAR(99))"
        }
    }
}

/// What a flow says besides, by system: what SQLite does not declare, and that a list is a set.
const fn kinds(system: System) -> (&'static str, &'static str) {
    match system {
        System::Sqlite => (", types: {born: date, seen: timestamp}", "mails"),
        System::Postgres => (
            ", types: {mails: set}",
            "\"mails | default([]) | join(';')\"",
        ),
        System::MariaDb => ("", "mails"),
    }
}

async fn check_database(system: System) {
    let desk = Desk::new();
    let Some(database) = Database::new(system, &desk).await else {
        return;
    };
    database.run(table(system)).await;
    let (types, mails) = kinds(system);
    let map = match system {
        System::Postgres => OF_TABLES.replace("mails: mails", "mails: \"mails | split(';')\""),
        _ => OF_TABLES.to_owned(),
    };
    let part = format!("{map}{types}");
    let back = OF_TABLES.replace("mails: mails", &format!("mails: {mails}"));
    self::desk(&desk, &database.store(), (&part, &back));
    assert_eq!(planned(&desk, "in"), [4, 0, 0]);
    ended(&desk.run(&["sync", "in"]), 0);
    database.run("UPDATE people SET note = 'kept'").await;
    database.run("DELETE FROM people WHERE id <> 's1'").await;
    assert_eq!(planned(&desk, "in"), [3, 0, 0]);
    database.run("UPDATE people SET name = 'x'").await;
    assert_eq!(planned(&desk, "in"), [3, 1, 0]);
    ended(&desk.run(&["apply", ".syncline/plans/in.jsonl"]), 0);
    let kept = database.texts("SELECT note FROM people WHERE note IS NOT NULL");
    assert_eq!(kept.await, ["kept"], "{system:?}");
    database.run("DELETE FROM people").await;
    check_in(&desk);
    let expected = BACK.map(|row| match system {
        System::Postgres | System::MariaDb => row
            .replace(",0,true", ",0.00,true")
            .replace(",1,true", ",1.00,true"),
        System::Sqlite => row.to_owned(),
    });
    check_back(&desk, &expected.each_ref().map(String::as_str));
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_in_and_out() {
    check_database(System::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_in_and_out() {
    check_database(System::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_in_and_out() {
    check_database(System::MariaDb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_in_and_out() {
    let Some(mut branch) = Branch::new().await else {
        return;
    };
    let people = format!(
        "people: {{base: \"ou=people,{}\", object_classes: [inetOrgPerson], rdn: uid, attributes: \
         [uid, cn, sn, title, employeeNumber, employeeType, carLicense, description, mail], lists: \
         [mail]}}",
        branch.base
    );
    let part = "key: {uid: id}, map: {cn: name, sn: name, title: grade, employeeNumber: gpa, \
        employeeType: active, carLicense: born, description: seen, mail: \"mails | split(';')\"}, \
        types: {title: integer, employeeNumber: decimal, employeeType: boolean, carLicense: date, \
        description: timestamp}";
    let back = "key: {id: uid}, map: {name: cn, grade: title, gpa: employeeNumber, active: \
        employeeType, born: carLicense, seen: description, mails: \"mail | default([]) | \
        join(';')\"}";
    let desk = Desk::new();
    self::desk(&desk, &Branch::store(&people), (part, back));
    check_in(&desk);
    let expected = BACK.map(|row| row.replace(",1,true", ",1e0,true"));
    check_back(&desk, &expected.each_ref().map(String::as_str));
    assert_eq!(branch.look("mail").await.len(), 2);
    branch.remove().await;
}

#[test]
fn a_program_in_and_out() {
    let desk = Desk::new();
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/exec/school.py");
    let store = format!(
        "{{kind: exec, command: [python3, {program}], environment: {{SCHOOL_DATABASE: {}}}}}",
        desk.path("school.db").display()
    );
    let part = "key: {id: id}, map: {name: name, email: mails}";
    let back = "key: {id: id}, map: {name: name, mails: email}";
    self::desk(&desk, &store, (part, back));
    desk.write("back/people.csv", "id,name,mails\n");
    // It keeps neither grades nor days.
    assert_eq!(planned(&desk, "in"), [4, 0, 0]);
    ended(&desk.run(&["apply", ".syncline/plans/in.jsonl"]), 0);
    nothing_differs(&desk, "in");
    desk.write("left/people.csv", A_WEEK_LATER);
    assert_eq!(planned(&desk, "in"), [1, 2, 1]);
    ended(&desk.run(&["sync", "in"]), 0);
    nothing_differs(&desk, "in");
    let expected = [
        "o'x*)(|(uid=*,'); DROP TABLE people; --,\"c,d@x\"",
        "s1,Ada King,b@x",
        "s2,Zo\u{e9} \u{1f600},",
        "s5,*)(cn=*,",
    ];
    check_back(&desk, &expected);
}

#[test]
fn cells_and_lines_in_and_out() {
    for file in ["people.csv", "people.jsonl"] {
        let desk = Desk::new();
        let store = format!("{{kind: files, path: right, tables: {{people: {{file: {file}}}}}}}");
        let part = format!("{OF_TABLES}, {TYPES}");
        self::desk(&desk, &store, (&part, OF_TABLES));
        if file == "people.csv" {
            let header = "id,name,grade,gpa,active,born,seen,mails,note\n";
            desk.write("right/people.csv", header);
        }
        check_in(&desk);
        let expected = BACK.map(|row| row.replace(",1,true", ",1e0,true"));
        check_back(&desk, &expected.each_ref().map(String::as_str));
    }
}

#[test]
fn a_oneroster_folder_is_filled_changed_and_read() {
    let desk = Desk::new();
    let part = format!("{OF_TABLES}, {TYPES}");
    self::desk(&desk, "{kind: files, path: right}", (&part, OF_TABLES));
    let absent = "propertyName,value\r\nfile.orgs,absent\r\nfile.people,absent\r\n";
    desk.write("right/manifest.csv", absent);
    let back = desk.run(&["plan", "back"]);
    ended(&back, 2);
    let told = "manifest.csv calls all of its files absent";
    assert!(back.stderr.contains(told), "{}", back.stderr);
    assert_eq!(planned(&desk, "in"), [4, 0, 0]);
    assert_eq!(
        desk.read("right/manifest.csv"),
        absent,
        "planning writes nothing"
    );
    check_in(&desk);
    assert_eq!(
        desk.read("right/manifest.csv"),
        absent.replace("people,absent", "people,bulk")
    );
    let header = desk.read("right/people.csv");
    assert_eq!(
        header.lines().next(),
        Some("id,name,grade,gpa,active,born,seen,mails")
    );
    ended(&desk.run(&["sync", "back"]), 0);
    nothing_differs(&desk, "back");
    assert_eq!(desk.read("back/people.csv").lines().count(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_target_spells_otherwise_is_neither_a_difference_nor_a_conflict() {
    for system in System::ALL {
        let desk = Desk::new();
        let Some(database) = Database::new(system, &desk).await else {
            continue;
        };
        let text = system.pick("TEXT", "text", "VARCHAR(99)");
        let sql = format!(
            "CREATE TABLE people (id VARCHAR(20) PRIMARY KEY, name {text}, mail {text}, room {text}, \
             grade {text}, phone {text});
             INSERT INTO people VALUES ('007', 'Ann ', '', 'b', '010', 'old')"
        );
        database.run(&sql).await;
        let part = "key: {id: id}, map: {name: name, mail: mail, room: room, grade: grade, phone: \
            phone}, types: {id: integer, grade: integer}, whitespace: trim";
        self::desk(&desk, &database.store(), (part, OF_TABLES));
        let header = "id,name,mail,room,grade,phone";
        desk.write("left/people.csv", format!("{header}\n7, Ann,,b,10,old\n"));
        nothing_differs(&desk, "in");
        desk.write(
            "left/people.csv",
            format!("{header}\n7,Ann,,b,10,new\n8,Bea,,,09,\n"),
        );
        assert_eq!(planned(&desk, "in"), [1, 1, 0], "{system:?}");
        ended(&desk.run(&["apply", ".syncline/plans/in.jsonl"]), 0);
        let row = "SELECT concat(id, '|', name, '|', mail, '|', grade, '|', phone) FROM people \
            WHERE phone IS NOT NULL";
        let row = system.pick(
            "SELECT id || '|' || name || '|' || mail || '|' || grade || '|' || \
            phone FROM people WHERE phone IS NOT NULL",
            row,
            row,
        );
        let rows = database.texts(row).await;
        assert_eq!(rows, ["007|Ann ||010|new"], "{system:?}");
        nothing_differs(&desk, "in");
        desk.write("left/people.csv", format!("{header}\n8,Bea,,,09,\n"));
        assert_eq!(planned(&desk, "in"), [0, 0, 1], "{system:?}");
        ended(&desk.run(&["sync", "in"]), 0);
        nothing_differs(&desk, "in");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kinds_that_a_column_cannot_be_are_told_before_anything_is_read() {
    for system in System::ALL {
        let desk = Desk::new();
        let Some(database) = Database::new(system, &desk).await else {
            continue;
        };
        database.run(table(system)).await;
        let part = format!("{OF_TABLES}, types: {{active: date}}");
        self::desk(&desk, &database.store(), (&part, OF_TABLES));
        desk.write(
            "left/people.csv",
            "id,name,grade,gpa,active,born,seen,mails\nbroken\n",
        );
        let ran = desk.run(&["plan", "in"]);
        ended(&ran, 2);
        let told = "`people`: `types` takes `active` for date, and the target keeps it as boolean";
        assert!(ran.stderr.contains(told), "{}", ran.stderr);
        let part = OF_TABLES.replace("born: born", "bron: born");
        self::desk(&desk, &database.store(), (&part, OF_TABLES));
        let ran = desk.run(&["plan", "in"]);
        ended(&ran, 2);
        assert!(
            ran.stderr.contains("did you mean `born`?"),
            "{}",
            ran.stderr
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_do_not_fit_are_collected_and_listed_and_never_shown() {
    for system in System::ALL {
        let desk = Desk::new();
        let Some(database) = Database::new(system, &desk).await else {
            continue;
        };
        database.run(table(system)).await;
        let part = format!("{OF_TABLES}{}", kinds(system).0);
        let part = part
            .replace("mails: mails", "mails: none")
            .replace(", types: {mails: set}", "");
        self::desk(&desk, &database.store(), (&part, OF_TABLES));
        let export = "id,name,grade,gpa,active,born,seen,mails\n1,a,seven,1,yes,,,\n\
            2,,1,much,maybe,31.12.2010,,\n3,c,1,1,yes,,,\n";
        desk.write("left/people.csv", export);
        let ran = desk.run(&["plan", "in"]);
        ended(&ran, 1);
        for told in [
            "people.csv:2: `grade`: a whole number was expected",
            "people.csv:3: `name` has to have a value; `gpa`: a number was expected, such as 12.50; \
             `active`: true or false was expected (or yes, no, 1, 0); `born`: a date was expected",
        ] {
            assert!(ran.stdout.contains(told), "{system:?} {}", ran.stdout);
        }
        for value in ["seven", "much", "maybe", "31.12"] {
            assert!(!ran.stdout.contains(value), "{}", ran.stdout);
        }
        let text = desk.read("syncline.yaml");
        desk.write(
            "syncline.yaml",
            text.replace("delete: {style", "rows: skip, delete: {style"),
        );
        ended(&desk.run(&["sync", "in"]), 1);
        assert_eq!(database.texts("SELECT id FROM people").await, ["3"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_a_key_is_told_with_the_way_out() {
    for system in System::ALL {
        let desk = Desk::new();
        let Some(database) = Database::new(system, &desk).await else {
            continue;
        };
        database
            .run("CREATE TABLE people (id VARCHAR(9), name VARCHAR(9))")
            .await;
        let part = "key: {id: id}, map: {name: name}";
        let store = database.store();
        let named = store.replace('}', ", tables: {people: {}}}");
        self::desk(&desk, &named, (part, part));
        desk.write("left/people.csv", "id,name\n1,a\n2,b\n");
        let ran = desk.run(&["plan", "in"]);
        ended(&ran, 2);
        let told = "`people` has no primary key, and no unique columns that always have a value";
        assert!(ran.stderr.contains(told), "{}", ran.stderr);
        assert!(
            ran.stderr.contains("tables: { people: { key: [...] } }"),
            "{}",
            ran.stderr
        );
        let keyed = store.replace('}', ", tables: {people: {key: [id]}}}");
        self::desk(&desk, &keyed, (part, part));
        desk.write("left/people.csv", "id,name\n1,a\n2,b\n");
        ended(&desk.run(&["sync", "in"]), 0);
        nothing_differs(&desk, "in");
        // The key that was named does not tell rows apart after all.
        database.run("INSERT INTO people VALUES ('1', 'c')").await;
        let ran = desk.run(&["plan", "in"]);
        ended(&ran, 1);
        assert!(
            ran.stdout.contains("the key does not tell records apart"),
            "{}",
            ran.stdout
        );
    }
}

#[test]
fn text_that_a_spreadsheet_would_run_is_refused_where_that_is_asked_for() {
    let export = "id,name,grade,gpa,active,born,seen,mails\n1,=1+1,,,,,,\n2,-0.5,,,,,,\n\
        3,@SUM(A1),,,,,,\n4,\"+cmd|' /C calc'!A0\",,,,,,\n5,a=b,,,,,,\n";
    for (formulas, status, ids) in [
        ("keep", 0, ["1", "2", "3", "4", "5"].as_slice()),
        ("refuse", 1, &["2", "5"]),
    ] {
        let desk = Desk::new();
        let store = format!("{{kind: files, path: right, csv: {{formulas: {formulas}}}}}");
        let part = "key: {id: id}, map: {name: name}";
        self::desk(&desk, &store, (part, part));
        desk.write("left/people.csv", export);
        desk.write("right/people.csv", "id,name\n");
        let ran = desk.run(&["sync", "in"]);
        ended(&ran, status);
        let told = desk.read("right/people.csv");
        let mut found: Vec<&str> = told
            .lines()
            .skip(1)
            .filter_map(|row| row.split(',').next())
            .collect();
        found.sort_unstable();
        assert_eq!(found, ids, "{formulas}");
        let why = "`name` begins like a formula, which a spreadsheet would run";
        assert_eq!(ran.stderr.contains(why), status == 1, "{}", ran.stderr);
        assert!(!ran.stderr.contains("SUM"), "{}", ran.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_more_than_names_are_names() {
    for system in System::ALL {
        let desk = Desk::new();
        let Some(database) = Database::new(system, &desk).await else {
            continue;
        };
        let [table, column] = ["w\"e`i--rd", "na\"m`e"].map(|name| match system {
            System::MariaDb => format!("`{}`", name.replace('`', "``")),
            System::Sqlite | System::Postgres => format!("\"{}\"", name.replace('"', "\"\"")),
        });
        let sql =
            format!("CREATE TABLE {table} (id VARCHAR(20) PRIMARY KEY, {column} VARCHAR(50))");
        database.run(&sql).await;
        let store = database.store();
        let store = store.replace('}', ", tables: {people: {table: 'w\"e`i--rd'}}}");
        let part = "key: {id: id}, map: {'na\"m`e': name}";
        let back = "key: {id: id}, map: {name: \"row['na\\\"m`e']\"}";
        self::desk(&desk, &store, (part, back));
        desk.write("back/people.csv", "id,name\n");
        ended(&desk.run(&["sync", "in"]), 0);
        nothing_differs(&desk, "in");
        ended(&desk.run(&["sync", "back"]), 0);
        let rows = desk.read("back/people.csv");
        assert!(rows.contains("'); DROP TABLE people; --"), "{rows}");
    }
}
