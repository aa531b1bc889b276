//! Objects: their members, those that are missing, and what they amount to.

use std::ops::ControlFlow;

use super::identity::{Seen, Slots, fingerprint};
use super::scan::Quoted;
use super::{Listener, Place, Step, Stop, Walker, Want, decoded};
use crate::finding::Finding;
use crate::seen::ReferenceSeen;
use crate::table::{KeyStep, Member, NO_SLOT, ObjectNode, Role, Target, Treatment};

impl<'t, L: Listener> Walker<'_, 't, L> {
    /// An object whose opening brace is at hand.
    pub(super) fn object(
        &mut self,
        object: &'t ObjectNode,
        place: &Place<'_>,
        want: Want,
    ) -> Step<Seen> {
        match &object.role {
            Role::Reference(target) => self.reference((object, target), place, want),
            _ if want == Want::Identity => {
                let mut slots = Slots::default();
                self.members(object, place, Some(&mut slots))?;
                Ok(self.identity(&slots, object.slots))
            }
            _ => {
                self.members(object, place, None)?;
                Ok(Seen::Nothing)
            }
        }
    }

    fn reference(
        &mut self,
        (object, target): (&'t ObjectNode, &'t Target),
        place: &Place<'_>,
        want: Want,
    ) -> Step<Seen> {
        let mut slots = Slots::default();
        self.members(object, place, Some(&mut slots))?;
        let values = slots.get(..object.slots).unwrap_or_default();
        if !values.is_empty() && !values.iter().any(|value| matches!(value, Seen::Nothing)) {
            let seen = ReferenceSeen::new(target, place, self.scan.text(), values);
            self.listener.reference(&seen);
        }
        Ok(match want {
            Want::Check => Seen::Nothing,
            Want::Identity => self.identity(&slots, object.slots),
        })
    }

    fn identity(&self, slots: &Slots, count: usize) -> Seen {
        let values = slots.get(..count).unwrap_or_default();
        let characters = |span, escaped| self.characters(span, escaped);
        fingerprint(values, characters).map_or(Seen::Nothing, Seen::Reference)
    }

    fn members(
        &mut self,
        object: &'t ObjectNode,
        place: &Place<'_>,
        mut slots: Option<&mut Slots>,
    ) -> Step<()> {
        let start = self.scan.at();
        self.descend()?;
        let of_key = self.inside.take();
        let mut present = 0_u128;
        let mut more = self.scan.open(b'}');
        while more {
            let at = self.scan.at();
            let name = self.scan.name()?;
            let found = find(object, &name);
            if let Some((index, member)) = found {
                let place = place.member(object.names.name(index));
                if present & (1 << index) != 0 {
                    self.found(&place, at, Finding::Repeated)?;
                }
                present |= 1 << index;
                let want = if slots.is_some() && member.slot != NO_SLOT {
                    Want::Identity
                } else {
                    Want::Check
                };
                let step = self.key_step(of_key, index);
                let seen = self.member(member, &place, want)?;
                self.keep_part(step, seen);
                if let Some(slot) = slots
                    .as_deref_mut()
                    .and_then(|slots| slots.get_mut(usize::from(member.slot)))
                {
                    *slot = seen;
                }
            } else {
                self.unknown(object, &name, place)?;
            }
            more = self.scan.next(b'}')?;
        }
        self.depth -= 1;
        let absent = object.required & !present;
        if absent != 0 {
            self.found(place, start, Finding::Missing { object, absent })?;
        }
        Ok(())
    }

    /// What a member is to the record's key; an object that holds parts of it is announced.
    #[inline]
    fn key_step(&mut self, of_key: Option<u8>, member: usize) -> KeyStep {
        let (Some(object), Some(plan)) = (of_key, self.way.key) else {
            return KeyStep::Nothing;
        };
        let step = plan.step(object, member);
        self.inside = match step {
            KeyStep::Object(inner) => Some(inner),
            _ => None,
        };
        step
    }

    #[inline]
    fn keep_part(&mut self, step: KeyStep, seen: Seen) {
        match step {
            KeyStep::Nothing => {}
            KeyStep::Part(part) => {
                if let Some(place) = self.key.get_mut(part) {
                    *place = seen;
                }
            }
            // Where something else than an object stands, nobody has taken it.
            KeyStep::Object(_) => self.inside = None,
        }
    }

    #[inline]
    fn member(&mut self, member: &'t Member, place: &Place<'_>, want: Want) -> Step<Seen> {
        let at = self.scan.at();
        match member.treatment {
            Treatment::Checked if self.scan.peek() == b'n' => {
                self.scan.word()?;
                if !member.nullable {
                    self.found(place, at, Finding::Null)?;
                }
                Ok(Seen::Nothing)
            }
            Treatment::Checked => self.value(member.node, place, want),
            Treatment::Ignored => self.skip(),
            Treatment::Refused => {
                self.found(place, at, Finding::ServerOwned)?;
                self.skip()
            }
        }
    }

    #[cold]
    fn unknown(
        &mut self,
        object: &'t ObjectNode,
        name: &Quoted<'_>,
        place: &Place<'_>,
    ) -> Step<()> {
        let at = self.scan.at();
        if !object.open {
            let name = decoded(name.inner, name.escaped);
            let place = place.member(&name);
            let finding = Finding::Unknown {
                object,
                name: &name,
            };
            if let ControlFlow::Break(()) = self.listener.found(&place, at, finding) {
                return Err(Stop::Enough);
            }
        }
        self.skip()?;
        Ok(())
    }
}

#[inline]
fn find<'t>(object: &'t ObjectNode, name: &Quoted<'_>) -> Option<(usize, &'t Member)> {
    let index = if name.escaped {
        object.names.find(decoded(name.inner, true).as_bytes())
    } else {
        object.names.find(name.inner.as_bytes())
    }?;
    Some((index, object.members.get(index)?))
}
