//! Merging wanted rows in key order with the baseline.

use std::cmp::Ordering;

use super::ordered::{Ordered, Step};
use super::row::{BaselineRow, DesiredRow, Difference};
use crate::{PlanError, Result};

/// The differences of a comparison, in ascending key order; ends after an error.
#[derive(Debug)]
pub struct Differences<I> {
    ordered: Ordered,
    baseline: I,
    /// The next wanted row, read ahead.
    desired_head: Option<Step>,
    /// The next row of the baseline, read ahead.
    baseline_head: Option<BaselineRow>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Unread,
    Reading,
    Over,
}

impl<I, E> Differences<I>
where
    I: Iterator<Item = Result<BaselineRow, E>>,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    pub(super) const fn new(ordered: Ordered, baseline: I) -> Self {
        Self {
            ordered,
            baseline,
            desired_head: None,
            baseline_head: None,
            state: State::Unread,
        }
    }

    fn advance(&mut self) -> Result<Option<Difference>> {
        if self.state == State::Unread {
            self.state = State::Reading;
            self.desired_head = self.ordered.next_step()?;
            self.advance_baseline()?;
        }
        let Some(step) = self.desired_head else {
            return self.extra();
        };
        let order = self
            .baseline_head
            .map_or(Ordering::Less, |baseline| step.row.key.cmp(&baseline.key));
        if order == Ordering::Greater {
            return self.extra();
        }
        self.desired_head = self.ordered.next_step()?;
        if let Some(winner) = step.replaced_by {
            return Ok(Some(superseded(step.row, &winner)));
        }
        let Some(baseline) = self.baseline_head.filter(|_| order == Ordering::Equal) else {
            return Ok(Some(Difference::Create(step.row)));
        };
        self.advance_baseline()?;
        Ok(Some(compare(step.row, &baseline)))
    }

    fn extra(&mut self) -> Result<Option<Difference>> {
        let Some(baseline) = self.baseline_head else {
            return Ok(None);
        };
        self.advance_baseline()?;
        Ok(Some(Difference::Extra {
            key: baseline.key,
            before: baseline,
        }))
    }

    fn advance_baseline(&mut self) -> Result<()> {
        let next = self
            .baseline
            .next()
            .transpose()
            .map_err(|error| PlanError::Baseline(error.into()))?;
        if let (Some(earlier), Some(row)) = (&self.baseline_head, &next)
            && row.key <= earlier.key
        {
            return Err(PlanError::BaselineOrder {
                earlier: earlier.key,
                key: row.key,
            });
        }
        self.baseline_head = next;
        Ok(())
    }
}

impl<I, E> Iterator for Differences<I>
where
    I: Iterator<Item = Result<BaselineRow, E>>,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Item = Result<Difference>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.state == State::Over {
            return None;
        }
        let next = self.advance().transpose();
        if !matches!(next, Some(Ok(_))) {
            self.state = State::Over;
        }
        next
    }
}

fn compare(row: DesiredRow, baseline: &BaselineRow) -> Difference {
    if baseline.settled && baseline.content == row.content {
        Difference::Unchanged {
            key: row.key,
            before: *baseline,
        }
    } else {
        Difference::Update {
            row,
            before: *baseline,
        }
    }
}

fn superseded(earlier: DesiredRow, winner: &DesiredRow) -> Difference {
    Difference::Superseded {
        earlier,
        by: winner.place,
        same_content: winner.content == earlier.content,
    }
}
