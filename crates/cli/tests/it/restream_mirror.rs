//! `restream mirror` as people run it, against a simulated service.

use syncline_sandbox::restream::{Correction, Effect, Restream};
use syncline_sandbox::{FaultAction, FaultMatch, FaultPlan, FaultRule};

use crate::datastores::{Database, System};
use crate::desk::Desk;
use crate::interruption::signal;
use crate::restream::{begun, run, run_within, service, until};

/// The hour before the clock of the service starts.
const START: &str = "2025-01-02T23:00:00Z";
const MIRROR: [&str; 13] = [
    "mirror",
    "--out",
    "wells",
    "--format",
    "csv",
    "--partition",
    "hour",
    "--sites",
    "1001,1002",
    "--start",
    START,
    "--fields",
    "slurry_rate",
];

fn correct(service: &Restream, site: u64) {
    let correction = Correction {
        site,
        start: service.now() - 20,
        end: service.now() - 10,
        effect: Effect::Override { value: 12.5 },
        fields: [].into(),
    };
    service.correct(correction).unwrap();
}

fn confirmations(service: &Restream) -> Vec<u32> {
    let changes = service.changes();
    changes.iter().map(|one| one.confirmations).collect()
}

/// The files of a mirror, by their names.
fn files(desk: &Desk, mirror: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for hour in ["2025-01-02/hour=23", "2025-01-03/hour=00"] {
        for site in [1001, 1002] {
            let name = format!("date={hour}/site-{site}.csv");
            let text = desk.read(&format!("{mirror}/{name}"));
            found.push((name, text));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_is_loaded_and_kept_and_compared() {
    let (desk, service) = (Desk::new(), service().await);
    let loaded = run(&desk, &service, &MIRROR);
    assert_eq!(loaded.status, 0, "{loaded}");
    let said = "2 sites: 4 segments read (4 new), 7,202 records.";
    assert!(loaded.stderr.contains(said), "{loaded}");
    let lines = files(&desk, "wells")[0].1.lines().count();
    assert_eq!(lines, 3_601);
    correct(&service, 1001);
    let kept = &MIRROR[..7];
    let found = run(
        &desk,
        &service,
        &[kept, &["--fields", "slurry_rate", "--verify"]].concat(),
    );
    assert_eq!(found.status, 6, "{found}");
    let expected = "site 1001, 2025-01-02T23:00:00Z: the source has 3600 records as well";
    assert!(found.stdout.contains(expected), "{found}");
    assert!(found.stderr.contains("1 of 4 segments differ"), "{found}");
    let again = run(&desk, &service, &MIRROR);
    assert!(
        again
            .stderr
            .contains("(1 corrected), 3,600 records. 1 correction confirmed."),
        "{again}"
    );
    let quiet = run(&desk, &service, &MIRROR);
    assert!(quiet.stderr.contains("2 sites: nothing is new."), "{quiet}");
    assert_eq!(confirmations(&service), [1]);
    let same = run(&desk, &service, &[&MIRROR[..], &["--verify"]].concat());
    assert_eq!(same.status, 0, "{same}");
    assert!(
        same.stderr
            .contains("4 segments with 7,202 records: nothing differs"),
        "{same}"
    );
    let other = run(&desk, &service, kept);
    assert_eq!(other.status, 2, "{other}");
    assert!(other.stderr.contains("another choice of fields"), "{other}");
}

/// A plan that answers no request behind so many.
fn silent_after(requests: u64) -> FaultPlan {
    let rule = FaultRule {
        on: FaultMatch {
            after: requests,
            ..FaultMatch::default()
        },
        action: FaultAction::Delay,
        delay_ms: 600_000,
        ..FaultRule::default()
    };
    FaultPlan {
        rules: vec![rule],
        ..FaultPlan::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_any_two_requests_it_goes_on_and_confirms_each_correction_once() {
    let (desk, service) = (Desk::new(), service().await);
    let mut mirror = MIRROR;
    mirror[2] = "whole";
    correct(&service, 1001);
    // Lists, four segments, a confirmation; the first one logs in, too.
    assert_eq!(run(&desk, &service, &mirror).status, 0);
    for answered in 0..8 {
        let name = format!("wells-{answered}");
        let mut wells = MIRROR;
        wells[2] = &name;
        correct(&service, 1002);
        let before = service.requests().total;
        service.set_faults(silent_after(answered));
        let mut child = begun(&desk, &service, &wells);
        until(|| service.requests().total >= before + answered).await;
        signal(&child, "-KILL");
        child.wait().unwrap();
        service.set_faults(FaultPlan::default());
        // The disk lost power while something was noted.
        let journal = desk.path(&format!("{name}/.syncline/mirror.jsonl"));
        if let Ok(mut text) = std::fs::read(&journal) {
            text.extend(b"{\"segment\":{\"site\":1001,\"sta");
            std::fs::write(&journal, text).unwrap();
        }
        let again = run(&desk, &service, &wells);
        assert_eq!(again.status, 0, "{answered}: {again}");
        let counts = confirmations(&service);
        assert!(
            counts.iter().all(|count| *count == 1),
            "{answered}: {counts:?}"
        );
        assert_eq!(run(&desk, &service, &mirror).status, 0);
        assert_eq!(files(&desk, &name), files(&desk, "whole"), "{answered}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_leaves_a_mirror_that_goes_on() {
    let (desk, service) = (Desk::new(), service().await);
    let mut mirror = MIRROR;
    mirror[2] = "whole";
    assert_eq!(run(&desk, &service, &mirror).status, 0);
    correct(&service, 1002);
    let full = run_within(&desk, &service, (40, &MIRROR));
    assert_eq!(full.status, 3, "{full}");
    assert_eq!(confirmations(&service), [0], "{full}");
    let again = run(&desk, &service, &MIRROR);
    assert_eq!(again.status, 0, "{again}");
    assert_eq!(confirmations(&service), [1]);
    assert_eq!(run(&desk, &service, &mirror).status, 0);
    assert_eq!(files(&desk, "wells"), files(&desk, "whole"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_is_kept_going_until_it_is_stopped() {
    let (desk, service) = (Desk::new(), service().await);
    let follow = [&MIRROR[..], &["--follow", "--every", "1"]].concat();
    let child = begun(&desk, &service, &follow);
    let hour = desk.path("wells/date=2025-01-03/hour=00/site-1002.csv");
    until(|| hour.is_file()).await;
    service.advance(5);
    correct(&service, 1001);
    until(|| confirmations(&service) == [1]).await;
    let lines = || std::fs::read_to_string(&hour).unwrap().lines().count();
    until(|| lines() == 1 + 6).await;
    signal(&child, "-INT");
    let ended = desk.ended(child.wait_with_output().unwrap());
    assert_eq!(ended.status, 0, "{ended}");
    assert!(ended.stderr.contains("1 correction confirmed."), "{ended}");
    let same = run(&desk, &service, &[&MIRROR[..], &["--verify"]].concat());
    assert_eq!(same.status, 0, "{same}");
}

/// How a table of a mirror is made.
const MAKE: &str = "CREATE TABLE wells (site_id BIGINT NOT NULL, timestamp BIGINT NOT NULL, \
                    slurry_rate DOUBLE PRECISION, PRIMARY KEY (site_id, timestamp))";
const TABLE: [&str; 11] = [
    "mirror",
    "--to",
    "right",
    "--table",
    "wells",
    "--sites",
    "1001,1002",
    "--start",
    START,
    "--fields",
    "slurry_rate,treating_pressure",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_kept_in_step_in_every_database() {
    for system in System::ALL {
        let (desk, service) = (Desk::new(), service().await);
        let Some(database) = Database::new(system, &desk).await else {
            continue;
        };
        let store = database.store();
        desk.write("syncline.yaml", format!("stores:\n  right: {store}\n"));
        database.run(MAKE).await;
        check_kept(&desk, &service, &database).await;
        check_compared(&desk, &service, &database).await;
        check_refused(&desk, &service, &database).await;
    }
}

/// A table is loaded, and then what is corrected, longer, short or new is written.
async fn check_kept(desk: &Desk, service: &Restream, database: &Database) {
    let loaded = run(desk, service, &TABLE);
    assert_eq!(loaded.status, 0, "{loaded}");
    let said = "(4 new), 7,202 records.";
    assert!(loaded.stderr.contains(said), "{loaded}");
    let said = "are left out: treating_pressure";
    assert!(loaded.stderr.contains(said), "{loaded}");
    let rows = async |condition: &str| -> usize {
        let sql = format!("SELECT CAST(count(*) AS CHAR(20)) FROM wells WHERE {condition}");
        database.texts(&sql).await[0].trim().parse().unwrap()
    };
    assert_eq!(rows("1 = 1").await, 7_202);
    correct(service, 1001);
    service.advance(10);
    database
        .run("DELETE FROM wells WHERE site_id = 1002 AND timestamp = 1735860000")
        .await;
    let kept = run(desk, service, &TABLE);
    let said = "4 segments read (2 longer, 1 corrected, 1 missing before)";
    assert!(kept.stderr.contains(said), "{kept}");
    let corrected = rows("slurry_rate = 12.5 AND site_id = 1001").await;
    assert_eq!((corrected, rows("1 = 1").await), (11, 7_222));
    assert_eq!(confirmations(service), [1]);
    let quiet = run(desk, service, &TABLE);
    assert!(quiet.stderr.contains("nothing is new"), "{quiet}");
}

/// A row that somebody changed is found.
async fn check_compared(desk: &Desk, service: &Restream, database: &Database) {
    let verify = [&TABLE[..], &["--verify"]].concat();
    let same = run(desk, service, &verify);
    assert_eq!(same.status, 0, "{same}");
    database
        .run("UPDATE wells SET slurry_rate = 1 WHERE site_id = 1002 AND timestamp = 1735860000")
        .await;
    let found = run(desk, service, &verify);
    assert_eq!(found.status, 6, "{found}");
    let expected = "site 1002, 2025-01-02T23:00:00Z: its rows are not as they were written";
    assert!(found.stdout.contains(expected), "{found}");
}

/// What a table does not take is said, and not lost.
async fn check_refused(desk: &Desk, service: &Restream, database: &Database) {
    let words = MAKE.replace("wells", "words");
    let words = words.replace("DOUBLE PRECISION", "VARCHAR(9)");
    database.run(&words).await;
    let mut mirror = TABLE;
    mirror[4] = "words";
    correct(service, 1002);
    let refused = run(desk, service, &mirror);
    assert_eq!(refused.status, 3, "{refused}");
    assert!(refused.stderr.contains("the row [100"), "{refused}");
    assert_eq!(confirmations(service), [1, 0]);
    mirror[4] = "well";
    let other = run(desk, service, &mirror);
    assert_eq!(other.status, 2, "{other}");
    let hint = "primary key (site_id, timestamp)";
    assert!(other.stderr.contains(hint), "{other}");
}
