//! `restream` as people run it, against a simulated service.

use std::process::{Child, Stdio};

use syncline::restream::Timestamp;
use syncline_sandbox::restream::{Behaviour, Correction, Effect, Restream, RestreamConfig};
use syncline_sandbox::{FaultAction, FaultMatch, FaultPlan, FaultRule};

use crate::desk::{Desk, Ran};
use crate::interruption::signal;

/// A second at which much has been measured.
const AT: i64 = 1_735_689_600 + 30 * 3_600;

pub(crate) async fn service() -> Restream {
    let config = RestreamConfig {
        speed: 0,
        record: true,
        ..RestreamConfig::default()
    };
    Restream::start(config).await.unwrap()
}

pub(crate) fn run(desk: &Desk, service: &Restream, arguments: &[&str]) -> Ran {
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

/// Runs a command that may write files of so many blocks of 512 bytes: a disk that is full.
pub(crate) fn run_within(
    desk: &Desk,
    service: &Restream,
    (blocks, arguments): (u32, &[&str]),
) -> Ran {
    let command = desk.command(&[&["restream"], arguments].concat());
    // Of a write beyond the limit the process is told instead of being ended.
    let limit = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    let mut limited = std::process::Command::new("sh");
    limited
        .args(["-c", &limit])
        .arg(command.get_program())
        .args(command.get_args());
    limited.env_clear().current_dir(desk.home());
    for (key, value) in command.get_envs() {
        limited.envs(value.map(|value| (key, value)));
    }
    limited
        .env("RESTREAM_HOST", service.url())
        .env("RESTREAM_CLIENT_ID", "restream")
        .env("RESTREAM_CLIENT_SECRET", "restreamSecret");
    desk.ended(limited.output().unwrap())
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
    assert!(bare.stderr.contains("RESTREAM_AUTH_TOKEN"), "{bare}");
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

/// A configuration with the service as `wells`, and further lines of that store.
fn configure(desk: &Desk, service: &Restream, more: &str) {
    let lines = more.lines().map(|line| format!("    {line}\n"));
    desk.write(
        "syncline.yaml",
        format!(
            "stores:\n  wells:\n    kind: restream\n    base_url: {}\n    client_id: restream\n    \
             client_secret: restreamSecret\n{}  files: {{kind: files, path: mirror}}\n",
            service.url(),
            lines.collect::<String>()
        ),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_the_configuration_says_where_and_who() {
    let (desk, service) = (Desk::new(), service().await);
    configure(&desk, &service, "");
    let sites = desk.run(&["restream", "sites", "--store", "wells"]);
    assert_eq!(sites.status, 0, "{sites}");
    assert_eq!(sites.stdout.lines().count(), service.sites().len() + 1);
    let named = [
        "restream",
        "--store",
        "wells",
        "-c",
        "syncline.yaml",
        "pads",
    ];
    assert_eq!(desk.run(&named).status, 0);
    // The token is kept where the state is.
    assert_eq!(service.requests().count("POST", "/o/token/"), 1);
    let checked = desk.run(&["config", "check", "--connect"]);
    assert!(checked.stdout.contains("sites: 10"), "{checked}");
    assert!(!checked.stdout.contains("Secret"), "{checked}");
    let other = desk.run(&["restream", "sites", "--store", "files"]);
    assert_eq!(other.status, 2, "{other}");
    assert!(other.stderr.contains("`kind: restream`"), "{other}");
    let unknown = desk.run(&["restream", "sites", "--store", "well"]);
    assert!(
        unknown.stderr.contains("did you mean `wells`?"),
        "{unknown}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_given_is_used_until_it_ends_and_never_replaced() {
    let (desk, service) = (Desk::new(), service().await);
    configure(&desk, &service, "");
    assert_eq!(
        desk.run(&["restream", "pads", "--store", "wells"]).status,
        0
    );
    let cache = std::fs::read_dir(desk.path(".syncline/cache")).unwrap();
    let kept = cache.map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    let kept: serde_json::Value = serde_json::from_slice(&kept.last().unwrap()).unwrap();
    let token = kept["access_token"].as_str().unwrap();
    let with = |name: &str| {
        let mut command = desk.command(&["restream", "sites"]);
        command.env("RESTREAM_HOST", service.url()).env(name, token);
        desk.ended(command.output().unwrap())
    };
    for name in ["RESTREAM_AUTH_TOKEN", "TALLY_AUTH_TOKEN"] {
        assert_eq!(with(name).status, 0, "{name}");
    }
    service.expire_tokens();
    let ended = with("RESTREAM_AUTH_TOKEN");
    assert_eq!(ended.status, 2, "{ended}");
    assert!(ended.stderr.contains("give a newer token"), "{ended}");
    assert!(!ended.stderr.contains(token), "{ended}");
    assert_eq!(service.requests().count("POST", "/o/token/"), 1);
}

const SETS: &str = "\
data:
  rates:
    site: 1001
    start: 2025-01-02T06:00:00Z
    end: 2025-01-02T06:00:29Z
    fields: [slurry_rate, treating_pressure]
  minutes: {pad: 101, routed: true, resolution: minute, start: 1735797600, end: 1735801199}
stages:
  fracs: {pad: 101, state: frac}
";

const FLOW: &str = "\
flows:
  mirror:
    from: wells
    to: files
    collections:
      sites: {from: sites, key: {id: id}, map: {name: name, pad: pad_id}}
      pads: {from: pads, key: {id: id}, map: {name: name}}
      stages: {from: fracs, key: {site: site, start: start}, map: {end: end, number: stage_number}}
      rates:
        from: rates
        key: {site: site_id, second: timestamp}
        map: {rate: slurry_rate, pressure: treating_pressure}
      minutes: {from: minutes, key: {site: site_id, second: timestamp}, map: {rate: slurry_rate}}
";

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_brings_lists_stages_and_measurements_into_files() {
    let (desk, service) = (Desk::new(), service().await);
    configure(&desk, &service, SETS);
    let mut config = desk.read("syncline.yaml");
    config.push_str(FLOW);
    desk.write("syncline.yaml", config);
    desk.write("mirror/sites.csv", "id,name,pad\n");
    desk.write("mirror/pads.csv", "id,name\n");
    desk.write("mirror/stages.csv", "site,start,end,number\n");
    desk.write("mirror/rates.csv", "site,second,rate,pressure\n");
    desk.write("mirror/minutes.csv", "site,second,rate\n");
    let synced = desk.run(&["sync", "mirror"]);
    assert_eq!(synced.status, 0, "{synced}");
    let lines = |name: &str| desk.read(&format!("mirror/{name}.csv")).lines().count();
    assert_eq!(lines("sites"), service.sites().len() + 1);
    assert_eq!(lines("pads"), service.pads().len() + 1);
    assert_eq!(lines("rates"), 31);
    assert_eq!(lines("minutes"), 3 * 60 + 1);
    assert!(lines("stages") > 3);
    let again = desk.run(&["drift", "mirror"]);
    assert_eq!(again.status, 0, "{again}");
    assert!(again.stdout.contains("Nothing differs"), "{again}");
}

/// A plan that lets streams of data fall silent after so many records.
pub(crate) fn silent_after(records: u64) -> FaultPlan {
    let rule = FaultRule {
        on: FaultMatch {
            path: Some("/data/".to_owned()),
            ..FaultMatch::default()
        },
        action: FaultAction::Stall { records },
        ..FaultRule::default()
    };
    FaultPlan {
        rules: vec![rule],
        ..FaultPlan::default()
    }
}

/// Comes back when something is as wanted.
pub(crate) async fn until(wanted: impl Fn() -> bool) {
    let waiting = async {
        while !wanted() {
            tokio::task::yield_now().await;
        }
    };
    let patience = std::time::Duration::from_secs(30);
    tokio::time::timeout(patience, waiting)
        .await
        .expect("what is waited for");
}

/// A command with the service in its environment, begun.
pub(crate) fn begun(desk: &Desk, service: &Restream, arguments: &[&str]) -> Child {
    let mut command = desk.command(&[&["restream"], arguments].concat());
    command
        .env("RESTREAM_HOST", service.url())
        .env("RESTREAM_CLIENT_ID", "restream")
        .env("RESTREAM_CLIENT_SECRET", "restreamSecret")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// How many lines a file has, if it is there.
fn lines(path: &std::path::Path) -> usize {
    let text = std::fs::read(path).unwrap_or_default();
    String::from_utf8_lossy(&text).matches('\n').count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_save_that_was_killed_or_interrupted_goes_on_and_reads_only_the_rest() {
    let (desk, service) = (Desk::new(), service().await);
    let (start, end) = (AT.to_string(), (AT + 999).to_string());
    let range = ["data", "--site", "1001", "--start", &start, "--end", &end];
    for (extension, name) in [("csv", "-KILL"), ("json", "-KILL"), ("jsonl", "-INT")] {
        let path = |stem: &str| desk.path(&format!("{stem}.{extension}"));
        let whole = path("whole");
        let saved = run(
            &desk,
            &service,
            &[&range[..], &["-o", whole.to_str().unwrap()]].concat(),
        );
        assert_eq!(saved.status, 0, "{saved}");
        let out = path("out");
        let save = [&range[..], &["-o", out.to_str().unwrap()]].concat();
        service.set_faults(silent_after(600));
        let mut child = begun(&desk, &service, &save);
        let part = desk.path(&format!("out.{extension}.part"));
        until(|| lines(&part) >= 599).await;
        signal(&child, name);
        let status = child.wait().unwrap();
        assert!(name == "-KILL" || status.code() == Some(5), "{status}");
        assert!(
            !out.exists(),
            "{extension}: a file is there only when it is complete"
        );
        service.set_faults(FaultPlan::default());
        let again = run(&desk, &service, &save);
        assert_eq!(again.status, 0, "{again}");
        assert!(again.stderr.contains("from an earlier run"), "{again}");
        assert_eq!(
            std::fs::read(&out).unwrap(),
            std::fs::read(&whole).unwrap(),
            "{extension}"
        );
        assert!(!part.exists());
        let asked = service.requests().requests.pop().unwrap();
        // An array does not say whether its last record is whole.
        let last = AT + 599 - i64::from(extension == "json");
        let from = Timestamp::from_second(last).unwrap().to_string();
        let from = from.replace('T', "+").replace(':', "%3A").replace('Z', "");
        assert!(asked.path.contains(&from), "{} has no {from}", asked.path);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_leaves_what_was_there_and_the_same_command_goes_on() {
    let (desk, service) = (Desk::new(), service().await);
    let (start, end) = (AT.to_string(), (AT + 1_999).to_string());
    let range = ["data", "--site", "1001", "--start", &start, "--end", &end];
    for extension in ["csv", "json"] {
        let (name, whole) = (format!("out.{extension}"), format!("whole.{extension}"));
        desk.write(&name, "what was there");
        let save = |name: &str| {
            let more = ["-o", name, "--overwrite"];
            [&range[..], &more]
                .concat()
                .into_iter()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let words = save(&name);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let full = run_within(&desk, &service, (40, &words));
        assert_eq!(full.status, 3, "{full}");
        assert!(full.stderr.contains(&format!("{name}.part")), "{full}");
        assert!(full.stderr.contains("the same command goes on"), "{full}");
        assert_eq!(desk.read(&name), "what was there");
        let again = run(&desk, &service, &words);
        assert_eq!(again.status, 0, "{again}");
        assert!(again.stderr.contains("from an earlier run"), "{again}");
        let words = save(&whole);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        assert_eq!(run(&desk, &service, &words).status, 0);
        assert_eq!(desk.read(&name), desk.read(&whole));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_followed_into_goes_on_where_it_ends() {
    let (desk, service) = (Desk::new(), service().await);
    let now = service.now();
    let (start, out) = ((now - 49).to_string(), desk.path("live.jsonl"));
    let follow = [
        "follow",
        "--site",
        "1001",
        "--start",
        &start,
        "-o",
        "live.jsonl",
    ];
    let mut child = begun(&desk, &service, &follow);
    until(|| lines(&out) >= 50).await;
    signal(&child, "-KILL");
    child.wait().unwrap();
    // A line was being written, and time goes on.
    let mut text = desk.read("live.jsonl");
    text.truncate(text.len() - 20);
    desk.write("live.jsonl", text);
    service.advance(30);
    let child = begun(&desk, &service, &follow);
    until(|| lines(&out) >= 80).await;
    service.advance(5);
    until(|| lines(&out) >= 85).await;
    signal(&child, "-INT");
    let ended = desk.ended(child.wait_with_output().unwrap());
    assert_eq!(ended.status, 0, "{ended}");
    let text = desk.read("live.jsonl");
    let seconds = text.lines().map(|line| {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        record["timestamp"].as_i64().unwrap()
    });
    assert_eq!(
        seconds.collect::<Vec<_>>(),
        (now - 49..=now + 35).collect::<Vec<_>>()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn states_corrections_and_updates_are_told_as_they_come() {
    use std::io::{BufRead as _, BufReader};

    let (desk, service) = (Desk::new(), service().await);
    let told = |arguments: &[&str]| {
        let mut child = begun(&desk, &service, arguments);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        (child, lines.map(Result::unwrap))
    };
    let (mut child, mut lines) = told(&["states", "--follow", "--filter", "pad__id=101"]);
    for _ in 0..3 {
        assert!(lines.next().unwrap().contains("  site 100"));
    }
    service.advance(6 * 3_600);
    assert!(lines.next().unwrap().contains("  site 100"));
    child.kill().unwrap();
    child.wait().unwrap();
    let (mut child, mut lines) = told(&["follow", "--pad", "101", "--what", "changes"]);
    let correction = Correction {
        site: 1001,
        start: AT,
        end: AT + 9,
        effect: Effect::Delete,
        fields: [].into(),
    };
    let id = service.correct(correction).unwrap();
    assert!(lines.next().unwrap().contains(&format!("\"id\":{id}")));
    child.kill().unwrap();
    child.wait().unwrap();
    let (mut child, mut lines) = told(&["follow", "--site", "1001", "--what", "updates"]);
    assert!(lines.next().unwrap().contains("\"id\":1001"));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn days_go_into_files_of_their_own() {
    let (desk, service) = (Desk::new(), service().await);
    let range = [
        "--start",
        "2025-01-01T23:00:00Z",
        "--end",
        "2025-01-02T00:59:59Z",
    ];
    let place = [
        "data",
        "--pad",
        "101",
        "--routed",
        "--fields",
        "slurry_rate",
    ];
    let more = ["--out", "days", "--partition", "day", "--format", "csv"];
    let saved = run(&desk, &service, &[&place[..], &range, &more].concat());
    assert_eq!(saved.status, 0, "{saved}");
    assert!(saved.stderr.contains("21,600 records in days"), "{saved}");
    for day in ["2025-01-01", "2025-01-02"] {
        let table = desk.read(&format!("days/date={day}/pad-101.csv"));
        assert_eq!(table.lines().next(), Some("timestamp,site_id,slurry_rate"));
        assert_eq!(table.lines().count(), 3 * 3_600 + 1, "{day}");
    }
    let left: Vec<_> = std::fs::read_dir(desk.path("days")).unwrap().collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_of_a_site_that_may_not_be_read_stays_and_keeps_no_other() {
    let desk = Desk::new();
    let config = RestreamConfig {
        speed: 0,
        behaviour: Behaviour {
            forbidden: [1002].into(),
            ..Behaviour::default()
        },
        ..RestreamConfig::default()
    };
    let service = Restream::start(config).await.unwrap();
    for site in [1001, 1002, 1003] {
        let correction = Correction {
            site,
            start: AT,
            end: AT + 9,
            effect: Effect::Delete,
            fields: [].into(),
        };
        service.correct(correction).unwrap();
    }
    let save = ["changes", "--pad", "101", "--out", "corrected", "--confirm"];
    let saved = run(&desk, &service, &save);
    assert_eq!(saved.status, 1, "{saved}");
    assert!(saved.stderr.contains("/sites/1002/data/"), "{saved}");
    assert!(
        saved.stderr.contains("nothing of it is confirmed"),
        "{saved}"
    );
    let confirmed: Vec<u32> = service
        .changes()
        .iter()
        .map(|one| one.confirmations)
        .collect();
    assert_eq!(confirmed, [1, 0, 1]);
    let files = std::fs::read_dir(desk.path("corrected")).unwrap();
    let complete = files.filter(|file| {
        let name = file.as_ref().unwrap().file_name();
        name.to_string_lossy().ends_with(".jsonl")
    });
    assert_eq!(complete.count(), 2);
}
