//! What was found in files, as a person wants to read it.

use syncline::{
    CheckedCollection, FindingGroup, ReferenceSummary, Severity, ValidateEnding, ValidateSummary,
};

use crate::summary::{count, number, rate};

/// Groups of problems that are shown for one collection.
const GROUPS_SHOWN: usize = 10;
/// Line numbers that are shown for one group.
const LINES_SHOWN: usize = 8;

/// The table, the problems and the sentences at the end.
pub(crate) fn summary(summary: &ValidateSummary) -> String {
    let mut lines = table(summary);
    lines.extend(summary.collections.iter().flat_map(problems));
    lines.extend(summary.references.iter().flat_map(references));
    lines.push(String::new());
    lines.push(totals(summary));
    match &summary.ending {
        ValidateEnding::Completed => {}
        ValidateEnding::Interrupted => {
            lines.push("Stopped before the end; what was not read is not checked.".to_owned());
        }
        ValidateEnding::TooManyErrors(name) => lines.push(format!(
            "Stopped at the greatest number of errors in {}; what was not read is not checked.",
            name.short()
        )),
    }
    lines.join("\n") + "\n"
}

fn table(summary: &ValidateSummary) -> Vec<String> {
    let names = summary.collections.iter().map(|one| one.name.short().len());
    let width = names.max().unwrap_or(0).max("collection".len());
    let mut lines = vec![format!(
        "{:width$} {:>10} {:>10} {:>10} {:>10}",
        "collection", "records", "not right", "errors", "warnings"
    )];
    lines.extend(summary.collections.iter().map(|one| {
        let [records, failed, errors, warnings] =
            [one.records, one.failed, one.errors, one.warnings].map(number);
        let name = one.name.short();
        format!("{name:width$} {records:>10} {failed:>10} {errors:>10} {warnings:>10}")
    }));
    lines
}

fn problems(collection: &CheckedCollection) -> Vec<String> {
    if collection.groups.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![String::new(), format!("{}:", collection.name.short())];
    let shown = collection.groups.iter().take(GROUPS_SHOWN);
    lines.extend(shown.flat_map(group));
    let more = collection.groups.len().saturating_sub(GROUPS_SHOWN);
    if more > 0 {
        let more = u64::try_from(more).unwrap_or(u64::MAX);
        lines.push(format!(
            "  ... and {}, in the results file (`--results-file FILE`)",
            count(more, "further problem")
        ));
    }
    lines
}

/// Where the references lead, and how the API was asked.
fn references(found: &ReferenceSummary) -> Vec<String> {
    let unchecked = match found.unchecked {
        0 => String::new(),
        count => format!(", {} not checked", number(count)),
    };
    let line = format!(
        "references: {} checked, {} in the files, {} in the API, {} nowhere{unchecked}",
        number(found.checked),
        number(found.in_files),
        number(found.in_api),
        number(found.missing),
    );
    let mut lines = vec![String::new(), line];
    lines.extend(found.words().map(|clause| format!("  {clause}")));
    lines
}

fn group(group: &FindingGroup) -> Vec<String> {
    let numbers: Vec<String> = group.lines.iter().map(ToString::to_string).collect();
    let mut shown = numbers.get(..LINES_SHOWN).unwrap_or(&numbers).join(", ");
    let some = group.lines.len() > LINES_SHOWN;
    if some {
        shown.push_str(", ...");
    }
    let word = if numbers.len() == 1 { "line" } else { "lines" };
    let times = if group.count == 1 {
        String::new()
    } else {
        format!("{}, ", count(group.count, "time"))
    };
    let first = match &group.within {
        Some(within) if group.count == 1 => format!(" ({within})"),
        Some(within) => format!(" (the first: {within})"),
        None => String::new(),
    };
    let severity = match group.severity {
        Severity::Error => group.method.to_string(),
        Severity::Warning => format!("{}, a warning", group.method),
    };
    let mut lines = vec![
        format!("  {severity}: {}", group.message),
        format!("    {times}{}, {word} {shown}{first}", group.file),
    ];
    lines.extend(group.hint.iter().map(|hint| format!("    hint: {hint}")));
    lines
}

fn totals(summary: &ValidateSummary) -> String {
    let seconds = (summary.ended - summary.began).max(0.001);
    let records = summary.sum(|one| one.records);
    let failed = summary.sum(|one| one.failed);
    let verdict = match (failed, summary.sum(|one| one.warnings)) {
        (0, 0) => "all of them are right".to_owned(),
        (0, warnings) => format!("all of them may be sent, {}", count(warnings, "warning")),
        (failed, _) => format!("{} would be refused", number(failed)),
    };
    format!(
        "{} in {seconds:.1} s ({} a second): {verdict}.",
        count(records, "record"),
        rate(records, seconds)
    )
}
