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

/// Where to replay to, and as whom.
#[derive(Clone)]
pub struct ReplayTarget {
    /// Base URL, where the discovery document is.
    pub url: String,
    /// Key to log in with.
    pub client_id: String,
    /// Secret to log in with.
    pub client_secret: String,
    /// Text that `{run}` stands for, so that a server can be asked more than once.
    pub run: String,
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
    /// Steps that are not about this version.
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
        let changes = url("changeQueries").unwrap_or_else(|| format!("{root}/changeQueries/v1"));
        let token = log_in(&remote, &oauth, target)?;
        let variables = [
            ("root", root),
            ("data", data),
            ("oauth", oauth),
            ("changeQueries", changes),
            ("token", token),
            ("clientId", target.client_id.clone()),
            ("clientSecret", target.client_secret.clone()),
            ("run", target.run.clone()),
        ];
        Ok(Self {
            remote,
            variables: variables
                .map(|(name, value)| (name.to_owned(), value))
                .into(),
            version: step::version(version).ok_or_else(|| missing("version"))?,
            report: ReplayReport {
                version: version.to_owned(),
                ..ReplayReport::default()
            },
        })
    }

    fn step(&mut self, line: usize, step: &Step) -> Result<(), RemoteError> {
        if !step.is_about(self.version) {
            self.report.skipped += 1;
            return Ok(());
        }
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

fn log_in(remote: &Remote, oauth: &str, target: &ReplayTarget) -> Result<String, RemoteError> {
    use base64::Engine as _;
    let pair = format!("{}:{}", target.client_id, target.client_secret);
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
