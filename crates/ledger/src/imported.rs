//! Lines that another program sent before: what it remembered of them is kept beside our own
//! records, by the MD5 of each line, because that is all it remembered.
//!
//! What was imported stands in for what the ledger does not know, and for nothing else: as soon as
//! a record of a key is known, or was deleted later than the line was sent, it has no say.

use std::path::{Path, PathBuf};

use md5::{Digest as _, Md5};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use syncline_model::{CollectionName, Digest};

use crate::{LedgerError, Result, ScopeId, record, schema};

/// A line that another program sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportedLine {
    /// MD5 of the line without outer whitespace.
    pub md5: [u8; 16],
    /// When it was last sent, in Unix seconds.
    pub at: i64,
    /// The protocol's own code for the last answer.
    pub status: u16,
}

impl ImportedLine {
    /// Whether the target took the line.
    pub const fn is_accepted(&self) -> bool {
        matches!(self.status, 200..=299)
    }
}

/// What an import found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportCounts {
    /// Lines that the target took.
    pub accepted: u64,
    /// Lines that it did not take; they will be sent.
    pub declined: u64,
}

/// The lines imported for a collection, on a connection of its own: it can go to another thread,
/// and writes go on meanwhile.
#[derive(Debug)]
pub struct ImportedLines {
    connection: Connection,
    path: PathBuf,
    collection: i64,
}

impl ImportedLines {
    /// The lines of a collection; nothing if none of them was accepted.
    pub(crate) fn open(path: &Path, collection: i64) -> Result<Option<Self>> {
        let connection = schema::open_reader(path)?;
        let there = connection
            .query_row(
                "SELECT EXISTS (SELECT 1 FROM imported
                 WHERE collection = ?1 AND status BETWEEN 200 AND 299)",
                [collection],
                |row| row.get(0),
            )
            .map_err(|source| LedgerError::from_sqlite(path, source))?;
        Ok(Some(Self {
            connection,
            path: path.to_owned(),
            collection,
        })
        .filter(|_| there))
    }

    /// The line of a record, if the target took it and nothing is known that says otherwise: no
    /// record of the key in the ledger, and no deletion after the line was sent. `line` is what
    /// was read, without outer whitespace.
    pub fn accepted(&self, key: &Digest, line: &[u8]) -> Result<Option<ImportedLine>> {
        let md5: [u8; 16] = Md5::digest(line).into();
        self.find(key, md5)
            .map_err(|source| LedgerError::from_sqlite(&self.path, source))
    }

    fn find(&self, key: &Digest, md5: [u8; 16]) -> rusqlite::Result<Option<ImportedLine>> {
        self.connection
            .prepare_cached(
                "SELECT at, status FROM imported
                 WHERE collection = ?1 AND md5 = ?3 AND status BETWEEN 200 AND 299
                    AND NOT EXISTS (SELECT 1 FROM record WHERE collection = ?1 AND key = ?2)
                    AND NOT EXISTS (SELECT 1 FROM imported_gone AS gone
                        WHERE gone.collection = ?1 AND gone.key = ?2 AND gone.at >= imported.at)",
            )?
            .query_row(params![self.collection, key.as_bytes(), md5], |row| {
                Ok(ImportedLine {
                    md5,
                    at: row.get(0)?,
                    status: row.get(1)?,
                })
            })
            .optional()
    }
}

/// Keeps lines; of several with one MD5 the one sent last counts.
pub(crate) fn import<E>(
    transaction: &Transaction<'_>,
    (scope, collection): (ScopeId, &CollectionName),
    lines: impl Iterator<Item = Result<ImportedLine, E>>,
) -> rusqlite::Result<Result<ImportCounts, E>> {
    let collection = record::intern(transaction, scope, collection)?;
    let mut put = transaction.prepare_cached(
        "INSERT INTO imported (collection, md5, at, status) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET at = excluded.at, status = excluded.status
            WHERE excluded.at >= at",
    )?;
    let mut counts = ImportCounts::default();
    for line in lines {
        let line = match line {
            Ok(line) => line,
            Err(error) => return Ok(Err(error)),
        };
        put.execute(params![collection, line.md5, line.at, line.status])?;
        if line.is_accepted() {
            counts.accepted += 1;
        } else {
            counts.declined += 1;
        }
    }
    Ok(Ok(counts))
}

/// What was imported says nothing about a key any more, up to a moment. Writes nothing where
/// nothing was imported.
pub(crate) fn overrule(
    transaction: &Transaction<'_>,
    collection: i64,
    key: &Digest,
    at: i64,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO imported_gone (collection, key, at) SELECT ?1, ?2, ?3
             WHERE EXISTS (SELECT 1 FROM imported WHERE collection = ?1)
             ON CONFLICT DO UPDATE SET at = max(at, excluded.at)",
        )?
        .execute(params![collection, key.as_bytes(), at])?;
    Ok(())
}
