//! How the API was asked, for a person.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use syncline_model::CollectionName;

use super::Reached;
use crate::validate::references::targets::TargetId;

/// How keys of a collection were looked for in the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookUp {
    /// The collection.
    pub collection: CollectionName,
    /// In which way.
    pub how: How,
    /// Keys that were looked for.
    pub keys: u64,
    /// Those among them that it has.
    pub found: u64,
    /// Requests it took, those that were tried again counted once.
    pub requests: u64,
}

/// Ways of looking for keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// One request for each key.
    ByKey,
    /// The collection was read, which took fewer requests.
    Whole,
    /// Its first page was read, which showed how large it is.
    FirstPage,
}

impl How {
    /// The way in a word, as it stands in results files.
    pub fn name(self) -> &'static str {
        match self {
            Self::ByKey => "by key",
            Self::Whole => "whole",
            Self::FirstPage => "first page",
        }
    }
}

impl LookUp {
    pub(super) fn first_page(collection: &CollectionName, total: Option<u64>) -> Self {
        Self {
            collection: collection.clone(),
            how: How::FirstPage,
            keys: total.unwrap_or(0),
            found: 0,
            requests: 1,
        }
    }

    /// What came of it; the numbers are the keys that were open before and after.
    pub(super) fn ends(&mut self, reached: &Reached, (before, after): (u64, u64)) {
        self.keys = before;
        self.found = before - after;
        if matches!(reached, Reached::End) {
            self.how = How::Whole;
        }
    }
}

impl fmt::Display for LookUp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = match self.how {
            How::ByKey => "asked for one by one",
            How::Whole => "the collection was read, which is cheaper",
            How::FirstPage => "its first page was read",
        };
        let Self {
            collection,
            keys,
            found,
            requests,
            ..
        } = self;
        write!(
            formatter,
            "{collection}: {found} of {keys} keys found, {way} (requests: {requests})"
        )
    }
}

/// What was done, and what failed.
#[derive(Debug, Default)]
pub(in crate::validate::references) struct Report {
    pub(in crate::validate::references) look_ups: Vec<LookUp>,
    /// Why keys of a target could not be settled.
    pub(super) reasons: BTreeMap<TargetId, BTreeSet<String>>,
}

impl Report {
    pub(super) fn fails(&mut self, target: TargetId, reason: String) {
        self.reasons.entry(target).or_default().insert(reason);
    }
}
