//! The table `dbo.configuration_value` of a PostgreSQL database, as the publisher's users have it:
//! values in clear, and values encrypted by pgcrypto with a password.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use tokio_postgres::config::Host;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, Error, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::pgpass;
use crate::position::with_position;
use crate::{Connection, ConnectionsError, POSITIONS, PREFIX, Result};

/// Longest time to connect.
const CONNECT: Duration = Duration::from_secs(15);

/// Values in clear, and whether there is one that is not.
const IN_CLEAR: &str = "
    SELECT configuration_key, configuration_value, configuration_value_encrypted IS NOT NULL
    FROM dbo.configuration_value WHERE left(configuration_key, length($1::text)) = $1::text";
/// The same with what is encrypted, which goes before what is not. Names of functions are looked up
/// only where they are used, so that a table without encrypted values needs no pgcrypto.
const DECRYPTED: &str = "
    SELECT configuration_key,
           coalesce(pgp_sym_decrypt(configuration_value_encrypted, $2::text), configuration_value), false
    FROM dbo.configuration_value WHERE left(configuration_key, length($1::text)) = $1::text";
/// One row at a time is read and written by one process.
const TURN: &str = "SELECT pg_advisory_xact_lock(hashtextextended($1::text, 0))";
const WRITE: &str = "
    INSERT INTO dbo.configuration_value (configuration_key, configuration_value) VALUES ($1, $2)
    ON CONFLICT (configuration_key) DO UPDATE
    SET configuration_value = excluded.configuration_value, configuration_value_encrypted = NULL";

/// How to reach the database.
#[derive(Clone)]
pub struct PostgreSqlSettings {
    /// `postgresql://user@host:port/database?sslmode=...`, or `host=... dbname=...`.
    pub url: SecretString,
    /// The password, if it does not stand in the URL.
    pub password: Option<SecretString>,
    /// The password of encrypted values, if there are any.
    pub encryption_password: Option<SecretString>,
    /// A file of further trusted authorities, PEM.
    pub ca_file: Option<PathBuf>,
    /// Variables of the environment, as PostgreSQL's own clients know them: who asks.
    pub environment: BTreeMap<String, String>,
}

/// The environment holds secrets.
impl std::fmt::Debug for PostgreSqlSettings {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("PostgreSqlSettings")
            .finish_non_exhaustive()
    }
}

impl PostgreSqlSettings {
    pub(crate) async fn read(&self, name: &str) -> Result<Option<Connection>> {
        let client = self.connect().await?;
        let prefix = format!("{PREFIX}{name}/");
        let mut connection = Connection::default();
        for row in self.rows(&client, &prefix).await? {
            let (key, value) = entry(&row)?;
            if let (Some(property), Some(value)) = (key.strip_prefix(&prefix), value) {
                connection.insert(property, value);
            }
        }
        Ok((!connection.is_empty()).then_some(connection))
    }

    pub(crate) async fn write_position(
        &self,
        name: &str,
        target: &str,
        version: u64,
    ) -> Result<()> {
        let mut client = self.connect().await?;
        let prefix = format!("{PREFIX}{name}/");
        let transaction = client.transaction().await.map_err(failed)?;
        transaction
            .execute(TURN, &[&prefix])
            .await
            .map_err(failed)?;
        let rows = self.rows(transaction.client(), &prefix).await?;
        let mut kept = (format!("{prefix}{POSITIONS}"), None);
        for row in &rows {
            let (key, value) = entry(row)?;
            let property = key.strip_prefix(&prefix).unwrap_or_default();
            if property.eq_ignore_ascii_case(POSITIONS) {
                kept = (key, value);
            }
        }
        let (key, text) = kept;
        let written = with_position(text.as_deref(), target, version)?;
        transaction
            .execute(WRITE, &[&key, &written])
            .await
            .map_err(failed)?;
        transaction.commit().await.map_err(failed)
    }

    async fn connect(&self) -> Result<Client> {
        let mut config = Config::from_str(self.url.expose_secret()).map_err(|_secret| {
            ConnectionsError::wrong("the `url` of the connections is none of PostgreSQL")
                .with_hint("write it as postgresql://user@host:5432/database")
        })?;
        self.introduce(&mut config);
        config.application_name("syncline").connect_timeout(CONNECT);
        let tls = syncline_http::ClientSettings {
            ca_file: self.ca_file.clone(),
            ..syncline_http::ClientSettings::default()
        };
        let tls = syncline_http::tls_config(&tls)
            .map_err(|error| ConnectionsError::wrong(error.to_string()))?;
        let tls = MakeRustlsConnect::new(tls);
        let (client, connection) = config.connect(tls).await.map_err(failed)?;
        // It ends when the client is dropped; what goes wrong with it is told by the client.
        tokio::spawn(async move { drop(connection.await) });
        Ok(client)
    }

    /// Says who asks: as the settings say, or else the environment and the password file.
    fn introduce(&self, config: &mut Config) {
        let variable = |name: &str| self.environment.get(name).filter(|value| !value.is_empty());
        if config.get_user().is_none()
            && let Some(user) = variable("PGUSER").or_else(|| variable("USER"))
        {
            config.user(user);
        }
        if let Some(password) = &self.password {
            config.password(password.expose_secret());
        } else if config.get_password().is_none() {
            let known = variable("PGPASSWORD").cloned();
            if let Some(password) = known.or_else(|| self.noted_password(config)) {
                config.password(password);
            }
        }
    }

    /// The password that the password file has for a place.
    fn noted_password(&self, config: &Config) -> Option<String> {
        let home = |home: &String| Path::new(home).join(".pgpass");
        let file = match self.environment.get("PGPASSFILE") {
            Some(file) => PathBuf::from(file),
            None => self.environment.get("HOME").map(home)?,
        };
        let text = fs_err::read_to_string(file).ok()?;
        let host = match config.get_hosts().first() {
            Some(Host::Tcp(host)) => host.as_str(),
            _ => "localhost",
        };
        let port = config.get_ports().first().copied().unwrap_or(5432);
        let user = config.get_user()?;
        let database = config.get_dbname().unwrap_or(user);
        pgpass::password(&text, [host, &port.to_string(), database, user])
    }

    /// The rows of one connection.
    async fn rows(&self, client: &Client, prefix: &str) -> Result<Vec<Row>> {
        let prefix: &(dyn ToSql + Sync) = &prefix;
        match &self.encryption_password {
            Some(password) => {
                let password = password.expose_secret();
                client.query(DECRYPTED, &[prefix, &password]).await
            }
            None => client.query(IN_CLEAR, &[prefix]).await,
        }
        .map_err(failed)
    }
}

/// Key and value of a row.
fn entry(row: &Row) -> Result<(String, Option<String>)> {
    let (key, value, is_closed): (String, Option<String>, bool) = (
        row.try_get(0).map_err(failed)?,
        row.try_get(1).map_err(failed)?,
        row.try_get(2).map_err(failed)?,
    );
    if is_closed {
        let message = format!("the value of `{key}` is encrypted, and no password is given");
        return Err(ConnectionsError::wrong(message)
            .with_hint("give it as `encryption_password` below `connections`"));
    }
    Ok((key, value))
}

/// What the database says, without values.
#[expect(
    clippy::needless_pass_by_value,
    reason = "errors are mapped by its name"
)]
fn failed(error: Error) -> ConnectionsError {
    let Some(said) = error.as_db_error() else {
        let mut message = format!("the database of connections: {error}");
        if let Some(cause) = std::error::Error::source(&error) {
            message = format!("{message}: {cause}");
        }
        return ConnectionsError::unavailable(message);
    };
    let failure = ConnectionsError::wrong(format!(
        "the database of connections: {} ({})",
        said.message(),
        said.code().code()
    ));
    match said.code() {
        &SqlState::UNDEFINED_TABLE | &SqlState::INVALID_SCHEMA_NAME => failure.with_hint(
            "is it the database in which `dbo.configuration_value` of the API Publisher is?",
        ),
        &SqlState::UNDEFINED_FUNCTION => {
            failure.with_hint("`create extension pgcrypto` lets the database decrypt values")
        }
        &SqlState::EXTERNAL_ROUTINE_INVOCATION_EXCEPTION => failure
            .with_hint("is `encryption_password` the one that the values were encrypted with?"),
        &SqlState::INSUFFICIENT_PRIVILEGE => failure.with_hint(
            "the user has to be allowed to select, insert and update `dbo.configuration_value`",
        ),
        code if code.code().starts_with("57") || code.code().starts_with("53") => {
            ConnectionsError::unavailable(failure.to_string())
        }
        _ => failure,
    }
}
