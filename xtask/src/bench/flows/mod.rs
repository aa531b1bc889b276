//! Flows: planning large tables against large tables, and writing to a database and a directory.

mod data;
mod plan;
mod servers;
mod write;

pub(super) use plan::{OPTIONS as PLAN_OPTIONS, run as plan};
pub(super) use write::{OPTIONS as WRITE_OPTIONS, ldap, sql};
