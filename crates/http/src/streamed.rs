//! Answers that are handed on while they arrive.

use std::time::Duration;

use bytes::Bytes;
use url::Url;

use crate::error::Cause;
use crate::login::Answered;
use crate::reading::answer;
use crate::{Answer, HttpError, read_problem};

/// Longest that a whole stream may take: only the pauses in it are bounded in earnest.
pub(crate) const WHOLE_MAX: Duration = Duration::from_hours(7 * 24);

/// An answer whose body is still arriving, or one that is no success and was read to its end.
#[derive(Debug)]
pub enum Streamed {
    /// It succeeded, and its body arrives.
    Body(Pieces),
    /// It did not.
    Declined(Answer),
}

/// A body, piece by piece, decompressed.
#[derive(Debug)]
pub struct Pieces {
    response: reqwest::Response,
    url: Url,
    idle: Duration,
}

impl Streamed {
    pub(crate) async fn open(
        client: &reqwest::Client,
        mut request: reqwest::Request,
        idle: Duration,
    ) -> Result<Self, HttpError> {
        let url = request.url().clone();
        *request.timeout_mut() = Some(WHOLE_MAX);
        let response = within(idle, &url, client.execute(request)).await?;
        if !response.status().is_success() {
            return Ok(Self::Declined(answer(Ok(response)).await?));
        }
        Ok(Self::Body(Pieces {
            response,
            url,
            idle,
        }))
    }
}

impl Answered for Streamed {
    fn status(&self) -> u16 {
        match self {
            Self::Body(pieces) => pieces.response.status().as_u16(),
            Self::Declined(answer) => answer.status,
        }
    }

    fn reason(&self) -> String {
        match self {
            Self::Body(_) => String::new(),
            Self::Declined(answer) => read_problem(answer).messages.join("; "),
        }
    }
}

impl Pieces {
    /// The next piece, as soon as it is there; nothing at the end. A connection that breaks before
    /// the end of the body is an error.
    pub async fn next(&mut self) -> Result<Option<Bytes>, HttpError> {
        within(self.idle, &self.url, self.response.chunk()).await
    }
}

/// What comes within a time.
async fn within<T>(
    idle: Duration,
    url: &Url,
    coming: impl Future<Output = reqwest::Result<T>>,
) -> Result<T, HttpError> {
    match tokio::time::timeout(idle, coming).await {
        // Faults of a body do not name their URL.
        Ok(came) => came.map_err(|error| HttpError::from_client(&error.with_url(url.clone()))),
        Err(_elapsed) => Err(HttpError::from_cause(url, &Cause::Time)),
    }
}
