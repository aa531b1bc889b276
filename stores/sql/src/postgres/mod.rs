//! PostgreSQL. Values pass as text, which the server converts by the types of its columns, so
//! that every type it has can be read and written.

mod connection;
mod faults;
mod metadata;
mod statement;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _};
use syncline_store::Result;
use tokio_postgres::Row as PostgresRow;
use tokio_postgres::types::{ToSql, Type};

use crate::address::PostgresAddress;
use crate::driver::{Driver, ROWS_AT_ONCE, RowStream, Rows, Select, Transaction};
use crate::fault::Fault;
use crate::row::{Row, RowMaker};
use crate::table::{Column, Table};
use crate::value::Cell;
use connection::{Connection, Pool};

/// A PostgreSQL server.
#[derive(Debug)]
pub(crate) struct Postgres {
    pool: Arc<Pool>,
}

impl Postgres {
    pub(crate) fn new(address: &PostgresAddress, ca_file: Option<PathBuf>) -> Result<Self> {
        let pool = Arc::new(Pool::new(address, ca_file)?);
        Ok(Self { pool })
    }
}

#[async_trait]
impl Driver for Postgres {
    async fn tables(&self) -> Result<Vec<Table>> {
        let connection = self.pool.take().await?;
        let tables = metadata::tables(connection.client()).await;
        let tables = tables.map_err(|error| faults::of(&error, None).into_error())?;
        connection.give_back();
        Ok(tables)
    }

    async fn query(&self, sql: &str) -> Result<Vec<Column>> {
        let connection = self.pool.take().await?;
        let sql = format!("SELECT * FROM ({sql}) AS q");
        let prepared = connection.client().prepare(&sql).await;
        let prepared = prepared.map_err(|error| faults::of(&error, None).into_error())?;
        let columns = prepared.columns().iter().map(metadata::query_column);
        let columns = columns.collect();
        connection.give_back();
        Ok(columns)
    }

    async fn count(&self, select: Select) -> Result<u64> {
        let connection = self.pool.take().await?;
        let statement = statement::count(&select);
        let parameters = statement.parameters();
        let client = connection.client();
        let rows = client.query_typed(&statement.sql, &parameters).await;
        let rows = rows.map_err(|error| faults::of(&error, Some(&select.table)).into_error())?;
        connection.give_back();
        let count: Option<i64> = rows.first().and_then(|row| row.try_get(0).ok());
        Ok(count
            .and_then(|count| u64::try_from(count).ok())
            .unwrap_or(0))
    }

    /// The server sends a row only as the ones before it are taken, so that a reading needs no
    /// more memory than its current rows. One statement sees one moment.
    async fn rows(&self, select: Select) -> Result<RowStream> {
        let connection = self.pool.take().await?;
        let statement = statement::select(&select, false);
        let parameters = statement.owned_parameters();
        let rows = connection
            .client()
            .query_typed_raw(&statement.sql, parameters);
        let rows = rows.await;
        let rows = rows.map_err(|error| faults::of(&error, Some(&select.table)).into_error())?;
        let chunks = rows.try_chunks(ROWS_AT_ONCE);
        let state = (Some(connection), Box::pin(chunks), select);
        let stream =
            futures_util::stream::unfold(state, |(connection, mut chunks, select)| async {
                let connection = connection?;
                match chunks.next().await {
                    Some(Ok(rows)) => {
                        Some((Ok(read(&rows, &select)), (Some(connection), chunks, select)))
                    }
                    Some(Err(error)) => {
                        let error = faults::of(&error.1, Some(&select.table)).into_error();
                        Some((Err(error), (None, chunks, select)))
                    }
                    None => {
                        connection.give_back();
                        None
                    }
                }
            });
        Ok(stream.boxed())
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>, Fault> {
        let connection = self.pool.take().await?;
        let begun = connection
            .client()
            .batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED");
        begun.await.map_err(|error| faults::of(&error, None))?;
        Ok(Box::new(PostgresTransaction { connection }))
    }

    fn rows_max(&self, _: usize) -> usize {
        usize::MAX
    }
}

fn read(rows: &[PostgresRow], select: &Select) -> Vec<Row> {
    let columns = crate::driver::named(&select.table, &select.columns);
    let mut maker = RowMaker::new(&select.table, &select.columns);
    let made = rows.iter().map(|row| {
        let cells = columns.iter().enumerate();
        maker.row(
            cells.map(|(at, column)| match row.try_get::<_, Option<&str>>(at) {
                Ok(None) => Cell::Null,
                Ok(Some(text)) => statement::cell(column.form, text),
                Err(_) => Cell::Odd("it is no text that can be read"),
            }),
        )
    });
    made.collect()
}

/// A transaction; the connection is closed, and the transaction with it, unless it is committed.
struct PostgresTransaction {
    connection: Connection,
}

impl PostgresTransaction {
    async fn execute(&self, statement: statement::Statement, table: &Table) -> Result<u64, Fault> {
        let parameters: Vec<(&(dyn ToSql + Sync), Type)> = statement.parameters();
        let executed = self
            .connection
            .client()
            .execute_typed(&statement.sql, &parameters);
        executed
            .await
            .map_err(|error| faults::of(&error, Some(table)))
    }
}

#[async_trait]
impl Transaction for PostgresTransaction {
    async fn locked(&mut self, select: &Select) -> Result<Vec<Row>, Fault> {
        let statement = statement::select(select, true);
        let client = self.connection.client();
        let rows = client
            .query_typed(&statement.sql, &statement.parameters())
            .await;
        let rows = rows.map_err(|error| faults::of(&error, Some(&select.table)))?;
        Ok(read(&rows, select))
    }

    async fn insert(&mut self, rows: &Rows<'_>) -> Result<(), Fault> {
        self.execute(statement::insert(rows), rows.table).await?;
        Ok(())
    }

    async fn update(&mut self, key: usize, rows: &Rows<'_>) -> Result<(), Fault> {
        self.execute(statement::update(key, rows), rows.table)
            .await?;
        Ok(())
    }

    async fn delete(&mut self, rows: &Rows<'_>) -> Result<(), Fault> {
        let deleted = self.execute(statement::delete(rows), rows.table).await;
        deleted.map_err(Fault::of_delete)?;
        Ok(())
    }

    async fn commit(self: Box<Self>) -> Result<(), Fault> {
        let committed = self.connection.client().batch_execute("COMMIT").await;
        committed.map_err(|error| faults::of(&error, None))?;
        self.connection.give_back();
        Ok(())
    }

    async fn roll_back(self: Box<Self>) {
        if self
            .connection
            .client()
            .batch_execute("ROLLBACK")
            .await
            .is_ok()
        {
            self.connection.give_back();
        }
    }
}
