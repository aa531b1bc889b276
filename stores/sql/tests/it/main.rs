//! The store against real servers: PostgreSQL, MariaDB and SQLite, the same tests for each.
#![expect(clippy::unwrap_used, clippy::panic, reason = "test support")]

mod conformance;
mod describing;
mod hostile;
mod looking;
mod server;
mod trouble;
mod types;
mod writing;
