//! Syncline as a library: configuration in, a finished job out.
//!
//! The facade knows every store by name and builds jobs of the engine out of a [`Config`]. It
//! does not touch the terminal, the environment or the process: those come in as values and go
//! out as events ([`Observer`]), summaries and [`Failure`]s.

mod check;
mod config;
mod connections;
mod count;
mod create;
mod failure;
mod fetch;
mod flow;
mod guards;
mod hold;
mod library;
mod open;
mod publish;
mod rejects;
mod remedy;
mod remove;
mod replace;
mod report;
mod resolve;
pub mod restream;
mod results;
mod select;
mod send;
pub mod state;
pub mod store;
mod suggest;
mod times;
mod validate;
mod verify;
mod watch;

pub use check::{StoreCheck, check};
pub use config::{
    Config, ConfigArgs, DEFAULT_FILES, Dialect, EdfiConfig, PagingArgs, RestreamConfig,
    StoreConfig, config_schema, jobs_schema,
};
pub use connections::{KeptPosition, StoredConnection};
pub use count::{CountRow, count, count_table};
pub use create::{CreateArgs, CreateSummary, create};
pub use failure::{Failure, FailureKind};
pub use fetch::{FetchArgs, FetchFiles, FetchSummary, fetch};
pub use flow::{
    ApplyArgs, ApplySummary, DerivedSettings, Explained, FieldRow, FlowArgs, FlowPositions,
    FlowSettings, FlowSide, Following, HandlerSettings, LookupSettings, PartSettings, PlanSummary,
    ShownChange, TablesSettings, apply_flow, drift_flow, explain_flow, flow_that_fills, plan_flow,
    shown_changes, sync_flow, typed_key,
};
pub use library::{AppliedFlow, Flow, FlowChange, Part, PlannedFlow, Record, Records, Value};
pub use publish::{
    Choice, Imported, JobOutcome, JobsArgs, JobsObserver, NamedJob, PublishArgs, PublishJobs,
    PublishSettings, PublishStart, PublishSummary, import_api_publisher, publish, publish_jobs,
    write_jobs_results, write_publish_results,
};
pub use remedy::{RemedyReport, RemedySettings};
pub use remove::{Intent, Removal, RemoveArgs, remove};
pub use report::{write_plan_report, write_run_report};
pub use results::{Results, write_results};
pub use select::Selection;
pub use send::{PruneArgs, SendArgs, SendSummary, send};
pub use times::{now_text, parse_duration, parse_time};
pub use validate::{
    CheckedCollection, FindingGroup, How, LookUp, ReferenceSettings, ReferenceSummary,
    ValidateArgs, ValidateEnding, ValidateResults, ValidateSettings, ValidateSummary, validate,
    write_validate_results,
};
pub use verify::{
    Example, ExplainArgs, Explanation, MemberDifference, OwedNow, Remembered, SideState, Verified,
    VerifyArgs, VerifySummary, Why, Wrong, explain, explain_document, verify, verify_document,
    write_verify_results,
};

pub use watch::{Clock, RoundEnd, SystemClock, WatchObserver, WatchSettings, watch};

pub use syncline_check::{Method, Severity};
pub use syncline_engine::{
    ChangeOutcome, CollectionPlan, CollectionProgress, CollectionReport, DeleteStyle, Duplicates,
    Ending, Event, FailureGroup, FlowPlan, Grace, Nulls, Observer, Only, OutcomeWord, PartReport,
    Planned, Problem, Progress, Resend, RowErrors, RunReport, Side as ProblemSide, Verb,
};
pub use syncline_ledger::Holder;
pub use syncline_macros::Record;
pub use syncline_model::{ChangeKind, CollectionName};
pub use syncline_plan::{Guard, GuardPolicy};
pub use syncline_store_files::{FileFormat, KeyFilter};
