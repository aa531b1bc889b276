//! The store.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use syncline_model::{
    Catalog, Change, Collection, CollectionName, Counts, Coverage, Mark, Outcome, Scope,
    StoreIdentity,
};
use syncline_store::{
    Batch, BatchStream, ErrorKind, Query, Result, SecondLook, Store, StoreError, Want, WriteContext,
};

use crate::address::System;
use crate::catalog::{self, Known};
use crate::driver::{Driver, Filter, Select};
use crate::input::Input;
use crate::mysql::MySql;
use crate::postgres::Postgres;
use crate::sqlite::Sqlite;
use crate::table::Table;
use crate::write::Writer;
use crate::{SqlSettings, read};

/// A database.
#[derive(Clone, Debug)]
pub struct SqlStore {
    driver: Arc<dyn Driver>,
    known: Arc<Known>,
    catalog: Catalog,
}

/// What a look at a database found, for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its collections, each with its key: `users (id)`.
    pub collections: Vec<String>,
    /// Tables and views that are no collections, and why.
    pub left_out: Vec<String>,
}

impl SqlStore {
    /// Connects, and looks which tables there are.
    pub async fn open(settings: SqlSettings) -> Result<Self> {
        let ca_file = settings.ca_file.clone();
        let driver: Arc<dyn Driver> = match &settings.address.system {
            System::Postgres(address) => Arc::new(Postgres::new(address, ca_file)?),
            System::MySql(address) => Arc::new(MySql::new(address, ca_file)?),
            System::Sqlite(path) => Arc::new(Sqlite::new(path)),
        };
        let known = catalog::look(&*driver, &settings).await?;
        let identity = StoreIdentity(format!("sql:{}", settings.address));
        let one_writer = matches!(settings.address.system, System::Sqlite(_));
        Ok(Self {
            catalog: catalog::catalog(&known, identity, one_writer),
            driver,
            known: Arc::new(known),
        })
    }

    /// What was found when it was opened.
    pub fn found(&self) -> Found {
        let shown = |(name, table): (&CollectionName, &Arc<Table>)| {
            format!("{name} ({})", table.key.join(", "))
        };
        Found {
            collections: self.known.tables.iter().map(shown).collect(),
            left_out: self
                .known
                .left_out
                .iter()
                .map(|(name, why)| format!("{name} ({why})"))
                .collect(),
        }
    }

    fn table(&self, name: &CollectionName) -> Result<&Arc<Table>> {
        self.known.tables.get(name).ok_or_else(|| {
            let message = format!("the database has no collection `{name}`");
            StoreError::new(ErrorKind::NotFound, message)
        })
    }
}

#[async_trait]
impl Store for SqlStore {
    async fn describe(&self) -> Result<Catalog> {
        Ok(self.catalog.clone())
    }

    async fn read(&self, query: Query) -> Result<BatchStream> {
        let table = self.table(&query.collection.name)?;
        if query.since.is_some() || query.want.is_of_feeds() {
            let message = "a database is not read from a position on";
            return Err(StoreError::new(ErrorKind::Unsupported, message));
        }
        let key = key_columns(table, &query.collection)?;
        let filters = match &query.scope {
            Scope::Whole => vec![Filter::All],
            Scope::Matching(asked) => vec![Filter::Equal(matching(table, asked)?)],
            Scope::Keys(keys) => read::by_key((&*self.driver, table), &key, &query, keys).await?,
            Scope::At(_) | Scope::Linked(_) => {
                let message = "rows of a database have no places and no links";
                return Err(StoreError::new(ErrorKind::Unsupported, message));
            }
        };
        if query.want == Want::Count {
            let mut records = 0;
            for filter in filters {
                let select = Select {
                    table: Arc::clone(table),
                    columns: vec![],
                    filter,
                    order: vec![],
                };
                records += self.driver.count(select).await?;
            }
            return Ok(counted(records, query.scope));
        }
        Ok(read::stream(
            Arc::clone(&self.driver),
            Arc::clone(table),
            (key, filters),
            query,
        ))
    }

    async fn read_with_second_look(
        &self,
        query: Query,
    ) -> Result<(BatchStream, Option<Box<dyn SecondLook>>)> {
        let is_of_rows = matches!(query.want, Want::Records | Want::Payloads | Want::Digests);
        if is_of_rows && query.since.is_none() && query.scope == Scope::Whole {
            let table = self.table(&query.collection.name)?;
            let key = key_columns(table, &query.collection)?;
            let opened = read::stream_and_look((&*self.driver, table), &key, &query).await?;
            if let Some((stream, look)) = opened {
                return Ok((stream, Some(look)));
            }
        }
        Ok((self.read(query).await?, None))
    }

    async fn write(&self, changes: &[Change], context: &WriteContext) -> Result<Vec<Outcome>> {
        let collection = &*context.collection;
        let table = self.table(&collection.name)?;
        if !table.is_writable {
            let message = format!("`{}` is only read", collection.name);
            return Err(StoreError::new(ErrorKind::Unsupported, message));
        }
        let key = key_columns(table, collection)?;
        if key.is_empty() {
            let message = format!("`{}` cannot be written without a key", collection.name);
            return Err(StoreError::new(ErrorKind::Unsupported, message));
        }
        Writer::new(&*self.driver, table, (collection, key))
            .write(changes)
            .await
    }

    async fn confirm(&self, _: &Mark) -> Result<()> {
        Ok(())
    }
}

/// The columns of the key by which records are told apart.
fn key_columns(table: &Table, collection: &Collection) -> Result<Vec<usize>> {
    let column = |path: &[String]| match path {
        [name] => table.column(name),
        _ => None,
    };
    let place = |field: &syncline_model::KeyField| {
        column(&field.path).ok_or_else(|| {
            let message = format!(
                "the key field `{}` of `{}` is no column of its table",
                field.name, collection.name
            );
            StoreError::new(ErrorKind::Configuration, message)
        })
    };
    collection.key.iter().map(place).collect()
}

/// A filter by columns, each with a value.
fn matching(table: &Table, asked: &[(String, String)]) -> Result<Vec<(usize, Input)>> {
    let condition = |(name, text): &(String, String)| {
        let place = table.column(name).ok_or_else(|| {
            let names: Vec<&str> = table
                .columns
                .iter()
                .map(|column| column.name.as_str())
                .collect();
            let message = format!("there is no column `{name}` to filter by");
            StoreError::new(ErrorKind::Configuration, message)
                .with_hint(format!("columns: {}", names.join(", ")))
        })?;
        let input = Input::of_text(&table.columns[place], text).map_err(|problem| {
            let message = format!("the value that the filter `{name}` asks for {problem}");
            StoreError::new(ErrorKind::Configuration, message)
        })?;
        Ok((place, input))
    };
    asked.iter().map(condition).collect()
}

fn counted(records: u64, scope: Scope) -> BatchStream {
    let end = Batch::End {
        mark: None,
        coverage: Coverage::Complete(scope),
        counts: Counts {
            records,
            ..Counts::default()
        },
    };
    futures_util::stream::iter([Ok(end)]).boxed()
}
