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

/// What becomes of deletes that are held.
pub(crate) struct Held {
    /// The run that finds them again.
    pub(crate) next: &'static str,
    /// The command that makes them, without their number; `NAME` stands for the collection.
    pub(crate) command: String,
}

impl Held {
    /// Deletes of `send --prune`.
    pub(crate) fn by_send(config_file: Option<&Path>) -> Self {
        let config = option(config_file);
        Self {
            next: "The next run with --prune",
            command: format!("syncline send{config} -s NAME --prune"),
        }
    }

    /// Deletes of a publication between two stores.
    pub(crate) fn by_publish(config_file: Option<&Path>, (from, to): (&str, &str)) -> Self {
        let config = option(config_file);
        Self {
            next: "They are owed: the next publication",
            command: format!(
                "syncline publish{config} {from} {to} --include-only NAME --retry-owed"
            ),
        }
    }
}

fn option(config_file: Option<&Path>) -> String {
    config_file.map_or_else(String::new, |file| format!(" -c {}", file.display()))
}

/// Each collection in which deletes are held: by which limits, what was done, what allows them,
/// and what happens next.
pub(crate) fn held(report: &RunReport, held: &Held) -> Vec<String> {
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
        let next = held.next;
        if verdicts
            .iter()
            .any(|verdict| verdict.guard.name() == INCOMPLETE)
        {
            lines.push(format!(
                "  {next} deletes them if everything can be read then."
            ));
            continue;
        }
        lines.push(format!("  {next} finds them again. To delete them once:"));
        let command = held.command.replace("NAME", name.short());
        lines.push(format!("    {command} --allow-deletes {deletes}"));
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
