//! `watch`: rounds of a flow and of a publication, and how they end.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use syncline_sandbox::FaultPlan;

use crate::desk::{Desk, Ran};
use crate::publishing::Publishing;
use crate::servers::{slow, until};

/// Longest time that anything is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A flow `f` between two tables, which deletes what went.
fn desk(rows: &str) -> Desk {
    let desk = Desk::new();
    desk.write("left/l.csv", format!("id,name\n{rows}"));
    desk.write("right/r.csv", "id,name\n");
    desk.write(
        "syncline.yaml",
        "stores:\n  left: {kind: files, path: left}\n  right: {kind: files, path: right}\nflows:\n  \
         f:\n    from: left\n    to: right\n    collections:\n      r:\n        from: l\n        \
         key: {id: id}\n        map: {name: name}\n        delete: {style: delete}\n",
    );
    desk
}

/// The rows of the target, in order.
fn rows(desk: &Desk) -> Vec<String> {
    let text = desk.read("right/r.csv");
    let mut rows: Vec<String> = text.lines().skip(1).map(str::to_owned).collect();
    rows.sort();
    rows
}

/// The health file, if there is one yet: it is replaced as a whole.
pub(crate) fn health(desk: &Desk) -> Option<Value> {
    let text = std::fs::read(desk.path("health.json")).ok()?;
    Some(serde_json::from_slice(&text).unwrap())
}

/// Comes back when the health is as wanted.
pub(crate) async fn until_health(desk: &Desk, wanted: impl Fn(&Value) -> bool) -> Value {
    let waiting = async {
        loop {
            match health(desk) {
                Some(health) if wanted(&health) => return health,
                _ => tokio::task::yield_now().await,
            }
        }
    };
    let waiting = tokio::time::timeout(PATIENCE, waiting);
    waiting.await.expect("what is waited for")
}

/// A process, which ends with its test whatever comes of that.
pub(crate) struct Running(Option<Child>);

impl Running {
    pub(crate) fn of(mut command: Command) -> Self {
        Self(Some(command.spawn().unwrap()))
    }

    fn id(&self) -> u32 {
        self.0.as_ref().unwrap().id()
    }

    /// Tells it to end, and waits until it has.
    pub(crate) fn told_to_end(mut self, desk: &Desk) -> Ran {
        let told = Command::new("kill")
            .args(["-TERM", &self.id().to_string()])
            .status();
        assert!(told.unwrap().success());
        desk.ended(self.0.take().unwrap().wait_with_output().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

fn spawned(mut command: Command) -> Running {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    Running::of(command)
}

const WATCH: [&str; 4] = ["watch", "f", "--health", "health.json"];

#[test]
fn rounds_bring_the_target_in_step_and_the_health_file_says_so() {
    let desk = desk("1,a\n2,b\n");
    let times = ["--every", "1ms", "--times", "3", "--results-file", "r.json"];
    let ran = desk.run(&[&WATCH[..], &times].concat());
    assert_eq!(ran.status, 0, "{ran}");
    assert_eq!(rows(&desk), ["1,a", "2,b"]);
    assert_eq!(
        ran.stderr.matches("The next round begins at").count(),
        2,
        "{ran}"
    );
    assert_eq!(
        ran.stderr.matches("r: 2 created, 0 updated").count(),
        1,
        "{ran}"
    );
    let health = health(&desk).unwrap();
    assert_eq!(
        (&health["runs"], &health["state"]),
        (&3.into(), &"stopped".into())
    );
    assert_eq!(health["last_outcome"]["outcome"], "done");
    assert!(health["last_success_at"].is_string() && health["next_run_at"].is_null());
    assert_eq!(desk.json("r.json")["command"], "watch");
}

#[test]
fn what_cannot_work_ends_it_at_once() {
    let desk = desk("1,a\n");
    let every = ["--every", "1h"];
    for (arguments, told) in [
        (&["watch", "g"][..], "has no flow named `g`"),
        (&["watch"], "it is not said what is to be watched"),
        (&["watch", "f", "--every", "soon"], "--every"),
    ] {
        let every = if arguments.contains(&"--every") {
            &[][..]
        } else {
            &every[..]
        };
        let ran = desk.run(&[arguments, every].concat());
        assert_eq!(ran.status, 2, "{ran}");
        assert!(ran.stderr.contains(told), "{ran}");
    }
    desk.write("right/r.csv", "name\n");
    let ran = desk.run(&[&WATCH[..], &every].concat());
    assert_eq!(ran.status, 2, "{ran}");
    assert_eq!(health(&desk).unwrap()["state"], "stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_another_process_has_the_flow_rounds_fail_and_go_on() {
    let desk = desk("1,a\n2,b\n");
    // It has the flow for as long as its source keeps it waiting.
    desk.write(
        "slow.py",
        "import sys\n\
         print('{\"syncline\":1,\"can\":[],\"collections\":[{\"name\":\"l\",\"key\":[\"id\"]}]}', flush=True)\n\
         for line in sys.stdin:\n    \
         if '\"read\"' in line: open('reading', 'w').close()\n",
    );
    let slow = "left: {kind: exec, command: [python3, slow.py]}";
    let config = desk.read("syncline.yaml");
    desk.write(
        "other.yaml",
        config.replace("left: {kind: files, path: left}", slow),
    );
    let mut other = desk.command(&["sync", "f", "-c", "other.yaml"]);
    other.stdout(Stdio::null()).stderr(Stdio::null());
    let other = Running::of(other);
    let reading = async {
        while !desk.path("reading").exists() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.unwrap();
    let often = ["--every", "1ms", "--longest-wait", "2ms"];
    let child = spawned(desk.command(&[&WATCH[..], &often].concat()));
    let failing = until_health(&desk, |health| {
        health["consecutive_failures"].as_u64() > Some(1)
    })
    .await;
    let told = failing["last_outcome"]["error"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(told.contains("in use by `syncline sync`"), "{failing}");
    drop(other);
    until_health(&desk, |health| health["last_success_at"].is_string()).await;
    let ran = child.told_to_end(&desk);
    assert!([0, 5].contains(&ran.status), "{ran}");
    assert_eq!(rows(&desk), ["1,a", "2,b"]);
}

#[test]
fn the_last_round_is_a_page() {
    let desk = desk("1,a\n2,b\n");
    let times = ["--every", "1ms", "--times", "1", "--report", "run.html"];
    let ran = desk.run(&[&WATCH[..], &times].concat());
    assert_eq!(ran.status, 0, "{ran}");
    let page = desk.read("run.html");
    assert!(
        page.contains("Run of f") && page.contains("2 created"),
        "{page}"
    );
    let ran = desk.run(&["watch", "--every", "1h", "--report", "run.html"]);
    assert_eq!(ran.status, 2, "{ran}");
}

#[test]
fn only_what_is_meant_is_done_and_a_key_that_went_is_waited_for() {
    let desk = desk("1,a\n2,b\n");
    let times = ["--every", "1ms", "--times", "1"];
    let ran = desk.run(&[&WATCH[..], &times, &["--only-key", "2"]].concat());
    assert_eq!(ran.status, 0, "{ran}");
    assert_eq!(rows(&desk), ["2,b"]);
    let ran = desk.run(&[&WATCH[..], &times, &["--only-kind", "delete"]].concat());
    assert_eq!(ran.status, 0, "{ran}");
    assert_eq!(rows(&desk), ["2,b"]);
    // Whoever has seen it once knows that it was no slip of the pen.
    desk.write("left/l.csv", "id,name\n1,a\n3,c\n");
    let times = ["--every", "1ms", "--times", "3", "--only-key", "2"];
    let ran = desk.run(&[&WATCH[..], &times].concat());
    assert_eq!(ran.status, 0, "{ran}");
    assert_eq!(rows(&desk), [""; 0]);
    assert_eq!(health(&desk).unwrap()["runs"], 3);
    let ran = desk.run(&[&WATCH[..], &times].concat());
    assert_eq!(ran.status, 2, "{ran}");
    assert!(ran.stderr.contains("neither side has a record"), "{ran}");
    let nobody = ["--every", "1ms", "--times", "1", "--only-collection", "s"];
    let ran = desk.run(&[&WATCH[..], &nobody].concat());
    assert_eq!(ran.status, 2, "{ran}");
    assert!(
        ran.stderr.contains("the flow fills no collection `s`"),
        "{ran}"
    );
    let ran = desk.run(&["watch", "--every", "1h", "--only-key", "1"]);
    assert_eq!(ran.status, 2, "{ran}");
    assert!(
        ran.stderr.contains("narrow a flow, and none is named"),
        "{ran}"
    );
}

#[test]
fn guards_hold_and_end_nothing() {
    let desk = desk("1,a\n2,b\n");
    assert_eq!(desk.run(&["sync", "f"]).status, 0);
    desk.write("left/l.csv", "id,name\n");
    let times = ["--every", "1ms", "--times", "2"];
    let ran = desk.run(&[&WATCH[..], &times].concat());
    assert_eq!(ran.status, 4, "{ran}");
    assert!(ran.stderr.contains("empty-source"), "{ran}");
    let how = "to allow it once: `--allow empty-source";
    assert!(
        ran.stderr.contains(how) || ran.stdout.contains(how),
        "{ran}"
    );
    let health = health(&desk).unwrap();
    assert_eq!(
        (&health["runs"], &health["consecutive_failures"]),
        (&2.into(), &0.into())
    );
    assert_eq!(health["last_outcome"]["outcome"], "held by a guard");
    assert_eq!(rows(&desk), ["1,a", "2,b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn told_to_stop_between_rounds_it_ends_with_0_at_once() {
    let desk = desk("1,a\n");
    let child = spawned(desk.command(&[&WATCH[..], &["--every", "1h"]].concat()));
    let waiting = until_health(&desk, |health| health["state"] == "waiting").await;
    assert_eq!(waiting["process_id"], child.id());
    assert!(waiting["next_run_at"].is_string());
    let ran = child.told_to_end(&desk);
    assert_eq!(ran.status, 0, "{ran}");
    assert_eq!(health(&desk).unwrap()["state"], "stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_away_is_waited_for() {
    let desk = desk("1,a\n");
    let often = ["--every", "1ms", "--longest-wait", "2ms"];
    let child = spawned(desk.command(&[&WATCH[..], &often].concat()));
    until_health(&desk, |health| health["last_success_at"].is_string()).await;
    std::fs::rename(desk.path("left/l.csv"), desk.path("away.csv")).unwrap();
    let failing = until_health(&desk, |health| {
        health["consecutive_failures"].as_u64() > Some(2)
    })
    .await;
    let last = &failing["last_outcome"];
    assert_eq!(last["outcome"], "failed", "{failing}");
    assert!(last["error"].as_str().unwrap().len() > 5, "{failing}");
    assert_eq!(rows(&desk), ["1,a"], "nothing is deleted for it");
    desk.write("away.csv", "id,name\n1,a\n2,b\n");
    std::fs::rename(desk.path("away.csv"), desk.path("left/l.csv")).unwrap();
    until_health(&desk, |health| health["consecutive_failures"] == 0).await;
    let ran = child.told_to_end(&desk);
    // It may have been in a round.
    assert!([0, 5].contains(&ran.status), "{ran}");
    assert_eq!(desk.run(&["sync", "f"]).status, 0);
    assert_eq!(rows(&desk), ["1,a", "2,b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publication_is_watched_alone_and_cut_off_midway_with_5() {
    let publishing = Publishing::of(40).await;
    let desk = &publishing.desk;
    let config = desk.read("syncline.yaml");
    desk.write("syncline.yaml", config + "  ignore_isolation: true\n");
    publishing.target.set_faults(slow(30));
    let watch = ["watch", "--every", "1h", "--health", "health.json"];
    let mut command = desk.command(&watch);
    command.env("SECRET", "populatedSecret");
    let child = spawned(command);
    until(&publishing.target, |log| {
        log.count("POST", "/ed-fi/students") >= 5
    })
    .await;
    let other = publishing.run(&["publish"]);
    assert_eq!(other.status, 3, "{other}");
    assert!(
        other.stderr.contains("in use by `syncline watch`"),
        "{other}"
    );
    let ran = child.told_to_end(desk);
    assert_eq!(ran.status, 5, "{ran}");
    let health = health(desk).unwrap();
    assert_eq!(health["last_outcome"]["outcome"], "interrupted", "{health}");
    assert_eq!(health["watches"], "publish");

    publishing.target.set_faults(FaultPlan::default());
    let ran = publishing.run(&[&watch[..], &["--times", "1"]].concat());
    assert_eq!(ran.status, 0, "{ran}");
    assert!(ran.stderr.contains("Published up to"), "{ran}");
    assert_eq!(publishing.run(&["verify"]).status, 0);
}

#[test]
fn what_cannot_be_watched_is_refused() {
    let desk = desk("1,a\n");
    for (arguments, said) in [
        (
            &["watch", "g", "--every", "1h"][..],
            "has no flow named `g`",
        ),
        (
            &["watch", "--every", "1h"],
            "it is not said what is to be watched",
        ),
        (&["watch", "f", "--every", "0s"], "--every must be above 0"),
        (
            &["watch", "f", "--every", "soon"],
            "--every: soon is no length of time",
        ),
        (&["watch", "f"], "--every <TIME>"),
        (
            &["watch", "f", "--every", "1h", "--times", "0"],
            "--times must be above 0",
        ),
    ] {
        let ran = desk.run(arguments);
        assert_eq!(ran.status, 2, "{ran}");
        assert!(ran.stderr.contains(said), "{said}: {ran}");
    }
    assert_eq!(rows(&desk), [""; 0]);
    std::fs::create_dir(desk.path("health.json")).unwrap();
    let ran = desk.run(&[&WATCH[..], &["--every", "1h"]].concat());
    assert_eq!(ran.status, 3, "{ran}");
    assert!(ran.stderr.contains("health.json"), "{ran}");
}
