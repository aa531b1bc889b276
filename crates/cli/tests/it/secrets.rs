//! Secrets of flows: compared and written, and in no file that is kept.

use crate::desk::Desk;

const FLOW: &str = "        map: {name: name, pin: pin}\n        roles: {pin: secret}\n";

fn desk(more: &str) -> Desk {
    let desk = Desk::new();
    desk.write(
        "sis/users.csv",
        "id,name,pin\n1,a,Zq81-old\n2,b,Zq82-new\n3,c,Zq83-new\n",
    );
    desk.write("lms/users.csv", "id,name,pin\n1,a,Zq81-old\n2,b,Zq82-old\n");
    configure(&desk, more);
    desk
}

fn configure(desk: &Desk, more: &str) {
    desk.write(
        "syncline.yaml",
        format!(
            "stores:\n  sis: {{kind: files, path: sis}}\n  lms: {{kind: files, path: lms}}\n\
             flows:\n  f:\n    from: sis\n    to: lms\n    collections:\n      users:\n        \
             key: {{id: id}}\n{more}"
        ),
    );
}

/// Every file of a folder, those of folders in it included.
fn files(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// No file that is kept holds a part of a secret.
#[track_caller]
fn nothing_is_kept(desk: &Desk) {
    let mut kept = vec![desk.path("plan.html"), desk.path("run.html")];
    kept.retain(|path| path.is_file());
    files(&desk.path(".syncline"), &mut kept);
    assert!(kept.len() > 1, "{kept:?}");
    for path in kept {
        let bytes = std::fs::read(&path).unwrap();
        let holds = bytes.windows(3).any(|three| three == b"Zq8");
        assert!(!holds, "{} holds a secret", path.display());
    }
}

/// Applies the plan, with everything on the page of the run.
#[track_caller]
fn applied(desk: &Desk) {
    let apply = [
        "apply",
        ".syncline/plans/f.jsonl",
        "--report",
        "run.html",
        "--show-values",
    ];
    let apply = desk.run(&apply);
    assert_eq!(apply.status, 0, "{}", apply.stderr);
}

#[test]
fn secrets_are_compared_and_written_and_nothing_of_them_is_kept() {
    let desk = desk(FLOW);
    let plan = ["plan", "f", "--show-values", "--report", "plan.html"];
    let plan = desk.run(&plan);
    assert_eq!(plan.status, 0, "{}", plan.stderr);
    assert!(
        plan.stdout.contains("update users [\"2\"]"),
        "{}",
        plan.stdout
    );
    assert!(
        !plan.stdout.contains("update users [\"1\"]"),
        "{}",
        plan.stdout
    );
    assert!(!plan.stdout.contains("Zq8"), "{}", plan.stdout);
    nothing_is_kept(&desk);
    applied(&desk);
    assert_eq!(desk.read("lms/users.csv"), desk.read("sis/users.csv"));
    nothing_is_kept(&desk);
    assert_eq!(desk.run(&["drift", "f"]).status, 0);
    desk.write(
        "sis/users.csv",
        "id,name,pin\n1,a,\n2,b,Zq82-new\n3,c,Zq83-new\n",
    );
    let sync = desk.run(&["sync", "f"]);
    assert_eq!(sync.status, 0, "{}", sync.stderr);
    assert_eq!(desk.read("lms/users.csv"), desk.read("sis/users.csv"));
    nothing_is_kept(&desk);
}

#[test]
fn a_secret_that_is_declined_is_in_no_reject_file_and_no_ledger() {
    let desk = desk(FLOW);
    let text = desk.read("syncline.yaml");
    let text = text.replace("path: lms}", "path: lms, csv: {encoding: windows-1252}}");
    desk.write("syncline.yaml", text);
    desk.write(
        "sis/users.csv",
        "id,name,pin\n1,a,Zq81-old\n2,b,Zq82-\u{2192}\n",
    );
    let sync = desk.run(&["sync", "f", "--report", "run.html", "--show-values"]);
    assert_eq!(sync.status, 1, "{}{}", sync.stdout, sync.stderr);
    let told = "`pin` has letters that windows-1252 does not have";
    assert!(sync.stderr.contains(told), "{}", sync.stderr);
    assert_eq!(desk.rejects().len(), 1);
    nothing_is_kept(&desk);
    let explained = desk.run(&["explain", "users", "2", "--flow", "f", "--show-values"]);
    assert!(explained.stdout.contains("owed"), "{}", explained.stdout);
    assert!(!explained.stdout.contains("Zq8"), "{}", explained.stdout);
}

#[test]
fn a_secret_cannot_be_a_key_or_be_looked_at() {
    let desk = desk("        map: {name: name, pin: pin}\n        roles: {id: secret}\n");
    let plan = desk.run(&["plan", "f"]);
    assert_eq!(plan.status, 2, "{}", plan.stdout);
    let told = "`users`: `id` is part of the key and cannot be a secret";
    assert!(plan.stderr.contains(told), "{}", plan.stderr);
    configure(
        &desk,
        &format!("{FLOW}        protect: {{pin: [\"x*\"]}}\n"),
    );
    let plan = desk.run(&["plan", "f"]);
    let told = "`pin` is looked at by `protect` and cannot be a secret";
    assert!(plan.stderr.contains(told), "{}", plan.stderr);
}

#[test]
fn what_is_only_written_is_written_with_a_new_record_and_never_read_again() {
    let desk = desk("        map: {name: name, pin: pin}\n        roles: {pin: write-only}\n");
    let plan = ["plan", "f", "--show-values", "--report", "plan.html"];
    let plan = desk.run(&plan);
    assert_eq!(plan.status, 0, "{}", plan.stderr);
    assert!(plan.stdout.contains("create users [\"3\"]"), "{plan}");
    assert!(
        !plan.stdout.contains("[\"2\"]"),
        "it is no difference: {plan}"
    );
    assert!(!plan.stdout.contains("Zq8"), "{plan}");
    // The plan has a digest of it by the key of the state folder, and so has nothing of the value.
    assert!(
        desk.read(".syncline/plans/f.jsonl")
            .contains("\"pin\":\"sealed:")
    );
    nothing_is_kept(&desk);
    applied(&desk);
    let users = "id,name,pin\n1,a,Zq81-old\n2,b,Zq82-old\n3,c,Zq83-new\n";
    assert_eq!(desk.read("lms/users.csv"), users);
    nothing_is_kept(&desk);
    assert_eq!(desk.run(&["drift", "f"]).status, 0);
    // It goes along with no update either: what somebody chose since is left alone.
    let chosen = users.replace("Zq83-new", "chosen");
    desk.write("lms/users.csv", &chosen);
    desk.write(
        "sis/users.csv",
        "id,name,pin\n1,a,Zq81-x\n2,b,Zq82-x\n3,C,Zq83-x\n",
    );
    let sync = desk.run(&["sync", "f"]);
    assert_eq!(sync.status, 0, "{}", sync.stderr);
    assert!(
        sync.stderr.contains("0 created, 1 updated, 0 deleted"),
        "{sync}"
    );
    assert_eq!(desk.read("lms/users.csv"), chosen.replace("3,c", "3,C"));
    nothing_is_kept(&desk);
}

#[test]
fn what_is_ignored_is_neither_compared_nor_written() {
    let desk = desk("        map: {name: name, pin: pin}\n        roles: {pin: ignore}\n");
    let sync = desk.run(&["sync", "f"]);
    assert_eq!(sync.status, 0, "{}", sync.stderr);
    assert!(
        sync.stderr.contains("1 created, 0 updated, 0 deleted"),
        "{sync}"
    );
    let users = "id,name,pin\n1,a,Zq81-old\n2,b,Zq82-old\n3,c,\n";
    assert_eq!(desk.read("lms/users.csv"), users);
    assert_eq!(desk.run(&["drift", "f"]).status, 0);
    desk.write("sis/users.csv", "id,name,pin\n1,A,x\n2,b,x\n3,c,x\n");
    assert_eq!(desk.run(&["sync", "f"]).status, 0);
    assert_eq!(desk.read("lms/users.csv"), users.replace("1,a", "1,A"));
}
