//! Keys that several kinds of sections have, said once.

use super::keys::RETRY;
use super::shape::{Key, Kind, key, section};

pub(crate) const KIND: Key = key("kind", Kind::Text, "Of which kind the store is.");

// Whom a service knows.
pub(crate) const CLIENT_ID: Key = key("client_id", Kind::Text, "As whom to log in.");
pub(crate) const CLIENT_SECRET: Key = key("client_secret", Kind::Text, "With which secret.");

// How it is spoken to.
pub(crate) const CA_FILE: Key = key("ca_file", Kind::Text, "Further trusted authorities, PEM.");
pub(crate) const CONNECT_TIMEOUT: Key =
    key("connect_timeout", Kind::Seconds, "Longest time to connect.");
pub(crate) const HTTP2: Key = key("http2", Kind::Switch, "Whether HTTP/2 may be used.");
pub(crate) const REQUESTS_PER_SECOND: Key = key(
    "requests_per_second",
    Kind::Number(0.01, 1e6),
    "Most requests in a second.",
);
pub(crate) const RETRIES: Key = section("retry", &RETRY, "How failures are tried again.");
pub(crate) const VERIFY_TLS: Key = key(
    "verify_tls",
    Kind::Switch,
    "Whether its certificate must be trusted.",
);
