//! `verify`, `drift` and `explain` as people use them: what is printed, what is not, and exit
//! statuses.

use serde_json::{Value, json};
use syncline_sandbox::Sandbox;

use crate::desk::{Desk, Ran, students};
use crate::servers::sandbox;

/// Three students sent from files to an API, one of which was changed in the files since.
struct Compared {
    desk: Desk,
    api: Sandbox,
}

impl Compared {
    async fn new() -> Self {
        let api = sandbox().await;
        let desk = Desk::with_students(api.url());
        assert_eq!(desk.run(&["send"]).status, 0);
        let changed = students(1..=4).replacen("\"firstName\":\"", "\"firstName\":\"Secret", 1);
        assert!(changed.contains("Secret"));
        desk.write("data/students.jsonl", changed);
        Self { desk, api }
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.desk.run(arguments)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_says_what_differs_why_and_how_to_look_closer() {
    let compared = Compared::new().await;
    let ran = compared.run(&["drift", "district", "api", "--results-file", "drift.json"]);
    assert_eq!(ran.status, 6, "{ran}");
    assert_eq!(
        ran.stdout,
        "students: 4 in district, 3 in api; 1 missing, 0 extra, 1 different\n\
         \x20 1 missing, not written to api yet: [\"4\"]\n\
         \x20 1 different, changed in district since it was written: [\"1\"]\n\
         1 of 1 collection differ between district and api. `syncline explain COLLECTION KEY` tells of \
         one record.\n",
        "{ran}"
    );
    let results = compared.desk.json("drift.json");
    assert_eq!(results["command"], "drift");
    assert_eq!(results["exit_status"], 6);
    assert_eq!(
        results["collections"]["ed-fi/students"]["reasons"],
        json!([
            {"wrong": "missing", "why": "not-written", "count": 1},
            {"wrong": "different", "why": "source-changed", "count": 1},
        ])
    );
    let ran = compared.run(&["drift", "district", "api", "--json"]);
    let printed: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(printed, results);
    assert!(!ran.stdout.contains("Secret"), "{ran}");

    assert_eq!(compared.run(&["send"]).status, 0);
    let ran = compared.run(&["verify", "district", "api", "--json"]);
    let printed: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((ran.status, &printed["equal"]), (0, &json!(true)), "{ran}");
    assert_eq!(compared.api.count("ed-fi/students").unwrap(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_shows_members_and_hides_values_until_they_are_asked_for() {
    let compared = Compared::new().await;
    let explain = [
        "explain", "students", "1", "--from", "district", "--to", "api",
    ];
    let ran = compared.run(&explain);
    assert_eq!(ran.status, 6, "{ran}");
    assert!(ran.stdout.starts_with("ed-fi/students [\"1\"]\n"), "{ran}");
    for line in [
        "  ledger    created at ",
        "They differ: changed in district since it was written.\n",
        "  firstName: a text in district, a text in api\n",
        "`--show-values`",
    ] {
        assert!(ran.stdout.contains(line), "{line}: {ran}");
    }
    assert!(!ran.stdout.contains("Secret"), "{ran}");
    let shown = compared.run(&[&explain[..], &["--show-values"]].concat());
    assert!(shown.stdout.contains("\"Secret"), "{shown}");
    let json = compared.run(&[&explain[..], &["--json", "--results-file", "one.json"]].concat());
    assert!(!json.stdout.contains("Secret"), "{json}");
    let written = compared.desk.json("one.json");
    let printed: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(written, printed);
    assert_eq!(printed["why"], "source-changed");

    let same = compared.run(&[
        "explain", "students", "2", "--from", "district", "--to", "api",
    ]);
    assert_eq!(same.status, 0, "{same}");
    assert!(same.stdout.contains("Both hold the same."), "{same}");
    let none = compared.run(&[
        "explain", "students", "9", "--from", "district", "--to", "api",
    ]);
    assert_eq!((none.status, none.stdout.as_str()), (2, ""), "{none}");
    assert!(
        none.stderr.contains("there is no students [\"9\"]"),
        "{none}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_is_away_or_a_pair_that_is_not_named_is_told() {
    let compared = Compared::new().await;
    let ran = compared.run(&["drift"]);
    assert_eq!(ran.status, 2, "{ran}");
    assert!(ran.stderr.contains("not clear which store"), "{ran}");
    let ran = compared.run(&["verify", "api", "district"]);
    assert_eq!(ran.status, 2, "{ran}");
    assert!(ran.stderr.contains("`district` is no Ed-Fi API"), "{ran}");
    let Compared { desk, api } = compared;
    desk.configure(api.url(), "    retry: { attempts: 1 }\n");
    api.stop().await;
    let ran = desk.run(&["drift", "district", "api", "--results-file", "away.json"]);
    assert_eq!(ran.status, 3, "{ran}");
    assert_eq!(desk.json("away.json")["exit_status"], 3);
}
