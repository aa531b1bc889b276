//! What came of validating.

use syncline_model::CollectionName;

use super::finding::{FindingGroup, Findings};
use super::references::ReferenceSummary;
use crate::{Dialect, FailureKind};

/// What came of validating.
#[derive(Debug)]
pub struct ValidateSummary {
    /// Each collection that was begun, in load order.
    pub collections: Vec<CheckedCollection>,
    /// How it ended.
    pub ending: ValidateEnding,
    /// What the check of references came to, if it was made.
    pub references: Option<ReferenceSummary>,
    /// Data files that were left alone and checks that could not be made, one clause each.
    pub notes: Vec<String>,
    /// Whose exit codes apply.
    pub dialect: Dialect,
    /// When it began and ended, in seconds since 1970.
    pub began: f64,
    /// When it ended.
    pub ended: f64,
}

/// How validating ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValidateEnding {
    /// Everything was read.
    Completed,
    /// It was told to stop.
    Interrupted,
    /// A collection had as many errors as were to be borne.
    TooManyErrors(CollectionName),
}

/// What was found in one collection.
#[derive(Debug)]
pub struct CheckedCollection {
    /// Which.
    pub name: CollectionName,
    /// Lines that are not blank.
    pub records: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Records that servers would refuse.
    pub failed: u64,
    /// Problems that servers refuse records for.
    pub errors: u64,
    /// Problems that servers put up with.
    pub warnings: u64,
    /// Equal problems together: errors first, then those with most problems.
    pub groups: Vec<FindingGroup>,
}

/// A collection while it is looked at.
#[derive(Debug)]
pub(crate) struct Looked {
    pub(crate) name: CollectionName,
    pub(crate) records: u64,
    pub(crate) bytes: u64,
    pub(crate) findings: Findings,
}

impl Looked {
    pub(crate) fn new(name: CollectionName) -> Self {
        Self {
            name,
            records: 0,
            bytes: 0,
            findings: Findings::default(),
        }
    }

    pub(crate) fn into_checked(self) -> CheckedCollection {
        let findings = self.findings;
        CheckedCollection {
            name: self.name,
            records: self.records,
            bytes: self.bytes,
            failed: findings.failed(),
            errors: findings.errors(),
            warnings: findings.warnings(),
            groups: findings.into_groups(),
        }
    }
}

impl ValidateSummary {
    /// A sum over all collections.
    pub fn sum(&self, count: impl Fn(&CheckedCollection) -> u64) -> u64 {
        self.collections.iter().map(count).sum()
    }

    /// The exit status: 1 if a record would be refused, or if references could not be checked. With a lightbeam.yaml it is 1 only if
    /// that goes for all of them, and 255 for what stopped it, unless `strict` asks for ours.
    pub fn exit_status(&self, strict: bool) -> u8 {
        let (records, failed) = (self.sum(|one| one.records), self.sum(|one| one.failed));
        if self.dialect == Dialect::Lightbeam && !strict {
            return match self.ending {
                ValidateEnding::Completed => u8::from(records == failed),
                _ => 255,
            };
        }
        match self.ending {
            ValidateEnding::Interrupted => FailureKind::Interrupted.exit_status(),
            _ => u8::from(failed > 0 || self.unchecked() > 0),
        }
    }

    /// References of which nothing could be learned.
    fn unchecked(&self) -> u64 {
        self.references.as_ref().map_or(0, |one| one.unchecked)
    }

    /// Whether what was found lets the records be sent. As with lightbeam, a lightbeam.yaml
    /// sends if any record fits, unless `strict` asks for ours: everything has to.
    pub fn lets_send(&self, strict: bool) -> bool {
        self.exit_status(strict) == 0
    }
}
