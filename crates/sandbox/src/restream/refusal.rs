//! Answers that say no, in the words of the framework that the real service seems to use.

use axum::response::Response;
use http::StatusCode;
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use serde_json::json;

use crate::web::respond::{json_response, set_header};

/// Why a request is not answered with what it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    status: StatusCode,
    detail: String,
    retry_after: Option<u64>,
}

impl Refusal {
    fn new(status: StatusCode, detail: &str) -> Self {
        Self {
            status,
            detail: detail.to_owned(),
            retry_after: None,
        }
    }

    pub(crate) fn bad_request(detail: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// A parameter of the query is not what it has to be.
    pub(crate) fn parameter(name: &str, expected: &str) -> Self {
        Self::bad_request(&format!("{name}: {expected}"))
    }

    pub(crate) fn no_token() -> Self {
        let detail = "Authentication credentials were not provided.";
        Self::new(StatusCode::UNAUTHORIZED, detail)
    }

    pub(crate) fn dead_token() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Invalid or expired token.")
    }

    pub(crate) fn forbidden() -> Self {
        let detail = "You do not have permission to perform this action.";
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not found.")
    }

    pub(crate) fn method(method: &http::Method) -> Self {
        let detail = format!("Method \"{method}\" not allowed.");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, &detail)
    }

    pub(crate) fn media_type() -> Self {
        let detail = "The body has to be application/json.";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
    }

    pub(crate) fn throttled(seconds: u64) -> Self {
        let detail = format!("Request was throttled. Expected available in {seconds} second.");
        Self {
            retry_after: Some(seconds),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, &detail)
        }
    }

    /// The answer; a socket is refused with 403 where a request would get 401.
    pub(crate) fn respond(mut self, socket: bool) -> Response {
        if socket && self.status == StatusCode::UNAUTHORIZED {
            self.status = StatusCode::FORBIDDEN;
        }
        let mut response = json_response(self.status, &json!({"detail": self.detail}));
        if self.status == StatusCode::UNAUTHORIZED {
            set_header(&mut response, WWW_AUTHENTICATE, "Bearer realm=\"api\"");
        }
        if let Some(seconds) = self.retry_after {
            set_header(&mut response, RETRY_AFTER, &seconds.to_string());
        }
        response
    }
}
