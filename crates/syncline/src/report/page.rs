//! What stands in the page, in the order in which it stands there.

use std::collections::BTreeMap;

use serde::Serialize;
use syncline_engine::{CollectionPlan, CollectionReport, FlowPlan, RunReport, Side};
use syncline_model::CollectionName;
use syncline_plan::{
    Guard, PlanHeader, PlanReader, PlanSummary as PlanEnd, PlannedChange, Verdict,
};

use super::charts::{Part, bars};
use super::outcomes::{Outcomes, id_of as change_id};
use super::words::{
    holds, notes_of, places, state_of_plan, state_of_run, to_the_second, why, word,
};
use crate::Failure;
use crate::flow::{ApplySummary, PlanSummary, ShownChange, shown_of};

/// Most changes that a page holds.
const CHANGES_MAX: usize = 2_000;
/// Least changes of each collection and kind.
const CHANGES_EACH_MIN: usize = 5;
/// Kinds of change, held and leaving included.
const KINDS: usize = 6;

/// A page.
#[derive(Debug, Serialize)]
pub(super) struct Page {
    pub(super) title: String,
    /// What state things are in: a word for the colour, and a clause.
    pub(super) state: (&'static str, String),
    /// Name and value of what the page is about.
    pub(super) about: Vec<(&'static str, String)>,
    /// Word and count.
    pub(super) totals: Vec<(&'static str, u64)>,
    pub(super) collections: Vec<Row>,
    pub(super) guards: Vec<Held>,
    pub(super) problems: Vec<Told>,
    pub(super) failures: Vec<Declined>,
    pub(super) changes: Vec<Shown>,
    /// Changes that are not in the page.
    pub(super) left_out: u64,
    pub(super) shows_values: bool,
    pub(super) version: &'static str,
}

/// A collection.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) bar: Vec<Part>,
    pub(super) total: u64,
    /// Records of the source and of the target, and those that are as they should be.
    pub(super) sizes: Option<(u64, u64, u64)>,
    /// What a person should know besides.
    pub(super) notes: Vec<String>,
}

/// What a guard holds.
#[derive(Debug, Serialize)]
pub(super) struct Held {
    pub(super) collection: String,
    pub(super) guard: &'static str,
    /// What was observed, and what is allowed.
    pub(super) verdict: String,
    pub(super) why: &'static str,
    /// Which kinds of change are kept back.
    pub(super) holds: String,
    /// The command that allows it once; none if nothing does.
    pub(super) command: Option<String>,
}

/// Something that forbids a plan or is left out of it.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    pub(super) collection: String,
    pub(super) place: String,
    pub(super) reason: String,
}

/// Changes that were declined for one reason.
#[derive(Debug, Serialize)]
pub(super) struct Declined {
    pub(super) collection: String,
    pub(super) reason: String,
    pub(super) status: u16,
    pub(super) count: u64,
    pub(super) places: String,
}

/// A change.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    /// The word for its kind.
    pub(super) word: &'static str,
    /// What became of it: a word, and why.
    pub(super) outcome: Option<(&'static str, String)>,
    #[serde(flatten)]
    pub(super) change: ShownChange,
}

impl Page {
    /// A page of a plan.
    pub(super) fn of_plan(summary: &PlanSummary, show_values: bool) -> Result<Self, Failure> {
        let plan = &summary.plan;
        let file = plan.written.as_ref().map(|(path, _)| path.clone());
        let reader = file.as_deref().map(PlanReader::open).transpose()?;
        let mut page = Self::new(format!("Plan of {}", summary.flow), show_values);
        page.state = state_of_plan(plan);
        let named = file.as_ref().map(|file| file.display().to_string());
        page.of_planned(plan, named.as_deref());
        if let Some(mut reader) = reader {
            page.about_plan(reader.header());
            page.add_changes(&mut reader, None)?;
        }
        if let Some(file) = file.filter(|_| !plan.is_empty()) {
            page.about.push((
                "To make it so",
                format!("syncline apply {}", file.display()),
            ));
        }
        Ok(page)
    }

    /// A page of a run.
    pub(super) fn of_run(summary: &ApplySummary, show_values: bool) -> Result<Self, Failure> {
        let (id, file) = &summary.plan;
        let Some(report) = &summary.report else {
            let mut page = Self::new("Nothing was done".to_owned(), show_values);
            page.state = ("bad", "problems have to be put right first".to_owned());
            if let Some(plan) = &summary.planned {
                page.of_planned(plan, None);
            }
            return Ok(page);
        };
        let mut reader = PlanReader::open(file)?;
        let header = reader.header();
        let mut page = Self::new(format!("Run of {}", header.flow), show_values);
        page.state = state_of_run(report);
        page.about_plan(header);
        page.about.push(("Plan", id.clone()));
        let seconds = report.ended - report.started;
        page.about.push(("Took", format!("{seconds:.1} s")));
        if let Some(rejects) = &summary.reject_file {
            page.about
                .push(("Refused records", rejects.display().to_string()));
        }
        let planned = summary.planned.as_ref();
        if let Some(plan) = planned {
            page.add_problems(plan);
        }
        page.of_done(
            report,
            (reader.summary(), planned),
            &file.display().to_string(),
        );
        let outcomes = (summary.outcome_file.as_deref(), id.as_str());
        page.add_changes(&mut reader, Some(Outcomes::find(outcomes)?))?;
        Ok(page)
    }

    fn new(title: String, shows_values: bool) -> Self {
        Self {
            title,
            state: ("", String::new()),
            about: vec![],
            totals: vec![],
            collections: vec![],
            guards: vec![],
            problems: vec![],
            failures: vec![],
            changes: vec![],
            left_out: 0,
            shows_values,
            version: env!("CARGO_PKG_VERSION"),
        }
    }

    fn about_plan(&mut self, header: &PlanHeader) {
        self.about.extend([
            ("From", header.source.identity.0.clone()),
            ("To", header.target.identity.0.clone()),
            ("Planned", to_the_second(&header.created)),
        ]);
    }

    fn of_planned(&mut self, plan: &FlowPlan, file: Option<&str>) {
        let counts: Vec<_> = plan.collections.iter().map(kinds_of).collect();
        let rows = plan.collections.iter().zip(bars(&counts));
        self.collections = rows.map(|(one, bar)| row_of(one, bar)).collect();
        self.totals = totals(&counts);
        let unchanged = plan.collections.iter().map(|one| one.unchanged).sum();
        self.totals.push(("unchanged", unchanged));
        self.add_problems(plan);
        for one in &plan.collections {
            self.add_guards(&one.name, &one.verdicts, file);
        }
    }

    fn of_done(
        &mut self,
        report: &RunReport,
        (end, planned): (&PlanEnd, Option<&FlowPlan>),
        file: &str,
    ) {
        let counts: Vec<_> = report.collections.values().map(done_of).collect();
        let rows = report.collections.iter().zip(bars(&counts));
        for ((name, one), bar) in rows {
            let known = planned.iter().flat_map(|plan| &plan.collections);
            let known = known.into_iter().find(|plan| plan.name == *name);
            let changes = end.counts.get(name).into_iter().flat_map(BTreeMap::values);
            let meant: u64 = changes.sum();
            let done = one.accepted() + one.held + one.failed;
            let mut notes = known.map(notes_of).unwrap_or_default();
            notes.extend(one.error.clone());
            if meant > done {
                let left = meant - done;
                notes.push(format!(
                    "{left} changes of the plan were not offered in this run"
                ));
            }
            self.collections.push(Row {
                name: name.as_str().to_owned(),
                total: bar.iter().map(|part| part.count).sum(),
                bar,
                sizes: known.map(|plan| (plan.source, plan.target, plan.unchanged)),
                notes,
            });
            self.add_guards(name, &one.verdicts, Some(file));
            self.failures
                .extend(one.failures.iter().map(|group| Declined {
                    collection: name.as_str().to_owned(),
                    reason: group.message.clone(),
                    status: group.status,
                    count: group.count,
                    places: places(&group.file, &group.lines),
                }));
        }
        self.failures
            .sort_by_key(|group| std::cmp::Reverse(group.count));
        self.totals = totals(&counts);
        self.totals.push(("owed", report.owed));
    }

    fn add_problems(&mut self, plan: &FlowPlan) {
        for one in &plan.collections {
            self.problems.extend(one.problems.iter().map(|problem| {
                let side = match problem.side {
                    Side::Source => "source",
                    Side::Target => "target",
                };
                Told {
                    collection: one.name.as_str().to_owned(),
                    place: format!("{side}: {}", problem.place),
                    reason: problem.reason.clone(),
                }
            }));
        }
    }

    fn add_guards(&mut self, name: &CollectionName, verdicts: &[Verdict], file: Option<&str>) {
        self.guards.extend(verdicts.iter().map(|verdict| {
            Held {
                collection: name.as_str().to_owned(),
                guard: verdict.guard.name(),
                verdict: verdict.to_string(),
                why: why(verdict.guard),
                holds: holds(verdict),
                command: file
                    .filter(|_| verdict.guard != Guard::IncompleteCoverage)
                    .map(|file| format!("syncline apply {file} --allow {}", verdict.guard.name())),
            }
        }));
    }

    /// Some of each collection and kind; of a run, what failed comes first.
    fn add_changes(
        &mut self,
        reader: &mut PlanReader,
        outcomes: Option<Outcomes<'_>>,
    ) -> Result<(), Failure> {
        let collections = reader.header().collections.len();
        let each = CHANGES_MAX / (collections.max(1) * KINDS);
        let each = each.max(CHANGES_EACH_MIN);
        let failed = |change: &PlannedChange| {
            let mut all = outcomes.iter();
            all.any(|outcomes| outcomes.failed(change))
        };
        let mut shown = shown_of(reader, (each, self.shows_values), failed)?;
        let mut known = match outcomes {
            Some(outcomes) => Some(outcomes.of(&shown)?),
            None => None,
        };
        let mut became = |change: &ShownChange| {
            let known = known.as_mut()?;
            Some(
                known
                    .remove(&change_id(change))
                    .unwrap_or(("open", String::new())),
            )
        };
        let mut changes: Vec<Shown> = shown
            .drain(..)
            .map(|change| Shown {
                word: word(change.kind, change.leaves),
                outcome: became(&change),
                change,
            })
            .collect();
        changes.sort_by_key(|one| !matches!(one.outcome, Some(("failed" | "moved", _))));
        changes.truncate(CHANGES_MAX);
        self.left_out = reader
            .summary()
            .changes()
            .saturating_sub(changes.len() as u64);
        self.changes = changes;
        Ok(())
    }
}

fn kinds_of(one: &CollectionPlan) -> Vec<(&'static str, u64)> {
    vec![
        ("create", one.creates),
        ("update", one.updates),
        ("re-key", one.rekeys),
        ("leave", one.leaves),
        ("delete", one.deletes),
        ("held", one.held_alone()),
    ]
}

fn done_of(one: &CollectionReport) -> Vec<(&'static str, u64)> {
    vec![
        ("created", one.created),
        ("updated", one.updated),
        ("deleted", one.deleted),
        ("held", one.held),
        ("failed", one.failed),
    ]
}

/// The sums over all collections, in the order of the kinds.
fn totals(counts: &[Vec<(&'static str, u64)>]) -> Vec<(&'static str, u64)> {
    let mut sums: Vec<(&'static str, u64)> = Vec::new();
    for (kind, count) in counts.iter().flatten() {
        match sums.iter_mut().find(|(word, _)| word == kind) {
            Some((_, sum)) => *sum += count,
            None => sums.push((kind, *count)),
        }
    }
    sums
}

fn row_of(one: &CollectionPlan, bar: Vec<Part>) -> Row {
    Row {
        name: one.name.as_str().to_owned(),
        total: one.differences(),
        bar,
        sizes: Some((one.source, one.target, one.unchanged)),
        notes: notes_of(one),
    }
}
