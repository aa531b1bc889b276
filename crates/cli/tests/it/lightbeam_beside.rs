//! The real lightbeam beside this program: the same files, the same command line, a sandbox for
//! each. What comes of it has to be the same, except where a line says why not.
//!
//! lightbeam is looked for where `scripts/interop/lightbeam` installs it. Where it is not there
//! these tests are skipped and say so, unless CI=true.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};
use syncline_sandbox::{Sandbox, SandboxConfig, schema};
use syncline_testkit::skipped;

use crate::desk::{Desk, Ran, students};
use crate::servers::closed_port;

/// Refused for its content.
const BAD: &str =
    "{\"studentUniqueId\": \"9\", \"lastSurname\": \"Byron\", \"birthDate\": \"2014-05-01\"}\n";
/// What belongs to the server.
const OWNED: [&str; 3] = ["id", "_etag", "_lastModifiedDate"];

struct Side {
    desk: Desk,
    sandbox: Sandbox,
    /// The program, if it is not ours.
    program: Option<PathBuf>,
    /// Requests that were looked at already.
    seen: usize,
}

struct Pair {
    theirs: Side,
    ours: Side,
}

/// Both, or nothing and why.
async fn pair() -> Option<Pair> {
    let target = Path::new(env!("CARGO_BIN_EXE_syncline")).ancestors().nth(2);
    let program = target.unwrap().join("interop/lightbeam/venv/bin/lightbeam");
    if !program.is_file() {
        skipped("lightbeam is not installed: run scripts/interop/lightbeam once");
        return None;
    }
    Some(Pair {
        theirs: Side::new(Some(program)).await,
        ours: Side::new(None).await,
    })
}

impl Side {
    async fn new(program: Option<PathBuf>) -> Self {
        let mut config = SandboxConfig::new(schema::embedded().unwrap());
        config.record = true;
        let sandbox = Sandbox::start(config).await.unwrap();
        let side = Self {
            desk: Desk::new(),
            sandbox,
            program,
            seen: 0,
        };
        side.configure(side.sandbox.url());
        side.desk.write("data/students.jsonl", students(1..=3));
        side
    }

    /// Folders end in a slash because lightbeam puts texts side by side, and the namespace
    /// overrides are there because it stops without them.
    fn configure(&self, url: &str) {
        let yaml = format!(
            "state_dir: ./state/\ndata_dir: ./data/\nnamespace: ed-fi\nnamespace_overrides: {{}}\n\
             edfi_api:\n  base_url: {url}\n  version: 3\n  mode: shared_instance\n  client_id: \
             ${{KEY}}\n  client_secret: populatedSecret\nconnection:\n  pool_size: 1\n  timeout: 5\n  \
             num_retries: 2\n  verify_ssl: true\nforce_delete: true\n"
        );
        self.desk.write("lightbeam.yaml", yaml);
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = self.desk.command(arguments);
        if let Some(program) = &self.program {
            let ours = std::mem::replace(&mut command, std::process::Command::new(program));
            for (name, value) in ours.get_envs() {
                command.env(name, value.unwrap_or_default());
            }
            command
                .env_clear()
                .env("HOME", self.desk.home())
                .env("LC_ALL", "C.UTF-8")
                .env("TZ", "UTC")
                .args(arguments)
                .current_dir(self.desk.home())
                .stdin(Stdio::null());
        }
        let output = command.env("KEY", "populated").output();
        self.desk.ended(output.unwrap())
    }

    /// Requests for data since the last look: method, path and body as JSON, sorted. Ids of the
    /// server stand as `{id}`.
    fn requests(&mut self) -> Vec<(String, String, Value)> {
        let log = self.sandbox.requests();
        let new = log.requests.iter().skip(self.seen);
        let data = new.filter(|request| request.path.contains("/data/v3/ed-fi/"));
        let mut found: Vec<_> = data
            .map(|request| {
                let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
                let last = path.rsplit('/').next().unwrap_or_default();
                let path = if last.len() >= 32 {
                    path.replace(last, "{id}")
                } else {
                    format!("{path}?{query}")
                };
                let body = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
                (request.method.clone(), path, body)
            })
            .collect();
        self.seen = log.requests.len();
        found.sort_by_key(|(method, path, body)| (method.clone(), path.clone(), body.to_string()));
        found
    }

    fn posts(&mut self) -> Vec<Value> {
        let requests = self.requests().into_iter();
        let posts = requests.filter(|(method, ..)| method == "POST");
        posts.map(|(_, _, body)| body).collect()
    }

    /// The part of a results file that says what became of the records. The file of a failure
    /// is named as seen from the data folder, here as there.
    fn results(&self, name: &str) -> Value {
        let results = self.desk.json(name);
        let mut resources = results["resources"].clone();
        for resource in resources.as_object_mut().unwrap().values_mut() {
            // Ours come beside theirs.
            let known = ["processed", "skipped", "failed"].map(|what| format!("records_{what}"));
            let members = resource.as_object_mut().unwrap();
            members.retain(|name, _| {
                known.contains(name) || name == "successes" || name == "failures"
            });
            for failure in members.get_mut("failures").into_iter().flat_map(each) {
                let file = failure["file"].as_str().unwrap().to_owned();
                failure["file"] = json!(file.rsplit('/').next());
            }
        }
        let total = |what: &str| results[format!("total_records_{what}")].clone();
        json!({
            "command": results["command"],
            "config_file": results["config_file"],
            "namespace": results["namespace"],
            "resources": resources,
            "processed": total("processed"),
            "skipped": total("skipped"),
            "failed": total("failed"),
        })
    }

    /// The records of a file by their identifier, without what belongs to the server.
    fn fetched(&self, name: &str) -> BTreeMap<String, Value> {
        let text = self.desk.read(name);
        let records = text.lines().map(|line| {
            let mut record: Value = serde_json::from_str(line).unwrap();
            let members = record.as_object_mut().unwrap();
            members.retain(|name, _| !OWNED.contains(&name.as_str()));
            (record["studentUniqueId"].to_string(), record)
        });
        records.collect()
    }

    fn count(&self, path: &str) -> u64 {
        self.sandbox.count(path).unwrap()
    }
}

fn each(list: &mut Value) -> impl Iterator<Item = &mut Value> {
    list.as_array_mut().unwrap().iter_mut()
}

impl Pair {
    fn write(&self, name: &str, text: &str) {
        self.theirs.desk.write(name, text);
        self.ours.desk.write(name, text);
    }

    /// Runs both and compares how they end.
    #[track_caller]
    fn run(&self, arguments: &[&str]) -> (Ran, Ran) {
        let (theirs, ours) = (self.theirs.run(arguments), self.ours.run(arguments));
        assert_eq!(
            theirs.status, ours.status,
            "{arguments:?}\n{theirs}\n{ours}"
        );
        (theirs, ours)
    }

    /// Sends with both; how many records were posted. Status, requests and content are the same.
    #[track_caller]
    fn send(&mut self, arguments: &[&str]) -> usize {
        self.run(&[&["send"], arguments].concat());
        let (theirs, ours) = (self.theirs.posts(), self.ours.posts());
        assert_eq!(theirs, ours, "{arguments:?}");
        self.same_content();
        ours.len()
    }

    #[track_caller]
    fn same_content(&self) {
        for path in ["ed-fi/students", "ed-fi/schools", "ed-fi/sexDescriptors"] {
            assert_eq!(self.theirs.count(path), self.ours.count(path), "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sending_posts_the_same_records_for_every_option() {
    let Some(mut pair) = pair().await else { return };
    assert_eq!(pair.send(&[]), 3);
    assert_eq!(pair.send(&[]), 0, "all skipped");
    assert_eq!(pair.send(&["-f"]), 3);
    assert_eq!(pair.send(&["--force", "--wipe"]), 3);
    assert_eq!(pair.send(&["-o", "2020-01-01"]), 0);
    assert_eq!(pair.send(&["--older-than", "2999-01-01"]), 3);
    assert_eq!(pair.send(&["-n", "2020-01-01T00:00:00"]), 3);
    assert_eq!(pair.send(&["--newer-than", "2999-01-01"]), 0);
    assert_eq!(pair.send(&["-r", "500"]), 0);
    assert_eq!(pair.send(&["--resend-status-codes", "200,201"]), 3);
    pair.write("data/students.jsonl", &students(2..=5));
    assert_eq!(pair.send(&[]), 2, "only what is new");
    // One that was refused is offered again by both.
    pair.write("data/students.jsonl", &(students(2..=5) + BAD));
    assert_eq!(pair.send(&[]), 1);
    assert_eq!(pair.send(&[]), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn options_of_the_configuration_mean_the_same() {
    let Some(mut pair) = pair().await else { return };
    pair.write("other/students.jsonl", &students(1..=2));
    pair.write("data/sexDescriptors.jsonl", "{}\n");
    assert_eq!(pair.send(&["-s", "students"]), 3);
    assert_eq!(pair.send(&["-s", "stud*", "-e", "*Associations", "-f"]), 3);
    assert_eq!(pair.send(&["-e", "sexDescriptors", "-f"]), 3);
    let other = ["--set", "data_dir", "./other/", "state_dir", "./elsewhere/"];
    assert_eq!(pair.send(&other), 2);
    assert_eq!(pair.send(&[&["-f"], &other[..]].concat()), 2);
    let wrong = ["send", "-f", "-s", "students", "-p", r#"{"KEY": "other"}"#];
    pair.run(&[&wrong[..], &["-w"]].concat());
    let right = ["-f", "-s", "students", "-p", r#"{"KEY": "populated"}"#];
    assert_eq!(pair.send(&right), 3);
    // Folders and all three extensions are read.
    pair.write("data/students/more.ndjson", &students(10..=11));
    pair.write("data/students/other.json", &students(12..=12));
    assert_eq!(pair.send(&["-s", "students"]), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn results_of_sending_say_the_same() {
    let Some(pair) = pair().await else { return };
    let results = ["--results-file", "deep/results.json"];
    let send = [&["-c", "lightbeam.yaml", "send"], &results[..]].concat();
    let same = |pair: &Pair| {
        pair.run(&send);
        let [theirs, ours] =
            [&pair.theirs, &pair.ours].map(|side| side.results("deep/results.json"));
        assert_eq!(theirs, ours);
        ours
    };
    assert_eq!(same(&pair)["processed"], 3);
    assert_eq!(same(&pair)["skipped"], 3);
    pair.write(
        "data/students.jsonl",
        &(students(1..=4) + BAD + &BAD.replace('9', "8")),
    );
    let mixed = same(&pair);
    assert_eq!(
        (&mixed["skipped"], &mixed["failed"]),
        (&json!(3), &json!(2))
    );
    // All failed.
    pair.write("data/students.jsonl", BAD);
    assert_eq!(same(&pair)["failed"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_for_something_missing_is_offered_again_by_us_only() {
    let Some(mut pair) = pair().await else { return };
    let row = "{\"schoolReference\":{\"schoolId\":7},\"studentReference\":{\"studentUniqueId\":\"1\"},\
               \"entryDate\":\"2025-08-20\",\"entryGradeLevelDescriptor\":\
               \"uri://ed-fi.org/GradeLevelDescriptor#Ninth grade\"}\n";
    pair.write("data/studentSchoolAssociations.jsonl", row);
    pair.run(&["send"]);
    // Ours is offered twice in one run, because what is missing may come with the run.
    let (theirs, ours) = (pair.theirs.posts().len(), pair.ours.posts().len());
    assert!(theirs == 4 && ours >= 4, "{theirs} {ours}");
    // lightbeam skips for ever what was answered with 409; that is what we do not.
    let (theirs, ours) = (pair.theirs.run(&["send"]), pair.ours.run(&["send"]));
    assert_eq!((theirs.status, ours.status), (99, 0), "{theirs}\n{ours}");
    assert_eq!(pair.theirs.posts().len(), 0);
    assert!(!pair.ours.posts().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn counting_asks_prints_and_writes_the_same() {
    let Some(mut pair) = pair().await else { return };
    pair.run(&["send"]);
    pair.theirs.requests();
    pair.ours.requests();
    for arguments in [
        ["-s", "students,schools"].as_slice(),
        &["-s", "stud*", "-e", "studentSchoolAssociations"],
        &["-s", "students", "--set", "count.separator", ";"],
        &[],
    ] {
        let count = ["count", "--results-file", "counts.txt"];
        // lightbeam prints nothing where it writes a file; we print in any case.
        pair.run(&[&count, arguments].concat());
        let (theirs, ours) = pair.run(&[&["count"], arguments].concat());
        let [there, here] = [&pair.theirs, &pair.ours].map(|side| side.desk.read("counts.txt"));
        // Endpoints of equal rank have no order among themselves.
        let sorted = |text: &str| {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(sorted(&there), sorted(&here), "{arguments:?}");
        assert_eq!(
            sorted(&theirs.stdout),
            sorted(&ours.stdout),
            "{arguments:?}"
        );
        assert_eq!(
            pair.theirs.requests(),
            pair.ours.requests(),
            "{arguments:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fetching_brings_the_same_records() {
    let Some(pair) = pair().await else { return };
    pair.write("data/students.jsonl", &students(1..=7));
    pair.run(&["send"]);
    for side in [&pair.theirs, &pair.ours] {
        // Files that are sent from are not replaced by us unasked.
        std::fs::remove_file(side.desk.path("data/students.jsonl")).unwrap();
    }
    let whole = [
        "fetch",
        "-s",
        "students,schools",
        "--set",
        "fetch.page_size",
        "3",
    ];
    for (arguments, records) in [
        (whole.as_slice(), 7),
        (
            &["fetch", "-s", "students", "-k", "studentUniqueId,birth*"],
            7,
        ),
        (&["fetch", "-s", "students", "-d", "_*,id,*Surname"], 7),
        (
            &[
                "fetch",
                "-s",
                "students",
                "-q",
                r#"{"studentUniqueId": "2"}"#,
            ],
            1,
        ),
    ] {
        pair.run(arguments);
        let [theirs, ours] =
            [&pair.theirs, &pair.ours].map(|side| side.fetched("data/students.jsonl"));
        assert_eq!(theirs, ours, "{arguments:?}");
        assert_eq!(ours.len(), records);
        // Neither makes a file of a collection without records.
        assert!(!pair.theirs.desk.path("data/schools.jsonl").exists());
        assert!(!pair.ours.desk.path("data/schools.jsonl").exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_takes_away_the_same_records() {
    let Some(mut pair) = pair().await else { return };
    pair.write("data/students.jsonl", &students(1..=5));
    pair.run(&["send"]);
    pair.write("data/students.jsonl", &students(2..=3));
    pair.theirs.requests();
    pair.ours.requests();
    // lightbeam deletes nothing that it remembers as sent unless it is forced; we do.
    pair.run(&["delete", "-f"]);
    assert_eq!(pair.ours.count("ed-fi/students"), 3);
    pair.same_content();
    let [theirs, ours] = [&mut pair.theirs, &mut pair.ours].map(|side| {
        let requests = side.requests().into_iter();
        let deletes = requests.filter(|(method, ..)| method == "DELETE");
        deletes.map(|(_, path, _)| path).collect::<Vec<_>>()
    });
    assert_eq!(theirs, ours);
    assert_eq!(ours.len(), 2);
    // What was deleted is sent anew.
    assert_eq!(pair.send(&[]), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn truncating_empties_the_same_collections() {
    let Some(mut pair) = pair().await else { return };
    pair.run(&["send"]);
    pair.run(&["truncate", "-s", "students"]);
    assert_eq!(pair.ours.count("ed-fi/students"), 0);
    pair.same_content();
    pair.theirs.requests();
    pair.ours.requests();
    assert_eq!(pair.send(&[]), 3, "nothing of it is remembered");
}

#[tokio::test(flavor = "multi_thread")]
async fn creating_writes_the_same_files() {
    let Some(pair) = pair().await else { return };
    let create = ["create", "-s", "students,schools"];
    pair.run(&create);
    for side in [&pair.theirs, &pair.ours] {
        for name in ["students", "schools"] {
            assert!(
                side.desk
                    .read(&format!("templates/{name}.jsont"))
                    .contains("birth")
                    || name == "schools"
            );
        }
        let project = side.desk.read("earthmover.yml");
        for line in [
            "\n  students:\n",
            "\n  schools:\n",
            "templates/students.jsont",
        ] {
            assert!(project.contains(line), "{line} in {project}");
        }
    }
    // What is there is not written over.
    let before = pair.ours.desk.read("earthmover.yml");
    assert_eq!(pair.run(&create).1.status, 255);
    assert_eq!(pair.ours.desk.read("earthmover.yml"), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn validating_finds_the_same_records() {
    let Some(pair) = pair().await else { return };
    let validate = ["validate", "--results-file", "results.json"];
    pair.write("data/students.jsonl", &students(1..=3));
    pair.run(&validate);
    let failed = |side: &Side| side.desk.json("results.json")["total_records_failed"].clone();
    assert_eq!(
        (failed(&pair.theirs), failed(&pair.ours)),
        (json!(0), json!(0))
    );
    // lightbeam counts errors, of which it looks for the first in a record; here there is one each.
    pair.write(
        "data/students.jsonl",
        &(students(1..=3) + BAD + "no record\n"),
    );
    pair.run(&validate);
    assert_eq!(
        (failed(&pair.theirs), failed(&pair.ours)),
        (json!(2), json!(2))
    );
    pair.write("data/students.jsonl", BAD);
    assert_eq!(pair.run(&validate).1.status, 1, "all failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn validating_and_sending_in_one_go_ends_the_same() {
    let Some(mut pair) = pair().await else { return };
    let both = ["validate+send", "--results-file", "results.json"];
    let failed = |side: &Side| {
        let results = side.desk.json("results.json");
        let total = |what: &str| results[format!("total_records_{what}")].clone();
        [total("processed"), total("skipped"), total("failed")]
    };
    // As it is, all known, and with some that are wrong: what may be sent is sent by either.
    let mixed = students(1..=5) + BAD;
    for (text, sent) in [(students(1..=3), 3), (students(1..=3), 0), (mixed, 3)] {
        pair.write("data/students.jsonl", &text);
        pair.run(&both);
        let (theirs, ours) = (pair.theirs.posts(), pair.ours.posts());
        assert_eq!((&theirs, ours.len()), (&ours, sent));
        assert_eq!(failed(&pair.theirs), failed(&pair.ours));
    }
    pair.same_content();
    // lightbeam ends the command where every record is wrong, before anything is sent.
    pair.write("data/students.jsonl", BAD);
    assert_eq!(pair.run(&both).1.status, 1);
    assert_eq!(pair.theirs.posts(), pair.ours.posts());
}

#[tokio::test(flavor = "multi_thread")]
async fn references_are_judged_the_same_where_lightbeam_judges_them() {
    for (remote, lines) in [("true", &[3, 4][..]), ("false", &[1, 3, 4, 5])] {
        // lightbeam takes a token for each record, and servers give so many and no more.
        let Some(pair) = pair().await else { return };
        pair.run(&["send"]);
        write_references(&pair);
        let set = [
            "validate.methods",
            "references",
            "validate.references.remote",
            remote,
        ];
        let validate = ["validate", "--results-file", "results.json", "--set"];
        pair.run(&[&validate[..], &set].concat());
        let wrong: Vec<(String, u64)> = lines
            .iter()
            .map(|line| ("references".to_owned(), *line))
            .collect();
        assert_eq!(judged(&pair.theirs), wrong, "{remote}");
        assert_eq!(judged(&pair.ours), wrong, "{remote}");
        let tokens = pair.ours.sandbox.requests().count("POST", "/oauth/token");
        assert_eq!(tokens, 1, "for sending and checking");
    }
}

fn write_references(pair: &Pair) {
    // Students 1 to 3 are in the API and 4 in the files, as the contact is; 7 and x are nowhere.
    pair.write("data/students.jsonl", &students(4..=4));
    pair.write(
        "data/contacts.jsonl",
        "{\"contactUniqueId\":\"c\",\"firstName\":\"Ada\",\"lastSurname\":\"Byron\"}\n",
    );
    let row = |student: &str, contact: &str| {
        format!(
            "{{\"studentReference\":{{\"studentUniqueId\":\"{student}\"}},\
             \"contactReference\":{{\"contactUniqueId\":\"{contact}\"}}}}\n"
        )
    };
    let rows = [("1", "c"), ("4", "c"), ("7", "c"), ("2", "x"), ("3", "c")];
    let rows: String = rows
        .map(|(student, contact)| row(student, contact))
        .concat();
    pair.write("data/studentContactAssociations.jsonl", &rows);
}

/// Methods and lines of what is wrong with the associations.
fn judged(side: &Side) -> Vec<(String, u64)> {
    let results = side.desk.json("results.json");
    let failures = &results["resources"]["studentContactAssociations"]["failures"];
    let mut lines: Vec<(String, u64)> = failures
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|failure| {
            let method = failure["method"].as_str().unwrap().to_owned();
            let lines = failure["line_numbers"].as_array().unwrap().iter();
            lines.map(move |line| (method.clone(), line.as_u64().unwrap()))
        })
        .collect();
    lines.sort();
    lines.dedup();
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_go_on_ends_with_the_same_status() {
    let Some(pair) = pair().await else { return };
    pair.run(&["send", "-s", "nothing"]);
    pair.run(&["send", "-s", "schools"]);
    pair.run(&["send", "--set", "data_dir", "./nowhere/"]);
    pair.run(&["send", "--set", "edfi_api.version", "2"]);
    pair.run(&["send", "--set", "edfi_api.mode", "other"]);
    pair.run(&["send", "--set", "edfi_api.client_secret", "wrong", "-w"]);
    pair.run(&["send", "--set", "connection.pool_size"]);
    pair.run(&["count", "--set", "edfi_api.base_url", &closed_port()]);
    pair.write("data/students.jsonl", "");
    assert_eq!(
        pair.run(&["send"]).1.status,
        99,
        "an empty file is all skipped"
    );
}
