//! Fetching into files as people do it: options, standard input on the way back, results, and
//! being killed.

use std::io::Write as _;
use std::process::{Command, Stdio};

use syncline_sandbox::{FaultAction, FaultMatch, FaultPlan, FaultRule, Sandbox};

use crate::desk::{Desk, lightbeam, students};
use crate::servers::{sandbox, until};

/// A sandbox with three students, and a desk that sent them.
async fn filled() -> (Sandbox, Desk) {
    let sandbox = sandbox().await;
    let desk = Desk::with_students(sandbox.url());
    assert_eq!(desk.run(&["send"]).status, 0);
    (sandbox, desk)
}

/// Pages of students after the first `after` ones are answered so.
fn pages(sandbox: &Sandbox, after: u64, action: FaultAction, delay_ms: u64) {
    let rule = FaultRule {
        on: FaultMatch {
            method: Some("GET".to_owned()),
            path: Some("/ed-fi/students".to_owned()),
            after,
            ..FaultMatch::default()
        },
        action,
        delay_ms,
        ..FaultRule::default()
    };
    sandbox.set_faults(FaultPlan {
        seed: 1,
        rules: vec![rule],
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_says_what_is_where_and_writes_results() {
    let (_sandbox, desk) = filled().await;
    let selector = "students,schools";
    let out = ["--out", "out", "--results-file", "results.json"];
    let ran = desk.run(&[&["fetch", "-s", selector], &out[..]].concat());
    assert_eq!((ran.status, ran.stdout.as_str()), (0, ""), "{ran}");
    assert!(ran.stderr.contains("students: 3 fetched"), "{ran}");
    assert!(
        ran.stderr
            .contains("into out: 1 file, 1 collection without records."),
        "{ran}"
    );
    assert_eq!(desk.read("out/students.jsonl").lines().count(), 3);
    let results = desk.json("results.json");
    assert_eq!(
        (&results["command"], &results["outcome"]),
        (&"fetch".into(), &"completed".into())
    );
    assert_eq!(results["resources"]["students"]["records_fetched"], 3);
    assert_eq!(results["resources"]["students"]["complete"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn members_and_queries_may_be_chosen_before_the_command() {
    let (sandbox, desk) = filled().await;
    desk.write("lightbeam.yaml", lightbeam(sandbox.url()));
    let before = [
        "-c",
        "lightbeam.yaml",
        "-q",
        "{\"studentUniqueId\": 2}",
        "-k",
        "*Id,firstName",
    ];
    let ran = desk.run(&[&before[..], &["fetch", "-s", "students", "--out", "out"]].concat());
    assert_eq!(ran.status, 0, "{ran}");
    let text = desk.read("out/students.jsonl");
    assert!(
        text.starts_with("{\"studentUniqueId\":\"2\",\"firstName\":"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_fetch_leaves_the_file_before_it_and_the_next_one_replaces_it() {
    for format in ["jsonl", "parquet"] {
        let sandbox = sandbox().await;
        let desk = Desk::new();
        desk.write("data/students.jsonl", students(1..=60));
        desk.configure(sandbox.url(), "    page_size: 5\n");
        assert_eq!(desk.run(&["send"]).status, 0);
        let fetch = [
            "fetch", "-s", "students", "--out", "out", "--format", format,
        ];
        let file = format!("out/students.{format}");
        desk.write(&file, "{\"of\":\"last week\"}\n");
        pages(&sandbox, 3, FaultAction::Delay, 60_000);
        let before = sandbox.requests().count("GET", "/ed-fi/students");
        let mut child = desk.command(&fetch).stderr(Stdio::null()).spawn().unwrap();
        until(&sandbox, |log| {
            log.count("GET", "/ed-fi/students") >= before + 3
        })
        .await;
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(desk.read(&file), "{\"of\":\"last week\"}\n");
        sandbox.set_faults(FaultPlan::default());
        let ran = desk.run(&fetch);
        assert_eq!(ran.status, 0, "{ran}");
        if format == "jsonl" {
            assert_eq!(desk.read(&file).lines().count(), 60);
        } else {
            let bytes = std::fs::read(desk.path(&file)).unwrap();
            assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
            assert!(ran.stderr.contains("students: 60 fetched"), "{ran}");
        }
        assert!(!desk.path(&format!("{file}.part")).exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_leaves_the_file_before_it() {
    let sandbox = sandbox().await;
    let desk = Desk::new();
    desk.write("data/students.jsonl", students(1..=600));
    desk.configure(sandbox.url(), "");
    assert_eq!(desk.run(&["send"]).status, 0);
    for format in ["jsonl", "csv", "parquet"] {
        let fetch = [
            "fetch", "-s", "students", "--out", "out", "--format", format,
        ];
        let file = format!("out/students.{format}");
        desk.write(&file, "{\"of\":\"last week\"}\n");
        // No file may grow beyond eight blocks, and whoever tries is told so.
        let whole = desk.command(&fetch);
        let mut limited = Command::new("sh");
        limited
            .args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$@\"", "sh"])
            .arg(whole.get_program())
            .args(whole.get_args())
            .env_clear()
            .current_dir(desk.home());
        for (name, value) in whole.get_envs() {
            limited.env(name, value.unwrap_or_default());
        }
        let ran = desk.ended(limited.output().unwrap());
        assert_eq!(ran.status, 3, "{ran}");
        assert!(ran.stderr.contains("too large"), "{ran}");
        assert_eq!(desk.read(&file), "{\"of\":\"last week\"}\n");
        let left = std::fs::read_dir(desk.path("out")).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left.len(), 1, "{left:?}");
        assert_eq!(desk.run(&fetch).status, 0);
        std::fs::remove_dir_all(desk.path("out")).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_refused_ends_with_a_status_in_either_dialect() {
    let (sandbox, desk) = filled().await;
    desk.write("lightbeam.yaml", lightbeam(sandbox.url()));
    let forbidden = FaultAction::Status {
        status: 403,
        body: "{\"detail\":\"not yours\"}".to_owned(),
        headers: [].into(),
    };
    pages(&sandbox, 0, forbidden, 0);
    for (selector, more, status) in [
        ("students", &[][..], 2),
        ("students", &["-c", "lightbeam.yaml"], 255),
        ("students", &["-c", "lightbeam.yaml", "--strict-exit"], 2),
        ("students,gradeLevelDescriptors", &[], 1),
    ] {
        let ran = desk.run(&[&["fetch", "-s", selector, "--out", "out"], more].concat());
        assert_eq!(ran.status, status, "{ran}");
        assert!(ran.stderr.contains("403: not yours"), "{ran}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_come_from_standard_input_for_one_collection() {
    let sandbox = sandbox().await;
    let desk = Desk::with_students(sandbox.url());
    let send = ["send", "--set", "stores.district.path", "-"];
    let ran = desk.run(&send);
    assert_eq!(ran.status, 2, "{ran}");
    assert!(ran.stderr.contains("belong to one collection"), "{ran}");
    for _ in 0..2 {
        let mut command = desk.command(&[&send[..], &["-s", "students"]].concat());
        let mut child = command
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let text = students(1..=4);
        child
            .stdin
            .take()
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
        let ran = desk.ended(child.wait_with_output().unwrap());
        assert_eq!(ran.status, 0, "{ran}");
    }
    assert_eq!(sandbox.count("ed-fi/students").unwrap(), 4);
    assert_eq!(
        sandbox.requests().count("POST", "/ed-fi/students"),
        4,
        "nothing is sent twice"
    );
}
