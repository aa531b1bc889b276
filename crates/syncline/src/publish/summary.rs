//! What came of publishing, over all passes.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::PathBuf;

use syncline_engine::{
    CollectionReport, Ending, EngineError, PartReport, PublishReport, RunReport,
};
use syncline_model::CollectionName;
use syncline_store_edfi::{Feed, Isolation};

use crate::send::failure_status;
use crate::{Dialect, KeptPosition, RemedyReport};

/// Status of an answer by which the target says that the caller may not do something.
const FORBIDDEN: u16 = 403;
/// What is said where not all that is missing was looked for.
const LOOKS_NO_FURTHER: &str = "more of what records refer to is missing in the target than one run \
     looks up: the next one goes on";
/// Exit status where a guard kept something back.
const HELD: u8 = 4;

/// What came of publishing.
#[derive(Debug)]
pub struct PublishSummary {
    /// Name of the store that was published.
    pub from: String,
    /// Name of the store that it was published to.
    pub to: String,
    /// The snapshot that was read: its name, empty where the source has only one; nothing if the
    /// live data was read.
    pub snapshot: Option<String>,
    /// The newest change version of the source when it was read last.
    pub newest: Option<u64>,
    /// How often the source was read.
    pub passes: u32,
    /// What was done to each collection.
    pub report: RunReport,
    /// How far each collection is published.
    pub parts: BTreeMap<CollectionName, PartReport>,
    /// Where refused records are, if there are any.
    pub reject_file: Option<PathBuf>,
    /// Whose exit codes apply.
    pub dialect: Dialect,
    /// What could not be published, one clause each.
    pub notes: Vec<String>,
    /// Whether what the caller may not write leaves the exit status at 0.
    pub forbidden_as_warning: bool,
    /// What the remediation program did, if there is one.
    pub remediation: Option<RemedyReport>,
    /// How far the source is published, where its connection is kept.
    pub kept: Option<KeptPosition>,
}

impl PublishSummary {
    pub(super) fn new((from, to): (&str, &str), feed: &Feed, dialect: Dialect) -> Self {
        Self {
            from: from.to_owned(),
            to: to.to_owned(),
            snapshot: match feed.isolation() {
                Isolation::Snapshot(name) => Some(name.clone()),
                Isolation::None => None,
            },
            newest: feed.newest(),
            passes: 0,
            report: RunReport {
                started: 0.0,
                ended: 0.0,
                ending: Ending::Completed,
                collections: BTreeMap::new(),
                traffic: syncline_store::layers::TrafficCounts::default(),
                owed: 0,
            },
            parts: BTreeMap::new(),
            reject_file: None,
            dialect,
            notes: vec![],
            forbidden_as_warning: false,
            remediation: None,
            kept: None,
        }
    }

    /// A further pass reads through this.
    pub(super) fn read_through(&mut self, feed: &Feed) {
        self.snapshot = match feed.isolation() {
            Isolation::Snapshot(name) => Some(name.clone()),
            Isolation::None => None,
        };
        self.newest = feed.newest();
    }

    /// How often the source was read.
    pub(super) const fn passes(&self) -> u32 {
        self.passes
    }

    /// Adds what a further pass did.
    pub(super) fn add(&mut self, pass: PublishReport) {
        let earlier = std::mem::take(&mut self.report.collections);
        let (started, traffic) = (self.report.started, self.report.traffic);
        self.report = pass.run;
        if self.passes > 0 {
            self.report.started = started;
            self.report.traffic = sum(traffic, self.report.traffic);
        }
        for (name, earlier) in earlier {
            match self.report.collections.entry(name) {
                Entry::Occupied(mut report) => add_counts(report.get_mut(), &earlier),
                // Only the earlier pass fetched something of it.
                Entry::Vacant(place) => drop(place.insert(earlier)),
            }
        }
        if pass.looks_no_further {
            self.notes.push(LOOKS_NO_FURTHER.to_owned());
            self.notes.dedup();
        }
        for (name, mut part) in pass.parts {
            if let Some(earlier) = self.parts.get(&name) {
                part.from.clone_from(&earlier.from);
                part.replayed += earlier.replayed;
                part.rekeyed += earlier.rekeyed;
                part.gone += earlier.gone;
                part.fetched += earlier.fetched;
                part.left_alone = part.left_alone.max(earlier.left_alone);
            }
            if let Some(mark) = part.to.as_ref().and_then(|mark| mark.0.parse().ok()) {
                self.newest = self.newest.max(Some(mark));
            }
            self.parts.insert(name, part);
        }
        self.passes += 1;
    }

    /// Whether the last pass came to its end.
    pub(super) const fn is_whole(&self) -> bool {
        matches!(self.report.ending, Ending::Completed)
    }

    /// Collections whose mark did not move, and why.
    pub fn behind(&self) -> impl Iterator<Item = (&CollectionName, &str)> {
        let parts = self.parts.iter();
        parts.filter_map(|(name, part)| Some((name, part.behind.as_deref()?)))
    }

    /// Changes that are owed now.
    pub fn owed(&self) -> u64 {
        self.parts.values().map(|part| part.owed).sum()
    }

    /// Deletes that guards keep back.
    pub fn deletes_held(&self) -> u64 {
        let reports = self.report.collections.values();
        reports.map(|report| report.deletes_held).sum()
    }

    /// The exit status: 0 only if everything is in the target and proved.
    pub fn exit_status(&self) -> u8 {
        match &self.report.ending {
            Ending::Failed(EngineError::TooManyDeclined { .. }) => HELD,
            Ending::Failed(error) => failure_status(error),
            Ending::Interrupted => 5,
            Ending::Completed => {
                let failed = self.report.collections.values().any(|one| self.fails(one));
                let remediation = self.remediation.as_ref();
                let broken = remediation.is_some_and(|report| report.broken.is_some());
                if self.deletes_held() > 0 {
                    return HELD;
                }
                let unkept = self.kept.as_ref().is_some_and(|kept| kept.error.is_some());
                u8::from(failed || broken || unkept || self.behind().next().is_some())
            }
        }
    }

    /// The change version up to which everything that was asked for is in the target, if it is.
    pub(super) fn proved(&self) -> Option<u64> {
        if self.exit_status() != 0 || self.owed() > 0 {
            return None;
        }
        let version = |part: &PartReport| part.to.as_ref()?.0.parse::<u64>().ok();
        let parts = self.parts.values().filter(|part| !part.only_fetched);
        let versions = parts.map(version);
        versions.collect::<Option<Vec<u64>>>()?.into_iter().min()
    }

    fn fails(&self, report: &CollectionReport) -> bool {
        let forbidden: u64 = report
            .failures
            .iter()
            .filter(|group| group.status == FORBIDDEN && self.forbidden_as_warning)
            .map(|group| group.count)
            .sum();
        report.error.is_some() || report.failed > forbidden
    }
}

/// Adds what an earlier pass did; what failed then was offered again since.
fn add_counts(report: &mut CollectionReport, earlier: &CollectionReport) {
    report.read += earlier.read;
    report.unreadable += earlier.unreadable;
    report.unchanged += earlier.unchanged;
    report.created += earlier.created;
    report.updated += earlier.updated;
    report.deleted += earlier.deleted;
    report.missing += earlier.missing;
    report.caught_up += earlier.caught_up;
    report.protected = report.protected.max(earlier.protected);
    for (status, count) in &earlier.statuses {
        *report.statuses.entry(*status).or_default() += count;
    }
}

type Traffic = syncline_store::layers::TrafficCounts;

const fn sum(one: Traffic, other: Traffic) -> Traffic {
    Traffic {
        attempts: one.attempts + other.attempts,
        retries: one.retries + other.retries,
        throttled: one.throttled + other.throttled,
        unreachable: one.unreachable + other.unreachable,
        server_errors: one.server_errors + other.server_errors,
    }
}
