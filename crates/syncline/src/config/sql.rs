//! A database as a store, as the file describes it.

use std::collections::BTreeMap;
use std::path::Path;

use syncline_store_sql::{Address, QuerySettings, SqlSettings, TableSettings};

use super::common;
use super::section::Section;
use super::shape::{Kind, Shape, key, sections};
use super::{StoreConfig, transport};
use crate::Failure;

/// The keys of a store that is a database.
pub(super) const SHAPE: Shape = Shape::of(&[
    common::KIND,
    key(
        "url",
        Kind::Text,
        "The database, as postgresql://, mysql://, mariadb:// or sqlite: and what follows.",
    ),
    common::CA_FILE,
    sections(
        "tables",
        &TABLE,
        "Tables by name; all of them if nothing is said.",
    ),
    sections(
        "queries",
        &QUERY,
        "Queries that are read like tables, by name.",
    ),
])
.requiring(&["kind", "url"]);

const TABLE: Shape = Shape::of(&[
    key(
        "table",
        Kind::Text,
        "What the table is called in the database.",
    ),
    key("key", Kind::List, "The columns that tell its rows apart."),
]);

const QUERY: Shape = Shape::of(&[
    key("sql", Kind::Text, "The query."),
    key("key", Kind::List, "The columns that tell its rows apart."),
])
.requiring(&["sql", "key"]);

pub(super) fn store(
    section: &Section<'_>,
    folder: &Path,
    (environment, problems): (&BTreeMap<String, String>, &mut Vec<Failure>),
) -> Result<StoreConfig, Failure> {
    let settings = read(section, folder, (environment, problems))?;
    Ok(StoreConfig::Sql(Box::new(settings)))
}

fn read(
    section: &Section<'_>,
    folder: &Path,
    (environment, problems): (&BTreeMap<String, String>, &mut Vec<Failure>),
) -> Result<SqlSettings, Failure> {
    let url = section.required_text("url")?;
    let address =
        Address::parse(&url, folder).map_err(|problem| section.failure("url", problem))?;
    let ca_file = transport::ca_file(section, (folder, environment))?;
    let mut tables = Vec::new();
    for (name, table) in section.named_sections("tables")? {
        tables.push(TableSettings {
            table: table.text("table")?.unwrap_or_else(|| name.clone()),
            key: table.list("key")?.unwrap_or_default(),
            name,
        });
        problems.extend(table.unknown());
    }
    let mut queries: Vec<QuerySettings> = Vec::new();
    for (name, query) in section.named_sections("queries")? {
        let sql = query.required_text("sql")?;
        let key = query.list("key")?.unwrap_or_default();
        if key.is_empty() {
            return Err(query
                .missing("key")
                .with_hint("name the columns that tell its rows apart: `key: [...]`"));
        }
        if tables.iter().any(|table| table.name == name) {
            return Err(query.failure("sql", "has the name of a table"));
        }
        queries.push(QuerySettings { name, sql, key });
        problems.extend(query.unknown());
    }
    Ok(SqlSettings {
        address,
        ca_file,
        tables,
        queries,
    })
}
