//! Checking files as people do it: what is said, exit codes of both kinds of configuration,
//! results, and sending only what may be sent.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::json;

use crate::desk::{Desk, lightbeam, students};
use crate::servers::{closed_port, posts, sandbox};

/// A record that lacks what it has to have.
const BAD: &str =
    "{\"studentUniqueId\":\"9\",\"lastSurname\":\"Byron\",\"birthDate\":\"2014-05-01\"}\n";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_once_with_count_lines_and_what_to_do() {
    let sandbox = sandbox().await;
    let desk = Desk::with_students(sandbox.url());
    let wrong = students([4, 5]).replace("2014-05-01", "2014-05-32");
    let odd = students([6]).replace("\"firstName\"", "\"fistName\":\"A\",\"firstName\"");
    desk.write("data/students.jsonl", students(1..=3) + &wrong + &odd);
    let ran = desk.run(&["validate"]);
    assert_eq!(ran.stdout, "");
    insta::assert_snapshot!(ran, @r"
    status 1
    --- stderr

    collection    records  not right     errors   warnings
    students            6          2          2          1

    students:
      schema: the text is a date that does not exist at $.birthDate
        2 times, students.jsonl, lines 4, 5 (the first: $.birthDate, column 76)
      schema, a warning: the schema has no member fistName, and servers ignore it at $.fistName
        students.jsonl, line 6 ($.fistName, column 35)
        hint: did you mean firstName?

    6 records in [duration]: 2 would be refused.
    ");
    let status = |text: &str, arguments: &[&str]| {
        desk.write("data/students.jsonl", text);
        desk.run(&[&["validate"], arguments].concat()).status
    };
    assert_eq!(status(&odd, &[]), 0);
    assert_eq!(status(BAD, &["--methods", "shema"]), 2);
    assert_eq!(status(BAD, &["-s", "studnets"]), 2);
    desk.configure(&closed_port(), "");
    assert_eq!(status(BAD, &["-w"]), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_codes_are_those_of_lightbeam_with_its_configuration() {
    let sandbox = sandbox().await;
    let desk = Desk::new();
    desk.write("lightbeam.yaml", lightbeam(sandbox.url()));
    let status = |text: &str, arguments: &[&str]| {
        desk.write("data/students.jsonl", text);
        desk.run(&[&["validate"], arguments].concat()).status
    };
    assert_eq!(status(&students(1..=3), &[]), 0);
    // Some are not right.
    assert_eq!(status(&(students(1..=3) + BAD), &[]), 0);
    assert_eq!(status(&(students(1..=3) + BAD), &["--strict-exit"]), 1);
    // None is right, or there is none.
    assert_eq!(status(BAD, &[]), 1);
    assert_eq!(status("", &[]), 1);
    assert_eq!(status("", &["--strict-exit"]), 0);
    // It cannot go on.
    assert_eq!(status(BAD, &["-s", "studnets"]), 255);
    assert_eq!(
        status(&(students(1..=3) + BAD), &["--max-failures", "1"]),
        255
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lightbeam_file_says_which_checks_are_made() {
    let sandbox = sandbox().await;
    let desk = Desk::new();
    let section = "validate:\n  methods: [schema]\n  references:\n    max_failures: 10\n    \
                   selector:\n      - students.personReference\n    behavior: include\n    \
                   remote: false\n    verbose: yes\n";
    desk.write("lightbeam.yaml", lightbeam(sandbox.url()) + section);
    desk.write("data/students.jsonl", students([1, 1]));
    let ran = desk.run(&["validate", "--strict-exit"]);
    assert_eq!(ran.status, 0, "{ran}");
    assert!(
        ran.stderr
            .contains("unknown key `validate.references.verbose`, ignored"),
        "{ran}"
    );
    let ran = desk.run(&["validate", "--strict-exit", "--methods", "uniqueness"]);
    assert_eq!(ran.status, 1, "{ran}");
    let ran = desk.run(&[
        "validate",
        "--strict-exit",
        "--set",
        "validate.methods",
        "uniqueness",
    ]);
    assert_eq!(ran.status, 1, "{ran}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_results_file_has_the_members_that_lightbeams_users_read() {
    let sandbox = sandbox().await;
    let desk = Desk::new();
    desk.write("lightbeam.yaml", lightbeam(sandbox.url()));
    desk.write("data/students.jsonl", students(1..=3) + BAD + "{\n");
    let ran = desk.run(&["validate", "--results-file", "out/results.json"]);
    assert_eq!(ran.status, 0, "{ran}");
    let results = desk.json("out/results.json");
    for member in [
        "started_at",
        "completed_at",
        "runtime_sec",
        "working_dir",
        "config_file",
        "data_dir",
        "api_url",
        "namespace",
    ] {
        assert!(!results[member].is_null(), "{member}: {results}");
    }
    assert_eq!(results["command"], "validate");
    assert_eq!(results["total_records_processed"], 5);
    assert_eq!(results["total_records_skipped"], 0);
    assert_eq!(results["total_records_failed"], 2);
    let students = &results["resources"]["students"];
    assert_eq!(students["records_processed"], 5);
    assert_eq!(students["records_failed"], 2);
    let failures = students["failures"].as_array().unwrap();
    let mut told: Vec<_> = failures
        .iter()
        .map(|group| {
            json!([
                group["method"],
                group["file"],
                group["line_numbers"],
                group["count"]
            ])
        })
        .collect();
    told.sort_by_key(ToString::to_string);
    assert_eq!(
        told,
        [
            json!(["json", "students.jsonl", [5], 1]),
            json!(["schema", "students.jsonl", [4], 1]),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_cannot_begin_writes_its_results_file_all_the_same() {
    let desk = Desk::with_students(&closed_port());
    let ran = desk.run(&["validate", "--results-file", "results.json"]);
    assert_eq!(ran.status, 3, "{ran}");
    let results = desk.json("results.json");
    assert_eq!(
        (&results["outcome"], &results["exit_status"]),
        (&json!("failed"), &json!(3))
    );
    assert!(
        results["error"]
            .as_str()
            .is_some_and(|error| !error.is_empty())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn with_our_configuration_nothing_is_sent_unless_everything_may_be() {
    let sandbox = sandbox().await;
    let desk = Desk::with_students(sandbox.url());
    desk.write("data/students.jsonl", students(1..=3) + BAD);
    let ran = desk.run(&["validate+send", "--results-file", "results.json"]);
    assert_eq!((ran.status, posts(&sandbox)), (1, 0), "{ran}");
    assert!(ran.stderr.contains("Nothing was sent."), "{ran}");
    assert_eq!(desk.json("results.json")["command"], "validate+send");
    desk.write("data/students.jsonl", students(1..=3));
    let ran = desk.run(&["validate+send", "--results-file", "results.json"]);
    assert_eq!((ran.status, posts(&sandbox)), (0, 3), "{ran}");
    let results = desk.json("results.json");
    assert_eq!(results["resources"]["students"]["records_created"], 3);
    assert_eq!(results["validation"]["total_records_processed"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_lightbeam_file_everything_is_sent_if_anything_may_be() {
    let sandbox = sandbox().await;
    let desk = Desk::new();
    desk.write("lightbeam.yaml", lightbeam(sandbox.url()));
    desk.write("data/students.jsonl", BAD);
    let ran = desk.run(&["validate+send"]);
    assert_eq!((ran.status, posts(&sandbox)), (1, 0), "{ran}");
    desk.write("data/students.jsonl", students(1..=3) + BAD);
    let ran = desk.run(&["validate+send", "--strict-exit"]);
    assert_eq!((ran.status, posts(&sandbox)), (1, 0), "{ran}");
    let ran = desk.run(&["validate+send", "--results-file", "results.json"]);
    assert_eq!((ran.status, posts(&sandbox)), (0, 4), "{ran}");
    let results = desk.json("results.json");
    assert_eq!(results["command"], "send");
    assert_eq!(results["validation"]["total_records_failed"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn standard_input_is_checked_like_a_file() {
    let sandbox = sandbox().await;
    let desk = Desk::with_students(sandbox.url());
    let set = ["--set", "stores.district.path", "-"];
    let mut child = desk
        .command(&[&["validate", "-s", "students"], &set[..]].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input
        .write_all((students([7, 7]) + BAD).as_bytes())
        .unwrap();
    drop(input);
    let ran = desk.ended(child.wait_with_output().unwrap());
    assert_eq!(ran.status, 1, "{ran}");
    assert!(ran.stderr.contains("2 would be refused"), "{ran}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_json_lines_the_end_is_an_event() {
    let sandbox = sandbox().await;
    let desk = Desk::with_students(sandbox.url());
    let ran = desk.run(&["validate", "--log-format", "json"]);
    let events: Vec<serde_json::Value> = ran
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let last = events.last().unwrap();
    assert_eq!(
        (&last["event"], &last["total_records_processed"]),
        (&json!("finished"), &json!(3))
    );
}
