//! What a client does that means harm or is broken.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use syncline_sandbox::restream::RestreamConfig;

use super::{Fixture, REST};

const LONGEST: Duration = Duration::from_secs(20);

fn connect(fixture: &Fixture) -> TcpStream {
    let stream = TcpStream::connect(fixture.restream.address()).unwrap();
    stream.set_read_timeout(Some(LONGEST)).unwrap();
    stream
}

/// What a server says until it closes the connection.
fn rest(stream: &mut TcpStream) -> String {
    let mut said = Vec::new();
    let ended = stream.read_to_end(&mut said);
    assert!(
        !ended.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock),
        "the connection stays open"
    );
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn request_lines_over_8_kilobytes_are_refused() {
    let fixture = Fixture::new().await;
    let line = |length: usize| {
        let before = format!("GET {REST}/sites/?x= HTTP/1.1").len();
        format!("/sites/?x={}", "y".repeat(length - before))
    };
    assert_eq!(fixture.get(&line(8_190)).status, 200);
    assert_eq!(fixture.get(&line(8_191)).status, 400);
    let histories: Vec<String> = (0..556)
        .map(|id| format!("histories=1001{id:05}"))
        .collect();
    let histories = histories.join("&");
    let path = format!("/sites/1001/aggregations/?state=frac&{histories}");
    assert_eq!(
        fixture.get(&path).status,
        400,
        "every stage in one request is too much"
    );
    let mut stream = connect(&fixture);
    let head = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "y".repeat(1_000_000));
    // The server may close before it has read all of it.
    let _sent = stream.write_all(head.as_bytes());
    let said = rest(&mut stream);
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 4"), "{said}");
    assert_eq!(fixture.get("/sites/").status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_keep_the_server_waiting_lose_their_connection() {
    let fixture = Fixture::with(RestreamConfig {
        patience: Duration::from_millis(300),
        ..RestreamConfig::default()
    })
    .await;
    for said in [
        "",
        "GET /external",
        "POST /o/token/ HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nclient",
    ] {
        let mut stream = connect(&fixture);
        stream.write_all(said.as_bytes()).unwrap();
        let answer = rest(&mut stream);
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 408"),
            "{said}: {answer}"
        );
    }
    // One that reads nothing of a long answer.
    let path = format!("{REST}/pads/101/data/?routed=true");
    let held = super::faults::begin(&fixture, &path);
    assert_eq!(fixture.get("/sites/").status, 200);
    drop(held);
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_answered_with_a_status_of_the_service() {
    let fixture = Fixture::new().await;
    for path in [
        "/sites/%00/",
        "/sites/1001/data/?start_datetime=99999999999999999999-01-01",
        "/sites/1001/data/?start_datetime=-9999-01-01+00:00:00&end_datetime=9999-12-31+23:59:59&resolution=hour",
        "/sites/1001/data/?fields=%22%7D%2C%7B%22a%22&end_datetime=2025-01-01+00:00:03",
        "/sites/1001/history/?start=-9999-01-01T00:00:00Z&end=9999-12-31T00:00:00Z",
        "/sites/?lat=NaN&long=inf&radius_miles=-1",
        "/sites/?name_search=%F0%9F%92%A9%00",
        "/pads/18446744073709551615/",
        "/states/18446744073709551615/",
        "/sites/1001/parameters/18446744073709551615/",
    ] {
        let answer = fixture.get(path);
        assert!(
            [200, 400, 404].contains(&answer.status),
            "{path}: {}",
            answer.status
        );
        let _json = answer.json();
    }
    let body = "[".repeat(100_000);
    let headers = [
        ("Authorization", fixture.token.as_str()),
        ("Content-Type", "application/json"),
    ];
    let path = format!("{REST}/pads/101/parameters/");
    assert_eq!(fixture.ask("POST", &path, &headers, &body).status, 400);
    let mut stream = connect(&fixture);
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\nContent-Length: 100000000\r\n\r\n",
        fixture.token
    );
    stream.write_all(head.as_bytes()).unwrap();
    assert!(rest(&mut stream).starts_with("HTTP/1.1 413"));
    assert_eq!(fixture.get("/sites/").status, 200);
}
