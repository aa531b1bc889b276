//! The store against a real server of the same process.
#![expect(clippy::unwrap_used, clippy::panic, reason = "test support")]

mod conformance;
mod feed;
mod paging;
mod patching;
mod places;
mod reading;
mod server;
