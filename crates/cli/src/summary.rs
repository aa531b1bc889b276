//! What came of a command, as a person wants to read it.

use std::path::Path;

use syncline::{CollectionReport, Ending, FailureGroup, RemedyReport, RunReport, SendSummary};

use crate::deletes;

/// Groups of failures that are shown for one collection.
const GROUPS_SHOWN: usize = 5;
/// Line numbers that are shown for one group.
const LINES_SHOWN: usize = 8;

/// A number with thousands apart.
pub(crate) fn number(value: u64) -> String {
    indicatif::HumanCount(value).to_string()
}

/// A number of things, in the right plural.
pub(crate) fn count(value: u64, thing: &str) -> String {
    let plural = match (value, thing.strip_suffix('y')) {
        (1, _) => thing.to_owned(),
        (_, Some(stem)) => format!("{stem}ies"),
        _ => format!("{thing}s"),
    };
    format!("{} {plural}", number(value))
}

/// What became of the records of a collection, without what did not happen.
pub(crate) fn counts_of(report: &CollectionReport) -> String {
    let planned = report.planned.unwrap_or_default();
    let parts: Vec<String> = [
        (planned.creates, "to create"),
        (planned.updates, "to update"),
        (planned.deletes, "to delete"),
        (report.created, "created"),
        (report.updated, "updated"),
        (report.copied, "fetched"),
        (report.unchanged, "unchanged"),
        (report.deleted, "deleted"),
        (report.missing, "not there"),
        (report.failed, "refused"),
        (report.held, "held"),
        (report.duplicates, "with a key that was there before"),
    ]
    .into_iter()
    .filter(|(value, _)| *value > 0)
    .map(|(value, what)| format!("{} {what}", number(value)))
    .collect();
    match (parts.is_empty(), report.read) {
        (true, 0) => "no records".to_owned(),
        (true, _) if report.waiting > 0 => "waiting to be offered again".to_owned(),
        (true, _) => "nothing to do".to_owned(),
        _ => parts.join(", "),
    }
}

/// The table and the sentences at the end of a run.
pub(crate) fn of_send(summary: &SendSummary, config_file: Option<&Path>) -> String {
    let report = &summary.report;
    let accepted = report
        .collections
        .values()
        .any(|report| report.accepted() > 0);
    if matches!(report.ending, Ending::Failed(_)) && !accepted {
        return "Nothing was sent.\n".to_owned();
    }
    let mut lines = table(report);
    lines.extend(failures(report));
    lines.extend(duplicates(report));
    lines.extend(incomplete(report));
    lines.extend(deletes::held(report, &deletes::Held::by_send(config_file)));
    lines.extend(deletes::protected(report));
    lines.extend(totals(report));
    lines.extend(remediated(summary.remediation.as_ref()));
    if let Some(path) = &summary.reject_file {
        let path = path.display();
        lines.push(format!(
            "Refused records are in {path}. Correct them there and send them with"
        ));
        let config = config_file.map_or_else(String::new, |file| format!(" -c {}", file.display()));
        lines.push(format!("  syncline send{config} --rejects {path}"));
    }
    let ending = match &report.ending {
        Ending::Completed => None,
        Ending::Interrupted => {
            Some("Stopped before the end. The same command goes on where this one stopped.")
        }
        Ending::Failed(_) => Some(
            "Not finished. What was accepted is recorded; the same command goes on from there.",
        ),
    };
    lines.extend(ending.map(str::to_owned));
    lines.join("\n") + "\n"
}

/// The table and the sentences at the end of deleting.
pub(crate) fn of_removal(summary: &SendSummary) -> String {
    let report = &summary.report;
    let rows: Vec<[String; 5]> = report
        .collections
        .iter()
        .filter(|(_, report)| report.read + report.unreadable > 0)
        .map(|(name, report)| {
            let cells = [report.read, report.deleted, report.missing, report.failed];
            let [read, deleted, missing, failed] = cells.map(number);
            [name.short().to_owned(), read, deleted, missing, failed]
        })
        .collect();
    let width = rows
        .iter()
        .map(|row| row[0].len())
        .max()
        .unwrap_or(0)
        .max("collection".len());
    let mut lines = vec![format!(
        "{:width$} {:>10} {:>10} {:>10} {:>8}",
        "collection", "asked for", "deleted", "not there", "refused"
    )];
    lines.extend(rows.iter().map(|[name, read, deleted, missing, failed]| {
        format!("{name:width$} {read:>10} {deleted:>10} {missing:>10} {failed:>8}")
    }));
    lines.extend(failures(report));
    lines.extend(incomplete(report));
    lines.push(String::new());
    let deleted = report
        .collections
        .values()
        .map(|report| report.deleted)
        .sum();
    lines.push(format!("{} deleted.", count(deleted, "record")));
    lines.push(traffic(report));
    lines.join("\n") + "\n"
}

fn table(report: &RunReport) -> Vec<String> {
    let rows: Vec<(&str, &CollectionReport)> = report
        .collections
        .iter()
        .map(|(name, report)| (name.short(), report))
        .collect();
    let width = rows
        .iter()
        .map(|(name, _)| name.len())
        .max()
        .unwrap_or(0)
        .max("collection".len());
    let with_deletes = deletes::are_told(report);
    let heading = if with_deletes {
        format!(" {:>10}", "deleted")
    } else {
        String::new()
    };
    let mut lines = vec![format!(
        "{:width$} {:>10} {:>10} {:>10} {:>10}{heading} {:>8}",
        "collection", "read", "created", "updated", "unchanged", "refused"
    )];
    lines.extend(rows.into_iter().map(|(name, report)| {
        let deleted = if with_deletes {
            format!(" {:>10}", number(report.deleted))
        } else {
            String::new()
        };
        format!(
            "{name:width$} {:>10} {:>10} {:>10} {:>10}{deleted} {:>8}",
            number(report.read + report.unreadable),
            number(report.created),
            number(report.updated),
            number(report.unchanged),
            number(report.failed),
        )
    }));
    lines
}

pub(crate) fn failures(report: &RunReport) -> Vec<String> {
    let failing = report
        .collections
        .iter()
        .filter(|(_, report)| !report.failures.is_empty());
    let mut lines = Vec::new();
    for (name, report) in failing {
        lines.push(String::new());
        lines.push(format!(
            "{}: {} refused",
            name.short(),
            count(report.failed, "record")
        ));
        lines.extend(report.failures.iter().take(GROUPS_SHOWN).flat_map(group));
        if report.failures.len() > GROUPS_SHOWN {
            let more = report.failures.len() - GROUPS_SHOWN;
            lines.push(format!("  ... and {more} further reasons"));
        }
    }
    lines
}

fn group(group: &FailureGroup) -> [String; 2] {
    let mut numbers: Vec<String> = group
        .lines
        .iter()
        .take(LINES_SHOWN)
        .map(ToString::to_string)
        .collect();
    if group.lines.len() > LINES_SHOWN {
        numbers.push("...".to_owned());
    }
    let status = if group.status == 0 {
        "not sent".to_owned()
    } else {
        group.status.to_string()
    };
    let line = if numbers.len() == 1 { "line" } else { "lines" };
    let place = if group.file.is_empty() {
        String::new()
    } else {
        format!(" in {}, {line} {}", group.file, numbers.join(", "))
    };
    [
        format!("  {status}: {}", group.message),
        format!("    {}{place}", count(group.count, "record")),
    ]
}

pub(crate) fn duplicates(report: &RunReport) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, report) in report
        .collections
        .iter()
        .filter(|(_, report)| report.duplicates > 0)
    {
        let Some(first) = report.duplicate_examples.first() else {
            continue;
        };
        let earlier = first
            .earlier_line
            .map_or_else(String::new, |line| format!(" (also line {line})"));
        lines.push(String::new());
        lines.push(format!(
            "{}: {} with a key that was there before; the last one counts. First: {}:{}{earlier}",
            name.short(),
            count(report.duplicates, "record"),
            first.file,
            first.line,
        ));
    }
    lines
}

pub(crate) fn incomplete(report: &RunReport) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, report) in &report.collections {
        if let Some(reason) = report.incomplete_reason() {
            lines.push(format!(
                "{}: not everything was read: {reason}",
                name.short()
            ));
        }
    }
    lines
}

fn totals(report: &RunReport) -> Vec<String> {
    let sum =
        |value: fn(&CollectionReport) -> u64| report.collections.values().map(value).sum::<u64>();
    let read = sum(|report| report.read + report.unreadable);
    let seconds = (report.ended - report.started).max(0.001);
    let deleted = if deletes::are_told(report) {
        format!("{} deleted, ", number(sum(|report| report.deleted)))
    } else {
        String::new()
    };
    let mut lines = vec![
        String::new(),
        format!(
            "{} in {seconds:.1} s ({} a second): {} created, {} updated, {} unchanged, \
             {deleted}{} refused.",
            count(read, "record"),
            rate(read, seconds),
            number(sum(|report| report.created)),
            number(sum(|report| report.updated)),
            number(sum(|report| report.unchanged)),
            number(sum(|report| report.failed)),
        ),
        traffic(report),
    ];
    let caught_up = sum(|report| report.caught_up);
    if caught_up > 0 {
        lines.push(format!(
            "{} accepted when offered again.",
            count(caught_up, "record")
        ));
    }
    lines.extend(owed(report));
    lines
}

/// What is still to be done, and what becomes of it.
fn owed(report: &RunReport) -> Vec<String> {
    let absent = report.collections.values().map(|report| report.absent);
    let absent: u64 = absent.sum();
    let offered = report.owed.saturating_sub(absent);
    let mut lines = Vec::new();
    if offered > 0 {
        lines.push(format!(
            "{} still owed, and offered again by the next run.",
            count(offered, "record")
        ));
    }
    if absent > 0 {
        lines.push(format!(
            "{} still owed and no longer in the files, so not offered again: `syncline state \
             owed` lists them, `syncline state forget --owed` gives them up.",
            count(absent, "record")
        ));
    }
    lines
}

fn traffic(report: &RunReport) -> String {
    let traffic = &report.traffic;
    let parts = [
        (traffic.retries, "of them again"),
        (traffic.throttled, "answered with a request to slow down"),
        (traffic.unreachable, "without an answer"),
        (traffic.server_errors, "answered with a server error"),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(value, _)| *value > 0)
        .map(|(value, what)| format!(", {} {what}", number(value)))
        .collect();
    format!(
        "{} sent{}.",
        count(traffic.attempts, "request"),
        parts.concat()
    )
}

/// What a remediation program did, if it was asked.
pub(crate) fn remediated(report: Option<&RemedyReport>) -> Option<String> {
    let report = report.filter(|report| report.asked > 0)?;
    Some(format!(
        "{} shown to the remediation program: {} accepted then, and {} written besides.",
        count(report.asked, "refusal"),
        number(report.mended),
        count(report.additional, "record"),
    ))
}

/// Records a second, as a whole number.
pub(crate) fn rate(records: u64, seconds: f64) -> String {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate for a person"
    )]
    let rate = (records as f64 / seconds).round() as u64;
    number(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!(number(0), "0");
        assert_eq!(number(1_234_567), "1,234,567");
        assert_eq!(count(1, "retry"), "1 retry");
        assert_eq!(count(2000, "retry"), "2,000 retries");
    }
}
