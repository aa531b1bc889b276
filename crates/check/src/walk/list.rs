//! Lists: their items, and items that say the same as others.

use super::identity::{Items, Seen};
use super::{Listener, Place, Step, Walker, Want};
use crate::finding::{Finding, Kind};
use crate::table::ListNode;

impl<'t, L: Listener> Walker<'_, 't, L> {
    /// A list whose opening bracket is at hand.
    pub(super) fn list(&mut self, list: &'t ListNode, place: &Place<'_>) -> Step<Seen> {
        let start = self.scan.at();
        self.descend()?;
        let mut more = self.scan.open(b']');
        if !more && list.required {
            self.found(place, start, Finding::Empty { kind: Kind::List })?;
        }
        let mut items = list.told_apart.then(Items::new);
        let want = if list.told_apart {
            Want::Identity
        } else {
            Want::Check
        };
        let mut index = 0;
        while more {
            let place = place.item(index);
            let at = self.scan.at();
            let seen = self.value(list.items, &place, want)?;
            if let (Some(items), Seen::Reference(fingerprint)) = (&mut items, seen)
                && let Some(first) = items.note(fingerprint, index)
            {
                self.found(&place, at, Finding::RepeatedItem { first })?;
            }
            index += 1;
            more = self.scan.next(b']')?;
        }
        self.depth -= 1;
        Ok(Seen::Nothing)
    }
}
