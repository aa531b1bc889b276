//! Motion: read, plan, apply, ledger, confirm.
//!
//! [`run`] takes a [`Job`] and brings the target in step with the source, collection by
//! collection, each as soon as those it depends on are done. Records flow one way: out of the
//! source, through the comparison with the ledger (or straight through, where the ledger knows
//! nothing yet), into lanes by key, to the target, and their outcomes into the ledger.
//!
//! [`plan`] takes the same job and only counts what would be done.
//!
//! [`copy`] takes a [`CopyJob`] and passes whole collections from one store to another, without
//! memory.
//!
//! [`publish`] takes a [`PublishJob`] and brings the target in step with a feed: keys that changed,
//! records that were written, records that went. A mark moves only when it is proved.
//!
//! [`plan_flow`] compares any store with any other and writes a plan; [`apply_plan`] makes its
//! changes and no others.
//!
//! This is the only crate with tasks and a clock. It knows no protocol, no file format and no
//! terminal: what happens is told as [`Event`]s to an [`Observer`] and summed up in a
//! [`RunReport`].

mod collection;
mod compare;
mod context;
mod copy;
mod error;
mod events;
mod failures;
mod feed;
mod flow;
mod imported;
mod job;
mod lanes;
mod outcomes;
mod parked;
mod places;
mod planned;
mod prune;
mod publish;
mod recorder;
mod rejects;
mod removal;
mod report;
mod run;
mod sorted_keys;
mod spooled;

pub use copy::{CopyJob, Following, MoreReferences, Named, copy};
pub use error::EngineError;
pub use events::{CollectionProgress, Event, Observer, Progress};
pub use flow::{
    ApplyJob, CollectionPlan, DeleteStyle, Duplicates, FlowJob, FlowPart, FlowPlan, FlowPolicy,
    Grace, KnownBy, Moved, Nulls, Only, Problem, Protection, Remaining, RowErrors, Side,
    apply_plan, compare_plans, plan_flow,
};
pub use job::{Baseline, Job, Resend, Settings, Verb};
pub use outcomes::{ChangeOutcome, OutcomeWord, read_outcomes};
pub use planned::plan;
pub use prune::Prune;
pub use publish::{
    Overlap, PartReport, PublishJob, PublishReport, Start, Through, proved_mark, publish,
    unfinished,
};
pub use report::{CollectionReport, Duplicate, Ending, FailureGroup, Planned, RunReport};
pub use run::run;
pub use spooled::Spooled;
