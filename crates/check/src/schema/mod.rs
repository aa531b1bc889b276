//! Schemas out of published documents, compiled into one table.
//!
//! Which schema a collection has is read from the body of its POST, never guessed from its name.
//! Understood are `type`, `$ref`, `properties`, `required`, `items`, `format`, `minLength`,
//! `maxLength`, `minimum`, `maximum`, `enum` of text, `nullable`, `x-nullable`, `allOf` of one and
//! `x-Ed-Fi-isIdentity`; other keywords demand nothing.

mod compile;
mod descriptors;
mod document;
mod fields;
mod property;
mod text;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;
use syncline_model::CollectionName;

use crate::Checker;
use crate::table::{NodeId, Table};
use compile::Compiler;
pub use fields::{Field, FieldKind, fields};

/// Documents that cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// A document has no paths or no schemas.
    #[error("document {number} has no {member}, so it is no OpenAPI or Swagger document")]
    NotADocument {
        /// Which of the documents, counted from 1.
        number: usize,
        /// What is missing.
        member: &'static str,
    },
    /// No path of any document takes records.
    #[error("no path of the documents takes records")]
    NoCollections,
    /// A schema with more members than can be kept apart.
    #[error("the schema {schema} has {members} members, more than {most}")]
    TooWide {
        /// Name of the schema.
        schema: String,
        /// How many it has.
        members: usize,
        /// How many it may have.
        most: usize,
    },
}

/// The order of the members of references: key members by the schema of the target
/// (`edFi_school`).
pub type KeyOrders = BTreeMap<String, Vec<String>>;

/// The compiled schemas of all collections of an API. Cheap to clone.
#[derive(Clone)]
pub struct Schemas {
    table: Arc<Table>,
    roots: Arc<BTreeMap<CollectionName, NodeId>>,
}

impl Schemas {
    /// Compiles the documents of an API: resources and descriptors, in any order. Keys of
    /// references are in the order in which the targets' paths list their key parameters.
    ///
    /// # Errors
    /// A value that is no document, or a schema beyond the limits.
    pub fn read(documents: &[Value]) -> Result<Self, SchemaError> {
        Self::read_with_keys(documents, &KeyOrders::new())
    }

    /// Like [`Schemas::read`], with the order of the key for the targets named; an order that
    /// does not name the members of the reference exactly is not used.
    ///
    /// # Errors
    /// As [`Schemas::read`].
    pub fn read_with_keys(documents: &[Value], keys: &KeyOrders) -> Result<Self, SchemaError> {
        let (table, roots) = Compiler::run(documents, keys)?;
        if roots.is_empty() {
            return Err(SchemaError::NoCollections);
        }
        Ok(Self {
            table: Arc::new(table),
            roots: Arc::new(roots),
        })
    }

    /// The checker of a collection's payloads, if the documents have the collection.
    pub fn checker(&self, collection: &CollectionName) -> Option<Checker> {
        let root = *self.roots.get(collection)?;
        Some(Checker::new(Arc::clone(&self.table), root))
    }

    /// The collections that have a checker, by name.
    pub fn collections(&self) -> impl Iterator<Item = &CollectionName> {
        self.roots.keys()
    }
}

impl fmt::Debug for Schemas {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.roots.keys();
        formatter.debug_set().entries(names).finish()
    }
}
