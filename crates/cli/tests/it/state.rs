//! `state`: what a person sees of what is kept.

use insta::assert_snapshot;
use md5::{Digest as _, Md5};
use regex::Regex;
use serde_json::Value;

use crate::desk::{Desk, Ran, lightbeam, students};
use crate::servers::{posts, sandbox};

const BAD: &str = "{\"studentUniqueId\":\"9\",\"lastSurname\":\"Byron\"}\n";

/// What a person sees, without times and digests.
fn seen(ran: &Ran) -> String {
    let text = ran.to_string();
    let text = Regex::new(r"\d{4}-\d\d-\d\dT[\d:]+Z")
        .unwrap()
        .replace_all(&text, "[time]");
    Regex::new("[0-9a-f]{32}")
        .unwrap()
        .replace_all(&text, "[digest]")
        .into_owned()
}

/// What lightbeam remembers of three students, the last of them refused.
fn remembered() -> Vec<u8> {
    let mut pickle = b"\x80\x04}\x94(".to_vec();
    for (line, status) in students(1..=3).lines().zip([201_u16, 200, 403]) {
        pickle.extend([b'C', 16]);
        pickle.extend(Md5::digest(line));
        pickle.extend([0x94, b'J']);
        pickle.extend(1_700_000_000_i32.to_le_bytes());
        pickle.push(b'M');
        pickle.extend(status.to_le_bytes());
        pickle.extend([0x86, 0x94]);
    }
    pickle.extend(b"u.");
    pickle
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lightbeam_user_goes_on_where_lightbeam_stopped() {
    let sandbox = sandbox().await;
    let desk = Desk::new();
    desk.write("lightbeam.yaml", lightbeam(sandbox.url()));
    desk.write("data/students.jsonl", students(1..=4));
    desk.write("state/students.dat", remembered());
    let ran = desk.run(&["state", "import", "state"]);
    assert_snapshot!("state-import", seen(&ran));
    assert_eq!(desk.run(&["send"]).status, 0);
    assert_eq!(posts(&sandbox), 2);
    assert_eq!(desk.run(&["send"]).status, 99, "all skipped");
    assert_eq!(posts(&sandbox), 2);
    assert_snapshot!("state-runs", seen(&desk.run(&["state", "runs"])));
    let ran = desk.run(&["state", "import", "state", "-s", "studnets"]);
    assert_eq!(ran.status, 2, "{ran}");
    assert!(ran.stderr.contains("did you mean `students`?"), "{ran}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_and_owed_is_shown() {
    let sandbox = sandbox().await;
    let desk = Desk::with_students(sandbox.url());
    desk.write("data/students.jsonl", students(1..=3) + BAD);
    assert_eq!(desk.run(&["send"]).status, 1);
    assert_snapshot!("state-show", seen(&desk.run(&["state", "show"])));
    let owed = desk.run(&["state", "owed"]);
    assert_snapshot!("state-owed", seen(&owed));
    assert!(!owed.stdout.contains("Byron"), "{owed}");
    let values = desk.run(&["state", "owed", "--show-values", "--json"]);
    let line: Value = serde_json::from_str(&values.stdout).unwrap();
    assert_eq!((&line["line"], &line["status"]), (&4.into(), &400.into()));
    assert_eq!(line["body"]["lastSurname"], "Byron");

    for command in [
        ["state", "show", "--json"].as_slice(),
        &["state", "runs", "--json", "--limit", "1"],
        &["-s", "students", "state", "show", "--json"],
    ] {
        let ran = desk.run(command);
        assert_eq!(ran.status, 0, "{ran}");
        let value: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(value["flow"], "send", "{ran}");
    }
    let ran = desk.run(&["state", "owed", "-s", "schools"]);
    assert_eq!(ran.status, 2, "{ran}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_is_exported_and_forgotten() {
    let sandbox = sandbox().await;
    let desk = Desk::with_students(sandbox.url());
    assert_eq!(desk.run(&["send"]).status, 0);
    let ran = desk.run(&[
        "state",
        "export",
        "--format",
        "jsonl",
        "--out",
        "known.jsonl",
    ]);
    assert_eq!(ran.status, 0, "{ran}");
    assert_eq!(ran.stderr, "3 rows written to known.jsonl\n");
    assert_eq!(desk.read("known.jsonl").lines().count(), 3);
    let first: Value =
        serde_json::from_str(desk.read("known.jsonl").lines().next().unwrap()).unwrap();
    assert_eq!(first["outcome"], "created");
    let ran = desk.run(&[
        "state",
        "export",
        "--format",
        "parquet",
        "--out",
        "known.parquet",
    ]);
    assert_eq!(ran.status, 0, "{ran}");
    assert_eq!(ran.stderr, "3 rows written to known.parquet\n");
    let bytes = std::fs::read(desk.path("known.parquet")).unwrap();
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));

    let ran = desk.run(&["state", "forget"]);
    assert_snapshot!("state-forget-unanswered", seen(&ran));
    assert_eq!(desk.run(&["send"]).status, 0);
    assert_eq!(posts(&sandbox), 3);
    let ran = desk.run(&["state", "forget", "-s", "students", "--yes"]);
    assert_eq!(ran.status, 0, "{ran}");
    assert_eq!(desk.run(&["send"]).status, 0);
    assert_eq!(posts(&sandbox), 6);
    let ran = desk.run(&["state", "forget", "--owed", "--yes"]);
    assert_eq!(
        (ran.status, ran.stderr.as_str()),
        (0, "There is nothing to forget.\n")
    );
}

#[test]
fn where_nothing_is_kept_that_is_said() {
    let desk = Desk::with_students("https://api.example.org/v7");
    for command in ["show", "runs", "owed", "forget"] {
        let ran = desk.run(&["state", command]);
        assert_eq!(ran.status, 2, "{ran}");
        assert!(ran.stderr.contains("holds no ledger yet"), "{ran}");
    }
    assert!(!desk.path(".syncline").exists(), "looking makes nothing");
    let stateless = lightbeam("https://api.example.org/v7").replace("state_dir: ./state\n", "");
    desk.write("lightbeam.yaml", stateless);
    let ran = desk.run(&["state", "show", "-c", "lightbeam.yaml"]);
    assert_eq!(ran.status, 2, "{ran}");
    assert!(ran.stderr.contains("`state_dir` is not set"), "{ran}");
}
