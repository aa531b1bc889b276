//! The API as typed calls.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use syncline_http::{
    Answer, Body, Client, CredentialsIn, HttpErrorKind, Opened, Pieces, Socket, Streamed,
    TokenSettings, TokenSource, read_problem,
};
use syncline_store::{ErrorKind, Result, StoreError};
use url::Url;

use crate::limits::{Limits, SocketTurn, Turn};
use crate::{Access, RestreamSettings};

/// Where the calls are, below the base.
const REST: [&str; 3] = ["external", "thirdparty", "v1"];
/// Where tokens are, below the base.
const TOKEN: [&str; 2] = ["o", "token"];

/// The API. Clones share connections, token and limits.
#[derive(Clone, Debug)]
pub struct Restream {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    client: Client,
    limits: Limits,
    settings: RestreamSettings,
}

/// Parameters of a call, in the order in which they are sent.
pub(crate) type Parameters = Vec<(String, String)>;

impl Restream {
    /// The API as the settings say. Nothing is asked of it yet.
    pub fn open(settings: RestreamSettings) -> Result<Self> {
        let client = Client::open(&settings.client)?;
        let client = match &settings.access {
            Access::Open => client,
            Access::Token(token) => client.with_token(Arc::new(TokenSource::given(token)?)),
            Access::Client(credentials) => {
                client.with_token(Arc::new(TokenSource::new(TokenSettings {
                    url: below(&settings.base_url, &TOKEN)?,
                    credentials: credentials.clone(),
                    credentials_in: CredentialsIn::Form,
                    scope: None,
                    cache: settings.token_cache.clone(),
                })?))
            }
        };
        Ok(Self {
            shared: Arc::new(Shared {
                client,
                limits: Limits::new(settings.calls_max, settings.turn_wait),
                settings,
            }),
        })
    }

    /// How it is reached.
    pub fn settings(&self) -> &RestreamSettings {
        &self.shared.settings
    }

    /// The URL of a call; every path ends with a slash.
    pub(crate) fn url(&self, path: &[&str], parameters: &Parameters) -> Result<Url> {
        let segments: Vec<&str> = REST.iter().chain(path).copied().collect();
        self.url_at(&segments, parameters)
    }

    /// A URL below the base.
    pub(crate) fn url_at(&self, segments: &[&str], parameters: &Parameters) -> Result<Url> {
        let mut url = below(&self.settings().base_url, segments)?;
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        Ok(url)
    }

    /// What a URL answers, tried again while the service is away.
    pub(crate) async fn get<T: DeserializeOwned>(&self, url: &Url) -> Result<T> {
        let answer = self.answer(Method::GET, url, &Body::Empty).await?;
        parsed(url, &answer.body)
    }

    /// Sends what may be sent again without doing more than once.
    pub(crate) async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        url: &Url,
        body: &impl Serialize,
    ) -> Result<T> {
        let answer = self.answer(method, url, &json(body)?).await?;
        parsed(url, &answer.body)
    }

    /// Deletes.
    pub(crate) async fn delete(&self, url: &Url) -> Result<()> {
        self.answer(Method::DELETE, url, &Body::Empty).await?;
        Ok(())
    }

    /// Sends what makes something new each time: again only if it has certainly not arrived.
    pub(crate) async fn create<T: DeserializeOwned>(
        &self,
        url: &Url,
        body: &impl Serialize,
    ) -> Result<T> {
        let body = json(body)?;
        let shared = &self.shared;
        let attempt = || async {
            let _turn = shared.limits.turn(url).await?;
            match shared.client.send(Method::POST, url, body.clone()).await {
                Ok(answer) if answer.status == 429 => Err(declined(url, &answer)),
                Err(error) if error.kind == HttpErrorKind::Unreachable => Err(error.into()),
                other => Ok(other),
            }
        };
        let answer = shared.settings.retry.run(attempt).await??;
        if !answer.is_success() {
            return Err(declined(url, &answer));
        }
        parsed(url, &answer.body)
    }

    async fn answer(&self, method: Method, url: &Url, body: &Body) -> Result<Answer> {
        let shared = &self.shared;
        let attempt = || async {
            let _turn = shared.limits.turn(url).await?;
            let sent = shared.client.send(method.clone(), url, body.clone());
            let answer = sent.await?;
            if answer.is_success() {
                Ok(answer)
            } else {
                Err(declined(url, &answer))
            }
        };
        shared.settings.retry.run(attempt).await
    }

    /// The turn of a socket at an address, for as long as it is kept open.
    pub(crate) fn socket_turn(&self, url: &Url) -> Result<SocketTurn> {
        self.shared.limits.socket_turn(url)
    }

    /// Opens a socket, once.
    pub(crate) async fn socket(&self, url: &Url) -> Result<Socket> {
        let shared = &self.shared;
        match shared.client.open_socket(url, shared.settings.idle).await? {
            Opened::Socket(socket) => Ok(*socket),
            Opened::Declined(answer) => Err(declined(url, &answer)),
        }
    }

    /// A stream, with its turn among the calls of its kind.
    pub(crate) async fn stream(&self, url: &Url) -> Result<(Turn, Pieces)> {
        let shared = &self.shared;
        let attempt = || async {
            let turn = shared.limits.turn(url).await?;
            let idle = shared.settings.idle;
            match shared.client.open_stream(url, "streaming", idle).await? {
                Streamed::Body(pieces) => Ok((turn, pieces)),
                Streamed::Declined(answer) => Err(declined(url, &answer)),
            }
        };
        shared.settings.retry.run(attempt).await
    }
}

/// A URL some segments below another one.
fn below(base: &Url, segments: &[&str]) -> Result<Url> {
    let mut url = base.clone();
    let Ok(mut path) = url.path_segments_mut() else {
        let message = format!("{base} is no URL of a server");
        return Err(StoreError::new(ErrorKind::Configuration, message));
    };
    path.pop_if_empty().extend(segments).push("");
    drop(path);
    Ok(url)
}

fn json(value: &impl Serialize) -> Result<Body> {
    let text = serde_json::to_vec(value).map_err(|error| {
        StoreError::new(ErrorKind::Local, "a request cannot be written as JSON").with_source(error)
    })?;
    Ok(Body::Json(Bytes::from(text)))
}

fn parsed<T: DeserializeOwned>(url: &Url, body: &[u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|error| odd(url, &error))
}

/// An answer that is not what the service documents.
fn odd(url: &Url, error: &serde_json::Error) -> StoreError {
    let message = format!("{} answers otherwise than documented: {error}", shown(url));
    StoreError::new(ErrorKind::InvalidData, message)
}

/// A URL without its query.
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.into()
}

/// What an answer that is no success amounts to.
fn declined(url: &Url, answer: &Answer) -> StoreError {
    let reason = read_problem(answer).messages.join("; ");
    let (kind, hint) = match answer.status {
        401 => (
            ErrorKind::Denied,
            Some("check `client_id` and `client_secret`"),
        ),
        403 => (
            ErrorKind::Denied,
            Some("the service does not let this client see it: ask its owner"),
        ),
        404 => (
            ErrorKind::NotFound,
            Some("check the number of the site or pad, and the host"),
        ),
        408 | 429 | 500..=599 => (ErrorKind::Unavailable, None),
        _ => (ErrorKind::Configuration, None),
    };
    let message = format!("{} answers {}: {reason}", shown(url), answer.status);
    let error = StoreError {
        retry_after: answer.retry_after(),
        ..StoreError::new(kind, message)
    };
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_end_with_a_slash_wherever_the_service_is() {
        let check = |base: &str, expected: &str| {
            let settings = RestreamSettings::new(Url::parse(base).unwrap());
            let api = Restream::open(settings).unwrap();
            let parameters = vec![("name_search".to_owned(), "Blue Mesa".to_owned())];
            let url = api.url(&["sites", "11"], &parameters).unwrap();
            assert_eq!(url.as_str(), expected);
        };
        let tail = "external/thirdparty/v1/sites/11/?name_search=Blue+Mesa";
        check("https://h.example", &format!("https://h.example/{tail}"));
        check("https://h.example/", &format!("https://h.example/{tail}"));
        check(
            "https://h.example/at/",
            &format!("https://h.example/at/{tail}"),
        );
    }
}
