//! Hearing of every record that the pass reads, for checks that look at more than one record.

use super::blocks::Unit;

/// A record that was read: JSON, and an object.
#[derive(Clone, Copy)]
pub(crate) struct Heard<'a> {
    /// Line of the file, counted from 1.
    pub(crate) line: u64,
    /// The record, as it stands in the file.
    pub(crate) payload: &'a [u8],
    /// Whether nothing was found in it that servers refuse it for.
    pub(crate) fits: bool,
}

/// Hears of every record.
pub(crate) trait Witness: Send + Sync {
    /// Records that follow one another in a file. Called on several threads at once; neither the
    /// calls of a file nor those of several come in an order.
    fn records(&self, unit: &Unit, records: &[Heard<'_>]);
}
