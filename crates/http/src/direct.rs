//! The short way to a server, for requests that change something.
//!
//! Millions of records are a request each. This way has no layers between a request and its
//! connection: no redirections, no decompression, no proxies. What needs one of those takes the
//! ordinary way, which costs about half as much again. Both ways trust the same certificates and
//! obey the same limits of time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri, header};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use url::Url;

use crate::client::{Body, IDLE_TIMEOUT, USER_AGENT, add_headers};
use crate::error::Cause;
use crate::reading::read;
use crate::{Answer, ClientSettings, HttpError};

/// Connections of the short way, shared by clones.
#[derive(Clone, Debug)]
pub(crate) struct Direct {
    connections: HyperClient<HttpsConnector<HttpConnector>, Full<Bytes>>,
    proxies: Arc<Matcher>,
    timeout: Duration,
}

impl Direct {
    /// None where the settings ask for what only the ordinary way does.
    pub(crate) fn open(settings: &ClientSettings, trust: ClientConfig) -> Option<Self> {
        if settings.http2 || !settings.verify_tls {
            return None;
        }
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(settings.connect_timeout));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(trust)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let connections = HyperClient::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(settings.connections_max)
            .build(connector);
        Some(Self {
            connections,
            proxies: Arc::new(Matcher::from_env()),
            timeout: settings.timeout,
        })
    }

    /// The answer, or none if the request must take the ordinary way: a proxy stands before the
    /// server, or the server sends the caller elsewhere. In neither case was anything changed.
    pub(crate) async fn send(
        &self,
        method: &Method,
        url: &Url,
        (body, authorization): (&Body, Option<&HeaderValue>),
    ) -> Result<Option<Answer>, HttpError> {
        let Ok(uri) = Uri::try_from(url.as_str()) else {
            return Ok(None);
        };
        if self.proxies.intercept(&uri).is_some() {
            return Ok(None);
        }
        let request = request(method, uri, (body, authorization));
        let answer = async {
            let response = self.connections.request(request).await;
            let response = response.map_err(|error| {
                let connecting = error.is_connect();
                HttpError::from_cause(url, &Cause::of(&error, connecting))
            })?;
            let (head, body) = response.into_parts();
            read(head, body, url).await
        };
        let answer = tokio::time::timeout(self.timeout, answer)
            .await
            .map_err(|_elapsed| HttpError::from_cause(url, &Cause::Time))??;
        let elsewhere = matches!(answer.status, 301 | 302 | 303 | 307 | 308);
        Ok((!elsewhere).then_some(answer))
    }
}

fn request(
    method: &Method,
    uri: Uri,
    (body, authorization): (&Body, Option<&HeaderValue>),
) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(body.bytes()));
    *request.method_mut() = method.clone();
    *request.uri_mut() = uri;
    add_headers(request.headers_mut(), body, authorization);
    request.headers_mut().insert(header::USER_AGENT, USER_AGENT);
    request
}
