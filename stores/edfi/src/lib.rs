//! Ed-Fi APIs as a store: ODS/API 5.x to 7.x and the Data Management Service 8.
//!
//! The way in is the discovery document; URLs are taken from it and never built by hand, unless
//! the configuration names them. Collections, natural keys and load order come from the
//! server's own metadata and are kept between runs. Writing is POST, the protocol's upsert, of whole
//! records; who knows a part of them only takes a [`PatchedStore`].
//!
//! Reading is by pages, several at once, each tried again by itself. This crate knows no other
//! store; writes are neither tried again nor bounded here: layers of `syncline-store` do that.

mod answer;
mod changes;
mod delete;
mod discovery;
mod metadata;
mod pages;
mod patched;
mod profile;
mod rekey;
mod settings;
mod single;
mod store;
mod unchanged;

pub use changes::{Feed, Followed, Isolation};
pub use discovery::{Discovery, Endpoints};
pub use metadata::{Members, Shape, documents, unknown_collection};
pub use pages::FirstPage;
pub use patched::PatchedStore;
pub use settings::{EdfiSettings, Mode, Paging, ReadSettings, Urls};
pub use store::{EdfiStore, Probe};
pub use syncline_http::{ClientSettings, Credentials};
