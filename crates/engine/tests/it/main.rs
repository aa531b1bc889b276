//! Whole runs between real stores: what reaches the target, in which order, what is remembered,
//! and what happens when anything on the way breaks.
#![expect(clippy::unwrap_used, reason = "test support")]

mod again;
mod bounds;
mod copying;
mod faults;
mod flows;
mod imported;
mod keys;
mod killed;
mod order;
mod parked;
mod pruning;
mod removal;
mod silent;
mod sources;
mod stops;
mod streaming;
mod world;
