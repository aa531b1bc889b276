//! What came of fetching, as a person wants to read it.

use syncline::{CollectionReport, Ending, FetchSummary, RunReport};

use crate::summary::{count, number};

/// The table and the sentences at the end of a run. Collections without records are counted, not
/// listed.
pub(crate) fn of_fetch(summary: &FetchSummary) -> String {
    let report = &summary.outcome.report;
    let mut lines = table(report);
    lines.extend(report.collections.iter().flat_map(|(name, report)| {
        let reasons = reasons(report);
        reasons
            .into_iter()
            .map(|reason| format!("{}: {reason}", name.short()))
    }));
    if !lines.is_empty() {
        lines.push(String::new());
    }
    lines.push(total(summary));
    if summary.earlier > 0 {
        lines.push(format!(
            "{} fetched by the run before this one, which was interrupted; `--fresh` fetches \
             them again.",
            count(summary.earlier as u64, "collection")
        ));
    }
    let ending = match &report.ending {
        Ending::Completed => None,
        Ending::Interrupted | Ending::Failed(_) => Some(
            "Not finished. Files of collections that are not complete are as they were before; \
             the same command goes on where this one stopped.",
        ),
    };
    lines.extend(ending.map(str::to_owned));
    lines.join("\n") + "\n"
}

fn table(report: &RunReport) -> Vec<String> {
    let rows: Vec<(&str, u64, &str)> = report
        .collections
        .iter()
        .filter(|(_, report)| report.copied > 0 || !report.finished)
        .map(|(name, report)| {
            let state = if report.finished { "" } else { "not complete" };
            (name.short(), report.copied, state)
        })
        .collect();
    if rows.is_empty() {
        return vec![];
    }
    let names = rows.iter().map(|(name, ..)| name.len());
    let width = names.max().unwrap_or(0).max("collection".len());
    let mut lines = vec![format!("{:width$} {:>12}", "collection", "records")];
    lines.extend(rows.into_iter().map(|(name, records, state)| {
        let line = format!("{name:width$} {:>12}  {state}", number(records));
        line.trim_end().to_owned()
    }));
    lines
}

/// Why a collection is not, or not certainly, as it is in the API.
fn reasons(report: &CollectionReport) -> Vec<String> {
    let partial = report
        .incomplete_reason()
        .map(|reason| format!("not certainly complete: {reason}"));
    let error = report
        .error
        .as_ref()
        .map(|error| format!("not fetched: {error}"));
    let failures = report
        .failures
        .iter()
        .map(|group| format!("{} ({})", group.message, count(group.count, "record")));
    error.into_iter().chain(partial).chain(failures).collect()
}

fn total(summary: &FetchSummary) -> String {
    let report = &summary.outcome.report;
    let sum = |value: fn(&CollectionReport) -> u64| -> u64 {
        report.collections.values().map(value).sum()
    };
    let finished = sum(|report| u64::from(report.finished && report.copied > 0));
    let empty =
        sum(|report| u64::from(report.finished && report.copied == 0 && report.unchanged == 0));
    let none = match empty {
        0 => String::new(),
        empty => format!(", {} without records", count(empty, "collection")),
    };
    format!(
        "{} in {:.1} s into {}: {}{none}.",
        count(sum(|report| report.copied), "record"),
        (report.ended - report.started).max(0.001),
        summary.folder.display(),
        count(finished, "file"),
    )
}
