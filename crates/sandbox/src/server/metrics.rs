//! Numbers about a server in the text format of Prometheus.

use std::fmt::Write as _;

use axum::body::Body;
use axum::response::Response;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};

use super::respond::with_status;
use super::service::Service;

/// Every number, as text.
pub(crate) fn answer(service: &Service) -> Response {
    let mut response = with_status(StatusCode::OK);
    *response.body_mut() = Body::from(text(service));
    let media = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, media);
    response
}

fn text(service: &Service) -> String {
    let mut text = String::new();
    let mut family = |name: &str, kind: &str, help: &str, samples: &[(String, String)]| {
        // Writing to a string cannot fail.
        _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in samples {
            _ = writeln!(text, "{name}{labels} {value}");
        }
    };
    let one = |value: String| [(String::new(), value)];
    let log = service.log().clone_counts();
    let requests: Vec<(String, String)> = log
        .counts
        .iter()
        .map(|((method, path, status), count)| {
            let path = path.replace('\\', "\\\\").replace('"', "\\\"");
            let labels = format!("{{method=\"{method}\",path=\"{path}\",status=\"{status}\"}}");
            (labels, count.to_string())
        })
        .collect();
    family(
        "sandbox_requests_total",
        "counter",
        "Requests answered.",
        &requests,
    );
    let seconds = format!("{}.{:06}", log.micros / 1_000_000, log.micros % 1_000_000);
    let help = "Time spent on answers, delays on purpose included.";
    family(
        "sandbox_request_seconds_total",
        "counter",
        help,
        &one(seconds),
    );
    let version = service.storage().newest_version().to_string();
    family(
        "sandbox_change_version",
        "gauge",
        "Newest change version.",
        &one(version),
    );
    let faults = service.faults().fired().to_string();
    family(
        "sandbox_faults_total",
        "counter",
        "Requests broken on purpose.",
        &one(faults),
    );
    text
}
