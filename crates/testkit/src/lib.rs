//! What tests of several crates share: a store in memory, fixtures, the conformance suite that
//! every store has to pass, a sealed environment for the command line, a browser without a window,
//! and the addresses of servers that run for the tests.
//!
//! Only tests use this crate, and it panics where a test would. It knows the contract and the
//! vocabulary, and no store but its own.

mod browser;
pub mod conformance;
pub mod fixtures;
mod gate;
mod memory;
mod sealed;
pub mod services;
mod skipped;

pub use browser::Browser;
pub use gate::Gate;
pub use memory::{Attempt, Contents, MemoryStore, ReadingEnd, Write};
pub use sealed::Sealed;
pub use services::Service;
pub use skipped::skipped;
