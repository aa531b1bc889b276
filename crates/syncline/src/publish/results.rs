//! The results file of `publish`.

use std::path::Path;

use serde_json::{Map, Value, json};
use syncline_engine::{CollectionReport, Ending, PartReport};
use syncline_plan::Verdict;

use super::{JobOutcome, PublishSummary};
use crate::Failure;
use crate::results::{outcome_of, write_document};

/// Writes what was published, as JSON; its folder included, beside first, then renamed.
pub fn write_publish_results(
    path: &Path,
    outcome: Result<&PublishSummary, &Failure>,
    exit_status: u8,
) -> Result<(), Failure> {
    let mut document = of_outcome(outcome, exit_status);
    document.insert("command".to_owned(), json!("publish"));
    write_document(path, &Value::Object(document))
}

/// Writes what all jobs of a jobs file published, each under its name and as it would be alone.
pub fn write_jobs_results(
    path: &Path,
    outcome: Result<&[JobOutcome], &Failure>,
    exit_status: u8,
) -> Result<(), Failure> {
    let mut document = match outcome {
        Ok(outcomes) => of_jobs(outcomes),
        Err(failure) => failed(failure),
    };
    document.insert("command".to_owned(), json!("publish --jobs"));
    document.insert("exit_status".to_owned(), json!(exit_status));
    write_document(path, &Value::Object(document))
}

fn of_jobs(outcomes: &[JobOutcome]) -> Map<String, Value> {
    let jobs: Map<String, Value> = outcomes
        .iter()
        .map(|job| {
            let document = of_outcome(job.outcome.as_ref(), job.exit_status());
            (job.name.clone(), Value::Object(document))
        })
        .collect();
    let published = outcomes.iter().filter(|job| job.exit_status() == 0).count();
    let members = [
        ("jobs".to_owned(), Value::Object(jobs)),
        ("jobs_published".to_owned(), json!(published)),
        (
            "jobs_failed".to_owned(),
            json!(outcomes.len().saturating_sub(published)),
        ),
    ];
    members.into_iter().collect()
}

fn of_outcome(outcome: Result<&PublishSummary, &Failure>, exit_status: u8) -> Map<String, Value> {
    let mut document = match outcome {
        Ok(summary) => of_summary(summary),
        Err(failure) => failed(failure),
    };
    document.insert("exit_status".to_owned(), json!(exit_status));
    document
}

fn failed(failure: &Failure) -> Map<String, Value> {
    let members = [
        ("outcome".to_owned(), json!(outcome_of(failure))),
        ("error".to_owned(), json!(failure.message)),
    ];
    members.into_iter().collect()
}

fn of_summary(summary: &PublishSummary) -> Map<String, Value> {
    let report = &summary.report;
    let (outcome, error) = match &report.ending {
        Ending::Completed => ("completed", Value::Null),
        Ending::Interrupted => ("interrupted", Value::Null),
        Ending::Failed(error) => ("failed", json!(error.to_string())),
    };
    let collections: Map<String, Value> = report
        .collections
        .iter()
        .map(|(name, report)| {
            let part = summary.parts.get(name).cloned().unwrap_or_default();
            (name.to_string(), collection(report, &part))
        })
        .collect();
    let members = [
        ("from", json!(summary.from)),
        ("to", json!(summary.to)),
        ("snapshot", json!(summary.snapshot)),
        ("newest_change_version", json!(summary.newest)),
        ("passes", json!(summary.passes)),
        ("notes", json!(summary.notes)),
        ("remediation", json!(summary.remediation)),
        ("last_change_version", json!(summary.kept)),
        ("outcome", json!(outcome)),
        ("error", error),
        ("runtime_sec", json!(report.ended - report.started)),
        ("collections", Value::Object(collections)),
        ("owed", json!(summary.owed())),
        ("reject_file", json!(summary.reject_file)),
        ("traffic", json!(report.traffic)),
    ];
    let members = members.into_iter();
    members
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// A limit that was passed.
fn guard(verdict: &Verdict) -> Value {
    json!({
        "guard": verdict.guard.name(),
        "observed": verdict.observed,
        "allowed": verdict.allowed,
        "message": verdict.to_string(),
    })
}

fn collection(report: &CollectionReport, part: &PartReport) -> Value {
    json!({
        "only_fetched": part.only_fetched,
        "from_change_version": part.from.as_ref().map(|mark| &mark.0),
        "to_change_version": part.to.as_ref().map(|mark| &mark.0),
        "behind": part.behind,
        "error": report.error,
        "read": report.read,
        "replayed": part.replayed,
        "unchanged": report.unchanged,
        "created": report.created,
        "updated": report.updated,
        "rekeyed": part.rekeyed,
        "gone": part.gone,
        "fetched": part.fetched,
        "deleted": report.deleted,
        "missing": report.missing,
        "failed": report.failed,
        "compared_because": part.compared,
        "deletes_not_proved_because": part.unproved,
        "deletes_held": report.deletes_held,
        "left_alone": part.left_alone,
        "protected": report.protected,
        "guards": report.verdicts.iter().map(guard).collect::<Vec<_>>(),
        "owed": part.owed,
        "failures": report.failures.iter().map(|group| json!({
            "status_code": group.status, "message": group.message, "count": group.count,
        })).collect::<Vec<_>>(),
    })
}
