//! Giving up what is known or owed, because a person says so. Everything here happens inside one
//! transaction.

use rusqlite::{OptionalExtension as _, Result, Transaction, params};
use syncline_model::{CollectionName, Digest, Done};

use crate::{LastOutcome, ScopeId, imported, listed};

/// What was forgotten of a collection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Keys that were known, owed ones included.
    pub known: u64,
    /// Changes that were owed.
    pub owed: u64,
    /// Lines that another program had sent.
    pub imported: u64,
}

/// What is known from a settled change, without saying what the target did for it.
const BELIEVED: i64 = LastOutcome::Settled(Done::Unchanged).code();

/// Takes back an owed change and restores what was known before it.
pub(crate) fn owed_change(
    transaction: &Transaction<'_>,
    scope: ScopeId,
    collection: &CollectionName,
    key: &Digest,
) -> Result<bool> {
    let Some(collection) = find(transaction, scope, collection)? else {
        return Ok(false);
    };
    let of_key = params![collection, key.as_bytes()];
    let owed = transaction.execute(
        "DELETE FROM owed WHERE collection = ?1 AND key = ?2",
        of_key,
    )?;
    if owed == 0 {
        return Ok(false);
    }
    transaction.execute(
        "DELETE FROM record WHERE collection = ?1 AND key = ?2 AND held IS NULL",
        of_key,
    )?;
    transaction.execute(
        "UPDATE record SET digest = held, held = NULL, outcome = ?3
         WHERE collection = ?1 AND key = ?2",
        params![collection, key.as_bytes(), BELIEVED],
    )?;
    Ok(true)
}

/// Takes back all owed changes of a collection; how many.
pub(crate) fn owed_changes(
    transaction: &Transaction<'_>,
    scope: ScopeId,
    collection: &CollectionName,
) -> Result<u64> {
    let Some(collection) = find(transaction, scope, collection)? else {
        return Ok(0);
    };
    transaction.execute(
        "DELETE FROM record WHERE collection = ?1 AND held IS NULL
            AND key IN (SELECT key FROM owed WHERE collection = ?1)",
        [collection],
    )?;
    transaction.execute(
        "UPDATE record SET digest = held, held = NULL, outcome = ?2
         WHERE collection = ?1 AND key IN (SELECT key FROM owed WHERE collection = ?1)",
        [collection, BELIEVED],
    )?;
    let owed = transaction.execute("DELETE FROM owed WHERE collection = ?1", [collection])?;
    Ok(owed as u64)
}

/// Forgets a key, and what was imported of it; false if nothing was known.
pub(crate) fn key(
    transaction: &Transaction<'_>,
    scope: ScopeId,
    (collection, key): (&CollectionName, &Digest),
    at: i64,
) -> Result<bool> {
    let Some(collection) = find(transaction, scope, collection)? else {
        return Ok(false);
    };
    let of_key = params![collection, key.as_bytes()];
    let settled = LastOutcome::FIRST_OWED;
    let held: Option<bool> = transaction
        .query_row(
            "DELETE FROM record WHERE collection = ?1 AND key = ?2
             RETURNING outcome < ?3 OR held IS NOT NULL",
            params![collection, key.as_bytes(), settled],
            |row| row.get(0),
        )
        .optional()?;
    let Some(held) = held else {
        return Ok(false);
    };
    transaction.execute(
        "DELETE FROM owed WHERE collection = ?1 AND key = ?2",
        of_key,
    )?;
    transaction.execute(
        "UPDATE collection SET held = held - ?2 WHERE id = ?1",
        (collection, held),
    )?;
    imported::overrule(transaction, collection, key, at)?;
    transaction.execute(
        "DELETE FROM under_way WHERE collection = ?1 AND key = ?2",
        of_key,
    )?;
    Ok(true)
}

/// Forgets all of a collection: what is known, owed and imported, and how far it was read.
pub(crate) fn collection(
    transaction: &Transaction<'_>,
    scope: ScopeId,
    collection: &CollectionName,
) -> Result<Forgotten> {
    let Some(collection) = find(transaction, scope, collection)? else {
        return Ok(Forgotten::default());
    };
    let delete = |statement: &str| -> Result<u64> {
        Ok(transaction.execute(statement, [collection])? as u64)
    };
    let forgotten = Forgotten {
        owed: delete("DELETE FROM owed WHERE collection = ?1")?,
        known: delete("DELETE FROM record WHERE collection = ?1")?,
        imported: delete("DELETE FROM imported WHERE collection = ?1")?,
    };
    delete("DELETE FROM imported_gone WHERE collection = ?1")?;
    delete("DELETE FROM under_way WHERE collection = ?1")?;
    listed::clear(transaction, collection)?;
    delete("DELETE FROM collection WHERE id = ?1")?;
    Ok(forgotten)
}

fn find(
    transaction: &Transaction<'_>,
    scope: ScopeId,
    collection: &CollectionName,
) -> Result<Option<i64>> {
    transaction
        .query_row(
            "SELECT id FROM collection WHERE scope = ?1 AND name = ?2",
            (scope.0, collection.as_str()),
            |row| row.get(0),
        )
        .optional()
}
