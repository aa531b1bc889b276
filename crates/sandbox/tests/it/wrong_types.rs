//! Every member of valid bodies of every collection, replaced by values of other types.
//!
//! For 7.3 and its resources each member meets each value. The other versions read bodies with the
//! same code, and descriptors all have the same members, so that there the values take turns.
//!
//! What fits anyway is taken, as the real servers take numbers that come as texts; the rest is a
//! refusal and never a failure of the server, and nothing of it is stored.

use std::path::Path;

use bytes::Bytes;
use http::Request;
use serde_json::{Map, Value, json};
use syncline_sandbox::generate::{self, GenerateConfig};
use syncline_sandbox::schema::{Member, MemberKind, embedded};
use syncline_sandbox::{ApiVersion, SandboxConfig};

use crate::fixture::Fixture;

fn title(singular: &str) -> String {
    let (first, rest) = singular.split_at(1);
    format!("{}{rest}", first.to_uppercase())
}

/// A body with every member that the model knows; references lead nowhere.
fn full(members: &[Member]) -> Value {
    let named = members
        .iter()
        .map(|member| (member.name.clone(), made(&member.kind)));
    Value::Object(named.collect::<Map<_, _>>())
}

fn made(kind: &MemberKind) -> Value {
    match kind {
        MemberKind::String { min_length, .. } => {
            let length = min_length.unwrap_or(1).max(1);
            json!("x".repeat(usize::try_from(length).unwrap()))
        }
        MemberKind::Integer { minimum, .. } => json!(minimum.unwrap_or(1).max(1)),
        MemberKind::Number { minimum, .. } => json!(minimum.unwrap_or(1.0)),
        MemberKind::Boolean => json!(true),
        MemberKind::Date => json!("2024-08-01"),
        MemberKind::Time => json!("08:00:00"),
        MemberKind::DateTime => json!("2024-08-01T08:00:00Z"),
        MemberKind::Descriptor(kind) => json!(format!("uri://example.org/{}#a", title(kind))),
        MemberKind::Reference(reference) => full(&reference.members),
        MemberKind::Object { members, .. } => full(members),
        MemberKind::Array { members, .. } => json!([full(members)]),
    }
}

/// JSON pointers of everything within a value.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    let within: Vec<(String, &Value)> = match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, it)| (name.clone(), it))
            .collect(),
        Value::Array(items) => (0..).map(|at: usize| at.to_string()).zip(items).collect(),
        _ => Vec::new(),
    };
    for (name, value) in within {
        let place = format!("{at}/{name}");
        places(value, &place, found);
        found.push(place);
    }
}

fn wrong() -> [Value; 9] {
    [
        json!(null),
        json!(true),
        json!(u64::MAX),
        json!(-1e300),
        json!(""),
        json!("\u{0}text"),
        json!([null]),
        json!({}),
        json!([[{"a": [{}]}]]),
    ]
}

/// Whether a value can stand for a member that is now another one; nested ones never can.
fn cannot_fit(wrong: &Value, right: &Value) -> bool {
    match right {
        Value::Array(_) => matches!(wrong, Value::Object(_) | Value::Bool(_) | Value::Number(_)),
        Value::Object(_) => matches!(wrong, Value::Array(_) | Value::Bool(_) | Value::Number(_)),
        _ => matches!(wrong, Value::Array(_) | Value::Object(_)),
    }
}

/// The first record of every file of a made-up district, by path; all of them are stored.
async fn district(fixture: &Fixture, folder: &Path) -> Vec<(String, Value)> {
    let config = GenerateConfig {
        students: 3,
        seed: 5,
        out: folder.to_owned(),
        defects: None,
        school_year: 2025,
    };
    let manifest = generate::write(&config).unwrap();
    let mut bodies = Vec::new();
    for file in &manifest.files {
        let text = std::fs::read_to_string(folder.join(&file.file)).unwrap();
        let path = format!("ed-fi/{}", file.collection);
        for line in text.lines() {
            assert_eq!(post(fixture, &path, line).await, 201, "{line}");
        }
        let first = text.lines().next().map(serde_json::from_str);
        bodies.extend(first.map(|body| (path, body.unwrap())));
    }
    bodies
}

async fn post(fixture: &Fixture, path: &str, body: &str) -> u16 {
    let request = Request::post(format!("{}/{path}", fixture.data))
        .header("authorization", &fixture.token)
        .header("content-type", "application/json")
        .body(Bytes::copy_from_slice(body.as_bytes()));
    let answer = fixture.sandbox.ask(request.unwrap()).await;
    answer.status().as_u16()
}

async fn hold(api: ApiVersion) {
    let model = embedded().unwrap();
    let fixture = Fixture::with(SandboxConfig {
        api,
        ..SandboxConfig::new(model.clone())
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let mut bodies = district(&fixture, folder.path()).await;
    for (path, kind) in &model.descriptors {
        let title = title(&kind.singular);
        let body = json!({
            "namespace": format!("uri://example.org/{title}"), "codeValue": "a",
            "shortDescription": "a", "description": "a", "effectiveBeginDate": "2024-08-01",
        });
        assert_eq!(post(&fixture, path, &body.to_string()).await, 201, "{path}");
        bodies.push((path.clone(), body));
    }
    for (path, resource) in &model.resources {
        let body = full(&resource.members);
        let status = post(&fixture, path, &body.to_string()).await;
        assert!(
            matches!(status, 201 | 409),
            "{api:?} {path} {status}: {body}"
        );
        bodies.push((path.clone(), body));
    }
    let exhaustive = |path: &String| api == ApiVersion::V7_3 && !path.ends_with("Descriptors");
    let (mut turn, mut refused) = (0, 0);
    for (path, body) in &bodies {
        let mut all = vec![String::new()];
        places(body, "", &mut all);
        let values = wrong();
        for place in all {
            turn += 1;
            let step = if exhaustive(path) { 1 } else { values.len() };
            for wrong in values.iter().skip(turn % step).step_by(step) {
                let mut bent = body.clone();
                let member = bent.pointer_mut(&place).unwrap();
                let unfit = cannot_fit(wrong, member);
                *member = wrong.clone();
                let status = post(&fixture, path, &bent.to_string()).await;
                let shown = || format!("{api:?} {path}{place} {status}: {bent}");
                assert!(matches!(status, 200 | 201 | 400 | 409), "{}", shown());
                assert!(!unfit || status == 400, "{}", shown());
                refused += u32::from(status == 400);
            }
        }
    }
    assert!(refused > 1_000, "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_of_7_3_refuses_them() {
    hold(ApiVersion::V7_3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_of_5_4_refuses_them() {
    hold(ApiVersion::V5_4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_of_8_0_refuses_them() {
    hold(ApiVersion::V8_0).await;
}
