//! Stores whose connections are kept elsewhere, and how far their source was published.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use syncline_sandbox::{ApiVersion, FaultPlan, Sandbox, SandboxConfig, schema};

use crate::desk::{Desk, Ran, native, students};
use crate::servers::{fault, plan, sandbox, saying_no};

const SECRET: &str = "populatedSecret";
const CONFIG: &str = "connections: { store: plaintext, file: named.json }\nstores:\n  north: { \
                      connection: North, pool_size: 2 }\n  state: { connection: State }\npublish: { \
                      from: north, to: state, overlap: 0 }\n";

/// A source and a target, whose connections are in a file of the publisher.
struct Kept {
    north: Sandbox,
    state: Sandbox,
    desk: Desk,
}

impl Kept {
    async fn new() -> Self {
        let kept = Self {
            north: sandbox().await,
            state: sandbox().await,
            desk: Desk::new(),
        };
        kept.desk.write("syncline.yaml", CONFIG);
        kept.desk.write("send.yaml", native(kept.north.url()));
        kept.keep(&json!({}));
        kept.send(3);
        kept
    }

    /// Writes the file of connections, with more about the source.
    fn keep(&self, more: &Value) {
        let mut north = json!({"name": "North", "url": self.north.url(), "key": "populated",
            "secret": SECRET, "ignoreIsolation": true, "includeOnly": "students",
            "lastChangeVersionsProcessed": "{\"Other\": 3}"});
        for (name, value) in more.as_object().unwrap() {
            north[name] = value.clone();
        }
        let state = json!({"name": "State", "url": self.state.url(), "key": "populated",
            "secret": SECRET});
        let file = json!({"connections": [north, state]});
        self.desk.write("named.json", file.to_string());
    }

    /// What is kept of how far the source was published.
    fn positions(&self) -> BTreeMap<String, u64> {
        let file = self.desk.json("named.json");
        let text = file["connections"][0]["lastChangeVersionsProcessed"].as_str();
        serde_json::from_str(text.unwrap()).unwrap()
    }

    fn send(&self, count: usize) {
        self.desk.write("data/students.jsonl", students(1..=count));
        let ran = self
            .desk
            .run(&["send", "-c", "send.yaml", "--set", "state_dir", "sending"]);
        assert_eq!(ran.status, 0, "{ran}");
    }

    /// Publishes; whatever comes of it, no secret is told.
    fn publish(&self, more: &[&str]) -> Ran {
        let told = ["publish", "--results-file", "r.json"];
        let ran = self.desk.run(&[&told[..], more].concat());
        let everything = format!("{ran}{}", self.desk.read("r.json"));
        assert!(!everything.contains(SECRET), "{everything}");
        ran
    }

    fn posts(&self) -> u64 {
        self.state.requests().count("POST", "/ed-fi/students")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_is_used_and_how_far_it_went_is_written_back() {
    let kept = Kept::new().await;
    let checked = kept.desk.run(&["config", "check"]);
    assert!(checked.stdout.contains("the connection North"), "{checked}");
    let ran = kept.publish(&[]);
    assert_eq!(ran.status, 0, "{ran}");
    let first = kept.positions();
    assert_eq!((first.len(), first["Other"]), (2, 3), "{first:?}");
    let results = kept.desk.json("r.json");
    assert_eq!(results["last_change_version"]["version"], first["State"]);
    let names: Vec<&String> = results["collections"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["ed-fi/students"], "the kept choice is honoured");

    // Without any memory of its own, it goes on where the publisher would.
    std::fs::remove_dir_all(kept.desk.path(".syncline")).unwrap();
    kept.send(5);
    let ran = kept.publish(&[]);
    assert_eq!(ran.status, 0, "{ran}");
    assert_eq!(
        (kept.posts(), kept.state.count("ed-fi/students").unwrap()),
        (5, 5)
    );
    assert!(kept.positions()["State"] > first["State"]);
    let verified = kept.desk.run(&["verify"]);
    assert_eq!(verified.status, 0, "{verified}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_the_source_never_had_is_2_and_stays_until_everything_is_read() {
    let kept = Kept::new().await;
    let beyond = json!({"lastChangeVersionsProcessed": "{\"State\": 999999}"});
    kept.keep(&beyond);
    let ran = kept.publish(&[]);
    assert_eq!((ran.status, kept.posts()), (2, 0), "{ran}");
    let said = "published up to change version 999999, and its newest is";
    assert!(ran.stderr.contains(said), "{ran}");
    assert_eq!(kept.positions()["State"], 999_999);
    let given = kept.publish(&["--since", "888888"]);
    assert_eq!((given.status, kept.posts()), (2, 0), "{given}");
    let ran = kept.publish(&["--full"]);
    assert_eq!((ran.status, kept.posts()), (0, 3), "{ran}");
    let now = kept.positions()["State"];
    assert!(now < 999_999, "{now}");

    // Nor is anything passed over that came since the last publication.
    kept.send(4);
    kept.send(5);
    let newest = now + 2;
    let given = kept.publish(&["--since", &newest.to_string()]);
    assert_eq!((given.status, kept.posts()), (2, 3), "{given}");
    assert!(given.stderr.contains("would never be published"), "{given}");
    assert_eq!(kept.publish(&["--since", &now.to_string()]).status, 0);
    assert_eq!(kept.posts(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_chosen_later_is_published_from_its_beginning() {
    let kept = Kept::new().await;
    kept.keep(&json!({"includeOnly": "schools"}));
    let ran = kept.publish(&[]);
    assert_eq!((ran.status, kept.posts()), (0, 0), "{ran}");
    let positions = serde_json::to_string(&kept.positions()).unwrap();
    assert!(positions.contains("State"), "{positions}");
    kept.keep(&json!({
        "includeOnly": "schools,students", "lastChangeVersionsProcessed": positions,
    }));
    let ran = kept.publish(&[]);
    assert_eq!((ran.status, kept.posts()), (0, 3), "{ran}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_program_published_in_between_is_written_again_where_it_changed() {
    let kept = Kept::new().await;
    assert_eq!(kept.publish(&[]).status, 0);
    let first = kept.positions()["State"];
    // The other program publishes a change, which the source takes back later.
    let to = |api: &str, config: &str, data: &str| {
        kept.desk.write("send.yaml", native(api));
        kept.desk.write("data/students.jsonl", data);
        let state = ["--force", "--set", "state_dir", config];
        let ran = kept
            .desk
            .run(&[&["send", "-c", "send.yaml"], &state[..]].concat());
        assert_eq!(ran.status, 0, "{ran}");
    };
    let changed = students([2]).replace("Ada", "Grace");
    to(kept.north.url(), "sending", &changed);
    to(kept.state.url(), "another", &changed);
    let positions = json!({"State": first + 1}).to_string();
    kept.keep(&json!({"lastChangeVersionsProcessed": positions}));
    to(kept.north.url(), "sending", &students([2]));
    let ran = kept.publish(&[]);
    assert_eq!(ran.status, 0, "{ran}");
    assert!(
        ran.stderr.contains("another program has published"),
        "{ran}"
    );
    let verified = kept.desk.run(&["verify"]);
    assert_eq!(verified.status, 0, "{verified}");
    let again = kept.publish(&[]);
    assert!(!again.stderr.contains("another program"), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_and_the_configuration_beat_what_is_kept() {
    let kept = Kept::new().await;
    let ran = kept.publish(&["--include-only", "schools"]);
    assert_eq!((ran.status, kept.posts()), (0, 0), "{ran}");
    // What was published now says nothing about the students.
    assert!(
        ran.stderr.contains("other collections were chosen"),
        "{ran}"
    );
    assert_eq!(kept.positions(), BTreeMap::from([("Other".to_owned(), 3)]));
    let isolated = kept.publish(&["--set", "publish.ignore_isolation", "false"]);
    assert_eq!(isolated.status, 2, "{isolated}");
    assert!(isolated.stderr.contains("--ignore-isolation"), "{isolated}");
    let elsewhere = ["--set", "stores.north.base_url", "http://127.0.0.1:9"];
    let ran = kept.publish(
        &[
            &elsewhere[..],
            &["--set", "stores.north.retry.attempts", "1"],
        ]
        .concat(),
    );
    assert_eq!(ran.status, 3, "{ran}");
    let named = kept.publish(&["--set", "publish.job", "night"]);
    assert_eq!(named.status, 0, "{named}");
    assert!(
        kept.positions().contains_key("night:State"),
        "{:?}",
        kept.positions()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_school_year_and_the_profile_that_are_kept_are_honoured() {
    let mut kept = Kept::new().await;
    kept.keep(&json!({"profileName": "Some-Profile"}));
    let refused = kept.publish(&[]);
    assert_eq!(refused.status, 2, "{refused}");
    assert!(refused.stderr.contains("would be lost"), "{refused}");

    let config = SandboxConfig {
        api: ApiVersion::V6_2,
        school_year: Some(2031),
        ..SandboxConfig::new(schema::embedded().unwrap())
    };
    kept.north = Sandbox::start(config).await.unwrap();
    kept.keep(&json!({"schoolYear": 2031}));
    let ran = kept.publish(&[]);
    assert_eq!(ran.status, 0, "{ran}");
    let read = kept.north.requests();
    assert!(read.count("GET", "/data/v3/2031/ed-fi/students") > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_owed_holds_the_kept_change_version_back() {
    let kept = Kept::new().await;
    let mut refusal = fault(saying_no());
    refusal.on.every = Some(3);
    kept.state.set_faults(plan(refusal));
    let ran = kept.publish(&[]);
    assert_eq!(ran.status, 1, "{ran}");
    assert!(
        ran.stderr
            .contains("is kept with the connection stays: not"),
        "{ran}"
    );
    assert_eq!(kept.positions(), BTreeMap::from([("Other".to_owned(), 3)]));
    kept.state.set_faults(FaultPlan::default());
    assert_eq!(kept.publish(&[]).status, 0);
    assert_eq!(kept.positions().len(), 2);
    let jobs = "jobs:\n  all: { from: north, to: state, job: all }\n";
    kept.desk.write("jobs.yaml", jobs);
    let ran = kept.desk.run(&["publish", "--jobs", "jobs.yaml"]);
    assert_eq!(ran.status, 0, "{ran}");
    assert!(kept.positions().contains_key("all:State"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_used_is_named() {
    let kept = Kept::new().await;
    for (more, said) in [
        (
            json!({"resources": "students"}),
            "`resources`, which is obsolete",
        ),
        (json!({"secrte": "x"}), "did you mean `secret`?"),
        (
            json!({"key": null, "name": "North"}),
            "`North`, which has no `key`",
        ),
        (
            json!({"name": "South"}),
            "no connection `North` is kept there",
        ),
        (
            json!({"lastChangeVersionsProcessed": "7"}),
            "is no JSON object",
        ),
    ] {
        kept.keep(&more);
        let ran = kept.publish(&[]);
        assert_eq!(ran.status, 2, "{more}: {ran}");
        assert!(ran.stderr.contains(said), "{said} in {ran}");
    }
    kept.keep(&json!({"force": true}));
    let ran = kept.publish(&[]);
    assert_eq!(ran.status, 0, "{ran}");
    assert!(ran.stderr.contains("`force`, which is obsolete"), "{ran}");
    assert_eq!(kept.posts(), 3);
    for (set, said) in [
        (["connections.store", "sqlserver"], "which cannot be read"),
        (["connections.store", "elsewhere"], "must be `plaintext`"),
        (["connections.fil", "x"], "unknown key `connections.fil`"),
        (["stores.north.kind", "files"], "must be `edfi`"),
        (
            ["stores.north.pol_size", "2"],
            "unknown key `stores.north.pol_size`",
        ),
    ] {
        let ran = kept.publish(&[&["--set"], &set[..]].concat());
        assert_eq!(ran.status, 2, "{set:?}: {ran}");
        assert!(ran.stderr.contains(said), "{said} in {ran}");
    }
    let alone = CONFIG.replace("connections: { store: plaintext, file: named.json }\n", "");
    kept.desk.write("syncline.yaml", alone);
    let ran = kept.publish(&[]);
    assert!(ran.stderr.contains("where connections are kept"), "{ran}");
}
