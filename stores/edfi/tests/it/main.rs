//! The store against a real server of the same process.
#![expect(clippy::unwrap_used, reason = "test support")]

mod conformance;
mod server;
