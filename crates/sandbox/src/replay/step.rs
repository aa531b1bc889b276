//! One line of a scenario.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// A request and the answer it must have.
///
/// `{data}`, `{root}`, `{oauth}`, `{changeQueries}`, `{metadata}`, `{dependencies}`, `{token}`,
/// `{clientId}`, `{clientSecret}`, `{run}` and every saved name stand for their values in the path, in headers and in texts of
/// bodies.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Step {
    /// The rule that the step is about.
    pub name: String,
    /// Client that asks; the usual one if absent. `{token}`, `{clientId}` and `{clientSecret}` are
    /// its own.
    pub client: Option<String>,
    /// How many times to ask, once if absent; each answer must be as expected.
    pub times: Option<u32>,
    /// Request method.
    pub method: String,
    /// Path below the data root, or one that begins with a name in braces.
    pub path: String,
    /// Headers besides `Accept`, `Authorization` and `Content-Type`, or in their place; null
    /// leaves one out.
    #[serde(default)]
    pub headers: BTreeMap<String, Option<String>>,
    /// JSON body.
    pub body: Option<Value>,
    /// Body that is not to be sent as JSON.
    pub text: Option<String>,
    /// What the answer must be.
    pub expect: Expectation,
    /// Names for parts of the answer: `location` (its last segment), `header NAME`, or
    /// `body POINTER`.
    #[serde(default)]
    pub save: BTreeMap<String, String>,
    /// First version that the step is about, for example `7.2`.
    pub from: Option<String>,
    /// Last such version.
    pub until: Option<String>,
}

/// What an answer must be.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The status.
    pub status: u16,
    /// Headers: null for none, `*` for any value.
    #[serde(default)]
    pub headers: BTreeMap<String, Option<String>>,
    /// Members and items that the body must have; `*` is any value, `-` no member. An array must
    /// have as many items; `""` is a body without anything in it.
    pub body: Option<Value>,
}

impl Step {
    /// Whether the step is about a version.
    pub(super) fn is_about(&self, own: (u32, u32)) -> bool {
        let bound = |text: &Option<String>| text.as_deref().and_then(version);
        bound(&self.from).is_none_or(|from| own >= from)
            && bound(&self.until).is_none_or(|until| own <= until)
    }
}

impl Expectation {
    /// The same with every text replaced.
    pub(super) fn filled(&self, fill: &dyn Fn(&str) -> String) -> Self {
        let header =
            |(name, value): (&String, &Option<String>)| (name.clone(), value.as_deref().map(fill));
        Self {
            status: self.status,
            headers: self.headers.iter().map(header).collect(),
            body: self.body.as_ref().map(|body| map_texts(body, fill)),
        }
    }
}

/// Major and minor version.
pub(super) fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split('.');
    let major = parts.next()?.parse().ok()?;
    Some((
        major,
        parts.next().map_or(Some(0), |minor| minor.parse().ok())?,
    ))
}

/// A value with every text in it replaced.
pub(super) fn map_texts(value: &Value, fill: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(fill(text)),
        Value::Array(items) => items.iter().map(|item| map_texts(item, fill)).collect(),
        Value::Object(members) => {
            let entry = |(name, value): (&String, &Value)| (name.clone(), map_texts(value, fill));
            Value::Object(members.iter().map(entry).collect())
        }
        other => other.clone(),
    }
}

/// A text as it is, anything else as JSON.
pub(super) fn text_of(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
