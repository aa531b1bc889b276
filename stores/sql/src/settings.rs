//! What is said about a database before it is opened.

use std::path::{Path, PathBuf};

use syncline_store::{ErrorKind, Result, StoreError};

use crate::Address;

/// A database and which parts of it are collections.
#[derive(Clone, Debug)]
pub struct SqlSettings {
    /// Where it is.
    pub address: Address,
    /// A file with the authorities that are trusted in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// The tables and views that are collections; without any, all tables that have a key.
    pub tables: Vec<TableSettings>,
    /// Queries that are collections; they are only read.
    pub queries: Vec<QuerySettings>,
}

impl SqlSettings {
    /// A database by its URL: `postgresql://`, `mysql://`, or `sqlite:` and a path. All tables that
    /// have a key are collections.
    pub fn at(url: &str) -> Result<Self> {
        let address = Address::parse(url, Path::new("")).map_err(|clause| {
            let message = format!("the URL of the database {clause}");
            StoreError::new(ErrorKind::Configuration, message)
        })?;
        Ok(Self {
            address,
            ca_file: None,
            tables: Vec::new(),
            queries: Vec::new(),
        })
    }
}

/// A table or a view that is a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSettings {
    /// The name of the collection.
    pub name: String,
    /// The table, with its schema where it is not the usual one: `hr.people`.
    pub table: String,
    /// The columns that tell its rows apart; empty for those the database names.
    pub key: Vec<String>,
}

/// A query that is a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuerySettings {
    /// The name of the collection.
    pub name: String,
    /// The query.
    pub sql: String,
    /// The columns that tell its rows apart.
    pub key: Vec<String>,
}
