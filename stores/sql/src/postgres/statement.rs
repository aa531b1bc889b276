//! Statements. Rows are bound as one array of texts for each column, so that a statement is the
//! same for any number of rows.

use tokio_postgres::types::{ToSql, Type};

use crate::driver::{Filter, Rows, Select, named};
use crate::input::Input;
use crate::table::{Column, Form, Source, Table};
use crate::value::{self, Cell};

/// A statement with what is bound to it.
pub(crate) struct Statement {
    pub(crate) sql: String,
    arrays: Vec<Vec<Option<String>>>,
}

impl Statement {
    pub(crate) fn parameters(&self) -> Vec<(&(dyn ToSql + Sync), Type)> {
        let mut parameters: Vec<(&(dyn ToSql + Sync), Type)> =
            Vec::with_capacity(self.arrays.len());
        for array in &self.arrays {
            parameters.push((array, Type::TEXT_ARRAY));
        }
        parameters
    }

    /// The parameters for a stream, which outlives the statement.
    pub(crate) fn owned_parameters(&self) -> Vec<(Vec<Option<String>>, Type)> {
        let parameter = |array: &Vec<Option<String>>| (array.clone(), Type::TEXT_ARRAY);
        self.arrays.iter().map(parameter).collect()
    }
}

pub(crate) fn count(select: &Select) -> Statement {
    let (condition, arrays) = condition(select);
    let from = from(&select.table);
    let sql = format!("SELECT count(*) FROM {from} AS t{condition}");
    Statement { sql, arrays }
}

pub(crate) fn select(select: &Select, lock: bool) -> Statement {
    let (condition, arrays) = condition(select);
    let columns = named(&select.table, &select.columns);
    let columns: Vec<String> = columns.iter().map(|column| shown(column)).collect();
    let order = named(&select.table, &select.order);
    let order: Vec<String> = order
        .iter()
        .map(|column| format!("t.{}", quote(&column.name)))
        .collect();
    let order = match order.as_slice() {
        [] => String::new(),
        order => format!(" ORDER BY {}", order.join(", ")),
    };
    let sql = format!(
        "SELECT {} FROM {} AS t{condition}{order}{}",
        columns.join(", "),
        from(&select.table),
        if lock { " FOR UPDATE OF t" } else { "" },
    );
    Statement { sql, arrays }
}

pub(crate) fn insert(rows: &Rows<'_>) -> Statement {
    let columns = rows.named();
    if columns.is_empty() {
        let sql = format!("INSERT INTO {} DEFAULT VALUES", from(rows.table));
        return Statement {
            sql,
            arrays: vec![],
        };
    }
    let names: Vec<String> = columns.iter().map(|column| quote(&column.name)).collect();
    let values: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(at, column)| cast(at, column))
        .collect();
    let sql = format!(
        "INSERT INTO {} ({}) SELECT {} FROM {}",
        from(rows.table),
        names.join(", "),
        values.join(", "),
        unnested(columns.len()),
    );
    let arrays = arrays(columns.len(), rows.values);
    Statement { sql, arrays }
}

pub(crate) fn update(key: usize, rows: &Rows<'_>) -> Statement {
    let columns = rows.named();
    let set = columns.iter().enumerate().skip(key);
    let set: Vec<String> = set
        .map(|(at, column)| format!("{} = {}", quote(&column.name), cast(at, column)))
        .collect();
    let sql = format!(
        "UPDATE {} AS t SET {} FROM {} WHERE {}",
        from(rows.table),
        set.join(", "),
        unnested(columns.len()),
        matching(columns.get(..key).unwrap_or_default()),
    );
    let arrays = arrays(columns.len(), rows.values);
    Statement { sql, arrays }
}

pub(crate) fn delete(rows: &Rows<'_>) -> Statement {
    let columns = rows.named();
    let sql = format!(
        "DELETE FROM {} AS t USING {} WHERE {}",
        from(rows.table),
        unnested(columns.len()),
        matching(&columns),
    );
    let arrays = arrays(columns.len(), rows.values);
    Statement { sql, arrays }
}

fn condition(select: &Select) -> (String, Vec<Vec<Option<String>>>) {
    match &select.filter {
        Filter::All => (String::new(), vec![]),
        Filter::Equal(wanted) => {
            let places: Vec<usize> = wanted.iter().map(|(place, _)| *place).collect();
            let columns = named(&select.table, &places);
            let values: Vec<Input> = wanted.iter().map(|(_, value)| value.clone()).collect();
            let arrays = arrays(columns.len(), std::slice::from_ref(&values));
            let source = unnested(columns.len());
            let matching = matching(&columns);
            (
                format!(" WHERE EXISTS (SELECT 1 FROM {source} WHERE {matching})"),
                arrays,
            )
        }
        Filter::Keys(places, keys) => {
            let columns = named(&select.table, places);
            let names: Vec<String> = columns
                .iter()
                .map(|column| format!("t.{}", quote(&column.name)))
                .collect();
            let values: Vec<String> = columns
                .iter()
                .enumerate()
                .map(|(at, column)| cast(at, column))
                .collect();
            let condition = format!(
                " WHERE ({}) IN (SELECT {} FROM {})",
                names.join(", "),
                values.join(", "),
                unnested(columns.len()),
            );
            (condition, arrays(columns.len(), keys))
        }
    }
}

/// The bound arrays as rows `v (c0, c1, ...)`.
fn unnested(columns: usize) -> String {
    let parameters: Vec<String> = (1..=columns).map(|at| format!("${at}::text[]")).collect();
    let names: Vec<String> = (0..columns).map(|at| format!("c{at}")).collect();
    format!(
        "unnest({}) AS v ({})",
        parameters.join(", "),
        names.join(", ")
    )
}

/// A bound value as one of its column. The type has no length, as a cast to one would cut what is
/// too long, which storing it refuses.
fn cast(at: usize, column: &Column) -> String {
    format!("v.c{at}::{}", column.type_name)
}

fn matching(columns: &[&Column]) -> String {
    let pair = |(at, column): (usize, &&Column)| {
        format!("t.{} = {}", quote(&column.name), cast(at, column))
    };
    let pairs: Vec<String> = columns.iter().enumerate().map(pair).collect();
    pairs.join(" AND ")
}

fn arrays(columns: usize, rows: &[Vec<Input>]) -> Vec<Vec<Option<String>>> {
    let column = |at: usize| rows.iter().map(|row| row.get(at).and_then(bound)).collect();
    (0..columns).map(column).collect()
}

/// A value as the server reads it.
fn bound(input: &Input) -> Option<String> {
    Some(match input {
        Input::Null => return None,
        Input::Text(text) | Input::Moment(text) => text.clone(),
        Input::Integer(digits) | Input::Decimal(digits) | Input::Float(digits) => digits.clone(),
        Input::Boolean(value) => value.to_string(),
        Input::Bytes(bytes) => hexadecimal(bytes),
        Input::Json(json) => json.clone(),
        Input::List(json) => array(&serde_json::from_str(json).unwrap_or_default()),
    })
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(2 + 2 * bytes.len());
    text.push_str("\\x");
    for byte in bytes {
        // Writing to a text does not fail.
        let _written = write!(text, "{byte:02x}");
    }
    text
}

/// A list in the notation of the server.
fn array(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => "NULL".to_owned(),
        serde_json::Value::Array(items) => {
            let items: Vec<String> = items.iter().map(array).collect();
            format!("{{{}}}", items.join(","))
        }
        serde_json::Value::String(text) => quoted_item(text),
        other => quoted_item(&other.to_string()),
    }
}

fn quoted_item(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn from(table: &Table) -> String {
    match &table.source {
        Source::Table { schema, name } => format!("{}.{}", quote(schema), quote(name)),
        Source::Query(sql) => format!("({sql}\n)"),
    }
}

/// A column as text, by which every value can be told.
fn shown(column: &Column) -> String {
    let name = quote(&column.name);
    match column.form {
        Form::List => format!("to_json(t.{name})::text"),
        _ => format!("t.{name}::text"),
    }
}

pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A value from its text.
pub(crate) fn cell(form: Form, text: &str) -> Cell {
    match form {
        Form::Integer | Form::Decimal { .. } | Form::Float { .. } => value::number(text),
        Form::Boolean => value::boolean(text.starts_with('t')),
        Form::Date | Form::Time { .. } | Form::Timestamp { .. } => value::moment(text, form),
        Form::Bytes => bytes(text),
        Form::Json | Form::List => value::json(text),
        Form::Text | Form::Loose { .. } => value::text(text),
    }
}

fn bytes(text: &str) -> Cell {
    let digits = text.strip_prefix("\\x").unwrap_or(text).as_bytes();
    let byte = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    };
    let bytes: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
    bytes.map_or(Cell::Odd("it is not what bytes look like"), |bytes| {
        value::bytes(&bytes)
    })
}
