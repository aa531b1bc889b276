//! Logging in: the token endpoint, introspection, and the check of every other request.
//!
//! Tokens live in memory only and are never logged.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CACHE_CONTROL};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::problem::Problem;
use super::respond::{json_response, media_type};
use super::service::Service;
use crate::faults::mix;

/// The tokens given out and not yet expired.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    live: BTreeMap<String, Instant>,
    issued: u64,
}

impl Tokens {
    /// Gives out a token, or nothing when the client has its fill.
    fn issue(&mut self, salt: u64, lifetime: Duration, limit: Option<usize>) -> Option<String> {
        let now = Instant::now();
        self.live.retain(|_, expiry| *expiry > now);
        if limit.is_some_and(|limit| self.live.len() >= limit) {
            return None;
        }
        self.issued += 1;
        let token = format!(
            "{:016x}{:016x}",
            mix(salt ^ self.issued),
            mix(mix(salt) ^ self.issued)
        );
        self.live.insert(token.clone(), now + lifetime);
        Some(token)
    }

    fn is_live(&self, token: &str) -> bool {
        self.live
            .get(token)
            .is_some_and(|expiry| *expiry > Instant::now())
    }

    /// Ends every token at once.
    pub(crate) fn expire(&mut self) {
        self.live.clear();
    }
}

/// An OAuth error: status and code.
type Refusal = (StatusCode, &'static str);

const INVALID_REQUEST: Refusal = (StatusCode::BAD_REQUEST, "invalid_request");
const INVALID_CLIENT: Refusal = (StatusCode::BAD_REQUEST, "invalid_client");
const UNKNOWN_CLIENT: Refusal = (StatusCode::UNAUTHORIZED, "invalid_client");
const NO_CLIENT: Refusal = (StatusCode::UNAUTHORIZED, "invalid_request");
const WRONG_GRANT: Refusal = (StatusCode::BAD_REQUEST, "unsupported_grant_type");
const WRONG_SCOPE: Refusal = (StatusCode::BAD_REQUEST, "invalid_scope");

/// Answers a request for a token.
pub(crate) fn token(
    service: &Service,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response, Problem> {
    let fields = fields(headers, body)?;
    let api = service.metadata.config.api;
    if api.is_dms() && !has_basic(headers) {
        return Err(Problem::bad_request("Malformed Authorization header"));
    }
    match grant(service, headers, &fields) {
        Ok(()) => {}
        Err((StatusCode::UNAUTHORIZED, _)) if api.is_dms() => return Err(Problem::unauthorized()),
        Err((status, code)) => return Ok(json_response(status, &json!({"error": code}))),
    }
    let lifetime = service.metadata.config.token_lifetime;
    let token = service
        .tokens()
        .issue(service.salt, lifetime, api.token_limit());
    let token = token.ok_or_else(Problem::too_many_tokens)?;
    let answer = json!({
        "access_token": token,
        "expires_in": lifetime.as_secs(),
        "token_type": "bearer",
    });
    let mut response = json_response(StatusCode::OK, &answer);
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn grant(
    service: &Service,
    headers: &HeaderMap,
    fields: &BTreeMap<String, String>,
) -> Result<(), Refusal> {
    let field = |name: &str| {
        fields
            .get(name)
            .map(String::as_str)
            .filter(|text| !text.is_empty())
    };
    let basic = headers
        .get(AUTHORIZATION)
        .map(basic_credentials)
        .transpose()?;
    let posted = (field("client_id"), field("client_secret"));
    if basic.is_some() && posted != (None, None) {
        return Err(INVALID_CLIENT);
    }
    if !field("grant_type").is_some_and(|grant| grant.eq_ignore_ascii_case("client_credentials")) {
        return Err(WRONG_GRANT);
    }
    let (id, secret) = match (&basic, posted) {
        (Some((id, secret)), _) if !id.is_empty() && !secret.is_empty() => {
            (id.as_str(), secret.as_str())
        }
        (None, (Some(id), Some(secret))) => (id, secret),
        _ => return Err(NO_CLIENT),
    };
    if id != service.metadata.config.client_id || secret != service.metadata.config.client_secret {
        return Err(UNKNOWN_CLIENT);
    }
    match field("scope") {
        Some(_) if !service.metadata.config.api.is_dms() => Err(WRONG_SCOPE),
        _ => Ok(()),
    }
}

fn basic_credentials(header: &HeaderValue) -> Result<(String, String), Refusal> {
    let text = header.to_str().ok().ok_or(INVALID_REQUEST)?;
    let words: Vec<&str> = text.split_whitespace().collect();
    let [scheme, value] = words.as_slice() else {
        return Err(INVALID_REQUEST);
    };
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(UNKNOWN_CLIENT);
    }
    let decoded = STANDARD.decode(value).ok().ok_or(INVALID_REQUEST)?;
    let decoded = String::from_utf8(decoded).ok().ok_or(INVALID_REQUEST)?;
    let parts: Vec<&str> = decoded.split(':').collect();
    let [id, secret] = parts.as_slice() else {
        return Err(INVALID_CLIENT);
    };
    Ok(((*id).to_owned(), (*secret).to_owned()))
}

fn has_basic(headers: &HeaderMap) -> bool {
    headers
        .get(AUTHORIZATION)
        .is_some_and(|header| basic_credentials(header).is_ok())
}

/// The members of a form or JSON body under lower-case names.
fn fields(headers: &HeaderMap, body: &[u8]) -> Result<BTreeMap<String, String>, Problem> {
    let lower = |(name, value): (&str, &str)| (name.to_ascii_lowercase(), value.to_owned());
    match media_type(headers).as_deref() {
        Some("application/x-www-form-urlencoded") => {
            let pairs = url::form_urlencoded::parse(body);
            Ok(pairs.map(|(name, value)| lower((&name, &value))).collect())
        }
        Some("application/json") => {
            let members: Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
            let text = |(name, value): (&String, &Value)| Some(lower((name, value.as_str()?)));
            Ok(members.iter().filter_map(text).collect())
        }
        None => Err(Problem::media_type("The 'Content-Type' header is missing.")),
        Some(_) => Err(Problem::media_type(
            "The specified 'Content-Type' is not supported.",
        )),
    }
}

/// Lets a request with a live bearer token pass; gives the token.
pub(crate) fn check<'a>(service: &Service, headers: &'a HeaderMap) -> Result<&'a str, Problem> {
    let header = headers
        .get(AUTHORIZATION)
        .ok_or_else(|| Problem::authentication("Authorization header is missing."))?;
    let invalid = || Problem::authentication("Invalid Authorization header.");
    let text = header.to_str().ok().ok_or_else(invalid)?;
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Problem::authentication(
            "Unknown Authorization header scheme.",
        ));
    }
    let token = token.trim();
    if token.is_empty() {
        return Err(Problem::authentication(
            "Missing Authorization header bearer token value.",
        ));
    }
    let live = service.tokens().is_live(token);
    live.then_some(token)
        .ok_or_else(|| Problem::authentication("Invalid token"))
}

/// Answers what a token may do.
pub(crate) fn token_info(
    service: &Service,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response, Problem> {
    let bearer = check(service, headers)?;
    let fields = fields(headers, body)?;
    let token = fields.get("token").map(String::as_str).unwrap_or_default();
    if token.len() != 32 || !token.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Problem::bad_request_detail("An invalid token was provided"));
    }
    if token != bearer {
        let detail = "The authentication token and the token to inspect must match.";
        return Err(Problem::bad_request_detail(detail));
    }
    let mut answer = json!({
        "active": true,
        "client_id": service.metadata.config.client_id,
        "namespace_prefixes": ["uri://"],
        "education_organizations": [],
        "student_identification_system": null,
        "assigned_profiles": [],
    });
    if !service.metadata.config.api.has_mode() {
        let operations = ["Create", "Read", "Update", "Delete"];
        let entry = |path: &str| json!({"resource": format!("/{path}"), "operations": operations});
        let endpoints = service.catalog.endpoints().iter();
        answer["claim_set"] = json!({"name": "Ed-Fi Sandbox"});
        answer["resources"] = endpoints.map(|endpoint| entry(&endpoint.path)).collect();
        answer["services"] = json!([]);
    }
    Ok(json_response(StatusCode::OK, &answer))
}
