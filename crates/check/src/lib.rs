//! Whether Ed-Fi payloads are what an API's documents say they have to be.
//!
//! [`Schemas::read`] compiles `OpenAPI` 3 or Swagger 2 documents into one table of nodes, and a
//! [`Checker`] walks the bytes of a payload along that table: grammar, types, lengths, ranges,
//! formats, required members, the form of descriptor values and repeated items, in one pass that
//! builds no tree. [`Checker::verdict`] answers quickly and hands what a payload points at to a
//! [`Visitor`]; [`Checker::problems`] takes the same walk and explains everything it meets. Both
//! are one walker with two listeners, so they cannot disagree.
//!
//! [`fields()`] lists what records may hold, with types, for whoever writes tables.
//!
//! This crate does no I/O, spawns nothing and holds no clock. Values of payloads do not appear in
//! what it reports, except for descriptor values of the right form.

mod checker;
mod finding;
mod form;
mod report;
mod schema;
mod seen;
mod table;
mod walk;

pub use checker::{Checker, Verdict};
pub use report::{Method, Problem, Severity};
pub use schema::{Field, FieldKind, KeyOrders, SchemaError, Schemas, fields};
pub use seen::{DescriptorSeen, KeySeen, ReferenceSeen, Visitor};
pub use walk::Place;
