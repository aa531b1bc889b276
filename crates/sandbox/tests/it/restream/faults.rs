//! Planned misbehaviour, over the wire.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{AT, Fixture, range};

/// Begins a request; nothing of the answer is read.
pub(super) fn begin(fixture: &Fixture, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(fixture.restream.address()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let token = &fixture.token;
    let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

/// What is said up to a text.
pub(super) fn until(stream: &mut TcpStream, text: &str) -> String {
    let mut said = Vec::new();
    let mut byte = [0; 1];
    while !said.ends_with(text.as_bytes()) {
        stream.read_exact(&mut byte).unwrap();
        said.push(byte[0]);
    }
    String::from_utf8(said).unwrap()
}

fn data(fixture: &Fixture, action: &Value) -> TcpStream {
    fixture.arm(&json!([{"match": {"path": "/data/"}, "action": action}]));
    begin(
        fixture,
        &format!("{}/sites/1001/data/?{}", super::REST, range(AT, AT + 9_999)),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_cut_after_so_many_records() {
    let fixture = Fixture::new().await;
    for records in [0, 1, 7, 500] {
        let mut stream = data(&fixture, &json!({"kind": "cut", "records": records}));
        let mut said = Vec::new();
        let ended = stream.read_to_end(&mut said);
        let said = String::from_utf8(said).unwrap();
        assert_eq!(
            said.matches("{\"timestamp\":").count(),
            records,
            "{ended:?}"
        );
        assert!(!said.ends_with("0\r\n\r\n"), "it did not come to its end");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_stalls_and_the_server_goes_on_and_stops() {
    let fixture = Fixture::new().await;
    let mut stream = data(&fixture, &json!({"kind": "stall", "records": 2}));
    until(&mut stream, "}\r\n");
    stream
        .set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    let mut rest = Vec::new();
    let ended = stream.read_to_end(&mut rest).unwrap_err();
    assert_eq!(
        ended.kind(),
        std::io::ErrorKind::WouldBlock,
        "it says no more and stays open"
    );
    assert_eq!(
        String::from_utf8_lossy(&rest).matches("timestamp").count(),
        1
    );
    assert_eq!(fixture.get("/sites/").status, 200);
    let begun = Instant::now();
    fixture.restream.stop().await;
    assert!(begun.elapsed() < Duration::from_millis(1_900));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_stream_gives_records_one_by_one() {
    let fixture = Fixture::new().await;
    let begun = Instant::now();
    let mut stream = data(&fixture, &json!({"kind": "slow", "records_per_second": 50}));
    for _ in 0..11 {
        until(&mut stream, "{\"timestamp\":");
    }
    assert!(
        begun.elapsed() >= Duration::from_millis(200),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_replaced_as_planned() {
    let fixture = Fixture::new().await;
    let retry = json!({"Retry-After": "7"});
    let cases = [
        (
            json!({"kind": "status", "status": 429, "headers": retry}),
            429,
            "",
        ),
        (json!({"kind": "status", "status": 401}), 401, ""),
        (
            json!({"kind": "status", "status": 200, "body": "{}"}),
            200,
            "{}",
        ),
        (
            json!({"kind": "status", "status": 200, "body": "[{\"a\":1}"}),
            200,
            "[{\"a\":1}",
        ),
    ];
    for (action, status, body) in cases {
        fixture.arm(&json!([{"match": {"first": 1}, "action": action}]));
        let answer = fixture.get("/sites/1001/data/");
        assert_eq!((answer.status, answer.text().as_str()), (status, body));
        if status == 429 {
            assert_eq!(answer.header("retry-after"), Some("7"));
        }
        assert_eq!(
            fixture.get("/sites/").status,
            200,
            "the first request alone"
        );
    }
    for kind in ["reset", "close"] {
        fixture.arm(&json!([{"action": {"kind": kind}}]));
        assert!(fixture.try_get("/sites/", &[]).is_err(), "{kind}");
    }
    let health = fixture.ask("GET", "/health", &[], "");
    assert_eq!(
        health.json()["status"],
        "ok",
        "what is not of the service is left alone"
    );
    fixture
        .arm(&json!([{"match": {"path": "/token/"}, "action": {"kind": "status", "status": 503}}]));
    assert_eq!(fixture.log_in("restreamSecret").status, 503);
    assert!(
        fixture
            .restream
            .requests()
            .count_status("POST", "/o/token/", 503)
            == 1
    );
}
