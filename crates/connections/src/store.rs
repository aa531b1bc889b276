//! The places, as one.

use std::path::PathBuf;

use crate::{Connection, Result, plaintext};

/// Where connections are kept.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ConnectionStore {
    /// A JSON file.
    Plaintext(PathBuf),
    /// A table of a PostgreSQL database.
    #[cfg(feature = "postgresql")]
    PostgreSql(Box<crate::PostgreSqlSettings>),
    /// Parameters of AWS Systems Manager.
    #[cfg(feature = "aws")]
    Aws(Box<crate::AwsSettings>),
}

impl ConnectionStore {
    /// The connection of a name; nothing if there is none.
    pub async fn read(&self, name: &str) -> Result<Option<Connection>> {
        match self {
            Self::Plaintext(file) => plaintext::read(file, name),
            #[cfg(feature = "postgresql")]
            Self::PostgreSql(settings) => Box::pin(settings.read(name)).await,
            #[cfg(feature = "aws")]
            Self::Aws(settings) => Box::pin(settings.read(name)).await,
        }
    }

    /// Keeps the change version up to which the connection of a name was published to a target.
    pub async fn write_position(&self, name: &str, target: &str, version: u64) -> Result<()> {
        match self {
            Self::Plaintext(file) => plaintext::write_position(file, name, (target, version)),
            #[cfg(feature = "postgresql")]
            Self::PostgreSql(settings) => {
                Box::pin(settings.write_position(name, target, version)).await
            }
            #[cfg(feature = "aws")]
            Self::Aws(settings) => Box::pin(settings.write_position(name, target, version)).await,
        }
    }
}
