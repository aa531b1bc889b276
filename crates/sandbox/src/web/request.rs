//! A request as handlers see it.

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderMap, Method, Uri};

use super::respond::header;

/// A request whose body has been read.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Query parameters, decoded, in order.
    pub(crate) query: Vec<(String, String)>,
}

/// Query parameters, decoded, in order.
pub(crate) fn parse_query(uri: &Uri) -> Vec<(String, String)> {
    let query = uri.query().unwrap_or_default().as_bytes();
    url::form_urlencoded::parse(query).into_owned().collect()
}

/// Whether a request was sent to an address and not to a name that may belong to anybody.
pub(crate) fn is_own_host(headers: &HeaderMap) -> bool {
    let Some(host) = header(headers, HOST.as_str()) else {
        return true;
    };
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<std::net::IpAddr>().is_ok()
}

/// The name of a method for a log; those that clients make up must not fill the memory.
pub(crate) fn known_method(method: &Method) -> &str {
    match method.as_str() {
        known @ ("GET" | "POST" | "PUT" | "DELETE" | "PATCH" | "HEAD" | "OPTIONS") => known,
        _ => "other",
    }
}
