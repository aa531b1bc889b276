//! What the three systems have to do. Everything else is done once, for all of them.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use syncline_store::Result;

use crate::fault::Fault;
use crate::input::Input;
use crate::row::Row;
use crate::table::{Column, Table};

/// Rows as they come, some at a time; ends after an error.
pub(crate) type RowStream = BoxStream<'static, Result<Vec<Row>>>;

/// Most rows in one item of a stream.
pub(crate) const ROWS_AT_ONCE: usize = 512;

/// Which rows of a table are wanted, and what of them. Columns are named by their place.
#[derive(Clone, Debug)]
pub(crate) struct Select {
    pub(crate) table: Arc<Table>,
    pub(crate) columns: Vec<usize>,
    pub(crate) filter: Filter,
    pub(crate) order: Vec<usize>,
}

/// Which rows.
#[derive(Clone, Debug)]
pub(crate) enum Filter {
    All,
    /// Those with these values.
    Equal(Vec<(usize, Input)>),
    /// Those with one of these keys, which have a value for each of the columns.
    Keys(Vec<usize>, Vec<Vec<Input>>),
}

/// A database.
#[async_trait]
pub(crate) trait Driver: Send + Sync + fmt::Debug {
    /// All tables and views that can be seen.
    async fn tables(&self) -> Result<Vec<Table>>;

    /// The columns of a query, which is not run.
    async fn query(&self, sql: &str) -> Result<Vec<Column>>;

    /// How many rows there are.
    async fn count(&self, select: Select) -> Result<u64>;

    /// The rows, as they were at one moment.
    async fn rows(&self, select: Select) -> Result<RowStream>;

    /// All rows of a table, each with a place, and what reads them once more as they were at that
    /// moment; nothing for a system that does not have that at little cost.
    async fn rows_twice(
        &self,
        _table: &Arc<Table>,
        _columns: &[usize],
    ) -> Result<Option<(RowStream, Box<dyn RowsAgain>)>> {
        Ok(None)
    }

    /// A transaction of its own. Dropped without a commit, it leaves nothing, and no connection.
    async fn begin(&self) -> Result<Box<dyn Transaction>, Fault>;

    /// Most rows that one statement may be about, for so many values in each.
    fn rows_max(&self, values: usize) -> usize;
}

/// Reads rows once more as they were.
pub(crate) trait RowsAgain: Send {
    /// The row that has this place.
    fn at(&mut self, place: i64) -> Result<Option<Row>>;
}

/// Changes that happen together or not at all.
#[async_trait]
pub(crate) trait Transaction: Send {
    /// Rows as they are now; nobody else changes them until the end of the transaction.
    async fn locked(&mut self, select: &Select) -> Result<Vec<Row>, Fault>;

    /// New rows with values for these columns.
    async fn insert(&mut self, rows: &Rows<'_>) -> Result<(), Fault>;

    /// New values for the rows of a key. The first columns, so many, are the key as it is.
    async fn update(&mut self, key: usize, rows: &Rows<'_>) -> Result<(), Fault>;

    /// The end of the rows that have these keys.
    async fn delete(&mut self, rows: &Rows<'_>) -> Result<(), Fault>;

    /// Makes it all durable.
    async fn commit(self: Box<Self>) -> Result<(), Fault>;

    /// Takes it all back, and keeps the connection if that can be done.
    async fn roll_back(self: Box<Self>);
}

/// Values for some columns of a table.
#[derive(Debug)]
pub(crate) struct Rows<'a> {
    pub(crate) table: &'a Table,
    pub(crate) columns: &'a [usize],
    pub(crate) values: &'a [Vec<Input>],
}

impl Rows<'_> {
    /// The columns with their facts.
    pub(crate) fn named(&self) -> Vec<&Column> {
        named(self.table, self.columns)
    }
}

/// Columns by their places.
pub(crate) fn named<'t>(table: &'t Table, places: &[usize]) -> Vec<&'t Column> {
    let column = |place: &usize| table.columns.get(*place);
    places.iter().filter_map(column).collect()
}
