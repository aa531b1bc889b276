//! Values that a column would not give back as it was given: told when a flow is planned, so that no
//! difference comes again on each run.

use crate::datastores::{Database, System};
use crate::desk::Desk;
use crate::flows_trouble::ended;

/// A desk with a flow `f` from `left/t.csv` into the table `t`.
fn desk(database: &Database, desk: &Desk, (map, more): (&str, &str), rows: &str) {
    desk.write("left/t.csv", rows);
    let store = database.store();
    desk.write(
        "syncline.yaml",
        format!(
            "stores:\n  left: {{kind: files, path: left}}\n  right: {store}\nflows:\n  f:\n    \
             from: left\n    to: right\n    collections:\n      t:\n        key: [id]\n        \
             map: {map}\n        {more}\n"
        ),
    );
}

#[track_caller]
fn nothing_differs(desk: &Desk) {
    let drift = desk.run(&["drift", "f"]);
    ended(&drift, 0);
    assert!(drift.stdout.contains("Nothing differs"), "{}", drift.stdout);
}

const COLUMNS: &str = "{zoned: zoned, local: local, amount: amount, small: small}";
const MOMENTS: &str = "id,zoned,local,amount,small\n\
    1,2026-08-14T12:30:00Z,2026-08-14 12:30:00.125,1.10,0.1\n\
    2,2026-08-14T12:30:00,,,\n\
    3,2026-08-14T12:30:00.5Z,,,\n\
    4,,2026-08-14T12:30:00+02:00,,\n\
    5,,2026-08-14T12:30:00.1234,,\n\
    6,,,1.555,\n\
    7,,,,16777217\n";
/// What is said of which line.
const TOLD: [(u32, &str); 6] = [
    (3, "`zoned`: a time with a zone was expected; `instant`"),
    (
        4,
        "`zoned`: it has more digits of a second than the target keeps (0)",
    ),
    (5, "`local`: a time without a zone was expected; `local`"),
    (
        6,
        "`local`: it has more digits of a second than the target keeps (3)",
    ),
    (
        7,
        "`amount`: it has more digits after the point than the target keeps (2)",
    ),
    (8, "`small`: it has more digits than a binary number keeps"),
];

#[tokio::test]
async fn digits_and_zones_that_a_column_does_not_keep_are_told_by_line_at_planning() {
    for system in [System::Postgres, System::MariaDb] {
        let home = Desk::new();
        let Some(database) = Database::new(system, &home).await else {
            continue;
        };
        let (zoned, small) = system.pick(
            ("", ""),
            ("timestamptz(0)", "real"),
            ("timestamp(0)", "float"),
        );
        let local = system.pick("", "timestamp(3)", "datetime(3)");
        let sql = format!(
            "CREATE TABLE t (id varchar(20) PRIMARY KEY, zoned {zoned} NULL, local {local} NULL, \
             amount numeric(6,2), small {small})"
        );
        database.run(&sql).await;
        desk(&database, &home, (COLUMNS, ""), MOMENTS);
        let plan = home.run(&["plan", "f"]);
        ended(&plan, 1);
        for (line, reason) in TOLD {
            let told = format!("t.csv:{line}: {reason}");
            assert!(
                plan.stdout.contains(&told),
                "{system:?}: {told}\n{}",
                plan.stdout
            );
        }
        // Whoever lets such rows out has the others, and nothing that differs.
        desk(&database, &home, (COLUMNS, "rows: skip"), MOMENTS);
        let sync = home.run(&["sync", "f"]);
        ended(&sync, 1);
        assert!(
            sync.stderr
                .contains("t: 1 created, 0 updated, 0 deleted, 0 held, 0 failed"),
            "{sync}"
        );
        let drift = home.run(&["drift", "f"]);
        ended(&drift, 1);
        // Said in `map`, all of them are kept.
        let map = "{zoned: \"zoned | instant('Europe/Vienna') | seconds\", \
                   local: \"local | local('Europe/Vienna') | seconds(3)\", \
                   amount: \"amount | default('0') | float | round(2)\", small: \"'0.5'\"}";
        desk(&database, &home, (map, ""), MOMENTS);
        ended(&home.run(&["sync", "f"]), 0);
        nothing_differs(&home);
        let text = system.pick(
            "",
            "to_char(zoned AT TIME ZONE 'UTC', 'HH24:MI:SS')",
            "time(convert_tz(zoned, @@session.time_zone, '+00:00'))",
        );
        let sql = format!("SELECT CAST({text} AS char(8)) FROM t WHERE id = '2'");
        assert_eq!(database.texts(&sql).await, ["10:30:00"], "{system:?}");
    }
}

#[tokio::test]
async fn times_without_a_zone_for_a_column_with_one_are_told_before_a_row_is_read() {
    let home = Desk::new();
    let Some(database) = Database::new(System::Postgres, &home).await else {
        return;
    };
    database
        .run(
            "CREATE TABLE seen (id text PRIMARY KEY, at timestamp);
             CREATE TABLE t (id text PRIMARY KEY, at timestamptz);
             INSERT INTO seen VALUES ('1', '2026-08-14 12:30:00')",
        )
        .await;
    let store = database.store();
    let config = |at: &str| {
        format!(
            "stores:\n  db: {store}\n  copy: {store}\nflows:\n  f:\n    from: db\n    to: copy\n    \
             collections:\n      t: {{from: seen, key: [id], map: {{at: \"{at}\"}}}}\n"
        )
    };
    home.write("syncline.yaml", config("at"));
    let plan = home.run(&["plan", "f"]);
    ended(&plan, 2);
    for part in ["`at` keeps times with a zone", "at | instant('UTC')"] {
        assert!(plan.stderr.contains(part), "{plan}");
    }
    home.write("syncline.yaml", config("at | instant('UTC')"));
    ended(&home.run(&["sync", "f"]), 0);
    nothing_differs(&home);
}

#[tokio::test]
async fn a_table_without_a_key_is_told_until_one_is_named() {
    for system in System::ALL {
        let home = Desk::new();
        let Some(database) = Database::new(system, &home).await else {
            continue;
        };
        database
            .run("CREATE TABLE t (id varchar(20), name varchar(20))")
            .await;
        desk(
            &database,
            &home,
            ("{name: name}", ""),
            "id,name\n1,a\n2,b\n",
        );
        let plan = home.run(&["plan", "f"]);
        ended(&plan, 2);
        for told in [
            "is no collection: it has no key",
            "`tables: {t: {key: [...]}}`",
        ] {
            assert!(plan.stderr.contains(told), "{system:?}: {plan}");
        }
        let named = format!("url: \"{}\", tables: {{t: {{key: [id]}}}}", database.url);
        let config = home
            .read("syncline.yaml")
            .replace(&format!("url: \"{}\"", database.url), &named);
        home.write("syncline.yaml", config);
        ended(&home.run(&["sync", "f"]), 0);
        nothing_differs(&home);
        // It keeps no two rows from having one key: that is told, and nothing is guessed.
        database.run("INSERT INTO t VALUES ('1', 'twice')").await;
        let plan = home.run(&["plan", "f"]);
        ended(&plan, 1);
        assert!(
            plan.stdout.contains("the key does not tell records apart"),
            "{system:?}: {plan}"
        );
    }
}

#[tokio::test]
async fn columns_of_sqlite_that_make_numbers_of_texts_are_no_endless_difference() {
    let home = Desk::new();
    let database = Database::new(System::Sqlite, &home).await.unwrap();
    database
        .run("CREATE TABLE t (id TEXT PRIMARY KEY, a NUMERIC, b DECIMAL(10,2), c STRING, d DATETIME)")
        .await;
    let map = "{a: a, b: b, c: c, d: d}";
    let rows =
        "id,a,b,c,d\n1,1.10,2.50,7A,2026-08-14 12:30:00\n2,1e2,9007199254740992,,2026-08-14\n";
    desk(&database, &home, (map, ""), rows);
    ended(&home.run(&["sync", "f"]), 0);
    nothing_differs(&home);
    let more = "3,9007199254740993,,,\n4,,0.12345678901234567890,,\n5,,,007,\n6,,,,2026\n";
    desk(&database, &home, (map, ""), &format!("{rows}{more}"));
    let plan = home.run(&["plan", "f"]);
    ended(&plan, 1);
    for told in [
        "t.csv:4: `a`: it has more digits than a binary number keeps",
        "t.csv:5: `b`: it has more digits than a binary number keeps",
        "t.csv:6: `c`: a text that spells a number would become one",
        "t.csv:7: `d`: a text that spells a number would become one",
    ] {
        assert!(plan.stdout.contains(told), "{told}\n{}", plan.stdout);
    }
}
