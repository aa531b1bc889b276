//! The results file of validating. The members that lightbeam's users know keep their names.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::finding::FindingGroup;
use super::references::ReferenceSummary;
use super::summary::{CheckedCollection, ValidateEnding, ValidateSummary};
use crate::results::{Head, head, outcome_of, write_document};
use crate::{Config, Failure};

/// What goes into a results file.
#[derive(Debug)]
pub struct ValidateResults<'a> {
    /// The command, for example `validate`.
    pub command: &'a str,
    /// The configuration it ran with, if it got that far.
    pub config: Option<&'a Config>,
    /// The current folder.
    pub working_folder: &'a Path,
    /// What came of it.
    pub outcome: Result<&'a ValidateSummary, &'a Failure>,
    /// The exit status.
    pub exit_status: u8,
}

/// Writes a results file, its folder included; beside first, then renamed.
pub fn write_validate_results(path: &Path, results: &ValidateResults<'_>) -> Result<(), Failure> {
    let now = super::now();
    let times = |summary: &ValidateSummary| (summary.began, summary.ended);
    let mut members = head(&Head {
        command: results.command,
        config: results.config,
        working_folder: results.working_folder,
        times: results.outcome.map_or((now, now), times),
    });
    members.extend(results.outcome.map(findings).unwrap_or_default());
    let (outcome, error) = match results.outcome {
        Ok(summary) => (summary.outcome_word(), Value::Null),
        Err(failure) => (outcome_of(failure), json!(failure.message)),
    };
    members.insert("exit_status".to_owned(), json!(results.exit_status));
    members.insert("outcome".to_owned(), json!(outcome));
    members.insert("error".to_owned(), error);
    write_document(path, &Value::Object(members))
}

impl ValidateSummary {
    /// What was found, in the shape of the results file.
    pub fn to_json(&self) -> Value {
        let mut members = findings(self);
        members.insert("outcome".to_owned(), json!(self.outcome_word()));
        Value::Object(members)
    }

    fn outcome_word(&self) -> &'static str {
        match self.ending {
            ValidateEnding::Completed => "completed",
            ValidateEnding::Interrupted => "interrupted",
            ValidateEnding::TooManyErrors(_) => "stopped",
        }
    }
}

fn findings(summary: &ValidateSummary) -> Map<String, Value> {
    let resources: Map<String, Value> = summary
        .collections
        .iter()
        .map(|one| (one.name.short().to_owned(), resource(one)))
        .collect();
    let mut members = Map::new();
    let mut add = |name: &str, value: Value| {
        members.insert(name.to_owned(), value);
    };
    add("resources", Value::Object(resources));
    add(
        "total_records_processed",
        json!(summary.sum(|one| one.records)),
    );
    add("total_records_skipped", json!(0));
    add("total_records_failed", json!(summary.sum(|one| one.failed)));
    add("total_errors", json!(summary.sum(|one| one.errors)));
    add("total_warnings", json!(summary.sum(|one| one.warnings)));
    add("notes", json!(summary.notes));
    if let Some(references) = &summary.references {
        add("references", references_of(references));
    }
    members
}

fn references_of(references: &ReferenceSummary) -> Value {
    let look_ups = references.look_ups.iter().map(|one| {
        json!({
            "resource": one.collection.as_str(),
            "how": one.how.name(),
            "keys": one.keys,
            "found": one.found,
            "requests": one.requests,
        })
    });
    json!({
        "checked": references.checked,
        "in_files": references.in_files,
        "in_api": references.in_api,
        "missing": references.missing,
        "unchecked": references.unchecked,
        "look_ups": look_ups.collect::<Vec<_>>(),
    })
}

fn resource(collection: &CheckedCollection) -> Value {
    let mut members = Map::new();
    let mut add = |name: &str, value: Value| {
        members.insert(name.to_owned(), value);
    };
    add("records_processed", json!(collection.records));
    add("records_skipped", json!(0));
    add("records_failed", json!(collection.failed));
    add("errors", json!(collection.errors));
    add("warnings", json!(collection.warnings));
    if !collection.groups.is_empty() {
        let groups: Vec<Value> = collection.groups.iter().map(group).collect();
        add("failures", json!(groups));
    }
    Value::Object(members)
}

fn group(group: &FindingGroup) -> Value {
    json!({
        "method": group.method.name(),
        "severity": group.severity.name(),
        "message": group.message,
        "hint": group.hint,
        "first": group.within,
        "file": group.file,
        "line_numbers": group.lines,
        "count": group.count,
    })
}
