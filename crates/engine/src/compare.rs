//! Sending only what differs: desired minus baseline, as a plan at rest, then applied.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use syncline_ledger::{Known, LedgerError, Scan};
use syncline_model::{Change, ChangeKind, Digest, Origin, Record, Scope, StoreIdentity};
use syncline_plan::{
    BaselineRow, Comparison, DesiredRow, Difference, Place, PlanHeader, PlanReader, PlanSide,
    PlanWriter, PlannedChange, PlannedKey, PlannedPlace, Tally, Verdict, judge,
};
use syncline_store::{Batch, BatchStream, ErrorKind, Query, StoreError, Want};
use tokio::runtime::Handle;

use crate::collection::CollectionRun;
use crate::context::{Context, lock};
use crate::feed::{next_batch, next_records, offer, unreadable};
use crate::imported::{Imported, Sifter};
use crate::lanes::{Lanes, OfferKind};
use crate::{Baseline, Duplicate, EngineError, Event, Resend};

/// Changes that are put into the order of their places, and read again, together.
const TOGETHER: usize = 65_536;
/// Changes read again in one go.
const READ_TOGETHER: usize = 512;

/// Compares a collection with the ledger and offers what differs.
pub(crate) async fn changed(
    context: &Arc<Context>,
    lanes: &Lanes,
    collection: &Arc<CollectionRun>,
    baseline: (u64, Option<Imported>),
) -> Result<(), EngineError> {
    let compared = {
        let (context, collection) = (Arc::clone(context), Arc::clone(collection));
        let handle = Handle::current();
        tokio::task::spawn_blocking(move || compare(&handle, &context, &collection, baseline))
    };
    let Some(plan) = compared.await.unwrap_or(Err(EngineError::Defect))? else {
        return Ok(());
    };
    apply(context, lanes, collection, &plan).await
}

/// A plan file that is removed when it is no longer needed.
type PlanPath = tempfile::TempPath;

/// Makes the plan of a collection; nothing if the run stops meanwhile.
fn compare(
    handle: &Handle,
    context: &Context,
    collection: &Arc<CollectionRun>,
    (known, imported): (u64, Option<Imported>),
) -> Result<Option<PlanPath>, EngineError> {
    let (comparison, units) = handle.block_on(gather(context, collection))?;
    if context.stop.is_stopped() {
        return Ok(None);
    }
    let scan = lock(&context.ledger).scan(context.scope, collection.name())?;
    let path = tempfile::Builder::new()
        .prefix("plan-")
        .suffix(".jsonl")
        .tempfile_in(&context.settings.work_folder)?
        .into_temp_path();
    let resend = match &context.baseline {
        Baseline::Ledger(resend) => resend.clone(),
        Baseline::Nothing => Resend::default(),
    };
    let mut plan = Planner::create(&path, context, collection, &units)?;
    plan.sifter =
        imported.map(|imported| Sifter::new(handle, (context, collection), imported, &resend));
    for difference in comparison.finish(baseline(scan, resend))? {
        plan.take(difference?)?;
    }
    plan.finish(known)?;
    Ok(Some(path))
}

/// What the target is believed to hold, as the comparison wants it. What was only ever refused is
/// not among it: it is still to be created.
fn baseline(scan: Scan, resend: Resend) -> impl Iterator<Item = Result<BaselineRow, LedgerError>> {
    let row = move |known: Known| {
        Some(BaselineRow {
            key: known.key,
            content: known.held?,
            settled: known.outcome.is_settled() && !resend.includes(known.at, known.status),
        })
    };
    scan.filter_map(move |known| known.map(&row).transpose())
}

/// Reads the digests of a whole collection.
async fn gather(
    context: &Context,
    collection: &CollectionRun,
) -> Result<(Comparison, Vec<Arc<str>>), EngineError> {
    let settings = &context.settings;
    let mut comparison = Comparison::new(&settings.work_folder, settings.memory_budget);
    let mut units: Vec<Arc<str>> = Vec::new();
    let query = Query {
        want: Want::Digests,
        ..Query::records(Arc::clone(collection.collection()))
    };
    let mut stream = context.source.read(query).await?;
    while let Some(records) = next_records(context, collection, &mut stream).await? {
        for record in records {
            let origin = record.origin.ok_or_else(|| without_place(collection))?;
            if units.last() != Some(&origin.unit) {
                units.push(Arc::clone(&origin.unit));
            }
            comparison.push(DesiredRow {
                key: record.key.digest(),
                content: record.digest,
                place: Place {
                    unit: u32::try_from(units.len() - 1).unwrap_or(u32::MAX),
                    length: origin.length,
                    line: origin.line,
                    offset: origin.offset,
                },
            })?;
        }
    }
    Ok((comparison, units))
}

/// What is compared has to be found again to be sent.
fn without_place(collection: &CollectionRun) -> StoreError {
    let message = format!(
        "records of {} do not tell where they were read and cannot be compared",
        collection.name()
    );
    StoreError::new(ErrorKind::Unsupported, message)
}

/// Writes differences into a plan, groups of them in the order of their places.
struct Planner<'run> {
    context: &'run Context,
    collection: &'run CollectionRun,
    units: &'run [Arc<str>],
    writer: PlanWriter,
    together: Vec<(ChangeKind, DesiredRow)>,
    tally: Tally,
    /// Takes out what another program sent before.
    sifter: Option<Sifter<'run>>,
}

impl<'run> Planner<'run> {
    fn create(
        path: &Path,
        context: &'run Context,
        collection: &'run CollectionRun,
        units: &'run [Arc<str>],
    ) -> Result<Self, EngineError> {
        let side = |identity: &StoreIdentity| PlanSide {
            identity: identity.clone(),
            marks: std::collections::BTreeMap::new(),
        };
        let created = Timestamp::now().to_string();
        let header = PlanHeader {
            id: Digest::of(format!("{created} {}", collection.name()).as_bytes()).to_string(),
            created,
            source: side(&StoreIdentity("source".to_owned())),
            target: side(&context.catalog.identity),
            mapping: Digest::of(b""),
        };
        let writer = PlanWriter::create(path, &header)?;
        Ok(Self {
            context,
            collection,
            units,
            writer,
            together: Vec::new(),
            tally: Tally {
                coverage_complete: true,
                ..Tally::default()
            },
            sifter: None,
        })
    }

    fn take(&mut self, difference: Difference) -> Result<(), EngineError> {
        match difference {
            Difference::Create(row) => {
                self.tally.creates += 1;
                self.together.push((ChangeKind::Create, row));
            }
            Difference::Update(row) => {
                self.tally.updates += 1;
                self.together.push((ChangeKind::Update, row));
            }
            Difference::Unchanged { .. } => self.tally.unchanged += 1,
            // Sending never deletes: what the files no longer hold stays where it is.
            Difference::Extra { .. } => {}
            Difference::Superseded {
                earlier,
                by,
                same_content,
            } => {
                self.collection.note_duplicate(Duplicate {
                    file: self.unit(by.unit).to_owned(),
                    line: by.line,
                    earlier_line: (earlier.place.unit == by.unit).then_some(earlier.place.line),
                    same_content,
                });
            }
        }
        if self.together.len() >= TOGETHER {
            self.write_together()?;
        }
        Ok(())
    }

    fn write_together(&mut self) -> Result<(), EngineError> {
        let mut together = std::mem::take(&mut self.together);
        together.sort_unstable_by_key(|(_, row)| (row.place.unit, row.place.offset));
        for group in together.chunks(READ_TOGETHER) {
            let planned = group.iter().map(|(kind, row)| self.planned(*kind, row));
            let mut planned: Vec<PlannedChange> = planned.collect();
            if let Some(sifter) = &self.sifter {
                let settled = sifter.sift(&mut planned)?;
                self.tally.creates -= settled;
                self.tally.unchanged += settled;
            }
            for change in &planned {
                self.writer.append(change)?;
            }
        }
        together.clear();
        self.together = together;
        Ok(())
    }

    fn planned(&self, kind: ChangeKind, row: &DesiredRow) -> PlannedChange {
        PlannedChange {
            collection: self.collection.name().clone(),
            kind,
            key: PlannedKey::Digest(row.key),
            new_key: None,
            content: Some(row.content),
            place: Some(PlannedPlace {
                unit: self.unit(row.place.unit).to_owned(),
                line: row.place.line,
                offset: row.place.offset,
                length: row.place.length,
            }),
        }
    }

    fn unit(&self, index: u32) -> &str {
        self.units.get(index as usize).map_or("", |unit| unit)
    }

    fn finish(mut self, known: u64) -> Result<(), EngineError> {
        self.write_together()?;
        self.tally.baseline_size = known;
        let verdicts = judge(&self.context.settings.guards, &self.tally);
        self.collection.note_unchanged(self.tally.unchanged);
        self.collection
            .note_planned(self.tally.creates + self.tally.updates);
        for verdict in &verdicts {
            let name = self.collection.name().clone();
            self.context
                .observer
                .on(&Event::Held(name, verdict.clone()));
        }
        self.collection.note_verdicts(verdicts.clone());
        let verdicts = [(self.collection.name().clone(), verdicts)];
        let tripped = verdicts
            .into_iter()
            .filter(|(_, verdicts)| !verdicts.is_empty())
            .collect();
        self.writer.finish(tripped)?;
        Ok(())
    }
}

/// Reads what is planned once more and offers it.
async fn apply(
    context: &Arc<Context>,
    lanes: &Lanes,
    collection: &Arc<CollectionRun>,
    plan: &PlanPath,
) -> Result<(), EngineError> {
    let path: PathBuf = plan.to_path_buf();
    let mut reader = PlanReader::open(&path)?;
    let verdicts: Vec<Verdict> = reader
        .summary()
        .verdicts
        .values()
        .flatten()
        .cloned()
        .collect();
    let mut changes = reader.changes()?;
    loop {
        let together: Vec<PlannedChange> = changes
            .by_ref()
            .take(READ_TOGETHER)
            .collect::<Result<_, _>>()?;
        if together.is_empty() || context.stop.is_stopped() {
            return Ok(());
        }
        send_again(context, lanes, collection, (&together, &verdicts)).await?;
    }
}

async fn send_again(
    context: &Context,
    lanes: &Lanes,
    collection: &Arc<CollectionRun>,
    (planned, verdicts): (&[PlannedChange], &[Verdict]),
) -> Result<(), EngineError> {
    let origins: Vec<Origin> = planned.iter().filter_map(origin).collect();
    let query = Query {
        scope: Scope::At(origins),
        ..Query::records(Arc::clone(collection.collection()))
    };
    let mut stream = context.source.read(query).await?;
    let mut planned = planned.iter();
    while let Some(records) = reread(context, collection, &mut stream).await? {
        for record in records {
            let found = record.origin.as_ref();
            let Some(change) = planned.by_ref().find(|change| is_at(change, found)) else {
                continue;
            };
            if change.content != Some(record.digest) {
                let reason = "changed in the file after it was compared; the next run sends it";
                collection.note_failure(0, &[reason.to_owned()], record.origin.as_ref());
                context.observer.on(&Event::Rejected {
                    collection: collection.name().clone(),
                    origin: record.origin,
                    status: 0,
                    reason: reason.to_owned(),
                });
                continue;
            }
            let held = verdicts
                .iter()
                .find(|verdict| verdict.holds.contains(&change.kind));
            let kind = held.map_or(OfferKind::First, |verdict| {
                OfferKind::Held(verdict.to_string())
            });
            let change = match change.kind {
                ChangeKind::Create => Change::create(record),
                _ => Change::update(record),
            };
            offer(lanes, collection, change, kind).await;
        }
    }
    Ok(())
}

/// Records read for the second time are not counted again.
async fn reread(
    context: &Context,
    collection: &CollectionRun,
    stream: &mut BatchStream,
) -> Result<Option<Vec<Record>>, EngineError> {
    while let Some(batch) = next_batch(context, collection, stream).await? {
        match batch {
            Batch::Put(records) => return Ok(Some(records)),
            Batch::Unreadable(items) => {
                for item in &items {
                    unreadable(context, collection, item);
                }
            }
            Batch::End { .. } => break,
            Batch::Gone(_) | Batch::Rekeyed(_) => {}
        }
    }
    Ok(None)
}

/// Whether a record was found where a change was planned.
pub(crate) fn is_at(change: &PlannedChange, found: Option<&Origin>) -> bool {
    let (Some(place), Some(found)) = (&change.place, found) else {
        return false;
    };
    (place.offset, place.line) == (found.offset, found.line) && *place.unit == *found.unit
}

/// Where the record of a planned change was read.
pub(crate) fn origin(change: &PlannedChange) -> Option<Origin> {
    let place = change.place.as_ref()?;
    Some(Origin {
        unit: place.unit.as_str().into(),
        line: place.line,
        offset: place.offset,
        length: place.length,
    })
}
