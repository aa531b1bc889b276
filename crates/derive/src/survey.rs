//! What queries look at and what they give, before a record is read.
//!
//! SQLite itself is asked: a query is prepared, and each table that it misses is made, until it is
//! content or misses one that the source does not have. Collections that do not declare their
//! fields have the columns that queries name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rusqlite::Error;
use syncline_model::{Catalog, Collection, CollectionName, FieldKind};

use crate::cells::{declared, declared_kind};
use crate::database::{Database, quoted};
use crate::{DerivedQuery, SqlProblem};

/// A column of tables that declare none: SQLite wants one. It is never handed on.
pub(crate) const NOTHING: &str = "(none)";

/// The tables that queries may look at, by their names in small letters.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    tables: BTreeMap<String, (String, Arc<Collection>)>,
    queries: BTreeMap<String, DerivedQuery>,
}

/// A collection of the source under the name of its table.
#[derive(Clone, Debug)]
pub(crate) struct Looked {
    pub(crate) table: String,
    pub(crate) collection: Arc<Collection>,
}

/// What a query looks at and what it gives.
#[derive(Clone, Debug, Default)]
pub(crate) struct Survey {
    pub(crate) tables: Vec<Looked>,
    /// Queries that it looks at as if they were tables.
    pub(crate) views: Vec<DerivedQuery>,
    /// Its columns, unless they are all those of a collection that declares none.
    pub(crate) columns: Option<Vec<(String, FieldKind)>>,
}

impl Looked {
    /// Whether the collection does not declare its fields.
    pub(crate) fn is_open(&self) -> bool {
        self.collection.fields.is_empty()
    }

    /// The statement that makes its table.
    pub(crate) fn create(&self) -> String {
        let mut columns: Vec<String> = Vec::new();
        if self.is_open() {
            columns.push(format!("{} BLOB", quoted(NOTHING)));
        }
        let fields = self.collection.fields.iter();
        columns.extend(fields.map(|field| {
            let kind = declared(field.kind);
            format!("{} {kind}", quoted(&field.name))
        }));
        format!(
            "CREATE TABLE {} ({})",
            quoted(&self.table),
            columns.join(", ")
        )
    }
}

impl Sources {
    /// The collections of a catalog, each under its short name where that is clear, and queries.
    pub(crate) fn new(catalog: &Catalog, queries: &[DerivedQuery]) -> Result<Self, SqlProblem> {
        let mut short: BTreeMap<String, usize> = BTreeMap::new();
        for name in catalog.collections.keys() {
            *short.entry(name.short().to_lowercase()).or_default() += 1;
        }
        let name_of = |name: &CollectionName| {
            let is_clear = short.get(&name.short().to_lowercase()) == Some(&1);
            if is_clear {
                name.short()
            } else {
                name.as_str()
            }
            .to_owned()
        };
        let mut sources = Self::default();
        for (name, collection) in &catalog.collections {
            let name = name_of(name);
            let table = (name.clone(), Arc::new(collection.clone()));
            sources.tables.insert(name.to_lowercase(), table);
        }
        for query in queries {
            let name = query.name.to_lowercase();
            let is_taken = sources.tables.contains_key(&name);
            if is_taken || sources.queries.insert(name, query.clone()).is_some() {
                return Err(SqlProblem::of(
                    query,
                    "there is another collection of that name",
                ));
            }
        }
        Ok(sources)
    }

    fn names(&self) -> String {
        let tables = self.tables.values().map(|(name, _)| name.as_str());
        let queries = self.queries.values().map(|query| query.name.as_str());
        tables
            .chain(queries)
            .take(20)
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// Looks at a query.
    pub(crate) fn survey(&self, query: &DerivedQuery) -> Result<Survey, SqlProblem> {
        let unmade = |error: Error| SqlProblem::of_error(query, &error);
        let database = Database::in_memory().map_err(unmade)?;
        let mut survey = Survey::default();
        let mut open = BTreeMap::new();
        loop {
            let error = match database.query(query) {
                Ok(statement) => {
                    survey.columns = columns(query, &statement)?;
                    return Ok(survey);
                }
                Err(error) => error,
            };
            let problem = database.problem(query, &error);
            database.watch_queries(false);
            if let Some(name) = problem.message.strip_prefix("no such table: ") {
                let name = name.strip_prefix("main.").unwrap_or(name);
                self.make(&database, (query, name), &mut survey)?;
                let made = survey.tables.iter().filter(|table| table.is_open());
                for table in made {
                    open.entry(table.table.clone())
                        .or_insert_with(BTreeSet::new);
                }
            } else if !demand(&database, &problem, &mut open).map_err(unmade)? {
                return Err(problem);
            }
        }
    }

    /// Makes a table that a query misses.
    fn make(
        &self,
        database: &Database,
        (query, name): (&DerivedQuery, &str),
        survey: &mut Survey,
    ) -> Result<(), SqlProblem> {
        let key = name.to_lowercase();
        if let Some(view) = self.queries.get(&key) {
            survey.views.push(view.clone());
            return make_view(database, view);
        }
        let Some((table, collection)) = self.tables.get(&key) else {
            let problem = SqlProblem::of(query, format!("there is no table `{name}`"));
            return Err(SqlProblem {
                unknown: Some(name.to_owned()),
                ..problem.at_word(query, name)
            }
            .with_hint(format!("tables there: {}", self.names())));
        };
        let looked = Looked {
            table: table.clone(),
            collection: Arc::clone(collection),
        };
        let made = database.connection.execute(&looked.create(), []);
        made.map_err(|error| {
            let reason = SqlProblem::of_error(query, &error).message;
            SqlProblem::of(query, format!("`{table}` cannot be a table: {reason}"))
        })?;
        survey.tables.push(looked);
        Ok(())
    }
}

/// Makes a query a table for others.
pub(crate) fn make_view(database: &Database, query: &DerivedQuery) -> Result<(), SqlProblem> {
    let sql = format!(
        "CREATE VIEW {} AS {}",
        quoted(&query.name),
        query.sql.trim()
    );
    let made = database.connection.prepare(&sql);
    let made = made.and_then(|mut statement| statement.execute([]));
    // Where it is told, the query itself is looked at, and its places are its own.
    made.map(|_none| ()).map_err(|error| SqlProblem {
        place: None,
        ..SqlProblem::of_error(query, &error)
    })
}

/// Gives tables that declare no columns one that a query names. False if none lacks it, so that
/// the problem is another.
pub(crate) fn demand(
    database: &Database,
    problem: &SqlProblem,
    open: &mut BTreeMap<String, BTreeSet<String>>,
) -> Result<bool, Error> {
    let Some(name) = problem.message.strip_prefix("no such column: ") else {
        return Ok(false);
    };
    let name = name.rsplit('.').next().unwrap_or(name);
    for (table, columns) in open {
        if columns.insert(name.to_lowercase()) {
            let kind = declared(FieldKind::Any);
            let (table, name) = (quoted(table), quoted(name));
            let sql = format!("ALTER TABLE {table} ADD COLUMN {name} {kind}");
            database.connection.execute(&sql, [])?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// The columns of a query, each of which has to have a name of its own.
fn columns(
    query: &DerivedQuery,
    statement: &rusqlite::Statement<'_>,
) -> Result<Option<Vec<(String, FieldKind)>>, SqlProblem> {
    if statement.column_count() == 0 || statement.is_explain() != 0 || !statement.readonly() {
        return Err(SqlProblem::of(query, "it may only select"));
    }
    let mut columns: Vec<(String, FieldKind)> = Vec::new();
    for column in statement.columns() {
        let name = column.name();
        if columns.iter().any(|(other, _)| other == name) {
            let message = format!("two of its columns are named `{name}`");
            return Err(SqlProblem::of(query, message).with_hint("name one of them with `as`"));
        }
        columns.push((name.to_owned(), declared_kind(column.decl_type())));
    }
    let is_open = columns.iter().any(|(name, _)| name == NOTHING);
    Ok((!is_open).then_some(columns))
}
