//! The exit status of sending and deleting: ours, or lightbeam's.

use syncline_engine::{CollectionReport, Ending, EngineError, Verb};

use super::SendSummary;
use crate::{Dialect, FailureKind};

/// Something was held by a guard.
const HELD: u8 = 4;
/// Lightbeam has nothing to do.
const ALL_SKIPPED: u8 = 99;
/// Lightbeam cannot go on.
const FATAL: u8 = 255;

impl SendSummary {
    /// The exit status: ours, or lightbeam's where its configuration is used and `strict` does
    /// not ask for ours.
    pub fn exit_status(&self, strict: bool) -> u8 {
        match (self.dialect, self.verb) {
            (Dialect::Lightbeam, Verb::Write) if !strict => self.sent_with_lightbeam(),
            (Dialect::Lightbeam, Verb::Delete) if !strict => self.deleted_with_lightbeam(),
            _ => self.ours(),
        }
    }

    fn ours(&self) -> u8 {
        let incomplete = self.report.collections.values().any(|report| {
            report
                .coverage
                .as_ref()
                .is_none_or(|coverage| !coverage.is_complete())
        });
        match &self.report.ending {
            Ending::Failed(error) => failure_status(error),
            Ending::Interrupted => 5,
            Ending::Completed if self.sum(|report| report.held) > 0 => HELD,
            Ending::Completed => {
                let remediation = self.remediation.as_ref();
                let broken = remediation.is_some_and(|report| report.broken.is_some());
                u8::from(self.sum(|report| report.failed) > 0 || incomplete || broken)
            }
        }
    }

    /// It has no guards, so what they hold has our status: nobody relies on another one.
    fn sent_with_lightbeam(&self) -> u8 {
        let processed = self.sum(|report| report.read + report.unreadable);
        let skipped = self.sum(|report| report.unchanged);
        let deleted = self.sum(|report| report.deleted + report.missing);
        match &self.report.ending {
            Ending::Failed(_) | Ending::Interrupted => FATAL,
            Ending::Completed if self.sum(|report| report.held) > 0 => HELD,
            Ending::Completed if processed == skipped && deleted == 0 => ALL_SKIPPED,
            Ending::Completed => u8::from(processed == self.sum(|report| report.failed)),
        }
    }

    /// Whatever could not be deleted: only what stops the run is no success.
    const fn deleted_with_lightbeam(&self) -> u8 {
        match &self.report.ending {
            Ending::Failed(_) | Ending::Interrupted => FATAL,
            Ending::Completed => 0,
        }
    }

    fn sum(&self, count: fn(&CollectionReport) -> u64) -> u64 {
        self.report.collections.values().map(count).sum()
    }
}

pub(crate) fn failure_status(error: &EngineError) -> u8 {
    let kind = match error {
        EngineError::Store(error) => crate::failure::kind_of(error),
        EngineError::Defect => FailureKind::Defect,
        _ => FailureKind::Local,
    };
    kind.exit_status()
}
