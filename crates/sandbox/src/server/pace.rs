//! What is answered to a client that asks too often.

use axum::body::Body;
use axum::response::Response;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};

use super::config::ApiVersion;
use super::problem::Problem;

const HTML: &str = "<html><head><title>429 Too Many Requests</title></head>\
                    <body><h1>429 Too Many Requests</h1></body></html>";

/// 429, as the service of version 8 words it, else as a gateway before an ODS does.
pub(crate) fn refusal(api: ApiVersion, correlation: &str, seconds: u64) -> Response {
    let mut response = if api.is_dms() {
        Problem::too_many_requests().respond(api, correlation)
    } else {
        let mut response = Response::new(Body::from(HTML));
        *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        let media = HeaderValue::from_static("text/html");
        response.headers_mut().insert(CONTENT_TYPE, media);
        response
    };
    let wait = HeaderValue::from(seconds);
    response.headers_mut().insert(RETRY_AFTER, wait);
    response
}
