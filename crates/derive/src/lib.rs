//! Derived collections: what an SQL query makes of other collections of a store, such as parents
//! of students or cohorts of grades.
//!
//! [`DerivedStore`] is a layer over a store. When a derived collection is read, the collections
//! that its query looks at are read into tables of a private temporary SQLite database, and the
//! rows of the query are handed on as records. The database is a file, so that memory is bounded,
//! and is gone when the reading ends.
//!
//! What always holds: a query reads and does nothing else; it sees the tables of its source and no
//! file besides; what was not read of a table was not read of the derived collection either, so
//! that nothing is deleted on its account. The store beneath is not known, and neither are flows.

mod cells;
mod database;
mod load;
mod query;
mod reading;
mod store;
mod survey;

pub use query::{DerivedQuery, SqlProblem};
pub use store::DerivedStore;
