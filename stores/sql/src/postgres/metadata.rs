//! What the server's catalog says of its tables.

use std::collections::BTreeMap;

use syncline_model::{Alike, Bounds, Characters, Labels};
use tokio_postgres::{Client, Error, Row};

use super::statement::quote;
use crate::table::{Column, ForeignKey, Form, Source, Table};

/// Columns of everything that has rows, in order.
const COLUMNS: &str = "
    SELECT n.nspname, c.relname, c.relkind IN ('r', 'p') AND NOT c.relispartition,
        n.nspname = current_schema(), a.attname, a.attnotnull,
        a.attgenerated <> '', tn.nspname, t.typname, b.typname, b.typcategory::text,
        CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END,
        (SELECT array_agg(e.enumlabel::text ORDER BY e.enumsortorder) FROM pg_enum e
            WHERE e.enumtypid = b.oid),
        b.typname = 'citext' OR NOT coalesce(o.collisdeterministic, true)
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
    JOIN pg_namespace tn ON tn.oid = t.typnamespace
    JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
    LEFT JOIN pg_collation o ON o.oid = a.attcollation
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
        AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
        AND has_table_privilege(c.oid, 'SELECT')
    ORDER BY n.nspname, c.relname, a.attnum";

/// Primary keys and unique indexes, primary keys first; those over all rows and plain columns.
const INDEXES: &str = "
    SELECT n.nspname, c.relname, i.relname, x.indisprimary,
        array_agg(a.attname::text ORDER BY k.at), bool_and(a.attnotnull)
            AND x.indpred IS NULL AND x.indexprs IS NULL
    FROM pg_index x
    JOIN pg_class c ON c.oid = x.indrelid
    JOIN pg_class i ON i.oid = x.indexrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL unnest(x.indkey) WITH ORDINALITY AS k (attnum, at)
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
    WHERE x.indisunique AND k.at <= x.indnkeyatts
        AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
    GROUP BY n.nspname, c.relname, i.relname, x.indisprimary, x.indpred, x.indexprs
    ORDER BY x.indisprimary DESC, i.relname";

/// Foreign keys.
const FOREIGN_KEYS: &str = "
    SELECT n.nspname, c.relname, f.conname, fn.nspname, fc.relname,
        array_agg(a.attname::text ORDER BY k.at)
    FROM pg_constraint f
    JOIN pg_class c ON c.oid = f.conrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_class fc ON fc.oid = f.confrelid
    JOIN pg_namespace fn ON fn.oid = fc.relnamespace
    CROSS JOIN LATERAL unnest(f.conkey) WITH ORDINALITY AS k (attnum, at)
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
    WHERE f.contype = 'f' AND f.conparentid = 0
    GROUP BY n.nspname, c.relname, f.conname, fn.nspname, fc.relname
    ORDER BY f.conname";

/// In what the database keeps texts.
const ENCODING: &str = "SELECT getdatabaseencoding()::text";

/// Everything with rows that the user may read.
pub(crate) async fn tables(client: &Client) -> Result<Vec<Table>, Error> {
    let encoding: String = client.query_one(ENCODING, &[]).await?.try_get(0)?;
    let mut tables: BTreeMap<(String, String), Table> = BTreeMap::new();
    for row in client.query(COLUMNS, &[]).await? {
        let (schema, name) = place(&row)?;
        let (is_writable, is_usual) = (row.try_get(2)?, row.try_get(3)?);
        let table = tables.entry((schema.clone(), name.clone()));
        let table = table.or_insert_with(|| Table {
            source: Source::Table { schema, name },
            columns: vec![],
            key: vec![],
            constraints: BTreeMap::new(),
            foreign_keys: vec![],
            is_writable,
            is_usual,
        });
        let mut column = column(&row)?;
        encoded(&mut column, &encoding);
        table.columns.push(column);
    }
    for row in client.query(INDEXES, &[]).await? {
        let Some(table) = tables.get_mut(&place(&row)?) else {
            continue;
        };
        let (name, columns): (String, Vec<String>) = (row.try_get(2)?, row.try_get(4)?);
        if table.key.is_empty() && row.try_get(5)? {
            table.key.clone_from(&columns);
        }
        table.constraints.insert(name, columns);
    }
    for row in client.query(FOREIGN_KEYS, &[]).await? {
        let Some(table) = tables.get_mut(&place(&row)?) else {
            continue;
        };
        let columns: Vec<String> = row.try_get(5)?;
        let (schema, name) = (row.try_get(3)?, row.try_get(4)?);
        table.constraints.insert(row.try_get(2)?, columns.clone());
        let target = Source::Table { schema, name };
        table.foreign_keys.push(ForeignKey { columns, target });
    }
    Ok(tables.into_values().collect())
}

fn place(row: &Row) -> Result<(String, String), Error> {
    Ok((row.try_get(0)?, row.try_get(1)?))
}

fn column(row: &Row) -> Result<Column, Error> {
    let not_null: bool = row.try_get(5)?;
    let (schema, name): (String, String) = (row.try_get(7)?, row.try_get(8)?);
    let (base, category): (String, String) = (row.try_get(9)?, row.try_get(10)?);
    let modifier: i32 = row.try_get(11)?;
    let form = form(&base, category == "A", modifier);
    let labels: Option<Vec<String>> = row.try_get(12)?;
    Ok(Column {
        name: row.try_get(4)?,
        form,
        bounds: Bounds {
            alike: Alike {
                case: row.try_get(13)?,
                spaces: base == "bpchar",
                ..Alike::default()
            },
            ..bounds(&base, form, modifier)
        },
        labels: labels.map_or(Labels::Free, Labels::One),
        type_name: format!("{}.{}", quote(&schema), quote(&name)),
        nullable: !not_null,
        computed: row.try_get(6)?,
    })
}

/// What the encoding of the database means for a column.
fn encoded(column: &mut Column, encoding: &str) {
    if column.form != Form::Text {
        return;
    }
    let bounds = &mut column.bounds;
    match encoding {
        "LATIN1" => bounds.characters = Some(Characters::Latin1),
        "WIN1252" => bounds.characters = Some(Characters::Windows1252),
        // It takes every byte for a character.
        "SQL_ASCII" => bounds.bytes = bounds.length.take().or(bounds.bytes),
        _ => {}
    }
}

/// A column of a query, as far as its type tells.
pub(crate) fn query_column(column: &tokio_postgres::Column) -> Column {
    let kind = column.type_();
    let is_array = matches!(kind.kind(), tokio_postgres::types::Kind::Array(_));
    let form = form(kind.name(), is_array, column.type_modifier());
    Column {
        name: column.name().to_owned(),
        form,
        bounds: bounds(kind.name(), form, column.type_modifier()),
        labels: Labels::Free,
        type_name: format!("{}.{}", quote(kind.schema()), quote(kind.name())),
        nullable: true,
        computed: false,
    }
}

fn form(name: &str, is_array: bool, modifier: i32) -> Form {
    // Digits of a second, unless there are fewer.
    let digits = u32::try_from(modifier).unwrap_or(6);
    match name {
        _ if is_array => Form::List,
        "int2" | "int4" | "int8" | "oid" => Form::Integer,
        "numeric" => Form::Decimal {
            scale: scale(modifier),
        },
        "float4" => Form::Float { single: true },
        "float8" => Form::Float { single: false },
        "bool" => Form::Boolean,
        "date" => Form::Date,
        "time" => Form::Time { digits },
        "timestamp" => Form::Timestamp {
            zoned: false,
            digits,
        },
        "timestamptz" => Form::Timestamp {
            zoned: true,
            digits,
        },
        "bytea" => Form::Bytes,
        "json" | "jsonb" => Form::Json,
        _ => Form::Text,
    }
}

/// Which values a column keeps: lengths, precision and range. Elements of lists have bounds of their
/// own, which nothing is said of.
fn bounds(name: &str, form: Form, modifier: i32) -> Bounds {
    let mut bounds = form.bounds();
    match name {
        _ if form == Form::List => {}
        "varchar" | "bpchar" => {
            bounds.length = modifier
                .checked_sub(4)
                .and_then(|most| u32::try_from(most).ok());
        }
        // Longer names are cut off.
        "name" => bounds.bytes = Some(63),
        "int2" => bounds.bits = Some(16),
        "int4" => bounds.bits = Some(32),
        "int8" => bounds.bits = Some(64),
        "oid" => {
            bounds.bits = Some(32);
            bounds.unsigned = true;
        }
        "numeric" => {
            let packed = packed(modifier);
            bounds.whole_digits = packed.map(|(precision, scale)| precision - scale);
        }
        _ => {}
    }
    bounds
}

/// Digits after the point of `numeric(p, s)`; without an end for a plain `numeric`.
fn scale(modifier: i32) -> Option<u32> {
    let (_, scale) = packed(modifier)?;
    Some(u32::try_from(scale).unwrap_or(0))
}

/// Precision and scale of `numeric(p, s)`.
fn packed(modifier: i32) -> Option<(i32, i32)> {
    let packed = modifier.checked_sub(4).filter(|packed| *packed >= 0)?;
    Some((packed >> 16, ((packed & 0x7ff) ^ 1024) - 1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_of_numbers_is_unpacked() {
        assert_eq!(scale(-1), None);
        assert_eq!(scale(((10 << 16) | 2) + 4), Some(2));
        assert_eq!(scale((38 << 16) + 4), Some(0));
        assert_eq!(packed(((5 << 16) | (0x7ff & -2)) + 4), Some((5, -2)));
    }
}
