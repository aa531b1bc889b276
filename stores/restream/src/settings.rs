//! How the API is reached.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use syncline_http::{ClientSettings, Credentials};
use syncline_store::layers::RetryPolicy;
use url::Url;

/// Where the service is, if nothing else is said.
pub const HOST: &str = "https://app.restreamsolutions.com";

/// Who is asking.
#[derive(Clone, Debug, Default)]
pub enum Access {
    /// Nobody in particular: no token is sent.
    #[default]
    Open,
    /// A client of the service, for which tokens are fetched.
    Client(Credentials),
    /// Whoever a token was given to. It is not replaced when it ends.
    Token(SecretString),
}

/// How the API is reached, and with which patience.
#[derive(Clone, Debug)]
pub struct RestreamSettings {
    /// Scheme and host, and a path if the API is below one; a slash at the end makes no difference.
    pub base_url: Url,
    /// Who is asking.
    pub access: Access,
    /// How connections are made.
    pub client: ClientSettings,
    /// File to keep the token in between runs: the service may ban who asks for many.
    pub token_cache: Option<PathBuf>,
    /// How failures that may pass are tried again.
    pub retry: RetryPolicy,
    /// Calls of one kind under way at once at most. The service wants no more than 3.
    pub calls_max: usize,
    /// Longest that a call waits for its turn.
    pub turn_wait: Duration,
    /// Longest pause in a stream before its connection counts as dead.
    pub idle: Duration,
}

impl RestreamSettings {
    /// The service at a URL, as the service wants to be treated.
    pub fn new(base_url: Url) -> Self {
        Self {
            base_url,
            access: Access::Open,
            client: ClientSettings::default(),
            token_cache: None,
            retry: RetryPolicy {
                attempts_max: 5,
                wait_first: Duration::from_secs(1),
                wait_factor: 3.0,
                wait_max: Duration::from_secs(30),
                total_max: Duration::from_mins(5),
            },
            calls_max: 3,
            turn_wait: Duration::from_mins(10),
            idle: Duration::from_mins(1),
        }
    }
}
