//! LDAP directories as stores: entries below a base are records, and who is in which group is a
//! collection of its own.
//!
//! Names and filters are escaped by the `ldap3` crate, which is the only one that speaks the
//! protocol. A reading that met anything it could not show covers nothing; a write looks at the entry
//! first, changes only the attributes that differ, and is refused by the directory if the entry
//! changed in between. Passwords are never read and never shown.

mod answer;
mod connection;
mod entry;
mod filter;
mod finding;
mod layout;
mod members;
mod names;
mod operations;
mod pages;
mod reading;
mod schema;
mod searches;
mod settings;
mod store;
mod times;
mod updating;
mod value;
mod writing;

pub use settings::{CollectionSettings, EntrySettings, LdapSettings, MemberSettings};
pub use store::{LdapStore, Probe};
