//! The ledger on a real disk: what it remembers, who may hold it, and what survives.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;
mod damage;
mod forgetting;
mod formats;
mod hold;
mod imports;
mod kill;
mod memory;
mod model;
mod under_way;
