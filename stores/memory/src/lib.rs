//! Records in memory as a store, for programs that keep step with what they hold themselves.
//!
//! It is for as many records as fit into memory, and knows nothing of what they stand for. A write
//! is as careful as that of any other store: a member that a record does not have is left alone,
//! null takes a value away, and a record that is no longer what it was believed to be is not
//! touched. Clones share one store.

mod deciding;
mod store;

pub use store::MemoryStore;
