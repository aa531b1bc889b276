//! What a receipt does to the tables. Everything here happens inside one transaction.
//!
//! `collection.held` always equals the number of keys the target is believed to hold: settled
//! ones, and owed ones that had settled before.

use std::collections::BTreeMap;

use rusqlite::{CachedStatement, OptionalExtension as _, Result, Transaction, params};
use syncline_model::{CollectionName, Digest, Done};

use crate::{LastOutcome, Receipt, ReceiptResult, Repeat, RunId, ScopeId, column, imported};

/// Records receipts in key order, which keeps what is written together.
pub(crate) fn record(
    transaction: &Transaction<'_>,
    scope: ScopeId,
    run: RunId,
    receipts: &[Receipt],
) -> Result<Vec<Repeat>> {
    let ids = intern_all(
        transaction,
        scope,
        receipts.iter().map(|receipt| &receipt.collection),
    )?;
    let mut order: Vec<(i64, usize)> = receipts
        .iter()
        .enumerate()
        .filter_map(|(index, receipt)| Some((*ids.get(&receipt.collection)?, index)))
        .collect();
    order.sort_unstable_by_key(|&(collection, index)| (collection, receipts[index].key, index));
    let mut recorder = Recorder::new(transaction, run)?;
    let mut repeats = Vec::new();
    for (collection, index) in order {
        let receipt = &receipts[index];
        if receipt.result.is_gone() {
            imported::overrule(transaction, collection, &receipt.key, receipt.at)?;
        }
        let earlier = recorder.record(collection, receipt)?;
        repeats.extend(
            earlier
                .filter(|earlier| earlier.run == run.0)
                .map(|earlier| Repeat {
                    index,
                    earlier: earlier.outcome,
                    same_digest: earlier.digest == receipt.digest,
                }),
        );
    }
    recorder.finish(transaction)?;
    repeats.sort_unstable_by_key(|repeat| repeat.index);
    Ok(repeats)
}

/// The numbers of all collections that are named.
pub(crate) fn intern_all<'a>(
    transaction: &Transaction<'_>,
    scope: ScopeId,
    names: impl Iterator<Item = &'a CollectionName>,
) -> Result<BTreeMap<CollectionName, i64>> {
    let mut ids = BTreeMap::new();
    for name in names {
        if !ids.contains_key(name) {
            let id = intern(transaction, scope, name)?;
            ids.insert(name.clone(), id);
        }
    }
    Ok(ids)
}

/// The number of a collection, which is given one if it has none.
pub(crate) fn intern(
    transaction: &Transaction<'_>,
    scope: ScopeId,
    name: &CollectionName,
) -> Result<i64> {
    // The update changes nothing; it makes the number come back for known names too.
    transaction
        .prepare_cached(
            "INSERT INTO collection (scope, name) VALUES (?1, ?2)
             ON CONFLICT DO UPDATE SET name = excluded.name RETURNING id",
        )?
        .query_row((scope.0, name.as_str()), |row| row.get(0))
}

/// What was known of a key before a receipt.
struct Earlier {
    digest: Digest,
    held: Option<Digest>,
    outcome: LastOutcome,
    run: i64,
}

impl Earlier {
    /// What the target was believed to hold.
    fn believed(&self) -> Option<Digest> {
        if self.outcome.is_settled() {
            Some(self.digest)
        } else {
            self.held
        }
    }
}

struct Recorder<'a> {
    run: i64,
    find: CachedStatement<'a>,
    insert: CachedStatement<'a>,
    update: CachedStatement<'a>,
    delete: CachedStatement<'a>,
    put_owed: CachedStatement<'a>,
    delete_owed: CachedStatement<'a>,
    /// Whether the key before was new: keys that are new mostly come with others.
    expects_new: bool,
    /// By how much the number of held keys changes, by collection.
    growth: BTreeMap<i64, i64>,
}

impl<'a> Recorder<'a> {
    fn new(transaction: &'a Transaction<'_>, run: RunId) -> Result<Self> {
        Ok(Self {
            run: run.0,
            find: transaction.prepare_cached(
                "SELECT digest, held, outcome, run FROM record
                 WHERE collection = ?1 AND key = ?2",
            )?,
            insert: transaction.prepare_cached(
                "INSERT INTO record
                    (collection, key, digest, held, status, outcome, at, run, handle)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING",
            )?,
            update: transaction.prepare_cached(
                "UPDATE record SET digest = ?3, held = ?4, status = ?5, outcome = ?6, at = ?7,
                    run = ?8, handle = coalesce(?9, handle)
                 WHERE collection = ?1 AND key = ?2",
            )?,
            delete: transaction
                .prepare_cached("DELETE FROM record WHERE collection = ?1 AND key = ?2")?,
            put_owed: transaction.prepare_cached(
                "INSERT INTO owed (collection, key, class, reason, key_text, payload, origin,
                    attempts, first_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8)
                 ON CONFLICT DO UPDATE SET class = excluded.class, reason = excluded.reason,
                    key_text = excluded.key_text, payload = excluded.payload,
                    origin = excluded.origin, attempts = attempts + 1",
            )?,
            delete_owed: transaction
                .prepare_cached("DELETE FROM owed WHERE collection = ?1 AND key = ?2")?,
            expects_new: true,
            growth: BTreeMap::new(),
        })
    }

    fn record(&mut self, collection: i64, receipt: &Receipt) -> Result<Option<Earlier>> {
        if self.expects_new && self.insert(collection, receipt)? {
            return Ok(None);
        }
        let earlier = self.earlier(collection, receipt)?;
        self.expects_new = earlier.is_none();
        let was_held = earlier
            .as_ref()
            .is_some_and(|earlier| earlier.believed().is_some());
        let was_owed = earlier
            .as_ref()
            .is_some_and(|earlier| !earlier.outcome.is_settled());
        let is_held = match &receipt.result {
            ReceiptResult::Gone | ReceiptResult::Settled(Done::Deleted) => {
                self.delete
                    .execute(params![collection, receipt.key.as_bytes()])?;
                false
            }
            ReceiptResult::Settled(done) => {
                let row = (collection, receipt, LastOutcome::Settled(*done));
                self.put(row, earlier.as_ref())?;
                true
            }
            ReceiptResult::Owed { class, .. } => {
                let row = (collection, receipt, LastOutcome::Owed(*class));
                self.put(row, earlier.as_ref())?;
                self.put_owed(collection, receipt)?;
                was_held
            }
        };
        if was_owed && !matches!(receipt.result, ReceiptResult::Owed { .. }) {
            self.delete_owed
                .execute(params![collection, receipt.key.as_bytes()])?;
        }
        *self.growth.entry(collection).or_default() += i64::from(is_held) - i64::from(was_held);
        Ok(earlier)
    }

    fn earlier(&mut self, collection: i64, receipt: &Receipt) -> Result<Option<Earlier>> {
        let key = receipt.key.as_bytes();
        let earlier = self.find.query_row(params![collection, key], |row| {
            Ok(Earlier {
                digest: column::digest(row, 0)?,
                held: column::optional_digest(row, 1)?,
                outcome: column::last_outcome(row, 2)?,
                run: row.get(3)?,
            })
        });
        earlier.optional()
    }

    /// Records a settled change of a key nothing is known of, without looking first; false, and
    /// nothing done, if something is known or it is another sort of change.
    fn insert(&mut self, collection: i64, receipt: &Receipt) -> Result<bool> {
        let ReceiptResult::Settled(done) = receipt.result else {
            return Ok(false);
        };
        if done == Done::Deleted {
            return Ok(false);
        }
        let row = (collection, receipt, LastOutcome::Settled(done));
        let is_new = write(&mut self.insert, row, (None, self.run))? == 1;
        *self.growth.entry(collection).or_default() += i64::from(is_new);
        Ok(is_new)
    }

    fn put(&mut self, row: (i64, &Receipt, LastOutcome), earlier: Option<&Earlier>) -> Result<()> {
        let (_, _, outcome) = row;
        let held = earlier
            .filter(|_| !outcome.is_settled())
            .and_then(Earlier::believed);
        let statement = if earlier.is_some() {
            &mut self.update
        } else {
            &mut self.insert
        };
        write(statement, row, (held, self.run))?;
        Ok(())
    }

    fn put_owed(&mut self, collection: i64, receipt: &Receipt) -> Result<()> {
        let ReceiptResult::Owed {
            class,
            reason,
            key_text,
            payload,
            origin,
        } = &receipt.result
        else {
            return Ok(());
        };
        self.put_owed.execute(params![
            collection,
            receipt.key.as_bytes(),
            LastOutcome::Owed(*class).code(),
            reason,
            key_text,
            payload.as_ref(),
            origin,
            receipt.at,
        ])?;
        Ok(())
    }

    fn finish(self, transaction: &Transaction<'_>) -> Result<()> {
        let mut grow =
            transaction.prepare_cached("UPDATE collection SET held = held + ?2 WHERE id = ?1")?;
        for (collection, growth) in self.growth {
            grow.execute((collection, growth))?;
        }
        Ok(())
    }
}

/// Runs a statement that takes all columns of a record; how many rows it changed.
fn write(
    statement: &mut CachedStatement<'_>,
    (collection, receipt, outcome): (i64, &Receipt, LastOutcome),
    (held, run): (Option<Digest>, i64),
) -> Result<usize> {
    statement.execute(params![
        collection,
        receipt.key.as_bytes(),
        receipt.digest.as_bytes(),
        held.as_ref().map(Digest::as_bytes),
        receipt.status,
        outcome.code(),
        receipt.at,
        run,
        receipt.handle.as_deref(),
    ])
}
