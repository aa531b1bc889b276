//! Differences of one collection become changes, each with both sides of its record.

use bytes::Bytes;
use syncline_model::{Canonicaliser, ChangeKind, Digest, Handle, Key, RawObject};
use syncline_plan::{
    BaselineRow, DesiredRow, Difference, Payload, Place, PlannedChange, PlannedKey, PlannedPlace,
    PlannedSides,
};

use super::facts::Facts;
use super::kept::{Kept, Units, known};
use super::part::{CollectionPlan, Problem, Side};
use super::policy::{DeleteStyle, Duplicates, Grace, Nulls};
use super::renames::{Renames, Sorted};
use super::segments::Segments;
use super::values::{kept, of_known, patched, plain, says, with_key};
use crate::EngineError;

/// Why a change is kept back though no guard holds it.
pub(super) const PROTECTED: &str = "protected";
const STYLE: &str = "what is gone stays, as the flow says";
const GRACE: &str = "gone for too short a time";

/// Most bytes of records that may have taken another key that are held at once.
const RENAMES_MEMORY: usize = 32 << 20;

/// Takes differences.
pub(super) struct Classifier<'run> {
    facts: Facts<'run>,
    canonicaliser: Canonicaliser,
    desired: Kept,
    found: Option<Kept>,
    units: Units,
    plan: &'run mut CollectionPlan,
    segments: Segments,
    renames: Option<Renames>,
    /// The first row of a key that comes again, and whether the last says the same.
    first: Option<(DesiredRow, bool)>,
}

impl<'run> Classifier<'run> {
    pub(super) fn new(
        facts: Facts<'run>,
        desired: Kept,
        found: Option<Kept>,
        (plan, folder): (&'run mut CollectionPlan, &std::path::Path),
    ) -> std::io::Result<Self> {
        let follows = !facts.policy.rename_by.is_empty() && found.is_some();
        let renames = follows.then(|| Renames::new(folder, RENAMES_MEMORY));
        Ok(Self {
            canonicaliser: Canonicaliser::new(facts.collection),
            renames,
            facts,
            units: desired.units(),
            desired,
            found,
            plan,
            segments: Segments::create(folder)?,
            first: None,
        })
    }

    pub(super) fn take(&mut self, difference: &Difference) -> Result<(), EngineError> {
        if let Difference::Superseded {
            earlier,
            by,
            same_content,
        } = difference
        {
            self.repeated(earlier, *by, *same_content);
            return Ok(());
        }
        self.facts.sought.meet(difference.key());
        let first = self.first.take();
        let chosen = |row: &DesiredRow| first.map_or(*row, |(first, _)| first);
        match difference {
            Difference::Create(row) => self.new_row(chosen(row)),
            Difference::Update { row, before } => self.changed(chosen(row), before),
            Difference::Unchanged { before, .. } => {
                if let Some((first, false)) = first {
                    return self.changed(first, before);
                }
                self.plan.unchanged += 1;
                Ok(())
            }
            Difference::Extra { before, .. } => self.extra(known(before)),
            Difference::Superseded { .. } => Ok(()),
        }
    }

    /// A row of the source whose key another row has too.
    fn repeated(&mut self, earlier: &DesiredRow, by: Place, same: bool) {
        let policy = self.facts.policy.duplicates;
        if policy == Duplicates::Same && same {
            return;
        }
        self.plan.duplicates += 1;
        if policy == Duplicates::First && self.first.is_none() {
            self.first = Some((*earlier, same));
        }
        let place = |place: Place| {
            let unit = self.unit(place.unit);
            format!("{unit}:{}", place.line)
        };
        let says = if same { "the same" } else { "something else" };
        let problem = Problem {
            side: Side::Source,
            place: place(earlier.place),
            reason: format!("its key comes again at {}, which says {says}", place(by)),
        };
        self.plan.refused |= matches!(policy, Duplicates::Error | Duplicates::Same);
        self.plan.tell(problem);
    }

    fn new_row(&mut self, row: DesiredRow) -> Result<(), EngineError> {
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

    fn extra(&mut self, row: DesiredRow) -> Result<(), EngineError> {
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

    fn create(&mut self, row: DesiredRow) -> Result<(), EngineError> {
        let (_, payload) = self.desired.get(&row)?;
        let (key, content) = self.read(&payload)?;
        if !self.facts.only.takes(&key, ChangeKind::Create) {
            return Ok(());
        }
        let held = self.is_protected(&payload).then_some(PROTECTED);
        self.count(held, |plan| plan.creates += 1);
        let sides = PlannedSides {
            after: Some(Payload::new(payload)),
            held: held.map(str::to_owned),
            ..PlannedSides::default()
        };
        let place = Some(self.place(row.place));
        let change = self.planned((ChangeKind::Create, key), Some(content), (place, sides));
        Ok(self.segments.writes.put(&change)?)
    }

    fn changed(&mut self, row: DesiredRow, before: &BaselineRow) -> Result<(), EngineError> {
        let (_, wanted) = self.desired.get(&row)?;
        let wanted = of_known(wanted, self.facts.collection);
        let held = match &mut self.found {
            Some(found) => Some(found.get(&known(before))?),
            None => None,
        };
        let (handle, before) = held.unzip();
        let after = match &before {
            Some(before) if self.facts.policy.nulls == Nulls::Keep => kept(&wanted, before),
            _ => wanted,
        };
        let (key, content) = self.read(&after)?;
        if let Some(before) = &before
            && self.read(before)?.1 == content
        {
            self.plan.unchanged += 1;
            return Ok(());
        }
        if !self.facts.only.takes(&key, ChangeKind::Update) {
            return Ok(());
        }
        let is_protected = before
            .as_ref()
            .is_some_and(|before| self.is_protected(before));
        let held = is_protected.then_some(PROTECTED);
        self.count(held, |plan| plan.updates += 1);
        let sides = PlannedSides {
            before: before.map(Payload::new),
            after: Some(Payload::new(after)),
            handle: handle.flatten(),
            held: held.map(str::to_owned),
            leaves: false,
        };
        let place = Some(self.place(row.place));
        let change = self.planned((ChangeKind::Update, key), Some(content), (place, sides));
        Ok(self.segments.writes.put(&change)?)
    }

    /// A record that the source no longer has.
    pub(super) fn gone(
        &mut self,
        handle: Option<Handle>,
        payload: Bytes,
    ) -> Result<(), EngineError> {
        let (key, _) = self.read(&payload)?;
        self.facts.sought.meet(&key.digest());
        if !self.facts.only.takes(&key, ChangeKind::Delete) {
            return Ok(());
        }
        let style = self.facts.policy.delete.clone();
        let mut sides = PlannedSides {
            handle,
            ..PlannedSides::default()
        };
        let mut kind = ChangeKind::Delete;
        let mut content = None;
        if let DeleteStyle::Set(values) = &style {
            if says(&payload, values) {
                self.plan.unchanged += 1;
                return Ok(());
            }
            let after = patched(&payload, values);
            content = Some(self.read(&after)?.1);
            sides.after = Some(Payload::new(after));
            sides.leaves = true;
            kind = ChangeKind::Update;
        }
        let held = self.why_it_stays(&key, &payload, &style)?;
        self.count(held, |plan| {
            if kind == ChangeKind::Delete {
                plan.deletes += 1;
            } else {
                plan.leaves += 1;
            }
        });
        sides.before = Some(Payload::new(payload));
        sides.held = held.map(str::to_owned);
        let change = self.planned((kind, key), content, (None, sides));
        Ok(self.segments.deletes.put(&change)?)
    }

    fn why_it_stays(
        &self,
        key: &Key,
        payload: &[u8],
        style: &DeleteStyle,
    ) -> Result<Option<&'static str>, EngineError> {
        if self.is_protected(payload) {
            return Ok(Some(PROTECTED));
        }
        if *style == DeleteStyle::Hold {
            return Ok(Some(STYLE));
        }
        if self.facts.policy.grace == Grace::None {
            return Ok(None);
        }
        let missed = (self.facts.missed)(&key.digest())?;
        let is_over = self.facts.policy.grace.is_over(missed, self.facts.now);
        Ok((!is_over).then_some(GRACE))
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
        if let Some(renames) = self.renames.take() {
            for sorted in renames.sorted()? {
                match sorted? {
                    Sorted::Renamed(row, gone) => self.renamed(row, gone)?,
                    Sorted::New(row) => self.create(row)?,
                    Sorted::Gone(row) => self.gone_at(row)?,
                }
            }
        }
        Ok(self.segments)
    }

    fn gone_at(&mut self, row: DesiredRow) -> Result<(), EngineError> {
        let Some(found) = &mut self.found else {
            return Ok(());
        };
        let (handle, payload) = found.get(&row)?;
        self.gone(handle, payload)
    }

    fn read(&mut self, payload: &[u8]) -> Result<(Key, Digest), EngineError> {
        let read = self.canonicaliser.read(payload);
        read.map_err(|_problem| EngineError::Defect)
    }

    fn count(&mut self, held: Option<&str>, count: impl Fn(&mut CollectionPlan)) {
        match held {
            None => count(self.plan),
            Some(reason) => *self.plan.held.entry(reason.to_owned()).or_default() += 1,
        }
    }

    fn is_protected(&self, payload: &[u8]) -> bool {
        let protections = &self.facts.policy.protect;
        if protections.is_empty() {
            return false;
        }
        let Some(members) = RawObject::of(payload) else {
            return false;
        };
        protections.iter().any(|protection| {
            let text = members.get(&protection.field).map(plain);
            text.is_some_and(|text| protection.fits(&text))
        })
    }

    fn planned(
        &self,
        (kind, key): (ChangeKind, Key),
        content: Option<Digest>,
        (place, sides): (Option<PlannedPlace>, PlannedSides),
    ) -> PlannedChange {
        PlannedChange {
            collection: self.facts.collection.name.clone(),
            kind,
            key: PlannedKey::Text(key),
            new_key: None,
            content,
            place,
            sides: Some(Box::new(sides)),
        }
    }

    fn place(&self, place: Place) -> PlannedPlace {
        PlannedPlace {
            unit: self.unit(place.unit).to_owned(),
            line: place.line,
            offset: 0,
            length: 0,
        }
    }

    fn unit(&self, index: u32) -> &str {
        self.units.get(index as usize).map_or("", |unit| unit)
    }
}
