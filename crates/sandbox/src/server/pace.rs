//! Slowness on purpose: a delay for every answer, and a limit on requests per second.

use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use tokio::time::Instant;

use super::config::ApiVersion;
use super::problem::Problem;

const HTML: &str = "<html><head><title>429 Too Many Requests</title></head>\
                    <body><h1>429 Too Many Requests</h1></body></html>";

/// How many requests are left of the present second.
#[derive(Debug)]
pub(crate) struct Limiter {
    per_second: u32,
    begun: Instant,
    used: u32,
}

impl Limiter {
    /// A limit that starts now.
    pub(crate) fn new(per_second: u32) -> Self {
        Self {
            per_second,
            begun: Instant::now(),
            used: 0,
        }
    }

    /// Takes one request, or gives the whole seconds to wait.
    pub(crate) fn take(&mut self) -> Result<(), u64> {
        let window = Duration::from_secs(1);
        if self.begun.elapsed() >= window {
            self.begun = Instant::now();
            self.used = 0;
        }
        if self.used < self.per_second {
            self.used += 1;
            return Ok(());
        }
        Err(1)
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_second_has_so_many_requests_and_the_next_has_them_again() {
        let mut limiter = Limiter::new(2);
        assert_eq!(
            [limiter.take(), limiter.take(), limiter.take()],
            [Ok(()), Ok(()), Err(1)]
        );
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(limiter.take(), Ok(()));
    }
}
