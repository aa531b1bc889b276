//! What stands between the command and an API: proxies, redirections, TLS with an authority of
//! one's own.

use std::net::SocketAddr;
use std::sync::Arc;

use syncline_sandbox::{FaultAction, FaultRule, Sandbox, SandboxConfig, schema};
use tokio::net::TcpListener;

use crate::desk::{Desk, students};
use crate::servers::{fault, plan, posts, sandbox};

/// A host that no name service knows, so that only a proxy can reach it.
const BEHIND_A_PROXY: &str = "http://edfi.invalid";

#[tokio::test(flavor = "multi_thread")]
async fn every_request_goes_through_a_proxy_that_is_set() {
    let proxy = sandbox().await;
    let desk = Desk::with_students(BEHIND_A_PROXY);
    let mut command = desk.command(&["send"]);
    command.env("http_proxy", proxy.url());
    let ran = desk.ended(command.output().unwrap());
    assert_eq!(ran.status, 0, "{ran}");
    assert_eq!(posts(&proxy), 3);
    assert_eq!(proxy.count("ed-fi/students").unwrap(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_follows_a_redirection() {
    let sandbox = sandbox().await;
    let mut rule = redirected(sandbox.url());
    // Once for the short way, once for the way that follows.
    rule.on.first = Some(2);
    sandbox.set_faults(plan(rule));
    let ran = Desk::with_students(sandbox.url()).run(&["send"]);
    assert_eq!(ran.status, 0, "{ran}");
    assert_eq!(posts(&sandbox), 5);
    assert_eq!(sandbox.count("ed-fi/students").unwrap(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirection_to_another_host_does_not_take_the_token_there() {
    let (first, second) = (sandbox().await, sandbox().await);
    first.set_faults(plan(redirected(second.url())));
    let ran = Desk::with_students(first.url()).run(&["send"]);
    assert_eq!(ran.status, 2, "{ran}");
    assert!(
        ran.stderr.contains("Authorization header is missing"),
        "{ran}"
    );
    assert!(posts(&second) > 0, "{ran}");
    for sandbox in [first, second] {
        assert_eq!(sandbox.count("ed-fi/students").unwrap(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_requests_leave_in_a_second_than_the_configuration_says() {
    for (limit, is_kept) in [("", false), ("    requests_per_second: 16\n", true)] {
        let mut config = SandboxConfig::new(schema::embedded().unwrap());
        config.rate_limit = Some(20);
        let sandbox = Sandbox::start(config).await.unwrap();
        let desk = Desk::new();
        desk.write("data/students.jsonl", students(1..=30));
        desk.configure(sandbox.url(), limit);
        let ran = desk.run(&["send"]);
        assert_eq!(ran.status, 0, "{ran}");
        let refused = sandbox.requests().counts;
        let refused = refused.keys().any(|(_, _, status)| *status == 429);
        assert_eq!(refused, !is_kept, "{ran}");
    }
}

/// Every POST of a student is sent to a server.
fn redirected(url: &str) -> FaultRule {
    let root = url.trim_end_matches('/');
    let elsewhere = format!("{root}/data/v3/ed-fi/students");
    fault(FaultAction::Status {
        status: 307,
        body: String::new(),
        headers: [("location".to_owned(), elsewhere)].into(),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_sent_over_tls_to_whom_an_authority_of_ones_own_has_signed() {
    let sandbox = sandbox().await;
    let (address, certificate) = secured(sandbox.address()).await;
    let desk = Desk::with_students(&format!("https://{address}"));
    desk.write("authority.pem", certificate);
    let root = format!("https://{address}");
    let urls = format!(
        "    ca_file: authority.pem\n    urls:\n      oauth: {root}/oauth/token\n      \
         data: {root}/data/v3/\n      dependencies: {root}/metadata/data/v3/dependencies\n      \
         open_api_metadata: {root}/metadata/\n"
    );
    desk.configure(&root, &urls);
    let ran = desk.run(&["send"]);
    assert_eq!(ran.status, 0, "{ran}");
    assert_eq!(sandbox.count("ed-fi/students").unwrap(), 3);
}

/// A server that ends TLS and passes everything on, and its certificate as PEM.
async fn secured(behind: SocketAddr) -> (SocketAddr, String) {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let key = made.signing_key.serialize_der().try_into().unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut outside = acceptor.accept(stream).await.unwrap();
                let mut inside = tokio::net::TcpStream::connect(behind).await.unwrap();
                // Whoever ends the connection ends it for both.
                let _ended = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
            });
        }
    });
    (address, made.cert.pem())
}
