//! Every way in which a publication ends: its exit status, what a person is told, and what is never
//! told.

use std::time::Duration;

use syncline_sandbox::FaultPlan;

use crate::lightbeam_faults::named_tests_are_there;
use crate::publishing::{LIVE, Publishing};
use crate::servers::{fault, plan, saying_no, slow_sandbox, until};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_new_is_a_success_that_says_so() {
    let publishing = Publishing::of(2).await;
    assert_eq!(publishing.run(&LIVE).status, 0);
    let ran = publishing.run(&[&LIVE[..], &["--results-file", "again.json"]].concat());
    assert_eq!(ran.status, 0, "{ran}");
    assert!(ran.stderr.contains("0 written, 0 deleted"), "{ran}");
    assert!(
        ran.stderr.contains("Published up to change version"),
        "{ran}"
    );
    let results = publishing.desk.json("again.json");
    assert_eq!(results["outcome"], "completed");
    assert_eq!(results["collections"]["ed-fi/students"]["created"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_record_is_1_is_owed_and_the_mark_moves_past_it() {
    let publishing = Publishing::of(3).await;
    publishing.target.set_faults(plan(fault(saying_no())));
    let ran = publishing.run(&LIVE);
    assert_eq!(ran.status, 1, "{ran}");
    for line in [
        "students: 400 no (3 records)",
        "3 changes owed",
        "--retry-owed",
    ] {
        assert!(ran.stderr.contains(line), "{line}: {ran}");
    }
    publishing.target.set_faults(FaultPlan::default());
    let before = publishing.source.requests().count("GET", "/ed-fi/students");
    let ran = publishing.run(&[&LIVE[..], &["--retry-owed"]].concat());
    assert_eq!(ran.status, 0, "{ran}");
    let after = publishing.source.requests().count("GET", "/ed-fi/students");
    assert_eq!(before, after, "nothing is read for it");
    assert_eq!(publishing.run(&["verify"]).status, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_are_not_accepted_are_2_on_either_side() {
    let publishing = Publishing::of(1).await;
    let config = publishing.desk.read("syncline.yaml");
    for side in ["district", "state"] {
        let (before, after) = config.split_once(&format!("  {side}:\n")).unwrap();
        let wrong = after.replacen("client_id: populated", "client_id: nobody", 1);
        let wrong = format!("{before}  {side}:\n{wrong}");
        publishing.desk.write("syncline.yaml", wrong);
        let ran = publishing.run(&[&LIVE[..], &["--results-file", "refused.json"]].concat());
        assert_eq!(ran.status, 2, "{side}: {ran}");
        assert!(!ran.to_string().contains("populatedSecret"), "{ran}");
        assert_eq!(publishing.desk.json("refused.json")["exit_status"], 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_is_away_is_3_and_named() {
    let publishing = Publishing::of(1).await;
    let config = publishing.desk.read("syncline.yaml");
    let once = config.replace("    pool_size", "    retry: { attempts: 1 }\n    pool_size");
    for url in [publishing.source.url(), publishing.target.url()] {
        // Nobody listens on this port: only the system may.
        let away = once.replace(url, "http://127.0.0.1:1");
        publishing.desk.write("syncline.yaml", away);
        let ran = publishing.run(&LIVE);
        assert_eq!(ran.status, 3, "{ran}");
        assert!(ran.stderr.contains("127.0.0.1:1"), "{ran}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_run_is_5_and_says_how_it_goes_on() {
    let mut publishing = Publishing::of(40).await;
    let slow = slow_sandbox(30).await;
    let config = publishing.desk.read("syncline.yaml");
    let config = config.replace(publishing.target.url(), slow.url());
    publishing.desk.write("syncline.yaml", config);
    publishing.target = slow;
    let mut command = publishing.desk.command(&LIVE);
    command.args(["--results-file", "interrupted.json"]);
    command.env("SECRET", "populatedSecret");
    command.stdout(std::process::Stdio::piped());
    command.stderr(std::process::Stdio::piped());
    let child = command.spawn().unwrap();
    until(&publishing.target, |log| {
        log.count("POST", "/ed-fi/students") >= 5
    })
    .await;
    let told = std::process::Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status();
    assert!(told.unwrap().success());
    let ended = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap());
    let ended = tokio::time::timeout(Duration::from_secs(20), ended).await;
    let ran = publishing.desk.ended(ended.unwrap().unwrap());
    assert_eq!(ran.status, 5, "{ran}");
    assert!(
        ran.stderr
            .contains("Not finished. What was written is recorded; the same command goes on"),
        "{ran}"
    );
    assert!(!ran.stderr.contains("Published up to"), "{ran}");
    let results = publishing.desk.json("interrupted.json");
    assert_eq!(results["outcome"], "interrupted");
    assert_eq!(results["exit_status"], 5);
    assert_eq!(
        results["collections"]["ed-fi/students"]["mark"],
        serde_json::Value::Null
    );
    publishing.target.set_faults(FaultPlan::default());
    assert_eq!(publishing.run(&LIVE).status, 0);
    let posts = publishing
        .target
        .requests()
        .count("POST", "/ed-fi/students");
    assert!(
        posts <= 40 + 4,
        "{posts}: only what was under way is written again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_personal_data_and_no_secret_is_told_unasked() {
    let publishing = Publishing::of(3).await;
    publishing.target.set_faults(plan(fault(saying_no())));
    let runs: [&[&str]; 6] = [
        &[
            "publish",
            "--ignore-isolation",
            "--results-file",
            "told.json",
        ],
        &["publish", "--ignore-isolation", "--log-format", "json"],
        &["publish", "--ignore-isolation", "--retry-owed"],
        &["verify", "--results-file", "verified.json"],
        &["drift", "--json"],
        &["state", "owed"],
    ];
    for arguments in runs {
        let ran = publishing.run(arguments).to_string();
        for word in ["Ada", "Byron", "2014-05-01", "populatedSecret"] {
            assert!(!ran.contains(word), "{word}: {ran}");
        }
    }
    for file in ["told.json", "verified.json"] {
        let text = publishing.desk.read(file);
        for word in ["Ada", "Byron", "2014-05-01", "populatedSecret"] {
            assert!(!text.contains(word), "{word}: {text}");
        }
    }
}

#[test]
fn every_fault_of_the_api_publisher_names_a_test_that_is_there() {
    named_tests_are_there("docs/api-publisher-faults.md", 85);
}
