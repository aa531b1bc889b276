//! Requests made of chance: whatever is sent, the answer is one of the API and never a crash.

use bytes::Bytes;
use http::Request;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value};
use syncline_sandbox::{ApiVersion, Sandbox, SandboxConfig};

use crate::fixture::Fixture;

const STATUSES: [u16; 9] = [200, 201, 204, 304, 400, 403, 404, 405, 409];
const NAMES: [&str; 20] = [
    "studentUniqueId",
    "firstName",
    "lastSurname",
    "birthDate",
    "multipleBirthStatus",
    "gradePointAverage",
    "arrivalTime",
    "birthSexDescriptor",
    "period",
    "beginDate",
    "addresses",
    "streetNumberName",
    "city",
    "schoolId",
    "schoolReference",
    "studentReference",
    "gradeLevels",
    "id",
    "_ext",
    "link",
];
const PARAMETERS: [&str; 15] = [
    "offset",
    "limit",
    "totalCount",
    "pageToken",
    "pageSize",
    "number",
    "id",
    "minChangeVersion",
    "maxChangeVersion",
    "studentUniqueId",
    "birthDate",
    "gradePointAverage",
    "schoolId",
    "birthSexDescriptor",
    "correlationId",
];

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        "20[0-9]{2}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2})?Z?".prop_map(Value::from),
        "uri://ed-fi.org/(Sex|GradeLevel)Descriptor#(Female|Ninth grade)".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let name = prop_oneof![
            4 => proptest::sample::select(&NAMES[..]).prop_map(str::to_owned),
            1 => ".{0,8}",
        ];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec((name, inner), 0..8)
                .prop_map(|members| Value::from(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// JSON of known members, JSON with some bytes replaced, or no JSON at all.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let json = || value().prop_map(|value| value.to_string().into_bytes());
    let bent = (json(), any::<Vec<(u16, u8)>>()).prop_map(|(mut text, changes)| {
        for (place, byte) in changes {
            if !text.is_empty() {
                let at = usize::from(place) % text.len();
                text[at] = byte;
            }
        }
        text
    });
    prop_oneof![json(), bent, any::<Vec<u8>>()]
}

fn query() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        (any::<i64>(), any::<i64>()).prop_map(|(from, to)| format!("{from},{to}").into_bytes()),
        any::<Vec<u8>>(),
    ]
    .prop_map(|bytes| {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
    });
    let value = prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        (0..600_i64).prop_map(|number| number.to_string()),
        "[ -~]{0,12}",
        "(%[0-9a-fA-F]{2}){0,6}",
        "true|false|2010-01-31|uri://ed-fi.org/SexDescriptor%23Female",
        token,
    ];
    let name = prop_oneof![
        8 => proptest::sample::select(&PARAMETERS[..]).prop_map(str::to_owned),
        1 => "[a-zA-Z%$.]{0,8}",
    ];
    let pairs = proptest::collection::vec((name, value), 0..5);
    pairs.prop_map(|pairs| {
        let pairs: Vec<String> = pairs
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("&").replace([' ', '"', '<', '>', '#', '`'], "+")
    })
}

fn request(method: &str, uri: &str, token: &str, body: Vec<u8>) -> Option<Request<Bytes>> {
    let request = Request::builder()
        .method(method)
        .uri(uri)
        .header("authorization", token)
        .header("content-type", "application/json");
    request.body(Bytes::from(body)).ok()
}

/// Sends what a strategy makes to servers of an early version, the newest of the ODS, and 8.0.
fn holds<T: std::fmt::Debug>(
    strategy: &impl Strategy<Value = T>,
    ask: impl Fn(&str, &str, T) -> Option<Request<Bytes>>,
) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    for api in [ApiVersion::V5_4, ApiVersion::V7_3, ApiVersion::V8_0] {
        let fixture = runtime.block_on(Fixture::with(SandboxConfig {
            api,
            ..SandboxConfig::new(crate::fixture::model())
        }));
        let mut runner = TestRunner::new(Config::with_cases(400));
        let outcome = runner.run(strategy, |made| {
            if let Some(request) = ask(&fixture.data, &fixture.token, made) {
                let shown = format!("{request:?}");
                let status = runtime.block_on(answered(&fixture.sandbox, request));
                prop_assert!(STATUSES.contains(&status), "{api:?} {status}: {shown}");
            }
            Ok(())
        });
        outcome.unwrap();
    }
}

async fn answered(sandbox: &Sandbox, request: Request<Bytes>) -> u16 {
    sandbox.ask(request).await.status().as_u16()
}

#[test]
fn bodies() {
    let resource =
        proptest::sample::select(&["students", "schools", "sessions", "sexDescriptors"][..]);
    holds(&(resource, body()), |data, token, (resource, body)| {
        request("POST", &format!("{data}/ed-fi/{resource}"), token, body)
    });
}

#[test]
fn query_strings_and_page_tokens() {
    let path = proptest::sample::select(
        &[
            "students",
            "schools",
            "students/partitions",
            "students/deletes",
            "students/keyChanges",
            "sexDescriptors",
        ][..],
    );
    holds(&(path, query()), |data, token, (path, query)| {
        let uri = format!("{data}/ed-fi/{path}?{query}");
        request("GET", &uri, token, Vec::new())
    });
}

#[test]
fn paths_and_methods() {
    let method = proptest::sample::select(&["GET", "POST", "PUT", "DELETE", "PATCH"][..]);
    let segment = || "[!-~]{0,10}|students|ed-fi|deletes|partitions|[0-9a-f]{32}";
    let path = (segment(), segment(), segment());
    holds(
        &(method, path),
        |data, token, (method, (first, second, third))| {
            let uri = format!("{data}/{first}/{second}/{third}");
            request(method, &uri, token, b"{}".to_vec())
        },
    );
}
