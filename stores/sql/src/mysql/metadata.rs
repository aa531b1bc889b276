//! What the server's catalog says of its tables.

use std::collections::BTreeMap;

use mysql_async::consts::{ColumnFlags, ColumnType};
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Error, Row};
use syncline_model::{Alike, Bounds, Characters, Labels};

use crate::table::{Column, ForeignKey, Form, Source, Table};

const COLUMNS: &str = "
    SELECT c.table_schema, c.table_name, t.table_type, c.table_schema = database(),
        c.column_name, c.is_nullable, c.extra, lower(c.data_type), lower(c.column_type),
        c.numeric_scale, c.datetime_precision, c.numeric_precision, c.character_maximum_length,
        c.character_octet_length, c.character_set_name, c.column_type, c.collation_name
    FROM information_schema.columns c
    JOIN information_schema.tables t USING (table_schema, table_name)
    WHERE c.table_schema NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')
    ORDER BY c.table_schema, c.table_name, c.ordinal_position";

/// Unique indexes, the primary key first.
const INDEXES: &str = "
    SELECT s.table_schema, s.table_name, s.index_name, s.column_name, s.sub_part IS NOT NULL
    FROM information_schema.statistics s
    WHERE s.non_unique = 0
        AND s.table_schema NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')
    ORDER BY s.table_schema, s.table_name, s.index_name <> 'PRIMARY', s.index_name, s.seq_in_index";

const FOREIGN_KEYS: &str = "
    SELECT table_schema, table_name, constraint_name, column_name,
        referenced_table_schema, referenced_table_name
    FROM information_schema.key_column_usage
    WHERE referenced_table_name IS NOT NULL
    ORDER BY table_schema, table_name, constraint_name, ordinal_position";

/// Schema and name.
type Place = (String, String);

/// A unique index.
struct Index {
    name: String,
    columns: Vec<String>,
    /// Whether it is about whole values and not about what they begin with.
    is_whole: bool,
}

/// Everything with rows that the user may read.
pub(crate) async fn tables(connection: &mut Conn) -> Result<Vec<Table>, Error> {
    let mut tables: BTreeMap<Place, Table> = BTreeMap::new();
    for row in connection.query::<Row, _>(COLUMNS).await? {
        let (schema, name) = place(&row);
        let is_writable = text(&row, 2) == "BASE TABLE";
        let is_usual = row.get(3).is_some_and(|usual: i64| usual == 1);
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
        table.columns.push(column(&row));
    }
    for (at, index) in indexes(connection).await? {
        let Some(table) = tables.get_mut(&at) else {
            continue;
        };
        let nullable = |name: &String| {
            let column = table.columns.iter().find(|column| column.name == *name);
            column.is_none_or(|column| column.nullable)
        };
        if table.key.is_empty() && index.is_whole && !index.columns.iter().any(nullable) {
            table.key.clone_from(&index.columns);
        }
        table.constraints.insert(index.name, index.columns);
    }
    for row in connection.query::<Row, _>(FOREIGN_KEYS).await? {
        let Some(table) = tables.get_mut(&place(&row)) else {
            continue;
        };
        let (constraint, column) = (text(&row, 2), text(&row, 3));
        let known = table.constraints.entry(constraint).or_default();
        known.push(column.clone());
        let (schema, name) = (text(&row, 4), text(&row, 5));
        let target = Source::Table { schema, name };
        match table.foreign_keys.last_mut() {
            Some(last) if known.len() > 1 && last.target == target => last.columns.push(column),
            _ => table.foreign_keys.push(ForeignKey {
                columns: vec![column],
                target,
            }),
        }
    }
    Ok(tables.into_values().collect())
}

async fn indexes(connection: &mut Conn) -> Result<Vec<(Place, Index)>, Error> {
    let mut found: Vec<(Place, Index)> = Vec::new();
    for row in connection.query::<Row, _>(INDEXES).await? {
        let (at, name, column) = (place(&row), text(&row, 2), text(&row, 3));
        let is_whole = row.get(4).is_some_and(|is_part: i64| is_part == 0);
        match found.last_mut() {
            Some((place, last)) if *place == at && last.name == name => {
                last.columns.push(column);
                last.is_whole &= is_whole;
            }
            _ => {
                let columns = vec![column];
                found.push((
                    at,
                    Index {
                        name,
                        columns,
                        is_whole,
                    },
                ));
            }
        }
    }
    Ok(found)
}

fn place(row: &Row) -> Place {
    (text(row, 0), text(row, 1))
}

fn text(row: &Row, at: usize) -> String {
    let found: Option<Option<String>> = row.get(at);
    found.flatten().unwrap_or_default()
}

fn number(row: &Row, at: usize) -> Option<u32> {
    let found = row.get::<Option<u64>, _>(at).flatten();
    found.and_then(|number| u32::try_from(number).ok())
}

fn column(row: &Row) -> Column {
    let number = |at: usize| number(row, at);
    let (data_type, full_type) = (text(row, 7), text(row, 8));
    let extra = text(row, 6).to_ascii_uppercase();
    // A type without what follows the numbers: `decimal(10,2) unsigned`.
    let bare = full_type.split_inclusive(')').next().unwrap_or(&full_type);
    let form = form(&data_type, &full_type, number(9), number(10).unwrap_or(0));
    Column {
        name: text(row, 4),
        form,
        bounds: Bounds {
            alike: alike(&text(row, 16)),
            ..bounds((&data_type, &full_type), form, row)
        },
        labels: labels(&data_type, &text(row, 15)),
        type_name: bare.to_owned(),
        nullable: text(row, 5) == "YES",
        computed: ["VIRTUAL", "STORED", "PERSISTENT"]
            .iter()
            .any(|word| extra.contains(word)),
    }
}

/// Collations of Unicode that do not tell accents: `utf8mb4_general_ci`, `utf8mb4_uca1400_ai_ci`. Those
/// of languages tell some of them.
const WITHOUT_ACCENTS: [&str; 5] = ["general", "unicode", "unicode_520", "0900_ai", "uca1400_ai"];

/// What a collation does not tell apart, by the words of its name.
fn alike(collation: &str) -> Alike {
    let Some((_, name)) = collation.split_once('_') else {
        return Alike::default();
    };
    let case = name.strip_suffix("_ci");
    let rules = case.map(|rules| rules.replace("nopad_", ""));
    Alike {
        case: case.is_some(),
        accents: rules.is_some_and(|rules| WITHOUT_ACCENTS.contains(&rules.as_str())),
        spaces: !name.contains("nopad") && !name.contains("0900"),
    }
}

fn form(data_type: &str, full_type: &str, scale: Option<u32>, digits: u32) -> Form {
    match data_type {
        "tinyint" if full_type.starts_with("tinyint(1)") => Form::Boolean,
        "bit" if full_type == "bit(1)" => Form::Boolean,
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "year" | "bit" => Form::Integer,
        "decimal" => Form::Decimal { scale },
        "float" => Form::Float { single: true },
        "double" => Form::Float { single: false },
        "date" => Form::Date,
        "time" => Form::Time { digits },
        "datetime" => Form::Timestamp {
            zoned: false,
            digits,
        },
        "timestamp" => Form::Timestamp {
            zoned: true,
            digits,
        },
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => Form::Bytes,
        "json" => Form::Json,
        _ => Form::Text,
    }
}

/// Which values a column keeps: lengths, precision and range.
fn bounds((data_type, full_type): (&str, &str), form: Form, row: &Row) -> Bounds {
    let mut bounds = form.bounds();
    bounds.unsigned = full_type.contains("unsigned");
    let (scale, precision) = (number(row, 9), number(row, 11));
    let (characters, bytes) = (number(row, 12), number(row, 13));
    let set = text(row, 14);
    bounds.characters = known_characters(&set);
    match data_type {
        _ if form == Form::Boolean => bounds.unsigned = false,
        "char" | "varchar" => bounds.length = characters,
        "tinytext" | "text" | "mediumtext" if set.starts_with("utf8") => bounds.bytes = bytes,
        // How many bytes a character has in other sets is the server's to know.
        "tinytext" | "text" | "mediumtext" if matches!(&*set, "latin1" | "ascii") => {
            bounds.length = bytes;
        }
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" => bounds.bytes = bytes,
        "tinyint" => bounds.bits = Some(8),
        "smallint" => bounds.bits = Some(16),
        "mediumint" => bounds.bits = Some(24),
        "int" => bounds.bits = Some(32),
        "bigint" => bounds.bits = Some(64),
        "bit" => {
            bounds.bits = precision.and_then(|bits| u8::try_from(bits).ok());
            bounds.unsigned = true;
        }
        // `float(7,4)` rounds like `decimal(7,4)`; a plain `float` has no scale.
        "decimal" | "float" | "double" => {
            bounds.digits = scale;
            let whole = scale.and_then(|scale| precision?.checked_sub(scale));
            bounds.whole_digits = whole.and_then(|digits| i32::try_from(digits).ok());
        }
        _ => {}
    }
    bounds
}

/// The characters of a set of the server, whose `latin1` is not that of ISO; nothing if they are all, or
/// the server's to know.
fn known_characters(set: &str) -> Option<Characters> {
    match set {
        "ascii" => Some(Characters::Ascii),
        "latin1" => Some(Characters::Windows1252),
        "utf8" | "utf8mb3" | "ucs2" => Some(Characters::Basic),
        _ => None,
    }
}

/// The labels of a type that has some: `enum('a','it''s')`.
fn labels(data_type: &str, full_type: &str) -> Labels {
    let labels = |told: &str| {
        let list = told.split_once('(')?.1.strip_suffix(')')?;
        unquoted(list)
    };
    match (data_type, labels(full_type)) {
        ("enum", Some(labels)) => Labels::One(labels),
        ("set", Some(labels)) => Labels::Several(labels),
        _ => Labels::Free,
    }
}

/// Texts in single quotes with commas between, as the server spells them; nothing if they are not so.
fn unquoted(list: &str) -> Option<Vec<String>> {
    let mut labels = Vec::new();
    let mut letters = list.chars().peekable();
    loop {
        let mut label = String::new();
        letters.next_if_eq(&'\'')?;
        loop {
            match letters.next()? {
                '\'' if letters.next_if_eq(&'\'').is_none() => break,
                '\\' => label.push(match letters.next()? {
                    'n' => '\n',
                    'r' => '\r',
                    '0' => '\0',
                    other => other,
                }),
                other => label.push(other),
            }
        }
        labels.push(label);
        match letters.next() {
            None => return Some(labels),
            Some(',') => {}
            Some(_) => return None,
        }
    }
}

/// A column of a query, as far as the server describes it.
pub(crate) fn query_column(column: &mysql_async::Column) -> Column {
    let flags = column.flags();
    let is_binary = column.character_set() == BINARY;
    let digits = u32::from(column.decimals()).min(6);
    let form = match column.column_type() {
        ColumnType::MYSQL_TYPE_TINY if column.column_length() == 1 => Form::Boolean,
        ColumnType::MYSQL_TYPE_TINY
        | ColumnType::MYSQL_TYPE_SHORT
        | ColumnType::MYSQL_TYPE_INT24
        | ColumnType::MYSQL_TYPE_LONG
        | ColumnType::MYSQL_TYPE_LONGLONG
        | ColumnType::MYSQL_TYPE_YEAR
        | ColumnType::MYSQL_TYPE_BIT => Form::Integer,
        ColumnType::MYSQL_TYPE_DECIMAL | ColumnType::MYSQL_TYPE_NEWDECIMAL => Form::Decimal {
            scale: Some(u32::from(column.decimals())),
        },
        ColumnType::MYSQL_TYPE_FLOAT => Form::Float { single: true },
        ColumnType::MYSQL_TYPE_DOUBLE => Form::Float { single: false },
        ColumnType::MYSQL_TYPE_DATE | ColumnType::MYSQL_TYPE_NEWDATE => Form::Date,
        ColumnType::MYSQL_TYPE_TIME => Form::Time { digits },
        ColumnType::MYSQL_TYPE_DATETIME => Form::Timestamp {
            zoned: false,
            digits,
        },
        ColumnType::MYSQL_TYPE_TIMESTAMP => Form::Timestamp {
            zoned: true,
            digits,
        },
        ColumnType::MYSQL_TYPE_JSON => Form::Json,
        _ if is_binary => Form::Bytes,
        _ => Form::Text,
    };
    let type_name = format!("decimal(65,{})", column.decimals().min(30));
    Column {
        name: column.name_str().into_owned(),
        form,
        bounds: form.bounds(),
        labels: Labels::Free,
        type_name,
        nullable: !flags.contains(ColumnFlags::NOT_NULL_FLAG),
        computed: false,
    }
}

/// The number of the character set of bytes.
const BINARY: u16 = 63;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_as_the_server_spells_them() {
        let labels = |told: &[&str]| told.iter().map(|&label| label.to_owned()).collect();
        let told = r"enum('a','B''c','x,y','back\\slash','line\n','')";
        let expected = ["a", "B'c", "x,y", "back\\slash", "line\n", ""];
        assert_eq!(super::labels("enum", told), Labels::One(labels(&expected)));
        assert_eq!(
            super::labels("set", "set('p','q')"),
            Labels::Several(labels(&["p", "q"]))
        );
        assert_eq!(super::labels("varchar", "varchar(3)"), Labels::Free);
        for odd in ["enum('a", "enum(a)", "enum('a';'b')", "enum"] {
            assert_eq!(super::labels("enum", odd), Labels::Free, "{odd}");
        }
    }
}
