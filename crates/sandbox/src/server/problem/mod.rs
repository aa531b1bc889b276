//! Refusals, and their two wire forms: problem details from 7.2 on, `message` bodies before.

mod access;

use std::collections::BTreeMap;

use axum::body::Body;
use axum::response::Response;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Map, Value, json};

use super::config::ApiVersion;
use crate::storage::StorageError;
use crate::web::respond::set_header;

const URN: &str = "urn:ed-fi:api:";
const WRONG_CONSTRUCTION: &str = "The request construction was invalid.";
const NOT_PROCESSED: &str = "The request could not be processed. See 'errors' for details.";

/// Messages by JSON path.
pub(crate) type Messages = BTreeMap<String, Vec<String>>;

/// Why a request is refused.
#[derive(Clone, Debug)]
pub(crate) struct Problem(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    status: StatusCode,
    kind: &'static str,
    title: &'static str,
    detail: String,
    errors: Vec<String>,
    validation: Messages,
    legacy: Value,
    /// Headers beside the media type.
    headers: Vec<(HeaderName, String)>,
    /// Written by the request pipeline and not by a controller, which shows in the media type.
    pipeline: bool,
}

impl Problem {
    fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: &str) -> Self {
        Self(Box::new(Inner {
            status,
            kind,
            title,
            detail: detail.to_owned(),
            errors: Vec::new(),
            validation: Messages::new(),
            legacy: json!({"message": detail}),
            headers: Vec::new(),
            pipeline: false,
        }))
    }

    fn error(mut self, error: impl Into<String>) -> Self {
        self.0.errors.push(error.into());
        self
    }

    /// Replaces the message of versions before 7.2.
    pub(crate) fn legacy(mut self, message: impl Into<String>) -> Self {
        self.0.legacy = json!({"message": message.into()});
        self
    }

    fn pipeline(mut self) -> Self {
        self.0.pipeline = true;
        self
    }

    /// 400 with one of the texts about the request as a whole.
    pub(crate) fn bad_request(error: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "bad-request",
            "Bad Request",
            NOT_PROCESSED,
        )
        .error(error)
        .legacy(error)
    }

    /// 400 with a plain detail.
    pub(crate) fn bad_request_detail(detail: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "bad-request",
            "Bad Request",
            detail,
        )
    }

    /// 400 for a query parameter out of its bounds.
    pub(crate) fn parameter(error: &str, legacy: &str) -> Self {
        let (kind, title) = (
            "bad-request:parameter-validation-failed",
            "Parameter Validation Failed",
        );
        Self::new(StatusCode::BAD_REQUEST, kind, title, WRONG_CONSTRUCTION)
            .error(error)
            .legacy(legacy)
    }

    /// 400 for a body that does not fit its types.
    pub(crate) fn binding(messages: Messages) -> Self {
        let detail = "Data validation failed. See 'validationErrors' for details.";
        let prefixed = |(path, texts): (&String, &Vec<String>)| {
            (path.replacen('$', "request", 1), json!(texts))
        };
        let state: Map<String, Value> = messages.iter().map(prefixed).collect();
        let mut problem = Self::data_validation(detail);
        problem.0.legacy = json!({"message": "The request is invalid.", "modelState": state});
        problem.0.validation = messages;
        problem
    }

    /// 400 for a body whose values are refused; `title` is that of the resource.
    pub(crate) fn validation(title: &str, messages: Messages) -> Self {
        let add = |lines: String, text: &String| lines + "\t" + text + "\n";
        let lines = messages.values().flatten().fold(String::new(), add);
        let detail = "Data validation failed. See 'validationErrors' for details.";
        let mut problem = Self::data_validation(detail)
            .legacy(format!("Validation of '{title}' failed.\n{lines}"));
        problem.0.validation = messages;
        problem
    }

    /// 400 for a body that breaks a rule about its construction.
    pub(crate) fn construction(error: &str) -> Self {
        Self::data_validation("The request data was constructed incorrectly.")
            .error(error)
            .legacy(error)
    }

    fn data_validation(detail: &str) -> Self {
        let kind = "bad-request:data-validation-failed";
        Self::new(
            StatusCode::BAD_REQUEST,
            kind,
            "Data Validation Failed",
            detail,
        )
    }

    /// 400 for a changed natural key.
    pub(crate) fn key_change(title: &str) -> Self {
        let kind = "bad-request:data-validation-failed:key-change-not-supported";
        let detail = format!(
            "Identifying values for the {title} data cannot be changed. \
             Delete and recreate the item instead."
        );
        Self::new(
            StatusCode::BAD_REQUEST,
            kind,
            "Key Change Not Supported",
            &detail,
        )
    }

    /// 404 for an item.
    pub(crate) fn no_item(detail: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not Found", detail)
    }

    /// 404 for a path.
    pub(crate) fn no_endpoint() -> Self {
        let mut problem = Self::no_item("The specified data could not be found.").pipeline();
        problem.0.legacy = Value::Null;
        problem
    }

    /// 405 with its reason.
    pub(crate) fn method(error: impl Into<String>) -> Self {
        let error = error.into();
        let (kind, title) = ("method-not-allowed", "Method Not Allowed");
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            kind,
            title,
            WRONG_CONSTRUCTION,
        )
        .legacy(error.clone())
        .error(error)
        .pipeline()
    }

    /// 409 for references that lead nowhere.
    pub(crate) fn unresolved(title: &str, validation: Option<Messages>) -> Self {
        let kind = "data-conflict:unresolved-reference";
        let mut letters = title.chars();
        let lower: String = letters
            .next()
            .into_iter()
            .flat_map(char::to_lowercase)
            .chain(letters)
            .collect();
        let detail = format!("The referenced '{title}' item does not exist.");
        let mut problem = Self::new(StatusCode::CONFLICT, kind, "Unresolved Reference", &detail)
            .legacy(format!(
                "The value supplied for the related '{lower}' resource does not exist."
            ));
        if let Some(messages) = validation {
            "One or more references could not be resolved. See 'validationErrors' for details."
                .clone_into(&mut problem.0.detail);
            problem.0.validation = messages;
        }
        problem
    }

    /// 409 for a delete of something that is referred to by an item of this title.
    pub(crate) fn dependent(title: &str) -> Self {
        let kind = "data-conflict:dependent-item-exists";
        let detail = format!(
            "The requested action cannot be performed because this item is referenced by an \
             existing '{title}' item."
        );
        Self::new(StatusCode::CONFLICT, kind, "Dependent Item Exists", &detail).legacy(format!(
            "The resource (or a subordinate entity of the resource) cannot be deleted because it \
             is a dependency of the '{title}' entity."
        ))
    }

    /// 409 for a natural key that another item has.
    pub(crate) fn identity(api: ApiVersion, title: &str) -> Self {
        let dms = "identity-conflict";
        let kind = if api.is_dms() {
            dms
        } else {
            "data-conflict:non-unique-identity"
        };
        let detail = "The identifying value(s) of the item are the same as another item that \
                      already exists.";
        Self::new(
            StatusCode::CONFLICT,
            kind,
            "Identifying Values Are Not Unique",
            detail,
        )
        .error(format!(
            "A primary key conflict occurred when attempting to write the '{title}' item."
        ))
    }

    /// 404 for an endpoint of a feature that is off.
    pub(crate) fn feature_disabled(feature: &str) -> Self {
        let kind = "system:configuration:feature-disabled";
        let detail = format!("The '{feature}' feature is disabled.");
        let mut problem = Self::new(StatusCode::NOT_FOUND, kind, "Feature Disabled", &detail);
        problem.0.legacy = Value::Null;
        problem
    }

    /// 410 for a snapshot that was dropped or never was.
    pub(crate) fn snapshot_gone() -> Self {
        let text = "Snapshot not available.";
        Self::new(StatusCode::GONE, "not-found", "Gone", text)
    }

    /// 404 for the one snapshot of a server that has none.
    pub(crate) fn snapshot_missing() -> Self {
        Self::no_item("Snapshot not found.")
            .error("The snapshot connection for the ODS has not been configured.")
            .pipeline()
    }

    /// 405 for a write to a snapshot.
    pub(crate) fn snapshot_write() -> Self {
        let (kind, title) = (
            "snapshots:method-not-allowed",
            "Method Not Allowed with Snapshots",
        );
        let text = "Snapshots are read-only.";
        let mut problem = Self::new(StatusCode::METHOD_NOT_ALLOWED, kind, title, text).pipeline();
        problem.0.headers.push((ALLOW, "GET".to_owned()));
        problem
    }

    /// 412 for an `If-Match` that names another state.
    pub(crate) fn precondition() -> Self {
        let (kind, title) = ("optimistic-lock-failed", "Optimistic Lock Failed");
        let detail = "The item has been modified by another user.";
        Self::new(StatusCode::PRECONDITION_FAILED, kind, title, detail)
            .legacy("Resource was modified by another consumer.")
    }

    /// 412 for an `If-None-Match` that names the state there is.
    pub(crate) fn none_match() -> Self {
        let (kind, title) = ("precondition-failed:if-none-match", "Precondition Failed");
        let detail = "The item is in a state that the 'If-None-Match' header excludes.";
        Self::new(StatusCode::PRECONDITION_FAILED, kind, title, detail)
    }

    /// 415 with its reason.
    pub(crate) fn media_type(error: &str) -> Self {
        let (kind, title) = ("unsupported-media-type", "Unsupported Media Type");
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        Self::new(status, kind, title, WRONG_CONSTRUCTION)
            .error(error)
            .legacy(error)
            .pipeline()
    }

    /// 500 without particulars; they go to the log.
    pub(crate) fn system() -> Self {
        let detail = "An unexpected problem has occurred.";
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "system",
            "System Error",
            detail,
        )
        .legacy("An unexpected error occurred on the server.")
    }

    /// Status and reason in one line.
    pub(crate) fn summary(&self) -> (u16, String) {
        let inner = &self.0;
        let texts = inner.validation.values().flatten().chain(&inner.errors);
        let texts: Vec<&str> = texts.map(String::as_str).collect();
        let reason = if texts.is_empty() {
            inner.detail.clone()
        } else {
            texts.join(" ")
        };
        (inner.status.as_u16(), reason)
    }

    /// The answer, in the form of the version.
    pub(crate) fn respond(self, api: ApiVersion, correlation: &str) -> Response {
        let mut inner = *self.0;
        let status = inner.status;
        let media = match (api.is_legacy(), inner.pipeline) {
            (false, true) => "application/problem+json",
            _ => "application/json; charset=utf-8",
        };
        let body = if api.is_legacy() {
            inner.legacy.take()
        } else {
            document(&inner, api, correlation)
        };
        let body = if body.is_null() {
            Body::empty()
        } else {
            Body::from(body.to_string())
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static(media));
        for (name, value) in inner.headers {
            set_header(&mut response, name, &value);
        }
        response
    }
}

fn document(inner: &Inner, api: ApiVersion, correlation: &str) -> Value {
    let mut document = json!({
        "detail": inner.detail,
        "type": format!("{URN}{}", inner.kind),
        "title": inner.title,
        "status": inner.status.as_u16(),
        "correlationId": correlation,
    });
    if api.is_dms() || !inner.validation.is_empty() {
        document["validationErrors"] = json!(inner.validation);
    }
    if api.is_dms() || !inner.errors.is_empty() {
        document["errors"] = json!(inner.errors);
    }
    document
}

impl From<StorageError> for Problem {
    fn from(error: StorageError) -> Self {
        tracing::error!(%error, source = ?std::error::Error::source(&error), "storage failed");
        Self::system()
    }
}
