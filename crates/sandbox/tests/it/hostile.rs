//! What a client does that means harm or is broken: each gets an error or loses its connection,
//! and the server goes on.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use syncline_sandbox::{ApiVersion, SandboxConfig};
use tokio::time::Instant;

use crate::fixture::{Fixture, model, student};

const JSON: (&str, &str) = ("Content-Type", "application/json");
const STUDENTS: &str = "/ed-fi/students";
const PATIENCE: Duration = Duration::from_millis(300);
/// Nothing here may take this long.
const LONGEST: Duration = Duration::from_secs(20);

async fn impatient() -> Fixture {
    Fixture::with(SandboxConfig {
        patience: PATIENCE,
        ..SandboxConfig::new(model())
    })
    .await
}

fn connect(fixture: &Fixture) -> TcpStream {
    let stream = TcpStream::connect(fixture.sandbox.address()).unwrap();
    stream.set_read_timeout(Some(LONGEST)).unwrap();
    stream
}

/// What a server says until it closes the connection; a broken one says no more.
fn rest(stream: &mut TcpStream) -> String {
    let mut said = Vec::new();
    let ended = stream.read_to_end(&mut said);
    assert!(
        !ended.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock),
        "the connection stays open"
    );
    String::from_utf8(said).unwrap()
}

fn head(fixture: &Fixture, length: &str) -> String {
    format!(
        "POST /data/v3/ed-fi/students HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\n\
         Content-Type: application/json\r\n{length}\r\n\r\n",
        fixture.token
    )
}

fn goes_on(fixture: &Fixture) {
    assert_eq!(fixture.get(STUDENTS).status, 200);
}

fn post(fixture: &Fixture, body: &[u8]) -> crate::client::Answer {
    let answer = fixture.send("POST", STUDENTS, &[JSON], body);
    answer.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_100_megabytes_is_refused_by_its_announcement() {
    let fixture = Fixture::new().await;
    let mut stream = connect(&fixture);
    let head = head(&fixture, "Content-Length: 100000000");
    stream.write_all(head.as_bytes()).unwrap();
    let said = rest(&mut stream);
    assert!(said.starts_with("HTTP/1.1 413 "), "{said}");
    assert!(
        said.to_lowercase().contains("\r\nconnection: close\r\n"),
        "{said}"
    );
    goes_on(&fixture);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_100_megabytes_that_is_not_announced_is_cut_off() {
    let fixture = Fixture::new().await;
    let mut stream = connect(&fixture);
    let head = head(&fixture, "Transfer-Encoding: chunked");
    stream.write_all(head.as_bytes()).unwrap();
    let chunk = [&b"100000\r\n"[..], &vec![b' '; 0x10_0000], b"\r\n"].concat();
    let sent = (0..100)
        .take_while(|_| stream.write_all(&chunk).is_ok())
        .count();
    assert!(sent < 100, "all of it was taken");
    goes_on(&fixture);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_no_json_are_refused() {
    for api in [ApiVersion::V5_4, ApiVersion::V7_3, ApiVersion::V8_0] {
        let fixture = Fixture::version(api).await;
        let deep = [b"{\"addresses\":".as_slice(), &vec![b'['; 1_000_000]].concat();
        let invalid = b"{\"studentUniqueId\":\"\xff\xfe\",\"firstName\":\"\xc3\x28\"}";
        let lone = br#"{"studentUniqueId":"\ud800"}"#;
        let bodies: [&[u8]; 8] = [
            &deep,
            invalid,
            lone,
            b"\0",
            b"{\"a\":1e999}",
            b"null",
            b"[]",
            b"{\"studentUniqueId\":\"a\"",
        ];
        for body in bodies {
            let answer = post(&fixture, body);
            assert_eq!(answer.status, 400, "{}", answer.text());
        }
        assert_eq!(fixture.sandbox.count("ed-fi/students").unwrap(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_of_repeated_members_counts() {
    let fixture = Fixture::new().await;
    let body = br#"{"studentUniqueId":"a","firstName":"X","lastSurname":"B",
        "birthDate":"2010-01-31","firstName":"Ada"}"#;
    let created = post(&fixture, body);
    assert_eq!(created.status, 201);
    let read = fixture.get(&format!("{STUDENTS}/{}", created.id())).json();
    assert_eq!(read["firstName"], "Ada");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_of_another_type_is_refused_in_every_member() {
    let fixture = Fixture::new().await;
    let members = [
        "studentUniqueId",
        "firstName",
        "birthDate",
        "multipleBirthStatus",
        "gradePointAverage",
        "arrivalTime",
        "birthSexDescriptor",
        "period",
        "addresses",
    ];
    let values = [
        json!({"a": {"b": [null]}}),
        json!([[], {}]),
        json!("\u{0}"),
        json!(1e300),
        json!(i64::MIN),
        json!(true),
        json!("x".repeat(100_000)),
    ];
    for member in members {
        let mut refused = 0;
        for value in &values {
            let mut body = student("a");
            body[member] = value.clone();
            let status = fixture.post(STUDENTS, &body).status;
            assert!(
                matches!(status, 200 | 201 | 400),
                "{member} {value}: {status}"
            );
            refused += usize::from(status == 400);
        }
        assert!(refused >= 3, "{member}: {refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_out_of_range_and_forged_tokens_are_refused() {
    let fixture = Fixture::new().await;
    fixture.create(STUDENTS, &student("a"));
    for query in [
        "limit=501",
        "limit=-1",
        "limit=99999999999999999999",
        "limit=one",
        "limit=",
        "offset=-1",
        "offset=99999999999999999999",
        "offset=1e3",
        "totalCount=perhaps",
        "minChangeVersion=now",
        "id=1",
        "pageToken=AAAA",
        "pageToken=!!!",
        "pageToken=MSwy,&pageSize=5",
        "pageToken=MQ",
        "pageToken=OTk5OTk5OTk5OTk5OTk5OTk5OTk5LDE",
        "pageToken=MSwy&pageSize=-1",
        "pageToken=MSwy&pageSize=501",
        "pageSize=5",
    ] {
        let answer = fixture.get(&format!("{STUDENTS}?{query}"));
        assert_eq!(answer.status, 400, "{query}: {}", answer.text());
        let kind = answer.json()["type"].clone();
        assert!(
            kind.as_str()
                .unwrap()
                .starts_with("urn:ed-fi:api:bad-request"),
            "{query}: {kind}"
        );
    }
    // Tokens of a stretch that is empty, or begins before everything, are sound.
    for (token, count) in [("OSwx", 0), ("LTksOTk5OTk5OTk5", 1)] {
        let answer = fixture.get(&format!("{STUDENTS}?pageToken={token}&pageSize=5"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json().as_array().map(Vec::len), Some(count));
    }
    for number in ["0", "201", "-1", "many"] {
        let answer = fixture.get(&format!("{STUDENTS}/partitions?number={number}"));
        assert_eq!(answer.status, 400, "{number}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_that_lead_nowhere_are_not_found() {
    let fixture = Fixture::new().await;
    let long = format!("/ed-fi/{}", "x".repeat(8_000));
    for path in [
        "/ed-fi/unknown",
        "/none/students",
        "/ed-fi",
        "/ed-fi/students/..%2f..",
        "/ed-fi/%00",
        "/ed-fi/students/1/2/3",
        "//",
        &long,
    ] {
        assert_eq!(fixture.get(path).status, 404, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_does_not_end_loses_its_connection() {
    let fixture = impatient().await;
    let mut stream = connect(&fixture);
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        .unwrap();
    let begun = Instant::now();
    rest(&mut stream);
    assert!(begun.elapsed() < LONGEST);
    goes_on(&fixture);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_without_measure_is_refused() {
    let fixture = Fixture::new().await;
    let mut stream = connect(&fixture);
    let line = format!("X-Long: {}\r\n", "x".repeat(1_000));
    let head = b"GET / HTTP/1.1\r\n".to_vec();
    let sent = stream.write_all(&head).is_ok()
        && (0..10_000).all(|_| stream.write_all(line.as_bytes()).is_ok());
    assert!(!sent, "ten megabytes of head were taken");
    goes_on(&fixture);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_is_answered_with_408() {
    let fixture = impatient().await;
    let mut stream = connect(&fixture);
    let head = head(&fixture, "Content-Length: 1000");
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(b"{").unwrap();
    let said = rest(&mut stream);
    assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
    goes_on(&fixture);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_not_taken_is_given_up() {
    let fixture = impatient().await;
    let mut big = student("a");
    let address = |number: usize| json!({"streetNumberName": number.to_string(), "city": "Here"});
    big["addresses"] = Value::from((0..200_000).map(address).collect::<Vec<_>>());
    let id = fixture.create(STUDENTS, &big);
    let mut stream = connect(&fixture);
    let request = format!(
        "GET /data/v3/ed-fi/students/{id} HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\n\r\n",
        fixture.token
    );
    stream.write_all(request.as_bytes()).unwrap();
    // The answer does not fit into the buffers between, and nothing is read for a while.
    tokio::time::sleep(PATIENCE * 4).await;
    let mut said = Vec::new();
    let _broken = stream.read_to_end(&mut said);
    let whole = fixture.get(&format!("{STUDENTS}/{id}")).body.len();
    assert!(said.len() < whole, "{} of {whole}", said.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_idle_connections_hold_nobody_up_and_are_closed() {
    let fixture = Fixture::with(SandboxConfig {
        patience: Duration::from_secs(2),
        ..SandboxConfig::new(model())
    })
    .await;
    let mut idle = Vec::new();
    while idle.len() < 2_000 {
        match TcpStream::connect(fixture.sandbox.address()) {
            Ok(stream) => idle.push(stream),
            Err(error) => {
                println!("skipped: connections beyond {}: {error}", idle.len());
                break;
            }
        }
    }
    let begun = Instant::now();
    goes_on(&fixture);
    assert!(begun.elapsed() < Duration::from_secs(2));
    for mut stream in idle {
        stream.set_read_timeout(Some(LONGEST)).unwrap();
        assert_eq!(rest(&mut stream), "");
    }
}
