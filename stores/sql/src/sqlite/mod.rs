//! SQLite: a file, and a thread for each connection, as its client waits for the disk.

mod again;
mod metadata;
mod values;
mod worker;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures_util::StreamExt as _;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use syncline_store::{ErrorKind, Result, StoreError};
use tokio::sync::mpsc;

use crate::driver::{
    Driver, Filter, ROWS_AT_ONCE, RowStream, Rows, RowsAgain, Select, Transaction,
};
use crate::fault::Fault;
use crate::questions::Dialect;
use crate::row::Row;
use crate::table::{Column, Table};
use again::Again;
use values::{RowReader, bind_all, fault};
use worker::Worker;

const DIALECT: Dialect = Dialect {
    quote: '"',
    compared: |_| "?".to_owned(),
    list: "VALUES ",
    nothing: "DEFAULT VALUES",
};

/// Most values bound to one statement.
const VALUES_MAX: usize = 30_000;
/// Most rows in one statement.
const ROWS_MAX: usize = 1000;
/// Pieces of a reading that may wait for whoever takes them.
const PIECES_AHEAD: usize = 2;

/// A file of SQLite.
#[derive(Debug)]
pub(crate) struct Sqlite {
    path: PathBuf,
    /// A connection that is not in use.
    idle: Arc<Mutex<Option<Worker>>>,
}

impl Sqlite {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            idle: Arc::default(),
        }
    }

    async fn worker(&self) -> Result<Worker> {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        match idle {
            Some(worker) => Ok(worker),
            None => Worker::open(&self.path).await,
        }
    }

    fn give_back(&self, worker: Worker) {
        *self.idle.lock().unwrap_or_else(PoisonError::into_inner) = Some(worker);
    }

    /// Runs something short that leaves nothing under way.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let worker = self.worker().await?;
        let done =
            worker.run(move |connection| work(connection).map_err(|error| fault(&error, None)));
        let done = done.await.map_err(Fault::into_error)?;
        self.give_back(worker);
        Ok(done)
    }
}

#[async_trait]
impl Driver for Sqlite {
    async fn tables(&self) -> Result<Vec<Table>> {
        self.run(metadata::tables).await
    }

    async fn query(&self, sql: &str) -> Result<Vec<Column>> {
        let sql = format!("SELECT * FROM ({sql}\n) AS q");
        self.run(move |connection| metadata::query(connection, &sql))
            .await
    }

    async fn count(&self, select: Select) -> Result<u64> {
        let count: i64 = self
            .run(move |connection| {
                let (sql, bound) = DIALECT.count(&select);
                let bound = values::lenient(&bound);
                connection.query_row(&sql, params_from_iter(bound), |row| row.get(0))
            })
            .await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// One statement sees one moment. A whole table is read as it stands: its rows by way of an index
    /// take twice as long.
    async fn rows(&self, mut select: Select) -> Result<RowStream> {
        if matches!(select.filter, Filter::All) {
            select.order.clear();
        }
        let worker = Worker::open(&self.path).await?;
        let reader = RowReader::new(&select);
        Ok(stream(&worker, select, reader))
    }

    async fn rows_twice(
        &self,
        table: &Arc<Table>,
        columns: &[usize],
    ) -> Result<Option<(RowStream, Box<dyn RowsAgain>)>> {
        let again = Again::begin(&self.path, table, columns).await?;
        Ok(again.map(|again| (again.all(), Box::new(again) as Box<dyn RowsAgain>)))
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>, Fault> {
        let worker = self.worker().await?;
        worker
            .run(|connection| {
                let begun = connection.execute_batch("BEGIN IMMEDIATE");
                begun.map_err(|error| fault(&error, None))
            })
            .await?;
        let idle = Arc::clone(&self.idle);
        Ok(Box::new(SqliteTransaction { worker, idle }))
    }

    fn rows_max(&self, values: usize) -> usize {
        (VALUES_MAX / values.max(1)).clamp(1, ROWS_MAX)
    }
}

/// Starts to read a selection.
fn stream(worker: &Worker, select: Select, mut reader: RowReader) -> RowStream {
    let (sender, receiver) = mpsc::channel(PIECES_AHEAD);
    worker.start(move |connection| {
        if let Err(error) = hand_on(connection, (&select, &mut reader), &sender) {
            let error = fault(&error, Some(&select.table)).into_error();
            // Whoever stopped listening does not miss it.
            let _unheard = sender.blocking_send(Err(error));
        }
    });
    let stream = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|item| (item, receiver))
    });
    stream.boxed()
}

fn hand_on(
    connection: &Connection,
    (select, reader): (&Select, &mut RowReader),
    sender: &mpsc::Sender<Result<Vec<Row>>>,
) -> rusqlite::Result<()> {
    let (sql, bound) = DIALECT.select(select);
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query(params_from_iter(values::lenient(&bound)))?;
    let mut piece = Vec::with_capacity(ROWS_AT_ONCE);
    while let Some(row) = rows.next()? {
        piece.push(reader.read(row)?);
        if piece.len() == ROWS_AT_ONCE {
            let full = std::mem::replace(&mut piece, Vec::with_capacity(ROWS_AT_ONCE));
            if sender.blocking_send(Ok(full)).is_err() {
                return Ok(());
            }
        }
    }
    if !piece.is_empty() {
        let _unheard = sender.blocking_send(Ok(piece));
    }
    Ok(())
}

/// A transaction; its connection is closed, and the transaction with it, unless it is committed.
struct SqliteTransaction {
    worker: Worker,
    idle: Arc<Mutex<Option<Worker>>>,
}

impl SqliteTransaction {
    /// Runs a statement for each row of values.
    async fn each(&self, sql: String, rows: Vec<Vec<Value>>, table: &Table) -> Result<(), Fault> {
        let table = table.clone();
        let work = move |connection: &mut Connection| {
            let problem = |error| fault(&error, Some(&table));
            let mut statement = connection.prepare_cached(&sql).map_err(problem)?;
            for row in rows {
                statement.execute(params_from_iter(row)).map_err(problem)?;
            }
            Ok(())
        };
        self.worker.run(work).await
    }
}

#[async_trait]
impl Transaction for SqliteTransaction {
    /// The whole file is locked for writing since the transaction began.
    async fn locked(&mut self, select: &Select) -> Result<Vec<Row>, Fault> {
        let select = select.clone();
        let work = move |connection: &mut Connection| {
            let problem = |error| fault(&error, Some(&select.table));
            let (sql, bound) = DIALECT.select(&select);
            let mut statement = connection.prepare(&sql).map_err(problem)?;
            let mut reader = RowReader::new(&select);
            let rows = statement.query_map(params_from_iter(values::lenient(&bound)), |row| {
                reader.read(row)
            });
            rows.and_then(Iterator::collect).map_err(problem)
        };
        self.worker.run(work).await
    }

    async fn insert(&mut self, rows: &Rows<'_>) -> Result<(), Fault> {
        let bound = bind_all(rows, 0)?;
        self.each(DIALECT.insert(rows, 1), bound, rows.table).await
    }

    async fn update(&mut self, key: usize, rows: &Rows<'_>) -> Result<(), Fault> {
        let bound = bind_all(rows, key)?;
        self.each(DIALECT.update(key, rows), bound, rows.table)
            .await
    }

    async fn delete(&mut self, rows: &Rows<'_>) -> Result<(), Fault> {
        let bound = bind_all(rows, 0)?;
        let deleted = self.each(DIALECT.delete(rows), bound, rows.table).await;
        deleted.map_err(Fault::of_delete)
    }

    async fn commit(self: Box<Self>) -> Result<(), Fault> {
        let work = |connection: &mut Connection| {
            let committed = connection.execute_batch("COMMIT");
            committed.map_err(|error| fault(&error, None))
        };
        self.worker.run(work).await?;
        *self.idle.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.worker);
        Ok(())
    }

    async fn roll_back(self: Box<Self>) {
        let work = |connection: &mut Connection| {
            let back = connection.execute_batch("ROLLBACK");
            back.map_err(|error| fault(&error, None))
        };
        if self.worker.run(work).await.is_ok() {
            *self.idle.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.worker);
        }
    }
}

/// The thread of a connection ended, which it does not by itself.
fn ended() -> StoreError {
    StoreError::new(ErrorKind::Local, "the connection to the SQLite file ended")
}
