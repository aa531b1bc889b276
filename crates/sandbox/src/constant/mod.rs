//! An Ed-Fi API that says yes to everything, for measuring clients and not itself.
//!
//! Discovery, metadata and the token are those of the version imitated; every POST to a data path
//! is read to its end and answered 201 with the same `Location` and `ETag`. Nothing is parsed,
//! checked or kept, and no token is looked at. Given a folder of records, it is a source as well:
//! they are all there at change version 1, and stay as they are.

mod pages;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::{Body, HttpBody as _};
use axum::response::Response;
use axum::routing::any;
use axum::serve::ListenerExt as _;
use axum::{Router, extract::Request};
use futures_util::StreamExt as _;
use http::header::{ETAG, LOCATION};
use http::{HeaderValue, Method, StatusCode};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::server::{Metadata, SandboxConfig, SandboxError};
use crate::web::request::parse_query;
use crate::web::respond::json_response;
use crate::web::running::{Running, bind};
use pages::Pages;

/// A running constant-answer server; it stops when dropped.
#[derive(Debug)]
pub struct ConstantServer {
    url: String,
    posts: Arc<AtomicU64>,
    running: Running,
}

/// What every answer is made from.
#[derive(Debug)]
struct Answers {
    metadata: Metadata,
    data_prefix: String,
    location: HeaderValue,
    tag: HeaderValue,
    lifetime_seconds: u64,
    posts: Arc<AtomicU64>,
    pages: Option<Pages>,
}

impl ConstantServer {
    /// Starts a server; of the configuration it heeds address, version, route and model.
    pub async fn start(config: SandboxConfig) -> Result<Self, SandboxError> {
        Self::start_with(config, None).await
    }

    /// Starts a server that has the records of the JSONL files of a folder, too.
    #[expect(
        clippy::unused_async,
        reason = "a server needs a runtime from its start on, and starting may come to wait"
    )]
    pub async fn start_with(
        config: SandboxConfig,
        records: Option<&Path>,
    ) -> Result<Self, SandboxError> {
        let pages = records.map(Pages::read).transpose()?;
        let (listener, address) = bind(config.listen)?;
        let url = format!("http://{address}");
        let posts = Arc::new(AtomicU64::new(0));
        let answers = Arc::new(Answers {
            pages,
            ..Answers::new(config, &url, Arc::clone(&posts))
        });
        let handler = move |request: Request| {
            let answers = Arc::clone(&answers);
            async move { answers.respond(request).await }
        };
        let listener = listener.tap_io(|stream| {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "cannot set TCP_NODELAY");
            }
        });
        let router = Router::new().fallback_service(any(handler));
        let running = Running::spawn(address, CancellationToken::new(), |stopped| {
            axum::serve(listener, router)
                .with_graceful_shutdown(stopped.cancelled_owned())
                .into_future()
        });
        Ok(Self {
            url,
            posts,
            running,
        })
    }

    /// Base URL, where the discovery document is; no slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.running.address()
    }

    /// Data requests answered so far.
    pub fn posts(&self) -> u64 {
        self.posts.load(Ordering::Relaxed)
    }

    /// Stops taking requests and waits for those under way, for at most two seconds.
    pub async fn stop(self) {
        self.running.stop().await;
    }
}

impl Answers {
    fn new(config: SandboxConfig, base: &str, posts: Arc<AtomicU64>) -> Self {
        let lifetime_seconds = config.token_lifetime.as_secs();
        let metadata = Metadata::new(config, base);
        let data_prefix = format!("{}/", metadata.data_path());
        let location = format!("{base}{data_prefix}ed-fi/items/{:032x}", 1);
        let header = |text: &str| {
            HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
        };
        Self {
            data_prefix,
            location: header(&location),
            tag: header("\"5250159352800270276\""),
            lifetime_seconds,
            metadata,
            posts,
            pages: None,
        }
    }

    async fn respond(&self, request: Request) -> Response {
        let Some(path) = request.uri().path().strip_prefix(&self.data_prefix) else {
            return self.metadata_or_token(&request);
        };
        if let (&Method::GET, Some(pages)) = (request.method(), &self.pages) {
            return pages.respond(path, &parse_query(request.uri()));
        }
        let is_post = request.method() == Method::POST;
        drain(request.into_body()).await;
        let mut response = Response::new(Body::empty());
        if is_post {
            self.posts.fetch_add(1, Ordering::Relaxed);
            *response.status_mut() = StatusCode::CREATED;
            response
                .headers_mut()
                .insert(LOCATION, self.location.clone());
            response.headers_mut().insert(ETAG, self.tag.clone());
        } else {
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        }
        response
    }

    fn metadata_or_token(&self, request: &Request) -> Response {
        if self.metadata.is_token(request.uri().path()) {
            let token = json!({
                "access_token": format!("{:032x}", 1),
                "expires_in": self.lifetime_seconds,
                "token_type": "bearer",
            });
            return json_response(StatusCode::OK, &token);
        }
        if self.pages.is_some() && self.metadata.asks_for_change_versions(request.uri().path()) {
            let newest = pages::CHANGE_VERSION;
            let versions = json!({"oldestChangeVersion": 0, "newestChangeVersion": newest});
            return json_response(StatusCode::OK, &versions);
        }
        self.metadata
            .respond(request.method(), request.uri(), request.headers())
    }
}

/// Reads a body to its end without keeping it.
async fn drain(body: Body) {
    if body.is_end_stream() {
        return;
    }
    let mut chunks = body.into_data_stream();
    while let Some(Ok(_)) = chunks.next().await {}
}
