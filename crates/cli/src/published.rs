//! What came of publishing, as a person wants to read it.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use syncline::{CollectionReport, Ending, JobOutcome, PartReport, PublishSummary};

use crate::deletes::{self, Held};
use crate::summary::{count, number, remediated};

/// The table and the sentences at the end of a publication. Collections in which nothing happened
/// are counted, not listed.
pub(crate) fn of_publish(summary: &PublishSummary, config_file: Option<&Path>) -> String {
    let mut lines = Vec::new();
    let busy: Vec<(&str, &CollectionReport, &PartReport)> = summary
        .report
        .collections
        .iter()
        .filter_map(|(name, report)| Some((name.short(), report, summary.parts.get(name)?)))
        .filter(|(_, report, part)| is_busy(report, part))
        .collect();
    if !busy.is_empty() {
        let names = busy.iter().map(|(name, ..)| name.len());
        let width = names.max().unwrap_or(0).max("collection".len());
        let title = [
            "read",
            "unchanged",
            "written",
            "re-keyed",
            "deleted",
            "owed",
        ];
        lines.push(row("collection", width, &title.map(str::to_owned)));
        for (name, report, part) in &busy {
            let numbers = [
                report.read,
                report.unchanged,
                report.created + report.updated,
                part.rekeyed,
                report.deleted,
                part.owed,
            ];
            lines.push(row(name, width, &numbers.map(number)));
        }
        lines.push(String::new());
    }
    lines.extend(problems(summary));
    let pair = (summary.from.as_str(), summary.to.as_str());
    let held = deletes::held(&summary.report, &Held::by_publish(config_file, pair));
    let told = [held, deletes::protected(&summary.report)].concat();
    if !told.is_empty() {
        lines.extend(told);
        lines.push(String::new());
    }
    lines.push(total(summary));
    lines.extend(ending(summary));
    lines.join("\n") + "\n"
}

fn is_busy(report: &CollectionReport, part: &PartReport) -> bool {
    let done = report.created + report.updated + report.deleted + report.failed;
    done + part.rekeyed + part.owed > 0
}

fn row(name: &str, width: usize, cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| format!(" {cell:>11}")).collect();
    format!("{name:width$}{}", cells.concat())
}

/// Why something was not written, or a mark did not move.
fn problems(summary: &PublishSummary) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, report) in &summary.report.collections {
        for group in &report.failures {
            let status = match group.status {
                0 => String::new(),
                status => format!("{status} "),
            };
            let records = count(group.count, "record");
            lines.push(format!(
                "{}: {status}{} ({records})",
                name.short(),
                group.message
            ));
        }
    }
    for (reason, names) in by_reason(summary, |part| part.compared.as_deref()) {
        lines.push(format!(
            "{names}: read as a whole to find out what went: {reason}"
        ));
    }
    for (reason, names) in by_reason(summary, |part| part.unproved.as_deref()) {
        lines.push(format!(
            "{names}: records may stay under old keys as well, since deletes are ignored: {reason}"
        ));
    }
    lines.extend(left_alone(summary));
    if matches!(summary.report.ending, Ending::Completed) {
        for (name, reason) in summary.behind() {
            lines.push(format!("{}: not proved: {reason}", name.short()));
        }
    }
    if !lines.is_empty() {
        lines.push(String::new());
    }
    lines
}

/// What went and was changed by others meanwhile, and what a person can do about it.
fn left_alone(summary: &PublishSummary) -> Vec<String> {
    let parts = summary.parts.iter();
    let parts = parts.filter(|(_, part)| part.left_alone > 0);
    let mut lines: Vec<String> = parts
        .map(|(name, part)| {
            format!(
                "{}: {} gone from {} and left alone in {}, where something else is held than what was \
                 written",
                name.short(),
                count(part.left_alone, "record"),
                summary.from,
                summary.to,
            )
        })
        .collect();
    if !lines.is_empty() {
        lines.push(format!(
            "  Whoever changed it may still need it. `syncline drift {} {}` names the records; delete \
             in {} what is to go, and the next publication owes it no more.",
            summary.from, summary.to, summary.to,
        ));
    }
    lines
}

/// The collections of which the same is to be told, by what that is.
fn by_reason(
    summary: &PublishSummary,
    reason: fn(&PartReport) -> Option<&str>,
) -> BTreeMap<&str, String> {
    let mut names: BTreeMap<&str, String> = BTreeMap::new();
    for (name, part) in &summary.parts {
        let Some(reason) = reason(part) else {
            continue;
        };
        let told = names.entry(reason).or_default();
        if !told.is_empty() {
            told.push_str(", ");
        }
        told.push_str(name.short());
    }
    names
}

fn total(summary: &PublishSummary) -> String {
    let report = &summary.report;
    let sum = |value: fn(&CollectionReport) -> u64| -> u64 {
        report.collections.values().map(value).sum()
    };
    let through = match &summary.snapshot {
        None => "the live data".to_owned(),
        Some(name) if name.is_empty() => "its snapshot".to_owned(),
        Some(name) => format!("its snapshot {name}"),
    };
    format!(
        "{} read, {} written, {} deleted in {:.1} s, from {} ({through}) to {}.",
        count(sum(|report| report.read), "record"),
        number(sum(|report| report.created + report.updated)),
        number(sum(|report| report.deleted)),
        (report.ended - report.started).max(0.0),
        summary.from,
        summary.to,
    )
}

fn ending(summary: &PublishSummary) -> Vec<String> {
    let mut lines = Vec::new();
    match (&summary.report.ending, summary.newest) {
        (Ending::Completed, Some(newest)) if summary.behind().next().is_none() => {
            lines.push(format!("Published up to change version {newest}."));
        }
        (Ending::Completed, _) => {}
        (Ending::Interrupted | Ending::Failed(_), _) => lines.push(
            "Not finished. What was written is recorded; the same command goes on where this one \
             stopped."
                .to_owned(),
        ),
    }
    lines.extend(remediated(summary.remediation.as_ref()));
    lines.extend(owed(summary));
    if let Some(path) = &summary.reject_file {
        lines.push(format!("Refused records are in {}.", path.display()));
    }
    lines
}

/// What is owed: what is offered again, and what is kept back because it is protected.
fn owed(summary: &PublishSummary) -> Vec<String> {
    let reports = summary.report.collections.values();
    let protected: u64 = reports.map(|report| report.protected).sum();
    let kept_back = protected.min(summary.owed());
    let mut lines = Vec::new();
    match summary.owed() - kept_back {
        0 => {}
        offered => lines.push(format!(
            "{} owed: the next publication offers them again, `--retry-owed` at once and nothing \
             else.",
            count(offered, "change")
        )),
    }
    if kept_back > 0 {
        lines.push(format!(
            "{} owed and kept back, as what would go is protected.",
            count(kept_back, "delete")
        ));
    }
    lines
}

/// One line about a job.
pub(crate) fn of_job(job: &JobOutcome) -> String {
    let name = &job.name;
    match &job.outcome {
        Err(failure) => {
            let hints = failure.hints.iter().map(|hint| format!("; {hint}"));
            let hints = hints.collect::<String>();
            format!("{name}: not published: {}{hints}", failure.message)
        }
        Ok(summary) => {
            let mut text = format!("{name}: {}", total(summary));
            if let Ending::Failed(error) = &summary.report.ending {
                text.extend([" Broke off: ", &error.to_string(), "."]);
            }
            for line in problems(summary).iter().chain(&ending(summary)) {
                if !line.is_empty() {
                    text.extend([" ", line]);
                }
            }
            text
        }
    }
}

/// A table of all jobs, and their total.
pub(crate) fn of_jobs(jobs: &[JobOutcome]) -> String {
    let width = jobs.iter().map(|job| job.name.len()).max().unwrap_or(0);
    let width = width.max("job".len());
    let titles = ["status", "read", "written", "deleted", "owed"];
    let mut lines = vec![row("job", width, &titles.map(str::to_owned))];
    let mut sums = [0; 4];
    for job in jobs {
        let numbers = numbers_of(job);
        for (sum, number) in sums.iter_mut().zip(numbers) {
            *sum += number;
        }
        let cells = std::iter::once(job.exit_status().to_string());
        let cells: Vec<String> = cells.chain(numbers.map(number)).collect();
        lines.push(row(&job.name, width, &cells));
    }
    let published = jobs.iter().filter(|job| job.exit_status() == 0).count();
    let [read, written, deleted, owed] = sums.map(number);
    lines.push(String::new());
    lines.push(format!(
        "{published} of {} published: {read} read, {written} written, {deleted} deleted, {owed} \
         owed.",
        count(jobs.len() as u64, "job"),
    ));
    lines.join("\n") + "\n"
}

/// What a job did, in numbers: read, written, deleted, owed.
fn numbers_of(job: &JobOutcome) -> [u64; 4] {
    let Ok(summary) = &job.outcome else {
        return [0; 4];
    };
    let sum = |value: fn(&CollectionReport) -> u64| -> u64 {
        summary.report.collections.values().map(value).sum()
    };
    [
        sum(|report| report.read),
        sum(|report| report.created + report.updated),
        sum(|report| report.deleted),
        summary.owed(),
    ]
}

/// The end of a job, for a program.
pub(crate) fn job_event(job: &JobOutcome) -> Value {
    let [read, written, deleted, owed] = numbers_of(job);
    let error = match &job.outcome {
        Ok(summary) => match &summary.report.ending {
            Ending::Failed(error) => Some(error.to_string()),
            _ => None,
        },
        Err(failure) => Some(failure.message.clone()),
    };
    json!({
        "event": "job_finished", "job": job.name, "exit_status": job.exit_status(), "error": error,
        "read": read, "written": written, "deleted": deleted, "owed": owed,
    })
}

/// The end of all jobs, for a program.
pub(crate) fn jobs_event(jobs: &[JobOutcome]) -> Value {
    let statuses: serde_json::Map<String, Value> = jobs
        .iter()
        .map(|job| (job.name.clone(), json!(job.exit_status())))
        .collect();
    json!({"jobs": statuses})
}
