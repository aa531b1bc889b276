//! What the target is believed to hold, as a comparison wants it, and what the ledger knows
//! besides of the keys that the comparison is about to name.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use syncline_ledger::{Known, LastOutcome, LedgerError, OwedClass, Scan};
use syncline_model::{Digest, FailureClass};
use syncline_plan::{BaselineRow, Place};

use crate::Resend;

/// What is known of keys that are not simply settled, from when the comparison has read them until
/// it names them. It reads one row ahead, so there are never more than a few.
#[derive(Clone, Default)]
pub(super) struct Ahead(Rc<RefCell<VecDeque<Known>>>);

impl Ahead {
    /// What is known of the key that the comparison names now; nothing if it is simply settled.
    pub(super) fn take(&self, key: &Digest) -> Option<Known> {
        let mut ahead = self.0.borrow_mut();
        let is_next = ahead.front().is_some_and(|known| known.key == *key);
        if is_next { ahead.pop_front() } else { None }
    }

    fn put(&self, known: Known) {
        self.0.borrow_mut().push_back(known);
    }
}

/// Everything the ledger knows of a collection. Rows that are not settled, or are to be sent again,
/// are put ahead as well: the comparison always names them.
pub(super) fn rows(
    scan: Scan,
    resend: Resend,
    ahead: Ahead,
) -> impl Iterator<Item = Result<BaselineRow, LedgerError>> {
    let row = move |known: Known| {
        let settled = known.outcome.is_settled() && !resend.includes(known.at, known.status);
        if !settled {
            ahead.put(known);
        }
        BaselineRow {
            key: known.key,
            content: known.held.unwrap_or(known.digest),
            settled,
            place: Place::default(),
        }
    };
    scan.map(move |known| known.map(&row))
}

/// Whether a guard keeps a change back and nothing was sent since it was last known for certain
/// what the target holds.
pub(super) fn is_held_for_certain(known: &Known) -> bool {
    known.outcome == LastOutcome::Owed(OwedClass::Held) && known.status != 0
}

/// Whether the target may hold a record, as far as is known.
pub(crate) const fn may_be_there(known: &Known) -> bool {
    known.held.is_some() || is_uncertain(known)
}

/// Whether it is not known what became of the last attempt on a record.
pub(crate) const fn is_uncertain(known: &Known) -> bool {
    !known.outcome.is_settled() && certain_status(known) == 0
}

/// The code of the last answer, as a change that is kept back carries it on; 0 if it is not known
/// what became of the last attempt.
pub(super) const fn certain_status(known: &Known) -> u16 {
    match known.outcome {
        LastOutcome::Owed(OwedClass::Failed(
            FailureClass::Unavailable | FailureClass::Throttled | FailureClass::Unauthenticated,
        )) => 0,
        _ => known.status,
    }
}
