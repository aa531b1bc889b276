//! The Restream third-party API: one-second measurements of well sites, their stages and states,
//! and what was corrected since.
//!
//! [`Restream`] is the API as typed calls: lists are objects that keep the members nobody knows
//! ([`objects`]), measurements are streams of records that keep their digits and go on where a
//! connection was cut ([`DataStream`]), corrections are ranges to be read again and confirmed last
//! ([`changes`]). [`RestreamStore`] is the same as a store of the contract.
//!
//! ```
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let service = syncline_sandbox::restream::Restream::start(Default::default()).await?;
//! # let host = service.url();
//! use syncline_store_restream::{Filters, LiveQuery, Restream, Timestamp, merged};
//!
//! let api = Restream::builder()
//!     .host(host)
//!     .client("restream", "restreamSecret".to_owned())
//!     .build()?;
//! for site in api.sites(&Filters::none().with("fleet_name", "alpha")).await? {
//!     println!("{} {:?}", site.name, site.current_state);
//! }
//! let (start, end): (Timestamp, Timestamp) =
//!     ("2025-01-02T06:00:00Z".parse()?, "2025-01-02T06:10:00Z".parse()?);
//! let mut stream = api.site(1001).data(start..end).fields(["slurry_rate"]).stream()?;
//! let mut seconds = 0;
//! while let Some(record) = stream.next().await? {
//!     seconds += 1;
//!     assert!(record.json.starts_with(b"{"));
//! }
//! assert_eq!(seconds, 600);
//! let states = api.pad(101).states().await?;
//! assert_eq!(states.len(), 3);
//!
//! // What was corrected is read again, made durable, and confirmed last.
//! let changes = api.site(1001).changes().await?;
//! let ranges = merged(changes.iter().map(|event| &**event));
//! for range in &ranges {
//!     let _corrected = api.site(range.site).data(range.query()).stream()?;
//! }
//! assert!(api.confirm(&ranges).await?.is_empty());
//!
//! // Seconds as they are measured; the first one comes within a second.
//! let mut live = api.site(1001).follow(LiveQuery::default())?;
//! let now = live.next().await?.expect("sockets are opened again");
//! assert_eq!(now.site, Some(1001));
//! # Ok(())
//! # }
//! ```
//!
//! Programs that do not wait asynchronously use [`blocking`].
//!
//! # Names of the service's own client
//!
//! Who knows the service's Python client finds its names in the index of this documentation: they
//! are aliases of what does the same here.
//!
//! | there | here |
//! |---|---|
//! | `Authorization`, `auth_token=`, `RESTREAM_AUTH_TOKEN`, `TALLY_AUTH_TOKEN` | [`RestreamBuilder::client`], [`RestreamBuilder::token`] |
//! | `Site.get_models`, `Pad.get_models`, `State.get_models` | [`Restream::sites`], [`Restream::pads`], [`Restream::states`] |
//! | `Site.get_model`, `update`; `get_pad`; `get_sites` | [`Wells::get_site`], [`Wells::get_pad`], [`Wells::sites`] |
//! | `get_state`, `get_states`, `State.get_model` | [`Wells::states`], [`Restream::state`] |
//! | `get_fields_metadata`, `get_measurement_sources_metadata` | [`Wells::fields`], [`Wells::sources`] |
//! | `get_stages_metadata(start=, end=)`, once `start_date=`, `end_date=` | [`Wells::stages`], [`Wells::aggregations`] |
//! | `get_data(...).data_fetcher` | [`Wells::data`], [`DataRequest::stream`] |
//! | `get_data_changes`, `DataChanges` (once `DataChange`) | [`Wells::changes`], [`objects::ChangeEvent`], [`merged`] |
//! | `DataChanges.get_data`, `confirm_data_received` | [`ChangedRange::query`], [`Restream::confirm`] |
//! | `get_stages_aggregations`, `create_...`, `update_...`, `delete_...` | [`Wells::stage_aggregations`] and its neighbours |
//! | `get_realtime_measurements_data` | [`Wells::follow`] |
//! | `get_realtime_data_changes_updates` | [`Wells::follow_changes`] |
//! | `get_realtime_instance_updates` | [`Wells::follow_site`], [`Wells::follow_pad`] |
//!
//! This crate knows the protocol, not how requests are made (`syncline-http`), and nothing of files or
//! other stores. What always holds: of one kind of call no more are under way than the service wants,
//! a stream that ends without its closing bracket is an error, and no token is asked for in a loop.

mod array;
pub mod blocking;
mod builder;
mod changes;
mod client;
mod data;
mod limits;
mod list;
mod live;
pub mod objects;
mod parameters;
mod place;
mod settings;
mod store;

pub use builder::RestreamBuilder;
pub use changes::{ChangedRange, merged};
pub use client::Restream;
pub use data::{
    Aggregation, DataQuery, DataRecord, DataRequest, DataStream, Fill, FillMethod, Resolution,
    StageName,
};
pub use jiff::Timestamp;
pub use list::{Filters, StageFilters};
pub use live::{LiveChanges, LiveData, LiveQuery, LiveStates, LiveUpdates, Protocol, Reopen};
pub use place::{Place, Wells};
pub use settings::{Access, HOST, RestreamSettings};
pub use store::{RestreamStore, Set};
pub use syncline_http::Credentials;
