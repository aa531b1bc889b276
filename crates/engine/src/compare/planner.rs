//! Differences become a plan.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use syncline_ledger::{Known, LastOutcome, OwedClass, Receipt};
use syncline_model::{ChangeKind, Digest, StoreIdentity};
use syncline_plan::{
    DesiredRow, Difference, PlanHeader, PlanSide, PlanWriter, PlannedChange, PlannedKey,
    PlannedPlace, Tally, Verdict, judge,
};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::READ_TOGETHER;
use super::baseline::{Ahead, is_held_for_certain};
use super::extras::{Extras, taken_back};
use crate::collection::CollectionRun;
use crate::context::Context;
use crate::imported::Sifter;
use crate::lanes::is_offered_again;
use crate::recorder::{self, Note, Noted};
use crate::{Duplicate, EngineError, Event, Planned, Resend};

/// Changes that are put into the order of their places, and read again, together.
const TOGETHER: usize = 65_536;

/// Writes differences into a plan, groups of them in the order of their places.
pub(super) struct Planner<'run> {
    context: &'run Context,
    collection: &'run Arc<CollectionRun>,
    units: &'run [Arc<str>],
    handle: &'run Handle,
    notes: &'run mpsc::Sender<Note>,
    header: PlanHeader,
    writer: PlanWriter,
    together: Vec<(ChangeKind, DesiredRow)>,
    extras: Extras,
    tally: Tally,
    /// Changes to be offered.
    planned: u64,
    /// Records that are sent only because somebody asks for it.
    asked_for: u64,
    /// What is known of the keys that are named.
    pub(super) ahead: Ahead,
    pub(super) resend: Resend,
    /// Takes out what another program sent before.
    pub(super) sifter: Option<Sifter<'run>>,
}

impl<'run> Planner<'run> {
    pub(super) fn create(
        path: &Path,
        (context, collection): (&'run Context, &'run Arc<CollectionRun>),
        units: &'run [Arc<str>],
        (handle, notes): (&'run Handle, &'run mpsc::Sender<Note>),
    ) -> Result<Self, EngineError> {
        let header = header(context, collection);
        let writer = PlanWriter::create(path, &header)?;
        Ok(Self {
            context,
            collection,
            units,
            handle,
            notes,
            header,
            writer,
            together: Vec::new(),
            extras: Extras::default(),
            tally: Tally::default(),
            planned: 0,
            asked_for: 0,
            ahead: Ahead::default(),
            resend: Resend::default(),
            sifter: None,
        })
    }

    pub(super) fn take(&mut self, difference: Difference) -> Result<(), EngineError> {
        match difference {
            Difference::Create(row) => self.create_row(row),
            Difference::Update { row, .. } => self.update(row)?,
            Difference::Unchanged { .. } => self.tally.unchanged += 1,
            Difference::Extra { key, .. } => self.extra(key)?,
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

    fn create_row(&mut self, row: DesiredRow) {
        self.tally.creates += 1;
        self.together.push((ChangeKind::Create, row));
    }

    /// A row that the ledger has with other content, not settled, or to be sent again.
    fn update(&mut self, row: DesiredRow) -> Result<(), EngineError> {
        let known = self.ahead.take(&row.key);
        let is_as_held = known.is_some_and(|known| known.held == Some(row.content));
        match known {
            // What was only ever refused is still to be created.
            Some(known) if known.held.is_none() => self.create_row(row),
            // What is asked for is written as if nothing were known of it, and is no surprise.
            Some(known) if is_as_held && self.is_asked_for(&known) => {
                self.tally.unchanged += 1;
                self.asked_for += 1;
                self.together.push((ChangeKind::Create, row));
            }
            Some(known) if is_as_held && is_held_for_certain(&known) => {
                self.tally.unchanged += 1;
                self.note(taken_back(self.collection, &known))?;
            }
            _ => {
                self.tally.updates += 1;
                self.together.push((ChangeKind::Update, row));
            }
        }
        Ok(())
    }

    /// Whether a record is sent only because somebody asks for it.
    fn is_asked_for(&self, known: &Known) -> bool {
        let is_current = known.outcome.is_settled() || is_held_for_certain(known);
        is_current && self.resend.includes(known.at, known.status)
    }

    /// Without being asked to, sending never deletes: what the source no longer has stays.
    fn extra(&mut self, key: Digest) -> Result<(), EngineError> {
        let known = self.ahead.take(&key);
        let Some(prune) = &self.context.prune else {
            if known.is_some_and(|known| is_not_offered(&known)) {
                self.collection.note_absent();
            }
            return Ok(());
        };
        if prune.is_protected(self.collection.name(), &key) {
            self.collection.note_protected();
            return Ok(());
        }
        let run = (self.context, &**self.collection);
        self.extras.add(run, &self.header, (key, known))
    }

    fn note(&self, receipt: Receipt) -> Result<(), EngineError> {
        let noted = Noted::of(receipt, self.collection);
        self.handle.block_on(recorder::note(self.notes, noted))
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
            self.planned += planned.len() as u64;
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
            sides: None,
        }
    }

    fn unit(&self, index: u32) -> &str {
        self.units.get(index as usize).map_or("", |unit| unit)
    }

    /// Closes the plan; what is to be done by it.
    pub(super) fn finish(mut self, known: u64) -> Result<Planned, EngineError> {
        self.write_together()?;
        self.collection.note_planned(self.planned);
        self.collection
            .note_unchanged(self.tally.unchanged - self.asked_for);
        self.tally.deletes = self.extras.records;
        self.tally.baseline_size = known;
        self.tally.previous_size = self.context.previous_size(self.collection.name());
        self.tally.coverage_complete = self.collection.is_covered();
        let verdicts = self.judge();
        for verdict in &verdicts {
            let name = self.collection.name().clone();
            self.context
                .observer
                .on(&Event::Held(name, verdict.clone()));
        }
        self.collection.note_verdicts(verdicts.clone());
        self.plan_deletes(&verdicts)?;
        let planned = self.sum(&verdicts);
        let verdicts = [(self.collection.name().clone(), verdicts)];
        let tripped = verdicts
            .into_iter()
            .filter(|(_, verdicts)| !verdicts.is_empty())
            .collect();
        self.writer.finish(tripped)?;
        Ok(planned)
    }

    /// What guards leave of what was found.
    fn sum(&self, verdicts: &[Verdict]) -> Planned {
        let left = |kind, count| {
            let is_held = verdicts.iter().any(|verdict| verdict.holds.contains(&kind));
            if is_held { 0 } else { count }
        };
        let is_pruned = self.context.prune.is_some();
        Planned {
            creates: left(ChangeKind::Create, self.tally.creates),
            updates: left(ChangeKind::Update, self.tally.updates + self.asked_for),
            deletes: left(
                ChangeKind::Delete,
                self.tally.deletes * u64::from(is_pruned),
            ),
        }
    }

    /// Leaves what is to be deleted for later, unless a guard keeps it back.
    fn plan_deletes(&mut self, verdicts: &[Verdict]) -> Result<(), EngineError> {
        let holds_deletes = |verdict: &Verdict| verdict.holds.contains(&ChangeKind::Delete);
        if verdicts.iter().any(holds_deletes) {
            self.collection.note_deletes_held(self.tally.deletes);
            return Ok(());
        }
        // What is owed for absent records is not given up on account of a source that is empty or
        // was not read, either, though no guard speaks for it.
        let is_empty = self.tally.source_size() == 0 && self.tally.deletes == 0;
        if self.tally.coverage_complete && !is_empty {
            let run = (self.context, &**self.collection);
            let extras = std::mem::take(&mut self.extras);
            let plan = extras.finish(run, |receipt| self.note(receipt))?;
            self.collection.plan_deletes(plan);
        }
        Ok(())
    }

    /// What guards say; a guard of deletes has nothing to say where nothing is to be deleted.
    fn judge(&self) -> Vec<Verdict> {
        let policy = &self.context.settings.guards;
        let mut verdicts = match &self.context.prune {
            Some(prune) => judge(&prune.lifted(policy, self.tally.deletes), &self.tally),
            None => judge(policy, &self.tally),
        };
        verdicts.retain(|verdict| self.tally.deletes > 0 || verdict.holds != [ChangeKind::Delete]);
        verdicts
    }
}

/// Whether a change is owed that is offered again only if the source has it.
const fn is_not_offered(known: &Known) -> bool {
    match known.outcome {
        LastOutcome::Settled(_) => false,
        LastOutcome::Owed(OwedClass::Held | OwedClass::UnderWay) => true,
        LastOutcome::Owed(OwedClass::Failed(class)) => !is_offered_again(class),
    }
}

fn header(context: &Context, collection: &CollectionRun) -> PlanHeader {
    let side = |identity: &StoreIdentity| PlanSide {
        identity: identity.clone(),
        marks: std::collections::BTreeMap::new(),
    };
    let created = Timestamp::now().to_string();
    PlanHeader {
        id: Digest::of(format!("{created} {}", collection.name()).as_bytes()).to_string(),
        created,
        source: side(&StoreIdentity("source".to_owned())),
        target: side(&context.catalog.identity),
        mapping: Digest::of(b""),
        flow: String::new(),
        collections: vec![],
        is_part: false,
    }
}
