//! The exit status of what is done with flows.

use syncline_engine::Ending;

use super::apply::ApplySummary;
use super::plan::PlanSummary;
use crate::send::failure_status;

/// Something could not be planned or was declined.
const PROBLEMS: u8 = 1;
/// Something was held by a guard.
const HELD: u8 = 4;
/// The run was stopped and can be gone on with.
const INTERRUPTED: u8 = 5;
/// The two sides differ.
const DIFFERENT: u8 = 6;

impl PlanSummary {
    /// The exit status of planning: what differs is no failure.
    pub fn exit_status(&self) -> u8 {
        let left_out = self.plan.collections.iter().any(|one| one.unfit > 0);
        if self.plan.written.is_none() {
            PROBLEMS
        } else if self.plan.is_held() {
            HELD
        } else {
            u8::from(left_out)
        }
    }

    /// The exit status of asking whether anything differs.
    pub fn difference_status(&self) -> u8 {
        if self.plan.written.is_none() {
            PROBLEMS
        } else if self.plan.is_empty() {
            u8::from(self.plan.collections.iter().any(|one| one.unfit > 0))
        } else {
            DIFFERENT
        }
    }
}

impl ApplySummary {
    /// The exit status of applying.
    pub fn exit_status(&self) -> u8 {
        let Some(report) = &self.report else {
            return PROBLEMS;
        };
        let is_refused = self
            .planned
            .as_ref()
            .is_some_and(|plan| plan.written.is_none());
        let planned = self.planned.iter().flat_map(|plan| &plan.collections);
        let left_out = planned.clone().any(|one| one.unfit > 0);
        match &report.ending {
            Ending::Failed(error) => failure_status(error),
            Ending::Interrupted => INTERRUPTED,
            Ending::Completed
                if report
                    .collections
                    .values()
                    .any(|one| !one.verdicts.is_empty()) =>
            {
                HELD
            }
            Ending::Completed => {
                let failed = report.collections.values().any(|one| one.failed > 0);
                u8::from(failed || left_out || is_refused)
            }
        }
    }
}
