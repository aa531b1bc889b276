//! Being stopped, politely or not, and going on; two runs at once.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};

use insta::assert_snapshot;
use syncline_sandbox::{FaultAction, FaultPlan, Sandbox};

use crate::desk::{Desk, Ran, lightbeam, students};
use crate::servers::{fault, plan, posts, sandbox, silent, slow_sandbox, until};

/// Records that are sent.
const RECORDS: u64 = 600;
/// Requests under way at once.
const TOGETHER: u64 = 4;

/// Sends a signal to a process that this test has started.
pub(crate) fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .args([name, &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}

/// A desk with many students and a configuration for a sandbox.
fn desk(sandbox: &Sandbox) -> Desk {
    let desk = Desk::new();
    desk.write("data/students.jsonl", students(1..=600));
    desk.configure(sandbox.url(), "");
    let yaml = desk.read("syncline.yaml");
    desk.write(
        "syncline.yaml",
        yaml.replace("pool_size: 1", "pool_size: 4"),
    );
    desk
}

/// Starts a run and comes back when some of its records have been answered.
async fn started(desk: &Desk, sandbox: &Sandbox, arguments: &[&str]) -> Child {
    let mut command = desk.command(arguments);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until(sandbox, |log| log.count("POST", "/ed-fi/students") >= 40).await;
    child
}

/// Stops a run with a signal; how it ended.
async fn stopped(desk: &Desk, sandbox: &Sandbox, arguments: &[&str], name: &str) -> Ran {
    let child = started(desk, sandbox, arguments).await;
    signal(&child, name);
    desk.ended(child.wait_with_output().unwrap())
}

/// Lets the sandbox answer at once and runs the same command again.
fn goes_on(desk: &Desk, sandbox: &Sandbox, arguments: &[&str]) -> Ran {
    sandbox.set_faults(FaultPlan::default());
    let ran = desk.run(arguments);
    assert_eq!(ran.status, 0, "{ran}");
    assert_eq!(sandbox.count("ed-fi/students").unwrap(), RECORDS);
    ran
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_stops_and_the_same_command_goes_on() {
    let sandbox = slow_sandbox(10).await;
    let desk = desk(&sandbox);
    let ran = stopped(&desk, &sandbox, &["send"], "-INT").await;
    assert_eq!(ran.status, 5, "{ran}");
    assert!(
        ran.stderr
            .contains("Stopped before the end. The same command goes on where this one stopped."),
        "{ran}"
    );
    let there = sandbox.count("ed-fi/students").unwrap();
    assert!(there < RECORDS, "{there}");
    goes_on(&desk, &sandbox, &["send"]);
    // Answers under way were waited for, so nothing was sent twice.
    assert_eq!(posts(&sandbox), RECORDS);
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_is_told_in_the_results_file() {
    let sandbox = slow_sandbox(10).await;
    let desk = desk(&sandbox);
    desk.write(
        "lightbeam.yaml",
        lightbeam(sandbox.url()).replace("pool_size: 1", "pool_size: 4"),
    );
    let send = ["send", "-c", "lightbeam.yaml", "--results-file", "out.json"];
    let ran = stopped(&desk, &sandbox, &send, "-TERM").await;
    assert_eq!(ran.status, 255, "{ran}");
    let results = desk.json("out.json");
    assert_eq!(results["outcome"], "interrupted");
    assert_eq!(results["exit_status"], 255);
    let students = &results["resources"]["students"];
    assert_eq!(students["complete"], false);
    let accepted = students["successes"][0]["count"].as_u64().unwrap();
    assert_eq!(accepted, sandbox.count("ed-fi/students").unwrap());

    goes_on(&desk, &sandbox, &send);
    let results = desk.json("out.json");
    assert_eq!(results["outcome"], "completed");
    assert_eq!(results["total_records_skipped"], accepted);
    assert_eq!(posts(&sandbox), RECORDS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_ctrl_c_ends_at_once() {
    let sandbox = slow_sandbox(2000).await;
    let desk = desk(&sandbox);
    let mut command = desk.command(&["send"]);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    // The token has been fetched, and the first records are under way.
    until(&sandbox, |log| log.count("POST", "/oauth/token") == 1).await;
    signal(&child, "-INT");
    let mut seen = String::new();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    while !seen.contains("stopping") {
        assert!(lines.read_line(&mut seen).unwrap() > 0, "{seen}");
    }
    signal(&child, "-INT");
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(130));
}

#[test]
fn a_run_that_has_not_begun_is_stopped_at_once() {
    let (url, listener) = silent();
    let desk = Desk::with_students(&url);
    let send = ["send", "--results-file", "out.json"];
    let child = desk.command(&send).stderr(Stdio::piped()).spawn().unwrap();
    let (mut asking, _) = listener.accept().unwrap();
    asking.read_exact(&mut [0; 4]).unwrap();
    signal(&child, "-INT");
    let ran = desk.ended(child.wait_with_output().unwrap());
    assert_snapshot!(ran, @"
    status 5
    --- stderr
    error: stopped before anything was sent
    ");
    assert_eq!(desk.json("out.json")["outcome"], "interrupted");
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_at_the_question_ends_at_once() {
    let sandbox = sandbox().await;
    let desk = Desk::with_students(sandbox.url());
    assert_eq!(desk.run(&["send"]).status, 0);
    let mut command = desk.command(&["truncate", "-s", "students"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _open = child.stdin.take();
    let mut seen = String::new();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    while !seen.contains("Type \"yes\"") {
        assert!(lines.read_line(&mut seen).unwrap() > 0, "{seen}");
    }
    signal(&child, "-INT");
    let status = child.wait().unwrap();
    assert_eq!(status.code(), None);
    assert_eq!(sandbox.count("ed-fi/students").unwrap(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_run_loses_nothing_and_repeats_little() {
    let sandbox = slow_sandbox(5).await;
    let desk = desk(&sandbox);
    let mut child = started(&desk, &sandbox, &["send"]).await;
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), None);
    let there = sandbox.count("ed-fi/students").unwrap();
    assert!((40..RECORDS).contains(&there), "{there}");

    let ran = goes_on(&desk, &sandbox, &["send"]);
    let posts = posts(&sandbox);
    // What was answered within the last moment is not in the ledger: what was collected for a
    // transaction, what came while one was written (300 ms in all, on a busy disk, of four
    // requests of 5 ms at once), and what was under way.
    let unrecorded = TOGETHER * (1 + 300 / 5);
    assert!(
        (RECORDS..=RECORDS + unrecorded).contains(&posts),
        "{posts} POSTs\n{ran}"
    );
    assert_snapshot!(desk.run(&["send"]), @"
    status 0
    --- stderr
    students: 600 unchanged

    collection       read    created    updated  unchanged  refused
    students          600          0          0        600        0

    600 records in [duration]: 0 created, 0 updated, 600 unchanged, 0 refused.
    0 requests sent.
    ");
}

/// Starts a command, kills it as soon as the log of a sandbox is as wanted, and lets the sandbox
/// answer at once again.
async fn killed(desk: &Desk, sandbox: &Sandbox, arguments: &[&str], wanted: (&str, &str, u64)) {
    let (method, path, times) = wanted;
    let wanted = sandbox.requests().count(method, path) + times;
    let mut command = desk.command(arguments);
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    until(sandbox, |log| log.count(method, path) >= wanted).await;
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().code(), None);
    sandbox.set_faults(FaultPlan::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_killed_among_its_deletes_deletes_the_rest_and_nothing_else() {
    let sandbox = sandbox().await;
    let desk = desk(&sandbox);
    assert_eq!(desk.run(&["send"]).status, 0);
    desk.write("data/students.jsonl", students(201..=600));
    let mut slow = fault(FaultAction::Delay);
    (slow.on.method, slow.delay_ms) = (Some("DELETE".to_owned()), 20);
    sandbox.set_faults(plan(slow));
    let prune = ["send", "--prune", "--allow-deletes", "200"];
    killed(&desk, &sandbox, &prune, ("DELETE", "/ed-fi/students", 20)).await;
    let there = sandbox.count("ed-fi/students").unwrap();
    assert!((401..600).contains(&there), "{there}");

    let ran = desk.run(&prune);
    assert_eq!(ran.status, 0, "{ran}");
    assert_eq!(sandbox.count("ed-fi/students").unwrap(), 400);
    let ran = desk.run(&["send", "--prune"]);
    assert!(ran.stderr.contains("0 requests sent"), "{ran}");
    assert_eq!(posts(&sandbox), RECORDS, "nothing was sent again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_killed_among_its_look_ups_goes_on_and_brings_the_same() {
    let sandbox = sandbox().await;
    let desk = Desk::new();
    desk.configure(sandbox.url(), "");
    let generate = [
        "generate",
        "--students",
        "20",
        "--seed",
        "5",
        "--out",
        "data",
    ];
    assert_eq!(desk.run(&generate).status, 0);
    assert_eq!(desk.run(&["send"]).status, 0);
    let fetch = |out| {
        let selector = "studentSectionAssociations";
        ["fetch", "--with-references", "-s", selector, "--out", out]
    };
    assert_eq!(desk.run(&fetch("whole")).status, 0);
    // All sections have been found when offerings are looked for; then come courses.
    let mut slow = fault(FaultAction::Delay);
    slow.on.method = Some("GET".to_owned());
    (slow.on.path, slow.delay_ms) = (Some("/ed-fi/courses".to_owned()), 60_000);
    sandbox.set_faults(plan(slow));
    let offerings = ("GET", "/ed-fi/courseOfferings", 1);
    killed(&desk, &sandbox, &fetch("out"), offerings).await;
    // What is not complete is not there yet.
    assert!(!desk.path("out/courses.jsonl").exists());

    let sections = sandbox.requests().count("GET", "/ed-fi/sections");
    let ran = desk.run(&fetch("out"));
    assert_eq!(ran.status, 0, "{ran}");
    assert_eq!(
        sandbox.requests().count("GET", "/ed-fi/sections"),
        sections,
        "what was found is not asked for again"
    );
    let content = |folder: &str| {
        let files = std::fs::read_dir(desk.path(folder)).unwrap();
        let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let lines = |name: &String| {
            let text = desk.read(&format!("{folder}/{name}"));
            let lines = text.lines().map(str::to_owned);
            lines.collect::<BTreeSet<String>>()
        };
        let pairs = files.map(|name| (name.clone(), lines(&name)));
        pairs.collect::<BTreeMap<String, BTreeSet<String>>>()
    };
    assert_eq!(content("out"), content("whole"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_is_told_who_holds_the_ledger() {
    let sandbox = slow_sandbox(10).await;
    let desk = desk(&sandbox);
    let first = started(&desk, &sandbox, &["send"]).await;
    let second = desk.run(&["send"]);
    assert_eq!(second.status, 3, "{second}");
    assert!(second.stderr.contains(&first.id().to_string()), "{second}");
    assert_snapshot!(second, @"
    status 3
    --- stderr
    error: the ledger is in use by `syncline send` (process [pid] on [host]) since [time] ([home]/.syncline/ledger.lock)
      hint: wait for the other run to end, or give this one a state folder of its own
    ");
    signal(&first, "-INT");
    let first = desk.ended(first.wait_with_output().unwrap());
    assert_eq!(first.status, 5, "{first}");
    goes_on(&desk, &sandbox, &["send"]);
}
