//! `sandbox edfi` as a process: where its URLs lead, and what it tells.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::desk::{Desk, students};
use crate::interruption::signal;

/// A server of its own and its URL.
fn serve(desk: &Desk, arguments: &[&str]) -> (Child, String) {
    let mut command = desk.command(&[&["sandbox", "edfi"], arguments].concat());
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
