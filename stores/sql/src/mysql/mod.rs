//! MariaDB and MySQL. Values pass in the binary protocol, which keeps every type.

mod faults;
mod metadata;
mod values;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures_util::StreamExt as _;
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, DriverError, Error, Opts, OptsBuilder, SslOpts, Value};
use syncline_store::{ErrorKind, Result, StoreError};
use tokio::sync::mpsc;

use crate::address::MySqlAddress;
use crate::driver::{Driver, ROWS_AT_ONCE, RowStream, Rows, Select, Transaction, named};
use crate::fault::Fault;
use crate::input::Input;
use crate::questions::Dialect;
use crate::row::{Row, RowMaker};
use crate::table::{Column, Form, Table};
use crate::tls::{self, TlsMode};

const DIALECT: Dialect = Dialect {
    quote: '`',
    compared,
    list: "",
    nothing: "() VALUES ()",
};

/// How the session takes values: exactly, or not at all; times are in UTC.
const SESSION: &str = "SET time_zone = '+00:00', net_write_timeout = 600, \
    sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,\
    NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION'";

/// Most values bound to one statement; the protocol counts them in 16 bits.
const VALUES_MAX: usize = 60_000;
/// Most rows in one statement.
const ROWS_MAX: usize = 1000;
/// Most idle connections that are kept.
const IDLE_MAX: usize = 8;
/// Pieces of a reading that may wait for whoever takes them.
const PIECES_AHEAD: usize = 2;

/// A MariaDB or MySQL server.
#[derive(Debug)]
pub(crate) struct MySql {
    pool: Arc<Pool>,
}

struct Pool {
    /// As configured, and without TLS where that is allowed.
    options: Opts,
    plain: Option<Opts>,
    idle: Mutex<Vec<Conn>>,
}

impl fmt::Debug for Pool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Pool").finish_non_exhaustive()
    }
}

impl MySql {
    pub(crate) fn new(address: &MySqlAddress, ca_file: Option<PathBuf>) -> Result<Self> {
        let ca_file = ca_file.or_else(|| address.ca_file.clone());
        let mode = address.tls.with_authorities(ca_file.is_some());
        let builder = address.options.clone().setup(vec![SESSION]);
        let plain = matches!(mode, TlsMode::Disable | TlsMode::Prefer);
        let plain = plain.then(|| Opts::from(builder.clone()));
        let options = match (mode, &plain) {
            (TlsMode::Disable, Some(plain)) => plain.clone(),
            _ => protected(builder, mode, ca_file.as_deref())?,
        };
        let idle = Mutex::default();
        let pool = Arc::new(Pool {
            options,
            plain,
            idle,
        });
        Ok(Self { pool })
    }
}

fn protected(builder: OptsBuilder, mode: TlsMode, ca_file: Option<&Path>) -> Result<Opts> {
    let is_verified = matches!(mode, TlsMode::VerifyCa | TlsMode::VerifyFull);
    let roots = if is_verified {
        tls::authorities(ca_file)?
    } else {
        vec![]
    };
    let roots = roots
        .into_iter()
        .map(|root| root.as_ref().to_vec().into())
        .collect();
    let ssl = SslOpts::default()
        .with_root_certs(roots)
        .with_disable_built_in_roots(is_verified)
        .with_danger_accept_invalid_certs(!is_verified)
        .with_danger_skip_domain_validation(mode != TlsMode::VerifyFull);
    Ok(builder.ssl_opts(ssl).into())
}

impl Pool {
    /// A connection that is not in use, and still alive.
    async fn take(&self) -> Result<Conn> {
        loop {
            let idle = self
                .idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop();
            let Some(mut connection) = idle else {
                return self.connect().await;
            };
            if connection.ping().await.is_ok() {
                return Ok(connection);
            }
        }
    }

    async fn connect(&self) -> Result<Conn> {
        let connected = match Conn::new(self.options.clone()).await {
            Err(Error::Driver(DriverError::NoClientSslFlagFromServer)) => {
                let Some(plain) = &self.plain else {
                    let message = "the server does not speak TLS";
                    return Err(StoreError::new(ErrorKind::Configuration, message)
                        .with_hint("choose another `ssl-mode` in the URL"));
                };
                Conn::new(plain.clone()).await
            }
            connected => connected,
        };
        connected.map_err(|error| faults::connecting(&error))
    }

    /// Keeps a connection for the next; nothing may be under way in it.
    fn give_back(&self, connection: Conn) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(connection);
        }
    }
}

#[async_trait]
impl Driver for MySql {
    async fn tables(&self) -> Result<Vec<Table>> {
        let mut connection = self.pool.take().await?;
        let tables = metadata::tables(&mut connection).await;
        let tables = tables.map_err(|error| faults::of(&error, None).into_error())?;
        self.pool.give_back(connection);
        Ok(tables)
    }

    async fn query(&self, sql: &str) -> Result<Vec<Column>> {
        let mut connection = self.pool.take().await?;
        let sql = format!("SELECT * FROM ({sql}\n) AS q");
        let prepared = connection.prep(sql).await;
        let prepared = prepared.map_err(|error| faults::of(&error, None).into_error())?;
        let columns = prepared
            .columns()
            .iter()
            .map(metadata::query_column)
            .collect();
        self.pool.give_back(connection);
        Ok(columns)
    }

    async fn count(&self, select: Select) -> Result<u64> {
        let mut connection = self.pool.take().await?;
        let (sql, bound) = DIALECT.count(&select);
        let count = connection.exec_first(sql, parameters(&bound)).await;
        let count: Option<u64> =
            count.map_err(|error| faults::of(&error, Some(&select.table)).into_error())?;
        self.pool.give_back(connection);
        Ok(count.unwrap_or(0))
    }

    /// Rows are taken from the connection as they are asked for. One statement sees one moment.
    async fn rows(&self, select: Select) -> Result<RowStream> {
        let connection = self.pool.take().await?;
        let (sender, receiver) = mpsc::channel(PIECES_AHEAD);
        let pool = Arc::clone(&self.pool);
        tokio::spawn(async move {
            let (connection, error) = hand_on(connection, &select, &sender).await;
            if let Some(error) = error {
                // Whoever stopped listening does not miss it.
                let _unheard = sender.send(Err(error)).await;
            } else if let Some(connection) = connection {
                pool.give_back(connection);
            }
        });
        let stream = futures_util::stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|item| (item, receiver))
        });
        Ok(stream.boxed())
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>, Fault> {
        let mut connection = self.pool.take().await?;
        let isolation = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED";
        for statement in [isolation, "START TRANSACTION"] {
            let begun = connection.query_drop(statement).await;
            begun.map_err(|error| faults::of(&error, None))?;
        }
        let pool = Arc::clone(&self.pool);
        Ok(Box::new(MySqlTransaction { connection, pool }))
    }

    fn rows_max(&self, values: usize) -> usize {
        (VALUES_MAX / values.max(1)).clamp(1, ROWS_MAX)
    }
}

/// Hands on the rows of a selection. The connection comes back only if nothing is under way in
/// it.
async fn hand_on(
    mut connection: Conn,
    select: &Select,
    sender: &mpsc::Sender<Result<Vec<Row>>>,
) -> (Option<Conn>, Option<StoreError>) {
    let (sql, bound) = DIALECT.select(select);
    let broken = |error: Error| Some(faults::of(&error, Some(&select.table)).into_error());
    let columns = named(&select.table, &select.columns);
    let mut maker = RowMaker::new(&select.table, &select.columns);
    let mut rows = match connection.exec_iter(sql, parameters(&bound)).await {
        Ok(rows) => rows,
        Err(error) => return (None, broken(error)),
    };
    let mut piece = Vec::with_capacity(ROWS_AT_ONCE);
    loop {
        let row: Option<mysql_async::Row> = match rows.next().await {
            Ok(row) => row,
            Err(error) => return (None, broken(error)),
        };
        let is_end = row.is_none();
        piece.extend(row.map(|row| values::row(row, &columns, &mut maker)));
        let is_full = piece.len() >= ROWS_AT_ONCE || (is_end && !piece.is_empty());
        if is_full {
            let full = std::mem::replace(&mut piece, Vec::with_capacity(ROWS_AT_ONCE));
            if sender.send(Ok(full)).await.is_err() {
                return (None, None);
            }
        }
        if is_end {
            drop(rows);
            return (Some(connection), None);
        }
    }
}

/// Decimals are compared as such; a text would be compared as a binary number.
fn compared(column: &Column) -> String {
    match column.form {
        Form::Decimal { .. } => format!("CAST(? AS {})", column.type_name),
        _ => "?".to_owned(),
    }
}

fn parameters(bound: &[&Input]) -> Vec<Value> {
    bound.iter().map(|input| values::bound(input)).collect()
}

/// A transaction; its connection is closed, and the transaction with it, unless it is committed.
struct MySqlTransaction {
    connection: Conn,
    pool: Arc<Pool>,
}

#[async_trait]
impl Transaction for MySqlTransaction {
    async fn locked(&mut self, select: &Select) -> Result<Vec<Row>, Fault> {
        let (sql, bound) = DIALECT.select(select);
        let sql = format!("{sql} FOR UPDATE");
        let rows = self.connection.exec(sql, parameters(&bound)).await;
        let rows: Vec<mysql_async::Row> =
            rows.map_err(|error| faults::of(&error, Some(&select.table)))?;
        let columns = named(&select.table, &select.columns);
        let mut maker = RowMaker::new(&select.table, &select.columns);
        Ok(rows
            .into_iter()
            .map(|row| values::row(row, &columns, &mut maker))
            .collect())
    }

    async fn insert(&mut self, rows: &Rows<'_>) -> Result<(), Fault> {
        let sql = DIALECT.insert(rows, rows.values.len());
        let bound: Vec<&Input> = rows.values.iter().flatten().collect();
        let inserted = self.connection.exec_drop(sql, parameters(&bound)).await;
        inserted.map_err(|error| faults::of(&error, Some(rows.table)))
    }

    async fn update(&mut self, key: usize, rows: &Rows<'_>) -> Result<(), Fault> {
        let sql = DIALECT.update(key, rows);
        let each = rows.values.iter().map(|row| {
            let (key, values) = row.split_at(key.min(row.len()));
            let bound: Vec<&Input> = values.iter().chain(key).collect();
            parameters(&bound)
        });
        let updated = self.connection.exec_batch(sql, each).await;
        updated.map_err(|error| faults::of(&error, Some(rows.table)))
    }

    async fn delete(&mut self, rows: &Rows<'_>) -> Result<(), Fault> {
        let sql = DIALECT.delete(rows);
        let each = rows.values.iter().map(|row| {
            let bound: Vec<&Input> = row.iter().collect();
            parameters(&bound)
        });
        let deleted = self.connection.exec_batch(sql, each).await;
        deleted.map_err(|error| faults::of(&error, Some(rows.table)).of_delete())
    }

    async fn commit(mut self: Box<Self>) -> Result<(), Fault> {
        let committed = self.connection.query_drop("COMMIT").await;
        committed.map_err(|error| faults::of(&error, None))?;
        self.pool.give_back(self.connection);
        Ok(())
    }

    async fn roll_back(mut self: Box<Self>) {
        if self.connection.query_drop("ROLLBACK").await.is_ok() {
            self.pool.give_back(self.connection);
        }
    }
}
