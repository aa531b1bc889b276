//! The API, put together step by step.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use syncline_http::Credentials;
use syncline_store::layers::RetryPolicy;
use syncline_store::{ErrorKind, Result, StoreError};
use url::Url;

use crate::{Access, HOST, Restream, RestreamSettings};

/// How the API is to be reached. Nothing is taken from the environment.
#[derive(Clone, Debug)]
#[must_use = "nothing is opened before `build`"]
pub struct RestreamBuilder {
    host: String,
    access: Access,
    token_cache: Option<PathBuf>,
    change: Change,
}

/// What is other than usual.
#[derive(Clone, Debug, Default)]
struct Change {
    retry: Option<RetryPolicy>,
    calls_max: Option<usize>,
    turn_wait: Option<Duration>,
    idle: Option<Duration>,
    ca_file: Option<PathBuf>,
}

impl Restream {
    /// The service itself, reached by nobody in particular, until something else is said.
    pub fn builder() -> RestreamBuilder {
        RestreamBuilder {
            host: HOST.to_owned(),
            access: Access::Open,
            token_cache: None,
            change: Change::default(),
        }
    }
}

impl RestreamBuilder {
    /// Another host, as `https://host`.
    #[doc(alias = "RESTREAM_HOST")]
    pub fn host(mut self, url: impl Into<String>) -> Self {
        self.host = url.into();
        self
    }

    /// A client of the service, for which tokens are fetched.
    #[doc(alias = "RESTREAM_CLIENT_ID")]
    #[doc(alias = "RESTREAM_CLIENT_SECRET")]
    #[doc(alias = "Authorization")]
    pub fn client(mut self, id: impl Into<String>, secret: impl Into<SecretString>) -> Self {
        self.access = Access::Client(Credentials {
            client_id: id.into(),
            client_secret: secret.into(),
        });
        self
    }

    /// A token that was given.
    #[doc(alias = "auth_token")]
    #[doc(alias = "RESTREAM_AUTH_TOKEN")]
    #[doc(alias = "TALLY_AUTH_TOKEN")]
    pub fn token(mut self, token: impl Into<SecretString>) -> Self {
        self.access = Access::Token(token.into());
        self
    }

    /// A file, readable by its owner only, that keeps the token for other runs and processes: the
    /// service may ban who asks for many.
    pub fn token_cache(mut self, file: impl Into<PathBuf>) -> Self {
        self.token_cache = Some(file.into());
        self
    }

    /// How failures that may pass are tried again.
    #[doc(alias = "RESTREAM_MAX_RETRY_ATTEMPTS")]
    pub const fn retry(mut self, policy: RetryPolicy) -> Self {
        self.change.retry = Some(policy);
        self
    }

    /// Calls of one kind under way at once at most; the service wants no more than 3.
    pub const fn calls_max(mut self, calls: usize) -> Self {
        self.change.calls_max = Some(calls);
        self
    }

    /// Longest that a call waits for its turn.
    pub const fn turn_wait(mut self, wait: Duration) -> Self {
        self.change.turn_wait = Some(wait);
        self
    }

    /// Longest silence before a connection counts as dead.
    pub const fn idle(mut self, silence: Duration) -> Self {
        self.change.idle = Some(silence);
        self
    }

    /// A PEM file of further authorities that are trusted.
    pub fn ca_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.change.ca_file = Some(file.into());
        self
    }

    /// The API. Nothing is asked of it yet.
    pub fn build(self) -> Result<Restream> {
        let base_url = Url::parse(self.host.trim()).ok();
        let base_url = base_url.filter(|url| matches!(url.scheme(), "http" | "https"));
        let base_url = base_url.ok_or_else(|| {
            let message = format!("the host `{}` is no URL of a server", self.host);
            StoreError::new(ErrorKind::Configuration, message)
                .with_hint(format!("write it as in {HOST}"))
        })?;
        let usual = RestreamSettings::new(base_url);
        let Change {
            retry,
            calls_max,
            turn_wait,
            idle,
            ca_file,
        } = self.change;
        let mut settings = RestreamSettings {
            access: self.access,
            token_cache: self.token_cache,
            retry: retry.unwrap_or(usual.retry),
            calls_max: calls_max.unwrap_or(usual.calls_max),
            turn_wait: turn_wait.unwrap_or(usual.turn_wait),
            idle: idle.unwrap_or(usual.idle),
            ..usual
        };
        settings.client.ca_file = ca_file;
        Restream::open(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_url_and_secrets_are_not_shown() {
        let api = Restream::builder()
            .host("http://127.0.0.1:1/")
            .client("me", "hidden".to_owned());
        assert!(!format!("{api:?}").contains("hidden"));
        assert_eq!(
            api.clone()
                .calls_max(2)
                .build()
                .unwrap()
                .settings()
                .calls_max,
            2
        );
        let error = api.host("app.example").build().unwrap_err();
        assert!(error.message.contains("`app.example`"), "{error}");
    }
}
