//! What an error of PostgreSQL means. Its texts may hold values of rows and are shown only where
//! they are about a statement.

use syncline_model::FailureClass;
use syncline_store::{ErrorKind, StoreError};
use tokio_postgres::error::DbError;

use crate::fault::Fault;
use crate::table::Table;

/// The fault an error stands for.
pub(crate) fn of(error: &tokio_postgres::Error, table: Option<&Table>) -> Fault {
    let Some(told) = error.as_db_error() else {
        let cause = std::error::Error::source(error).map(ToString::to_string);
        let cause = cause.unwrap_or_else(|| error.to_string());
        return Fault::Lost(format!("the connection to PostgreSQL broke off: {cause}"));
    };
    let code = told.code().code();
    match code {
        "40001" | "40P01" | "55P03" | "57014" => Fault::busy(
            status(code),
            format!("another writer was in the way ({code})"),
        ),
        "53300" | "57P03" => Fault::Lost(format!("PostgreSQL takes no connections ({code})")),
        "42501" => Fault::row(
            FailureClass::Denied,
            status(code),
            format!("the user of the database may not do this ({code})"),
        ),
        _ if code.starts_with("08") || code.starts_with("57P") => {
            Fault::Lost(format!("PostgreSQL ended the connection ({code})"))
        }
        _ if ["22", "23", "P0", "44"]
            .iter()
            .any(|class| code.starts_with(class))
            || code == "428C9" =>
        {
            let class = match code {
                "23503" => FailureClass::MissingReference,
                "23505" => FailureClass::Taken,
                _ => FailureClass::Content,
            };
            Fault::row(class, status(code), reason(told, table))
        }
        _ => Fault::Store(as_error(told)),
    }
}

/// What a row is refused for, by the names of constraint and column alone.
fn reason(told: &DbError, table: Option<&Table>) -> String {
    let constraint = || {
        let name = told.constraint().unwrap_or("without a name");
        table.map_or_else(|| format!("`{name}`"), |table| table.constraint(name))
    };
    let column = told
        .column()
        .map_or_else(String::new, |name| format!(" in the column `{name}`"));
    let code = told.code().code();
    match code {
        "23505" => format!("the unique constraint {} is violated", constraint()),
        "23503" => format!("the foreign key {} is violated", constraint()),
        "23514" => format!("the check {} is violated", constraint()),
        "23P01" => format!("the exclusion constraint {} is violated", constraint()),
        "23502" => format!("there is no value{column}, which needs one"),
        "22001" => format!("a text is longer than its column allows{column}"),
        "22003" => format!("a number is out of the range of its column{column}"),
        "428C9" => format!("the database works out the values{column} itself"),
        "22021" => format!("a text holds a character that the database cannot keep{column}"),
        _ if code.starts_with("22") => {
            format!("a value is not what its column takes{column} ({code})")
        }
        _ => format!("a rule or trigger of the table refuses it ({code})"),
    }
}

fn as_error(told: &DbError) -> StoreError {
    let code = told.code().code();
    let kind = match code {
        _ if code.starts_with("28") => ErrorKind::Denied,
        "3D000" | "42P01" | "3F000" => ErrorKind::NotFound,
        _ if code.starts_with("42") => ErrorKind::Configuration,
        _ => ErrorKind::Unavailable,
    };
    StoreError::new(kind, format!("PostgreSQL: {} ({code})", told.message()))
}

/// The code as far as it is a number.
fn status(code: &str) -> u16 {
    let digits: String = code.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}
