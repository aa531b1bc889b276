//! Publishing and comparing as people do it: names, variables, options, what is printed, exit
//! statuses, and being killed.

use std::time::Duration;

use syncline_sandbox::{FaultPlan, Sandbox};

use crate::desk::{Desk, students};
use crate::servers::{fault, plan, sandbox, saying_no, slow, until};

/// Two servers, and a desk that sends students into the first and publishes it to the second.
pub(crate) struct Publishing {
    pub(crate) source: Sandbox,
    pub(crate) target: Sandbox,
    pub(crate) desk: Desk,
}

impl Publishing {
    pub(crate) async fn of(count: usize) -> Self {
        Self::between((sandbox().await, sandbox().await), count)
    }

    /// The same with servers of one's own.
    pub(crate) fn between((source, target): (Sandbox, Sandbox), count: usize) -> Self {
        let desk = Desk::new();
        let api = |url: &str| {
            format!(
                "    kind: edfi\n    base_url: {url}\n    client_id: populated\n    \
                 client_secret: ${{SECRET}}\n    pool_size: 2\n    page_size: 20\n"
            )
        };
        let config = format!(
            "stores:\n  files:\n    kind: files\n    path: data\n  district:\n{}  state:\n{}\
             send: {{ from: files, to: district }}\npublish:\n  from: district\n  to: state\n",
            api(source.url()),
            api(target.url()),
        );
        desk.write("syncline.yaml", config);
        desk.write("data/students.jsonl", students(1..=count));
        let publishing = Self {
            source,
            target,
            desk,
        };
        assert_eq!(publishing.run(&["send"]).status, 0);
        publishing
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> crate::desk::Ran {
        let mut command = self.desk.command(arguments);
        command.env("SECRET", "populatedSecret");
        self.desk.ended(command.output().unwrap())
    }

    pub(crate) fn send(&self, count: usize) {
        self.desk.write("data/students.jsonl", students(1..=count));
        assert_eq!(self.run(&["send"]).status, 0);
    }
}

pub(crate) const LIVE: [&str; 2] = ["publish", "--ignore-isolation"];

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_is_published_and_verify_finds_nothing() {
    let publishing = Publishing::of(3).await;
    let refused = publishing.run(&["publish"]);
    assert_eq!(refused.status, 2, "{refused}");
    assert!(refused.stderr.contains("--ignore-isolation"), "{refused}");

    let differing = publishing.run(&["verify"]);
    assert_eq!(differing.status, 6, "{differing}");
    assert!(
        differing
            .stdout
            .contains("students: 3 in district, 0 in state; 3 missing"),
        "{differing}"
    );
    assert!(differing.stdout.contains("missing: [\"1\"]"), "{differing}");

    let ran = publishing.run(&[&LIVE[..], &["--results-file", "results.json"]].concat());
    assert_eq!((ran.status, ran.stdout.as_str()), (0, ""), "{ran}");
    assert!(ran.stderr.contains("3 records read, 3 written"), "{ran}");
    assert!(
        ran.stderr.contains("Published up to change version"),
        "{ran}"
    );
    let results = publishing.desk.json("results.json");
    assert_eq!(
        (&results["command"], &results["outcome"]),
        (&"publish".into(), &"completed".into())
    );
    assert_eq!(results["collections"]["ed-fi/students"]["created"], 3);
    assert_eq!(results["exit_status"], 0);

    let same = publishing.run(&["verify", "--results-file", "verified.json"]);
    assert_eq!(same.status, 0, "{same}");
    assert!(
        same.stdout.contains("the same in district and state"),
        "{same}"
    );
    assert_eq!(publishing.desk.json("verified.json")["equal"], true);

    publishing.send(5);
    let again = publishing.run(&LIVE);
    assert_eq!(again.status, 0, "{again}");
    assert!(again.stderr.contains("2 written"), "{again}");
    assert_eq!(publishing.target.count("ed-fi/students").unwrap(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_are_named_and_options_that_nobody_knows_are_refused() {
    let publishing = Publishing::of(2).await;
    let ran = publishing.run(&["publish", "district", "nowhere", "--ignore-isolation"]);
    assert_eq!(ran.status, 2, "{ran}");
    assert!(ran.stderr.contains("no store named `nowhere`"), "{ran}");
    let ran = publishing.run(&["publish", "district", "district"]);
    assert_eq!(ran.status, 2, "{ran}");
    let ran = publishing.run(&[&LIVE[..], &["--includ", "students"]].concat());
    assert_eq!(ran.status, 2, "{ran}");
    let ran = publishing.run(&[&LIVE[..], &["--include", "studnets"]].concat());
    assert_eq!(ran.status, 2, "{ran}");
    assert!(ran.stderr.contains("did you mean `students`?"), "{ran}");
    let only = ["--include-only", "schools"];
    let ran = publishing.run(&[&LIVE[..], &only].concat());
    assert_eq!(ran.status, 0, "{ran}");
    assert_eq!(publishing.target.count("ed-fi/students").unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_owed_and_can_be_offered_again() {
    let publishing = Publishing::of(4).await;
    let mut refusal = fault(saying_no());
    refusal.on.first = Some(1);
    publishing.target.set_faults(plan(refusal));
    let limited = publishing.run(&[&LIVE[..], &["--max-failures", "0"]].concat());
    assert_eq!(limited.status, 4, "{limited}");
    assert!(limited.stderr.contains("at most 0 may be"), "{limited}");
    let again = publishing.run(&["publish", "--ignore-isolation", "--retry-owed"]);
    assert_eq!(again.status, 0, "{again}");
    assert_eq!(publishing.run(&LIVE).status, 0);
    assert_eq!(publishing.run(&["verify"]).status, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_killed_is_gone_on_with() {
    let publishing = Publishing::of(60).await;
    publishing.target.set_faults(slow(20));
    for written in [10_u64, 25, 40] {
        let mut command = publishing.desk.command(&LIVE);
        command.env("SECRET", "populatedSecret");
        let mut child = command.spawn().unwrap();
        until(&publishing.target, |_| {
            publishing.target.count("ed-fi/students").unwrap() >= written
        })
        .await;
        child.kill().unwrap();
        child.wait().unwrap();
    }
    publishing.target.set_faults(FaultPlan::default());
    let ran = publishing.run(&LIVE);
    assert_eq!(ran.status, 0, "{ran}");
    assert_eq!(publishing.run(&["verify"]).status, 0);
    let posts = publishing
        .target
        .requests()
        .count("POST", "/ed-fi/students");
    assert!(
        posts < 60 + 3 * 40,
        "{posts} writes: what was recorded is not written again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_the_api_publisher_are_taken_over_and_run() {
    let publishing = Publishing::of(3).await;
    let named = serde_json::json!({"connections": [
        {"name": "District", "url": publishing.source.url(), "key": "populated",
         "secret": "populatedSecret", "ignoreIsolation": true},
        {"name": "State", "url": publishing.target.url(), "key": "populated",
         "secret": "populatedSecret"},
    ]});
    publishing.desk.write("named.json", named.to_string());
    let options = [
        "--sourceName=District",
        "--targetName=State",
        "--streamingPageSize=10",
    ];
    let import = ["publish", "--from-api-publisher", "named.json", "--"];
    let ran = publishing.run(&[&import[..], &options].concat());
    assert_eq!(ran.status, 0, "{ran}");
    assert!(ran.stdout.contains("from: District"), "{ran}");
    assert!(ran.stdout.contains("page_size: 10"), "{ran}");
    assert!(!ran.stdout.contains("populatedSecret"), "{ran}");
    assert_eq!(publishing.target.count("ed-fi/students").unwrap(), 3);
    let ran = publishing.run(&[&import[..], &["--resources=students"]].concat());
    assert_eq!(ran.status, 2, "{ran}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_ends_a_publication_that_can_be_gone_on_with() {
    let publishing = Publishing::of(40).await;
    publishing.target.set_faults(slow(30));
    let mut command = publishing.desk.command(&LIVE);
    command.env("SECRET", "populatedSecret");
    let child = command.spawn().unwrap();
    until(&publishing.target, |log| {
        log.count("POST", "/ed-fi/students") >= 5
    })
    .await;
    let killed = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap());
    let output = tokio::time::timeout(Duration::from_secs(20), output).await;
    assert_eq!(output.unwrap().unwrap().status.code(), Some(5));
    publishing.target.set_faults(FaultPlan::default());
    assert_eq!(publishing.run(&LIVE).status, 0);
    assert_eq!(publishing.run(&["verify"]).status, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn held_deletes_are_explained_and_can_be_allowed() {
    let publishing = Publishing::of(30).await;
    assert_eq!(publishing.run(&LIVE).status, 0);
    publishing
        .desk
        .write("data/students.jsonl", students(4..=30));
    let pruned = publishing.run(&["send", "--prune", "--allow-deletes", "3"]);
    assert_eq!(pruned.status, 0, "{pruned}");

    let held = publishing.run(&[&LIVE[..], &["--results-file", "results.json"]].concat());
    assert_eq!(held.status, 4, "{held}");
    for line in [
        "students: 3 records not deleted, held by a guard",
        "  delete-share: 10.0 % of the target's records to delete, at most 5.0 % allowed",
        "  Nothing of this collection was deleted; what is new or changed in it was sent.",
        "  They are owed: the next publication finds them again. To delete them once:",
        "    syncline publish district state --include-only students --retry-owed --allow-deletes 3",
    ] {
        assert!(
            held.stderr.lines().any(|told| told == line),
            "{line}: {held}"
        );
    }
    let results = publishing.desk.json("results.json");
    let students = &results["collections"]["ed-fi/students"];
    assert_eq!(students["deletes_held"], 3);
    assert_eq!(students["guards"][0]["guard"], "delete-share");
    assert_eq!(publishing.target.count("ed-fi/students").unwrap(), 30);

    let protected = [
        "--retry-owed",
        "--protect",
        "students",
        "--allow-deletes",
        "3",
    ];
    let protected = publishing.run(&[&LIVE[..], &protected].concat());
    assert_eq!(protected.status, 0, "{protected}");
    assert!(
        protected.stderr.contains("3 no longer there and protected"),
        "{protected}"
    );
    let kept_back = "3 deletes owed and kept back, as what would go is protected.";
    assert!(
        protected.stderr.lines().any(|line| line == kept_back),
        "{protected}"
    );
    assert!(
        !protected.stderr.contains("offers them again"),
        "{protected}"
    );
    let told = [
        "publish",
        "district",
        "state",
        "--ignore-isolation",
        "--include-only",
        "students",
    ];
    let allowed = publishing.run(&[&told[..], &["--retry-owed", "--allow-deletes", "3"]].concat());
    assert_eq!(allowed.status, 0, "{allowed}");
    assert_eq!(publishing.run(&["verify"]).status, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_of_deletes_are_configured_and_checked() {
    let publishing = Publishing::of(2).await;
    let config = publishing.desk.read("syncline.yaml");
    for (guards, message) in [
        (
            "{ delete_share_max: 5 }",
            "`publish.guards.delete_share_max` must be a share from 0 to 1",
        ),
        (
            "{ delete_count: 3 }",
            "unknown key `publish.guards.delete_count`",
        ),
        (
            "{ small_set: few }",
            "`publish.guards.small_set` must be a whole number",
        ),
    ] {
        publishing
            .desk
            .write("syncline.yaml", format!("{config}  guards: {guards}\n"));
        let refused = publishing.run(&LIVE);
        assert_eq!(refused.status, 2, "{refused}");
        assert!(refused.stderr.contains(message), "{refused}");
    }
    let guards =
        "  guards: { delete_share_max: 0.5, delete_count_max: 9, allow_empty_source: yes }\n";
    publishing
        .desk
        .write("syncline.yaml", format!("{config}{guards}"));
    assert_eq!(publishing.run(&LIVE).status, 0);
}
