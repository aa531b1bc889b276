//! The program that mends: started once, asked one request at a time, one JSON line each way.
//!
//! It is not trusted to be well: each answer has a longest time and a longest length, and what is
//! no answer ends its use. What it prints on standard error is between it and whoever runs it.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::RemedySettings;
use crate::Failure;

/// Longest line that is read.
const LINE_BYTES_MAX: u64 = 16 << 20;
/// The publisher's modules as a program.
const ADAPTER: &str = include_str!("adapter.cjs");

/// A program under way. It is killed when this is dropped.
pub(super) struct Program {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    settings: RemedySettings,
}

/// What the program is told of a refused record, in the publisher's words.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request<'a> {
    pub(super) name: &'a str,
    #[serde(rename = "resourceUrl")]
    pub(super) resource: &'a str,
    #[serde(rename = "requestBody")]
    pub(super) body: &'a str,
    #[serde(rename = "responseStatusCode")]
    pub(super) status: u16,
    #[serde(rename = "responseBody")]
    pub(super) answer: &'a str,
    pub(super) source_connection_name: &'a str,
    pub(super) target_connection_name: &'a str,
}

/// What the program wants done.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Plan {
    /// What the record is to be instead.
    pub(super) modified_request_body: Option<Box<RawValue>>,
    /// What is to be written before it is offered again.
    pub(super) additional_requests: Option<Vec<Additional>>,
    /// Why it could not say; of which sort, and no more.
    error: Option<String>,
}

/// Something else that is to be written.
#[derive(Debug, Deserialize)]
pub(super) struct Additional {
    pub(super) resource: String,
    pub(super) body: Box<RawValue>,
}

/// Why there is no plan.
pub(super) enum NoPlan {
    /// The program has nothing to say about this record.
    None,
    /// The answer about this record cannot be used; the next may be better.
    Wrong(String),
    /// The program cannot be asked any more.
    Broken(String),
}

#[derive(Deserialize)]
struct Hello {
    names: BTreeSet<String>,
}

impl Program {
    /// Starts the program in a folder; it says which names it knows.
    pub(super) async fn start(
        settings: &RemedySettings,
        folder: &Path,
    ) -> Result<(Self, BTreeSet<String>), Failure> {
        let failed = |reason: String| {
            Failure::configuration(format!("{}: {reason}", settings.shown())).with_hint(
                "it has to write a line such as {\"names\": [\"/ed-fi/staffs/400\"]} first",
            )
        };
        let mut command = command(settings);
        if !folder.as_os_str().is_empty() {
            command.current_dir(folder);
        }
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        // What stops this process by the keyboard leaves it to this process to end the program.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command
            .spawn()
            .map_err(|error| failed(format!("cannot be started: {error}")))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(failed("cannot be spoken to".to_owned()));
        };
        let mut program = Self {
            child,
            input,
            output: BufReader::new(output),
            settings: settings.clone(),
        };
        let line = program.line().await.map_err(&failed)?;
        let hello: Hello = serde_json::from_slice(&line)
            .map_err(|_garbage| failed("does not say which names it knows".to_owned()))?;
        Ok((program, hello.names))
    }

    /// Asks what is to be done about a record.
    pub(super) async fn ask(&mut self, request: &Request<'_>) -> Result<Plan, NoPlan> {
        let mut line =
            serde_json::to_vec(request).map_err(|error| NoPlan::Wrong(error.to_string()))?;
        line.push(b'\n');
        let sent = tokio::time::timeout(self.settings.timeout, self.input.write_all(&line)).await;
        if !matches!(sent, Ok(Ok(()))) {
            return Err(NoPlan::Broken(self.ending("does not read").await));
        }
        let answer = self.line().await.map_err(NoPlan::Broken)?;
        plan(&answer)
    }

    async fn line(&mut self) -> Result<Vec<u8>, String> {
        let mut line = Vec::new();
        let mut limited = (&mut self.output).take(LINE_BYTES_MAX);
        let reading = limited.read_until(b'\n', &mut line);
        match tokio::time::timeout(self.settings.timeout, reading).await {
            Err(_) => {
                let seconds = self.settings.timeout.as_secs_f64();
                Err(format!("gave no answer within {seconds} s"))
            }
            Ok(Ok(_)) if line.ends_with(b"\n") => Ok(line),
            Ok(Ok(_)) if line.len() as u64 >= LINE_BYTES_MAX => {
                Err("gave an answer longer than 16 MiB".to_owned())
            }
            Ok(_) => Err(self.ending("closed its output").await),
        }
    }

    /// How it ended, if it has, or else what it does wrong.
    async fn ending(&mut self, otherwise: &str) -> String {
        let waiting = tokio::time::timeout(self.settings.timeout, self.child.wait());
        match waiting.await {
            Ok(Ok(status)) => format!("ended ({status})"),
            _ => otherwise.to_owned(),
        }
    }
}

/// A script of the publisher runs by the adapter that this program brings along.
fn command(settings: &RemedySettings) -> Command {
    if let Some(script) = &settings.script {
        let mut command = Command::new("node");
        command.args(["--eval", ADAPTER, "--"]).arg(script);
        return command;
    }
    let mut words = settings.command.iter();
    let mut command = Command::new(words.next().map_or("", String::as_str));
    command.args(words);
    command
}

fn plan(line: &[u8]) -> Result<Plan, NoPlan> {
    let Ok(text) = serde_json::from_slice::<&RawValue>(line) else {
        return Err(NoPlan::Broken("gave an answer that is no JSON".to_owned()));
    };
    let first = text.get().trim_start().chars().next();
    if text.get().trim() == "null" {
        return Err(NoPlan::None);
    }
    if first != Some('{') {
        let message = "gave an answer that is neither null nor an object";
        return Err(NoPlan::Wrong(message.to_owned()));
    }
    let wrong = "gave an answer whose members are not as they should be";
    let plan: Plan =
        serde_json::from_str(text.get()).map_err(|_garbage| NoPlan::Wrong(wrong.to_owned()))?;
    match &plan.error {
        Some(error) => Err(NoPlan::Wrong(format!("failed ({error})"))),
        None => Ok(plan),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: &str) {
        let found = match plan(line.as_bytes()) {
            Ok(plan) => format!(
                "{:?} {}",
                plan.modified_request_body.map(|body| body.get().to_owned()),
                plan.additional_requests.map_or(0, |more| more.len())
            ),
            Err(NoPlan::None) => "none".to_owned(),
            Err(NoPlan::Wrong(reason)) => format!("wrong: {reason}"),
            Err(NoPlan::Broken(reason)) => format!("broken: {reason}"),
        };
        assert_eq!(found, expected, "{line}");
    }

    #[test]
    fn answers_are_plans_or_tell_what_is_wrong_with_them() {
        check("null\n", "none");
        check("{}\n", "None 0");
        check(
            r#"{"modifiedRequestBody": {"a": 1.50}, "more": 1}"#,
            r#"Some("{\"a\": 1.50}") 0"#,
        );
        check(
            r#"{"additionalRequests": [{"resource": "/ed-fi/staffs", "body": {}}]}"#,
            "None 1",
        );
        check(
            "5\n",
            "wrong: gave an answer that is neither null nor an object",
        );
        check(
            r#"{"additionalRequests": [{"resource": 1}]}"#,
            "wrong: gave an answer whose members are not as they should be",
        );
        check(r#"{"error": "TypeError"}"#, "wrong: failed (TypeError)");
        check("oh dear\n", "broken: gave an answer that is no JSON");
    }

    /// A module with functions of every sort that one may export.
    const MODULE: &str = r"
        const mend = (body) => ({ modifiedRequestBody: body });
        module.exports = {
          '/ed-fi/a/400': async (failure) => mend(Object.keys(failure).sort()),
          '/ed-fi/a/409': (callback, failure) => callback(null, mend(failure.responseStatusCode)),
          '/ed-fi/a/500': (callback, failure) => setTimeout(callback, 0, new TypeError('no')),
          '/ed-fi/a/404': (failure) => mend(typeof failure.requestBody),
          '/ed-fi/students/200': async () => null,
          '200': async (failure) => mend(failure.resourceUrl),
          '500': 7,
        };";

    async fn started(module: &str) -> Result<(Program, BTreeSet<String>), Failure> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("mend.js"), module).unwrap();
        let settings = RemedySettings {
            command: vec![],
            script: Some("mend.js".to_owned()),
            timeout: std::time::Duration::from_secs(20),
            requests_max: 10,
        };
        Program::start(&settings, folder.path()).await
    }

    #[tokio::test]
    async fn functions_of_every_sort_are_called_by_the_names_under_which_they_are_exported() {
        let (mut program, names) = started(MODULE).await.unwrap();
        let expected = [
            "/ed-fi/a/400",
            "/ed-fi/a/404",
            "/ed-fi/a/409",
            "/ed-fi/a/500",
            "/ed-fi/students/200",
            "200",
        ];
        assert_eq!(names, expected.map(str::to_owned).into());
        for (name, expected) in [
            (
                "/ed-fi/a/400",
                r#"["requestBody","resourceUrl","responseBody","responseStatusCode","sourceConnectionName","targetConnectionName"]"#,
            ),
            ("/ed-fi/a/404", r#""string""#),
            ("/ed-fi/a/409", "400"),
            ("/ed-fi/a/500", "wrong: failed (TypeError)"),
            ("/ed-fi/students/200", "none"),
            ("200", r#""/ed-fi/a""#),
            // Whoever asks for what is not exported is told so, and the program goes on.
            ("/ed-fi/b/400", "wrong: failed (TypeError)"),
            ("/ed-fi/a/404", r#""string""#),
        ] {
            let request = Request {
                name,
                resource: "/ed-fi/a",
                body: "{}",
                status: 400,
                answer: "",
                source_connection_name: "district",
                target_connection_name: "state",
            };
            let found = match program.ask(&request).await {
                Ok(plan) => plan.modified_request_body.unwrap().get().to_owned(),
                Err(NoPlan::None) => "none".to_owned(),
                Err(NoPlan::Wrong(reason)) => format!("wrong: {reason}"),
                Err(NoPlan::Broken(reason)) => format!("broken: {reason}"),
            };
            assert_eq!(found, expected, "{name}");
        }
    }

    #[tokio::test]
    async fn a_module_without_named_functions_is_refused_at_once() {
        for module in [
            "module.exports = (callback, failure) => callback(null, null)",
            "module.exports = {}",
            "module.exports = 5",
            "throw new Error('no module')",
        ] {
            let failure = started(module).await.err().unwrap();
            assert!(failure.message.contains("mend.js"), "{failure}");
            assert!(
                failure.message.contains("ended (exit status: 1)"),
                "{failure}"
            );
        }
    }
}
