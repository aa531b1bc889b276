//! From what was noted to what is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use syncline_check::{Method, Problem, ReferenceSeen, Severity};
use syncline_model::CollectionName;
use syncline_plan::RowSorter;
use syncline_store_edfi::EdfiStore;

use super::merge::{Ending, LISTED_MAX, Open, ending, still_open};
use super::notes::Reader;
use super::remote::Resolver;
use super::revisit::revisit;
use super::row::ROW;
use super::targets::TargetId;
use super::wanted::Wanted;
use super::{MEMORY_BUDGET, ReferenceSummary, References};
use crate::validate::finding::{Finding, Findings};
use crate::{Failure, FailureKind};

/// What was found.
#[derive(Debug)]
pub(crate) struct Settled {
    pub(crate) findings: BTreeMap<CollectionName, Findings>,
    pub(crate) summary: ReferenceSummary,
    /// A collection that has as many errors as are to be borne.
    pub(crate) too_many: Option<CollectionName>,
}

/// Errors of each collection that are to be borne beyond those it has; nothing means any number.
pub(crate) type Room = Option<BTreeMap<CollectionName, u64>>;

/// What the API could not be asked.
type Reasons = BTreeMap<TargetId, BTreeSet<String>>;

impl References {
    /// Finds out what is missing, once all files have been read.
    pub(crate) async fn settle(
        self: Arc<Self>,
        api: &EdfiStore,
        room: Room,
    ) -> Result<Settled, Failure> {
        let mut summary = ReferenceSummary::default();
        let this = Arc::clone(&self);
        let open = blocking(move || this.merge()).await?;
        summary.in_files = open.found;
        let mut reasons = Reasons::new();
        let (rows, unknown) = if self.remote && !open.rows.is_empty() {
            let targets = Arc::clone(&self.targets);
            let mut resolver = Resolver::new(api, &targets, Wanted::new(open.keys, open.rows));
            resolver.read_collections().await?;
            let (this, wanted) = (Arc::clone(&self), resolver.wanted);
            resolver.wanted = blocking(move || this.tell_keys(wanted)).await?;
            resolver.ask_for_keys().await?;
            reasons.clone_from(resolver.reasons());
            summary.look_ups = resolver.report.look_ups;
            resolver.wanted.into_rows()
        } else {
            (open.rows, BTreeSet::new())
        };
        blocking(move || self.name(rows, &unknown, &reasons, (summary, room))).await
    }

    /// What is not in the files.
    fn merge(&self) -> Result<Open, Failure> {
        let mut noted = self.noted();
        if let Some(error) = noted.error.take() {
            return Err(error.into());
        }
        let rows = std::mem::replace(&mut noted.rows, self.sorter());
        let found = noted.found;
        noted.known = Arc::default();
        noted.keys = Vec::new();
        drop(noted);
        let mut open = still_open(rows.finish()?, self.sorter(), LISTED_MAX)?;
        open.found += found;
        Ok(open)
    }

    /// Reads the keys that are to be asked for.
    fn tell_keys(&self, mut wanted: Wanted) -> Result<Wanted, Failure> {
        let mut spots = self.sorter();
        wanted.spots(&mut spots)?;
        let mut reader = Reader::default();
        revisit(
            &self.units,
            &self.schemas,
            spots.finish()?,
            &mut |_, row, seen| {
                wanted.tell(row.key, reader.text(seen));
            },
        )?;
        Ok(wanted)
    }

    /// Puts what is missing into words.
    fn name(
        &self,
        rows: RowSorter<ROW>,
        unknown: &BTreeSet<TargetId>,
        reasons: &Reasons,
        (mut summary, room): (ReferenceSummary, Room),
    ) -> Result<Settled, Failure> {
        let ending = ending(rows.finish()?, self.sorter(), |id| unknown.contains(&id))?;
        self.count(&ending, reasons, &mut summary);
        let mut naming = Naming {
            findings: BTreeMap::new(),
            room,
            too_many: None,
            nowhere: if self.remote {
                "is neither in the data files nor in the API"
            } else {
                "is not in the data files"
            },
        };
        let rows = ending.missing.finish()?;
        let lost = revisit(&self.units, &self.schemas, rows, &mut |unit, row, seen| {
            naming.missing(
                &unit.subject.collection,
                (&unit.file.unit, row.spot.line),
                seen,
            );
        })?;
        if lost > 0 {
            let gap = format!("files changed meanwhile: {lost} references are not where they were");
            summary.gaps.push(gap);
        }
        Ok(Settled {
            findings: naming.findings,
            too_many: naming.too_many,
            summary,
        })
    }

    /// Adds up, and says why something could not be checked.
    fn count(&self, ending: &Ending, reasons: &Reasons, summary: &mut ReferenceSummary) {
        summary.in_api = ending.found;
        summary.missing = ending.missing.len();
        for (id, count) in &ending.unknown {
            summary.unchecked += count;
            let places = self
                .targets
                .get(*id)
                .map_or(&[][..], |target| &target.places);
            let names = places.iter().map(|place| place.collection.name.as_str());
            let why = reasons.get(id).into_iter().flatten();
            let why: Vec<&str> = why.map(String::as_str).collect();
            summary.gaps.push(format!(
                "{count} references to {} could not be checked: {}",
                names.collect::<Vec<_>>().join(", "),
                why.join("; ")
            ));
        }
        summary.gaps.extend_from_slice(&self.misnamed);
        let noted = self.noted();
        summary.checked = noted.wanted;
        for ((collection, path), count) in &noted.untold {
            summary.unchecked += count;
            summary.gaps.push(format!(
                "{count} references `{path}` of {collection} could not be checked: the documents \
                 of the API do not say what they refer to"
            ));
        }
    }

    fn sorter(&self) -> RowSorter<ROW> {
        RowSorter::new(&self.work_folder, MEMORY_BUDGET)
    }
}

/// Missing references as findings.
struct Naming {
    findings: BTreeMap<CollectionName, Findings>,
    room: Room,
    too_many: Option<CollectionName>,
    nowhere: &'static str,
}

impl Naming {
    fn missing(
        &mut self,
        collection: &CollectionName,
        (file, line): (&Arc<str>, u64),
        seen: &ReferenceSeen<'_>,
    ) {
        if let Some(room) = &mut self.room {
            let left = room.entry(collection.clone()).or_insert(u64::MAX);
            match left.checked_sub(1) {
                None => return,
                Some(0) => {
                    self.too_many.get_or_insert_with(|| collection.clone());
                    *left = 0;
                }
                Some(less) => *left = less,
            }
        }
        let problem = self.problem(seen);
        let message = format!("{} at {}", problem.message, problem.general_path());
        let findings = self.findings.entry(collection.clone()).or_default();
        findings.add(&Finding {
            method: problem.method,
            severity: problem.severity,
            message: &message,
            hint: problem.hint.as_deref(),
            within: Some(&problem.path),
            file,
            line,
        });
    }

    fn problem(&self, seen: &ReferenceSeen<'_>) -> Problem {
        let target = seen
            .target
            .split_once('_')
            .map_or(seen.target, |(_, name)| name);
        Problem {
            method: Method::References,
            severity: Severity::Error,
            path: seen.place.to_string(),
            column: 1,
            message: format!("the {target} that is referred to {}", self.nowhere),
            hint: Some("correct the reference, or create what it refers to first".to_owned()),
        }
    }
}

/// Work that blocks, where it does no harm.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Failure::new(FailureKind::Defect, error.to_string()))?
}
