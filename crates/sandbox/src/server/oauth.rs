//! Logging in: the token endpoint, introspection, and the check of every other request.
//!
//! Tokens live in memory only and are never logged.

use std::collections::BTreeMap;

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CACHE_CONTROL};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::access::Caller;
use super::problem::Problem;
use super::service::Service;
use crate::faults::mix;
use crate::web::respond::{json_response, media_type};

/// A token given out.
#[derive(Clone, Debug)]
struct Live {
    expiry: Instant,
    caller: Caller,
}

/// The tokens given out and not yet expired.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    live: BTreeMap<String, Live>,
    issued: u64,
}

impl Tokens {
    /// Gives out a token, or nothing when the client has its fill.
    fn issue(&mut self, service: &Service, caller: Caller) -> Option<String> {
        let lifetime = service.metadata.config.token_lifetime;
        let (salt, now) = (service.salt, Instant::now());
        self.live.retain(|_, live| live.expiry > now);
        let same = |live: &&Live| live.caller.client.client_id == caller.client.client_id;
        let held = self.live.values().filter(same).count();
        if service
            .api()
            .token_limit()
            .is_some_and(|limit| held >= limit)
        {
            return None;
        }
        self.issued += 1;
        let token = format!(
            "{:016x}{:016x}",
            mix(salt ^ self.issued),
            mix(mix(salt) ^ self.issued)
        );
        let expiry = now + lifetime;
        self.live.insert(token.clone(), Live { expiry, caller });
        Some(token)
    }

    fn caller(&self, token: &str) -> Option<&Caller> {
        let live = self.live.get(token)?;
        (live.expiry > Instant::now()).then_some(&live.caller)
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
    let caller = match grant(service, headers, &fields) {
        Ok(caller) => caller,
        Err((StatusCode::UNAUTHORIZED, _)) if api.is_dms() => return Err(Problem::unauthorized()),
        Err((status, code)) => return Ok(json_response(status, &json!({"error": code}))),
    };
    let token = service.tokens().issue(service, caller);
    let token = token.ok_or_else(Problem::too_many_tokens)?;
    let mut answer = json!({
        "access_token": token,
        "expires_in": service.metadata.config.token_lifetime.as_secs(),
        "token_type": "bearer",
    });
    if let Some(scope) = fields.get("scope").filter(|scope| !scope.is_empty()) {
        answer["scope"] = json!(scope);
    }
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
) -> Result<Caller, Refusal> {
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
    let known =
        |caller: &&Caller| caller.client.client_id == id && caller.client.client_secret == secret;
    let mut caller = service
        .clients
        .iter()
        .find(known)
        .ok_or(UNKNOWN_CLIENT)?
        .clone();
    if let Some(scope) = field("scope").filter(|_| !service.api().is_dms()) {
        let one: i64 = scope.trim().parse().ok().ok_or(WRONG_SCOPE)?;
        if !caller.organizations.contains(&one) {
            return Err(WRONG_SCOPE);
        }
        caller.organizations = vec![one];
    }
    Ok(caller)
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
pub(super) fn fields(
    headers: &HeaderMap,
    body: &[u8],
) -> Result<BTreeMap<String, String>, Problem> {
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

/// Lets a request with a live bearer token pass; gives whose it is.
pub(crate) fn check(service: &Service, headers: &HeaderMap) -> Result<Caller, Problem> {
    let token = bearer(headers)?;
    let caller = service.tokens().caller(token).cloned();
    caller.ok_or_else(|| Problem::authentication("Invalid token"))
}

pub(super) fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
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
    Ok(token)
}
