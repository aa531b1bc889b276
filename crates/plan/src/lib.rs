//! Deciding what is to be done, without doing it.
//!
//! [`difference`] compares what is wanted with what the target is believed to hold, in bounded
//! memory; [`rows`] sorts what does not fit into memory; [`order`] says which collection waits for
//! which; [`guards`] says which part of a plan is too much to be done unasked; [`plan_file`] puts a
//! plan at rest.
//!
//! This crate knows no store and no ledger: both sides come to it as iterators of digests. It
//! holds no clock, spawns nothing but what sorts rows ahead of whoever takes them, and touches no files but its spill files and the plan
//! files it is told to write or read. The same inputs always give the same plan.

mod ahead;
pub mod difference;
mod error;
pub mod guards;
pub mod order;
pub mod plan_file;
pub mod rows;

pub use difference::{BaselineRow, Comparison, DesiredRow, Difference, Differences, Place};
pub use error::{PlanError, Result};
pub use guards::{Amount, Guard, GuardPolicy, Tally, Verdict, judge};
pub use order::{LoadOrder, ReadyQueue};
pub use plan_file::{
    Payload, PlanHeader, PlanReader, PlanSide, PlanSummary, PlanWriter, PlannedChange, PlannedKey,
    PlannedPlace, PlannedSides,
};
pub use rows::{RowSorter, SortedRows};
