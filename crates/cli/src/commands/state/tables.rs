//! What is kept, as a person wants to read it.

use syncline::state::{CollectionState, OwedState, RunState, ScopeState, StateImport};

use crate::summary::{count, number};
use crate::table::table;

/// One target and flow.
pub(super) fn of_scope(scope: &ScopeState) -> String {
    let mut text = format!("{} ({})\n", scope.target, scope.flow);
    let last = scope.last_run.as_ref();
    let last = last.map_or_else(
        || "none".to_owned(),
        |run| format!("{} {}", run.started, of_run(run)),
    );
    text.extend(["  last run: ", &last, "\n"]);
    if scope.collections.is_empty() {
        return text + "  nothing is known\n\n";
    }
    let mut rows = vec![["collection", "held", "owed", "imported", "mark"].map(str::to_owned)];
    rows.extend(scope.collections.iter().map(|one| {
        [
            one.collection.clone(),
            number(one.held),
            number(one.owed_total()),
            number(one.imported),
            one.mark.clone().unwrap_or_default(),
        ]
    }));
    text += &table(&rows);
    for line in scope.collections.iter().filter_map(owed_classes) {
        text += &line;
    }
    text + "\n"
}

/// Why changes of a collection are owed, if any are.
fn owed_classes(one: &CollectionState) -> Option<String> {
    let classes: Vec<String> = one
        .owed
        .iter()
        .map(|(class, count)| format!("{} {class}", number(*count)))
        .collect();
    (!classes.is_empty()).then(|| format!("  owed in {}: {}\n", one.collection, classes.join(", ")))
}

/// The history.
pub(super) fn of_runs(runs: &[RunState]) -> String {
    let lines: Vec<String> = runs
        .iter()
        .map(|run| format!("{}  {}\n    {}\n", run.started, of_run(run), run.target))
        .collect();
    lines.concat()
}

/// What was asked for, and what came of it.
fn of_run(run: &RunState) -> String {
    let outcome = run.outcome.as_deref().unwrap_or("not ended, or killed");
    let counts: Vec<String> = run
        .counts
        .as_ref()
        .and_then(serde_json::Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(what, value)| Some((what, value.as_u64().filter(|value| *value > 0)?)))
        .map(|(what, value)| format!("{} {what}", number(value)))
        .collect();
    let counts = if counts.is_empty() {
        String::new()
    } else {
        format!(": {}", counts.join(", "))
    };
    format!("{}, {outcome}{counts}", run.command)
}

/// A change that is owed.
pub(super) fn of_owed(owed: &OwedState) -> String {
    let line = owed.line.map(|line| format!(":{line}")).unwrap_or_default();
    let status = match owed.status {
        0 => String::new(),
        status => format!(" ({status})"),
    };
    let mut text = format!(
        "{} {}{line}: {}{status}: {}\n    {}, first {}, last {}; key digest {}\n",
        owed.collection,
        owed.file,
        owed.class,
        owed.reason,
        count(u64::from(owed.attempts), "attempt"),
        owed.first_at,
        owed.last_at,
        owed.key_digest,
    );
    if let Some(values) = &owed.values {
        text.extend(["    ", &values.key, " ", values.body.get(), "\n"]);
    }
    text
}

/// What was imported.
pub(super) fn of_import(imported: &StateImport) -> String {
    let mut rows = vec![["collection", "taken over", "refused there"].map(str::to_owned)];
    rows.extend(imported.collections.iter().map(|one| {
        [
            one.collection.clone(),
            number(one.accepted),
            number(one.declined),
        ]
    }));
    format!(
        "{}\n{}What was taken over is not sent again to this API; what was refused there is sent.\n",
        imported.target,
        table(&rows)
    )
}
