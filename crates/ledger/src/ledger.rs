//! Writing a ledger: one process at a time for each flow, one durable transaction per call.

use std::ops::Deref;
use std::path::Path;

use rusqlite::{Transaction, TransactionBehavior};
use syncline_model::{CollectionName, Digest, Mark, StoreIdentity};

use crate::lock::Lock;
use crate::schema::Format;
use crate::{
    Forgotten, Holder, ImportCounts, ImportedLine, LedgerError, LedgerView, Listed, Receipt,
    Repeat, Result, RunEnd, RunId, RunStart, ScopeId, UnderWay, forget, imported, listed, record,
    schema, under_way,
};

/// How far the unfinished reading of a collection came; nothing if there is none.
pub type ReadingPlace = (CollectionName, Option<Mark>);

/// How far collections of a flow were brought.
#[derive(Clone, Copy, Debug, Default)]
pub struct Steps<'a> {
    /// How far their sources were read.
    pub marks: &'a [(CollectionName, Mark)],
    /// How far their unfinished readings came.
    pub places: &'a [ReadingPlace],
    /// Collections of which it is forgotten what lists told.
    pub forgotten: &'a [CollectionName],
}

/// What is recorded together: all of it or nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Entries<'a> {
    /// Changes that are about to be offered.
    pub under_way: &'a [UnderWay],
    /// What became of changes; each is the answer to one that was under way.
    pub receipts: &'a [Receipt],
    /// Keys of changes that were answered and leave everything as it was known.
    pub answered: &'a [(CollectionName, Digest)],
    /// How far the readings of collections came on account of the receipts; nothing if that is not
    /// known any more.
    pub places: &'a [ReadingPlace],
    /// What lists told.
    pub listed: &'a [Listed],
}

impl Entries<'_> {
    /// Whether there is nothing to be recorded.
    pub const fn is_empty(&self) -> bool {
        let changes = self.under_way.is_empty() && self.receipts.is_empty();
        changes && self.answered.is_empty() && self.places.is_empty() && self.listed.is_empty()
    }
}

/// A ledger held by this process, as a whole or for one of its flows. It can do all that a [`LedgerView`] can, and write.
#[derive(Debug)]
pub struct Ledger {
    view: LedgerView,
    _lock: Lock,
}

impl Deref for Ledger {
    type Target = LedgerView;

    fn deref(&self) -> &LedgerView {
        &self.view
    }
}

impl Ledger {
    /// Opens the ledger of a state directory, makes both if need be, and holds it until dropped.
    /// While one process holds it, others get [`LedgerError::Held`].
    pub fn open(directory: &Path, holder: &Holder) -> Result<Self> {
        schema::create_directory(directory)?;
        Self::with(Lock::take(directory, holder)?, directory)
    }

    /// Opens the ledger of a state directory for one flow, which is held until the ledger is
    /// dropped. Other flows may be held beside it, by this process or another; the same flow is
    /// [`LedgerError::FlowHeld`], and a ledger that somebody has as a whole [`LedgerError::Held`].
    pub fn open_flow(
        directory: &Path,
        (target, source): (&StoreIdentity, &str),
        holder: &Holder,
    ) -> Result<Self> {
        schema::create_directory(directory)?;
        let flow = flow_digest(target, source);
        let lock = Lock::take_flow(directory, &flow, holder)?;
        let _turn = Lock::turn(directory)?;
        Self::with(lock, directory)
    }

    fn with(lock: Lock, directory: &Path) -> Result<Self> {
        let path = schema::file_in(directory);
        let connection = schema::open_writer(&path)?;
        Ok(Self {
            view: LedgerView::with(connection, path, Format::NEWEST),
            _lock: lock,
        })
    }

    /// A name for a flow that is fit for files.
    pub fn flow_name(target: &StoreIdentity, source: &str) -> String {
        flow_digest(target, source).to_string()
    }

    /// Opens the ledger of a state directory for inspection; another process may hold it.
    pub fn open_read_only(directory: &Path) -> Result<LedgerView> {
        LedgerView::open(directory)
    }

    /// The scope of a target and a flow; made if there is none yet.
    pub fn scope(&mut self, target: &StoreIdentity, source: &str) -> Result<ScopeId> {
        if let Some(scope) = self.find_scope(target, source)? {
            return Ok(scope);
        }
        self.write(|transaction| {
            transaction.execute(
                "INSERT INTO scope (target, source) VALUES (?1, ?2)",
                [&target.0, source],
            )?;
            Ok(ScopeId(transaction.last_insert_rowid()))
        })
    }

    /// Notes that a run begins. What earlier ones of its scope left under way is owed from then on.
    pub fn begin_run(&mut self, start: &RunStart) -> Result<RunId> {
        self.write(|transaction| {
            transaction.execute(
                "INSERT INTO run (scope, command, started) VALUES (?1, ?2, ?3)",
                (start.scope.0, &start.command, start.started),
            )?;
            let run = RunId(transaction.last_insert_rowid());
            under_way::owe(transaction, run, start)?;
            Ok(run)
        })
    }

    /// Notes that a run ended.
    pub fn end_run(&mut self, run: RunId, end: &RunEnd) -> Result<()> {
        self.write(|transaction| {
            transaction.execute(
                "UPDATE run SET ended = ?2, outcome = ?3, counts = ?4 WHERE id = ?1",
                (run.0, end.ended, end.outcome.text(), end.counts.to_string()),
            )?;
            Ok(())
        })
    }

    /// Records what became of changes, all or none; when it returns, they are on disk. Batches of
    /// some thousands are fastest. Of receipts with one key the later one counts.
    ///
    /// The repeats are the receipts whose key this run had already recorded, in the order of the
    /// receipts. A key that is gone is not remembered, so what follows it is not a repeat.
    pub fn record(
        &mut self,
        scope: ScopeId,
        run: RunId,
        receipts: &[Receipt],
    ) -> Result<Vec<Repeat>> {
        let entries = Entries {
            receipts,
            ..Entries::default()
        };
        self.record_all(scope, run, entries)
    }

    /// Records receipts as [`Ledger::record`] does and, with them or not at all, what else there is.
    pub fn record_all(
        &mut self,
        scope: ScopeId,
        run: RunId,
        entries: Entries<'_>,
    ) -> Result<Vec<Repeat>> {
        self.write(|transaction| {
            under_way::put(transaction, scope, entries.under_way)?;
            let repeats = record::record(transaction, scope, run, entries.receipts)?;
            let receipts = entries.receipts.iter();
            let receipts = receipts.map(|receipt| (&receipt.collection, &receipt.key));
            let answered = entries.answered.iter().map(|(name, key)| (name, key));
            under_way::answer(transaction, scope, receipts.chain(answered))?;
            put_places(transaction, scope, entries.places)?;
            for told in entries.listed {
                listed::put(transaction, scope, told)?;
            }
            Ok(repeats)
        })
    }

    /// Gives up a change that is owed: it is not offered again, and what was known of the key
    /// before is known again. False if none was owed.
    pub fn forget_owed(
        &mut self,
        scope: ScopeId,
        collection: &CollectionName,
        key: &Digest,
    ) -> Result<bool> {
        self.write(|transaction| forget::owed_change(transaction, scope, collection, key))
    }

    /// Gives up all changes of a collection that are owed, as [`Ledger::forget_owed`] gives up
    /// one; how many there were.
    pub fn forget_all_owed(&mut self, scope: ScopeId, collection: &CollectionName) -> Result<u64> {
        self.write(|transaction| forget::owed_changes(transaction, scope, collection))
    }

    /// Forgets what is known of a key, what is owed for it and, up to the moment `at`, what was
    /// imported of it: the next run sends it. False if nothing was known.
    pub fn forget_key(
        &mut self,
        scope: ScopeId,
        collection: &CollectionName,
        key: &Digest,
        at: i64,
    ) -> Result<bool> {
        self.write(|transaction| forget::key(transaction, scope, (collection, key), at))
    }

    /// Forgets all of a collection: what is known, owed and imported, and how far it was read.
    pub fn forget_collection(
        &mut self,
        scope: ScopeId,
        collection: &CollectionName,
    ) -> Result<Forgotten> {
        self.write(|transaction| forget::collection(transaction, scope, collection))
    }

    /// Keeps lines that another program sent, all of them or none: an error among them is handed
    /// back and nothing is kept. Of several with one MD5, earlier imports included, the one sent
    /// last counts.
    pub fn import<E: From<LedgerError>>(
        &mut self,
        scope: ScopeId,
        collection: &CollectionName,
        lines: impl Iterator<Item = Result<ImportedLine, E>>,
    ) -> Result<ImportCounts, E> {
        let LedgerView {
            connection, path, ..
        } = &mut self.view;
        let failed = |source| LedgerError::from_sqlite(path, source);
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed)?;
        let counts =
            imported::import(&transaction, (scope, collection), lines).map_err(failed)??;
        transaction.commit().map_err(failed)?;
        Ok(counts)
    }

    /// Notes how far the source of a collection was read, once all that was read is recorded.
    pub fn commit_mark(
        &mut self,
        scope: ScopeId,
        collection: &CollectionName,
        mark: &Mark,
    ) -> Result<()> {
        self.write(|transaction| {
            transaction.execute(
                "INSERT INTO collection (scope, name, mark) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET mark = excluded.mark",
                (scope.0, collection.as_str(), &mark.0),
            )?;
            Ok(())
        })
    }

    /// Notes how far several collections were read, all of them or none.
    pub fn commit_marks(&mut self, scope: ScopeId, marks: &[(CollectionName, Mark)]) -> Result<()> {
        let steps = Steps {
            marks,
            ..Steps::default()
        };
        self.commit(scope, steps)
    }

    /// Notes how far several collections were brought, all of it or nothing.
    pub fn commit(&mut self, scope: ScopeId, steps: Steps<'_>) -> Result<()> {
        let Steps {
            marks,
            places,
            forgotten,
        } = steps;
        if marks.is_empty() && places.is_empty() && forgotten.is_empty() {
            return Ok(());
        }
        self.write(|transaction| {
            put_places(transaction, scope, places)?;
            for collection in forgotten {
                listed::forget(transaction, scope, collection)?;
            }
            let mut commit = transaction.prepare_cached(
                "INSERT INTO collection (scope, name, mark) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET mark = excluded.mark",
            )?;
            for (collection, mark) in marks {
                commit.execute((scope.0, collection.as_str(), &mark.0))?;
            }
            Ok(())
        })
    }

    /// Lets the file grow to at most so many pages of 4 KiB, as if the disk were full then.
    #[doc(hidden)]
    pub fn limit_pages(&mut self, pages: u32) -> Result<()> {
        let limit = format!("PRAGMA max_page_count = {pages}");
        let connection = &self.view.connection;
        let answer = connection.query_row(&limit, [], |row| row.get::<_, i64>(0));
        answer
            .map(drop)
            .map_err(|source| LedgerError::from_sqlite(&self.view.path, source))
    }

    fn write<T>(
        &mut self,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let Self {
            view: LedgerView {
                connection, path, ..
            },
            ..
        } = self;
        let write = || {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = change(&transaction)?;
            transaction.commit()?;
            Ok(result)
        };
        write().map_err(|source| LedgerError::from_sqlite(path, source))
    }
}

fn flow_digest(target: &StoreIdentity, source: &str) -> Digest {
    Digest::of(format!("{}\n{source}", target.0).as_bytes())
}

fn put_places(
    transaction: &Transaction<'_>,
    scope: ScopeId,
    places: &[ReadingPlace],
) -> rusqlite::Result<()> {
    let mut put = transaction.prepare_cached(
        "INSERT INTO collection (scope, name, place) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET place = excluded.place",
    )?;
    for (collection, place) in places {
        let place = place.as_ref().map(|place| &place.0);
        put.execute((scope.0, collection.as_str(), place))?;
    }
    Ok(())
}
