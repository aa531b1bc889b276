//! The token of one request: sent, and replaced once where an answer says that it ended.

use std::sync::Arc;

use http::HeaderValue;
use url::Url;

use crate::client::shown;
use crate::token::Token;
use crate::{Answer, Client, HttpError, HttpErrorKind, TokenSource};

/// What has come of a request.
pub(crate) trait Answered {
    fn status(&self) -> u16;
    /// Why it was declined, if it was.
    fn reason(&self) -> String;

    /// Whether a fresh token may make a difference.
    fn may_want_a_token(&self) -> bool {
        self.status() == 401
    }
}

impl Answered for Answer {
    fn status(&self) -> u16 {
        self.status
    }

    fn reason(&self) -> String {
        crate::read_problem(self).messages.join("; ")
    }
}

/// The token of one request, which is replaced at most once.
pub(crate) struct Login<'client> {
    source: Option<&'client TokenSource>,
    token: Option<Arc<Token>>,
    is_fresh: bool,
}

impl<'client> Login<'client> {
    pub(crate) async fn begin(client: &'client Client) -> Result<Self, HttpError> {
        let source = client.token();
        let token = match source {
            Some(source) => Some(source.current(client).await?),
            None => None,
        };
        Ok(Self {
            source,
            token,
            is_fresh: false,
        })
    }

    pub(crate) fn header(&self) -> Option<&HeaderValue> {
        self.token.as_deref().map(Token::header)
    }

    /// The answer, or nothing if the request is to be sent once more with a fresh token.
    pub(crate) async fn settled<T: Answered>(
        &mut self,
        client: &Client,
        url: &Url,
        answer: T,
    ) -> Result<Option<T>, HttpError> {
        let (Some(source), Some(token), true) =
            (self.source, &self.token, answer.may_want_a_token())
        else {
            return Ok(Some(answer));
        };
        let is_said = answer.status() == 401;
        if self.is_fresh && !is_said {
            return Ok(Some(answer));
        }
        if self.is_fresh {
            let (url, reason) = (shown(url), answer.reason());
            let message = format!("{url} answers 401 even with a fresh token: {reason}");
            return Err(HttpError::new(HttpErrorKind::Unauthenticated, message));
        }
        self.token = match source.refreshed(client, token).await {
            // There is no other token, and the answer does not say that this one is to blame.
            Err(error) if !is_said && error.kind == HttpErrorKind::TokenEnded => {
                return Ok(Some(answer));
            }
            token => Some(token?),
        };
        self.is_fresh = true;
        Ok(None)
    }
}
