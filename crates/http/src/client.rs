//! The client: one connection pool, one token, bounded bodies.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use reqwest::redirect;
use rustls::ClientConfig;
use url::Url;

use crate::direct::Direct;
use crate::login::Login;
use crate::pace::Pace;
use crate::reading::answer;
use crate::{Answer, ClientSettings, HttpError, Streamed, TokenSource, trust};

/// How many redirections are followed.
const REDIRECTS_MAX: usize = 5;
/// Idle connections are dropped before most servers and balancers do so.
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_secs(55);
/// Who asks.
pub(crate) const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("syncline/", env!("CARGO_PKG_VERSION")));
/// What is sent and asked for.
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What a request carries.
#[derive(Clone, Debug)]
pub enum Body {
    /// Nothing.
    Empty,
    /// JSON text, sent as it is.
    Json(Bytes),
    /// JSON text of a media type of its own, sent as it is.
    Typed(HeaderValue, Bytes),
}

impl Body {
    /// What is sent.
    pub(crate) fn bytes(&self) -> Bytes {
        match self {
            Self::Empty => Bytes::new(),
            Self::Json(bytes) | Self::Typed(_, bytes) => bytes.clone(),
        }
    }

    fn media_type(&self) -> Option<HeaderValue> {
        match self {
            Self::Empty => None,
            Self::Json(_) => Some(JSON),
            Self::Typed(media_type, _) => Some(media_type.clone()),
        }
    }
}

/// An HTTP client. Clones share connections and token.
#[derive(Clone, Debug)]
pub struct Client {
    inner: reqwest::Client,
    direct: Option<Direct>,
    pace: Option<Arc<Pace>>,
    token: Option<Arc<TokenSource>>,
    /// Sent with every GET besides the usual ones.
    headers: HeaderMap,
    /// The tag that a record must still have for it to be written.
    tag: Option<HeaderValue>,
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
            .user_agent(USER_AGENT);
        if !settings.http2 {
            builder = builder.http1_only();
        }
        let trust = trust::config(settings)?;
        builder = if settings.verify_tls {
            builder.tls_backend_preconfigured(with_versions(&trust, settings.http2))
        } else {
            builder.tls_danger_accept_invalid_certs(true)
        };
        let inner = builder
            .build()
            .map_err(|error| HttpError::from_client(&error))?;
        Ok(Self {
            inner,
            direct: Direct::open(settings, trust),
            pace: settings
                .requests_per_second
                .map(|most| Arc::new(Pace::new(most))),
            token: None,
            headers: HeaderMap::new(),
            tag: None,
        })
    }

    /// The same client, sending the token of a source with every request.
    pub fn with_token(&self, token: Arc<TokenSource>) -> Self {
        Self {
            token: Some(token),
            ..self.clone()
        }
    }

    /// The same client, sending a header with every GET of JSON.
    pub fn with_header(&self, name: HeaderName, value: HeaderValue) -> Self {
        let mut client = self.clone();
        client.headers.insert(name, value);
        client
    }

    /// The same client, which writes only what still has a tag (`If-Match`).
    pub fn held_to(&self, tag: HeaderValue) -> Self {
        Self {
            tag: Some(tag),
            ..self.clone()
        }
    }

    /// GET, as JSON.
    pub async fn get(&self, url: &Url) -> Result<Answer, HttpError> {
        self.send(Method::GET, url, Body::Empty).await
    }

    /// GET of another representation than JSON, without a token.
    pub async fn get_as(&self, url: &Url, media_type: &'static str) -> Result<Answer, HttpError> {
        let request = self
            .inner
            .get(url.clone())
            .header(header::ACCEPT, media_type);
        self.turn().await;
        answer(request.send().await).await
    }

    /// Sends a request. With a token source, a 401 is answered by fetching a token once and
    /// sending the request once more; a second 401 is an error, never a loop.
    pub async fn send(&self, method: Method, url: &Url, body: Body) -> Result<Answer, HttpError> {
        let mut login = Login::begin(self).await?;
        loop {
            let answer = self.send_once(&method, url, &body, login.header()).await?;
            if let Some(answer) = login.settled(self, url, answer).await? {
                return Ok(answer);
            }
        }
    }

    /// GET of an answer that is handed on while it arrives. Every wait for a next piece may last
    /// for `idle`, however long the whole takes. Tokens are treated as by [`Client::send`].
    pub async fn open_stream(
        &self,
        url: &Url,
        prefer: &'static str,
        idle: Duration,
    ) -> Result<Streamed, HttpError> {
        let mut login = Login::begin(self).await?;
        loop {
            self.turn().await;
            let mut request = reqwest::Request::new(Method::GET, url.clone());
            add_headers(request.headers_mut(), &Body::Empty, login.header());
            request.headers_mut().extend(self.headers.clone());
            let prefer = HeaderValue::from_static(prefer);
            request.headers_mut().insert("prefer", prefer);
            let streamed = Streamed::open(&self.inner, request, idle).await?;
            if let Some(streamed) = login.settled(self, url, streamed).await? {
                return Ok(streamed);
            }
        }
    }

    /// Sends a request that was made and signed elsewhere, with its headers as they are.
    pub async fn exchange(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Answer, HttpError> {
        let mut request = reqwest::Request::new(method, url.clone());
        *request.headers_mut() = headers;
        *request.body_mut() = Some(body.into());
        self.turn().await;
        answer(self.inner.execute(request).await).await
    }

    /// Posts a form, with basic credentials where they are given, outside the token's own use.
    pub(crate) async fn post_form(
        &self,
        url: &Url,
        authorization: Option<HeaderValue>,
        form: String,
    ) -> Result<Answer, HttpError> {
        let mut request = self
            .inner
            .post(url.clone())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .body(form);
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        self.turn().await;
        answer(request.send().await).await
    }

    pub(crate) fn token(&self) -> Option<&TokenSource> {
        self.token.as_deref()
    }

    pub(crate) const fn inner(&self) -> &reqwest::Client {
        &self.inner
    }

    /// Waits until a request may leave.
    pub(crate) async fn turn(&self) {
        if let Some(pace) = &self.pace {
            pace.turn().await;
        }
    }

    async fn send_once(
        &self,
        method: &Method,
        url: &Url,
        body: &Body,
        authorization: Option<&HeaderValue>,
    ) -> Result<Answer, HttpError> {
        self.turn().await;
        let is_plain = method != Method::GET && self.tag.is_none();
        if let (Some(direct), true) = (&self.direct, is_plain)
            && let Some(answer) = direct.send(method, url, (body, authorization)).await?
        {
            return Ok(answer);
        }
        let mut request = reqwest::Request::new(method.clone(), url.clone());
        add_headers(request.headers_mut(), body, authorization);
        if method == Method::GET {
            request.headers_mut().extend(self.headers.clone());
        } else if let Some(tag) = &self.tag {
            request.headers_mut().insert(header::IF_MATCH, tag.clone());
        }
        if !matches!(body, Body::Empty) {
            *request.body_mut() = Some(body.bytes().into());
        }
        answer(self.inner.execute(request).await).await
    }
}

/// Which versions of HTTP are offered to a server.
fn with_versions(trust: &ClientConfig, http2: bool) -> ClientConfig {
    let mut trust = trust.clone();
    let versions: &[&[u8]] = if http2 {
        &[b"h2", b"http/1.1"]
    } else {
        &[b"http/1.1"]
    };
    trust.alpn_protocols = versions.iter().map(|version| version.to_vec()).collect();
    trust
}

/// What every request says of itself.
pub(crate) fn add_headers(
    headers: &mut HeaderMap,
    body: &Body,
    authorization: Option<&HeaderValue>,
) {
    headers.insert(header::ACCEPT, JSON);
    if let Some(media_type) = body.media_type() {
        headers.insert(header::CONTENT_TYPE, media_type);
    }
    if let Some(authorization) = authorization {
        headers.insert(header::AUTHORIZATION, authorization.clone());
    }
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
