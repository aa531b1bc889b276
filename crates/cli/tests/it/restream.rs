//! `restream` as people run it, against a simulated service.

use syncline_sandbox::restream::{Correction, Effect, Restream, RestreamConfig};

use crate::desk::{Desk, Ran};

/// A second at which much has been measured.
const AT: i64 = 1_735_689_600 + 30 * 3_600;

async fn service() -> Restream {
    let config = RestreamConfig {
        speed: 0,
        ..RestreamConfig::default()
    };
    Restream::start(config).await.unwrap()
}

fn run(desk: &Desk, service: &Restream, arguments: &[&str]) -> Ran {
    run_as(desk, service, ("restreamSecret", arguments))
}

fn run_as(desk: &Desk, service: &Restream, (secret, arguments): (&str, &[&str])) -> Ran {
    let mut command = desk.command(&[&["restream"], arguments].concat());
    command
        .env("RESTREAM_HOST", service.url())
        .env("RESTREAM_CLIENT_ID", "restream")
        .env("RESTREAM_CLIENT_SECRET", secret);
    desk.ended(command.output().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_tables_for_people_and_lines_for_programs() {
    let (desk, service) = (Desk::new(), service().await);
    let sites = run(&desk, &service, &["sites"]);
    assert_eq!(sites.status, 0, "{sites}");
    assert_eq!(sites.stdout.lines().count(), service.sites().len() + 1);
    assert!(sites.stdout.lines().next().unwrap().contains("data from"));
    let lines = run(&desk, &service, &["sites", "--json"]);
    let first: serde_json::Value =
        serde_json::from_str(lines.stdout.lines().next().unwrap()).unwrap();
    assert_eq!(first["id"], service.sites()[0]);
    let site = service.sites()[0].to_string();
    for list in ["pads", "states"] {
        assert_eq!(run(&desk, &service, &[list]).status, 0, "{list}");
    }
    for list in ["stages", "fields", "sources"] {
        let ran = run(&desk, &service, &[list, "--site", &site]);
        assert_eq!(ran.status, 0, "{list}: {ran}");
        assert!(ran.stdout.lines().count() > 1, "{list}: {ran}");
    }
    // One token is enough for all of these processes.
    assert_eq!(service.requests().count("POST", "/o/token/"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn measurements_are_printed_or_saved_whole() {
    let (desk, service) = (Desk::new(), service().await);
    let site = service.sites()[0].to_string();
    let (start, end) = (AT.to_string(), (AT + 29).to_string());
    let range = ["data", "--site", &site, "--start", &start, "--end", &end];
    let printed = run(&desk, &service, &range);
    assert_eq!(printed.status, 0, "{printed}");
    assert_eq!(printed.stdout.lines().count(), 30);
    let out = desk.path("saved/one.jsonl");
    let out = out.to_str().unwrap();
    let saved = run(&desk, &service, &[&range[..], &["--out", out]].concat());
    assert_eq!(saved.status, 0, "{saved}");
    assert!(saved.stderr.contains("30 records in"), "{saved}");
    assert_eq!(desk.read("saved/one.jsonl"), printed.stdout);
    let again = run(&desk, &service, &[&range[..], &["--out", out]].concat());
    assert_eq!(again.status, 2, "{again}");
    assert!(again.stderr.contains("--overwrite"), "{again}");
    let table = desk.path("saved/one.csv");
    let table = table.to_str().unwrap();
    let csv = run(&desk, &service, &[&range[..], &["--out", table]].concat());
    assert_eq!(csv.status, 0, "{csv}");
    assert_eq!(desk.read("saved/one.csv").lines().count(), 31);
}

#[tokio::test(flavor = "multi_thread")]
async fn corrections_are_confirmed_when_their_files_are_there_and_not_before() {
    let (desk, service) = (Desk::new(), service().await);
    let site = service.sites()[0];
    let correction = Correction {
        site,
        start: AT,
        end: AT + 9,
        effect: Effect::Override { value: 12.5 },
        fields: [].into(),
    };
    service.correct(correction).unwrap();
    let site = site.to_string();
    let listed = run(&desk, &service, &["changes", "--site", &site]);
    assert!(listed.stderr.contains("1 event in 1 range"), "{listed}");
    let confirmations = || service.changes()[0].confirmations;
    let folder = desk.path("changed");
    let save = [
        "changes",
        "--site",
        &site,
        "--out",
        folder.to_str().unwrap(),
    ];
    let saved = run(&desk, &service, &save);
    assert_eq!((saved.status, confirmations()), (0, 0), "{saved}");
    let confirmed = run(&desk, &service, &[&save[..], &["--confirm"]].concat());
    assert_eq!((confirmed.status, confirmations()), (0, 1), "{confirmed}");
    let files: Vec<_> = std::fs::read_dir(&folder).unwrap().collect();
    assert_eq!(files.len(), 1);
    let blocked = desk.path("blocked");
    std::fs::write(&blocked, "a file where the folder should be").unwrap();
    let save = [
        "changes",
        "--site",
        &site,
        "--out",
        blocked.to_str().unwrap(),
    ];
    let correction = Correction {
        site: site.parse().unwrap(),
        start: AT + 100,
        end: AT + 109,
        effect: Effect::Delete,
        fields: [].into(),
    };
    service.correct(correction).unwrap();
    let failed = run(&desk, &service, &[&save[..], &["--confirm"]].concat());
    assert_ne!(failed.status, 0, "{failed}");
    assert_eq!(service.changes()[1].confirmations, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_with_what_to_do() {
    let (desk, service) = (Desk::new(), service().await);
    let bare = desk.run(&["restream", "sites"]);
    assert_eq!(bare.status, 2, "{bare}");
    assert!(bare.stderr.contains("RESTREAM_CLIENT_ID"), "{bare}");
    let refused = run_as(&desk, &service, ("wrong-and-hidden", &["sites"]));
    assert_eq!(refused.status, 2, "{refused}");
    assert!(!refused.stderr.contains("hidden"), "{refused}");
    let naive = ["data", "--site", "1001", "--start", "2025-01-02T06:00:00"];
    let naive = run(&desk, &service, &naive);
    assert_eq!(naive.status, 2, "{naive}");
    assert!(
        naive.stderr.contains("`2025-01-02T06:00:00Z` for UTC"),
        "{naive}"
    );
    let missing = run(&desk, &service, &["stages", "--site", "4711"]);
    assert_ne!(missing.status, 0, "{missing}");
    assert!(missing.stderr.contains("4711"), "{missing}");
    let both = desk.run(&["restream", "fields", "--site", "1", "--pad", "2"]);
    assert_eq!(both.status, 2, "{both}");
}
