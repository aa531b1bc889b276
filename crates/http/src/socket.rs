//! Sockets of the web: opened like any other request, with its token, proxies and trust; then
//! messages.
//!
//! A peer that says nothing for a while is asked whether it is still there, and counts as gone if
//! it does not answer.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION};
use http::header::{HeaderMap, HeaderValue, UPGRADE};
use http::{Method, StatusCode};
use reqwest::Upgraded;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use url::Url;

use crate::client::{Body, add_headers, shown};
use crate::error::Cause;
use crate::login::{Answered, Login};
use crate::reading::answer;
use crate::{Answer, Client, HttpError, HttpErrorKind, read_problem};

/// Longest message.
const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// A socket, or an answer that is none and was read to its end.
#[derive(Debug)]
pub enum Opened {
    /// It is open.
    Socket(Box<Socket>),
    /// The server did not open it.
    Declined(Answer),
}

/// An open socket.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<Upgraded>,
    url: Url,
    idle: Duration,
}

/// What is heard at a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A message: its bytes, which are UTF-8 if it is text.
    Message(Bytes),
    /// The server closed the socket, with a code if it gave one.
    Closed(Option<u16>),
}

impl Client {
    /// Opens a socket at a URL of http or https. A server that does not know the token any more
    /// answers 401 or 403; the token is then replaced once.
    pub async fn open_socket(&self, url: &Url, idle: Duration) -> Result<Opened, HttpError> {
        let mut login = Login::begin(self).await?;
        loop {
            self.turn().await;
            let opened = self.shake_hands(url, idle, login.header()).await?;
            if let Some(opened) = login.settled(self, url, opened).await? {
                return Ok(opened);
            }
        }
    }

    async fn shake_hands(
        &self,
        url: &Url,
        idle: Duration,
        authorization: Option<&HeaderValue>,
    ) -> Result<Opened, HttpError> {
        let key = generate_key();
        let mut request = reqwest::Request::new(Method::GET, url.clone());
        add_headers(request.headers_mut(), &Body::Empty, authorization);
        ask_for_socket(request.headers_mut(), &key)?;
        // The time of the whole would end the socket; the handshake is bounded here.
        *request.timeout_mut() = Some(crate::streamed::WHOLE_MAX);
        let sent = tokio::time::timeout(idle, self.inner().execute(request)).await;
        let Ok(sent) = sent else {
            return Err(HttpError::from_cause(url, &Cause::Time));
        };
        let response = sent.map_err(|error| HttpError::from_client(&error))?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(Opened::Declined(answer(Ok(response)).await?));
        }
        let accepted = response.headers().get(SEC_WEBSOCKET_ACCEPT);
        if accepted.is_none_or(|accepted| {
            accepted.as_bytes() != derive_accept_key(key.as_bytes()).as_bytes()
        }) {
            let message = format!("{} does not shake hands as a WebSocket does", shown(url));
            return Err(HttpError::new(HttpErrorKind::Configuration, message));
        }
        let upgraded = response
            .upgrade()
            .await
            .map_err(|error| HttpError::from_client(&error.with_url(url.clone())))?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let stream = WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config)).await;
        Ok(Opened::Socket(Box::new(Socket {
            stream,
            url: url.clone(),
            idle,
        })))
    }
}

fn ask_for_socket(headers: &mut HeaderMap, key: &str) -> Result<(), HttpError> {
    let key = HeaderValue::try_from(key).map_err(|_odd| {
        HttpError::new(
            HttpErrorKind::Configuration,
            "no key for a handshake can be made",
        )
    })?;
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    headers.insert(SEC_WEBSOCKET_KEY, key);
    Ok(())
}

impl Answered for Opened {
    fn status(&self) -> u16 {
        match self {
            Self::Socket(_) => StatusCode::SWITCHING_PROTOCOLS.as_u16(),
            Self::Declined(answer) => answer.status,
        }
    }

    fn reason(&self) -> String {
        match self {
            Self::Socket(_) => String::new(),
            Self::Declined(answer) => read_problem(answer).messages.join("; "),
        }
    }

    fn may_want_a_token(&self) -> bool {
        matches!(self.status(), 401 | 403)
    }
}

impl Socket {
    /// What is heard next. Nothing is lost if the wait is given up.
    pub async fn next(&mut self) -> Result<Heard, HttpError> {
        let mut is_asked = false;
        loop {
            let Ok(heard) = tokio::time::timeout(self.idle, self.stream.next()).await else {
                if is_asked {
                    return Err(HttpError::from_cause(&self.url, &Cause::Time));
                }
                is_asked = true;
                self.say(Message::Ping(Bytes::new())).await?;
                continue;
            };
            match heard {
                None | Some(Err(Error::ConnectionClosed | Error::AlreadyClosed)) => {
                    return Ok(Heard::Closed(None));
                }
                Some(Ok(Message::Text(text))) => return Ok(Heard::Message(text.into())),
                Some(Ok(Message::Binary(bytes))) => return Ok(Heard::Message(bytes)),
                Some(Ok(Message::Close(frame))) => {
                    return Ok(Heard::Closed(frame.map(|frame| frame.code.into())));
                }
                // A sign of life.
                Some(Ok(_)) => is_asked = false,
                Some(Err(error)) => return Err(self.broken(&error)),
            }
        }
    }

    /// Sends a text.
    pub async fn send(&mut self, text: &str) -> Result<(), HttpError> {
        self.say(Message::text(text)).await
    }

    async fn say(&mut self, message: Message) -> Result<(), HttpError> {
        match tokio::time::timeout(self.idle, self.stream.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.broken(&error)),
            Err(_elapsed) => Err(HttpError::from_cause(&self.url, &Cause::Time)),
        }
    }

    fn broken(&self, error: &Error) -> HttpError {
        let url = shown(&self.url);
        match error {
            Error::Capacity(_) => {
                let message = format!("{url} sends a message of more than 16 MB");
                HttpError::new(HttpErrorKind::TooLong, message)
            }
            Error::Io(error) => HttpError::from_cause(&self.url, &Cause::Exchange(error)),
            _ => {
                let message = format!("{url} broke off the socket: {error}");
                HttpError::new(HttpErrorKind::BrokenOff, message)
            }
        }
    }
}
