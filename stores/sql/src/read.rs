//! Rows as records: a payload with a member for each column, in batches, as they come.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use syncline_model::{
    Canonicaliser, Collection, Counts, Coverage, Digest, FieldRole, Key, Origin, Record,
};
use syncline_store::{Batch, BatchStream, Query, Rejected, Result, SecondLook, Want};

use crate::driver::{Driver, Filter, RowStream, RowsAgain, Select};
use crate::input::Input;
use crate::key::{self, KeyReader};
use crate::row::Row;
use crate::table::Table;

/// Payload bytes after which a batch is handed on.
const BATCH_BYTES: usize = 1 << 20;
/// Most keys that are looked up by one statement.
const KEYS_AT_ONCE: usize = 1000;

/// The payloads of rows of some columns.
#[derive(Debug)]
pub(crate) struct Shape {
    /// The name of each column, and whether it is part of the key.
    members: Vec<(String, bool)>,
}

impl Shape {
    pub(crate) fn new(table: &Table, columns: &[usize], key: &[usize]) -> Self {
        let member = |place: &usize| {
            let name = table.columns.get(*place).map(|column| column.name.clone());
            (name.unwrap_or_default(), key.contains(place))
        };
        Self {
            members: columns.iter().map(member).collect(),
        }
    }

    /// The payload of a row, or what can be told of one that has none, and why it has none.
    pub(crate) fn payload(&self, row: &Row) -> std::result::Result<Bytes, (Bytes, String)> {
        let problem = row.untold().find_map(|(place, odd)| {
            let (name, is_key) = self.members.get(place)?;
            match odd {
                Some(reason) => Some(format!("the value in `{name}` cannot be told: {reason}")),
                None => is_key.then(|| format!("its key has no value in `{name}`")),
            }
        });
        let json = row.json().clone();
        match problem {
            None => Ok(json),
            Some(problem) => Err((json, problem)),
        }
    }
}

/// The columns that are read of a collection: all but those that are only written or nobody's.
pub(crate) fn readable(table: &Table, collection: &Collection, key: &[usize]) -> Vec<usize> {
    let is_read = |place: &usize| {
        let role = table
            .columns
            .get(*place)
            .and_then(|column| collection.field(&column.name));
        let is_left_out = role
            .is_some_and(|field| matches!(field.role, FieldRole::WriteOnly | FieldRole::Ignore));
        key.contains(place) || !is_left_out
    };
    (0..table.columns.len()).filter(is_read).collect()
}

/// What to ask for to get the rows of keys.
pub(crate) async fn by_key(
    (driver, table): (&dyn Driver, &Arc<Table>),
    columns: &[usize],
    query: &Query,
    keys: &[Key],
) -> Result<Vec<Filter>> {
    let by_digest: Vec<Digest> = keys.iter().filter_map(Key::known_digest).collect();
    let found = resolve((driver, table), columns, &query.collection, &by_digest).await?;
    let full = keys.iter().filter(|key| key.known_digest().is_none());
    let values = full
        .chain(found.values())
        .filter_map(|key| key::values(table, columns, key));
    let mut values: Vec<Vec<Input>> = values.flat_map(key::spellings).collect();
    let mut filters = Vec::new();
    while !values.is_empty() {
        let rest = values.split_off(values.len().min(KEYS_AT_ONCE));
        filters.push(Filter::Keys(
            columns.to_vec(),
            std::mem::replace(&mut values, rest),
        ));
    }
    Ok(filters)
}

/// The keys of which only the digest is known, by one pass over the keys of the table.
pub(crate) async fn resolve(
    (driver, table): (&dyn Driver, &Arc<Table>),
    columns: &[usize],
    collection: &Collection,
    digests: &[Digest],
) -> Result<BTreeMap<Digest, Key>> {
    let mut found = BTreeMap::new();
    if digests.is_empty() {
        return Ok(found);
    }
    let wanted: std::collections::BTreeSet<&Digest> = digests.iter().collect();
    let select = Select {
        table: Arc::clone(table),
        columns: columns.to_vec(),
        filter: Filter::All,
        order: vec![],
    };
    let mut reader = KeyReader::new(table, collection, (columns, columns));
    let mut rows = driver.rows(select).await?;
    while let Some(rows) = rows.try_next().await? {
        for key in rows.iter().filter_map(|row| reader.read(row)) {
            if wanted.contains(&key.digest()) {
                found.insert(key.digest(), key);
            }
        }
    }
    Ok(found)
}

/// Starts reading.
pub(crate) fn stream(
    driver: Arc<dyn Driver>,
    table: Arc<Table>,
    (key, filters): (Vec<usize>, Vec<Filter>),
    query: Query,
) -> BatchStream {
    let columns = readable(&table, &query.collection, &key);
    let reading = Reading::new(&table, (&columns, &key), query);
    let selects = filters.into_iter().map(move |filter| Select {
        table: Arc::clone(&table),
        columns: columns.clone(),
        filter,
        order: key.clone(),
    });
    let rows = futures_util::stream::iter(selects)
        .then(move |select| {
            let driver = Arc::clone(&driver);
            async move { driver.rows(select).await }
        })
        .try_flatten()
        .boxed();
    reading.batches(rows)
}

/// Starts reading a whole table, with a second look at it; nothing if the system has none.
pub(crate) async fn stream_and_look(
    (driver, table): (&dyn Driver, &Arc<Table>),
    key: &[usize],
    query: &Query,
) -> Result<Option<(BatchStream, Box<dyn SecondLook>)>> {
    let columns = readable(table, &query.collection, key);
    let Some((rows, again)) = driver.rows_twice(table, &columns).await? else {
        return Ok(None);
    };
    let reading = || Reading::new(table, (&columns, key), query.clone());
    let look = Look {
        again,
        reading: reading(),
    };
    Ok(Some((reading().batches(rows), Box::new(look))))
}

/// A second look at rows.
struct Look {
    again: Box<dyn RowsAgain>,
    reading: Reading,
}

impl SecondLook for Look {
    fn records_at(&mut self, origin: &Origin) -> Result<Vec<Record>> {
        let row = self.again.at(origin.offset.cast_signed())?;
        let record = row.and_then(|row| self.reading.record(&row).ok());
        let record = record.map(|record| Record {
            origin: Some(origin.clone()),
            ..record
        });
        Ok(record.into_iter().collect())
    }
}

struct Reading {
    query: Query,
    canonicaliser: Canonicaliser,
    shape: Shape,
    unit: Arc<str>,
    counts: Counts,
    /// Batches that were made and not yet handed on, the next one last.
    ready: Vec<Batch>,
    is_over: bool,
}

impl Reading {
    fn new(table: &Table, (columns, key): (&[usize], &[usize]), query: Query) -> Self {
        Self {
            canonicaliser: Canonicaliser::new(&query.collection),
            shape: Shape::new(table, columns, key),
            unit: query.collection.name.as_str().into(),
            counts: Counts::default(),
            ready: Vec::new(),
            is_over: false,
            query,
        }
    }

    fn batches(self, rows: RowStream) -> BatchStream {
        futures_util::stream::unfold((self, rows), |(mut reading, mut rows)| async move {
            let batch = reading.next_batch(&mut rows).await?;
            Some((batch, (reading, rows)))
        })
        .boxed()
    }

    async fn next_batch(&mut self, rows: &mut RowStream) -> Option<Result<Batch>> {
        loop {
            if let Some(batch) = self.ready.pop() {
                return Some(Ok(batch));
            }
            if self.is_over {
                return None;
            }
            match rows.next().await {
                Some(Ok(rows)) => self.take(&rows),
                Some(Err(error)) => {
                    self.is_over = true;
                    return Some(Err(error));
                }
                None => {
                    self.is_over = true;
                    return Some(Ok(self.end()));
                }
            }
        }
    }

    /// Makes batches of rows; wide rows are several.
    fn take(&mut self, rows: &[Row]) {
        let (mut batches, mut records, mut rejected) = (Vec::new(), Vec::new(), Vec::new());
        let mut bytes = 0;
        for row in rows {
            match self.record(row) {
                Ok(record) => {
                    bytes += record.payload.len();
                    records.push(record);
                }
                Err(problem) => rejected.push(problem),
            }
            if bytes >= BATCH_BYTES {
                bytes = 0;
                batches.push(Batch::Put(std::mem::take(&mut records)));
            }
        }
        if !records.is_empty() {
            batches.push(Batch::Put(records));
        }
        if !rejected.is_empty() {
            batches.push(Batch::Unreadable(rejected));
        }
        batches.reverse();
        self.ready = batches;
    }

    fn record(&mut self, row: &Row) -> std::result::Result<Record, Rejected> {
        let payload = self.shape.payload(row);
        let payload = payload.map_err(|(body, reason)| self.reject(body, reason))?;
        let read = self.canonicaliser.read(&payload);
        let (key, digest) =
            read.map_err(|problem| self.reject(payload.clone(), problem.to_string()))?;
        self.counts.records += 1;
        self.counts.bytes += payload.len() as u64;
        let is_wanted = self.query.want != Want::Digests;
        Ok(Record {
            key,
            digest,
            handle: None,
            origin: row.place.map(|place| Origin {
                offset: place.cast_unsigned(),
                ..self.origin(payload.len())
            }),
            payload: if is_wanted { payload } else { Bytes::new() },
        })
    }

    fn reject(&mut self, body: Bytes, reason: String) -> Rejected {
        self.counts.unreadable += 1;
        Rejected {
            origin: self.origin(body.len()),
            reason,
            body,
        }
    }

    /// Where the row stands that was read last.
    fn origin(&self, length: usize) -> Origin {
        Origin {
            unit: Arc::clone(&self.unit),
            line: self.counts.records + self.counts.unreadable,
            offset: 0,
            length: u32::try_from(length).unwrap_or(u32::MAX),
        }
    }

    fn end(&self) -> Batch {
        let coverage = match self.counts.unreadable {
            0 => Coverage::Complete(self.query.scope.clone()),
            1 => Coverage::Partial("1 row is not a record".to_owned()),
            rows => Coverage::Partial(format!("{rows} rows are not records")),
        };
        Batch::End {
            mark: None,
            coverage,
            counts: self.counts,
        }
    }
}
