//! Answers read to their end, within bounds.

use bytes::{Bytes, BytesMut};
use http::response;
use http_body_util::BodyExt as _;
use url::Url;

use crate::client::shown;
use crate::error::Cause;
use crate::{Answer, HttpError, HttpErrorKind};

/// Longest body of an ordinary answer.
const BODY_BYTES_MAX: usize = 256 << 20;

/// Reads the answer of the ordinary way.
pub(crate) async fn answer(
    response: reqwest::Result<reqwest::Response>,
) -> Result<Answer, HttpError> {
    let response = response.map_err(|error| HttpError::from_client(&error))?;
    let url = response.url().clone();
    let (head, body) = http::Response::from(response).into_parts();
    read(head, body, &url).await
}

/// Reads an answer to its end, so that its connection can be used again.
pub(crate) async fn read<B>(
    head: response::Parts,
    mut body: B,
    url: &Url,
) -> Result<Answer, HttpError>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error + 'static,
{
    let mut whole = Bytes::new();
    let mut pieces: Option<BytesMut> = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| HttpError::from_cause(url, &Cause::of(&error, false)))?;
        // Trailers say nothing that is needed.
        let Ok(piece) = frame.into_data() else {
            continue;
        };
        if whole.is_empty() && pieces.is_none() {
            whole = piece;
            continue;
        }
        let joined = pieces.get_or_insert_with(|| BytesMut::from(&whole[..]));
        joined.extend_from_slice(&piece);
        if joined.len() > BODY_BYTES_MAX {
            let shown = shown(url);
            let message = format!("{shown} answers with more than {} MB", BODY_BYTES_MAX >> 20);
            return Err(HttpError::new(HttpErrorKind::TooLong, message));
        }
    }
    Ok(Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        body: pieces.map_or(whole, BytesMut::freeze),
    })
}
