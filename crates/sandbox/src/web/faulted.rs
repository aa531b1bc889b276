//! Carrying out a fault: what the client sees in place of the true answer.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use http::{HeaderName, HeaderValue, StatusCode};

use super::connection::Breaker;
use super::respond::{set_header, with_status};
use crate::faults::{FaultAction, FaultRule};

const HTML: &str = "<html><head><title>Bad Gateway</title></head><body>Bad Gateway</body></html>";

/// Answers as the rule says; gives the status for the log, 0 where nothing is answered.
pub(crate) async fn respond(
    rule: &FaultRule,
    answer: impl Future<Output = Response>,
    breaker: &Breaker,
) -> (Response, u16) {
    let applied = rule.applied || rule.action.needs_answer();
    // What is not waited for is not done.
    let answer = if applied { Some(answer.await) } else { None };
    if rule.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(rule.delay_ms)).await;
    }
    let answer = answer.unwrap_or_else(|| with_status(StatusCode::SERVICE_UNAVAILABLE));
    let mut response = match &rule.action {
        FaultAction::Status {
            status,
            body,
            headers,
        } => {
            let mut response = with_status(
                StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            );
            *response.body_mut() = Body::from(body.clone());
            for (name, value) in headers {
                if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
                    set_header(&mut response, name, value);
                }
            }
            response
        }
        FaultAction::Reset => {
            breaker.reset();
            return (answer, 0);
        }
        FaultAction::Close => {
            breaker.close();
            return (answer, 0);
        }
        FaultAction::Truncate => truncated(answer).await,
        FaultAction::Delay
        | FaultAction::NonJson
        | FaultAction::DropLocation
        | FaultAction::DropTotalCount
        | FaultAction::Cut { .. }
        | FaultAction::Stall { .. }
        | FaultAction::Slow { .. } => answer,
    };
    if rule.action == FaultAction::NonJson {
        *response.body_mut() = Body::from(HTML);
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    }
    if rule.action == FaultAction::DropLocation {
        response.headers_mut().remove(LOCATION);
    }
    if rule.action == FaultAction::DropTotalCount {
        response.headers_mut().remove("total-count");
    }
    let status = response.status().as_u16();
    (response, status)
}

/// The answer with half its body, and a length that announces more than the whole.
async fn truncated(answer: Response) -> Response {
    let (parts, body) = answer.into_parts();
    let whole = axum::body::to_bytes(body, usize::MAX)
        .await
        .unwrap_or_default();
    let half = whole.slice(..whole.len() / 2);
    let mut response = Response::from_parts(parts, Body::from_stream(cut(half)));
    let announced = HeaderValue::from(whole.len() + 64);
    response.headers_mut().insert(CONTENT_LENGTH, announced);
    response
}

/// One chunk, then a pause that lets the server flush it, then an end before its time.
fn cut(half: Bytes) -> impl futures_util::Stream<Item = Result<Bytes, Infallible>> {
    stream::unfold(Some(half), |half| async move {
        if let Some(half) = half {
            return Some((Ok(half), None));
        }
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
        None
    })
}
