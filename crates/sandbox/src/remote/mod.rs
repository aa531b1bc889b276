//! Another server, spoken to as any client would: for copying its metadata and for replaying
//! scenarios against it.
//!
//! Only addresses that the user gives are asked, and what they name. Answers are bounded; a
//! status that is no success is an answer and not an error. Nothing of the server of this crate
//! is used, so that it can be checked by what stands here.

mod like;

use std::io;
use std::sync::Arc;
use std::time::Duration;

pub use like::model_like;

use serde_json::Value;
use ureq::tls::{RootCerts, TlsConfig};

const MAX_BODY: u64 = 64_000_000;
const WITHIN: Duration = Duration::from_mins(1);

/// A server that cannot be asked, or that does not answer as an Ed-Fi API does.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// The address, a header or a method is none.
    #[error("cannot make a request for {url}")]
    Request {
        /// Where to.
        url: String,
        /// What is wrong.
        source: http::Error,
    },
    /// There was no answer.
    #[error("there is no answer from {url}")]
    Exchange {
        /// Where to.
        url: String,
        /// What went wrong.
        source: Box<ureq::Error>,
    },
    /// The answer is of no use.
    #[error("the answer of {url} is not what an Ed-Fi API gives: {reason}")]
    Answer {
        /// Where from.
        url: String,
        /// What is missing or wrong.
        reason: String,
    },
    /// Its documents make no model.
    #[error("the documents of the server make no data model")]
    Schema(#[from] crate::schema::SchemaError),
    /// A file cannot be read; the source names it.
    #[error("cannot read the scenario")]
    File(#[from] io::Error),
    /// A line of a scenario is not sound.
    #[error("line {line} of the scenario is no step")]
    Step {
        /// Line, one-based.
        line: usize,
        /// Why.
        source: serde_json::Error,
    },
}

/// An answer, whatever its status.
#[derive(Debug)]
pub(crate) struct RemoteAnswer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) text: String,
}

impl RemoteAnswer {
    /// The body as JSON; null when it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// A header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// A client of other servers.
#[derive(Debug)]
pub(crate) struct Remote(ureq::Agent);

impl Remote {
    /// A client that follows no redirects.
    pub(crate) fn new() -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(provider)
            .build();
        let config = ureq::Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(WITHIN))
            .build();
        Self(config.new_agent())
    }

    /// One exchange.
    pub(crate) fn send(
        &self,
        method: &str,
        url: &str,
        headers: &[(String, String)],
        body: &str,
    ) -> Result<RemoteAnswer, RemoteError> {
        let mut request = http::Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let failed = |source: ureq::Error| RemoteError::Exchange {
            url: url.to_owned(),
            source: Box::new(source),
        };
        let malformed = |source| RemoteError::Request {
            url: url.to_owned(),
            source,
        };
        let answer = if body.is_empty() {
            self.0.run(request.body(()).map_err(malformed)?)
        } else {
            self.0.run(request.body(body).map_err(malformed)?)
        };
        let (parts, mut body) = answer.map_err(failed)?.into_parts();
        let bytes = body.with_config().limit(MAX_BODY).read_to_vec();
        Ok(RemoteAnswer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8_lossy(&bytes.map_err(failed)?).into_owned(),
        })
    }

    /// A JSON document that must be there.
    pub(crate) fn document(&self, url: &str) -> Result<(Value, String), RemoteError> {
        let accept = [("Accept".to_owned(), "application/json".to_owned())];
        let answer = self.send("GET", url, &accept, "")?;
        let body = answer.json();
        if answer.status == 200 && !body.is_null() {
            return Ok((body, answer.text));
        }
        Err(RemoteError::Answer {
            url: url.to_owned(),
            reason: format!("status {} without a JSON document", answer.status),
        })
    }
}
