//! Keeping stores in step from a program of one's own: two stores, a [`Flow`], a plan, its changes.
//!
//! The same comparison, guards and motion as behind the command, with nothing read from a file.
//! Records may be types of the program ([`Record`]), stores may be its own
//! ([`crate::store::Store`]), and a closure may do a change instead of the target
//! ([`Flow::on`]).

mod flow;
mod planned;
mod record;

pub use flow::{Flow, Part};
pub use planned::{AppliedFlow, FlowChange, PlannedFlow};
pub use record::{Record, Records, Value, as_record, described, field};

/// What `docs/library.md` shows, compiled with the examples in the documentation.
#[cfg(doctest)]
#[doc = include_str!("../../../../docs/library.md")]
struct Document;
