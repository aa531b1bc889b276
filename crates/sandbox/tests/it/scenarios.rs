//! The scenario of the rules against every version, and what a scenario tells when a server is
//! otherwise.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;
use syncline_sandbox::remote::model_like;
use syncline_sandbox::replay::{ReplayClient, ReplayReport, ReplayTarget, replay};
use syncline_sandbox::schema::embedded;
use syncline_sandbox::{
    ApiVersion, Authorization, Sandbox, SandboxConfig, read_clients, read_profiles,
};

use crate::fixture::{Fixture, model};

const VERSIONS: [ApiVersion; 5] = [
    ApiVersion::V5_4,
    ApiVersion::V6_2,
    ApiVersion::V7_1,
    ApiVersion::V7_3,
    ApiVersion::V8_0,
];

fn file(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    folder.join(name)
}

/// The clients of the scenarios, by name.
fn clients() -> BTreeMap<String, ReplayClient> {
    let clients = read_clients(&file("clients.json")).unwrap().into_iter();
    let named = clients.map(|client| {
        let (client_id, client_secret) = (client.client_id, client.client_secret);
        let pair = ReplayClient {
            client_id,
            client_secret,
        };
        (client.name, pair)
    });
    named.collect()
}

fn run(sandbox: &Sandbox, file: &Path, run: &str) -> ReplayReport {
    run_at(sandbox.url(), file, run)
}

fn run_at(url: &str, file: &Path, run: &str) -> ReplayReport {
    let target = ReplayTarget {
        url: url.to_owned(),
        client_id: "populated".to_owned(),
        client_secret: "populatedSecret".to_owned(),
        clients: clients(),
        run: run.to_owned(),
    };
    replay(&target, file).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_version_answers_as_the_rules_say_and_more_than_once() {
    let model = embedded().unwrap();
    for api in VERSIONS {
        let config = SandboxConfig {
            api,
            ..SandboxConfig::new(model.clone())
        };
        let sandbox = Sandbox::start(config).await.unwrap();
        for number in ["901", "902"] {
            let report = run(&sandbox, &file("rules.jsonl"), number);
            assert_eq!(report.differences, [], "{api:?}");
            assert!(report.passed > 60, "{api:?}: {report:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rules_hold_below_tenants_contexts_and_years() {
    let model = embedded().unwrap();
    let cases = [
        (ApiVersion::V5_4, &[][..], Some(2025)),
        (ApiVersion::V7_3, &["one", "2025"], None),
        (ApiVersion::V8_0, &["one"], None),
    ];
    for (api, route, school_year) in cases {
        let config = SandboxConfig {
            api,
            route: route.iter().map(|&part| part.to_owned()).collect(),
            school_year,
            ..SandboxConfig::new(model.clone())
        };
        let sandbox = Sandbox::start(config).await.unwrap();
        let base = [&[sandbox.url()], route].concat().join("/");
        let report = run_at(&base, &file("rules.jsonl"), "901");
        assert_eq!(report.differences, [], "{api:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_version_tells_its_clients_apart() {
    let model = embedded().unwrap();
    for api in VERSIONS {
        let config = SandboxConfig {
            api,
            authorization: Authorization::Relationships,
            clients: read_clients(&file("clients.json")).unwrap(),
            profiles: read_profiles(&file("profiles.json")).unwrap(),
            ..SandboxConfig::new(model.clone())
        };
        let sandbox = Sandbox::start(config).await.unwrap();
        for number in ["901", "902"] {
            let report = run(&sandbox, &file("access.jsonl"), number);
            assert_eq!(report.differences, [], "{api:?}");
            assert!(report.passed > 60, "{api:?}: {report:?}");
            sandbox.expire_tokens();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_version_has_snapshots_of_its_kind_or_none() {
    let model = embedded().unwrap();
    for (api, steps) in VERSIONS.into_iter().zip([10, 10, 8, 9, 4]) {
        let config = SandboxConfig {
            api,
            ..SandboxConfig::new(model.clone())
        };
        let sandbox = Sandbox::start(config).await.unwrap();
        sandbox.take_snapshot("before").unwrap();
        let report = run(&sandbox, &file("snapshots.jsonl"), "901");
        assert_eq!(
            (report.differences, report.passed),
            (vec![], steps),
            "{api:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_of_clients_that_are_not_given_are_passed_over() {
    let fixture = Fixture::new().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("foreign.jsonl");
    let step = json!({
        "name": "somebody else", "client": "stranger", "method": "GET", "path": "/ed-fi/students",
        "expect": {"status": 200},
    });
    std::fs::write(&file, format!("{step}\n")).unwrap();
    let report = run(&fixture.sandbox, &file, "1");
    assert_eq!((report.passed, report.skipped), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_difference_is_told_with_its_line() {
    let fixture = Fixture::new().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wrong.jsonl");
    let step = json!({
        "name": "a wrong one", "method": "GET", "path": "/ed-fi/students",
        "expect": {"status": 201, "headers": {"x-none": "*"}, "body": [{}]},
    });
    std::fs::write(&file, format!("# a comment\n\n{step}\n")).unwrap();
    let report = run(&fixture.sandbox, &file, "1");
    assert_eq!(report.passed, 0);
    let [difference] = report.differences.as_slice() else {
        panic!("{report:?}");
    };
    assert_eq!(
        (difference.line, difference.name.as_str()),
        (3, "a wrong one")
    );
    assert_eq!(
        difference.reasons,
        [
            "status: expected 201, got 200",
            "header x-none: expected *, got none",
            "$: expected 1 items, got 0",
        ]
    );
    std::fs::write(&file, "{}\n").unwrap();
    let target = ReplayTarget {
        url: fixture.sandbox.url().to_owned(),
        client_id: "populated".to_owned(),
        client_secret: "populatedSecret".to_owned(),
        clients: BTreeMap::new(),
        run: String::new(),
    };
    let error = replay(&target, &file).unwrap_err();
    assert_eq!(error.to_string(), "line 1 of the scenario is no step");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_can_be_made_like_another() {
    for api in [ApiVersion::V6_2, ApiVersion::V7_3, ApiVersion::V8_0] {
        let config = SandboxConfig {
            api,
            ..SandboxConfig::new(model())
        };
        let sandbox = Sandbox::start(config).await.unwrap();
        let like = model_like(sandbox.url()).unwrap();
        let own = model();
        assert_eq!(like.data_standard, own.data_standard);
        assert!(like.resources.keys().eq(own.resources.keys()), "{api:?}");
        assert!(like.descriptors.keys().eq(own.descriptors.keys()));
        assert_eq!(
            like.resources["ed-fi/sessions"].key,
            own.resources["ed-fi/sessions"].key
        );
        assert!(
            !like.descriptors["ed-fi/gradeLevelDescriptors"]
                .values
                .is_empty()
        );
    }
    let error = model_like("http://127.0.0.1:1").unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no answer from http://127.0.0.1:1"
    );
}
