//! The page for a browser, in a browser.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::fixture::{Fixture, student};

/// The first of some browsers that is installed.
fn browser() -> Option<&'static str> {
    let there = |name: &&str| {
        Command::new(name)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(there)
}

/// Opens a page without a window; gives what the browser prints.
fn visit(browser: &str, profile: &Path, arguments: &[&str], url: &str) -> String {
    let output = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
        ])
        .args(["--disable-dev-shm-usage", "--window-size=1400,1000"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .args(arguments)
        .arg(url)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_shows_the_page() {
    let Some(browser) = browser() else {
        println!("skipped: the page in a browser, as no Chromium is installed");
        return;
    };
    let fixture = Fixture::new().await;
    fixture.create("/ed-fi/students", &student("a"));
    let folder = tempfile::tempdir().unwrap();
    let url = fixture.sandbox.url().to_owned();
    let picture = folder.path().join("page.png");
    let shoot = format!("--screenshot={}", picture.display());
    // What the script adds comes when it comes; the events are looked at below.
    let shown = visit(browser, folder.path(), &["--dump-dom"], &url);
    for part in [
        "<td>ed-fi/students</td><td class=\"number\">1</td>",
        "No fault is armed.",
        "Latest requests",
    ] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    visit(browser, folder.path(), &[&shoot, "--timeout=3000"], &url);
    let png = std::fs::read(&picture).unwrap();
    assert!(
        png.starts_with(b"\x89PNG") && png.len() > 20_000,
        "{}",
        png.len()
    );
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
