//! Why there is no answer.

use syncline_store::{ErrorKind, StoreError};

/// A request without a complete answer.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct HttpError {
    /// What went wrong, by sort.
    pub kind: HttpErrorKind,
    /// One lower-case clause that names the URL (without its query) and the cause.
    pub message: Box<str>,
}

/// Sorts of missing answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpErrorKind {
    /// The host's name is unknown.
    UnknownHost,
    /// No connection could be made.
    Unreachable,
    /// The server's certificate is not trusted, or no secure connection came about.
    Certificate,
    /// No complete answer within the time allowed.
    TimedOut,
    /// The connection broke before the answer was complete.
    BrokenOff,
    /// The answer's body is longer than allowed.
    TooLong,
    /// The server does not know the caller, even with a fresh token.
    Unauthenticated,
    /// The request itself cannot be made as configured.
    Configuration,
}

impl HttpError {
    /// An error of a sort.
    pub(crate) fn new(kind: HttpErrorKind, message: impl Into<Box<str>>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// Whether trying again a little later may succeed.
    pub const fn is_transient(&self) -> bool {
        matches!(
            self.kind,
            HttpErrorKind::Unreachable | HttpErrorKind::TimedOut | HttpErrorKind::BrokenOff
        )
    }

    /// What the client's error amounts to.
    pub(crate) fn from_client(error: &reqwest::Error) -> Self {
        let url = error
            .url()
            .map_or_else(|| "the server".to_owned(), crate::client::shown);
        let chain = causes(error);
        let (kind, what) = if error.is_timeout() {
            (HttpErrorKind::TimedOut, "did not answer in time".to_owned())
        } else if error.is_redirect() {
            (
                HttpErrorKind::Configuration,
                format!("redirects where it must not: {chain}"),
            )
        } else if error.is_builder() {
            (
                HttpErrorKind::Configuration,
                format!("cannot be requested: {chain}"),
            )
        } else if is_certificate(&chain) {
            (
                HttpErrorKind::Certificate,
                format!("has no certificate that is trusted: {chain}"),
            )
        } else if chain.contains("dns error") || chain.contains("failed to lookup address") {
            (
                HttpErrorKind::UnknownHost,
                "has a host name that cannot be found".to_owned(),
            )
        } else if error.is_connect() {
            (
                HttpErrorKind::Unreachable,
                format!("cannot be reached: {chain}"),
            )
        } else {
            (
                HttpErrorKind::BrokenOff,
                format!("broke off the connection: {chain}"),
            )
        };
        Self::new(kind, format!("{url} {what}"))
    }
}

/// The innermost cause, which says most.
fn causes(error: &reqwest::Error) -> String {
    let mut current: &dyn std::error::Error = error;
    while let Some(source) = current.source() {
        current = source;
    }
    current.to_string()
}

fn is_certificate(chain: &str) -> bool {
    let lower = chain.to_ascii_lowercase();
    [
        "certificate",
        "handshake",
        "unknownissuer",
        "invalid peer",
        "corrupt message",
        "tls",
    ]
    .iter()
    .any(|word| lower.contains(word))
}

impl From<HttpError> for StoreError {
    fn from(error: HttpError) -> Self {
        let (kind, hint) = match error.kind {
            HttpErrorKind::UnknownHost => (
                ErrorKind::Configuration,
                Some("check the host name in the configured URL"),
            ),
            HttpErrorKind::Unreachable => (
                ErrorKind::Unavailable,
                Some("check that the server runs and that host and port are right"),
            ),
            HttpErrorKind::Certificate => (
                ErrorKind::Configuration,
                Some(
                    "give the certificate of your own authority as `ca_file`, or for a test \
                     server set `verify_tls: false` (`verify_ssl: false` in a lightbeam.yaml)",
                ),
            ),
            HttpErrorKind::TimedOut => (
                ErrorKind::Unavailable,
                Some("a larger `timeout` allows slower answers"),
            ),
            HttpErrorKind::BrokenOff => (ErrorKind::Unavailable, None),
            HttpErrorKind::TooLong => (ErrorKind::InvalidData, None),
            HttpErrorKind::Unauthenticated => (
                ErrorKind::Denied,
                Some("check `client_id` and `client_secret`"),
            ),
            HttpErrorKind::Configuration => (ErrorKind::Configuration, None),
        };
        let store_error = Self::new(kind, error.message);
        match hint {
            Some(hint) => store_error.with_hint(hint),
            None => store_error,
        }
    }
}
