//! Local servers that behave as the real ones do, and the generator of synthetic districts.
//!
//! Everything that Syncline is tested against without a network lives here. It shares no code
//! with the HTTP client or the stores: an imitation that shared the client's code would share
//! its mistakes. It depends on no other crate of the workspace.

pub mod constant;
pub mod generate;
pub mod remote;
pub mod replay;
pub mod restream;
pub mod schema;
pub mod server;

mod faults;
mod storage;
mod web;

pub use constant::ConstantServer;
pub use faults::{FaultAction, FaultMatch, FaultPlan, FaultRule};
pub use server::{
    ApiVersion, Authorization, ClaimsError, Client, Operation, Profile, ProfileMembers,
    ProfileResource, RouteBegins, Sandbox, SandboxConfig, SandboxError, SeedRefusal, SeedReport,
    SnapshotInfo, read_clients, read_profiles, reset_data, seed_district, seed_folder,
};
pub use storage::StorageError;
pub use web::ListenError;
pub use web::record::{RecordedRequest, RequestLog};
