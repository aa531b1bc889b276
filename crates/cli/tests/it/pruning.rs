//! `send --prune` as a person runs it: what is shown, the exit status, the results file; and how
//! deleting ends with a `lightbeam.yaml`.

use insta::assert_snapshot;
use serde_json::json;
use syncline_sandbox::FaultAction;

use crate::desk::{Desk, lightbeam, students};
use crate::servers::{closed_port, fault, plan, sandbox};

#[tokio::test(flavor = "multi_thread")]
async fn held_deletes_are_explained_and_can_be_allowed_once() {
    let sandbox = sandbox().await;
    let desk = Desk::with_students(sandbox.url());
    desk.write("data/students.jsonl", students(1..=40));
    assert_eq!(desk.run(&["send"]).status, 0);
    desk.write("data/students.jsonl", students(6..=41));
    let prune = ["send", "--prune", "--results-file", "out.json"];
    let ran = desk.run(&prune);
    assert_snapshot!(ran, @"
    status 4
    --- stderr
    held in students: delete-share: 12.5 % of the target's records to delete, at most 5.0 % allowed
    students: 1 created, 35 unchanged, 5 held (final status counts: {201: 1})

    collection       read    created    updated  unchanged    deleted  refused
    students           36          1          0         35          0        0

    students: 5 records not deleted, held by a guard
      delete-share: 12.5 % of the target's records to delete, at most 5.0 % allowed
      Nothing of this collection was deleted; what is new or changed in it was sent.
      The next run with --prune finds them again. To delete them once:
        syncline send -s students --prune --allow-deletes 5

    36 records in [duration]: 1 created, 0 updated, 35 unchanged, 0 deleted, 0 refused.
    1 request sent.
    ");
    let results = desk.json("out.json");
    let students_part = &results["resources"]["students"];
    assert_eq!(students_part["records_held"], 5);
    assert_eq!(
        students_part["guards"][0],
        "delete-share: 12.5 % of the target's records to delete, at most 5.0 % allowed"
    );
    assert_eq!(
        (&results["exit_status"], &results["outcome"]),
        (&json!(4), &json!("completed"))
    );

    // As it says.
    let allowed = ["send", "-s", "students", "--prune", "--allow-deletes", "5"];
    let ran = desk.run(&[&allowed[..], &["--results-file", "out.json"]].concat());
    assert_snapshot!(ran, @"
    status 0
    --- stderr
    students: 36 unchanged
    students: deleting 5 records sent before and gone since

    collection       read    created    updated  unchanged    deleted  refused
    students           36          0          0         36          5        0

    36 records in [duration]: 0 created, 0 updated, 36 unchanged, 5 deleted, 0 refused.
    5 requests sent.
    ");
    let results = desk.json("out.json");
    assert_eq!(results["total_records_deleted"], 5);
    assert_eq!(results["resources"]["students"]["records_deleted"], 5);
    assert_eq!(sandbox.count("ed-fi/students").unwrap(), 36);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_read_and_what_is_protected_is_said() {
    let sandbox = sandbox().await;
    let desk = Desk::with_students(sandbox.url());
    assert_eq!(desk.run(&["send"]).status, 0);
    desk.write("data/students.jsonl", students(2..=3));
    assert_snapshot!(desk.run(&["send", "--prune", "--protect", "students"]), @"
    status 0
    --- stderr
    students: 2 unchanged

    collection       read    created    updated  unchanged  refused
    students            2          0          0          2        0
    students: 1 no longer there and protected, left alone

    2 records in [duration]: 0 created, 0 updated, 2 unchanged, 0 refused.
    0 requests sent.
    ");
    desk.write("data/students.jsonl", students(2..=3) + "no record\n");
    assert_snapshot!(desk.run(&["send", "--prune"]), @"
    status 4
    --- stderr
      refused students.jsonl:3: not valid JSON at column 2: expected ident
    held in students: incomplete-coverage: 1 record to delete after an incomplete reading, at most 0 allowed
    students: 2 unchanged, 1 refused, 1 held

    collection       read    created    updated  unchanged    deleted  refused
    students            3          0          0          2          0        1

    students: 1 record refused
      not sent: not valid JSON at column 2: expected ident
        1 record in students.jsonl, line 3
    students: not everything was read: 1 line is not a record

    students: 1 record not deleted, held by a guard
      incomplete-coverage: 1 record to delete after an incomplete reading, at most 0 allowed
      Nothing of this collection was deleted; what is new or changed in it was sent.
      The next run with --prune deletes them if everything can be read then.

    3 records in [duration]: 0 created, 0 updated, 2 unchanged, 0 deleted, 1 refused.
    0 requests sent.
    Refused records are in [home]/.syncline/rejects/[time].jsonl. Correct them there and send them with
      syncline send --rejects [home]/.syncline/rejects/[time].jsonl
    ");
    assert_eq!(sandbox.count("ed-fi/students").unwrap(), 3);
}

#[test]
fn options_that_do_not_go_together_are_refused() {
    let desk = Desk::with_students(&closed_port());
    assert_snapshot!(desk.run(&["send", "--prune", "--force"]), @"
    status 2
    --- stderr
    error: --prune: `--force` does not look at what was sent before, and deleting has to
      hint: send everything with `--force` first, then run `--prune` without it
    ");
    assert_snapshot!(desk.run(&["send", "--allow-deletes", "5"]), @"
    status 2
    --- stderr
    error: --allow-deletes and --protect say how far `--prune` may go
      hint: without `--prune` nothing is deleted
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn pruning_has_our_status_for_what_is_held_with_a_lightbeam_yaml_as_well() {
    let sandbox = sandbox().await;
    let desk = Desk::new();
    desk.write("lightbeam.yaml", lightbeam(sandbox.url()));
    desk.write("data/students.jsonl", students(1..=3));
    assert_eq!(desk.run(&["send"]).status, 0);
    desk.write("data/students.jsonl", "");
    assert_eq!(desk.run(&["send", "--prune"]).status, 4);
    desk.write("data/students.jsonl", students(2..=3));
    // One was deleted, so not everything was skipped.
    assert_eq!(desk.run(&["send", "--prune"]).status, 0);
    assert_eq!(desk.run(&["send", "--prune"]).status, 99);
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_with_a_lightbeam_yaml_ends_with_its_status() {
    let sandbox = sandbox().await;
    let desk = Desk::new();
    desk.write("lightbeam.yaml", lightbeam(sandbox.url()));
    desk.write("data/students.jsonl", students(1..=3));
    assert_eq!(desk.run(&["send"]).status, 0);
    let mut refused = fault(FaultAction::Status {
        status: 403,
        body: String::new(),
        headers: std::collections::BTreeMap::new(),
    });
    refused.on.method = Some("DELETE".to_owned());
    sandbox.set_faults(plan(refused));
    let delete = |more: &[&str]| desk.run(&[&["delete", "-y"], more].concat());
    // All refused.
    assert_eq!(delete(&[]).status, 0);
    assert_eq!(delete(&["--strict-exit"]).status, 1);
    sandbox.set_faults(syncline_sandbox::FaultPlan::default());
    let truncate =
        |more: &[&str]| desk.run(&[&["truncate", "-y", "-s", "students"], more].concat());
    assert_eq!(truncate(&[]).status, 0);
    // Nothing is there any more; an empty file names nothing.
    assert_eq!((truncate(&[]).status, delete(&[]).status), (0, 0));
    desk.write("data/students.jsonl", "");
    assert_eq!(delete(&[]).status, 0);
    assert_eq!(delete(&["--strict-exit"]).status, 0);
    // Whoever does not say yes, and whoever gets no answer.
    assert_eq!(desk.run(&["delete"]).status, 1);
    desk.write("lightbeam.yaml", lightbeam(&closed_port()));
    assert_eq!(delete(&[]).status, 255);
    assert_eq!(delete(&["--strict-exit"]).status, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_counts_what_would_be_done_and_does_none_of_it() {
    let sandbox = sandbox().await;
    let desk = Desk::with_students(sandbox.url());
    let dry = ["send", "--dry-run", "--results-file", "out.json"];
    assert_snapshot!(desk.run(&dry), @"
    status 0
    --- stderr
    students: 3 to create

    collection       read  to create  to update  unchanged  to delete  no record
    students            3          3          0          0          0          0

    Nothing was sent: this was a dry run.
    ");
    assert_eq!(sandbox.requests().count("POST", "/ed-fi/"), 0);
    assert_eq!(desk.run(&["send"]).status, 0);
    let posted = sandbox.requests().count("POST", "/ed-fi/");

    // One changes, one goes, one comes, and one line is no record.
    let changed = students(2..=2).replace("Ada", "Bea") + &students(3..=4) + "no record\n";
    desk.write("data/students.jsonl", &changed);
    assert_snapshot!(desk.run(&dry), @"
    status 1
    --- stderr
      refused students.jsonl:4: not valid JSON at column 2: expected ident
    students: 1 to create, 1 to update, 1 unchanged, 1 refused

    collection       read  to create  to update  unchanged  to delete  no record
    students            4          1          1          1          0          1

    students: 1 record refused
      not sent: not valid JSON at column 2: expected ident
        1 record in students.jsonl, line 4
    students: not everything was read: 1 line is not a record

    Nothing was sent: this was a dry run.
    ");
    assert_eq!(
        desk.json("out.json")["resources"]["students"]["planned"],
        json!({"creates": 1, "updates": 1, "deletes": 0})
    );
    assert!(desk.rejects().is_empty());
    desk.write("data/students.jsonl", changed.replace("no record\n", ""));
    let prune = ["send", "--prune", "--allow-deletes", "1"];
    assert_snapshot!(desk.run(&[&prune[..], &["--dry-run"]].concat()), @"
    status 0
    --- stderr
    students: 1 to create, 1 to update, 1 to delete, 1 unchanged

    collection       read  to create  to update  unchanged  to delete  no record
    students            3          1          1          1          1          0

    Nothing was sent: this was a dry run.
    ");
    let forced = desk.run(&["send", "--force", "--dry-run"]);
    assert!(forced.stderr.contains("3 to create"), "{forced}");
    assert_eq!(sandbox.requests().count("POST", "/ed-fi/"), posted);
    assert_eq!(sandbox.requests().count("DELETE", "/ed-fi/"), 0);

    // What was counted is what is done.
    let ran = desk.run(&prune);
    assert!(
        ran.stderr
            .contains("1 created, 1 updated, 1 unchanged, 1 deleted, 0 refused"),
        "{ran}"
    );
    desk.write("lightbeam.yaml", lightbeam(sandbox.url()));
    let theirs = ["send", "-c", "lightbeam.yaml"];
    assert_eq!(desk.run(&[&theirs[..], &["--dry-run"]].concat()).status, 0);
    assert_eq!(desk.run(&theirs).status, 0);
    assert_eq!(desk.run(&[&theirs[..], &["--dry-run"]].concat()).status, 99);
}
