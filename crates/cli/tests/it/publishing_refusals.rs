//! Pairs that do not fit, and sources that are not what they were: exit status and message as a
//! person reads them.

use std::process::Stdio;

use syncline_sandbox::{ApiVersion, FaultAction, FaultMatch, FaultPlan, FaultRule};
use syncline_sandbox::{Sandbox, SandboxConfig, schema};

use crate::desk::{Ran, students};
use crate::publishing::{LIVE, Publishing};
use crate::servers::{plan, sandbox, slow, until};

async fn server(change: impl FnOnce(&mut SandboxConfig)) -> Sandbox {
    let mut config = SandboxConfig::new(schema::embedded().unwrap());
    change(&mut config);
    Sandbox::start(config).await.unwrap()
}

#[track_caller]
fn told(ran: &Ran, status: i32, clauses: &[&str]) {
    assert_eq!(ran.status, status, "{ran}");
    for clause in clauses {
        assert!(ran.stderr.contains(clause), "{clause}: {ran}");
    }
    assert_eq!(ran.stdout, "", "{ran}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_newer_than_the_source_is_2_and_the_choice_is_explained() {
    let mut publishing = Publishing::of(30).await;
    assert_eq!(publishing.run(&LIVE).status, 0);
    let address = publishing.source.address();
    let meanwhile = sandbox().await;
    std::mem::replace(&mut publishing.source, meanwhile)
        .stop()
        .await;
    publishing.source = server(|config| config.listen = address).await;
    publishing
        .desk
        .write("data/students.jsonl", students(1..=28));
    // Where it was sent before is known by the address, too.
    assert_eq!(publishing.run(&["send", "--force"]).status, 0);
    let ran = publishing.run(&[&LIVE[..], &["--results-file", "r.json"]].concat());
    told(
        &ran,
        2,
        &[
            "the source was published up to change version ",
            ": it is another database than before",
            "hint: if the source was rebuilt, publish it with `--full`",
            "hint: if an older state was restored, wait for the true one to come back",
        ],
    );
    assert_eq!(publishing.desk.json("r.json")["exit_status"], 2);
    assert_eq!(publishing.target.count("ed-fi/students").unwrap(), 30);
    // The choice that was explained: what the rebuilt source no longer has goes, within the limits.
    let full = publishing.run(&[&LIVE[..], &["--full"]].concat());
    assert_eq!(full.status, 4, "{full}");
    let allowed = ["--full", "--allow-deletes", "2"];
    let ran = publishing.run(&[&LIVE[..], &allowed].concat());
    told(&ran, 0, &["0 written, 2 deleted"]);
    assert_eq!(publishing.run(&["verify"]).status, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_target_lacks_is_named_the_rest_is_published_and_asking_for_it_is_2() {
    // An extension that the target does not have, and a collection of the standard.
    let source = server(|config| {
        let students = config.model.resources["ed-fi/students"].clone();
        let pupils = schema::Resource {
            namespace: "sample".to_owned(),
            name: "pupils".to_owned(),
            singular: "pupil".to_owned(),
            ..students
        };
        let resources = &mut config.model.resources;
        resources.insert("sample/pupils".to_owned(), pupils);
    })
    .await;
    let target = server(|config| {
        config.model.resources.remove("ed-fi/disciplineActions");
    })
    .await;
    let publishing = Publishing::between((source, target), 3);
    let ran = publishing.run(&LIVE);
    let lacking = "not published, as the target does not have them: ed-fi/disciplineActions, \
                   sample/pupils";
    told(&ran, 0, &[lacking, "3 written"]);
    let (collection, extension) = ("disciplineActions", "/sample/pupils");
    for name in [collection, extension] {
        let ran = publishing.run(&[&LIVE[..], &["--include", name]].concat());
        let refusal = format!("the target has no collection `{name}`, which the source has");
        told(&ran, 2, &[&refusal, "hint: leave it out of the choice"]);
        let ran = publishing.run(&[&LIVE[..], &["--exclude", name]].concat());
        told(&ran, 0, &["0 written"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_does_not_count_is_published_not_proved_and_1() {
    let source = server(|config| config.api = ApiVersion::V6_2).await;
    let publishing = Publishing::between((source, sandbox().await), 50);
    let silent = FaultRule {
        on: FaultMatch {
            method: Some("GET".to_owned()),
            path: Some("/ed-fi/students".to_owned()),
            ..FaultMatch::default()
        },
        action: FaultAction::DropTotalCount,
        ..FaultRule::default()
    };
    publishing.source.set_faults(plan(silent));
    for written in ["50 written", "0 written"] {
        let ran = publishing.run(&LIVE);
        told(&ran, 1, &[written, "students: not proved: "]);
        assert!(!ran.stderr.contains("Published up to"), "{ran}");
    }
    publishing.source.set_faults(FaultPlan::default());
    told(&publishing.run(&LIVE), 0, &["Published up to"]);
    assert_eq!(publishing.run(&["verify"]).status, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_without_change_queries_is_compared_as_a_whole_and_says_so() {
    let source = server(|config| config.change_queries = false).await;
    let publishing = Publishing::between((source, sandbox().await), 3);
    let without = "the source has no change queries: it is read as a whole each time";
    told(&publishing.run(&LIVE), 0, &[without, "3 written"]);
    publishing.send(4);
    told(&publishing.run(&LIVE), 0, &[without, "1 written"]);
    // A snapshot needs them, too.
    let ran = publishing.run(&["publish"]);
    told(
        &ran,
        2,
        &[
            "the source has no snapshot to read from",
            "`--ignore-isolation`",
        ],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_2_and_names_the_side() {
    let publishing = Publishing::of(1).await;
    let config = publishing.desk.read("syncline.yaml");
    for (side, url) in [
        ("district", publishing.source.url()),
        ("state", publishing.target.url()),
    ] {
        let (before, after) = config.split_once(&format!("  {side}:\n")).unwrap();
        let wrong = after.replacen("${SECRET}", "WrongPassword", 1);
        let wrong = format!("{before}  {side}:\n{wrong}");
        publishing.desk.write("syncline.yaml", wrong);
        // A token that is kept would do without a password for a while.
        std::fs::remove_dir_all(publishing.desk.path(".syncline/cache")).unwrap();
        let before = publishing.target.count("ed-fi/students").unwrap();
        let ran = publishing.run(&LIVE);
        told(&ran, 2, &[url, "401", "hint: "]);
        for secret in ["WrongPassword", "populatedSecret"] {
            assert!(!ran.to_string().contains(secret), "{ran}");
        }
        assert_eq!(publishing.target.count("ed-fi/students").unwrap(), before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_ends_midway_is_3_and_a_newer_one_is_gone_on_with() {
    let source = server(|config| config.api = ApiVersion::V6_2).await;
    let publishing = Publishing::between((source, sandbox().await), 60);
    publishing.source.take_snapshot("first").unwrap();
    publishing.target.set_faults(slow(20));
    let mut command = publishing.desk.command(&["publish"]);
    command.env("SECRET", "populatedSecret");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    until(&publishing.target, |log| {
        log.count("POST", "/ed-fi/students") >= 5
    })
    .await;
    assert!(publishing.source.expire_snapshot("first"));
    let ended = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap());
    let ran = publishing.desk.ended(ended.await.unwrap());
    told(
        &ran,
        3,
        &[
            "the snapshot that was being read is no longer there",
            "hint: ",
            "the same command goes on where this one stopped",
        ],
    );
    publishing.target.set_faults(FaultPlan::default());
    publishing.source.take_snapshot("second").unwrap();
    let ran = publishing.run(&["publish"]);
    told(&ran, 0, &["(its snapshot second)", "Published up to"]);
    assert_eq!(publishing.run(&["verify"]).status, 0);
    let posts = publishing
        .target
        .requests()
        .count("POST", "/ed-fi/students");
    assert!(
        posts <= 60 + 2,
        "{posts}: what was recorded is not written again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_went_and_was_changed_by_others_is_left_alone_and_explained() {
    let source = server(|config| config.change_queries = false).await;
    let publishing = Publishing::between((source, sandbox().await), 4);
    assert_eq!(publishing.run(&LIVE).status, 0);
    let other = students([4]).replace("Ada", "Eve");
    publishing.desk.write("data/students.jsonl", other);
    let sent = publishing.run(&["send", "--set", "send.to", "state", "--force"]);
    assert_eq!(sent.status, 0, "{sent}");
    publishing.desk.write("data/students.jsonl", students([4]));
    let ran = publishing.run(&["delete", "--set", "send.to", "district", "--yes"]);
    assert_eq!(ran.status, 0, "{ran}");
    let ran = publishing.run(&[&LIVE[..], &["--results-file", "r.json"]].concat());
    told(
        &ran,
        1,
        &[
            "students: 200 not deleted: it was changed on the server since it was sent",
            "students: 1 record gone from district and left alone in state",
            "`syncline drift district state` names the records",
            "1 change owed",
        ],
    );
    let students = &publishing.desk.json("r.json")["collections"]["ed-fi/students"];
    assert_eq!(
        (&students["left_alone"], &students["owed"]),
        (&1.into(), &1.into())
    );
    let drift = publishing.run(&["drift"]);
    assert!(drift.stdout.contains("[\"4\"]"), "{drift}");
}
