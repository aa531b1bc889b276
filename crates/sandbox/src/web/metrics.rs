//! Numbers about a server in the text format of Prometheus.

use std::fmt::Write as _;

use axum::body::Body;
use axum::response::Response;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};

use super::record::RequestLog;
use super::respond::with_status;

/// The text of all numbers, as it is put together.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    text: String,
}

impl Metrics {
    /// What every server tells of its requests.
    pub(crate) fn of(log: &RequestLog, faults: u64) -> Self {
        let mut metrics = Self::default();
        let requests: Vec<(String, String)> = log
            .counts
            .iter()
            .map(|((method, path, status), count)| {
                let path = path.replace('\\', "\\\\").replace('"', "\\\"");
                let labels = format!("{{method=\"{method}\",path=\"{path}\",status=\"{status}\"}}");
                (labels, count.to_string())
            })
            .collect();
        metrics.family(
            ("sandbox_requests_total", "counter"),
            "Requests answered.",
            &requests,
        );
        let seconds = format!("{}.{:06}", log.micros / 1_000_000, log.micros % 1_000_000);
        let help = "Time spent on answers, delays on purpose included.";
        metrics.one(("sandbox_request_seconds_total", "counter"), help, &seconds);
        let help = "Requests broken on purpose.";
        metrics.one(
            ("sandbox_faults_total", "counter"),
            help,
            &faults.to_string(),
        );
        metrics
    }

    /// Adds a number without labels, by name and kind.
    pub(crate) fn one(&mut self, named: (&str, &str), help: &str, value: &str) {
        self.family(named, help, &[(String::new(), value.to_owned())]);
    }

    fn family(&mut self, (name, kind): (&str, &str), help: &str, samples: &[(String, String)]) {
        let text = &mut self.text;
        // Writing to a string cannot fail.
        _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in samples {
            _ = writeln!(text, "{name}{labels} {value}");
        }
    }

    /// All of it as an answer.
    pub(crate) fn respond(self) -> Response {
        let mut response = with_status(StatusCode::OK);
        *response.body_mut() = Body::from(self.text);
        let media = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, media);
        response
    }
}
