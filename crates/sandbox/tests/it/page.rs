//! The page for a browser, in a browser.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use syncline_testkit::Browser;

use crate::client::{Answer, exchange};
use crate::fixture::{Fixture, student};

/// How large the page is.
const WINDOW: &str = "--window-size=1400,1000";

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_shows_the_page() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let fixture = Fixture::new().await;
    fixture.create("/ed-fi/students", &student("a"));
    let folder = tempfile::tempdir().unwrap();
    let url = fixture.sandbox.url().to_owned();
    let picture = folder.path().join("page.png");
    let shoot = format!("--screenshot={}", picture.display());
    // Time as the browser has it runs on only when nothing is awaited any more.
    let dump = ["--dump-dom", "--virtual-time-budget=10000", WINDOW];
    let shown = browser.visit(&dump, &format!("{url}/#still"));
    for part in [
        "<td>ed-fi/students</td><td class=\"number\">1</td>",
        "No fault is armed.",
        "<td>POST</td><td class=\"path\">/data/v3/ed-fi/students</td>\
         <td class=\"number good\">201</td>",
    ] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    browser.visit(&[&shoot, "--timeout=3000", WINDOW], &url);
    let png = std::fs::read(&picture).unwrap();
    assert!(
        png.starts_with(b"\x89PNG") && png.len() > 20_000,
        "{}",
        png.len()
    );
}

/// A request as the script of the page makes it, with a host and an origin.
fn ask(fixture: &Fixture, method: &str, path: &str, more: &[(&str, &str)], body: &str) -> Answer {
    let origin = fixture.sandbox.url().to_owned();
    let headers = [&[("Origin", origin.as_str())], more].concat();
    let address = fixture.sandbox.address();
    exchange(address, method, path, &headers, body.as_bytes()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_forms_of_the_page_send_does_what_they_say() {
    let fixture = Fixture::new().await;
    let page = ask(&fixture, "GET", "/", &[("Accept", "text/html")], "");
    let page = page.text();
    for part in [
        r#"name="client" value="populated""#,
        r#"name="path" value="/data/v3/ed-fi/students?limit=5""#,
        r#"fetch("/oauth/token""#,
    ] {
        assert!(page.contains(part), "{part}");
    }
    let form = [
        ("Content-Type", "application/x-www-form-urlencoded"),
        (
            "Authorization",
            "Basic cG9wdWxhdGVkOnBvcHVsYXRlZFNlY3JldA==",
        ),
    ];
    let grant = "grant_type=client_credentials";
    let login = ask(&fixture, "POST", "/oauth/token", &form, grant).json();
    let bearer = format!("Bearer {}", login["access_token"].as_str().unwrap());
    let token = ("Authorization", bearer.as_str());
    let json = ("Content-Type", "application/json");
    let path = "/data/v3/ed-fi/students";
    let body = student("a").to_string();
    assert_eq!(
        ask(&fixture, "POST", path, &[token, json], &body).status,
        201
    );
    let list = ask(&fixture, "GET", &format!("{path}?limit=5"), &[token], "");
    assert_eq!(list.json().as_array().map(Vec::len), Some(1));
    // Every kind of fault that can be chosen makes a plan that is taken.
    let select = page.split(r#"<select name="kind">"#).nth(1).unwrap();
    let select = select.split("</select>").next().unwrap();
    let kinds = select.split("value=\"").skip(1);
    let kinds: Vec<&str> = kinds.map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(kinds.len() > 5, "{kinds:?}");
    for kind in kinds {
        let mut action = json!({"kind": kind});
        if kind == "status" {
            action["status"] = json!(503);
        }
        let found = json!({"every": 1, "method": "GET", "path": "/ed-fi/students"});
        let rule = json!({"match": found, "action": action, "delay_ms": 0});
        let plan = json!({"rules": [rule]}).to_string();
        let armed = ask(&fixture, "PUT", "/sandbox/faults", &[json], &plan);
        assert_eq!(armed.status, 204, "{kind}: {}", armed.text());
        let state = ask(&fixture, "GET", "/sandbox/state", &[], "").json();
        assert_eq!(state["faults"]["rules"][0]["action"]["kind"], kind);
        if kind == "status" {
            assert_eq!(ask(&fixture, "GET", path, &[token], "").status, 503);
        }
    }
    let none = json!({"rules": []}).to_string();
    assert_eq!(
        ask(&fixture, "PUT", "/sandbox/faults", &[json], &none).status,
        204
    );
    assert_eq!(ask(&fixture, "GET", path, &[token], "").status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_tell_of_requests_as_they_come_and_end_with_the_server() {
    let fixture = Fixture::new().await;
    let mut stream = TcpStream::connect(fixture.sandbox.address()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let ask = "GET /sandbox/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(ask.as_bytes()).unwrap();
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    let mut events = lines.filter_map(|line| {
        let event = line.strip_prefix("data: ")?;
        Some(serde_json::from_str::<Value>(event).unwrap())
    });
    let first = events.next().unwrap();
    assert_eq!(first["requests"][0]["path"], "/oauth/token");
    assert_eq!(first["state"]["counts"]["ed-fi/students"], 0);
    fixture.create("/ed-fi/students", &student("a"));
    let next = events.find(|event| event["requests"][0].is_object());
    let next = next.unwrap();
    assert_eq!(next["requests"][0]["method"], "POST");
    assert_eq!(next["requests"].as_array().map(Vec::len), Some(1));
    assert_eq!(next["state"]["counts"]["ed-fi/students"], 1);
    let begun = tokio::time::Instant::now();
    fixture.sandbox.stop().await;
    assert!(begun.elapsed() < Duration::from_millis(1_900));
    assert_eq!(events.find(|event| event["requests"][0].is_object()), None);
}
