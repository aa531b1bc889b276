//! Differences of one collection become changes, each with both sides of its record.

use bytes::Bytes;
use syncline_model::{Canonicaliser, ChangeKind, Digest, Handle, Key, RawObject};
use syncline_plan::{
    BaselineRow, DesiredRow, Difference, Payload, Place, PlannedChange, PlannedKey, PlannedPlace,
    PlannedSides,
};

use super::alike::{AlikeKeys, CreatedKeys};
use super::facts::Facts;
use super::kept::{Kept, Units, known};
use super::part::{CollectionPlan, Problem, Side};
use super::policy::{DeleteStyle, Duplicates, Grace, Nulls};
use super::renames::Renames;
use super::segments::Segments;
use super::values::{kept, of_known, patched, plain, says};
use crate::EngineError;

/// Why a change is kept back though no guard holds it.
pub(super) const PROTECTED: &str = "protected";
const STYLE: &str = "what is gone stays, as the flow says";
const RESPELLED: &str = "the source has it by a key that the target takes for the same";
const GRACE: &str = "gone for too short a time";

/// Most bytes of records that may have taken another key that are held at once.
const RENAMES_MEMORY: usize = 32 << 20;

/// Takes differences.
pub(super) struct Classifier<'run> {
    pub(super) facts: Facts<'run>,
    pub(super) canonicaliser: Canonicaliser,
    pub(super) desired: Kept,
    pub(super) found: Option<Kept>,
    units: Units,
    pub(super) plan: &'run mut CollectionPlan,
    pub(super) segments: Segments,
    pub(super) renames: Option<Renames>,
    /// What keys are to the target, if it does not tell all of them apart.
    pub(super) alike: Option<AlikeKeys>,
    /// Records whose keys may be spelled in another way.
    pub(super) respelled: Option<Renames>,
    /// What is created where nobody knows what the target has.
    pub(super) created: CreatedKeys,
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
        let alike = AlikeKeys::of(facts.collection);
        let respelled =
            (alike.is_some() && found.is_some()).then(|| Renames::new(folder, RENAMES_MEMORY));
        Ok(Self {
            canonicaliser: Canonicaliser::new(facts.collection),
            renames,
            alike,
            respelled,
            created: CreatedKeys::default(),
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

    pub(super) fn create(&mut self, row: DesiredRow) -> Result<(), EngineError> {
        let (_, payload) = self.desired.get(&row)?;
        let (key, content) = self.read(&payload)?;
        if !self.facts.only.takes(&key, ChangeKind::Create) {
            return Ok(());
        }
        if self.found.is_none() {
            let alike = self.alike.as_ref();
            let identity = alike.and_then(|alike| alike.identity(&payload));
            if let Some(identity) = identity {
                self.created.add(identity);
            }
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
        let identity = self
            .alike
            .as_ref()
            .and_then(|alike| alike.identity(payload));
        if identity.is_some_and(|identity| self.created.may_have(identity)) {
            return Ok(Some(RESPELLED));
        }
        if self.facts.policy.grace == Grace::None {
            return Ok(None);
        }
        let missed = (self.facts.missed)(&key.digest())?;
        let is_over = self.facts.policy.grace.is_over(missed, self.facts.now);
        Ok((!is_over).then_some(GRACE))
    }

    pub(super) fn read(&mut self, payload: &[u8]) -> Result<(Key, Digest), EngineError> {
        let read = self.canonicaliser.read(payload);
        read.map_err(|_problem| EngineError::Defect)
    }

    pub(super) fn count(&mut self, held: Option<&str>, count: impl Fn(&mut CollectionPlan)) {
        match held {
            None => count(self.plan),
            Some(reason) => *self.plan.held.entry(reason.to_owned()).or_default() += 1,
        }
    }

    pub(super) fn is_protected(&self, payload: &[u8]) -> bool {
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

    pub(super) fn planned(
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

    pub(super) fn place(&self, place: Place) -> PlannedPlace {
        PlannedPlace {
            unit: self.unit(place.unit).to_owned(),
            line: place.line,
            offset: 0,
            length: 0,
        }
    }

    pub(super) fn unit(&self, index: u32) -> &str {
        self.units.get(index as usize).map_or("", |unit| unit)
    }
}
