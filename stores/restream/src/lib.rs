//! The Restream third-party API: one-second measurements of well sites, their stages and states,
//! and what was corrected since.
//!
//! [`Restream`] is the API as typed calls: lists are objects that keep the members nobody knows
//! ([`objects`]), measurements are streams of records that keep their digits and go on where a
//! connection was cut ([`DataStream`]), corrections are ranges to be read again and confirmed last
//! ([`changes`]). [`RestreamStore`] is the same as a store of the contract.
//!
//! This crate knows the protocol, not how requests are made (`syncline-http`), and nothing of files or
//! other stores. What always holds: of one kind of call no more are under way than the service wants,
//! a stream that ends without its closing bracket is an error, and no token is asked for in a loop.

mod array;
mod changes;
mod client;
mod data;
mod limits;
mod list;
pub mod objects;
mod parameters;
mod place;
mod settings;
mod store;

pub use changes::{ChangedRange, merged};
pub use client::Restream;
pub use data::{
    Aggregation, DataQuery, DataRecord, DataStream, Fill, FillMethod, Resolution, StageName,
};
pub use list::{Filters, StageFilters};
pub use place::{Place, Wells};
pub use settings::{HOST, RestreamSettings};
pub use store::RestreamStore;
pub use syncline_http::Credentials;
