//! What was asked of a sandbox: counts always, whole requests when they are to be kept.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::recent::Exchange;

/// The requests a sandbox has answered since it started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestLog {
    /// Requests of every kind, faulted ones included.
    pub total: u64,
    /// Requests by method, path template (`/data/v3/ed-fi/students/{id}`) and status.
    pub counts: BTreeMap<(String, String, u16), u64>,
    /// Microseconds spent on all answers.
    pub micros: u64,
    /// Every request in the order of its answer; empty unless recording is on.
    pub requests: Vec<RecordedRequest>,
}

/// One request and the status of its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedRequest {
    /// Method, upper case.
    pub method: String,
    /// Path and query as sent.
    pub path: String,
    /// The media type asked for; empty if none was.
    pub accept: String,
    /// The media type of the body; empty if it says none.
    pub content_type: String,
    /// Status sent; 0 where a fault broke the connection in place of an answer.
    pub status: u16,
    /// Body as sent; empty for the token endpoint, whose bodies hold secrets.
    pub body: Bytes,
}

impl RequestLog {
    /// Requests with this method whose path template contains a text, whatever the status.
    pub fn count(&self, method: &str, template: &str) -> u64 {
        let fits = |key: &&(String, String, u16)| key.0 == method && key.1.contains(template);
        self.counts
            .keys()
            .filter(fits)
            .filter_map(|key| self.counts.get(key))
            .sum()
    }

    /// Requests with this method and status whose path template contains a text.
    pub fn count_status(&self, method: &str, template: &str, status: u16) -> u64 {
        let fits = |(key, _): &(&(String, String, u16), &u64)| {
            key.0 == method && key.1.contains(template) && key.2 == status
        };
        self.counts
            .iter()
            .filter(fits)
            .map(|(_, count)| count)
            .sum()
    }

    /// The log without the requests themselves.
    pub(crate) fn clone_counts(&self) -> Self {
        Self {
            counts: self.counts.clone(),
            requests: Vec::new(),
            ..*self
        }
    }

    /// Counts an answer, tells the log of it, and keeps the request if asked to.
    pub(crate) fn add(&mut self, template: String, exchange: &Exchange<'_>, keep: bool) {
        let (method, status, micros) = (exchange.method, exchange.status, exchange.micros);
        tracing::debug!(method, path = template, status, micros, "answered");
        self.total += 1;
        self.micros += micros;
        let key = (method.to_owned(), template, status);
        *self.counts.entry(key).or_default() += 1;
        if keep {
            self.requests.push(RecordedRequest {
                method: method.to_owned(),
                path: exchange.path.to_owned(),
                accept: exchange.accept.to_owned(),
                content_type: exchange.content_type.to_owned(),
                status,
                body: exchange.body.clone(),
            });
        }
    }
}
