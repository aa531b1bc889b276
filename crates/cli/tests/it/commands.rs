//! `config check`, `count`, `generate`, `demo` and `sandbox`, as they go when all is well.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use insta::assert_snapshot;

use crate::desk::{Desk, lightbeam, students};
use crate::servers::{closed_port, sandbox};

#[test]
fn a_configuration_is_checked_offline() {
    let desk = Desk::with_students("https://api.example.org/v7");
    assert_snapshot!("config-check-offline", desk.run(&["config", "check"]));
}

#[test]
fn a_lightbeam_configuration_is_checked_offline() {
    let desk = Desk::new();
    let yaml = lightbeam("https://api.example.org/v7")
        .replace("verify_ssl: true", "verify_ssl: false")
        + "  retry_statuses: [429]\nfetch:\n  page_size: 10\nconnektion: 1\n";
    desk.write("lightbeam.yaml", yaml);
    desk.write("data/students.jsonl", students(1..=1));
    assert_snapshot!("config-check-lightbeam", desk.run(&["config", "check"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_is_tried() {
    let sandbox = sandbox().await;
    let desk = Desk::with_students(sandbox.url());
    let ran = desk.run(&["config", "check", "--connect"]);
    assert_snapshot!("config-check-connect", ran);
    // Looking writes nothing.
    assert_eq!(sandbox.requests().count("POST", "/ed-fi/"), 0);

    let secret = desk
        .read("syncline.yaml")
        .replace("populatedSecret", "other");
    desk.write("syncline.yaml", secret);
    let ran = desk.run(&["config", "check", "--connect", "--wipe"]);
    assert_eq!(ran.status, 2, "{ran}");
    assert!(ran.stderr.contains("refuses the credentials"), "{ran}");
    desk.configure(&closed_port(), "");
    assert_eq!(desk.run(&["config", "check", "--connect"]).status, 3);
}

#[test]
fn a_program_shows_what_it_holds() {
    let desk = Desk::new();
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/exec");
    let yaml = format!(
        "stores:\n  lms:\n    kind: exec\n    command: [python3, school.py]\n    folder: {examples}\n    \
         environment: {{SCHOOL_DATABASE: \"{}/school.sqlite\"}}\n",
        desk.path("").display()
    );
    desk.write("syncline.yaml", yaml);
    let ran = desk.run(&["config", "check", "--connect"]);
    assert_eq!(ran.status, 0, "{ran}");
    for expected in [
        "program python3 school.py in ",
        "variables: SCHOOL_DATABASE",
        "exec:school can be read, written and deleted from",
        "people: key id; id text, name text, email text",
        "members: key cohort, person",
    ] {
        assert!(ran.stdout.contains(expected), "{ran}");
    }
    let broken = desk.read("syncline.yaml").replace("school.py", "gone.py");
    desk.write("syncline.yaml", broken);
    let ran = desk.run(&["config", "check", "--connect"]);
    assert_eq!(ran.status, 3, "{ran}");
    assert!(ran.stderr.contains("can't open file"), "{ran}");
}

#[test]
fn a_directory_shows_what_it_holds() {
    use syncline_testkit::{Service, services::setting};
    let Some(url) = Service::Ldap.address() else {
        return;
    };
    let base = setting("SYNCLINE_TEST_LDAP_BASE").unwrap();
    let who = setting("SYNCLINE_TEST_LDAP_DN").unwrap();
    let password = setting("SYNCLINE_TEST_LDAP_PASSWORD").unwrap();
    let yaml = format!(
        "stores:\n  directory:\n    kind: ldap\n    url: {url}\n    bind_dn: {who}\n    \
         password: {password}\n    collections:\n      people:\n        base: ou=people,{base}\n        \
         object_classes: [inetOrgPerson]\n        rdn: uid\n        attributes: [uid, cn, mail]\n        \
         lists: [mail]\n"
    );
    let desk = Desk::new();
    desk.write("syncline.yaml", &yaml);
    let ran = desk.run(&["config", "check", "--connect"]);
    assert_eq!(ran.status, 0, "{ran}");
    for expected in [
        "(without TLS), as cn=admin,",
        "pages: yes, changes bound to a version: yes, kinds of attributes known: yes",
        "can be read, written and deleted from",
        "people: key uid; uid text, cn text, mail set",
    ] {
        assert!(ran.stdout.contains(expected), "{ran}");
    }
    assert!(!ran.to_string().contains(&password));
    for (from, to, status, expected) in [
        (password.as_str(), "wrong", 2, "invalid credentials (49)"),
        (
            "ou=people,",
            "ou=nobody,",
            2,
            "there is no entry ou=nobody,",
        ),
        (
            "[uid, cn,",
            "[uid, cm,",
            2,
            "`cm` that the directory does not know",
        ),
    ] {
        desk.write("syncline.yaml", yaml.replace(from, to));
        let ran = desk.run(&["config", "check", "--connect"]);
        assert!(ran.stderr.contains(expected), "{ran}");
        assert_eq!(ran.status, status, "{ran}");
    }
}

#[test]
fn a_database_shows_what_it_holds() {
    let desk = Desk::new();
    let script = "import sqlite3; sqlite3.connect('school.db').executescript('CREATE TABLE people \
        (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE log (line TEXT)')";
    let made = std::process::Command::new("python3")
        .args(["-c", script])
        .current_dir(desk.path(""))
        .status();
    assert!(made.unwrap().success());
    let yaml = "stores:\n  lms:\n    kind: sql\n    url: sqlite:school.db\n";
    desk.write("syncline.yaml", yaml);
    let ran = desk.run(&["config", "check", "--connect"]);
    assert_eq!(ran.status, 0, "{ran}");
    for expected in [
        "SQLite at sqlite:",
        "can be read, written and deleted from",
        "people: key id; id integer, name text",
        "no collections: log (it has no key)",
    ] {
        assert!(ran.stdout.contains(expected), "{ran}");
    }
    desk.write("syncline.yaml", format!("{yaml}    tables: {{log: }}\n"));
    let ran = desk.run(&["config", "check", "--connect"]);
    assert_eq!(ran.status, 2, "{ran}");
    assert!(
        ran.stderr.contains("tables: { log: { key: [...] } }"),
        "{ran}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_counted() {
    let sandbox = sandbox().await;
    let desk = Desk::with_students(sandbox.url());
    let people = ["count", "-s", "students,sta*fs"];
    let nothing = desk.run(&people);
    assert_eq!(
        (nothing.status, nothing.stdout.as_str()),
        (0, "Records\tEndpoint\n")
    );
    assert_eq!(desk.run(&["send"]).status, 0);

    let counted = desk.run(&people);
    assert_eq!((counted.status, counted.stderr.as_str()), (0, ""));
    assert_eq!(counted.stdout, "Records\tEndpoint\n3\tstudents\n");
    let all = desk.run(&[&people[..], &["--all", "--separator", ","]].concat());
    assert_eq!(all.stdout, "Records,Endpoint\n0,staffs\n3,students\n");
    let whole = desk.run(&["count"]).stdout;
    assert!(whole.contains("\n3\tstudents\n"), "{whole}");
    assert!(whole.contains("\n4\tsexDescriptors\n"), "{whole}");

    let ran = desk.run(&[&people[..], &["--results-file", "out/counts.tsv"]].concat());
    assert_eq!(ran.stdout, "Records\tEndpoint\n3\tstudents\n");
    assert_eq!(
        desk.read("out/counts.tsv"),
        "Records\tEndpoint\n0\tstaffs\n3\tstudents\n"
    );
    desk.write(
        "lightbeam.yaml",
        lightbeam(sandbox.url()) + "count:\n  separator: ';'\n",
    );
    let ran = desk.run(&[&["-c", "lightbeam.yaml"], &people[..]].concat());
    assert_eq!(ran.stdout, "Records;Endpoint\n3;students\n");
}

#[test]
fn a_count_that_fails_ends_by_the_customs_of_its_configuration() {
    let desk = Desk::new();
    let url = "https://edfi.district.invalid";
    desk.configure(url, "");
    assert_eq!(desk.run(&["count"]).status, 2);
    desk.write("lightbeam.yaml", lightbeam(url));
    assert_eq!(desk.run(&["count", "-c", "lightbeam.yaml"]).status, 255);
    let strict = ["count", "-c", "lightbeam.yaml", "--strict-exit"];
    assert_eq!(desk.run(&strict).status, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_can_be_told_as_json() {
    let sandbox = sandbox().await;
    let desk = Desk::with_students(sandbox.url());
    desk.write("data/students.jsonl", students(1..=2) + "bad\n");
    let ran = desk.run(&["send", "--log-format", "json"]);
    assert_eq!(ran.status, 1);
    let events: Vec<serde_json::Value> = ran
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let names: Vec<&str> = events
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "started",
            "collection_started",
            "rejected",
            "collection_finished",
            "finished"
        ]
    );
    assert_eq!(events[2]["file"], "students.jsonl");
    assert_eq!(events[2]["line"], 3);
    assert_eq!(events[3]["report"]["created"], 2);
    assert_eq!(events[4]["collections"]["ed-fi/students"]["failed"], 1);
    drop(sandbox);
    let ran = desk.run(&["send", "--log-format", "json", "-s", "nothing"]);
    let failed: serde_json::Value = serde_json::from_str(ran.stderr.trim()).unwrap();
    assert_eq!(failed["event"], "failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_records_go_where_they_are_wanted() {
    let sandbox = sandbox().await;
    let desk = Desk::with_students(sandbox.url());
    desk.write("data/students.jsonl", "bad\n");
    let ran = desk.run(&["send", "--reject-file", "mine/rejects.jsonl"]);
    assert_eq!(ran.status, 1);
    assert!(desk.rejects().is_empty());
    let reject: serde_json::Value = desk.json("mine/rejects.jsonl");
    assert_eq!(reject["collection"], "ed-fi/students");
    assert_eq!(
        (&reject["line"], &reject["body"]),
        (&1.into(), &"bad".into())
    );
    // It is not written over: it may have been corrected.
    let again = desk.run(&["send", "--reject-file", "mine/rejects.jsonl"]);
    assert_snapshot!(again, @"
    status 2
    --- stderr
    error: --reject-file: mine/rejects.jsonl is there already
      hint: name a file that is not there yet
    ");
}

/// Texts of the files in a folder, by name.
fn contents(desk: &Desk, folder: &str) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(desk.path(folder)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect()
}

#[test]
fn the_same_number_gives_the_same_district() {
    let desk = Desk::new();
    let generate = |seed: &str, out: &str| {
        desk.run(&["generate", "--students", "3", "--seed", seed, "--out", out])
    };
    assert_snapshot!(generate("5", "one"), @"
    status 0
    --- stderr
    782 records in 31 collections written to one
    ");
    generate("5", "same");
    generate("6", "other");
    assert_eq!(contents(&desk, "one"), contents(&desk, "same"));
    assert_ne!(contents(&desk, "one"), contents(&desk, "other"));
}

#[test]
fn planted_defects_are_listed() {
    let desk = Desk::new();
    let ran = desk.run(&[
        "generate",
        "--students",
        "6",
        "--out",
        "out",
        "--duplicate-keys",
        "1",
        "--dangling-references",
        "2",
        "--bad-descriptors",
        "1",
        "--bad-json",
        "1",
    ]);
    assert_eq!(ran.status, 0);
    assert!(
        ran.stderr
            .contains("5 defects planted, listed in out/manifest.json"),
        "{ran}"
    );
    let manifest = desk.json("out/manifest.json");
    let defects = manifest["defects"].as_array().unwrap();
    let mut kinds: Vec<&str> = defects
        .iter()
        .map(|defect| defect["kind"].as_str().unwrap())
        .collect();
    kinds.sort_unstable();
    assert_eq!(
        kinds,
        [
            "bad_descriptor",
            "bad_json",
            "dangling_reference",
            "dangling_reference",
            "duplicate_key"
        ]
    );
    for defect in defects {
        let text = desk.read(&format!("out/{}", defect["file"].as_str().unwrap()));
        let line = usize::try_from(defect["line"].as_u64().unwrap()).unwrap();
        let bad = text.lines().nth(line - 1).unwrap();
        let is_json = serde_json::from_str::<serde_json::Value>(bad).is_ok();
        assert_eq!(is_json, defect["kind"] != "bad_json", "{bad}");
    }
}

#[test]
fn the_demo_sends_and_then_has_nothing_to_send() {
    let desk = Desk::new();
    let ran = desk.run(&["demo", "--students", "4", "--dir", "tour"]);
    assert_eq!(ran.status, 0, "{ran}");
    assert!(ran.stdout.contains("the API saw 0 POSTs."), "{ran}");
    assert!(
        ran.stdout.contains("syncline send -c tour/syncline.yaml"),
        "{ran}"
    );
    // A second one makes its folder anew; a folder of somebody else is left alone.
    assert_eq!(
        desk.run(&["demo", "--students", "2", "--dir", "tour"])
            .status,
        0
    );
    desk.write("mine/notes.txt", "x");
    let ran = desk.run(&["demo", "--dir", "mine"]);
    assert_snapshot!(ran, @"
    status 2
    --- stderr
    error: mine is not empty
      hint: give another folder with --dir
    ");
    assert_eq!(desk.read("mine/notes.txt"), "x");
}

#[test]
fn a_sandbox_tells_its_url_first_and_stops_when_told() {
    let desk = Desk::new();
    let mut command = desk.command(&["sandbox", "edfi"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let url = lines.next().unwrap().unwrap();
    desk.write("data/students.jsonl", students(1..=2));
    desk.configure(&url, "");
    let ran = desk.run(&["send"]);
    assert_eq!(ran.status, 0, "{ran}");
    crate::interruption::signal(&child, "-TERM");
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(
        String::from_utf8(ended.stderr).unwrap(),
        "An Ed-Fi API for client populated, until you press Ctrl-C.\n"
    );
}
