//! What `send --dry-run` found, as a person wants to read it.

use syncline::{CollectionReport, Ending, Planned, RunReport, SendSummary};

use crate::deletes;
use crate::summary::{count, duplicates, failures, incomplete, number};

/// The table and the sentences at the end of a run that only counted.
pub(crate) fn of_send(summary: &SendSummary) -> String {
    let report = &summary.report;
    let mut lines = table(report);
    lines.extend(failures(report));
    lines.extend(duplicates(report));
    lines.extend(incomplete(report));
    lines.extend(held(report));
    lines.extend(deletes::protected(report));
    lines.push(String::new());
    if report.owed > 0 {
        lines.push(format!(
            "{} of earlier runs not accepted yet.",
            count(report.owed, "record")
        ));
    }
    let all = matches!(report.ending, Ending::Completed);
    let ending = if all {
        "Nothing was sent: this was a dry run."
    } else {
        "Nothing was sent: this was a dry run, and it did not come to its end."
    };
    lines.push(ending.to_owned());
    lines.join("\n") + "\n"
}

fn table(report: &RunReport) -> Vec<String> {
    let names = report.collections.keys().map(|name| name.short().len());
    let width = names.max().unwrap_or(0).max("collection".len());
    let mut lines = vec![format!(
        "{:width$} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10}",
        "collection", "read", "to create", "to update", "unchanged", "to delete", "no record"
    )];
    lines.extend(report.collections.iter().map(|(name, report)| {
        let planned = planned(report);
        format!(
            "{:width$} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10}",
            name.short(),
            number(report.read + report.unreadable),
            number(planned.creates),
            number(planned.updates),
            number(report.unchanged),
            number(planned.deletes),
            number(report.unreadable),
        )
    }));
    lines
}

fn planned(report: &CollectionReport) -> Planned {
    report.planned.unwrap_or_default()
}

/// Deletes that a guard would keep back.
fn held(report: &RunReport) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, report) in &report.collections {
        if report.deletes_held > 0 {
            let deletes = count(report.deletes_held, "delete");
            lines.push(format!("{}: {deletes} held by a guard", name.short()));
            let verdicts = report.verdicts.iter();
            lines.extend(verdicts.map(|verdict| format!("  {verdict}")));
        }
    }
    lines
}
