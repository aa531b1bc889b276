//! `sandbox` as a process: where its URLs lead, and what it tells.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::desk::{Desk, students};
use crate::interruption::signal;

/// A server of its own and its URL.
fn serve(desk: &Desk, arguments: &[&str]) -> (Child, String) {
    serve_kind(desk, "edfi", arguments)
}

fn serve_kind(desk: &Desk, kind: &str, arguments: &[&str]) -> (Child, String) {
    let mut command = desk.command(&[&["sandbox", kind], arguments].concat());
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    (child, line.trim().to_owned())
}

/// Stops a server; gives what it said on standard error after its greeting.
fn stop(child: Child) -> Vec<String> {
    signal(&child, "-TERM");
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success(), "{ended:?}");
    let said = String::from_utf8(ended.stderr).unwrap();
    said.lines().skip(1).map(str::to_owned).collect()
}

#[test]
fn routes_of_every_kind_are_found_by_our_own_client() {
    let cases: [(&[&str], &str); 4] = [
        (
            &["--api", "5.4", "--year", "2025"],
            "    mode: year_specific\n    year: 2025\n",
        ),
        (
            &["--api", "6.2", "--instance", "abc", "--year", "2025"],
            "    mode: instance_year_specific\n    instance_code: abc\n    year: 2025\n",
        ),
        (
            &["--tenant", "one", "--context", "2025"],
            "    tenant: one\n    context: { schoolYearFromRoute: 2025 }\n",
        ),
        (
            &["--api", "8.0", "--context", "2025"],
            "    context: { schoolYearFromRoute: 2025 }\n",
        ),
    ];
    for (arguments, settings) in cases {
        let desk = Desk::new();
        let (child, url) = serve(&desk, arguments);
        desk.write("data/students.jsonl", students(1..=2));
        desk.configure(&url, settings);
        let ran = desk.run(&["send"]);
        assert_eq!(ran.status, 0, "{arguments:?}: {ran}");
        stop(child);
    }
}

/// What an extension publishes: bus routes, known by their number.
const BUS_ROUTES: &str = r##"{
  "openapi": "3.0.1", "info": {"title": "Sample", "version": "3"},
  "paths": {"/sample/busRoutes": {
    "get": {"parameters": [], "responses": {"200": {"content": {"application/json": {"schema":
      {"type": "array", "items": {"$ref": "#/components/schemas/sample_busRoute"}}}}}}},
    "post": {"requestBody": {"content": {"application/json": {"schema":
      {"$ref": "#/components/schemas/sample_busRoute"}}}}}
  }},
  "components": {"schemas": {"sample_busRoute": {"type": "object",
    "required": ["busRouteNumber"],
    "properties": {
      "id": {"type": "string"},
      "busRouteNumber": {"type": "integer", "format": "int32", "x-Ed-Fi-isIdentity": true},
      "busRouteName": {"type": "string", "maxLength": 20}
    }}}}
}"##;

#[test]
fn the_resources_of_an_extension_are_there_beside_the_others() {
    let desk = Desk::new();
    desk.write("buses.json", BUS_ROUTES);
    let (child, url) = serve(&desk, &["--extension", "buses.json"]);
    desk.write("data/students.jsonl", students(1..=2));
    desk.write(
        "data/busRoutes.jsonl",
        "{\"busRouteNumber\":7,\"busRouteName\":\"Lake\"}\n{\"busRouteName\":\"Hill\"}\n",
    );
    desk.configure(&url, "");
    let ran = desk.run(&["send"]);
    stop(child);
    assert_eq!(ran.status, 1, "{ran}");
    assert!(
        ran.stderr.contains("busRoutes: 1 created, 1 refused"),
        "{ran}"
    );
    assert!(ran.stderr.contains("students: 2 created"), "{ran}");
}

#[test]
fn an_extension_that_cannot_be_read_is_named() {
    let desk = Desk::new();
    desk.write("buses.json", "{\"openapi\": ");
    let ran = desk.run(&["sandbox", "edfi", "--extension", "buses.json"]);
    assert_eq!(ran.status, 2, "{ran}");
    let expected = "error: buses.json: the text is not a document that can be read";
    assert!(ran.stderr.starts_with(expected), "{ran}");
}

#[test]
fn places_that_a_version_lacks_are_refused() {
    for arguments in [
        &["--api", "6.2", "--tenant", "one"][..],
        &["--year", "2025"],
        &["--api", "5.4", "--instance", "abc"],
        &["--tenant", "one/two"],
    ] {
        let desk = Desk::new();
        let ran = desk.run(&[&["sandbox", "edfi"], arguments].concat());
        assert_eq!(ran.status, 2, "{ran}");
    }
}

#[test]
fn the_log_tells_every_request_and_nothing_of_a_record() {
    for format in ["json", "text"] {
        let desk = Desk::new();
        let (child, url) = serve(&desk, &["--log-format", format]);
        desk.write("data/students.jsonl", students(600_001..=600_002));
        desk.configure(&url, "");
        let ran = desk.run(&["send"]);
        assert_eq!(ran.status, 0, "{ran}");
        let lines = stop(child);
        let text = lines.join("\n");
        for word in ["600001", "Byron", "populatedSecret"] {
            assert!(!text.contains(word), "{text}");
        }
        let told = if format == "json" {
            let lines = lines
                .iter()
                .map(|line| serde_json::from_str::<Value>(line).unwrap());
            let posts = lines.filter(|line| {
                line["event"] == "answered"
                    && line["method"] == "POST"
                    && line["path"] == "/data/v3/ed-fi/students"
                    && line["status"] == 201
                    && line["micros"].is_u64()
            });
            posts.count()
        } else {
            let posts = lines.iter().filter(|line| {
                line.starts_with("answered ")
                    && line.contains(" path=/data/v3/ed-fi/students status=201")
            });
            posts.count()
        };
        assert_eq!(told, 2, "{text}");
    }
}

/// The answer of a server to a request of its own words.
fn said(url: &str, request: &str) -> String {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    said
}

#[test]
fn a_restream_service_is_started_as_it_is_told() {
    let desk = Desk::new();
    desk.write(
        "faults.json",
        r#"{"rules":[{"match":{"path":"/pads/"},"action":{"kind":"status","status":503}}]}"#,
    );
    let arguments = [
        &[
            "--speed",
            "0",
            "--pads",
            "2",
            "--sites",
            "4",
            "--now",
            "2025-01-01T06:00:00Z",
        ][..],
        &[
            "--client-secret",
            "other",
            "--faults",
            "faults.json",
            "--log-format",
            "json",
        ],
        &["--forbid", "1003", "--record", "requests.jsonl"],
    ];
    let (child, url) = serve_kind(&desk, "restream", &arguments.concat());
    let form = "client_id=restream&client_secret=other&grant_type=client_credentials";
    let answer = said(
        &url,
        &format!(
            "POST /o/token/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        ),
    );
    let token = answer.split("\"access_token\":\"").nth(1).unwrap();
    let token = token.split('"').next().unwrap().to_owned();
    let get = |path: &str| {
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Authorization: Bearer {token}\r\n\r\n"
        );
        said(&url, &head)
    };
    let rest = "/external/thirdparty/v1";
    let status = |path: &str| {
        let said = get(&format!("{rest}{path}"));
        said.split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!(status("/sites/1001/"), "200");
    assert_eq!(status("/sites/1003/"), "403");
    assert_eq!(status("/pads/"), "503");
    let state = get("/sandbox/state");
    assert!(state.contains("\"now\":\"2025-01-01T06:00:00Z\"") && state.contains("\"sites\":9"));
    let told = stop(child).join("\n");
    assert!(
        told.contains("/external/thirdparty/v1/sites/{id}/"),
        "{told}"
    );
    assert!(!told.contains("1003") && !told.contains(&token), "{told}");
    let recorded = desk.read("requests.jsonl");
    assert!(
        recorded.contains("/sites/1003/") && !recorded.contains("client_secret"),
        "{recorded}"
    );
}

#[test]
fn what_a_server_cannot_be_told_is_refused() {
    let desk = Desk::new();
    desk.write(
        "faults.json",
        r#"{"rules":[{"action":{"kind":"cut","records":5}}]}"#,
    );
    let late = &["restream", "--now", "2024-12-31T00:00:00Z"][..];
    let zone = &["restream", "--begin", "yesterday"];
    let none = &["restream", "--pads", "0"];
    let streams = &["edfi", "--faults", "faults.json"];
    for (arguments, word) in [
        (late, "--begin"),
        (zone, "2025-01-01T00:00:00Z"),
        (none, "1..=1000"),
        (streams, "faults.json: cut"),
    ] {
        let ran = desk.run(&[&["sandbox"], arguments].concat());
        assert_eq!(ran.status, 2, "{ran}");
        assert!(ran.stderr.contains(word), "{ran}");
    }
}
