//! What lightbeam's users rely on: their file, their options, their exit codes, their results.

use serde_json::{Value, json};

use crate::desk::{Desk, lightbeam, students};
use crate::servers::{closed_port, posts, sandbox};

const BAD: &str =
    "{\"studentUniqueId\": \"9\", \"lastSurname\": \"Byron\", \"birthDate\": \"2014-05-01\"}\n";

/// A desk with a `lightbeam.yaml` and three students.
fn desk(url: &str) -> Desk {
    let desk = Desk::new();
    desk.write("lightbeam.yaml", lightbeam(url));
    desk.write("data/students.jsonl", students(1..=3));
    desk
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_codes_are_those_of_lightbeam() {
    let sandbox = sandbox().await;
    let desk = desk(sandbox.url());
    assert_eq!(desk.run(&["send"]).status, 0);
    // All skipped.
    assert_eq!(desk.run(&["send"]).status, 99);
    assert_eq!(desk.run(&["send", "--strict-exit"]).status, 0);
    // Some failed.
    desk.write("data/students.jsonl", students(1..=4) + BAD);
    assert_eq!(desk.run(&["send"]).status, 0);
    // All failed: the last one is tried again, and nothing else is there.
    desk.write("data/students.jsonl", BAD);
    assert_eq!(desk.run(&["send"]).status, 1);
    assert_eq!(desk.run(&["send", "--strict-exit"]).status, 1);
    // An empty file is all skipped.
    desk.write("data/students.jsonl", "");
    assert_eq!(desk.run(&["send"]).status, 99);
}

#[tokio::test(flavor = "multi_thread")]
async fn options_may_stand_before_the_command() {
    let sandbox = sandbox().await;
    let desk = desk(sandbox.url());
    desk.write("data/schools.jsonl", "{}\n");
    let ran = desk.run(&["-c", "lightbeam.yaml", "-s", "students", "send"]);
    assert_eq!(ran.status, 0, "{ran}");
    assert_eq!(sandbox.count("ed-fi/students").unwrap(), 3);
    let ran = desk.run(&["-f", "send", "-c", "lightbeam.yaml", "-e", "schools"]);
    assert_eq!(ran.status, 0, "{ran}");
    assert_eq!(posts(&sandbox), 6);
    let ran = desk.run(&["--results-file", "out.json", "send", "-s", "students"]);
    assert_eq!(ran.status, 99, "{ran}");
    assert_eq!(desk.json("out.json")["total_records_skipped"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn options_may_be_abbreviated_while_one_only_can_be_meant() {
    let sandbox = sandbox().await;
    let desk = desk(sandbox.url());
    let ran = desk.run(&["--config", "lightbeam.yaml", "send", "--sel", "students"]);
    assert_eq!(ran.status, 0, "{ran}");
    let ran = desk.run(&["send", "--forc", "--results", "out.json"]);
    assert_eq!((ran.status, posts(&sandbox)), (0, 6), "{ran}");
    assert_eq!(desk.json("out.json")["total_records_processed"], 3);
    // The results file, or status codes to send again?
    let ran = desk.run(&["send", "--res", "out.json"]);
    assert_eq!(ran.status, 2, "{ran}");
    assert_eq!(posts(&sandbox), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn params_go_before_the_environment() {
    let sandbox = sandbox().await;
    let desk = desk(sandbox.url());
    let yaml =
        lightbeam(sandbox.url()).replace("populatedSecret", "$SECRET") + "  timeout: ${WAIT}\n";
    desk.write("lightbeam.yaml", yaml);
    let params = r#"{"SECRET": "populatedSecret", "WAIT": 30}"#;
    let output = desk
        .command(&["send", "-p", params])
        .env("SECRET", "wrong")
        .output();
    let ran = desk.ended(output.unwrap());
    assert_eq!(ran.status, 0, "{ran}");
    assert_eq!(sandbox.count("ed-fi/students").unwrap(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_can_be_sent_again_by_time_and_status() {
    let sandbox = sandbox().await;
    let desk = desk(sandbox.url());
    desk.run(&["send"]);
    let again = |arguments: &[&str]| {
        let before = posts(&sandbox);
        let ran = desk.run(&[&["send"], arguments].concat());
        assert!(ran.status == 0 || ran.status == 99, "{ran}");
        posts(&sandbox) - before
    };
    assert_eq!(again(&[]), 0);
    assert_eq!(again(&["-o", "2020-01-01"]), 0);
    assert_eq!(again(&["-o", "2999-01-01"]), 3);
    assert_eq!(again(&["-n", "2020-01-01T00:00:00"]), 3);
    assert_eq!(again(&["-n", "2999-01-01"]), 0);
    assert_eq!(again(&["-r", "409,500"]), 0);
    assert_eq!(again(&["-r", "200,201"]), 3);
    assert_eq!(again(&["-f"]), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn values_can_be_set_from_the_command_line() {
    let sandbox = sandbox().await;
    let desk = desk(&closed_port());
    desk.write("more/students.jsonl", students(1..=5));
    let set = [
        "send",
        "--set",
        "edfi_api.base_url",
        sandbox.url(),
        "data_dir",
        "more/",
    ];
    let ran = desk.run(&set);
    assert_eq!(ran.status, 0, "{ran}");
    assert_eq!(sandbox.count("ed-fi/students").unwrap(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn results_have_the_members_that_scripts_read() {
    let sandbox = sandbox().await;
    let desk = desk(sandbox.url());
    desk.run(&["send", "-s", "students"]);
    desk.write(
        "data/students.jsonl",
        students(1..=4) + BAD + "\n" + BAD.replace('9', "8").as_str(),
    );
    let ran = desk.run(&["send", "--results-file", "deep/results.json"]);
    assert_eq!(ran.status, 0, "{ran}");
    let results = desk.json("deep/results.json");
    for (member, expected) in [
        ("command", json!("send")),
        ("config_file", json!("lightbeam.yaml")),
        ("namespace", json!("ed-fi")),
        ("namespace_overrides", Value::Null),
        ("api_url", json!(format!("{}/", sandbox.url()))),
        ("working_dir", json!(desk.home())),
        ("total_records_processed", json!(6)),
        ("total_records_skipped", json!(3)),
        ("total_records_failed", json!(2)),
        ("outcome", json!("completed")),
        ("exit_status", json!(0)),
        ("error", Value::Null),
    ] {
        assert_eq!(results[member], expected, "{member}");
    }
    assert!(results["runtime_sec"].as_f64().unwrap() >= 0.0);
    for member in ["started_at", "completed_at"] {
        let time = results[member].as_str().unwrap();
        assert_eq!((time.len(), time.find('.')), (26, Some(19)), "{time}");
    }
    let students = &results["resources"]["students"];
    assert_eq!(students["records_processed"], 6);
    assert_eq!(students["records_skipped"], 3);
    assert_eq!(students["records_failed"], 2);
    assert_eq!(
        students["successes"],
        json!([{"status_code": 201, "count": 1}])
    );
    assert_eq!(
        students["failures"],
        json!([{
            "status_code": 400,
            "message": "FirstName is required and should not be left empty. (at $.firstName)",
            "file": "students.jsonl",
            "line_numbers": [5, 7],
            "count": 2,
        }])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_state_dir_every_run_sends_everything() {
    let sandbox = sandbox().await;
    let desk = desk(sandbox.url());
    let yaml = lightbeam(sandbox.url()).replace("state_dir: ./state\n", "");
    desk.write("lightbeam.yaml", yaml);
    for run in 1..=2 {
        let ran = desk.run(&["send"]);
        assert_eq!(ran.status, 0, "{ran}");
        assert!(
            ran.stderr.contains("warning: `state_dir` is not set"),
            "{ran}"
        );
        assert_eq!(posts(&sandbox), 3 * run);
    }
    // Nothing stays behind: neither a ledger nor a token.
    let left = std::fs::read_dir(desk.home()).unwrap();
    let mut left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["data", "lightbeam.yaml"]);
}

#[test]
fn results_are_written_also_when_nothing_could_begin() {
    let desk = desk(&closed_port());
    let send = ["send", "--results-file", "results.json"];
    assert_eq!(desk.run(&send).status, 255);
    let results = desk.json("results.json");
    assert_eq!(results["outcome"], "failed");
    assert_eq!(results["exit_status"], 255);
    assert_eq!(results["total_records_processed"], 0);
    assert_eq!(results["resources"], json!({}));
    assert!(
        results["error"]
            .as_str()
            .unwrap()
            .contains("cannot be reached"),
        "{results}"
    );

    // Not even a configuration.
    std::fs::remove_file(desk.path("lightbeam.yaml")).unwrap();
    assert_eq!(desk.run(&send).status, 2);
    let results = desk.json("results.json");
    assert_eq!(results["outcome"], "failed");
    assert!(
        results["error"]
            .as_str()
            .unwrap()
            .contains("no configuration file"),
        "{results}"
    );
}
