//! Which tables and queries are collections, and what the catalog says of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use syncline_model::{
    Capabilities, Catalog, Collection, CollectionName, KeyField, Reference, StoreIdentity,
};
use syncline_store::{ErrorKind, Result, StoreError};

use crate::driver::Driver;
use crate::settings::{QuerySettings, SqlSettings, TableSettings};
use crate::table::{Source, Table};

/// Most changes in one transaction.
const BATCH_MAX: usize = 1000;
/// Most transactions at once.
const IN_FLIGHT_MAX: usize = 8;
/// Most names that a message lists.
const NAMES_MAX: usize = 20;

/// The collections of a database.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) tables: BTreeMap<CollectionName, Arc<Table>>,
    /// What is no collection, and why, one clause each.
    pub(crate) left_out: BTreeMap<String, &'static str>,
}

/// Looks which collections there are.
pub(crate) async fn look(driver: &dyn Driver, settings: &SqlSettings) -> Result<Known> {
    let found = driver.tables().await?;
    let mut known = Known::default();
    if settings.tables.is_empty() && settings.queries.is_empty() {
        take_all(&mut known, found);
        return Ok(known);
    }
    for wanted in &settings.tables {
        let table = choose(&found, wanted)?;
        known.tables.insert(name(&wanted.name), Arc::new(table));
    }
    for wanted in &settings.queries {
        let table = ask(driver, wanted).await?;
        known.tables.insert(name(&wanted.name), Arc::new(table));
    }
    Ok(known)
}

fn name(text: &str) -> CollectionName {
    CollectionName::new(text)
}

/// All tables of the usual schema that have a key.
fn take_all(known: &mut Known, found: Vec<Table>) {
    for table in found.into_iter().filter(|table| table.is_usual) {
        let shown = table.shown();
        if !table.is_writable {
            known.left_out.insert(shown, "a view");
        } else if table.key.is_empty() {
            known.left_out.insert(shown, "it has no key");
        } else {
            known.tables.insert(name(&shown), Arc::new(table));
        }
    }
}

/// The table that is meant, with the key that is meant.
fn choose(found: &[Table], wanted: &TableSettings) -> Result<Table> {
    let is_meant = |table: &&Table| match &table.source {
        Source::Table { schema, name } => {
            (table.is_usual && *name == wanted.table) || format!("{schema}.{name}") == wanted.table
        }
        Source::Query(_) => false,
    };
    let Some(table) = found.iter().find(is_meant) else {
        // Those of the usual schema come first: a server may have thousands of others.
        let (usual, others): (Vec<&Table>, _) = found.iter().partition(|table| table.is_usual);
        let names = usual.into_iter().chain(others).map(Table::shown);
        let names: Vec<String> = names.take(NAMES_MAX).collect();
        let message = format!("there is no table or view `{}`", wanted.table);
        return Err(StoreError::new(ErrorKind::NotFound, message)
            .with_hint(format!("tables and views there: {}", names.join(", "))));
    };
    let mut table = table.clone();
    if !wanted.key.is_empty() {
        check_key(&table, &wanted.name, &wanted.key)?;
        table.key.clone_from(&wanted.key);
    }
    if table.key.is_empty() {
        let message = format!(
            "`{}` has no primary key, and no unique columns that always have a value",
            wanted.table
        );
        let hint = format!(
            "name the columns that tell its rows apart: `tables: {{ {}: {{ key: [...] }} }}`",
            wanted.name
        );
        return Err(StoreError::new(ErrorKind::Configuration, message).with_hint(hint));
    }
    Ok(table)
}

fn check_key(table: &Table, collection: &str, key: &[String]) -> Result<()> {
    let Some(missing) = key.iter().find(|name| table.column(name).is_none()) else {
        return Ok(());
    };
    let names = table.columns.iter().map(|column| column.name.as_str());
    let names: Vec<&str> = names.take(NAMES_MAX).collect();
    let message = format!("`{collection}` has no column `{missing}`, which its key names");
    Err(StoreError::new(ErrorKind::Configuration, message)
        .with_hint(format!("its columns: {}", names.join(", "))))
}

/// A query as a table that is only read.
async fn ask(driver: &dyn Driver, wanted: &QuerySettings) -> Result<Table> {
    let sql = wanted.sql.trim().trim_end_matches(';').to_owned();
    let columns = driver.query(&sql).await.map_err(|error| StoreError {
        message: format!(
            "the query `{}` cannot be used: {}",
            wanted.name, error.message
        )
        .into(),
        ..error
    })?;
    let table = Table {
        source: Source::Query(sql),
        columns,
        key: wanted.key.clone(),
        constraints: BTreeMap::new(),
        foreign_keys: vec![],
        is_writable: false,
        is_usual: true,
    };
    if wanted.key.is_empty() {
        let message = format!("the query `{}` has no key", wanted.name);
        return Err(StoreError::new(ErrorKind::Configuration, message)
            .with_hint("name the columns that tell its rows apart: `key: [...]`"));
    }
    check_key(&table, &wanted.name, &wanted.key)?;
    Ok(table)
}

/// What the store says about itself.
pub(crate) fn catalog(known: &Known, identity: StoreIdentity, one_writer: bool) -> Catalog {
    let mut catalog = Catalog::empty(identity);
    for (name, table) in &known.tables {
        let references = references(known, table);
        let prerequisites = references
            .iter()
            .flat_map(|reference| reference.targets.clone());
        let mut prerequisites: Vec<CollectionName> = prerequisites.collect();
        prerequisites.sort();
        prerequisites.dedup();
        catalog.dependencies.insert(name.clone(), prerequisites);
        let key = table.key.iter().map(|column| KeyField {
            name: column.clone(),
            path: vec![column.clone()],
        });
        let collection = Collection {
            key: key.collect(),
            fields: table
                .columns
                .iter()
                .map(crate::table::Column::field)
                .collect(),
            references,
            ..Collection::named(name.clone())
        };
        catalog.collections.insert(name.clone(), collection);
    }
    let left_out = known.left_out.iter();
    catalog.left_out = left_out
        .map(|(name, why)| (name.clone(), (*why).to_owned()))
        .collect();
    catalog.capabilities = Capabilities {
        upsert: true,
        delete: true,
        count: true,
        batch: BATCH_MAX,
        in_flight: if one_writer { 1 } else { IN_FLIGHT_MAX },
    };
    catalog
}

/// What the foreign keys of a table refer to, as far as that is a collection too.
fn references(known: &Known, table: &Table) -> Vec<Reference> {
    let mut references = Vec::new();
    for key in &table.foreign_keys {
        let is_target = |target: &&CollectionName| {
            known
                .tables
                .get(*target)
                .is_some_and(|table| table.source == key.target)
        };
        let targets: Vec<CollectionName> = known.tables.keys().filter(is_target).cloned().collect();
        if targets.is_empty() {
            continue;
        }
        references.extend(key.columns.iter().map(|column| Reference {
            path: vec![column.clone()],
            targets: targets.clone(),
        }));
    }
    references
}
