//! Records of a collection as rows of its table.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::types::{ToSqlOutput, Value};
use rusqlite::{Error, params_from_iter};
use serde_json::value::RawValue;
use syncline_model::FieldKind;

use crate::cells::{declared, kind_of, stored};
use crate::database::{Database, quoted};
use crate::survey::{Looked, NOTHING};

/// Fills a table.
pub(crate) struct Loader<'db> {
    database: &'db Database,
    /// The name of the table in quotes.
    table: String,
    columns: Vec<(String, FieldKind)>,
    places: BTreeMap<String, usize>,
    /// Whether members that are new become columns.
    is_open: bool,
    insert: String,
}

impl<'db> Loader<'db> {
    /// Makes the table.
    pub(crate) fn create(database: &'db Database, looked: &Looked) -> Result<Self, Error> {
        database.connection.execute(&looked.create(), [])?;
        let is_open = looked.is_open();
        let nothing = is_open.then(|| (NOTHING.to_owned(), FieldKind::Any));
        let fields = looked.collection.fields.iter();
        let fields = fields.map(|field| (field.name.clone(), field.kind));
        let mut loader = Self {
            database,
            table: quoted(&looked.table),
            columns: nothing.into_iter().chain(fields).collect(),
            places: BTreeMap::new(),
            is_open,
            insert: String::new(),
        };
        loader.prepare();
        Ok(loader)
    }

    fn prepare(&mut self) {
        let names = self.columns.iter().map(|(name, _)| name.clone());
        self.places = names.zip(0..).collect();
        let marks = vec!["?"; self.columns.len()].join(", ");
        self.insert = format!("INSERT INTO {} VALUES ({marks})", self.table);
    }

    /// Adds a record. False if it is no object.
    pub(crate) fn add(&mut self, payload: &[u8]) -> Result<bool, Error> {
        let Ok(members) = serde_json::from_slice::<BTreeMap<String, &RawValue>>(payload) else {
            return Ok(false);
        };
        if self.is_open {
            for (name, value) in &members {
                self.grow(name, value)?;
            }
        }
        let mut row = vec![ToSqlOutput::Owned(Value::Null); self.columns.len()];
        for (name, value) in &members {
            let place = self.places.get(name).copied();
            let place = place.and_then(|place| Some((row.get_mut(place)?, place)));
            if let Some((cell, place)) = place {
                let kind = self.columns.get(place).map(|(_, kind)| *kind);
                *cell = stored(value, kind.unwrap_or_default());
            }
        }
        let mut statement = self.database.connection.prepare_cached(&self.insert)?;
        statement.execute(params_from_iter(row))?;
        Ok(true)
    }

    /// Adds a column for a member that has a value for the first time.
    fn grow(&mut self, name: &str, value: &RawValue) -> Result<(), Error> {
        let Some(kind) = kind_of(value).filter(|_| !self.places.contains_key(name)) else {
            return Ok(());
        };
        let (table, column) = (&self.table, quoted(name));
        let sql = format!("ALTER TABLE {table} ADD COLUMN {column} {}", declared(kind));
        self.database.connection.execute(&sql, [])?;
        self.columns.push((name.to_owned(), kind));
        self.prepare();
        Ok(())
    }

    /// The names of its columns in small letters.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        let names = self.columns.iter().map(|(name, _)| name.to_lowercase());
        names.collect()
    }
}
