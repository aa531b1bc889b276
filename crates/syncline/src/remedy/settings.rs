//! The section `remediation` of a configuration.

use std::time::Duration;

use crate::Failure;
use crate::config::Section;
use crate::config::shape::{Kind, Shape, WHOLE, key};

/// The keys of `remediation`.
pub(crate) const SHAPE: Shape = Shape::of(&[
    key("command", Kind::List, "A program and its arguments."),
    key(
        "script",
        Kind::Text,
        "A remediation module of the Ed-Fi API Publisher, run by node.",
    ),
    key(
        "timeout_seconds",
        Kind::Number(0.01, 3600.0),
        "Longest time for an answer.",
    ),
    key("max_requests", WHOLE, "How often it is asked in a run."),
]);

/// Longest time that an answer may take, if the file does not say.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How often a program is asked in a run, if the file does not say.
const REQUESTS_MAX: u64 = 10_000;

/// Which program mends refused records, and how long it may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemedySettings {
    /// The program and its arguments; nothing where there is a script.
    pub command: Vec<String>,
    /// A remediation module of the Ed-Fi API Publisher, to be run by node.
    pub script: Option<String>,
    /// Longest time that an answer may take.
    pub timeout: Duration,
    /// How often it is asked in a run.
    pub requests_max: u64,
}

impl RemedySettings {
    /// Reads the section, if there is one.
    pub(crate) fn read(parent: &Section<'_>) -> Result<Option<Self>, Failure> {
        let Some(section) = parent.section("remediation")? else {
            return Ok(None);
        };
        let command = section.list("command")?.unwrap_or_default();
        let script = section.text("script")?.filter(|script| !script.is_empty());
        let seconds: Option<f64> = section.parsed("timeout_seconds", "a number of seconds")?;
        if seconds.is_some_and(|seconds| !(0.01..=3600.0).contains(&seconds)) {
            let message = "must be a number of seconds from 0.01 to 3600";
            return Err(section.failure("timeout_seconds", message));
        }
        let requests_max = section.parsed("max_requests", "a whole number")?;
        if let Some(unknown) = section.unknown().into_iter().next() {
            return Err(unknown);
        }
        match (
            command.first().is_some_and(|word| !word.is_empty()),
            &script,
        ) {
            (true, None) | (false, Some(_)) => {}
            (true, Some(_)) => {
                return Err(section.failure("script", "stands beside `command`: give one of them"));
            }
            (false, None) => {
                return Err(section.failure("command", "is missing").with_hint(
                    "name a program, as in `command: [node, mend.js]`, or a module of the Ed-Fi \
                     API Publisher, as in `script: remediations.js`",
                ));
            }
        }
        Ok(Some(Self {
            command,
            script,
            timeout: seconds.map_or(TIMEOUT, Duration::from_secs_f64),
            requests_max: requests_max.unwrap_or(REQUESTS_MAX),
        }))
    }

    /// What it is called in messages: without its arguments, which may hold secrets.
    pub(super) fn shown(&self) -> String {
        let name = self.script.as_ref().or(self.command.first());
        format!(
            "the remediation program `{}`",
            name.map_or("", String::as_str)
        )
    }
}
