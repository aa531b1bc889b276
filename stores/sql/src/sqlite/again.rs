//! A second look at the rows of a table, in the transaction in which all of them were read.
//!
//! Until the look is given up, other connections can write only where the file has a write-ahead
//! log; the others wait for it, as they do while it is read.

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _};
use syncline_model::{Bounds, Labels};
use syncline_store::Result;

use super::values::{RowReader, fault};
use super::worker::Worker;
use super::{DIALECT, stream};
use crate::driver::{Filter, RowStream, RowsAgain, Select};
use crate::fault::Fault;
use crate::input::Input;
use crate::row::Row;
use crate::table::{Column, Form, Source, Table};

/// The names by which SQLite knows the number of a row, unless a column has them.
const ROW_IDS: [&str; 3] = ["rowid", "_rowid_", "oid"];

/// A transaction that reads.
pub(super) struct Again {
    worker: Worker,
    /// All rows; the last column is the number of the row.
    select: Select,
    /// What asks for the row of a number.
    sql: String,
    reader: RowReader,
}

impl Again {
    /// Begins; nothing if the rows of the table have no numbers.
    pub(super) async fn begin(
        path: &Path,
        table: &Arc<Table>,
        columns: &[usize],
    ) -> Result<Option<Self>> {
        let Some((table, row_id)) = numbered(table) else {
            return Ok(None);
        };
        let Source::Table { name, .. } = table.source.clone() else {
            return Ok(None);
        };
        let worker = Worker::open(path).await?;
        let work = move |connection: &mut Connection| {
            let begun = connection.execute_batch("BEGIN");
            let found = begun.and_then(|()| has_row_ids(connection, &name));
            found.map_err(|error| fault(&error, None))
        };
        if !worker.run(work).await.map_err(Fault::into_error)? {
            return Ok(None);
        }
        let select = Select {
            table: Arc::new(table),
            columns: columns.iter().copied().chain([row_id]).collect(),
            filter: Filter::All,
            order: vec![],
        };
        let one = Select {
            filter: Filter::Equal(vec![(row_id, Input::Null)]),
            ..select.clone()
        };
        let (sql, _) = DIALECT.select(&one);
        Ok(Some(Self {
            worker,
            reader: RowReader::with_places(&select),
            select,
            sql,
        }))
    }

    /// Starts to read all rows.
    pub(super) fn all(&self) -> RowStream {
        let reader = RowReader::with_places(&self.select);
        stream(&self.worker, self.select.clone(), reader)
    }
}

impl RowsAgain for Again {
    fn at(&mut self, place: i64) -> Result<Option<Row>> {
        let connection = self.worker.connection();
        let reader = &mut self.reader;
        let statement = connection.prepare_cached(&self.sql);
        let row = statement.and_then(|mut statement| {
            let found = statement.query_row([place], |row| reader.read(row));
            found.optional()
        });
        row.map_err(|error| fault(&error, Some(&self.select.table)).into_error())
    }
}

/// The table with the number of a row as another column, and its place; nothing if its own columns
/// have all the names of that.
fn numbered(table: &Table) -> Option<(Table, usize)> {
    let is_taken = |name: &str| {
        let mut columns = table.columns.iter();
        columns.any(|column| column.name.eq_ignore_ascii_case(name))
    };
    let name = ROW_IDS.into_iter().find(|name| !is_taken(name))?;
    let mut table = table.clone();
    table.columns.push(Column {
        name: name.to_owned(),
        form: Form::Integer,
        bounds: Bounds::default(),
        labels: Labels::Free,
        type_name: "INTEGER".to_owned(),
        nullable: false,
        computed: true,
    });
    let place = table.columns.len() - 1;
    Some((table, place))
}

/// Whether it is a table of SQLite's own whose rows have numbers.
fn has_row_ids(connection: &Connection, table: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT type = 'table' AND NOT wr FROM pragma_table_list
               WHERE schema = 'main' AND name = ?";
    let found = connection.query_row(sql, [table], |row| row.get(0));
    Ok(found.optional()?.unwrap_or(false))
}
