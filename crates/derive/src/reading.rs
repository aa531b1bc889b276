//! Reading a derived collection: its tables are filled, then its query is asked, on a thread of
//! its own and under back-pressure.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use rusqlite::{Error, Row};
use syncline_model::{
    Canonicaliser, CollectionName, Counts, Coverage, FieldKind, Origin, Record, Scope,
};
use syncline_store::{
    Batch, BatchStream, ErrorKind, Query, Rejected, Result, Store, StoreError, Want,
};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::cells::{declared_kind, write};
use crate::database::Database;
use crate::load::Loader;
use crate::store::Derived;
use crate::survey::{Looked, NOTHING, demand, make_view};
use crate::{DerivedQuery, SqlProblem};

/// Most records in a batch.
const BATCH_RECORDS: usize = 512;
/// Batches that may wait for whoever reads the stream.
const BATCHES_AHEAD: usize = 4;
/// After how many steps of SQLite it is asked whether anybody still listens.
const STEPS_BETWEEN_LOOKS: i32 = 100_000;

/// What is read, and of what.
pub(crate) struct Reading {
    pub(crate) inner: Arc<dyn Store>,
    pub(crate) derived: Arc<BTreeMap<CollectionName, Derived>>,
    pub(crate) folder: PathBuf,
    pub(crate) query: Query,
}

/// Starts reading; dropping the stream ends the thread.
pub(crate) fn stream(reading: Reading) -> BatchStream {
    let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
    tokio::task::spawn_blocking(move || {
        let Some(derived) = reading.derived.get(&reading.query.collection.name) else {
            return;
        };
        let mut run = Run {
            inner: &*reading.inner,
            derived,
            partial: Vec::new(),
            counts: Counts::default(),
            sender,
        };
        match run.read(&reading) {
            Ok(Some(end)) => run.send(Ok(end)),
            Ok(None) => false,
            Err(error) => run.send(Err(error)),
        };
    });
    futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|item| (item, receiver))
    })
    .boxed()
}

struct Run<'run> {
    inner: &'run dyn Store,
    derived: &'run Derived,
    /// Why something was not read.
    partial: Vec<String>,
    counts: Counts,
    sender: mpsc::Sender<Result<Batch>>,
}

impl Run<'_> {
    /// Reads to the end, which is handed back; nothing if nobody listens any more.
    fn read(&mut self, reading: &Reading) -> Result<Option<Batch>> {
        let mut database =
            Database::on_disk(&reading.folder).map_err(|error| self.broken(&error))?;
        let listener = self.sender.clone();
        let looks = database
            .connection
            .progress_handler(STEPS_BETWEEN_LOOKS, Some(move || listener.is_closed()));
        looks.map_err(|error| self.broken(&error))?;
        let mut open = BTreeMap::new();
        for looked in &self.derived.survey.tables {
            let Some(columns) = self.fill(&database, looked)? else {
                return Ok(None);
            };
            if looked.is_open() {
                open.insert(looked.table.clone(), columns);
            }
        }
        for view in &self.derived.survey.views {
            make_view(&database, view).map_err(|problem| failed(&problem))?;
        }
        self.settle(&database, open)?;
        if !self.ask(&database, &reading.query)? {
            return Ok(None);
        }
        let coverage = if self.partial.is_empty() {
            Coverage::Complete(Scope::Whole)
        } else {
            Coverage::Partial(self.partial.join("; "))
        };
        Ok(Some(Batch::End {
            mark: None,
            coverage,
            counts: self.counts,
        }))
    }

    /// Reads a collection into its table; nothing if nobody listens any more.
    fn fill(&mut self, database: &Database, looked: &Looked) -> Result<Option<BTreeSet<String>>> {
        let broken = |error: &Error| unfilled(looked, error);
        let connection = &database.connection;
        let mut loader = Loader::create(database, looked).map_err(|error| broken(&error))?;
        let begun = connection.execute_batch("BEGIN");
        begun.map_err(|error| broken(&error))?;
        let query = Query {
            want: Want::Payloads,
            ..Query::records(Arc::clone(&looked.collection))
        };
        let runtime = Handle::current();
        let mut stream = runtime.block_on(self.inner.read(query))?;
        let mut ended = false;
        while let Some(batch) = runtime.block_on(stream.next()) {
            if self.sender.is_closed() {
                return Ok(None);
            }
            match batch? {
                Batch::Put(records) => {
                    for record in records {
                        let added = loader
                            .add(&record.payload)
                            .map_err(|error| broken(&error))?;
                        if !added {
                            let reason = "it is no JSON object".to_owned();
                            self.unread(looked, vec![rejected(record, reason)]);
                        }
                    }
                }
                Batch::Unreadable(items) => self.unread(looked, items),
                Batch::End { coverage, .. } => {
                    ended = true;
                    if let Coverage::Partial(reason) = coverage {
                        self.partial.push(format!("{}: {reason}", looked.table));
                    }
                }
                Batch::Gone(_) | Batch::Rekeyed(_) | Batch::Reached(_) => {}
            }
        }
        if !ended {
            let message = format!("the reading of {} broke off before its end", looked.table);
            return Err(StoreError::new(ErrorKind::Unavailable, message));
        }
        let kept = connection.execute_batch("COMMIT");
        kept.map_err(|error| broken(&error))?;
        Ok(Some(loader.names()))
    }

    /// Rows of a table that are no records: they are handed on, and the coverage goes.
    fn unread(&mut self, looked: &Looked, items: Vec<Rejected>) {
        let told = format!("{}: rows are no records", looked.table);
        if !self.partial.contains(&told) {
            self.partial.push(told);
        }
        self.counts.unreadable += items.len() as u64;
        self.send(Ok(Batch::Unreadable(items)));
    }

    /// Gives tables that declare no columns those that the query names and no record had.
    fn settle(
        &self,
        database: &Database,
        mut open: BTreeMap<String, BTreeSet<String>>,
    ) -> Result<()> {
        let query = &self.derived.query;
        loop {
            let Err(error) = database.query(query) else {
                return Ok(());
            };
            let problem = database.problem(query, &error);
            database.watch_queries(false);
            let is_given = demand(database, &problem, &mut open);
            if !is_given.map_err(|error| self.broken(&error))? {
                return Err(failed(&problem));
            }
        }
    }

    /// Asks the query. False if nobody listens any more.
    fn ask(&mut self, database: &Database, asked: &Query) -> Result<bool> {
        let query = &self.derived.query;
        let wrong = |error: Error| failed(&database.problem(query, &error));
        let mut statement = database.query(query).map_err(wrong)?;
        let columns: Vec<(String, FieldKind)> = statement
            .columns()
            .map(|column| (column.name().to_owned(), declared_kind(column.decl_type())))
            .collect();
        let mut maker = Maker {
            canonicaliser: Canonicaliser::new(&asked.collection),
            unit: query.name.as_str().into(),
            want: asked.want,
            columns,
            line: 0,
        };
        let mut batch = Vec::new();
        let mut rows = statement.query([]).map_err(wrong)?;
        while let Some(row) = rows.next().map_err(wrong)? {
            match maker.record(row) {
                Ok(record) => {
                    self.counts.records += 1;
                    self.counts.bytes += record.payload.len() as u64;
                    batch.push(record);
                }
                Err(item) => {
                    self.counts.unreadable += 1;
                    self.partial
                        .push(format!("{}: {}", item.origin, item.reason));
                    self.partial.truncate(4);
                    self.send(Ok(Batch::Unreadable(vec![item])));
                }
            }
            if batch.len() == BATCH_RECORDS && !self.hand_on(&mut batch, asked.want) {
                return Ok(false);
            }
        }
        Ok(self.hand_on(&mut batch, asked.want))
    }

    fn hand_on(&self, batch: &mut Vec<Record>, want: Want) -> bool {
        let records = std::mem::take(batch);
        if records.is_empty() || want == Want::Count {
            return !self.sender.is_closed();
        }
        self.send(Ok(Batch::Put(records)))
    }

    /// Whether somebody listens.
    fn send(&self, item: Result<Batch>) -> bool {
        self.sender.blocking_send(item).is_ok()
    }

    fn broken(&self, error: &Error) -> StoreError {
        let reason = SqlProblem::of_error(&self.derived.query, error).message;
        let name = &self.derived.query.name;
        let message = format!("the database for `{name}` cannot be used: {reason}");
        StoreError::new(ErrorKind::Local, message)
    }
}

/// Makes records of rows.
struct Maker {
    canonicaliser: Canonicaliser,
    unit: Arc<str>,
    want: Want,
    columns: Vec<(String, FieldKind)>,
    line: u64,
}

impl Maker {
    fn record(&mut self, row: &Row<'_>) -> Result<Record, Rejected> {
        self.line += 1;
        let mut payload = vec![b'{'];
        for (index, (name, kind)) in self.columns.iter().enumerate() {
            if name == NOTHING {
                continue;
            }
            if payload.len() > 1 {
                payload.push(b',');
            }
            // Writing text into memory cannot fail.
            let _name = serde_json::to_writer(&mut payload, name);
            payload.push(b':');
            let value = row.get_ref(index).map_err(|_gone| "it cannot be read");
            let written = value.and_then(|value| write(value, *kind, &mut payload));
            written.map_err(|reason| self.reject(format!("`{name}`: {reason}")))?;
        }
        payload.push(b'}');
        let read = self.canonicaliser.read(&payload);
        let (key, digest) = read.map_err(|problem| self.reject(problem.to_string()))?;
        let origin = self.origin(payload.len());
        Ok(Record {
            key,
            digest,
            payload: if self.want == Want::Digests {
                Bytes::new()
            } else {
                payload.into()
            },
            handle: None,
            origin: Some(origin),
        })
    }

    fn origin(&self, length: usize) -> Origin {
        Origin {
            unit: Arc::clone(&self.unit),
            line: self.line,
            offset: 0,
            length: u32::try_from(length).unwrap_or(u32::MAX),
        }
    }

    fn reject(&self, reason: String) -> Rejected {
        Rejected {
            origin: self.origin(0),
            reason,
            body: Bytes::new(),
        }
    }
}

fn rejected(record: Record, reason: String) -> Rejected {
    let nowhere = Origin {
        unit: "".into(),
        line: 0,
        offset: 0,
        length: 0,
    };
    Rejected {
        origin: record.origin.unwrap_or(nowhere),
        reason,
        body: record.payload,
    }
}

/// Why a table could not be filled.
fn unfilled(looked: &Looked, error: &Error) -> StoreError {
    let query = DerivedQuery {
        name: looked.table.clone(),
        sql: String::new(),
    };
    let reason = SqlProblem::of_error(&query, error).message;
    let message = format!(
        "the records of `{}` do not fit a table: {reason}",
        looked.table
    );
    StoreError::new(ErrorKind::InvalidData, message)
}

fn failed(problem: &SqlProblem) -> StoreError {
    let error = StoreError::new(ErrorKind::InvalidData, problem.to_string());
    match &problem.hint {
        Some(hint) => error.with_hint(hint.as_str()),
        None => error,
    }
}
