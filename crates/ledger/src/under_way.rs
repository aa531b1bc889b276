//! Changes that are on their way: the target may have taken them, and nothing says so yet.
//!
//! They are noted before they are offered and are answered by their receipts. What a run that was
//! killed leaves is owed from the next one on, as something of which it is not known whether it was
//! done: it counts as not settled, so it is offered again whatever the source has, and its key is
//! there to delete it by. Everything here happens inside a transaction.

use std::fmt;

use rusqlite::{OptionalExtension as _, Result, Transaction, params};
use syncline_model::{CollectionName, Digest, Key};

use crate::{LastOutcome, OwedClass, RunId, RunStart, ScopeId, record};

/// A key that the target may soon hold otherwise than is known.
#[derive(Clone)]
pub struct UnderWay {
    /// The collection of the record.
    pub collection: CollectionName,
    /// Its key.
    pub key: Key,
    /// How many answers are to be waited for. With none, the next receipt for the key is the last
    /// word on it.
    pub changes: u32,
}

/// Keys may hold personal data, so debug output leaves them out.
impl fmt::Debug for UnderWay {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "UnderWay({}, {:?})", self.collection, self.key)
    }
}

/// Why it is owed what a run left that did not come to its end.
const REASON: &str = "it is not known whether the target took it";

const CODE: i64 = LastOutcome::Owed(OwedClass::UnderWay).code();

/// Notes changes that are about to be offered.
pub(crate) fn put(
    transaction: &Transaction<'_>,
    scope: ScopeId,
    under_way: &[UnderWay],
) -> Result<()> {
    let ids = record::intern_all(
        transaction,
        scope,
        under_way.iter().map(|one| &one.collection),
    )?;
    let mut put = transaction.prepare_cached(
        "INSERT INTO under_way (collection, key, text, changes) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET changes = changes + excluded.changes",
    )?;
    for one in under_way {
        let (key, text) = (one.key.digest(), one.key.as_str());
        let collection = ids.get(&one.collection);
        put.execute(params![collection, key.as_bytes(), text, one.changes])?;
    }
    Ok(())
}

/// Notes that changes have their answers.
pub(crate) fn answer<'a>(
    transaction: &Transaction<'_>,
    scope: ScopeId,
    answered: impl Iterator<Item = (&'a CollectionName, &'a Digest)>,
) -> Result<()> {
    if !is_any(transaction)? {
        return Ok(());
    }
    let mut last = transaction.prepare_cached(
        "DELETE FROM under_way WHERE collection = ?1 AND key = ?2 AND changes <= 1",
    )?;
    let mut one = transaction.prepare_cached(
        "UPDATE under_way SET changes = changes - 1 WHERE collection = ?1 AND key = ?2",
    )?;
    let mut known: Option<(&CollectionName, Option<i64>)> = None;
    for (name, key) in answered {
        let id = match known {
            Some((same, id)) if same == name => id,
            _ => find(transaction, scope, name)?,
        };
        known = Some((name, id));
        if last.execute(params![id, key.as_bytes()])? == 0 {
            one.execute(params![id, key.as_bytes()])?;
        }
    }
    Ok(())
}

fn find(
    transaction: &Transaction<'_>,
    scope: ScopeId,
    name: &CollectionName,
) -> Result<Option<i64>> {
    transaction
        .prepare_cached("SELECT id FROM collection WHERE scope = ?1 AND name = ?2")?
        .query_row((scope.0, name.as_str()), |row| row.get(0))
        .optional()
}

fn is_any(transaction: &Transaction<'_>) -> Result<bool> {
    transaction
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM under_way)")?
        .query_row([], |row| row.get(0))
}

/// What the runs before this one left under way is owed from now on.
pub(crate) fn owe(transaction: &Transaction<'_>, run: RunId, start: &RunStart) -> Result<()> {
    if !is_any(transaction)? {
        return Ok(());
    }
    let (scope, at) = (start.scope.0, start.started);
    // What was owed before keeps what it says, except that there is an answer to it.
    transaction.execute(
        "UPDATE record SET status = 0,
            held = CASE WHEN outcome < ?2 THEN digest ELSE held END,
            outcome = CASE WHEN outcome < ?2 THEN ?3 ELSE outcome END
         WHERE (collection, key) IN (SELECT collection, key FROM under_way
            WHERE collection IN (SELECT id FROM collection WHERE scope = ?1))",
        (scope, LastOutcome::FIRST_OWED, CODE),
    )?;
    let nothing = Digest::of(b"");
    transaction.execute(
        "INSERT INTO record (collection, key, digest, held, status, outcome, at, run, handle)
         SELECT collection, key, ?2, NULL, 0, ?3, ?4, ?5, NULL FROM under_way
            WHERE collection IN (SELECT id FROM collection WHERE scope = ?1)
         ON CONFLICT DO NOTHING",
        params![scope, nothing.as_bytes(), CODE, at, run.0],
    )?;
    transaction.execute(
        "INSERT INTO owed (collection, key, class, reason, key_text, payload, origin, attempts,
            first_at)
         SELECT collection, key, ?2, ?3, text, x'', '', 1, ?4 FROM under_way
            WHERE collection IN (SELECT id FROM collection WHERE scope = ?1)
         ON CONFLICT DO NOTHING",
        (scope, CODE, REASON, at),
    )?;
    transaction.execute(
        "DELETE FROM under_way WHERE collection IN (SELECT id FROM collection WHERE scope = ?1)",
        [scope],
    )?;
    Ok(())
}
