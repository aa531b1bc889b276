//! Statements with question marks, which MySQL and SQLite share.

use crate::driver::{Filter, Rows, Select, named};
use crate::input::Input;
use crate::table::{Column, Source, Table};

/// In what the two differ.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dialect {
    /// What stands around an identifier; inside it is doubled.
    pub(crate) quote: char,
    /// A bound value as one of a column, where it is compared.
    pub(crate) compared: fn(&Column) -> String,
    /// What stands before the rows that the first member of a comparison is looked for in.
    pub(crate) list: &'static str,
    /// What follows the table where a row has no values.
    pub(crate) nothing: &'static str,
}

impl Dialect {
    pub(crate) fn quote(&self, name: &str) -> String {
        let quote = self.quote.to_string();
        format!(
            "{quote}{}{quote}",
            name.replace(self.quote, &quote.repeat(2))
        )
    }

    pub(crate) fn count<'s>(&self, select: &'s Select) -> (String, Vec<&'s Input>) {
        let (condition, bound) = self.condition(select);
        let from = self.from(&select.table);
        (
            format!("SELECT count(*) FROM {from} AS t{condition}"),
            bound,
        )
    }

    pub(crate) fn select<'s>(&self, select: &'s Select) -> (String, Vec<&'s Input>) {
        let (condition, bound) = self.condition(select);
        let columns = self
            .names("t.", &named(&select.table, &select.columns))
            .join(", ");
        let order = self.names("t.", &named(&select.table, &select.order));
        let order = match order.as_slice() {
            [] => String::new(),
            order => format!(" ORDER BY {}", order.join(", ")),
        };
        let from = self.from(&select.table);
        (
            format!("SELECT {columns} FROM {from} AS t{condition}{order}"),
            bound,
        )
    }

    /// A statement for `count` new rows.
    pub(crate) fn insert(&self, rows: &Rows<'_>, count: usize) -> String {
        let columns = rows.named();
        let table = self.from(rows.table);
        if columns.is_empty() {
            return format!("INSERT INTO {table} {}", self.nothing);
        }
        let row = format!("({})", vec!["?"; columns.len()].join(", "));
        let names = self.names("", &columns).join(", ");
        let values = vec![row.as_str(); count].join(", ");
        format!("INSERT INTO {table} ({names}) VALUES {values}")
    }

    /// A statement for one row: the new values are bound before the key.
    pub(crate) fn update(&self, key: usize, rows: &Rows<'_>) -> String {
        let columns = rows.named();
        let (key, values) = columns.split_at(key.min(columns.len()));
        let set = |name: &String| format!("{name} = ?");
        let set: Vec<String> = self.names("", values).iter().map(set).collect();
        let table = self.from(rows.table);
        format!(
            "UPDATE {table} SET {} WHERE {}",
            set.join(", "),
            self.equal("", key)
        )
    }

    /// A statement for one row.
    pub(crate) fn delete(&self, rows: &Rows<'_>) -> String {
        let table = self.from(rows.table);
        format!(
            "DELETE FROM {table} WHERE {}",
            self.equal("", &rows.named())
        )
    }

    fn condition<'s>(&self, select: &'s Select) -> (String, Vec<&'s Input>) {
        match &select.filter {
            Filter::All => (String::new(), vec![]),
            Filter::Equal(wanted) => {
                let places: Vec<usize> = wanted.iter().map(|(place, _)| *place).collect();
                let columns = named(&select.table, &places);
                let bound = wanted.iter().map(|(_, value)| value).collect();
                (format!(" WHERE {}", self.equal("t.", &columns)), bound)
            }
            Filter::Keys(places, keys) => {
                let columns = named(&select.table, places);
                let names = self.names("t.", &columns).join(", ");
                let one: Vec<String> = columns
                    .iter()
                    .map(|column| (self.compared)(column))
                    .collect();
                let one = format!("({})", one.join(", "));
                let all = vec![one.as_str(); keys.len()].join(", ");
                let bound = keys.iter().flatten().collect();
                (format!(" WHERE ({names}) IN ({}{all})", self.list), bound)
            }
        }
    }

    fn equal(&self, prefix: &str, columns: &[&Column]) -> String {
        let pair = |column: &&Column| {
            let name = self.quote(&column.name);
            format!("{prefix}{name} = {}", (self.compared)(column))
        };
        let pairs: Vec<String> = columns.iter().map(pair).collect();
        pairs.join(" AND ")
    }

    fn names(&self, prefix: &str, columns: &[&Column]) -> Vec<String> {
        let name = |column: &&Column| format!("{prefix}{}", self.quote(&column.name));
        columns.iter().map(name).collect()
    }

    fn from(&self, table: &Table) -> String {
        match &table.source {
            Source::Table { schema, name } if schema.is_empty() => self.quote(name),
            Source::Table { schema, name } => {
                format!("{}.{}", self.quote(schema), self.quote(name))
            }
            Source::Query(sql) => format!("({sql}\n)"),
        }
    }
}
