//! What a program needs that brings stores of its own, or handlers: the contract, what passes through
//! it, and the stores that are here already.
//!
//! A store of one's own implements [`Store`]; `docs/library.md` shows one.

pub use crate::library::{as_record, described, field};
pub use syncline_map::{Blank, ValueRules, Whitespace};
pub use syncline_model::{
    Binary, Bounds, Canonicaliser, Capabilities, Catalog, Change, ChangeKind, Collection,
    CollectionName, Counts, Coverage, Digest, Done, FailureClass, Field, FieldKind, FieldRole,
    Handle, Key, KeyField, Mark, Origin, Outcome, PayloadRules, Record, Reference, Refusal, Scope,
    StoreIdentity,
};
pub use syncline_store::{
    Batch, BatchStream, ErrorKind, Event, Handler, Places, Query, Rejected, Result, Store,
    StoreError, Want, WriteContext,
};
pub use syncline_store_exec::{ExecHandler, ExecSettings, ExecStore};
pub use syncline_store_files::{Dialect, Formulas, TableFormat, TableSettings, TablesStore};
#[cfg(feature = "ldap")]
pub use syncline_store_ldap::{
    CollectionSettings as LdapCollection, EntrySettings as LdapEntries, LdapSettings, LdapStore,
    MemberSettings as LdapMembers,
};
pub use syncline_store_memory::MemoryStore;
#[cfg(feature = "sql")]
pub use syncline_store_sql::{
    Address as SqlAddress, QuerySettings as SqlQuery, SqlSettings, SqlStore,
    TableSettings as SqlTable,
};
