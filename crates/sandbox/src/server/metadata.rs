//! Metadata: the list of documents, the OpenAPI documents, the load order.
//!
//! Each document is rendered at its first request and kept.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::response::Response;
use http::header::{ACCEPT, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::{Value, json};

use super::config::{ApiVersion, SandboxConfig};
use super::discovery;
use super::paths::{ChangeQuery, Paths, Route};
use super::problem::Problem;
use crate::schema::render::{self, Part, Style};
use crate::web::request::parse_query;
use crate::web::respond::{header, json_response, json_text, set_header, with_status};

/// Which document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Document {
    Resources { swagger: bool },
    Descriptors { swagger: bool },
    Dependencies,
    DependenciesGraph,
}

/// Documents rendered so far.
#[derive(Debug, Default)]
struct Documents(Mutex<HashMap<Document, Arc<str>>>);

impl Documents {
    fn get(&self, document: Document, config: &SandboxConfig, paths: &Paths) -> Arc<str> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = known.entry(document);
        Arc::clone(entry.or_insert_with(|| render_document(document, config, paths).into()))
    }

    /// Answers with a document, or with 304 when the client has it.
    fn respond(
        &self,
        document: Document,
        headers: &HeaderMap,
        config: &SandboxConfig,
        paths: &Paths,
    ) -> Response {
        let text = self.get(document, config, paths);
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let tag = format!("\"{:016x}\"", hasher.finish());
        let known = header(headers, IF_NONE_MATCH.as_str()).is_some_and(|value| value == tag);
        let mut response = if known {
            with_status(StatusCode::NOT_MODIFIED)
        } else {
            json_text(StatusCode::OK, text.as_ref().to_owned())
        };
        if document == Document::DependenciesGraph && !known {
            set_header(&mut response, CONTENT_TYPE, "application/graphml");
        }
        set_header(&mut response, ETAG, &tag);
        response
    }
}

/// Whether a client asks for Swagger 2.0, which versions before 7.0 serve always.
fn is_swagger(api: ApiVersion, query: &[(String, String)]) -> bool {
    let asked = query
        .iter()
        .any(|(name, value)| name == "version" && value == "2");
    api.has_mode() || (asked && !api.is_dms())
}

/// Which form of the load order a client asks for.
fn dependencies_form(headers: &HeaderMap) -> Document {
    let graph = header(headers, ACCEPT.as_str()).is_some_and(|value| value.contains("graphml"));
    if graph {
        Document::DependenciesGraph
    } else {
        Document::Dependencies
    }
}

fn render_document(document: Document, config: &SandboxConfig, paths: &Paths) -> String {
    let server = format!("{}{}", paths.base, paths.data);
    let token = format!("{}{}", paths.base, paths.oauth);
    let openapi = |part, swagger| {
        let style = if swagger {
            Style::Swagger2
        } else {
            Style::OpenApi3
        };
        render::openapi(&config.model, part, style, &server, &token).to_string()
    };
    match document {
        Document::Resources { swagger } => openapi(Part::Resources, swagger),
        Document::Descriptors { swagger } => openapi(Part::Descriptors, swagger),
        Document::Dependencies => render::dependencies(&config.model).to_string(),
        Document::DependenciesGraph => render::dependencies_graphml(&config.model),
    }
}

/// The list of documents.
fn listing(paths: &Paths) -> Response {
    let entry = |name: &str, path: &str| json!({"name": name, "endpointUri": format!("{}{path}", paths.base), "prefix": ""});
    let list: Value = json!([
        entry("Resources", &paths.resources),
        entry("Descriptors", &paths.descriptors)
    ]);
    json_response(StatusCode::OK, &list)
}

/// What the Data Management Service answers above its list of documents.
fn specifications(paths: &Paths, api: ApiVersion) -> Response {
    let url = |path: &str| format!("{}{path}", paths.base);
    let index = json!({
        "dependencies": url(&paths.dependencies),
        "specifications": url(&paths.listing(api)),
        "xsdMetadata": url(&paths.xsd),
    });
    json_response(StatusCode::OK, &index)
}

/// The part of a server that needs no data: discovery, metadata, the load order.
#[derive(Debug)]
pub(crate) struct Metadata {
    pub(crate) config: SandboxConfig,
    pub(crate) paths: Paths,
    documents: Documents,
}

impl Metadata {
    /// The metadata of a server reached at `base`.
    pub(crate) fn new(config: SandboxConfig, base: &str) -> Self {
        let paths = Paths::new(base, &config);
        Self {
            config,
            paths,
            documents: Documents::default(),
        }
    }

    /// Path below which the data is.
    pub(crate) fn data_path(&self) -> &str {
        &self.paths.data
    }

    /// Whether a path is that of the token endpoint.
    pub(crate) fn is_token(&self, path: &str) -> bool {
        self.paths.route(path, self.config.api) == Route::Token
    }

    /// Whether a path is that of the newest change version.
    pub(crate) fn asks_for_change_versions(&self, path: &str) -> bool {
        let asked = Route::ChangeQueries(ChangeQuery::AvailableChangeVersions);
        self.paths.route(path, self.config.api) == asked
    }

    /// Answers a request outside data and login.
    pub(crate) fn respond(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Response {
        let route = self.paths.route(uri.path(), self.config.api);
        let query = parse_query(uri);
        let answer = self.answer(&route, method, &query, headers);
        answer.unwrap_or_else(|problem| problem.respond(self.config.api, ""))
    }

    /// The answer to a route outside data and login.
    pub(crate) fn answer(
        &self,
        route: &Route,
        method: &Method,
        query: &[(String, String)],
        headers: &HeaderMap,
    ) -> Result<Response, Problem> {
        let (config, paths) = (&self.config, &self.paths);
        if *route == Route::Unknown || matches!(route, Route::Data { .. }) {
            return Err(Problem::no_endpoint());
        }
        if *method != Method::GET {
            return Err(Problem::method(unsupported(method)));
        }
        let swagger = is_swagger(config.api, query);
        let document = |document| Ok(self.documents.respond(document, headers, config, paths));
        match route {
            Route::Discovery { filled } => {
                let body = discovery::document(config, paths, *filled);
                Ok(json_response(StatusCode::OK, &body))
            }
            Route::Health => Ok(health()),
            Route::Listing => Ok(listing(paths)),
            Route::Specifications => Ok(specifications(paths, config.api)),
            Route::Resources => document(Document::Resources { swagger }),
            Route::Descriptors => document(Document::Descriptors { swagger }),
            Route::Dependencies => document(dependencies_form(headers)),
            _ => Err(Problem::no_endpoint()),
        }
    }
}

/// The text about a method that an endpoint does not know.
pub(crate) fn unsupported(method: &Method) -> String {
    format!("The endpoint of the request does not support the '{method}' method.")
}

fn health() -> Response {
    let mut response = with_status(StatusCode::OK);
    *response.body_mut() = Body::from("Healthy");
    set_header(&mut response, CONTENT_TYPE, "text/plain");
    response
}
