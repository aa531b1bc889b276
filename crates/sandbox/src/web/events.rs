//! What happens on a server, told to a page as it happens.
//!
//! A stream of server-sent events: each holds the requests since the one before and the state of
//! the server. It ends with the server.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use futures_util::{Stream, stream};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::respond::with_status;

/// What happens within so long is told together.
const TOGETHER: Duration = Duration::from_millis(150);
/// The state is told again after so long, whatever happens.
const AT_LEAST: Duration = Duration::from_secs(2);

/// The stream as an answer; `tell` gives what there is since the request of a number.
pub(crate) fn answer(
    news: watch::Receiver<u64>,
    stopping: CancellationToken,
    tell: impl Fn(u64) -> Value + Send + 'static,
) -> Response {
    let mut response = with_status(StatusCode::OK);
    *response.body_mut() = Body::from_stream(events(news, stopping, tell));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn events(
    news: watch::Receiver<u64>,
    stopping: CancellationToken,
    tell: impl Fn(u64) -> Value + Send + 'static,
) -> impl Stream<Item = Result<String, Infallible>> {
    stream::unfold(
        (news, stopping, tell, None),
        |(mut news, stopping, tell, told)| async move {
            if told.is_some() && !is_due(&stopping, &mut news).await {
                return None;
            }
            let last = *news.borrow_and_update();
            let event = format!("data: {}\n\n", tell(told.unwrap_or(0)));
            Some((Ok(event), (news, stopping, tell, Some(last))))
        },
    )
}

/// Waits until there is something to tell; false when the server stops.
async fn is_due(stopping: &CancellationToken, news: &mut watch::Receiver<u64>) -> bool {
    let due = async {
        // Nothing new for a while is as good as news.
        let _quiet = tokio::time::timeout(AT_LEAST, news.changed()).await;
        tokio::time::sleep(TOGETHER).await;
    };
    tokio::select! {
        () = due => true,
        () = stopping.cancelled() => false,
    }
}
