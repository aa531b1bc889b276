//! The scenario of the rules against every version, and what a scenario tells when a server is
//! otherwise.

use std::path::Path;

use serde_json::json;
use syncline_sandbox::remote::model_like;
use syncline_sandbox::replay::{ReplayReport, ReplayTarget, replay};
use syncline_sandbox::schema::embedded;
use syncline_sandbox::{ApiVersion, Sandbox, SandboxConfig};

use crate::fixture::{Fixture, model};

fn run(sandbox: &Sandbox, file: &Path, run: &str) -> ReplayReport {
    let target = ReplayTarget {
        url: sandbox.url().to_owned(),
        client_id: "populated".to_owned(),
        client_secret: "populatedSecret".to_owned(),
        run: run.to_owned(),
    };
    replay(&target, file).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_version_answers_as_the_rules_say_and_more_than_once() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/rules.jsonl");
    let model = embedded().unwrap();
    for api in [
        ApiVersion::V5_4,
        ApiVersion::V6_2,
        ApiVersion::V7_1,
        ApiVersion::V7_3,
        ApiVersion::V8_0,
    ] {
        let config = SandboxConfig {
            api,
            ..SandboxConfig::new(model.clone())
        };
        let sandbox = Sandbox::start(config).await.unwrap();
        for number in ["901", "902"] {
            let report = run(&sandbox, &file, number);
            assert_eq!(report.differences, [], "{api:?}");
            assert!(report.passed > 60, "{api:?}: {report:?}");
        }
    }
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
            "$: expected [{}], got []",
        ]
    );
    std::fs::write(&file, "{}\n").unwrap();
    let target = ReplayTarget {
        url: fixture.sandbox.url().to_owned(),
        client_id: "populated".to_owned(),
        client_secret: "populatedSecret".to_owned(),
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
