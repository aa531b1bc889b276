//! The contract every store keeps, and the layers that wrap any store.
//!
//! A store is where records live: a folder of files, a database, an API. Everything the engine
//! knows about one it learns through [`Store`]; what a store can do is data
//! ([`syncline_model::Capabilities`]). Behaviour common to all stores (retrying, pacing, seeded
//! faults) lives in [`layers`], so that a store contains only what is particular to its system.
//!
//! This crate knows no protocol and no file format.

mod contract;
mod error;
mod handler;
pub mod layers;

pub use contract::{
    Batch, BatchStream, Places, Query, Reached, Rejected, SecondLook, Store, Want, WriteContext,
};
pub use error::{ErrorKind, Result, StoreError};
pub use handler::{Event, Handler};
