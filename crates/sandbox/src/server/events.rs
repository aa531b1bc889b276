//! What happens on a server, told to a page as it happens.
//!
//! A stream of server-sent events: each holds the requests since the one before and the state of
//! the server. It ends with the server.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use futures_util::{Stream, stream};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::respond::with_status;
use super::service::Service;
use super::{admin, lock};

/// What happens within so long is told together.
const TOGETHER: Duration = Duration::from_millis(150);
/// The state is told again after so long, whatever happens.
const AT_LEAST: Duration = Duration::from_secs(2);

/// The stream as an answer.
pub(crate) fn answer(service: Arc<Service>) -> Response {
    let mut response = with_status(StatusCode::OK);
    let news = lock(&service.recent).news();
    *response.body_mut() = Body::from_stream(events(service, news));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn events(
    service: Arc<Service>,
    news: watch::Receiver<u64>,
) -> impl Stream<Item = Result<String, Infallible>> {
    stream::unfold(
        (service, news, None),
        |(service, mut news, told)| async move {
            if told.is_some() && !is_due(&service, &mut news).await {
                return None;
            }
            let last = *news.borrow_and_update();
            let requests = lock(&service.recent).after(told.unwrap_or(0));
            let event = event(&service, &requests);
            Some((Ok(event), (service, news, Some(last))))
        },
    )
}

/// Waits until there is something to tell; false when the server stops.
async fn is_due(service: &Service, news: &mut watch::Receiver<u64>) -> bool {
    let due = async {
        // Nothing new for a while is as good as news.
        let _quiet = tokio::time::timeout(AT_LEAST, news.changed()).await;
        tokio::time::sleep(TOGETHER).await;
    };
    tokio::select! {
        () = due => true,
        () = service.stopping.cancelled() => false,
    }
}

fn event(service: &Service, requests: &[Value]) -> String {
    // A database that fails now is told of by the requests that meet it.
    let state = admin::state(service).unwrap_or_default();
    let event = json!({"state": state, "requests": requests});
    format!("data: {event}\n\n")
}
