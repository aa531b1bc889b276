//! Records that took another key, or whose key is spelled in another way, are known again: one that
//! the target does not have and one that the source does not have are the same record.

use syncline_model::{ChangeKind, Digest, RawObject};
use syncline_plan::{DesiredRow, Payload, PlannedKey, PlannedSides};

use super::classify::{Classifier, PROTECTED};
use super::part::{Problem, Side};
use super::renames::Sorted;
use super::segments::Segments;
use super::values::{of_known, with_key};
use crate::EngineError;

impl Classifier<'_> {
    pub(super) fn new_row(&mut self, row: DesiredRow) -> Result<(), EngineError> {
        if let (Some(alike), Some(respelled)) = (&self.alike, &mut self.respelled)
            && let Some(identity) = alike.identity(&self.desired.get(&row)?.1)
        {
            return Ok(respelled.appeared(identity, row)?);
        }
        self.appeared(row)
    }

    pub(super) fn extra(&mut self, row: DesiredRow) -> Result<(), EngineError> {
        let Some(found) = &mut self.found else {
            return Ok(());
        };
        if let (Some(alike), Some(respelled)) = (&self.alike, &mut self.respelled)
            && let Some(identity) = alike.identity(&found.get(&row)?.1)
        {
            return Ok(respelled.went(identity, row)?);
        }
        self.went(row)
    }

    /// A record by a key that the target does not have.
    fn appeared(&mut self, row: DesiredRow) -> Result<(), EngineError> {
        if self.renames.is_none() {
            return self.create(row);
        }
        let (_, payload) = self.desired.get(&row)?;
        let identity = self.identity(&payload);
        match (&mut self.renames, identity) {
            (Some(renames), Some(identity)) => Ok(renames.appeared(identity, row)?),
            _ => self.create(row),
        }
    }

    /// A record of the target by a key that the source does not have.
    fn went(&mut self, row: DesiredRow) -> Result<(), EngineError> {
        let Some(found) = &mut self.found else {
            return Ok(());
        };
        let (handle, payload) = found.get(&row)?;
        let identity = self.identity(&payload);
        match (&mut self.renames, identity) {
            (Some(renames), Some(identity)) => Ok(renames.went(identity, row)?),
            _ => self.gone(handle, payload),
        }
    }

    /// What the fields say by which a record is known again; nothing if one has no value.
    fn identity(&self, payload: &[u8]) -> Option<Digest> {
        let members = RawObject::of(payload)?;
        let fields = self.facts.policy.rename_by.iter();
        let values: Option<Vec<&str>> = fields
            .map(|field| members.get(field).filter(|text| *text != "null"))
            .collect();
        let values = values.filter(|values| !values.is_empty())?;
        Some(Digest::of(values.join("\u{1}").as_bytes()))
    }

    fn renamed(&mut self, row: DesiredRow, gone: DesiredRow) -> Result<(), EngineError> {
        let (_, after) = self.desired.get(&row)?;
        let after = of_known(after, self.facts.collection);
        let Some(found) = &mut self.found else {
            return Ok(());
        };
        let (handle, before) = found.get(&gone)?;
        let (from, _) = self.read(&before)?;
        let (to, content) = self.read(&after)?;
        if !self.facts.only.takes(&from, ChangeKind::Rekey)
            && !self.facts.only.takes(&to, ChangeKind::Rekey)
        {
            return Ok(());
        }
        let held = self.is_protected(&before).then_some(PROTECTED);
        self.count(held, |plan| plan.rekeys += 1);
        let carried = with_key(&before, (&after, self.facts.collection));
        let differs = self.read(&carried)?.1 != content;
        let sides = PlannedSides {
            before: Some(Payload::new(before)),
            after: Some(Payload::new(after.clone())),
            handle: handle.clone(),
            held: held.map(str::to_owned),
            leaves: false,
        };
        let shown = Some(self.place(row.place));
        let mut change = self.planned(
            (ChangeKind::Rekey, from),
            Some(content),
            (shown.clone(), sides),
        );
        change.new_key = Some(PlannedKey::Text(to.clone()));
        self.segments.rekeys.put(&change)?;
        if differs && held.is_none() {
            self.plan.updates += 1;
            let sides = PlannedSides {
                before: Some(Payload::new(carried)),
                after: Some(Payload::new(after)),
                handle,
                ..PlannedSides::default()
            };
            let change = self.planned((ChangeKind::Update, to), Some(content), (shown, sides));
            self.segments.writes.put(&change)?;
        }
        Ok(())
    }

    /// No more differences come.
    pub(super) fn finish(mut self) -> Result<Segments, EngineError> {
        if let Some(respelled) = self.respelled.take() {
            for sorted in respelled.sorted()? {
                match sorted? {
                    Sorted::Renamed(row, gone) => self.renamed(row, gone)?,
                    Sorted::New(row) => self.appeared(row)?,
                    Sorted::NewAmongOthers(row) => self.spelled_in_several_ways(row),
                    Sorted::Gone(row) => self.went(row)?,
                }
            }
        }
        if let Some(renames) = self.renames.take() {
            for sorted in renames.sorted()? {
                match sorted? {
                    Sorted::Renamed(row, gone) => self.renamed(row, gone)?,
                    Sorted::New(row) | Sorted::NewAmongOthers(row) => self.create(row)?,
                    Sorted::Gone(row) => self.gone_at(row)?,
                }
            }
        }
        Ok(self.segments)
    }

    /// A new record whose key is that of another one to the target, which would refuse one of them.
    fn spelled_in_several_ways(&mut self, row: DesiredRow) {
        let unit = self.unit(row.place.unit);
        let problem = Problem {
            side: Side::Source,
            place: format!("{unit}:{}", row.place.line),
            reason: "the target takes its key for the same as that of another row, which is \
                     spelled in another way"
                .to_owned(),
        };
        self.plan.duplicates += 1;
        self.plan.refused = true;
        self.plan.tell(problem);
    }

    fn gone_at(&mut self, row: DesiredRow) -> Result<(), EngineError> {
        let Some(found) = &mut self.found else {
            return Ok(());
        };
        let (handle, payload) = found.get(&row)?;
        self.gone(handle, payload)
    }
}
