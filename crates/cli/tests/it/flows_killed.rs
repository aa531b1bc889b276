//! A plan whose run is killed: the same command goes on, nothing is done twice, nothing is lost.

use crate::datastores::{Database, System};
use crate::desk::Desk;
use crate::flows_trouble::{configure, counted, counts, ended, people, start};

const PLAN: &str = ".syncline/plans/f.jsonl";
const RECORDS: u32 = 4_000;

/// Kills a run as soon as it has got so far; whether it was still running.
fn killed(desk: &Desk, mut has_got_there: impl FnMut() -> bool) -> bool {
    let mut child = start(desk, &["apply", PLAN]);
    while !has_got_there() && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait_with_output().unwrap().status.code().is_none()
}

/// Nothing that a killed run worked on is left in the state folder.
#[track_caller]
fn nothing_is_left(desk: &Desk) {
    let mut folders = vec![desk.path(".syncline")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            assert!(!name.starts_with(".tmp"), "{}", path.display());
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
}

/// How many rows somebody else sees.
async fn written(database: &Database) -> u64 {
    let text = database.system.pick("TEXT", "text", "CHAR");
    let sql = format!("SELECT CAST(count(*) AS {text}) FROM people");
    database.texts(&sql).await[0].parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_database_are_written_once_however_often_the_run_is_killed() {
    for system in [System::Postgres, System::Sqlite] {
        let desk = Desk::new();
        let Some(database) = counted(system, &desk).await else {
            continue;
        };
        configure(&desk, &database.store());
        desk.write("left/people.csv", people(0..RECORDS, "n"));
        ended(&desk.run(&["plan", "f"]), 0);
        let mut kills = 0;
        for share in [1, 4, 7] {
            let enough = u64::from(RECORDS) * share / 10;
            let handle = tokio::runtime::Handle::current();
            let got_there = || handle.block_on(written(&database)) >= enough;
            kills += u32::from(tokio::task::block_in_place(|| killed(&desk, got_there)));
            let [rows, writes, written] = counts(&database).await;
            assert_eq!((rows, rows), (writes, written), "{system:?}");
        }
        assert!(kills > 0, "it was always faster");
        ended(&desk.run(&["apply", PLAN]), 0);
        let all = u64::from(RECORDS);
        assert_eq!(counts(&database).await, [all, all, all], "{system:?}");
        ended(&desk.run(&["drift", "f"]), 0);
        let again = desk.run(&["apply", PLAN]);
        ended(&again, 0);
        assert!(
            again.stderr.contains("people: 0 created, 0 updated"),
            "{}",
            again.stderr
        );
        nothing_is_left(&desk);
    }
}

#[test]
fn a_file_is_the_old_one_or_the_new_one_however_often_the_run_is_killed() {
    let desk = Desk::new();
    configure(&desk, "{kind: files, path: right}");
    let held = people(0..RECORDS, "old").replace("id,name,mail\n", "id,name,mail,own\n");
    let held = held.replace("@x\n", "@x,kept\n");
    desk.write("right/people.csv", &held);
    desk.write("left/people.csv", people(0..RECORDS + 500, "new"));
    ended(&desk.run(&["plan", "f"]), 0);
    let wanted = people(0..RECORDS + 500, "new").replace("id,name,mail\n", "id,name,mail,own\n");
    let is_row = |row: &str, of: &str| of.contains(&format!("\n{row}"));
    let mut kills = 0;
    for bytes in [1, 130_000, 300_000] {
        let changes = desk.path("right/people.csv.changes");
        let got_there = || std::fs::metadata(&changes).is_ok_and(|file| file.len() >= bytes);
        kills += u32::from(killed(&desk, got_there));
        let now = desk.read("right/people.csv");
        assert!(now == held || now.ends_with('\n'), "half a file");
        for row in now.lines().skip(1).step_by(997) {
            let (row, own) = row.rsplit_once(',').unwrap();
            assert!(is_row(row, &held) || is_row(row, &wanted), "{row}");
            assert!(own == "kept" || own.is_empty(), "{own}");
        }
    }
    assert!(kills > 0, "it was always faster");
    ended(&desk.run(&["apply", PLAN]), 0);
    let now = desk.read("right/people.csv");
    let mut rows: Vec<&str> = now.lines().collect();
    let mut expected: Vec<String> = wanted
        .lines()
        .enumerate()
        .map(|(line, row)| match line {
            0 => row.to_owned(),
            line if line <= RECORDS as usize => format!("{row},kept"),
            _ => format!("{row},"),
        })
        .collect();
    rows.sort_unstable();
    expected.sort_unstable();
    assert_eq!(rows, expected);
    ended(&desk.run(&["drift", "f"]), 0);
    assert!(!desk.path("right/people.csv.changes").exists());
}
