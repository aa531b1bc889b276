//! Connections by name, kept where the Ed-Fi API Publisher keeps them: in a file, in PostgreSQL, or
//! in the AWS Parameter Store, and under the publisher's own keys.
//!
//! Beside what a connection is, each place keeps the change version up to which the source was
//! published to each target. It is written back so that the values of other targets stay, and either
//! program can go on where the other stopped. What a property means is not known here. No value is
//! ever part of an error or of debug output.

#[cfg(feature = "aws")]
mod aws;
mod connection;
mod error;
#[cfg(feature = "postgresql")]
mod pgpass;
mod plaintext;
mod position;
#[cfg(feature = "postgresql")]
mod postgresql;
mod store;

#[cfg(feature = "aws")]
pub use aws::AwsSettings;
pub use connection::Connection;
pub use error::{ConnectionsError, Result};
pub use position::position_of;
#[cfg(feature = "postgresql")]
pub use postgresql::PostgreSqlSettings;
pub use store::ConnectionStore;

/// What all keys begin with; the name of a connection and that of a property follow.
pub const PREFIX: &str = "/ed-fi/apiPublisher/connections/";
/// The property that says how far the source was published to each target.
pub const POSITIONS: &str = "lastChangeVersionsProcessed";
