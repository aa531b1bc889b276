//! Scenarios: requests with the answers they must have, replayed against any server.
//!
//! A scenario is a file of JSON lines, one [`Step`] each; empty lines and lines that begin with
//! `#` are passed over. What a step saves, later ones may use. The runner knows nothing of the
//! server of this crate, so a scenario says as much about a real one.

mod compare;
mod step;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

pub use step::{Expectation, Step};

use crate::remote::{Remote, RemoteAnswer, RemoteError};

/// The client of steps that name none.
const USUAL: &str = "";

/// Where to replay to, and as whom.
#[derive(Clone)]
pub struct ReplayTarget {
    /// Base URL, where the discovery document is.
    pub url: String,
    /// Key to log in with.
    pub client_id: String,
    /// Secret to log in with.
    pub client_secret: String,
    /// Further clients, by the names that steps have for them.
    pub clients: BTreeMap<String, ReplayClient>,
    /// Text that `{run}` stands for, so that a server can be asked more than once.
    pub run: String,
}

/// A client that steps may name.
#[derive(Clone)]
pub struct ReplayClient {
    /// Key to log in with.
    pub client_id: String,
    /// Secret to log in with.
    pub client_secret: String,
}

impl std::fmt::Debug for ReplayClient {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ReplayClient")
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ReplayTarget {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = formatter.debug_struct("ReplayTarget");
        text.field("url", &self.url).finish_non_exhaustive()
    }
}

/// What came of a scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplayReport {
    /// Version the server gives.
    pub version: String,
    /// Steps whose answers were as expected.
    pub passed: u64,
    /// Steps that are not about this version, or want a client that is not given.
    pub skipped: u64,
    /// Everything that was otherwise.
    pub differences: Vec<ReplayDifference>,
}

/// A step whose answer was otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayDifference {
    /// Line in the file, one-based.
    pub line: usize,
    /// What the step is about.
    pub name: String,
    /// Method and path as sent.
    pub request: String,
    /// One line per difference.
    pub reasons: Vec<String>,
}

/// Replays a file.
///
/// # Errors
/// A file that is no scenario, or a server that cannot be reached or logged in to. An answer that
/// differs is no error but a part of the report.
pub fn replay(target: &ReplayTarget, file: &Path) -> Result<ReplayReport, RemoteError> {
    let text = fs_err::read_to_string(file)?;
    let mut replay = Replay::begin(target)?;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let step: Step = serde_json::from_str(line).map_err(|source| RemoteError::Step {
            line: number,
            source,
        })?;
        replay.step(number, &step)?;
    }
    Ok(replay.report)
}

struct Replay {
    remote: Remote,
    clients: BTreeMap<String, ReplayClient>,
    /// Tokens of the clients that have been needed, by name; the usual client has none.
    tokens: BTreeMap<String, String>,
    variables: BTreeMap<String, String>,
    version: (u32, u32),
    report: ReplayReport,
}

impl Replay {
    fn begin(target: &ReplayTarget) -> Result<Self, RemoteError> {
        let remote = Remote::new();
        let (discovery, _) = remote.document(&target.url)?;
        let missing = |what: &str| RemoteError::Answer {
            url: target.url.clone(),
            reason: format!("discovery has no {what}"),
        };
        let version = discovery["version"]
            .as_str()
            .ok_or_else(|| missing("version"))?;
        let url = |name: &str| {
            let url = discovery["urls"][name].as_str();
            url.map(|url| url.trim_end_matches('/').to_owned())
        };
        let data = url("dataManagementApi").ok_or_else(|| missing("dataManagementApi"))?;
        let oauth = url("oauth").ok_or_else(|| missing("oauth"))?;
        let root = target.url.trim_end_matches('/').to_owned();
        // Early versions do not tell, and have the same segments after it as after the data.
        let beside = || data.replacen("/data/v3", "/changeQueries/v1", 1);
        let changes = url("changeQueries").unwrap_or_else(beside);
        let metadata = url("openApiMetadata").unwrap_or_else(|| format!("{root}/metadata"));
        let dependencies = url("dependencies").unwrap_or_default();
        let usual = ReplayClient {
            client_id: target.client_id.clone(),
            client_secret: target.client_secret.clone(),
        };
        let mut clients = target.clients.clone();
        clients.insert(USUAL.to_owned(), usual);
        let variables = [
            ("root", root),
            ("data", data),
            ("oauth", oauth),
            ("changeQueries", changes),
            ("metadata", metadata),
            ("dependencies", dependencies),
            ("run", target.run.clone()),
        ];
        let mut replay = Self {
            remote,
            clients,
            tokens: BTreeMap::new(),
            variables: variables
                .map(|(name, value)| (name.to_owned(), value))
                .into(),
            version: step::version(version).ok_or_else(|| missing("version"))?,
            report: ReplayReport {
                version: version.to_owned(),
                ..ReplayReport::default()
            },
        };
        replay.become_client(USUAL)?;
        Ok(replay)
    }

    /// Goes on as a client; gives whether there is one of this name.
    fn become_client(&mut self, name: &str) -> Result<bool, RemoteError> {
        let Some(client) = self.clients.get(name) else {
            return Ok(false);
        };
        let token = match self.tokens.get(name) {
            Some(token) => token.clone(),
            None => log_in(&self.remote, &self.filled("{oauth}"), client)?,
        };
        let own = [
            ("token", &token),
            ("clientId", &client.client_id),
            ("clientSecret", &client.client_secret),
        ];
        let own = own.map(|(name, value)| (name.to_owned(), value.clone()));
        self.variables.extend(own);
        self.tokens.insert(name.to_owned(), token);
        Ok(true)
    }

    fn step(&mut self, line: usize, step: &Step) -> Result<(), RemoteError> {
        let client = step.client.as_deref().unwrap_or(USUAL);
        if !step.is_about(self.version) || !self.become_client(client)? {
            self.report.skipped += 1;
            return Ok(());
        }
        for _ in 0..step.times.unwrap_or(1) {
            self.ask(line, step)?;
        }
        Ok(())
    }

    fn ask(&mut self, line: usize, step: &Step) -> Result<(), RemoteError> {
        let path = self.filled(&step.path);
        let url = if step.path.starts_with('{') {
            path
        } else {
            format!("{}{path}", self.filled("{data}"))
        };
        let body = match (&step.body, &step.text) {
            (Some(body), _) => self.filled_value(body).to_string(),
            (None, Some(text)) => self.filled(text),
            (None, None) => String::new(),
        };
        let answer = self
            .remote
            .send(&step.method, &url, &self.headers(step), &body)?;
        let expected = step.expect.filled(&|text: &str| self.filled(text));
        let reasons = compare::differences(&expected, &answer);
        if reasons.is_empty() {
            self.report.passed += 1;
        } else {
            self.report.differences.push(ReplayDifference {
                line,
                name: step.name.clone(),
                request: format!("{} {url}", step.method),
                reasons,
            });
        }
        self.save(step, &answer);
        Ok(())
    }

    /// The usual headers, with those of the step in their place.
    fn headers(&self, step: &Step) -> Vec<(String, String)> {
        let mut headers: BTreeMap<String, Option<String>> = BTreeMap::new();
        headers.insert("accept".to_owned(), Some("application/json".to_owned()));
        let bearer = format!("Bearer {}", self.filled("{token}"));
        headers.insert("authorization".to_owned(), Some(bearer));
        if step.body.is_some() {
            headers.insert(
                "content-type".to_owned(),
                Some("application/json".to_owned()),
            );
        }
        for (name, value) in &step.headers {
            let value = value.as_ref().map(|value| self.filled(value));
            headers.insert(name.to_ascii_lowercase(), value);
        }
        let given = headers.into_iter();
        given
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    }

    fn save(&mut self, step: &Step, answer: &RemoteAnswer) {
        for (name, place) in &step.save {
            let value = match place.split_once(' ') {
                None if place == "location" => answer
                    .header("location")
                    .and_then(|url| url.rsplit('/').next())
                    .map(str::to_owned),
                Some(("header", header)) => answer.header(header).map(str::to_owned),
                Some(("body", pointer)) => answer.json().pointer(pointer).map(step::text_of),
                _ => None,
            };
            self.variables
                .insert(name.clone(), value.unwrap_or_default());
        }
    }

    /// A text with every `{name}` replaced by what it stands for.
    fn filled(&self, text: &str) -> String {
        let replace = |text: String, (name, value): (&String, &String)| {
            text.replace(&format!("{{{name}}}"), value)
        };
        self.variables.iter().fold(text.to_owned(), replace)
    }

    fn filled_value(&self, value: &Value) -> Value {
        step::map_texts(value, &|text: &str| self.filled(text))
    }
}

fn log_in(remote: &Remote, oauth: &str, client: &ReplayClient) -> Result<String, RemoteError> {
    use base64::Engine as _;
    let pair = format!("{}:{}", client.client_id, client.client_secret);
    let basic = base64::engine::general_purpose::STANDARD.encode(pair);
    let headers = [
        ("Authorization".to_owned(), format!("Basic {basic}")),
        (
            "Content-Type".to_owned(),
            "application/x-www-form-urlencoded".to_owned(),
        ),
    ];
    let answer = remote.send("POST", oauth, &headers, "grant_type=client_credentials")?;
    let token = answer.json()["access_token"].as_str().map(str::to_owned);
    token.ok_or_else(|| RemoteError::Answer {
        url: oauth.to_owned(),
        reason: format!("the login was answered {}", answer.status),
    })
}
