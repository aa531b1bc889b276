//! Why there is no answer.

use std::error::Error;

use syncline_store::{ErrorKind, StoreError};
use url::Url;

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
    /// The token that was given is not accepted, and there is no way to another.
    TokenEnded,
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
        let Some(url) = error.url() else {
            let message = format!("the request cannot be made: {}", innermost(error));
            return Self::new(HttpErrorKind::Configuration, message);
        };
        let shown = crate::client::shown(url);
        let chain = innermost(error);
        if error.is_redirect() {
            let message = format!("{shown} redirects where it must not: {chain}");
            return Self::new(HttpErrorKind::Configuration, message);
        }
        if error.is_builder() {
            let message = format!("{shown} cannot be requested: {chain}");
            return Self::new(HttpErrorKind::Configuration, message);
        }
        Self::from_cause(url, &Cause::of(error, error.is_connect()))
    }

    /// The error a cause amounts to.
    pub(crate) fn from_cause(url: &Url, cause: &Cause<'_>) -> Self {
        let (kind, what) = match cause {
            Cause::Time => (HttpErrorKind::TimedOut, "did not answer in time".to_owned()),
            Cause::Connection(error) | Cause::Exchange(error) => {
                let chain = innermost(*error);
                let connecting = matches!(cause, Cause::Connection(_));
                named(&chain).unwrap_or_else(|| broken(connecting, &chain))
            }
        };
        Self::new(kind, format!("{} {what}", crate::client::shown(url)))
    }
}

/// Why an exchange with a server did not come to its end.
pub(crate) enum Cause<'error> {
    /// It took longer than allowed.
    Time,
    /// No connection could be made.
    Connection(&'error (dyn Error + 'static)),
    /// The connection broke.
    Exchange(&'error (dyn Error + 'static)),
}

impl<'error> Cause<'error> {
    /// What an error of a client stands for.
    pub(crate) fn of(error: &'error (dyn Error + 'static), connecting: bool) -> Self {
        if is_about_time(error) {
            Self::Time
        } else if connecting {
            Self::Connection(error)
        } else {
            Self::Exchange(error)
        }
    }
}

fn is_about_time(error: &(dyn Error + 'static)) -> bool {
    let input = error.downcast_ref::<std::io::Error>();
    let client = error.downcast_ref::<reqwest::Error>();
    input.is_some_and(|error| error.kind() == std::io::ErrorKind::TimedOut)
        || client.is_some_and(reqwest::Error::is_timeout)
        || error.source().is_some_and(is_about_time)
}

/// Causes that are known by their text only.
fn named(chain: &str) -> Option<(HttpErrorKind, String)> {
    if is_certificate(chain) {
        return Some((
            HttpErrorKind::Certificate,
            format!("has no certificate that is trusted: {chain}"),
        ));
    }
    (chain.contains("dns error") || chain.contains("failed to lookup address")).then(|| {
        (
            HttpErrorKind::UnknownHost,
            "has a host name that cannot be found".to_owned(),
        )
    })
}

fn broken(connecting: bool, chain: &str) -> (HttpErrorKind, String) {
    if connecting {
        return (
            HttpErrorKind::Unreachable,
            format!("cannot be reached: {chain}"),
        );
    }
    (
        HttpErrorKind::BrokenOff,
        format!("broke off the connection: {chain}"),
    )
}

/// The innermost cause, which says most.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut current = error;
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
            HttpErrorKind::TokenEnded => (
                ErrorKind::Denied,
                Some(
                    "give a newer token, or a client and its secret, for which tokens are fetched",
                ),
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
