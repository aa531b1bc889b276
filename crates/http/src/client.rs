//! The client: one connection pool, one token, bounded bodies.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Method, header};
use reqwest::redirect;
use url::Url;

use crate::{Answer, HttpError, HttpErrorKind, TokenSource};

/// Longest body of an ordinary answer.
const BODY_BYTES_MAX: usize = 256 << 20;
/// How many redirections are followed.
const REDIRECTS_MAX: usize = 5;
/// Idle connections are dropped before most servers and balancers do so.
const IDLE_TIMEOUT: Duration = Duration::from_secs(55);

/// How connections are made.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// Longest time to connect.
    pub connect_timeout: Duration,
    /// Longest time for a whole request, from sending to the last byte of the answer.
    pub timeout: Duration,
    /// Whether server certificates must be trusted.
    pub verify_tls: bool,
    /// A file of further trusted authorities, PEM.
    pub ca_file: Option<PathBuf>,
    /// Most connections kept open.
    pub connections_max: usize,
    /// Whether HTTP/2 may be used.
    pub http2: bool,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(15),
            timeout: Duration::from_mins(1),
            verify_tls: true,
            ca_file: None,
            connections_max: 8,
            http2: false,
        }
    }
}

/// What a request carries.
#[derive(Clone, Debug)]
pub enum Body {
    /// Nothing.
    Empty,
    /// JSON text, sent as it is.
    Json(Bytes),
}

/// An HTTP client. Clones share connections and token.
#[derive(Clone, Debug)]
pub struct Client {
    inner: reqwest::Client,
    token: Option<Arc<TokenSource>>,
}

impl Client {
    /// A client without credentials.
    pub fn open(settings: &ClientSettings) -> Result<Self, HttpError> {
        // Another part of the process may have installed the same provider already.
        let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .connect_timeout(settings.connect_timeout)
            .timeout(settings.timeout)
            .pool_max_idle_per_host(settings.connections_max)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .redirect(redirect::Policy::custom(follow_if_safe))
            .tcp_nodelay(true)
            .user_agent(concat!("syncline/", env!("CARGO_PKG_VERSION")))
            .tls_danger_accept_invalid_certs(!settings.verify_tls);
        if !settings.http2 {
            builder = builder.http1_only();
        }
        if let Some(path) = &settings.ca_file {
            builder = builder.tls_certs_merge(read_authorities(path)?);
        }
        let inner = builder
            .build()
            .map_err(|error| HttpError::from_client(&error))?;
        Ok(Self { inner, token: None })
    }

    /// The same client, sending the token of a source with every request.
    pub fn with_token(&self, token: Arc<TokenSource>) -> Self {
        Self {
            inner: self.inner.clone(),
            token: Some(token),
        }
    }

    /// GET, as JSON.
    pub async fn get(&self, url: &Url) -> Result<Answer, HttpError> {
        self.send(Method::GET, url.clone(), Body::Empty).await
    }

    /// GET of another representation than JSON, without a token.
    pub async fn get_as(&self, url: &Url, media_type: &'static str) -> Result<Answer, HttpError> {
        let request = self
            .inner
            .get(url.clone())
            .header(header::ACCEPT, media_type);
        read(
            request
                .send()
                .await
                .map_err(|error| HttpError::from_client(&error))?,
        )
        .await
    }

    /// Sends a request. With a token source, a 401 is answered by fetching a token once and
    /// sending the request once more; a second 401 is an error, never a loop.
    pub async fn send(&self, method: Method, url: Url, body: Body) -> Result<Answer, HttpError> {
        let Some(source) = &self.token else {
            return self.send_once(method, url, body, None).await;
        };
        let token = source.current(self).await?;
        let first = self
            .send_once(
                method.clone(),
                url.clone(),
                body.clone(),
                Some(token.header()),
            )
            .await?;
        if first.status != 401 {
            return Ok(first);
        }
        let fresh = source.refreshed(self, &token).await?;
        let second = self
            .send_once(method, url.clone(), body, Some(fresh.header()))
            .await?;
        if second.status == 401 {
            return Err(HttpError::new(
                HttpErrorKind::Unauthenticated,
                format!(
                    "{} answers 401 even with a fresh token: {}",
                    shown(&url),
                    crate::read_problem(&second).messages.join("; ")
                ),
            ));
        }
        Ok(second)
    }

    /// Posts a form with basic credentials, outside the token's own use.
    pub(crate) async fn post_form(
        &self,
        url: &Url,
        authorization: HeaderValue,
        form: &'static str,
    ) -> Result<Answer, HttpError> {
        let request = self
            .inner
            .post(url.clone())
            .header(header::AUTHORIZATION, authorization)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .body(form);
        read(
            request
                .send()
                .await
                .map_err(|error| HttpError::from_client(&error))?,
        )
        .await
    }

    async fn send_once(
        &self,
        method: Method,
        url: Url,
        body: Body,
        authorization: Option<HeaderValue>,
    ) -> Result<Answer, HttpError> {
        let mut request = reqwest::Request::new(method, url);
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(authorization) = authorization {
            headers.insert(header::AUTHORIZATION, authorization);
        }
        if let Body::Json(bytes) = body {
            headers.insert(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            );
            *request.body_mut() = Some(bytes.into());
        }
        let response = self
            .inner
            .execute(request)
            .await
            .map_err(|error| HttpError::from_client(&error))?;
        read(response).await
    }
}

/// Reads an answer to its end, so that its connection can be used again.
async fn read(mut response: reqwest::Response) -> Result<Answer, HttpError> {
    let status = response.status().as_u16();
    let headers = std::mem::take(response.headers_mut());
    let mut whole = Bytes::new();
    let mut pieces: Option<BytesMut> = None;
    while let Some(piece) = response
        .chunk()
        .await
        .map_err(|error| HttpError::from_client(&error))?
    {
        if whole.is_empty() && pieces.is_none() {
            whole = piece;
            continue;
        }
        let joined = pieces.get_or_insert_with(|| BytesMut::from(&whole[..]));
        joined.extend_from_slice(&piece);
        if joined.len() > BODY_BYTES_MAX {
            let message = format!(
                "{} answers with more than {} MB",
                shown(response.url()),
                BODY_BYTES_MAX >> 20
            );
            return Err(HttpError::new(HttpErrorKind::TooLong, message));
        }
    }
    let body = pieces.map_or(whole, BytesMut::freeze);
    Ok(Answer {
        status,
        headers,
        body,
    })
}

/// A URL fit to be shown: without user information and query, which may hold personal data.
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // A URL that cannot have user information has none to remove.
    let _username = url.set_username("");
    let _password = url.set_password(None);
    url.into()
}

/// Redirections are followed a few times, and never from https to http.
fn follow_if_safe(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let downgrade = attempt.url().scheme() == "http"
        && attempt.previous().iter().any(|url| url.scheme() == "https");
    if downgrade {
        return attempt.error("from https to http");
    }
    if attempt.previous().len() > REDIRECTS_MAX {
        return attempt.error("too often");
    }
    attempt.follow()
}

fn read_authorities(path: &PathBuf) -> Result<Vec<reqwest::Certificate>, HttpError> {
    let problem = |error: String| HttpError::new(HttpErrorKind::Configuration, error);
    let pem = fs_err::read(path).map_err(|error| problem(error.to_string()))?;
    match reqwest::Certificate::from_pem_bundle(&pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(problem(format!(
            "{} holds no PEM certificates",
            path.display()
        ))),
    }
}
