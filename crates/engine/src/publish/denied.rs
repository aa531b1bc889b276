//! Collections that a side does not let be looked into: what it refused once in a run is not asked of
//! it again for each key.

use std::collections::BTreeSet;
use std::sync::Mutex;

use syncline_model::CollectionName;
use syncline_store::{ErrorKind, StoreError};

use crate::context::lock;

/// Of which store something is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Source,
    Target,
}

/// What was refused so far.
#[derive(Debug, Default)]
pub(crate) struct Denied(Mutex<BTreeSet<(Side, CollectionName)>>);

impl Denied {
    pub(super) fn has(&self, side: Side, name: &CollectionName) -> bool {
        lock(&self.0).contains(&(side, name.clone()))
    }

    /// Notes what an error of a look-up by key says of the whole collection.
    pub(super) fn note(&self, side: Side, name: &CollectionName, error: &StoreError) {
        if error.kind == ErrorKind::Denied {
            lock(&self.0).insert((side, name.clone()));
        }
    }
}
