//! The store against a real OpenLDAP; each test has a branch of the directory of its own.
#![expect(clippy::unwrap_used, clippy::panic, reason = "test support")]

mod branch;
mod changing;
mod conformance;
mod feed;
mod groups;
mod injection;
mod transport;
