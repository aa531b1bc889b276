//! Reading columns whose values have to be more than their SQL type says. A value that this
//! program never writes is an error, which shows the file as damaged.

use rusqlite::types::Type;
use rusqlite::{Error, Result, Row};
use serde_json::Value;
use syncline_model::Digest;

use crate::{LastOutcome, OwedClass, RunOutcome};

/// A number that is never negative.
pub(crate) fn count(row: &Row<'_>, column: usize) -> Result<u64> {
    let value: i64 = row.get(column)?;
    value
        .try_into()
        .map_err(|_negative| Error::IntegralValueOutOfRange(column, value))
}

/// A digest.
pub(crate) fn digest(row: &Row<'_>, column: usize) -> Result<Digest> {
    row.get(column).map(Digest::from_bytes)
}

/// A digest where there may be none.
pub(crate) fn optional_digest(row: &Row<'_>, column: usize) -> Result<Option<Digest>> {
    let bytes: Option<[u8; 16]> = row.get(column)?;
    Ok(bytes.map(Digest::from_bytes))
}

/// An outcome, held as its number.
pub(crate) fn last_outcome(row: &Row<'_>, column: usize) -> Result<LastOutcome> {
    let code = row.get(column)?;
    LastOutcome::from_code(code).ok_or(Error::IntegralValueOutOfRange(column, code))
}

/// The class of what is owed, held as the number of the outcome.
pub(crate) fn owed_class(row: &Row<'_>, column: usize) -> Result<OwedClass> {
    match last_outcome(row, column)? {
        LastOutcome::Owed(class) => Ok(class),
        settled @ LastOutcome::Settled(_) => {
            Err(Error::IntegralValueOutOfRange(column, settled.code()))
        }
    }
}

/// How a run ended, held as its word.
pub(crate) fn run_outcome(row: &Row<'_>, column: usize) -> Result<RunOutcome> {
    let text: String = row.get(column)?;
    let outcome = RunOutcome::ALL
        .into_iter()
        .find(|outcome| outcome.text() == text);
    outcome.ok_or_else(|| {
        let reason = format!("{text:?} is not how a run ends");
        Error::FromSqlConversionFailure(column, Type::Text, reason.into())
    })
}

/// JSON, held as text.
pub(crate) fn json(row: &Row<'_>, column: usize) -> Result<Value> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text)
        .map_err(|error| Error::FromSqlConversionFailure(column, Type::Text, error.into()))
}
