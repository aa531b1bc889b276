//! Flows: any store to any store, as the configuration describes them.
//!
//! A flow is opened ([`open`]): both stores are connected, every expression is compiled (`compile`), and all
//! that does not exist is told, before anything is read. Then it is planned, a plan is applied, or
//! one record is explained. The comparison and the motion are the engine's.

mod apply;
mod compile;
mod derived;
mod events;
mod exit;
mod explain;
mod follow;
mod handlers;
mod keys;
mod lookups;
mod only;
mod open;
mod plan;
mod policy;
mod secrets;
mod settings;
mod shapes;
mod shown;
mod stages;
mod tables;
mod words;

pub(crate) use apply::apply_between;
pub(crate) use derived::with_derived;
pub(crate) use keys::SHAPE;
pub(crate) use open::{Opened, between};
pub(crate) use plan::{default_path, planned};
pub(crate) use secrets::sealed;
pub(crate) use shown::shown_of;
pub(crate) use tables::{CSV, TABLE};

pub use apply::{ApplyArgs, ApplySummary, apply_flow, sync_flow};
pub use explain::{Explained, FieldRow, FlowSide, explain_flow, flow_that_fills};
pub use follow::{FlowPositions, Following};
pub use handlers::HandlerSettings;
pub use only::typed_key;
pub use plan::{FlowArgs, PlanSummary, drift_flow, plan_flow};
pub use settings::{DerivedSettings, FlowSettings, LookupSettings, PartSettings};
pub use shown::{ShownChange, shown_changes};
pub use tables::TablesSettings;
