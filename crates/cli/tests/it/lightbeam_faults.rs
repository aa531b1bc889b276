//! What lightbeam got wrong and is right here. The table in `docs/lightbeam-faults.md` names a
//! test for every row; those that are nowhere else are here.

use std::io::Read as _;
use std::net::TcpListener;
use std::path::Path;
use std::sync::mpsc;

use syncline_sandbox::{FaultAction, FaultPlan};

use crate::desk::{Desk, lightbeam, native, students};
use crate::servers::{closed_port, fault, plan, posts, sandbox, self_signed, silent};

const BAD: &str =
    "{\"studentUniqueId\": \"9\", \"lastSurname\": \"Byron\", \"birthDate\": \"2014-05-01\"}\n";
const DESCRIPTOR: &str = "{\"namespace\":\"uri://district.org/SexDescriptor\",\"codeValue\":\"x\",\
                          \"shortDescription\":\"x\"}\n";

/// A desk with a `lightbeam.yaml` that deletes without asking, and three students.
fn desk(url: &str) -> Desk {
    let desk = Desk::new();
    desk.write("lightbeam.yaml", lightbeam(url) + "force_delete: true\n");
    desk.write("data/students.jsonl", students(1..=3));
    desk
}

fn status(code: u16) -> FaultAction {
    FaultAction::Status {
        status: code,
        body: String::new(),
        headers: [].into(),
    }
}

#[test]
fn every_row_names_a_test_that_is_there() {
    named_tests_are_there("docs/lightbeam-faults.md", 40);
}

/// Looks for the tests that the tables of a document name in their third column, and for at least so
/// many of them.
pub(crate) fn named_tests_are_there(document: &str, least: usize) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let table = std::fs::read_to_string(root.join(document)).unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| "));
    let mut named = 0;
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let Some((file, name)) = cells.get(3).and_then(|cell| cell.split_once(' ')) else {
            continue;
        };
        let (file, name) = (file.trim_matches('`'), name.trim_matches('`'));
        if Path::new(file)
            .extension()
            .is_none_or(|ending| ending != "rs")
        {
            continue;
        }
        let text = std::fs::read_to_string(root.join(file)).unwrap_or_default();
        assert!(text.contains(&format!("fn {name}(")), "{row}");
        named += 1;
    }
    assert!(named >= least, "{named}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partial_failure_has_a_status_of_its_own_where_it_is_wanted() {
    let sandbox = sandbox().await;
    let desk = desk(sandbox.url());
    desk.write(
        "syncline.yaml",
        native(sandbox.url()) + "    namespace: ed-fi\n",
    );
    desk.write("data/students.jsonl", students(1..=3) + BAD);
    let statuses = ["-f", "--strict-exit"].map(|more| {
        let ran = desk.run(&["send", "-c", "lightbeam.yaml", "-f", more]);
        ran.status
    });
    assert_eq!(statuses, [0, 1]);
    assert_eq!(desk.run(&["send"]).status, 1, "by our own configuration");
    sandbox.set_faults(FaultPlan {
        seed: 1,
        rules: ["DELETE", "GET"]
            .map(|method| {
                let mut rule = fault(status(403));
                rule.on.method = Some(method.to_owned());
                rule
            })
            .into(),
    });
    for command in [
        ["delete", "-s", "students", "--yes"].as_slice(),
        &["fetch", "-s", "students,sexDescriptors", "--out", "out"],
        &["count", "-s", "students,sexDescriptors"],
    ] {
        let ran = desk.run(command);
        assert_eq!(ran.status, 1, "{command:?}: {ran}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_asks_by_the_same_key_whether_or_not_metadata_is_kept() {
    let sandbox = sandbox().await;
    let desk = desk(sandbox.url());
    desk.run(&["send"]);
    let asked = |more: &str| {
        let counts = sandbox.requests().counts;
        desk.write("data/students.jsonl", students(1..=1));
        let ran = desk.run(&["delete", more, "-s", "students"]);
        assert_eq!(ran.status, 0, "{ran}");
        assert_eq!(sandbox.count("ed-fi/students").unwrap(), 2);
        assert_eq!(desk.run(&["send"]).status, 0);
        assert_eq!(sandbox.count("ed-fi/students").unwrap(), 3);
        let now = sandbox.requests().counts;
        let mut new: Vec<(String, String, u64)> = now
            .into_iter()
            .filter(|((_, path, _), _)| path.contains("/students"))
            .map(|(key, count)| {
                let before = counts.get(&key).copied().unwrap_or_default();
                (key.0, key.1, count - before)
            })
            .filter(|(.., count)| *count > 0)
            .collect();
        new.sort();
        new
    };
    assert_eq!(asked("--wipe"), asked("--force"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_can_be_deleted_and_sent_again_descriptors_as_well() {
    let sandbox = sandbox().await;
    let desk = desk(sandbox.url());
    desk.write("data/sexDescriptors.jsonl", DESCRIPTOR);
    let seeded = sandbox.count("ed-fi/sexDescriptors").unwrap();
    for _ in 1..=2 {
        assert_eq!(desk.run(&["send"]).status, 0);
        assert_eq!(sandbox.count("ed-fi/students").unwrap(), 3);
        assert_eq!(sandbox.count("ed-fi/sexDescriptors").unwrap(), seeded + 1);
        let ran = desk.run(&["delete"]);
        assert_eq!(ran.status, 0, "{ran}");
        assert_eq!(sandbox.count("ed-fi/students").unwrap(), 0);
        assert_eq!(sandbox.count("ed-fi/sexDescriptors").unwrap(), seeded);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncate_that_is_refused_forgets_nothing() {
    let sandbox = sandbox().await;
    let desk = desk(sandbox.url());
    desk.run(&["send"]);
    let mut rule = fault(status(403));
    rule.on.method = Some("DELETE".to_owned());
    sandbox.set_faults(plan(rule));
    desk.run(&["truncate", "-s", "students"]);
    assert_eq!(sandbox.count("ed-fi/students").unwrap(), 3);
    assert_eq!(desk.run(&["send"]).status, 99, "all known");
    assert_eq!(posts(&sandbox), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_always_says_401_is_not_asked_for_ever() {
    let sandbox = sandbox().await;
    let desk = desk(sandbox.url());
    sandbox.set_faults(plan(fault(status(401))));
    let ran = desk.run(&["send"]);
    assert_eq!(ran.status, 255, "{ran}");
    let requests = sandbox.requests();
    assert!(requests.count("POST", "/oauth/token") <= 3, "{requests:?}");
    assert!(posts(&sandbox) <= 6, "{requests:?}");
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let (url, _listener) = silent();
    let desk = Desk::with_students(&url);
    desk.configure(
        &url,
        "    timeout: 0.2\n    retry:\n      attempts: 2\n      wait_first_seconds: 0\n",
    );
    let ran = desk.run(&["send"]);
    assert_eq!(ran.status, 3, "{ran}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_gets_over_blank_lines_and_records_without_a_key() {
    let sandbox = sandbox().await;
    let desk = desk(sandbox.url());
    desk.run(&["send"]);
    desk.write(
        "data/students.jsonl",
        format!("\n{{\"firstName\":\"x\"}}\n\n{}", students(1..=2)),
    );
    let ran = desk.run(&["delete", "--strict-exit"]);
    assert_eq!(ran.status, 1, "{ran}");
    assert_eq!(sandbox.count("ed-fi/students").unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_verified_where_nothing_is_said() {
    let sandbox = sandbox().await;
    let unsaid = |url: &str| lightbeam(url).replace("  verify_ssl: true\n", "");
    let desk = desk(sandbox.url());
    desk.write("lightbeam.yaml", unsaid(sandbox.url()));
    assert_eq!(desk.run(&["send"]).status, 0);
    let (url, _certificate) = self_signed();
    desk.write("lightbeam.yaml", unsaid(&url));
    let ran = desk.run(&["send"]);
    assert_eq!(ran.status, 255, "{ran}");
    assert!(ran.stderr.contains("certificate"), "{ran}");
}

#[test]
fn nothing_goes_out_in_clear_where_tls_fails() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, heard) = mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut first = [0; 8];
            let length = stream.read(&mut first).unwrap_or_default();
            // No handshake comes of this; the connection is closed.
            if tell.send(first[..length].to_vec()).is_err() {
                return;
            }
        }
    });
    let desk = desk(&format!("https://{address}"));
    let ran = desk.run(&["send"]);
    assert_eq!(ran.status, 255, "{ran}");
    let all: Vec<Vec<u8>> = heard.try_iter().collect();
    // A TLS record of a handshake begins with 22; text would begin with GET or POST.
    assert!(!all.is_empty());
    assert!(
        all.iter().all(|first| first.first() == Some(&22)),
        "{all:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_is_asked_for_once_however_many_collections_are_fetched() {
    let sandbox = sandbox().await;
    let desk = desk(sandbox.url());
    let yaml = lightbeam(sandbox.url()).replace("state_dir: ./state\n", "");
    desk.write("lightbeam.yaml", yaml);
    assert_eq!(desk.run(&["fetch", "-s", "s*", "--out", "out"]).status, 0);
    let requests = sandbox.requests();
    for template in ["swagger.json", "/dependencies"] {
        assert!(
            requests.count("GET", template) <= 2,
            "{template}: {requests:?}"
        );
    }
    assert_eq!(requests.count("POST", "/oauth/token"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_that_moves_records_writes_results() {
    let sandbox = sandbox().await;
    let desk = desk(sandbox.url());
    for command in [
        "send",
        "fetch",
        "delete",
        "truncate",
        "validate",
        "validate+send",
    ] {
        let file = format!("{command}.json");
        let mut arguments = vec![command, "-s", "students", "--results-file", &file];
        if command == "fetch" {
            arguments.extend(["--out", "out"]);
        }
        let ran = desk.run(&arguments);
        assert!(ran.status == 0 || ran.status == 99, "{command}: {ran}");
        let results = desk.json(&file);
        assert!(results["resources"].is_object(), "{results}");
        assert_eq!(results["outcome"], "completed", "{results}");
    }
}

#[test]
fn options_that_cannot_be_read_are_told_in_the_results_by_the_customs_of_the_file() {
    let desk = desk(&closed_port());
    for wrong in [["--params", "[1]"], ["--set", "data_dir"]] {
        for command in ["send", "fetch", "delete", "validate"] {
            let arguments = [&[command, "--results-file", "out.json"], &wrong[..]].concat();
            let ran = desk.run(&arguments);
            assert_eq!(ran.status, 255, "{command}: {ran}");
            let results = desk.json("out.json");
            assert_eq!(results["exit_status"], 255);
            let error = results["error"].as_str().unwrap();
            assert!(error.contains(wrong[0]), "{error}");
            std::fs::remove_file(desk.path("out.json")).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_collections_of_one_name_come_back_from_where_they_were_fetched() {
    let sandbox = sandbox().await;
    let desk = desk(sandbox.url());
    std::fs::remove_file(desk.path("data/students.jsonl")).unwrap();
    desk.write("data/ed-fi.students.jsonl", students(4..=5));
    let ran = desk.run(&["send"]);
    assert_eq!(ran.status, 0, "{ran}");
    assert_eq!(sandbox.count("ed-fi/students").unwrap(), 2);
    // Two files of one collection are not read as one, and that is said.
    desk.write("data/students.jsonl", students(1..=3));
    let ran = desk.run(&["send"]);
    assert!(
        ran.stderr
            .contains("students.jsonl: ed-fi/students is read from"),
        "{ran}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_folder_that_is_a_file_is_named() {
    let sandbox = sandbox().await;
    let desk = Desk::with_students(sandbox.url());
    desk.write(".syncline", "");
    let ran = desk.run(&["send"]);
    assert_eq!(ran.status, 2, "{ran}");
    assert!(ran.stderr.contains(".syncline is a file"), "{ran}");
    assert!(ran.stderr.contains("`state_dir`"), "{ran}");
}
