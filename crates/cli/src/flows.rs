//! What is told of flows: a plan, what became of it, and one record.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};
use syncline::{
    ApplySummary, ChangeKind, CollectionPlan, Ending, Explained, Failure, FlowPlan, FlowSide,
    Guard, PlanSummary, ProblemSide, ShownChange, shown_changes,
};

/// Changes of each collection and kind that a person is shown, if nothing is said.
const TEXT_CHANGES: usize = 3;
/// Changes of each collection and kind that a document holds, if nothing is said.
const DOCUMENT_CHANGES: usize = 20;

/// What is shown of single changes.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    /// How many of each collection and kind.
    pub(crate) each: Option<usize>,
    /// Whether with the values of fields.
    pub(crate) show_values: bool,
}

/// A plan as a person reads it.
pub(crate) fn of_plan(
    command: &str,
    summary: &PlanSummary,
    shown_of_each: Sample,
) -> Result<String, Failure> {
    let Sample { each, show_values } = shown_of_each;
    let each = each.unwrap_or(TEXT_CHANGES);
    let mut text = String::new();
    let plan = &summary.plan;
    table(&mut text, plan);
    for one in &plan.collections {
        details(&mut text, one);
    }
    let Some((path, _)) = &plan.written else {
        text.push_str("\nNothing can be planned until the problems above are put right.\n");
        return Ok(text);
    };
    let shown = if each == 0 {
        vec![]
    } else {
        shown_changes(path, each, show_values)?
    };
    for change in &shown {
        sample(&mut text, change);
    }
    let hides = !show_values && shown.iter().any(|change| !change.fields.is_empty());
    if hides {
        let of = if command == "plan" {
            ""
        } else {
            "`plan` with "
        };
        let _hidden = writeln!(text, "\nValues are hidden; {of}--show-values shows them.");
    }
    if plan.is_empty() {
        let what = if summary.of_some_kinds {
            "Nothing of the kinds that were asked for differs."
        } else {
            "Nothing differs."
        };
        let _nothing = writeln!(text, "\n{what}");
    } else if command == "plan" {
        let _fits = writeln!(
            text,
            "\nPlan {} is in {}.\nTo make it so: syncline apply {}",
            plan.id,
            path.display(),
            path.display()
        );
    }
    if plan.is_held() && command == "plan" {
        text.push_str(&held(plan));
    }
    Ok(text)
}

/// What can be done about what guards hold.
fn held(plan: &FlowPlan) -> String {
    let verdicts = plan.collections.iter().flat_map(|one| &one.verdicts);
    let guards: BTreeSet<Guard> = verdicts.map(|verdict| verdict.guard).collect();
    let (unread, lifted): (Vec<Guard>, Vec<Guard>) = guards
        .into_iter()
        .partition(|guard| *guard == Guard::IncompleteCoverage);
    let mut text = "What guards hold stays undone; the rest is applied.".to_owned();
    if !lifted.is_empty() {
        let names: Vec<&str> = lifted.iter().map(|guard| guard.name()).collect();
        text.push_str(" To allow it once, for this plan: --allow ");
        text.push_str(&names.join(","));
    }
    if !unread.is_empty() {
        text.push_str("\nDeletes after an incomplete reading cannot be allowed: put right what could not be read.");
    }
    text.push_str("\nThe next plan judges anew.\n");
    text
}

fn table(text: &mut String, plan: &FlowPlan) {
    let width = plan
        .collections
        .iter()
        .map(|one| one.name.as_str().len())
        .max()
        .unwrap_or(0)
        .max(10);
    let _head = writeln!(
        text,
        "{:width$} {:>9} {:>9} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}",
        "collection", "source", "target", "create", "update", "re-key", "leave", "delete", "held"
    );
    for one in &plan.collections {
        let _row = writeln!(
            text,
            "{:width$} {:>9} {:>9} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}",
            one.name.as_str(),
            one.source,
            one.target,
            one.creates,
            one.updates,
            one.rekeys,
            one.leaves,
            one.deletes,
            one.held_alone(),
        );
    }
}

fn details(text: &mut String, one: &CollectionPlan) {
    for verdict in &one.verdicts {
        let _fits = writeln!(text, "{}: held by a guard: {verdict}", one.name);
    }
    for (reason, count) in &one.held {
        let _fits = writeln!(text, "{}: {count} held: {reason}", one.name);
    }
    if let Some(known) = one.of_changes() {
        let _fits = writeln!(text, "{}: {known}", one.name);
    }
    if let Some(reason) = &one.incomplete {
        let _fits = writeln!(
            text,
            "{}: not everything was read ({reason}); nothing of it is deleted",
            one.name
        );
    }
    for problem in &one.problems {
        let side = match problem.side {
            ProblemSide::Source => "source",
            ProblemSide::Target => "target",
        };
        let _fits = writeln!(
            text,
            "{}: {side}: {}: {}",
            one.name, problem.place, problem.reason
        );
    }
    let told = u64::try_from(one.problems.len()).unwrap_or(u64::MAX);
    let more = (one.unfit + one.duplicates).saturating_sub(told);
    if more > 0 {
        let _fits = writeln!(text, "{}: and {more} problems more", one.name);
    }
}

fn sample(text: &mut String, change: &ShownChange) {
    let word = match change.kind {
        _ if change.leaves => "leave",
        ChangeKind::Create => "create",
        ChangeKind::Update => "update",
        ChangeKind::Rekey => "re-key",
        ChangeKind::Delete => "delete",
    };
    let _head = write!(text, "\n{word} {} {}", change.collection, change.key);
    if let Some(key) = &change.new_key {
        let _key = write!(text, " -> {key}");
    }
    if let Some(reason) = &change.held {
        let _held = write!(text, " (held: {reason})");
    }
    text.push('\n');
    for (field, was, is) in &change.fields {
        let side = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        let _field = writeln!(text, "    {field}: {} -> {}", side(was), side(is));
    }
}

/// A plan as a program reads it.
pub(crate) fn plan_document(
    command: &str,
    (summary, status): (&PlanSummary, u8),
    sample: Sample,
) -> Result<Value, Failure> {
    let plan = &summary.plan;
    let file = plan.written.as_ref().map(|(path, _)| path.clone());
    let changes = match &file {
        Some(path) if path.is_file() => {
            let each = sample.each.unwrap_or(DOCUMENT_CHANGES);
            shown_changes(path, each, sample.show_values)?
        }
        _ => vec![],
    };
    Ok(json!({
        "command": command,
        "exit_status": status,
        "flow": summary.flow,
        "plan": plan.id,
        "file": file.filter(|_| command == "plan"),
        "collections": plan.collections,
        "changes": changes,
    }))
}

/// What became of a plan, as a program reads it.
pub(crate) fn apply_document(command: &str, summary: &ApplySummary, status: u8) -> Value {
    let report = summary.report.as_ref();
    json!({
        "command": command,
        "exit_status": status,
        "plan": summary.plan.0,
        "file": summary.plan.1,
        "planned": summary.planned.as_ref().map(|plan| &plan.collections),
        "collections": report.map(|report| &report.collections),
        "owed": report.map(|report| report.owed),
        "reject_file": summary.reject_file,
        "outcome_file": summary.outcome_file,
    })
}

/// What became of a plan, as a person reads it.
pub(crate) fn of_apply(summary: &ApplySummary) -> String {
    let mut text = String::new();
    if let Some(plan) = &summary.planned {
        table(&mut text, plan);
        for one in &plan.collections {
            details(&mut text, one);
        }
    }
    let Some(report) = &summary.report else {
        text.push_str("Nothing was done: the problems above have to be put right first.\n");
        return text;
    };
    for (name, one) in &report.collections {
        let _row = writeln!(
            text,
            "{name}: {} created, {} updated, {} deleted, {} held, {} failed",
            one.created, one.updated, one.deleted, one.held, one.failed
        );
        for failure in &one.failures {
            let _why = writeln!(text, "    {} times: {}", failure.count, failure.message);
        }
        if summary.planned.is_none() {
            for verdict in &one.verdicts {
                let _why = writeln!(text, "    held by a guard: {verdict}");
            }
        }
    }
    let refused = |plan: &FlowPlan| plan.written.is_none();
    if summary.planned.as_ref().is_some_and(refused) {
        text.push_str("Nothing else was done: the problems above have to be put right first.\n");
    }
    match &report.ending {
        Ending::Completed => {}
        Ending::Interrupted => {
            text.push_str("Stopped; the same command goes on where it stopped.\n");
        }
        Ending::Failed(error) => {
            let _why = writeln!(
                text,
                "Stopped: {error}. What was done is remembered; the same command goes on."
            );
        }
    }
    if let Some(path) = &summary.reject_file {
        let _where = writeln!(text, "Refused records are in {}.", path.display());
    }
    let verdicts = report.collections.values().flat_map(|one| &one.verdicts);
    let guards: BTreeSet<Guard> = verdicts.map(|verdict| verdict.guard).collect();
    if !guards.is_empty() {
        let lifted = guards
            .iter()
            .filter(|guard| **guard != Guard::IncompleteCoverage)
            .map(|guard| guard.name());
        let lifted: Vec<&str> = lifted.collect();
        let how = if lifted.is_empty() {
            "a run that can read everything does it".to_owned()
        } else {
            format!("to allow it once: `--allow {}`", lifted.join(","))
        };
        let _how = writeln!(
            text,
            "What a guard holds was not done. To look at it: {}; {how}.",
            summary.plan.1.display()
        );
    }
    text
}

/// One record of a flow, as a person reads it.
pub(crate) fn of_explained(found: &Explained) -> String {
    let mut text = format!("{} {}\n", found.collection, found.key);
    let side = |side: &FlowSide| match side {
        FlowSide::There(Some(place)) => format!("there ({place})"),
        FlowSide::There(None) => "there".to_owned(),
        FlowSide::Missing => "missing".to_owned(),
    };
    let _sides = writeln!(
        text,
        "source: {}\ntarget: {}",
        side(&found.source),
        side(&found.target)
    );
    for clause in &found.ledger {
        let _known = writeln!(text, "ledger: {clause}");
    }
    for row in &found.fields {
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        let _field = writeln!(
            text,
            "    {}: {} -> {}",
            row.field,
            value(&row.target),
            value(&row.source)
        );
    }
    let both = found.source != FlowSide::Missing && found.target != FlowSide::Missing;
    if both && found.fields.is_empty() {
        text.push_str("Both say the same.\n");
    }
    text
}
