//! What others look up in the target is written before them.
//!
//! A database may give its rows numbers of its own, by which others refer to them. What has not been
//! written has no number yet, and rows that look it up do not fit; once it is written, they do.

use std::collections::BTreeSet;

use syncline_engine::{Ending, FlowPart, Only, RunReport};
use syncline_model::{Catalog, ChangeKind, CollectionName};

use super::apply::ApplySummary;
use super::open::find_collection;
use super::plan::FlowArgs;
use super::settings::{FlowSettings, LookupSettings};

/// The collections of the target that a flow fills and that it looks up in, in the order in which they are
/// written.
pub(super) fn looked_up(
    settings: &FlowSettings,
    target: &Catalog,
    parts: &[FlowPart],
) -> Vec<CollectionName> {
    let read = settings.lookups.values().filter_map(|lookup| match lookup {
        LookupSettings::Records {
            of_target: true,
            collection,
            ..
        } => find_collection(target, collection).ok(),
        _ => None,
    });
    let read: BTreeSet<&CollectionName> = read.map(|collection| &collection.name).collect();
    let names = parts.iter().map(|part| &part.collection.name);
    names.filter(|name| read.contains(name)).cloned().collect()
}

/// What is to be written of a collection before the others; nothing if that was not asked for.
pub(super) fn before_others(flow: &FlowArgs, name: &CollectionName) -> Option<FlowArgs> {
    let only = &flow.only;
    let is_meant = only.is_every_change() && only.takes_collection(name);
    is_meant.then(|| FlowArgs {
        only: Only {
            collections: BTreeSet::from([name.clone()]),
            kinds: BTreeSet::from([ChangeKind::Create, ChangeKind::Update]),
            ..Only::default()
        },
        since: None,
        ..flow.clone()
    })
}

/// Whether rows did not fit.
pub(super) fn has_unfit(summary: &ApplySummary) -> bool {
    let planned = summary.planned.iter().flat_map(|plan| &plan.collections);
    planned.into_iter().any(|one| one.unfit > 0)
}

/// Whether a run came to its end, if there was one.
pub(super) const fn is_over(summary: &ApplySummary) -> bool {
    match &summary.report {
        None => true,
        Some(report) => matches!(report.ending, Ending::Completed),
    }
}

/// Whether a run wrote anything of these collections.
pub(super) fn has_written(summary: &ApplySummary, names: &[CollectionName]) -> bool {
    let report = summary.report.as_ref();
    let reports = names
        .iter()
        .filter_map(|name| report?.collections.get(name));
    reports.into_iter().any(|one| one.created + one.updated > 0)
}

/// The last of some runs, with what those before it wrote.
pub(super) fn with_earlier(mut last: ApplySummary, earlier: Vec<ApplySummary>) -> ApplySummary {
    for summary in earlier {
        let Some(report) = summary.report else {
            continue;
        };
        if let (Some(plan), Some(planned)) = (&mut last.planned, &summary.planned) {
            for one in &mut plan.collections {
                let known = planned
                    .collections
                    .iter()
                    .find(|known| known.name == one.name);
                one.creates += known.map_or(0, |known| known.creates);
                one.updates += known.map_or(0, |known| known.updates);
            }
        }
        match &mut last.report {
            None => last.report = Some(report),
            Some(now) => add(now, report),
        }
    }
    last
}

fn add(now: &mut RunReport, earlier: RunReport) {
    now.started = now.started.min(earlier.started);
    for (name, one) in earlier.collections {
        let known = now.collections.entry(name).or_default();
        known.created += one.created;
        known.updated += one.updated;
    }
}
