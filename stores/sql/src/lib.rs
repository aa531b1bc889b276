//! Databases as stores: PostgreSQL, MariaDB, MySQL and SQLite behind one implementation of the
//! contract.
//!
//! A table, a view or a configured query is a collection; a row is a record whose payload is a
//! JSON object with a member for each column, null where the column is. What is common to the
//! three systems is here once: which fields there are, how values are spelled, what becomes of a
//! change. What is particular to one is in its own module, behind `driver::Driver`, and each
//! module alone knows its client.
//!
//! What always holds: values are parameters and identifiers are quoted; a reading sees one
//! moment; a row is looked at under a lock before it is changed; no value of a row and no
//! password is part of an error.

mod address;
mod catalog;
mod driver;
mod fault;
mod input;
mod key;
mod mysql;
mod postgres;
mod questions;
mod read;
mod row;
mod settings;
mod sqlite;
mod store;
mod table;
mod tls;
mod value;
mod write;

pub use address::Address;
pub use settings::{QuerySettings, SqlSettings, TableSettings};
pub use store::{Found, SqlStore};
