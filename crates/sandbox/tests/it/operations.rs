//! Slowness, limits, records of what was asked, numbers, and everything below `/sandbox/`.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use syncline_sandbox::generate::GenerateConfig;
use syncline_sandbox::{
    ApiVersion, Sandbox, SandboxConfig, reset_data, seed_district, seed_folder,
};

use crate::client::{Answer, exchange};
use crate::fixture::{Fixture, model, school, student};

const JSON: (&str, &str) = ("Content-Type", "application/json");

fn admin(fixture: &Fixture, method: &str, path: &str, body: &Value) -> Answer {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let address = fixture.sandbox.address();
    exchange(
        address,
        method,
        &format!("/sandbox/{path}"),
        &[JSON],
        body.as_bytes(),
    )
    .unwrap()
}

fn on_file(path: &Path) -> SandboxConfig {
    SandboxConfig {
        data: Some(path.to_owned()),
        ..SandboxConfig::new(model())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_requests_than_allowed_are_told_to_wait() {
    for (api, media) in [
        (ApiVersion::V7_3, "text/html"),
        (ApiVersion::V8_0, "application/json; charset=utf-8"),
    ] {
        let config = SandboxConfig {
            api,
            rate_limit: Some(1),
            ..SandboxConfig::new(model())
        };
        let fixture = Fixture::with(config).await;
        let answers: Vec<Answer> = (0..20).map(|_| fixture.get("/ed-fi/students")).collect();
        let refused = answers.iter().find(|answer| answer.status == 429).unwrap();
        assert_eq!(refused.header("retry-after"), Some("1"));
        assert_eq!(refused.header("content-type"), Some(media));
        assert_eq!(fixture.outside("GET", "/health").status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_waits_for_the_latency() {
    let latency = Duration::from_millis(40);
    let config = SandboxConfig {
        latency,
        ..SandboxConfig::new(model())
    };
    let fixture = Fixture::with(config).await;
    let begun = tokio::time::Instant::now();
    assert_eq!(fixture.get("/ed-fi/students").status, 200);
    assert!(begun.elapsed() >= latency);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_is_recorded_without_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("requests.jsonl");
    let config = SandboxConfig {
        record_file: Some(file.clone()),
        ..SandboxConfig::new(model())
    };
    let fixture = Fixture::with(config).await;
    fixture.create("/ed-fi/students", &student("a"));
    fixture
        .send("POST", "/ed-fi/students", &[JSON], b"{broken")
        .unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let told = |line: &Value| {
        (
            line["method"].clone(),
            line["path"].clone(),
            line["status"].clone(),
        )
    };
    assert_eq!(
        told(&lines[0]),
        (json!("POST"), json!("/oauth/token"), json!(200))
    );
    assert_eq!(lines[0]["body"], Value::Null);
    assert_eq!(lines[1]["body"], student("a"));
    assert!(lines[1]["ms"].as_f64().unwrap() > 0.0);
    assert_eq!(
        (&lines[2]["status"], &lines[2]["body"]),
        (&json!(400), &json!("{broken"))
    );
    assert!(!text.contains("populatedSecret") && !text.contains(&fixture.token));
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_there_for_prometheus_and_stay_few() {
    let fixture = Fixture::new().await;
    let id = fixture.create("/ed-fi/students", &student("a"));
    fixture.get(&format!("/ed-fi/students/{id}"));
    for number in 0..3 {
        fixture.get(&format!("/made-up/things{number}"));
    }
    let answer = fixture.outside("GET", "/metrics");
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    let text = answer.text();
    for line in [
        "sandbox_requests_total{method=\"POST\",path=\"/data/v3/ed-fi/students\",status=\"201\"} 1",
        "sandbox_requests_total{method=\"GET\",path=\"/data/v3/ed-fi/students/{id}\",status=\"200\"} 1",
        "sandbox_requests_total{method=\"GET\",path=\"unknown\",status=\"404\"} 3",
        &format!("sandbox_change_version {}", fixture.newest()),
        "# TYPE sandbox_request_seconds_total counter",
    ] {
        assert!(text.lines().any(|own| own == line), "{line} in {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_looks_at_a_server_and_steers_it() {
    let fixture = Fixture::new().await;
    fixture.create("/ed-fi/students", &student("a"));
    let plan = json!({"rules": [{
        "match": {"method": "GET", "path": "/ed-fi/"},
        "action": {"kind": "status", "status": 503},
    }]});
    assert_eq!(admin(&fixture, "PUT", "faults", &plan).status, 204);
    assert_eq!(fixture.get("/ed-fi/students").status, 503);
    let odd = admin(&fixture, "PUT", "faults", &json!({"rule": []}));
    assert_eq!(odd.status, 400);
    let taken = admin(
        &fixture,
        "POST",
        "snapshots",
        &json!({"snapshotIdentifier": "one"}),
    );
    assert_eq!(taken.status, 201);
    let state = admin(&fixture, "GET", "state", &Value::Null).json();
    assert_eq!(state["counts"]["ed-fi/students"], 1);
    assert_eq!(state["counts"]["ed-fi/schools"], 0);
    assert_eq!(state["changeVersion"], fixture.newest());
    assert_eq!(state["faults"]["rules"][0]["action"]["status"], 503);
    assert_eq!(state["faultsFired"], 1);
    assert_eq!(state["snapshots"][0]["snapshotIdentifier"], "one");
    assert_eq!(admin(&fixture, "PUT", "faults", &json!({})).status, 204);
    let requests = admin(&fixture, "GET", "requests?after=1", &Value::Null).json();
    assert_eq!(requests[0]["path"], "/data/v3/ed-fi/students");
    assert_eq!(requests[0]["body"], student("a").to_string());
    assert_eq!(
        admin(&fixture, "DELETE", "snapshots/one", &Value::Null).status,
        204
    );
    assert_eq!(
        admin(&fixture, "DELETE", "snapshots/one", &Value::Null).status,
        404
    );
    let before = fixture.newest();
    assert_eq!(admin(&fixture, "POST", "reset", &json!({})).status, 204);
    assert_eq!(fixture.get("/ed-fi/students").text(), "[]");
    assert_eq!(fixture.sandbox.count("ed-fi/schoolYearTypes").unwrap(), 60);
    assert!(fixture.newest() > before, "change versions go on");
    fixture.create("/ed-fi/schools", &school(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_is_shown_a_page_and_a_program_the_discovery_document() {
    let fixture = Fixture::new().await;
    fixture.create("/ed-fi/students", &student("a"));
    let address = fixture.sandbox.address();
    let browser = [("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")];
    let page = exchange(address, "GET", "/", &browser, b"").unwrap();
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert!(
        page.header("content-security-policy")
            .unwrap()
            .contains("default-src 'none'")
    );
    let text = page.text();
    for part in [
        "<tr data-path=\"ed-fi/students\"><td>ed-fi/students</td><td class=\"number\">1</td></tr>",
        "<tr data-path=\"ed-fi/schools\" class=\"empty\">",
        "<title>Ed-Fi sandbox 7.3</title>",
        "value=\"/data/v3/ed-fi/students?limit=5\"",
    ] {
        assert!(text.contains(part), "{part}");
    }
    for elsewhere in ["http:", "https:", "src=", "populatedSecret"] {
        assert!(!text.contains(elsewhere), "{elsewhere}");
    }
    let program = exchange(address, "GET", "/", &[("Accept", "*/*")], b"").unwrap();
    assert_eq!(program.json()["version"], "7.3");
}

#[tokio::test(flavor = "multi_thread")]
async fn steering_is_for_the_owner_alone() {
    let fixture = Fixture::new().await;
    let address = fixture.sandbox.address();
    let plain = [("Content-Type", "text/plain")];
    assert_eq!(
        exchange(address, "POST", "/sandbox/reset", &plain, b"{}")
            .unwrap()
            .status,
        415
    );
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let foreign = "GET /sandbox/state HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n";
    std::io::Write::write_all(&mut stream, foreign.as_bytes()).unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    let config = SandboxConfig {
        admin: false,
        ..SandboxConfig::new(model())
    };
    let closed = Fixture::with(config).await;
    assert_eq!(closed.outside("GET", "/sandbox/state").status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_file_is_filled_from_a_folder_and_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("ods.sqlite");
    let records = folder.path().join("records");
    std::fs::create_dir(&records).unwrap();
    let lines = format!("{}\n\n{}\n{{}}\n", student("a"), student("b"));
    std::fs::write(records.join("students.jsonl"), lines).unwrap();
    std::fs::write(records.join("schools.jsonl"), format!("{}\n", school(1))).unwrap();
    std::fs::write(records.join("pupils.jsonl"), "{}\n").unwrap();
    let report = seed_folder(on_file(&data), &records).unwrap();
    assert_eq!((report.accepted, report.refused), (3, 1));
    assert_eq!(report.unknown_files, ["pupils"]);
    assert_eq!(report.first_refusals[0].place, "students:4");
    assert_eq!(report.first_refusals[0].status, 400);
    let sandbox = Sandbox::start(on_file(&data)).await.unwrap();
    assert_eq!(sandbox.count("ed-fi/students").unwrap(), 2);
    let second = Sandbox::start(on_file(&data)).await.unwrap_err();
    assert!(
        std::error::Error::source(&second)
            .unwrap()
            .to_string()
            .contains("another server")
    );
    assert!(reset_data(&data).is_err(), "a server uses it");
    sandbox.take_snapshot("old").unwrap();
    sandbox.stop().await;
    reset_data(&data).unwrap();
    let sandbox = Sandbox::start(on_file(&data)).await.unwrap();
    assert_eq!(sandbox.count("ed-fi/students").unwrap(), 0);
    assert_eq!(sandbox.snapshots(), []);
    let foreign = folder.path().join("notes.txt");
    std::fs::write(&foreign, "mine").unwrap();
    assert!(reset_data(&foreign).is_err());
    assert_eq!(std::fs::read_to_string(&foreign).unwrap(), "mine");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_made_up_district_is_accepted_whole() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("ods.sqlite");
    let config = || SandboxConfig {
        data: Some(data.clone()),
        ..SandboxConfig::new(syncline_sandbox::schema::embedded().unwrap())
    };
    let district = GenerateConfig {
        students: 30,
        seed: 1,
        out: std::path::PathBuf::new(),
        defects: None,
        school_year: 2026,
    };
    let report = seed_district(config(), &district).unwrap();
    assert_eq!(report.first_refusals, []);
    assert!(report.accepted > 1_000);
    let sandbox = Sandbox::start(config()).await.unwrap();
    assert_eq!(sandbox.count("ed-fi/students").unwrap(), 30);
}
