//! Keys in their order, asked for one after the other in the same order.

use syncline_model::Digest;
use syncline_plan::{PlanError, RowSorter, SortedRows};

/// Any number of keys in the same memory.
pub(crate) struct SortedKeys {
    rows: SortedRows<16>,
    next: Option<[u8; 16]>,
}

impl SortedKeys {
    pub(crate) fn of(sorter: RowSorter<16>) -> Result<Self, PlanError> {
        let mut rows = sorter.finish()?;
        let next = rows.next().transpose()?;
        Ok(Self { rows, next })
    }

    /// Whether a key is among them, which comes after all that were asked for before.
    pub(crate) fn has(&mut self, key: &Digest) -> Result<bool, PlanError> {
        while self.next.is_some_and(|row| row < *key.as_bytes()) {
            self.next = self.rows.next().transpose()?;
        }
        Ok(self.next == Some(*key.as_bytes()))
    }
}
