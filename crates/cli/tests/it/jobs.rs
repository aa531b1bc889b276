//! Many pairs in one run: side by side, each with its own mark, end and lease.

use std::collections::BTreeMap;
use std::process::Child;

use syncline_sandbox::{FaultAction, FaultPlan, Sandbox};

use crate::desk::{Desk, Ran, students};
use crate::servers::{fault, plan, sandbox, saying_no, until};

/// Two districts with students, a state, and a desk that knows them all.
struct Districts {
    north: Sandbox,
    south: Sandbox,
    state: Sandbox,
    desk: Desk,
}

const JOBS: &str = "at_once: 3\njobs:\n  north: { from: north }\n  broken: { from: broken }\n  \
                    south:\n    from: south\n    include_only: students\n";

impl Districts {
    async fn new() -> Self {
        let districts = Self {
            north: sandbox().await,
            south: sandbox().await,
            state: sandbox().await,
            desk: Desk::new(),
        };
        let mut config = "send: { from: files, to: north }\npublish: { to: state, \
                          ignore_isolation: true }\nstores:\n  files: { kind: files, path: data }\n"
            .to_owned();
        let stores = [
            (
                "north",
                districts.north.url(),
                "populated",
                "populatedSecret",
            ),
            (
                "south",
                districts.south.url(),
                "populated",
                "populatedSecret",
            ),
            (
                "state",
                districts.state.url(),
                "populated",
                "populatedSecret",
            ),
            (
                "broken",
                districts.south.url(),
                "nobody",
                "wrong-secret-of-broken",
            ),
        ];
        for (name, url, client, secret) in stores {
            let store = format!(
                "  {name}:\n    kind: edfi\n    base_url: {url}\n    client_id: {client}\n    \
                 client_secret: {secret}\n    pool_size: 2\n    retry: {{ attempts: 2 }}\n"
            );
            config.push_str(&store);
        }
        districts.desk.write("syncline.yaml", config);
        districts.desk.write("jobs.yaml", JOBS);
        districts.send("north", 1..=30);
        districts.send("south", 31..=40);
        districts
    }

    fn send(&self, to: &str, ids: std::ops::RangeInclusive<usize>) {
        self.desk.write("data/students.jsonl", students(ids));
        let ran = self.desk.run(&["send", "--set", "send.to", to]);
        assert_eq!(ran.status, 0, "{ran}");
    }

    /// Lets each student take its time in the state.
    fn slow(&self, first: Option<u64>) {
        let mut slow = fault(FaultAction::Delay);
        slow.on.first = first;
        slow.delay_ms = 60;
        self.state.set_faults(plan(slow));
    }

    fn spawn(&self, arguments: &[&str]) -> Child {
        let mut command = self.desk.command(arguments);
        command.stderr(std::process::Stdio::piped());
        command.spawn().unwrap()
    }

    async fn until_written(&self, students: u64) {
        until(&self.state, |log| {
            log.count("POST", "/ed-fi/students") >= students
        })
        .await;
    }
}

async fn interrupted(child: Child) -> std::process::Output {
    let killed = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    ended(child).await
}

async fn ended(child: Child) -> std::process::Output {
    tokio::task::spawn_blocking(move || child.wait_with_output().unwrap())
        .await
        .unwrap()
}

fn status_of(ran: &serde_json::Value, job: &str) -> u64 {
    ran["jobs"][job]["exit_status"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_fails_does_not_stop_the_others_and_each_goes_on_from_its_own_mark() {
    let districts = Districts::new().await;
    let jobs = ["publish", "--jobs", "jobs.yaml", "--results-file", "r.json"];
    let ran = districts.desk.run(&jobs);
    assert_eq!(ran.status, 2, "{ran}");
    let results = districts.desk.json("r.json");
    let statuses = ["north", "broken", "south"].map(|job| status_of(&results, job));
    assert_eq!(statuses, [0, 2, 0], "{results:#}");
    assert_eq!(
        (&results["exit_status"], &results["jobs_failed"]),
        (&2.into(), &1.into())
    );
    let created = |job: &str| &results["jobs"][job]["collections"]["ed-fi/students"]["created"];
    assert_eq!(
        (created("north"), created("south")),
        (&30.into(), &10.into())
    );
    assert_eq!(districts.state.count("ed-fi/students").unwrap(), 40);
    for line in [
        "north: 30 records read, 30 written",
        "south: 10 records read, 10 written",
        "broken: not published: ",
        "2 of 3 jobs published: 40 read, 40 written, 0 deleted, 0 owed.",
    ] {
        assert!(ran.stderr.contains(line), "{line} in {ran}");
    }
    let everything = format!("{ran}{results}");
    assert!(!everything.contains("wrong-secret"), "{everything}");

    districts.send("south", 31..=43);
    let ran = districts
        .desk
        .run(&[&jobs[..], &["--log-format", "json"]].concat());
    assert_eq!(ran.status, 2, "{ran}");
    let ended: BTreeMap<String, u64> = ran
        .stderr
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|event| event["event"] == "job_finished")
        .map(|event| {
            let name = event["job"].as_str().unwrap().to_owned();
            (name, event["written"].as_u64().unwrap())
        })
        .collect();
    let written = [("broken", 0), ("north", 0), ("south", 3)];
    let written = written.map(|(name, count)| (name.to_owned(), count));
    assert_eq!(ended, BTreeMap::from(written));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_stops_all_jobs_and_the_same_command_goes_on() {
    let districts = Districts::new().await;
    let jobs = "at_once: 2\njobs:\n  north: { from: north }\n  south: { from: south }\n  late: \
                { from: north, job: late }\n";
    districts.desk.write("jobs.yaml", jobs);
    districts.slow(None);
    let command = ["publish", "--jobs", "jobs.yaml", "--results-file", "r.json"];
    let child = districts.spawn(&command);
    districts.until_written(6).await;
    let output = interrupted(child).await;
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    let results = districts.desk.json("r.json");
    assert_eq!(status_of(&results, "late"), 5, "{results:#}");
    assert_eq!(results["jobs"]["late"]["outcome"], "interrupted");
    districts.state.set_faults(FaultPlan::default());
    let ran = districts.desk.run(&command);
    assert_eq!(ran.status, 0, "{ran}");
    assert_eq!(districts.state.count("ed-fi/students").unwrap(), 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_publish_different_pairs_and_not_the_same_one() {
    let districts = Districts::new().await;
    districts.slow(None);
    let child = districts.spawn(&["publish", "north", "state"]);
    districts.until_written(2).await;
    let same = districts.desk.run(&["publish", "north", "state"]);
    assert_eq!(same.status, 3, "{same}");
    assert!(
        same.stderr
            .contains("the same flow is in use by `syncline publish` (process"),
        "{same}"
    );
    let whole = districts.desk.run(&["send"]);
    assert_eq!(whole.status, 3, "{whole}");
    let other = districts.desk.run(&["publish", "south", "state"]);
    assert_eq!(other.status, 0, "{other}");
    let output = ended(child).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(districts.state.count("ed-fi/students").unwrap(), 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_requests_are_refused_is_told_apart() {
    let districts = Districts::new().await;
    let mut refusal = fault(saying_no());
    refusal.on.first = Some(1);
    districts.state.set_faults(plan(refusal));
    let jobs = "jobs:\n  north: { from: north }\n  south: { from: south }\n";
    districts.desk.write("jobs.yaml", jobs);
    let ran = districts.desk.run(&["publish", "--jobs", "jobs.yaml"]);
    assert_eq!(ran.status, 1, "{ran}");
    assert!(ran.stderr.contains("1 owed."), "{ran}");
    assert_eq!(districts.desk.rejects().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn options_about_pages_are_for_the_source_of_every_job() {
    let districts = Districts::new().await;
    let jobs = "jobs:\n  north: { from: north, include_only: students }\n  south: { from: south, \
                include_only: students }\n";
    districts.desk.write("jobs.yaml", jobs);
    let asked = || {
        [&districts.north, &districts.south]
            .map(|source| source.requests().count("GET", "/ed-fi/students"))
    };
    let command = ["publish", "--jobs", "jobs.yaml"];
    let mut seen = Vec::new();
    // The first publication in windows, a whole one in small pages.
    for options in [["--version-window", "20"], ["--full", "--page-size=3"]] {
        let before = asked();
        let ran = districts.desk.run(&[&command[..], &options].concat());
        assert_eq!(ran.status, 0, "{ran}");
        let now = asked();
        seen.push([now[0] - before[0], now[1] - before[1]]);
    }
    assert!(seen[0][0] >= 3 && seen[0][1] >= 3, "{seen:?}");
    assert!(seen[1][0] >= 10 && seen[1][1] >= 4, "{seen:?}");
}

#[track_caller]
fn refused(desk: &Desk, jobs: &str, message: &str) {
    desk.write("jobs.yaml", jobs);
    let ran: Ran = desk.run(&["publish", "--jobs", "jobs.yaml"]);
    assert_eq!(ran.status, 2, "{ran}");
    assert!(ran.stderr.contains(message), "{message} in {ran}");
}

#[test]
fn mistakes_of_a_jobs_file_are_named_with_their_place() {
    let desk = Desk::new();
    let api = "kind: edfi, base_url: \"http://127.0.0.1:9\", client_id: a, client_secret: b";
    let stores = ["north", "south", "state"].map(|name| format!("  {name}: {{ {api} }}\n"));
    let config = format!(
        "stores:\n{}  files: {{ kind: files, path: data }}\n",
        stores.concat()
    );
    desk.write("syncline.yaml", config);
    refused(
        &desk,
        "jobs:\n  a: { from: north, to: state }\n  b: { from: north, to: state }\n",
        "jobs.yaml:3:6: `b` publishes the same pair as `a`",
    );
    refused(
        &desk,
        "jobs:\n  a: { from: north, to: state, includ: x }\n",
        "jobs.yaml:2:32: unknown key `jobs.a.includ`",
    );
    refused(&desk, "jobs:\n  a: { from: north }\n", "jobs.yaml:2:6: ");
    refused(
        &desk,
        "jobs:\n  a: { from: north, to: stat }\n",
        "no store named `stat`",
    );
    refused(
        &desk,
        "jobs:\n  a: { from: files, to: state }\n",
        "the store `files` is no Ed-Fi API",
    );
    refused(
        &desk,
        "at_once: 0\njobs: {}\n",
        "jobs.yaml:1:10: `at_once` must be",
    );
    refused(&desk, "jobs: {}\n", "names nothing to publish");
    refused(&desk, "jobs: [\n", "jobs.yaml:");
    let ran = desk.run(&["publish", "--jobs", "jobs.yaml", "--since", "7"]);
    assert_eq!(ran.status, 2, "{ran}");
    let ran = desk.run(&["publish", "--jobs", "nowhere.yaml"]);
    assert!(
        ran.status == 2 && ran.stderr.contains("nowhere.yaml"),
        "{ran}"
    );
}
