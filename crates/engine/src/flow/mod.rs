//! Any store to any store: desired minus baseline, as a plan at rest, then applied.
//!
//! [`plan_flow`] reads both sides, which have been brought to the same shapes, and writes a plan:
//! every change with both sides of its record, under guards. It changes nothing anywhere.
//! [`apply_plan`] makes the changes of such a plan and no others, and notes their outcomes in the
//! ledger. Neither knows field maps, files or protocols.
//!
//! What always holds: a plan names a key once; its changes stand in the order in which they are
//! made; absence counts only where everything was read; the same two sides give the same changes.

mod alike;
mod apply;
mod classify;
mod extras;
mod facts;
mod gone;
mod kept;
mod known_again;
mod made;
mod moved;
mod notes;
mod only;
mod part;
mod planner;
mod policy;
mod renames;
mod segments;
mod sides;
mod spool;
mod values;

pub use apply::{ApplyJob, apply_plan};
pub use moved::{Moved, Remaining, compare_plans};
pub use only::Only;
pub use part::{CollectionPlan, FlowPlan, Problem, Side};
pub use planner::{FlowJob, FlowPart, plan_flow};
pub use policy::{
    DeleteStyle, Duplicates, FlowPolicy, Grace, KnownBy, Nulls, Protection, RowErrors,
};
