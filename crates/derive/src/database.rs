//! The private database in which queries run, and what they may do there.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::{Connection, Error, Statement};
use tempfile::NamedTempFile;

use crate::{DerivedQuery, SqlProblem};

/// Longest text or row, in bytes.
const LENGTH_MAX: i32 = 64 << 20;
/// What SQLite keeps in memory of its file, in KiB.
const CACHE_KIB: i32 = 32 << 10;

/// Something a query may not do.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Refused {
    /// Anything but selecting.
    Action,
    /// A table that is not one of the source.
    Table(String),
    /// A function whose answer is another each time, or that reaches beyond the database.
    Function(String),
}

/// What the authorizer goes by: whether a query is being asked, and what it was refused.
#[derive(Debug, Default)]
struct Watch {
    is_on: bool,
    refused: Option<Refused>,
}

/// A database of one process, gone with it.
pub(crate) struct Database {
    pub(crate) connection: Connection,
    watch: Arc<Mutex<Watch>>,
    /// Where an open file cannot be without a name.
    _file: Option<NamedTempFile>,
}

impl Database {
    /// In a file of a folder, for rows.
    pub(crate) fn on_disk(folder: &Path) -> Result<Self, Error> {
        let unmade = |error: std::io::Error| {
            Error::ToSqlConversionFailure(format!("{}: {error}", folder.display()).into())
        };
        let file = NamedTempFile::new_in(folder).map_err(unmade)?;
        let connection = Connection::open(file.path())?;
        connection.pragma_update(None, "journal_mode", "off")?;
        connection.pragma_update(None, "synchronous", "off")?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        // What has no name goes with the process, however that ends.
        let named = (!cfg!(unix)).then_some(file);
        Self::new(connection, named)
    }

    /// In memory, for looking at queries.
    pub(crate) fn in_memory() -> Result<Self, Error> {
        Self::new(Connection::open_in_memory()?, None)
    }

    fn new(mut connection: Connection, file: Option<NamedTempFile>) -> Result<Self, Error> {
        // A name in double quotes that does not exist is an error, and no text.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LENGTH_MAX)?;
        connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
        let watch = Arc::new(Mutex::new(Watch::default()));
        let shared = Arc::clone(&watch);
        let authorizer = move |context: AuthContext<'_>| {
            let mut watch = shared.lock().unwrap_or_else(PoisonError::into_inner);
            match refusal(&context.action).filter(|_| watch.is_on) {
                None => Authorization::Allow,
                Some(refused) => {
                    watch.refused = Some(refused);
                    Authorization::Deny
                }
            }
        };
        connection.authorizer(Some(authorizer))?;
        Ok(Self {
            connection,
            watch,
            _file: file,
        })
    }

    /// Everything that is prepared from now on is a query of somebody, until it is not.
    pub(crate) fn watch_queries(&self, is_on: bool) {
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        watch.is_on = is_on;
        watch.refused = None;
    }

    /// Prepares a query, which can only read.
    pub(crate) fn query(&self, query: &DerivedQuery) -> Result<Statement<'_>, Error> {
        self.watch_queries(true);
        self.connection.prepare(query.sql.trim())
    }

    /// What is wrong with a query that could not be prepared or did not come to its end.
    pub(crate) fn problem(&self, query: &DerivedQuery, error: &Error) -> SqlProblem {
        let watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        let problem = |message: String| SqlProblem::of(query, message);
        match &watch.refused {
            None => SqlProblem::of_error(query, error),
            Some(Refused::Action) => problem("it may only select".to_owned()),
            Some(Refused::Table(name)) => {
                problem(format!("`{name}` is no table of the source")).at_word(query, name)
            }
            Some(Refused::Function(name)) => {
                let message = format!("the function `{name}` cannot be used here");
                problem(message).at_word(query, name)
            }
        }
    }
}

fn refusal(action: &AuthAction<'_>) -> Option<Refused> {
    match action {
        AuthAction::Select | AuthAction::Recursive => None,
        AuthAction::Read { table_name, .. } => {
            let name = table_name.to_ascii_lowercase();
            let is_internal = name.starts_with("sqlite_") || name.starts_with("pragma_");
            is_internal.then(|| Refused::Table((*table_name).to_owned()))
        }
        AuthAction::Function { function_name } => {
            let name = function_name.to_ascii_lowercase();
            let refused = ["random", "randomblob", "load_extension"];
            refused
                .contains(&name.as_str())
                .then_some(Refused::Function(name))
        }
        _ => Some(Refused::Action),
    }
}

/// A name between quotes.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
