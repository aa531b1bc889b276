//! The results file: what a command did, for programs. The members that lightbeam's users know
//! keep their names and meanings; ours come beside them.

use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};
use syncline_engine::{CollectionReport, Ending, FailureGroup, RunReport};

use crate::replace::replace_file;
use crate::{Config, Failure, FailureKind, SendSummary, ValidateSummary};

/// What goes into a results file.
#[derive(Debug)]
pub struct Results<'a> {
    /// The command, for example `send`.
    pub command: &'a str,
    /// The configuration it ran with, if it got that far.
    pub config: Option<&'a Config>,
    /// The current folder.
    pub working_folder: &'a Path,
    /// What came of it.
    pub outcome: Result<&'a SendSummary, &'a Failure>,
    /// What was found before, if the records were checked first.
    pub validation: Option<&'a ValidateSummary>,
    /// The exit status.
    pub exit_status: u8,
}

/// Writes a results file, its folder included; beside first, then renamed.
pub fn write_results(path: &Path, results: &Results<'_>) -> Result<(), Failure> {
    write_document(path, &document(results))
}

pub(crate) fn write_document(path: &Path, document: &Value) -> Result<(), Failure> {
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        fs_err::create_dir_all(folder)?;
    }
    let mut text = serde_json::to_string_pretty(document).map_err(std::io::Error::from)?;
    text.push('\n');
    replace_file(path, text.as_bytes())
}

fn document(results: &Results<'_>) -> Value {
    let report = results.outcome.ok().map(|summary| &summary.report);
    let now = Timestamp::now().as_duration().as_secs_f64();
    let mut members = head(&Head {
        command: results.command,
        config: results.config,
        working_folder: results.working_folder,
        times: report.map_or((now, now), |report| (report.started, report.ended)),
    });
    let mut add = |name: &str, value: Value| {
        members.insert(name.to_owned(), value);
    };
    add("resources", resources(report));
    let sum = |count: fn(&CollectionReport) -> u64| {
        report.map_or(0, |report| {
            report.collections.values().map(count).sum::<u64>()
        })
    };
    add("total_records_processed", json!(sum(processed)));
    add(
        "total_records_skipped",
        json!(sum(|report| report.unchanged)),
    );
    add("total_records_failed", json!(sum(|report| report.failed)));
    add(
        "total_records_duplicate",
        json!(sum(|report| report.duplicates)),
    );
    add("total_records_held", json!(sum(|report| report.held)));
    add("total_records_deleted", json!(sum(|report| report.deleted)));
    add(
        "total_records_owed",
        json!(report.map_or(0, |report| report.owed)),
    );
    add("exit_status", json!(results.exit_status));
    add("outcome", json!(outcome_word(results)));
    add("error", error(results));
    if let Ok(summary) = results.outcome {
        add("reject_file", json!(summary.reject_file));
        add("traffic", json!(summary.report.traffic));
        if let Some(remediation) = &summary.remediation {
            add("remediation", json!(remediation));
        }
    }
    if let Some(validation) = results.validation {
        add("validation", validation.to_json());
    }
    Value::Object(members)
}

/// What all results files begin with.
pub(crate) struct Head<'a> {
    pub(crate) command: &'a str,
    pub(crate) config: Option<&'a Config>,
    pub(crate) working_folder: &'a Path,
    /// When it began and ended, in seconds since 1970.
    pub(crate) times: (f64, f64),
}

pub(crate) fn head(head: &Head<'_>) -> Map<String, Value> {
    let mut members = Map::new();
    let mut add = |name: &str, value: Value| {
        members.insert(name.to_owned(), value);
    };
    let (began, ended) = head.times;
    add("started_at", json!(local_time(began)));
    add("working_dir", json!(head.working_folder));
    if let Some(config) = head.config {
        add("config_file", json!(config.file));
        add("data_dir", json!(config.data_folder().ok()));
        let api = config.api().ok().map(|api| &api.settings);
        add("api_url", json!(api.map(|api| api.base_url.as_str())));
        add("namespace", json!(api.map(|api| &api.namespace)));
        let overrides = api
            .map(|api| &api.namespace_overrides)
            .filter(|map| !map.is_empty());
        add("namespace_overrides", json!(overrides));
    }
    add("command", json!(head.command));
    add("completed_at", json!(local_time(ended)));
    add("runtime_sec", json!(ended - began));
    members
}

const fn processed(report: &CollectionReport) -> u64 {
    report.read + report.unreadable
}

fn resources(report: Option<&RunReport>) -> Value {
    let collections = report.into_iter().flat_map(|report| &report.collections);
    collections
        .map(|(name, report)| (name.short().to_owned(), resource(report)))
        .collect()
}

fn resource(report: &CollectionReport) -> Value {
    let mut members = Map::new();
    members.insert("records_processed".to_owned(), json!(processed(report)));
    members.insert("records_skipped".to_owned(), json!(report.unchanged));
    members.insert("records_failed".to_owned(), json!(report.failed));
    if !report.statuses.is_empty() {
        let successes: Vec<Value> = report
            .statuses
            .iter()
            .map(|(status, count)| json!({"status_code": status, "count": count}))
            .collect();
        members.insert("successes".to_owned(), json!(successes));
    }
    if !report.failures.is_empty() {
        let failures: Vec<Value> = report.failures.iter().map(failure).collect();
        members.insert("failures".to_owned(), json!(failures));
    }
    members.insert("records_created".to_owned(), json!(report.created));
    members.insert("records_updated".to_owned(), json!(report.updated));
    if report.copied > 0 {
        members.insert("records_fetched".to_owned(), json!(report.copied));
    }
    if report.deleted + report.missing > 0 {
        members.insert("records_deleted".to_owned(), json!(report.deleted));
        members.insert("records_missing".to_owned(), json!(report.missing));
    }
    if let Some(planned) = report.planned {
        members.insert("planned".to_owned(), json!(planned));
    }
    members.insert("records_duplicate".to_owned(), json!(report.duplicates));
    if !report.duplicate_examples.is_empty() {
        members.insert(
            "duplicate_examples".to_owned(),
            json!(report.duplicate_examples),
        );
    }
    if report.held > 0 {
        let guards: Vec<String> = report.verdicts.iter().map(ToString::to_string).collect();
        members.insert("records_held".to_owned(), json!(report.held));
        members.insert("guards".to_owned(), json!(guards));
    }
    if report.protected > 0 {
        members.insert("records_protected".to_owned(), json!(report.protected));
    }
    members.insert("complete".to_owned(), json!(report.finished));
    if let Some(reason) = report.incomplete_reason() {
        members.insert("incomplete".to_owned(), json!(reason));
    }
    if let Some(error) = &report.error {
        members.insert("error".to_owned(), json!(error));
    }
    Value::Object(members)
}

fn failure(group: &FailureGroup) -> Value {
    json!({
        "status_code": group.status,
        "message": group.message,
        "file": group.file,
        "line_numbers": group.lines,
        "count": group.count,
    })
}

fn outcome_word(results: &Results<'_>) -> &'static str {
    match results.outcome.map(|summary| &summary.report.ending) {
        Ok(Ending::Completed) => "completed",
        Ok(Ending::Interrupted) => "interrupted",
        Ok(Ending::Failed(_)) => "failed",
        Err(failure) => outcome_of(failure),
    }
}

/// The outcome of a run that ended before there was anything to report.
pub(crate) fn outcome_of(failure: &Failure) -> &'static str {
    if failure.kind == FailureKind::Interrupted {
        "interrupted"
    } else {
        "failed"
    }
}

fn error(results: &Results<'_>) -> Value {
    match results.outcome {
        Err(failure) => json!(failure.message),
        Ok(summary) => match &summary.report.ending {
            Ending::Failed(error) => json!(error.to_string()),
            _ => Value::Null,
        },
    }
}

/// Local time without zone, microseconds, as lightbeam writes it.
fn local_time(seconds: f64) -> String {
    let time = jiff::SignedDuration::from_secs_f64(seconds);
    let time = Timestamp::from_duration(time).unwrap_or(Timestamp::UNIX_EPOCH);
    time.to_zoned(TimeZone::system())
        .strftime("%Y-%m-%dT%H:%M:%S.%6f")
        .to_string()
}
