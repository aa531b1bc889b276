//! How connections are made, as whoever opens a client says it.

use std::path::PathBuf;
use std::time::Duration;

/// How connections are made.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// Longest time to connect.
    pub connect_timeout: Duration,
    /// Longest time for a whole request, from sending to the last byte of the answer.
    pub timeout: Duration,
    /// Whether server certificates must be trusted.
    pub verify_tls: bool,
    /// A file of further trusted authorities, PEM.
    pub ca_file: Option<PathBuf>,
    /// Most connections kept open.
    pub connections_max: usize,
    /// Whether HTTP/2 may be used.
    pub http2: bool,
    /// Most requests in a second, above 0; none leaves it to the number of connections.
    pub requests_per_second: Option<f64>,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(15),
            timeout: Duration::from_mins(1),
            verify_tls: true,
            ca_file: None,
            connections_max: 8,
            http2: false,
            requests_per_second: None,
        }
    }
}
