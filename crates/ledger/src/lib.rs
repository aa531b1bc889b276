//! Durable memory: what is known about each target, what is still owed to it, and what was run.
//!
//! A [`Ledger`] is one SQLite file in a state directory, held by one process at a time, or by
//! several for one flow each; a [`LedgerView`] reads it, also while another process holds it. What is known is kept by
//! [`ScopeId`]: which target, seen by which flow; never by the name of a file. Within a scope
//! there is one row for each collection and key, in the order of key digests, the order in which
//! plans are merged.
//!
//! What always holds: what [`Ledger::record`] returned for is on disk, and a process killed at
//! any moment leaves a whole ledger behind. A change that is noted as [`UnderWay`] before it is
//! offered and has no receipt is believed neither done nor not done. A change that did not succeed stays owed, with its
//! payload, until its key settles or it is given up by name; meanwhile what the target was last
//! known to hold is kept.
//!
//! What another program remembered of lines it sent can be imported; it stands in for what is not
//! known, and has no say once something is.
//!
//! This crate knows no store and no plan and holds no clock. It has one thread at times: the one
//! that reads a long [`Scan`] ahead.

mod column;
mod cursor;
mod error;
mod forget;
mod imported;
mod ledger;
mod listed;
mod lock;
mod receipt;
mod record;
mod run;
mod scan;
mod schema;
mod under_way;
mod view;

pub use cursor::OwedChanges;
pub use error::{LedgerError, Result};
pub use forget::Forgotten;
pub use imported::{ImportCounts, ImportedLine, ImportedLines};
pub use ledger::{Entries, Ledger, ReadingPlace, Steps};
pub use listed::Listed;
pub use lock::Holder;
pub use receipt::{Known, LastOutcome, Owed, OwedClass, Receipt, ReceiptResult, Repeat};
pub use run::{RunEnd, RunId, RunOutcome, RunRow, RunStart};
pub use scan::Scan;
pub use under_way::UnderWay;
pub use view::{CollectionRow, LedgerView, ScopeId};
