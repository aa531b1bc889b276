//! A small Parameter Store on the loopback. It checks what the real one does: who signed the request
//! and over what, names, sizes, pages, and that types stay.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use hmac::{Hmac, KeyInit as _, Mac as _};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;

pub(crate) const KEY_ID: &str = "AKIDEXAMPLE";
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
pub(crate) const REGION: &str = "us-east-1";

/// A parameter: its type and its value.
type Parameters = BTreeMap<String, (String, String)>;

pub(crate) struct ParameterStore {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    parameters: Parameters,
    pages: usize,
    /// Actions that the caller may not do.
    denied: Vec<String>,
}

/// What goes wrong: the code, and what is said.
type Refused = (&'static str, String);

impl ParameterStore {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                let service = service_fn(move |request| answer(Arc::clone(&state), request));
                let serving = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(serving);
            }
        });
        Self { url, state }
    }

    pub(crate) fn put(&self, name: &str, kind: &str, value: &str) {
        let value = (kind.to_owned(), value.to_owned());
        self.state
            .lock()
            .unwrap()
            .parameters
            .insert(name.to_owned(), value);
    }

    pub(crate) fn get(&self, name: &str) -> Option<(String, String)> {
        self.state.lock().unwrap().parameters.get(name).cloned()
    }

    pub(crate) fn pages(&self) -> usize {
        self.state.lock().unwrap().pages
    }

    pub(crate) fn deny(&self, action: &str) {
        self.state.lock().unwrap().denied.push(action.to_owned());
    }
}

async fn answer(
    state: Arc<Mutex<State>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let done = signed(&head, &body).and_then(|()| act(&mut state.lock().unwrap(), &head, &body));
    let (status, document) = match done {
        Ok(document) => (200, document),
        Err((code, message)) => (400, json!({"__type": code, "message": message})),
    };
    let response = Response::builder()
        .status(status)
        .header("content-type", "application/x-amz-json-1.1")
        .body(Full::new(Bytes::from(document.to_string())))
        .unwrap();
    Ok(response)
}

fn act(state: &mut State, head: &http::request::Parts, body: &[u8]) -> Result<Value, Refused> {
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    if head.method != "POST" || header("content-type") != Some("application/x-amz-json-1.1") {
        return Err(("UnknownOperationException", String::new()));
    }
    let action = header("x-amz-target")
        .and_then(|target| target.strip_prefix("AmazonSSM."))
        .unwrap_or_default();
    if state.denied.iter().any(|denied| denied == action) {
        let message = format!("User is not authorized to perform: ssm:{action}");
        return Err(("AccessDeniedException", message));
    }
    let asked: Value = serde_json::from_slice(body)
        .map_err(|_garbage| ("SerializationException", "no JSON".to_owned()))?;
    match action {
        "GetParametersByPath" => by_path(state, &asked),
        "PutParameter" => put(state, &asked),
        _ => Err(("UnknownOperationException", String::new())),
    }
}

fn invalid(what: &str) -> Refused {
    (
        "ValidationException",
        format!("1 validation error detected: {what}"),
    )
}

fn by_path(state: &mut State, asked: &Value) -> Result<Value, Refused> {
    let path = asked["Path"].as_str().unwrap_or_default();
    if !path.starts_with('/') || path.ends_with('/') {
        return Err(invalid("the parameter path must begin with a slash"));
    }
    let most = asked["MaxResults"].as_u64().unwrap_or(10);
    if !(1..=10).contains(&most) {
        return Err(invalid("MaxResults must be from 1 to 10"));
    }
    let from: usize = match asked["NextToken"].as_str() {
        None => 0,
        Some(token) => token
            .strip_prefix("page-")
            .and_then(|place| place.parse().ok())
            .ok_or(("InvalidNextToken", "the token is not valid".to_owned()))?,
    };
    state.pages += 1;
    let prefix = format!("{path}/");
    let is_recursive = asked["Recursive"].as_bool().unwrap_or(false);
    let is_decrypted = asked["WithDecryption"].as_bool().unwrap_or(false);
    let below: Vec<Value> = state
        .parameters
        .iter()
        .filter_map(|(name, (kind, value))| {
            let rest = name.strip_prefix(&prefix)?;
            let is_closed = kind == "SecureString" && !is_decrypted;
            let value = if is_closed {
                "AQICAHh="
            } else {
                value.as_str()
            };
            (is_recursive || !rest.contains('/')).then(|| {
                json!({"Name": name, "Type": kind, "Value": value, "Version": 1,
                    "LastModifiedDate": 1.764e9, "DataType": "text",
                    "ARN": format!("arn:aws:ssm:{REGION}:111122223333:parameter{name}")})
            })
        })
        .collect();
    let until = below
        .len()
        .min(from.saturating_add(usize::try_from(most).unwrap_or(10)));
    let mut answer = json!({"Parameters": below.get(from..until).unwrap_or_default()});
    if until < below.len() {
        answer["NextToken"] = json!(format!("page-{until}"));
    }
    Ok(answer)
}

fn put(state: &mut State, asked: &Value) -> Result<Value, Refused> {
    let text = |member: &str| asked[member].as_str().unwrap_or_default();
    let (name, value, kind) = (text("Name"), text("Value"), text("Type"));
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "_.-/".contains(letter);
    if name.is_empty() || !name.chars().all(fits) {
        return Err(invalid(
            "Parameter name: can't be prefixed or hold other than a-zA-Z0-9_.-",
        ));
    }
    if name.matches('/').count() > 15 {
        return Err(("HierarchyLevelLimitExceededException", name.to_owned()));
    }
    if value.is_empty() || value.len() > 4096 {
        return Err(invalid("Value at 'value' must have length from 1 to 4096"));
    }
    let there = state.parameters.get(name);
    let kind = match (there, kind) {
        (Some(_), _) if !asked["Overwrite"].as_bool().unwrap_or(false) => {
            return Err((
                "ParameterAlreadyExists",
                "The parameter already exists.".to_owned(),
            ));
        }
        (Some((known, _)), "") => known.clone(),
        (Some((known, _)), kind) if known != kind => {
            return Err((
                "HierarchyTypeMismatchException",
                "The type cannot change.".to_owned(),
            ));
        }
        (None, "") => {
            return Err(invalid(
                "A parameter type is required when you create a parameter",
            ));
        }
        (_, kind @ ("String" | "SecureString" | "StringList")) => kind.to_owned(),
        _ => return Err(("UnsupportedParameterType", kind.to_owned())),
    };
    let entry = (kind, value.to_owned());
    state.parameters.insert(name.to_owned(), entry);
    Ok(json!({"Version": 2, "Tier": "Standard"}))
}

/// Whether a request is signed by the one who is known, over what arrived.
fn signed(head: &http::request::Parts, body: &[u8]) -> Result<(), Refused> {
    let header = |name: &str| -> Option<&str> { head.headers.get(name)?.to_str().ok() };
    let missing = (
        "MissingAuthenticationTokenException",
        "Missing Authentication Token".to_owned(),
    );
    let authorization = header("authorization").ok_or(missing)?;
    let part = |name: &str| -> Option<&str> {
        let rest = authorization.split_once(name)?.1.strip_prefix('=')?;
        rest.split([',', ' ']).next()
    };
    let incomplete = || ("IncompleteSignature", "Authorization header".to_owned());
    let credential = part("Credential").ok_or_else(incomplete)?;
    let names = part("SignedHeaders").ok_or_else(incomplete)?;
    let signature = part("Signature").ok_or_else(incomplete)?;
    let time = header("x-amz-date").ok_or_else(incomplete)?;
    let day = time.get(..8).unwrap_or_default();
    if !["host", "x-amz-date", "x-amz-target"]
        .iter()
        .all(|name| names.split(';').any(|one| one == *name))
    {
        return Err(incomplete());
    }
    if credential.split('/').next() != Some(KEY_ID) {
        let message = "The security token included in the request is invalid.";
        return Err(("UnrecognizedClientException", message.to_owned()));
    }
    let scope = format!("{day}/{REGION}/ssm/aws4_request");
    if credential != format!("{KEY_ID}/{scope}") {
        return Err((
            "InvalidSignatureException",
            "Credential should be scoped".to_owned(),
        ));
    }
    let lines = names
        .split(';')
        .map(|name| format!("{name}:{}\n", header(name).unwrap_or_default().trim()));
    let headers = lines.collect::<Vec<_>>().concat();
    let path = head.uri.path();
    let canonical = format!(
        "{}\n{path}\n\n{headers}\n{names}\n{}",
        head.method,
        hex(&Sha256::digest(body))
    );
    let text = format!(
        "AWS4-HMAC-SHA256\n{time}\n{scope}\n{}",
        hex(&Sha256::digest(canonical.as_bytes()))
    );
    let mut key = format!("AWS4{SECRET}").into_bytes();
    for step in [day, REGION, "ssm", "aws4_request"] {
        key = mac(&key, step.as_bytes());
    }
    if hex(&mac(&key, text.as_bytes())) == signature {
        return Ok(());
    }
    let message = "The request signature we calculated does not match the signature you provided.";
    Err(("InvalidSignatureException", message.to_owned()))
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    let pairs = bytes.iter().map(|byte| format!("{byte:02x}"));
    pairs.collect::<Vec<_>>().concat()
}
