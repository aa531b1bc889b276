//! Connections, kept for whoever comes next.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use syncline_store::{ErrorKind, Result, StoreError};
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::faults;
use crate::address::PostgresAddress;
use crate::tls::{self, TlsMode};

/// How the session spells what it hands on.
const SESSION: &str = "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; \
    SET IntervalStyle = 'iso_8601'; SET bytea_output = 'hex'; SET extra_float_digits = 1; \
    SET standard_conforming_strings = on";

/// Most idle connections that are kept.
const IDLE_MAX: usize = 8;

/// Connections to one database.
pub(crate) struct Pool {
    config: Config,
    tls: MakeRustlsConnect,
    idle: Mutex<Vec<Client>>,
}

impl fmt::Debug for Pool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Pool").finish_non_exhaustive()
    }
}

impl Pool {
    pub(crate) fn new(address: &PostgresAddress, ca_file: Option<PathBuf>) -> Result<Self> {
        let ca_file = ca_file.or_else(|| address.ca_file.clone());
        let mode = address.tls.with_authorities(ca_file.is_some());
        let mut config = address.config.clone();
        config.ssl_mode(match mode {
            TlsMode::Disable => SslMode::Disable,
            TlsMode::Prefer => SslMode::Prefer,
            TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => SslMode::Require,
        });
        let tls = MakeRustlsConnect::new(tls::client(mode, ca_file.as_deref())?);
        let idle = Mutex::default();
        Ok(Self { config, tls, idle })
    }

    /// A connection that is not in use.
    pub(crate) async fn take(self: &Arc<Self>) -> Result<Connection> {
        let client = loop {
            match self.pop() {
                Some(client) if client.is_closed() => {}
                Some(client) => break client,
                None => break self.connect().await?,
            }
        };
        let pool = Arc::clone(self);
        Ok(Connection { client, pool })
    }

    fn pop(&self) -> Option<Client> {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop()
    }

    async fn connect(&self) -> Result<Client> {
        let connected = self.config.connect(self.tls.clone()).await;
        let (client, connection) = connected.map_err(|error| connecting(&error))?;
        // It ends with the client, and what is wrong with it is told to whoever uses that.
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to PostgreSQL ended");
            }
        });
        let session = client.batch_execute(SESSION).await;
        session.map_err(|error| faults::of(&error, None).into_error())?;
        Ok(client)
    }
}

/// Why there is no connection.
fn connecting(error: &tokio_postgres::Error) -> StoreError {
    if error.as_db_error().is_some() {
        return faults::of(error, None).into_error();
    }
    let cause = std::error::Error::source(error).map(ToString::to_string);
    let message = match &cause {
        Some(cause) => format!("PostgreSQL cannot be reached: {cause}"),
        None => format!("PostgreSQL cannot be reached: {error}"),
    };
    let text = error.to_string();
    if text.contains("TLS") || cause.is_some_and(|cause| cause.contains("certificate")) {
        return StoreError::new(ErrorKind::Configuration, message).with_hint(
            "name the file of its authority as `ca_file`, or choose another `sslmode` in the URL",
        );
    }
    let kind = if text.contains("password") {
        ErrorKind::Denied
    } else {
        ErrorKind::Unavailable
    };
    StoreError::new(kind, message)
}

/// A connection in use. It is closed when it is dropped, whatever was going on in it, unless it
/// is given back.
pub(crate) struct Connection {
    client: Client,
    pool: Arc<Pool>,
}

impl Connection {
    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    /// Keeps it for the next; nothing may be under way in it.
    pub(crate) fn give_back(self) {
        let mut idle = self
            .pool
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(self.client);
        }
    }
}
