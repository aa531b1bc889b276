//! What `send --prune` deleted, what guards kept back, and how that can be allowed.

use std::path::Path;

use syncline::{CollectionReport, RunReport};

use crate::summary::{count, number};

/// The guard that no option lifts.
const INCOMPLETE: &str = "incomplete-coverage";

/// Whether deleting was part of a run that wrote.
pub(crate) fn are_told(report: &RunReport) -> bool {
    let of = |report: &CollectionReport| report.deleted + report.missing + report.deletes_held;
    report.collections.values().any(|report| of(report) > 0)
}

/// Each collection in which deletes are held: by which limits, what was done, what allows them,
/// and what happens next.
pub(crate) fn held(report: &RunReport, config_file: Option<&Path>) -> Vec<String> {
    let config = config_file.map_or_else(String::new, |file| format!(" -c {}", file.display()));
    let mut lines = Vec::new();
    for (name, report) in &report.collections {
        if report.deletes_held == 0 {
            continue;
        }
        let deletes = report.deletes_held;
        lines.push(String::new());
        lines.push(format!(
            "{}: {} not deleted, held by a guard",
            name.short(),
            count(deletes, "record")
        ));
        let verdicts = &report.verdicts;
        lines.extend(verdicts.iter().map(|verdict| format!("  {verdict}")));
        lines.push(
            "  Nothing of this collection was deleted; what is new or changed in it was sent."
                .to_owned(),
        );
        if verdicts
            .iter()
            .any(|verdict| verdict.guard.name() == INCOMPLETE)
        {
            let next = "  The next run with --prune deletes them if everything can be read then.";
            lines.push(next.to_owned());
            continue;
        }
        lines.push("  The next run with --prune finds them again. To delete them once:".to_owned());
        lines.push(format!(
            "    syncline send{config} -s {} --prune --allow-deletes {deletes}",
            name.short()
        ));
    }
    lines
}

/// Records that would go if they were not protected.
pub(crate) fn protected(report: &RunReport) -> Vec<String> {
    let protected = report
        .collections
        .iter()
        .filter(|(_, report)| report.protected > 0);
    protected
        .map(|(name, report)| {
            format!(
                "{}: {} no longer there and protected, left alone",
                name.short(),
                number(report.protected)
            )
        })
        .collect()
}
