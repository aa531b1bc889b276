//! The words of a page: what a kind, a state, a guard and a place are called.

use syncline_engine::{CollectionPlan, Ending, FlowPlan, RunReport};
use syncline_model::ChangeKind;
use syncline_plan::{Guard, Verdict};

/// Most lines of files that a reason of failures names.
const LINES_MAX: usize = 10;

pub(super) const fn word(kind: ChangeKind, leaves: bool) -> &'static str {
    match kind {
        _ if leaves => "leave",
        ChangeKind::Create => "create",
        ChangeKind::Update => "update",
        ChangeKind::Rekey => "re-key",
        ChangeKind::Delete => "delete",
    }
}

pub(super) fn notes_of(one: &CollectionPlan) -> Vec<String> {
    let held = one.held.iter();
    let mut notes: Vec<String> = held
        .map(|(reason, count)| format!("{count} held: {reason}"))
        .collect();
    notes.extend(one.of_changes().map(str::to_owned));
    if let Some(reason) = &one.incomplete {
        notes.push(format!(
            "not everything was read ({reason}); nothing of it is deleted"
        ));
    }
    let told = u64::try_from(one.problems.len()).unwrap_or(u64::MAX);
    let more = (one.unfit + one.duplicates).saturating_sub(told);
    if more > 0 {
        notes.push(format!("and {more} problems more than are told one by one"));
    }
    notes
}

pub(super) fn state_of_plan(plan: &FlowPlan) -> (&'static str, String) {
    if plan.written.is_none() {
        (
            "bad",
            "nothing can be planned until problems are put right".to_owned(),
        )
    } else if plan.is_held() {
        (
            "held",
            "a guard holds a part; the rest can be applied".to_owned(),
        )
    } else if plan.is_empty() {
        ("good", "nothing differs".to_owned())
    } else {
        ("open", "ready to be applied".to_owned())
    }
}

pub(super) fn state_of_run(report: &RunReport) -> (&'static str, String) {
    let mut all = report.collections.values();
    match &report.ending {
        Ending::Interrupted => ("held", "stopped; the same command goes on".to_owned()),
        Ending::Failed(error) => ("bad", format!("stopped: {error}")),
        Ending::Completed if all.any(|one| one.failed > 0) => {
            ("bad", "done, and some changes were declined".to_owned())
        }
        Ending::Completed
            if report
                .collections
                .values()
                .any(|one| !one.verdicts.is_empty()) =>
        {
            ("held", "done, except for what a guard holds".to_owned())
        }
        Ending::Completed => ("good", "done".to_owned()),
    }
}

pub(super) const fn why(guard: Guard) -> &'static str {
    match guard {
        Guard::IncompleteCoverage => {
            "Not everything was read. What was not read may be there, so nothing is deleted."
        }
        Guard::EmptySource => {
            "The source has no records at all, though there were some: an export may have failed."
        }
        Guard::ShrunkenSource => {
            "The source has far fewer records than before: an export may have been cut off."
        }
        Guard::DeleteShare | Guard::DeleteCount => {
            "More would be deleted than is usual: a filter or an export may have gone wrong."
        }
        Guard::UpdateShare => {
            "More would be changed than is usual: a field map may have gone wrong."
        }
        _ => "More would be done than is usual.",
    }
}

pub(super) fn holds(verdict: &Verdict) -> String {
    let words: Vec<&str> = verdict
        .holds
        .iter()
        .map(|kind| word(*kind, false))
        .collect();
    words.join(", ")
}

/// A time without what nobody reads.
pub(super) fn to_the_second(time: &str) -> String {
    let whole = time.split('.').next().unwrap_or(time);
    let whole = whole.strip_suffix('Z').unwrap_or(whole);
    format!("{} UTC", whole.replace('T', " "))
}

/// Where declined records were read.
pub(super) fn places(file: &str, lines: &[u64]) -> String {
    if file.is_empty() || lines.is_empty() {
        return file.to_owned();
    }
    let some: Vec<String> = lines
        .iter()
        .take(LINES_MAX)
        .map(ToString::to_string)
        .collect();
    let more = if lines.len() > LINES_MAX { ", ..." } else { "" };
    format!("{file}: {}{more}", some.join(", "))
}
