//! Servers to meet: a sandbox, one that speaks TLS with a certificate of its own, one that is
//! no Ed-Fi API, and none at all.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use syncline_sandbox::{FaultAction, FaultMatch, FaultPlan, FaultRule};
use syncline_sandbox::{RequestLog, Sandbox, SandboxConfig, schema};

/// Longest time that anything is waited for.
const PATIENCE: Duration = Duration::from_secs(20);
/// Path of the collection that most tests send.
pub(crate) const STUDENTS: &str = "/ed-fi/students";

pub(crate) async fn sandbox() -> Sandbox {
    let config = SandboxConfig::new(schema::embedded().unwrap());
    Sandbox::start(config).await.unwrap()
}

/// A sandbox whose answers to students take their time.
pub(crate) async fn slow_sandbox(milliseconds: u64) -> Sandbox {
    let sandbox = sandbox().await;
    sandbox.set_faults(slow(milliseconds));
    sandbox
}

/// Lets every POST of a student take its time.
pub(crate) fn slow(milliseconds: u64) -> FaultPlan {
    let mut rule = fault(FaultAction::Delay);
    rule.delay_ms = milliseconds;
    plan(rule)
}

/// A rule about every POST of a student.
pub(crate) fn fault(action: FaultAction) -> FaultRule {
    FaultRule {
        on: FaultMatch {
            method: Some("POST".to_owned()),
            path: Some(STUDENTS.to_owned()),
            ..FaultMatch::default()
        },
        action,
        ..FaultRule::default()
    }
}

/// An answer that says no.
pub(crate) fn saying_no() -> FaultAction {
    FaultAction::Status {
        status: 400,
        body: "{\"message\": \"no\"}".to_owned(),
        headers: [].into(),
    }
}

pub(crate) fn plan(rule: FaultRule) -> FaultPlan {
    FaultPlan {
        seed: 1,
        rules: vec![rule],
    }
}

/// Comes back when the log of a sandbox is as wanted.
pub(crate) async fn until(sandbox: &Sandbox, wanted: impl Fn(&RequestLog) -> bool) {
    let waiting = async {
        while !wanted(&sandbox.requests()) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .expect("what is waited for");
}

/// POSTs of students that were answered.
pub(crate) fn posts(sandbox: &Sandbox) -> u64 {
    sandbox.requests().count("POST", STUDENTS)
}

/// The URL of a port that nothing listens on.
pub(crate) fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// The URL of a server that gives every request the same answer.
pub(crate) fn constant(content_type: &'static str, body: &'static str) -> String {
    serve("http", move |mut stream| {
        answer(&mut stream, content_type, body);
    })
}

/// The URL of a TLS server whose certificate nobody has signed but itself, and the certificate
/// as PEM. It answers every request with an empty object.
pub(crate) fn self_signed() -> (String, String) {
    let names = vec!["127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let key = made.signing_key.serialize_der().try_into().unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let url = serve("https", move |stream| {
        let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut secured = rustls::StreamOwned::new(connection, stream);
        answer(&mut secured, "application/json", "{}");
    });
    (url, made.cert.pem())
}

/// The URL of a server that takes connections and says nothing, and what it takes.
pub(crate) fn silent() -> (String, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (url, listener)
}

/// Reads a request up to the end of its headers and answers it; whoever asked may be gone.
fn answer(stream: &mut (impl Read + Write), content_type: &str, body: &str) {
    let mut read: Vec<u8> = Vec::new();
    let mut piece = [0; 1024];
    while !read.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return,
            Ok(length) => read.extend(&piece[..length]),
        }
    }
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    let _gone = stream
        .write_all(answer.as_bytes())
        .and_then(|()| stream.flush());
}

fn serve(scheme: &str, answer: impl Fn(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("{scheme}://{}", listener.local_addr().unwrap());
    // It ends with the test's process.
    std::thread::spawn(move || listener.incoming().flatten().for_each(answer));
    url
}
