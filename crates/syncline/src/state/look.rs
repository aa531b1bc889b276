//! What is kept, in numbers, and the history of runs.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use syncline_ledger::{LedgerView, RunRow};

use super::{Chosen, Part, chosen, row, view};
use crate::{Config, Failure};

/// What is kept for one target and flow.
#[derive(Clone, Debug, Serialize)]
pub struct ScopeState {
    /// The target, as it names itself.
    pub target: String,
    /// The flow.
    pub flow: String,
    /// Its latest run.
    pub last_run: Option<RunState>,
    /// Its collections, by name.
    pub collections: Vec<CollectionState>,
}

/// What is kept for one collection.
#[derive(Clone, Debug, Serialize)]
pub struct CollectionState {
    /// Which.
    pub collection: String,
    /// Records that the target is believed to hold.
    pub held: u64,
    /// Changes that are still to be made, by why they were not.
    pub owed: BTreeMap<String, u64>,
    /// Lines that lightbeam sent and the target took.
    pub imported: u64,
    /// How far the source was read, if that was committed.
    pub mark: Option<String>,
}

impl CollectionState {
    /// Changes that are still to be made.
    pub fn owed_total(&self) -> u64 {
        self.owed.values().sum()
    }
}

/// One run of the history.
#[derive(Clone, Debug, Serialize)]
pub struct RunState {
    /// The target, as it names itself.
    pub target: String,
    /// The flow.
    pub flow: String,
    /// What was asked for.
    pub command: String,
    /// When it began, in UTC.
    pub started: String,
    /// When it ended; none while it goes on, or if it was killed.
    pub ended: Option<String>,
    /// How it ended: `completed`, `interrupted` or `failed`.
    pub outcome: Option<String>,
    /// What was done.
    pub counts: Option<Value>,
}

/// What is kept, by target and flow.
pub fn show(config: &Config, part: &Part) -> Result<Vec<ScopeState>, Failure> {
    let view = view(config)?;
    chosen(&view, part)?
        .into_iter()
        .map(|chosen| scope_state(&view, chosen))
        .collect()
}

fn scope_state(view: &LedgerView, chosen: Chosen) -> Result<ScopeState, Failure> {
    let owed = view.owed_counts(chosen.scope)?;
    let last_run = view.last_run(chosen.scope)?;
    let last_run = last_run.map(|run| run_state(run, &chosen.target, &chosen.flow));
    let collections = chosen.collections.into_iter().map(|row| {
        let classes = owed.get(&row.name).into_iter().flatten();
        CollectionState {
            owed: classes
                .map(|(class, count)| (class.to_string(), *count))
                .collect(),
            collection: row.name.to_string(),
            held: row.held,
            imported: row.imported,
            mark: row.mark.map(|mark| mark.0),
        }
    });
    Ok(ScopeState {
        collections: collections.collect(),
        target: chosen.target,
        flow: chosen.flow,
        last_run,
    })
}

/// The latest runs, newest first, at most `limit`.
pub fn runs(config: &Config, limit: u32) -> Result<Vec<RunState>, Failure> {
    let view = view(config)?;
    let scopes = view.scopes()?;
    let runs = view.runs(limit)?.into_iter().map(|run| {
        let scope = scopes.iter().find(|(scope, ..)| *scope == run.start.scope);
        let (target, flow) = scope.map_or(("", ""), |(_, target, flow)| (&target.0, flow));
        run_state(run, target, flow)
    });
    Ok(runs.collect())
}

fn run_state(run: RunRow, target: &str, flow: &str) -> RunState {
    RunState {
        target: target.to_owned(),
        flow: flow.to_owned(),
        command: run.start.command,
        started: row::time(run.start.started),
        ended: run.end.as_ref().map(|end| row::time(end.ended)),
        outcome: run.end.as_ref().map(|end| end.outcome.text().to_owned()),
        counts: run.end.map(|end| end.counts),
    }
}
