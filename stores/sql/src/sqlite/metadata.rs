//! What SQLite's schema says of its tables.

use std::collections::BTreeMap;

use rusqlite::Connection;
use syncline_model::{Alike, Bounds, Labels};

use crate::table::{Column, ForeignKey, Form, Source, Table};

/// Tables and views.
pub(crate) fn tables(connection: &Connection) -> rusqlite::Result<Vec<Table>> {
    let mut statement = connection.prepare(
        "SELECT name, type = 'table' FROM sqlite_schema
         WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
    )?;
    let names = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let names: Vec<(String, bool)> = names.collect::<rusqlite::Result<_>>()?;
    let table = |(name, is_writable)| table(connection, name, is_writable);
    names.into_iter().map(table).collect()
}

fn table(connection: &Connection, name: String, is_writable: bool) -> rusqlite::Result<Table> {
    let mut statement = connection.prepare(
        "SELECT name, type, \"notnull\", pk, hidden FROM pragma_table_xinfo(?) WHERE hidden <> 1",
    )?;
    let found = statement.query_map([&name], |row| {
        let (column, declared): (String, String) = (row.get(0)?, row.get(1)?);
        let (not_null, key, hidden): (bool, i64, i64) = (row.get(2)?, row.get(3)?, row.get(4)?);
        let is_row_id = key > 0 && declared.eq_ignore_ascii_case("integer");
        let column = Column {
            name: column,
            form: form(&declared),
            bounds: bounds(form(&declared)),
            labels: Labels::Free,
            type_name: declared,
            nullable: !not_null && !is_row_id,
            computed: hidden > 1,
        };
        Ok((column, key))
    })?;
    let found: Vec<(Column, i64)> = found.collect::<rusqlite::Result<_>>()?;
    let mut key: Vec<(i64, String)> = found
        .iter()
        .filter(|(_, key)| *key > 0)
        .map(|(column, key)| (*key, column.name.clone()))
        .collect();
    key.sort();
    let mut columns: Vec<Column> = found.into_iter().map(|(column, _)| column).collect();
    for (column, alike) in collations(connection, &name)? {
        let column = columns.iter_mut().find(|known| known.name == column);
        if let Some(column) = column {
            column.bounds.alike = alike;
        }
    }
    let key = if key.is_empty() {
        unique(connection, &name, &columns)?
    } else {
        key.into_iter().map(|(_, name)| name).collect()
    };
    let foreign_keys = foreign_keys(connection, &name)?;
    Ok(Table {
        source: Source::Table {
            schema: String::new(),
            name,
        },
        columns,
        key,
        constraints: BTreeMap::new(),
        foreign_keys,
        is_writable,
        is_usual: true,
    })
}

/// The columns of a unique index over all rows, none of which may be null.
fn unique(
    connection: &Connection,
    table: &str,
    columns: &[Column],
) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(
        "SELECT l.name, i.name FROM pragma_index_list(?) AS l, pragma_index_info(l.name) AS i
         WHERE l.\"unique\" AND NOT l.partial ORDER BY l.name, i.seqno",
    )?;
    let rows = statement.query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut indexes: BTreeMap<String, Vec<Option<String>>> = BTreeMap::new();
    for row in rows {
        let (index, column): (String, Option<String>) = row?;
        indexes.entry(index).or_default().push(column);
    }
    let required = |name: &String| {
        let column = columns.iter().find(|column| column.name == *name);
        column.is_some_and(|column| !column.nullable)
    };
    let whole = |names: Vec<Option<String>>| names.into_iter().collect::<Option<Vec<String>>>();
    let mut keys = indexes.into_values().filter_map(whole);
    Ok(keys
        .find(|names| names.iter().all(required))
        .unwrap_or_default())
}

/// What columns of unique indexes do not tell apart, by the name of the collation.
fn collations(connection: &Connection, table: &str) -> rusqlite::Result<Vec<(String, Alike)>> {
    let mut statement = connection.prepare(
        "SELECT i.name, upper(i.coll) FROM pragma_index_list(?) AS l, pragma_index_xinfo(l.name) AS i
         WHERE l.\"unique\" AND i.key AND i.name IS NOT NULL AND upper(i.coll) IN ('NOCASE', 'RTRIM')",
    )?;
    let rows = statement.query_map([table], |row| {
        let collation: String = row.get(1)?;
        let alike = Alike {
            case: collation == "NOCASE",
            spaces: collation == "RTRIM",
            ..Alike::default()
        };
        Ok((row.get(0)?, alike))
    })?;
    rows.collect()
}

fn foreign_keys(connection: &Connection, table: &str) -> rusqlite::Result<Vec<ForeignKey>> {
    let mut statement = connection.prepare(
        "SELECT id, \"table\", \"from\" FROM pragma_foreign_key_list(?) ORDER BY id, seq",
    )?;
    let rows = statement.query_map([table], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let mut found: BTreeMap<i64, ForeignKey> = BTreeMap::new();
    for row in rows {
        let (id, target, column): (i64, String, String) = row?;
        let key = found.entry(id).or_insert_with(|| ForeignKey {
            columns: vec![],
            target: Source::Table {
                schema: String::new(),
                name: target,
            },
        });
        key.columns.push(column);
    }
    Ok(found.into_values().collect())
}

/// The columns of a query; what it computes has no declared type.
pub(crate) fn query(connection: &Connection, sql: &str) -> rusqlite::Result<Vec<Column>> {
    let statement = connection.prepare(sql)?;
    let columns = statement.columns().map(|column| {
        let declared = column.decl_type().unwrap_or_default();
        Column {
            name: column.name().to_owned(),
            form: form(declared),
            bounds: bounds(form(declared)),
            labels: Labels::Free,
            type_name: declared.to_owned(),
            nullable: true,
            computed: false,
        }
    });
    Ok(columns.collect())
}

/// SQLite keeps texts of any length whatever is declared, and whole numbers of 64 bits.
fn bounds(form: Form) -> Bounds {
    Bounds {
        bits: (form == Form::Integer).then_some(64),
        ..form.bounds()
    }
}

/// What a declared type stands for: SQLite's own rules, and the words people use. It has no exact
/// decimals, and keeps days and times as whatever they were given as.
fn form(declared: &str) -> Form {
    let declared = declared.to_ascii_uppercase();
    let says = |words: &[&str]| words.iter().any(|word| declared.contains(word));
    if says(&["BOOL"]) {
        Form::Boolean
    } else if says(&["INT"]) {
        Form::Integer
    } else if says(&["CHAR", "CLOB", "TEXT", "UUID"]) {
        Form::Text
    } else if says(&["BLOB"]) {
        Form::Bytes
    } else if says(&["REAL", "FLOA", "DOUB", "NUMERIC", "DECIMAL"]) {
        Form::Float { single: false }
    } else {
        // A type that SQLite does not know makes it look for numbers in texts; none does not.
        Form::Loose {
            numbers: !declared.is_empty(),
        }
    }
}
