//! Programs as stores: the two that are examples, and ones that do not behave.
#![expect(clippy::unwrap_used, clippy::panic, reason = "test support")]

mod conformance;
mod misbehaving;
mod program;
mod resuming;
