//! The vocabulary of Syncline: what every other crate speaks about.
//!
//! A [`Record`] has a [`Key`], the payload bytes exactly as they were read, and the [`Digest`]
//! of their canonical form. A [`Change`] is the only thing that flows. A [`Mark`] with its
//! [`Coverage`] says how far a reading came and what it may be taken as complete for. A
//! [`Catalog`] says which collections a store has, their keys and what refers to what.
//!
//! This crate does no I/O, spawns nothing and holds no clock.

mod canonical;
mod catalog;
mod change;
mod digest;
mod field;
mod json_text;
mod key;
mod mark;
mod outcome;
mod raw_object;
mod record;

pub use canonical::{Canonicaliser, JsonProblem, NullRule, PayloadRules, canonical_number};
pub use catalog::{Capabilities, Catalog, Collection, CollectionName, Reference, StoreIdentity};
pub use change::{Change, ChangeKind};
pub use digest::Digest;
pub use field::{Alike, Binary, Bounds, Characters, Field, FieldKind, FieldRole, Labels};
pub use json_text::{is_plain, plain_length, write_text};
pub use key::{FieldPath, Key, KeyField, typed_values};
pub use mark::{Counts, Coverage, Link, Mark, Scope};
pub use outcome::{Done, FailureClass, Outcome, Refusal};
pub use raw_object::{RawMember, RawObject};
pub use record::{Handle, Origin, Record};
