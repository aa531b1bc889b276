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

/// Values at the edge of what columns keep, and beyond.
const SIZES: &str = "id,name,amount,small,note,raw,big\n\
    abc,caf\u{e9}\u{1f600},999.99,32767,,AAA=,9223372036854775807\n\
    d,,-999.99,-32768,,,-9223372036854775808\n\
    long,,,,,,\n\
    e,secret,,,,,\n\
    f,\"abcd  \",,,,,\n\
    g,,1000,,,,\n\
    h,,,32768,,,\n\
    i,,,-32769,,,\n\
    j,,,,,AAAA,\n\
    k,,,,,,9223372036854775808\n";
const SIZED: &str = "{name: name, amount: amount, small: small, note: note, raw: raw, big: big}";

/// What is said of which line, by databases that know sizes.
const TOO_LARGE: [(u32, &str); 6] = [
    (4, "`id`: it has more characters than the target keeps (3)"),
    (
        5,
        "`name`: it has more characters than the target keeps (5)",
    ),
    (
        6,
        "`name`: it has more characters than the target keeps (5)",
    ),
    (
        7,
        "`amount`: it has more digits before the point than the target keeps (3)",
    ),
    (
        8,
        "`small`: it is none of the whole numbers that the target keeps (-32768 to 32767)",
    ),
    (
        9,
        "`small`: it is none of the whole numbers that the target keeps",
    ),
];
/// And by those whose texts and bytes have bounds, too.
const TOO_MANY_BYTES: [(u32, &str); 2] = [
    (10, "`raw`: it has more bytes than the target keeps (2)"),
    (12, "`note`: it has more bytes than the target keeps (255)"),
];

#[tokio::test]
async fn what_is_too_long_or_too_large_for_a_column_is_told_by_line_at_planning() {
    for system in System::ALL {
        let home = Desk::new();
        let Some(database) = Database::new(system, &home).await else {
            continue;
        };
        let columns = system.pick(
            "note text, raw blob, ",
            "note text, raw bytea, ",
            "note tinytext, raw varbinary(2), ",
        );
        let sql = format!(
            "CREATE TABLE t (id varchar(3) PRIMARY KEY, {columns}name varchar(5), \
             amount numeric(5,2), small smallint, big bigint)"
        );
        database.run(&sql).await;
        let note = format!("l,,,,{},,\n", "\u{e9}".repeat(128));
        let rows = format!("{SIZES}{note}");
        desk(&database, &home, (SIZED, ""), &rows);
        let plan = home.run(&["plan", "f"]);
        ended(&plan, 1);
        let told = |list: &[(u32, &str)], is_told: bool| {
            for (line, reason) in list {
                let told = format!("t.csv:{line}: {reason}");
                assert_eq!(
                    plan.stdout.contains(&told),
                    is_told,
                    "{system:?}: {told}\n{plan}"
                );
            }
        };
        told(
            &[(
                11,
                "`big`: it is none of the whole numbers that the target keeps",
            )],
            true,
        );
        told(&TOO_LARGE, system != System::Sqlite);
        told(&TOO_MANY_BYTES, system == System::MariaDb);
        assert!(!plan.stdout.contains("secret"), "{plan}");
        // Whoever lets such rows out has the others as they are, and nothing is declined.
        desk(&database, &home, (SIZED, "rows: skip"), &rows);
        let sync = home.run(&["sync", "f"]);
        ended(&sync, 1);
        let kept = system.pick(10, 4, 2);
        let created = format!("t: {kept} created, 0 updated, 0 deleted, 0 held, 0 failed");
        assert!(sync.stderr.contains(&created), "{system:?}: {sync}");
        let drift = home.run(&["drift", "f"]);
        ended(&drift, 1);
        assert!(drift.stdout.contains("Nothing differs"), "{drift}");
    }
}

#[tokio::test]
async fn numbers_without_a_sign_and_what_marks_a_record_are_looked_at_too() {
    let home = Desk::new();
    let Some(database) = Database::new(System::MariaDb, &home).await else {
        return;
    };
    let sql = "CREATE TABLE t (id varchar(3) PRIMARY KEY, tiny tinyint unsigned, bits bit(3), \
        rate decimal(3,1) unsigned, single float(5,2), state varchar(4))";
    database.run(sql).await;
    let map = "{tiny: tiny, bits: bits, rate: rate, single: single, state: \"'here'\"}";
    let rows = "id,tiny,bits,rate,single\n1,255,7,99.9,999.5\n2,0,0,0,\n3,256,,,\n4,-1,,,\n\
        5,,8,,\n6,,,-0.1,\n7,,,100,\n8,,,,1000\n9,,,,0.125\n";
    desk(&database, &home, (map, ""), rows);
    let plan = home.run(&["plan", "f"]);
    ended(&plan, 1);
    for told in [
        "t.csv:4: `tiny`: it is none of the whole numbers that the target keeps (0 to 255)",
        "t.csv:5: `tiny`: it is below zero, and the target keeps no such numbers",
        "t.csv:6: `bits`: it is none of the whole numbers that the target keeps (0 to 7)",
        "t.csv:7: `rate`: it is below zero",
        "t.csv:8: `rate`: it has more digits before the point than the target keeps (2)",
        "t.csv:9: `single`: it has more digits before the point than the target keeps (3)",
        "t.csv:10: `single`: it has more digits after the point than the target keeps (2)",
    ] {
        assert!(plan.stdout.contains(told), "{told}\n{plan}");
    }
    let rows: String = rows.split_inclusive('\n').take(3).collect();
    desk(&database, &home, (map, ""), &rows);
    ended(&home.run(&["sync", "f"]), 0);
    nothing_differs(&home);
    let gone = "delete: {style: mark, set: {state: departed}}";
    desk(&database, &home, (map, gone), &rows);
    let plan = home.run(&["plan", "f"]);
    ended(&plan, 2);
    let told = "`delete.set`: `state`: it has more characters than the target keeps (4)";
    assert!(plan.stderr.contains(told), "{plan}");
}

/// What a flow says of the rows of `rows`, each of which has one value in a column.
#[track_caller]
fn check_told(home: &Desk, database: &Database, columns: &[&str], rows: &[(&str, &str, &str)]) {
    let map: Vec<String> = columns
        .iter()
        .map(|name| format!("{name}: {name}"))
        .collect();
    let map = format!("{{{}}}", map.join(", "));
    let header = format!("id,{}", columns.join(","));
    let row = |(number, (name, value, _)): (usize, &(&str, &str, &str))| {
        let cells = columns
            .iter()
            .map(|one| if one == name { *value } else { "" });
        format!("{number},{}", cells.collect::<Vec<_>>().join(","))
    };
    let lines = std::iter::once(header).chain(rows.iter().enumerate().map(row));
    let text = lines.collect::<Vec<_>>().join("\n") + "\n";
    desk(database, home, (&map, ""), &text);
    let plan = home.run(&["plan", "f"]);
    let is_told = |told: &str| !told.is_empty();
    ended(
        &plan,
        i32::from(rows.iter().any(|(_, _, told)| is_told(told))),
    );
    for (number, (name, value, told)) in rows.iter().enumerate() {
        let place = format!("t.csv:{}: ", number + 2);
        let told_of_it = format!("{place}`{name}`: {told}");
        let is_as_expected = if is_told(told) {
            plan.stdout.contains(&told_of_it)
        } else {
            !plan.stdout.contains(&place)
        };
        assert!(is_as_expected, "{value} {told_of_it}\n{plan}");
    }
    // Without such rows all is written, and nothing differs.
    desk(database, home, (&map, "rows: skip"), &text);
    let sync = home.run(&["sync", "f"]);
    let kept = rows.iter().filter(|(_, _, told)| !is_told(told)).count();
    let created = format!("t: {kept} created, 0 updated, 0 deleted, 0 held, 0 failed");
    assert!(sync.stderr.contains(&created), "{created}: {sync}");
    let drift = home.run(&["drift", "f"]);
    assert!(drift.stdout.contains("Nothing differs"), "{drift}");
}

const LABELS: &str = "it is none of the labels that the target keeps (small, it's, \u{e9})";
const SEVERAL: &str =
    "it is not made of labels of the target in their order, with commas between (p, q)";

#[tokio::test]
async fn characters_and_labels_of_mariadb_are_told_by_line_at_planning() {
    let home = Desk::new();
    let Some(database) = Database::new(System::MariaDb, &home).await else {
        return;
    };
    database
        .run(
            "CREATE TABLE t (id varchar(3) PRIMARY KEY, latin varchar(9) CHARACTER SET latin1, \
             plain char(9) CHARACTER SET ascii, basic varchar(9) CHARACTER SET utf8mb3, note \
             tinytext CHARACTER SET latin1, size enum('small','it''s','\u{e9}'), marks set('p','q'))",
        )
        .await;
    let long = "\u{e9}".repeat(255);
    let longer = format!("{long}x");
    let of = |known: &str| {
        format!("it has a character that the target does not keep, whose column is of {known}")
    };
    let (latin, ascii) = (of("Latin-1 (Windows-1252)"), of("ASCII"));
    let basic = of("Unicode up to U+FFFF");
    let rows = [
        ("latin", "caf\u{e9} \u{20ac}", ""),
        ("latin", "\u{10d}", &latin),
        ("plain", "abc", ""),
        ("plain", "caf\u{e9}", &ascii),
        ("basic", "\u{4e2d}\u{20ac}", ""),
        ("basic", "\u{1f600}", &basic),
        ("note", &long, ""),
        (
            "note",
            &longer,
            "it has more characters than the target keeps (255)",
        ),
        ("size", "small", ""),
        ("size", "it's", ""),
        ("size", "\u{e9}", ""),
        // The server would take them for the labels that they look like.
        ("size", "Small", LABELS),
        ("size", "e", LABELS),
        ("size", "1", LABELS),
        ("marks", "\"p,q\"", ""),
        ("marks", "q", ""),
        ("marks", "\"q,p\"", SEVERAL),
        ("marks", "r", SEVERAL),
    ];
    let columns = ["latin", "plain", "basic", "note", "size", "marks"];
    check_told(&home, &database, &columns, &rows);
}

#[tokio::test]
async fn labels_and_encodings_of_postgresql_are_told_by_line_at_planning() {
    let sql = "CREATE TYPE size AS ENUM ('small', 'it''s', '\u{e9}');
         CREATE DOMAIN kept_size AS size;
         CREATE TABLE t (id varchar(3) PRIMARY KEY, size size, other kept_size, name varchar(4))";
    for (encoding, told, long) in [
        ("UTF8", "", ""),
        ("LATIN1", "whose column is of Latin-1 (ISO 8859-1)", ""),
        (
            "SQL_ASCII",
            "",
            "it has more bytes than the target keeps (4)",
        ),
    ] {
        let home = Desk::new();
        let Some(server) = Database::new(System::Postgres, &home).await else {
            return;
        };
        let database = server.encoded(encoding).await;
        database.run(sql).await;
        let told = match told {
            "" => String::new(),
            told => format!("it has a character that the target does not keep, {told}"),
        };
        let rows = [
            ("size", "small", ""),
            ("size", "it's", ""),
            ("size", "Small", LABELS),
            ("other", "\u{e9}", ""),
            ("other", "large", LABELS),
            ("name", "\u{20ac}", &told),
            ("name", "\u{e9}\u{e9}\u{e9}", long),
        ];
        check_told(&home, &database, &["size", "other", "name"], &rows);
        server.drop_encoded(&database).await;
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
