//! The page, what it is made of, and what the owner of a server steers.

use serde_json::{Value, json};
use syncline_sandbox::restream::RestreamConfig;
use syncline_testkit::Browser;

use super::Fixture;

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_gets_the_page_and_a_program_the_addresses() {
    let fixture = Fixture::new().await;
    let page = fixture.ask("GET", "/", &[("Accept", "text/html")], "");
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
        "<title>Restream sandbox</title>",
        "<dd id=\"now\">2025-01-03T00:00:00Z</dd>",
        "<tr data-site=\"1001\"><td>Mesa ",
        "No fault is armed.",
        "<option>slurry_rate</option>",
        "function showRequests",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert!(!text.contains("{rows}") && !text.contains("{script}") && !text.contains("{style}"));
    let places = fixture.ask("GET", "/", &[], "").json();
    assert_eq!(places["token"], "/o/token/");
    // Every kind of fault and of change that can be chosen is taken.
    let kinds = |after: &str| -> Vec<String> {
        let form = text
            .split(&format!("<form id=\"{after}\">"))
            .nth(1)
            .unwrap();
        let select = form.split("<select name=\"kind\">").nth(1).unwrap();
        let select = select.split("</select>").next().unwrap();
        let kinds = select.split("value=\"").skip(1);
        kinds
            .map(|rest| rest.split('"').next().unwrap().to_owned())
            .collect()
    };
    assert_eq!(kinds("fault").len(), 9);
    for kind in kinds("fault") {
        let mut action = json!({"kind": kind});
        match kind.as_str() {
            "status" => action["status"] = json!(503),
            "cut" | "stall" => action["records"] = json!(5),
            "slow" => action["records_per_second"] = json!(5),
            _ => {}
        }
        fixture.arm(&json!([{"match": {"every": 1}, "action": action, "delay_ms": 0}]));
        let state = fixture.admin("GET", "state", &Value::Null).json();
        assert_eq!(state["faults"]["rules"][0]["action"]["kind"], kind.as_str());
    }
    assert_eq!(kinds("correct").len(), 5);
    for kind in kinds("correct") {
        let mut effect = json!({"kind": kind});
        match kind.as_str() {
            "add" | "override" => effect["value"] = json!(1.5),
            "move" => effect["seconds"] = json!(30),
            _ => {}
        }
        let body = json!({"site": 1001, "start": 1, "end": 2, "effect": effect, "fields": []});
        assert_eq!(
            fixture.admin("POST", "corrections", &body).status,
            201,
            "{kind}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_shows_what_the_service_is_doing() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let fixture = Fixture::new().await;
    assert_eq!(fixture.get("/sites/1001/").status, 200);
    let correction = json!({
        "site": 1001, "start": 1, "end": 2, "effect": {"kind": "delete"}, "fields": []
    });
    let corrected = fixture.admin("POST", "corrections", &correction);
    assert_eq!(corrected.status, 201);
    fixture.arm(&json!([{"match": {"path": "/data/"}, "action": {"kind": "cut", "records": 9}}]));
    let url = fixture.restream.url().trim_end_matches('/');
    let window = "--window-size=1400,1400";
    // Time as the browser has it runs on only when nothing is awaited any more.
    let dump = ["--dump-dom", "--virtual-time-budget=10000", window];
    let shown = browser.visit(&dump, &format!("{url}/#still"));
    for part in [
        "<dd id=\"changes\">1 of 1</dd>",
        "<dd id=\"armed\">1</dd>",
        "\"kind\": \"cut\"",
        "<td>GET</td><td class=\"path\">/external/thirdparty/v1/sites/1001/</td>\
         <td class=\"number good\">200</td>",
    ] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("page.png");
    let shoot = format!("--screenshot={}", picture.display());
    browser.visit(&[&shoot, "--timeout=3000", window], url);
    let png = std::fs::read(&picture).unwrap();
    assert!(png.starts_with(b"\x89PNG") && png.len() > 20_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_is_turned_and_the_state_told() {
    let fixture = Fixture::new().await;
    let now = fixture.restream.now();
    let turned = fixture
        .admin("POST", "clock", &json!({"advance_seconds": 90}))
        .json();
    assert_eq!(turned["second"], now + 90);
    assert_eq!(fixture.restream.now(), now + 90);
    let state = fixture.admin("GET", "state", &Value::Null).json();
    assert_eq!(
        (&state["clock"]["second"], &state["sites"]),
        (&json!(now + 90), &json!(10))
    );
    assert_eq!(state["pads"][0]["sites"][0]["id"], 1001);
    assert_eq!(
        fixture
            .admin("POST", "clock", &json!({"backwards": 5}))
            .status,
        400
    );
    assert_eq!(
        fixture
            .admin("POST", "clock", &json!({"advance_seconds": -5}))
            .status,
        400
    );
    fixture.admin("POST", "clock", &json!({"speed": 1_000_000}));
    let reached = tokio::time::Instant::now();
    while fixture.restream.now() < now + 10_000 {
        assert!(reached.elapsed() < std::time::Duration::from_secs(20));
        tokio::task::yield_now().await;
    }
    let requests = fixture
        .admin("GET", "requests?after=0", &Value::Null)
        .json();
    assert_eq!(requests[0]["path"], "/o/token/");
    assert_eq!(requests[0]["body"], "", "secrets are not kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn steering_is_for_the_owner_alone() {
    let fixture = Fixture::new().await;
    let json = ("Content-Type", "application/json");
    let ask = |headers: &[(&str, &str)]| {
        fixture
            .ask("POST", "/sandbox/expire-tokens", headers, "{}")
            .status
    };
    assert_eq!(
        ask(&[("Content-Type", "text/plain")]),
        415,
        "as a form of another site could send it"
    );
    assert_eq!(ask(&[json]), 204);
    assert_eq!(fixture.get("/sites/").status, 401);
    assert_eq!(fixture.ask("GET", "/sandbox/clock", &[], "").status, 405);
    assert_eq!(fixture.ask("GET", "/sandbox/other", &[], "").status, 404);
    let closed = Fixture::with(RestreamConfig {
        admin: false,
        ..RestreamConfig::default()
    })
    .await;
    assert_eq!(closed.ask("GET", "/sandbox/state", &[], "").status, 404);
    let page = closed.ask("GET", "/", &[("Accept", "text/html")], "");
    assert!(page.json()["rest"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_there_for_monitoring_and_requests_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("requests.jsonl");
    let fixture = Fixture::with(RestreamConfig {
        corrections: 3,
        record_file: Some(file.clone()),
        ..RestreamConfig::default()
    })
    .await;
    fixture.get("/sites/1001/history/?state=frac");
    let metrics = fixture.ask("GET", "/metrics", &[], "").text();
    for line in [
        "sandbox_requests_total{method=\"GET\",path=\"/external/thirdparty/v1/sites/{id}/history/\",status=\"200\"} 1",
        "sandbox_clock_seconds 1735862400",
        "sandbox_sockets 0",
        "sandbox_changes_unconfirmed 3",
        "sandbox_faults_total 0",
    ] {
        assert!(
            metrics.lines().any(|one| one == line),
            "{line} is not in {metrics}"
        );
    }
    let text = std::fs::read_to_string(file).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        (&lines[0]["path"], &lines[0]["body"]),
        (&json!("/o/token/"), &Value::Null)
    );
    assert_eq!(
        lines[1]["path"],
        "/external/thirdparty/v1/sites/1001/history/?state=frac"
    );
    assert!(!text.contains("restreamSecret"));
}
