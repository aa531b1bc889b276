//! The sandbox over real sockets, spoken to by a client of a few lines that shares no code with
//! any other.

#![expect(
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    reason = "a helper of a test that cannot go on fails the test"
)]

mod authorization;
mod changes;
mod client;
mod clock;
mod constant;
mod discovery;
mod durability;
mod faults;
mod fixture;
mod generated;
mod hostile;
mod listing;
mod login;
mod nonsense;
mod operations;
mod page;
mod profiles;
mod published;
mod rekey;
mod restream;
mod scenarios;
mod snapshots;
mod versions;
mod writes;
mod wrong_types;
