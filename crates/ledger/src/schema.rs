//! The tables, how a ledger file comes to be, and which files are not ledgers.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::{LedgerError, Result};

/// Marks the file as ours among SQLite files: `SyLe` in ASCII.
const APPLICATION: i64 = 0x5379_4c65;
/// The newest format this program knows.
const VERSION: i64 = 5;
/// The format from which on lines of another program are kept.
const WITH_IMPORTED: i64 = 2;
/// The format from which on it is known how far unfinished readings came.
const WITH_PLACES: i64 = 3;
/// The format from which on what lists told is kept until the run that reads them is finished.
const WITH_LISTS: i64 = 4;
/// The format from which on changes are known that are on their way.
const WITH_UNDER_WAY: i64 = 5;
/// How long a connection waits for another one that is about to finish.
const PATIENCE: Duration = Duration::from_secs(20);
/// Statements each connection keeps compiled.
const STATEMENTS: usize = 32;

/// What brings a file to each format from the one before; the first makes the file.
const STEPS: [(i64, &str); 5] = [
    (1, TABLES),
    (WITH_IMPORTED, IMPORTED),
    (WITH_PLACES, PLACES),
    (WITH_LISTS, LISTS),
    (WITH_UNDER_WAY, UNDER_WAY),
];

const TABLES: &str = "
CREATE TABLE scope (
    id INTEGER PRIMARY KEY,
    target TEXT NOT NULL, -- identity of the store
    source TEXT NOT NULL, -- name of the flow
    UNIQUE (target, source)
) STRICT;
CREATE TABLE collection (
    id INTEGER PRIMARY KEY,
    scope INTEGER NOT NULL REFERENCES scope (id),
    name TEXT NOT NULL,
    held INTEGER NOT NULL DEFAULT 0, -- keys the target is believed to hold
    mark TEXT, -- how far the source was read, committed
    UNIQUE (scope, name)
) STRICT;
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    scope INTEGER NOT NULL REFERENCES scope (id),
    command TEXT NOT NULL,
    started INTEGER NOT NULL, -- Unix seconds
    ended INTEGER,
    outcome TEXT,
    counts TEXT -- JSON
) STRICT;
CREATE TABLE record (
    collection INTEGER NOT NULL,
    key BLOB NOT NULL, -- xxh3-128 of the canonical key
    digest BLOB NOT NULL, -- of what was last sent
    held BLOB, -- if owed: digest of what the target is believed to hold
    status INTEGER NOT NULL, -- of the last answer
    outcome INTEGER NOT NULL, -- 1 created, 2 updated, 3 unchanged, 10 and more: owed
    at INTEGER NOT NULL, -- Unix seconds
    run INTEGER NOT NULL,
    handle TEXT, -- the target's name for the record
    PRIMARY KEY (collection, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE owed (
    id INTEGER PRIMARY KEY,
    collection INTEGER NOT NULL,
    key BLOB NOT NULL,
    class INTEGER NOT NULL, -- as record.outcome
    reason TEXT NOT NULL,
    key_text TEXT NOT NULL,
    payload BLOB NOT NULL, -- empty for a delete
    origin TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    first_at INTEGER NOT NULL, -- Unix seconds
    UNIQUE (collection, key)
) STRICT;
CREATE INDEX owed_by_class ON owed (collection, class);
";

const IMPORTED: &str = "
CREATE TABLE imported (
    collection INTEGER NOT NULL,
    md5 BLOB NOT NULL, -- of the line as another program sent it
    at INTEGER NOT NULL, -- Unix seconds
    status INTEGER NOT NULL, -- of the last answer
    PRIMARY KEY (collection, md5)
) STRICT, WITHOUT ROWID;
CREATE TABLE imported_gone (
    collection INTEGER NOT NULL,
    key BLOB NOT NULL, -- of a record that was deleted, or that is to be sent anew
    at INTEGER NOT NULL, -- Unix seconds; what was imported says nothing about earlier times
    PRIMARY KEY (collection, key)
) STRICT, WITHOUT ROWID;
";

const PLACES: &str = "
ALTER TABLE collection ADD COLUMN place TEXT; -- how far a reading came that is not finished
";

const LISTS: &str = "
ALTER TABLE collection ADD COLUMN lists TEXT; -- how far lists came of a run that is not finished
CREATE TABLE gone (
    collection INTEGER NOT NULL,
    key BLOB NOT NULL, -- of a record that the source no longer has
    text TEXT NOT NULL, -- the key itself
    PRIMARY KEY (collection, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE moved (
    collection INTEGER NOT NULL,
    key BLOB NOT NULL, -- that a record no longer has
    now TEXT NOT NULL, -- the key that it has
    PRIMARY KEY (collection, key)
) STRICT, WITHOUT ROWID;
";

const UNDER_WAY: &str = "
CREATE TABLE under_way (
    collection INTEGER NOT NULL,
    key BLOB NOT NULL, -- that the target may hold otherwise than is known
    text TEXT NOT NULL, -- the key itself
    changes INTEGER NOT NULL, -- on their way, without a durable outcome
    PRIMARY KEY (collection, key)
) STRICT, WITHOUT ROWID;
";

/// Where the ledger file of a state directory is.
pub(crate) fn file_in(directory: &Path) -> PathBuf {
    directory.join("ledger.sqlite")
}

/// Makes the state directory if need be, for this user only.
pub(crate) fn create_directory(directory: &Path) -> Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(directory)
        .map_err(|source| LedgerError::Open {
            path: directory.to_owned(),
            source: source.into(),
        })
}

/// Lets only this user read a file that is about to be made.
pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// Opens the ledger file for writing; makes it if there is none.
pub(crate) fn open_writer(path: &Path) -> Result<Connection> {
    // SQLite gives its own files the permissions of the first one, which is therefore made here.
    private(OpenOptions::new().append(true).create(true))
        .open(path)
        .map_err(|source| LedgerError::Open {
            path: path.to_owned(),
            source: source.into(),
        })?;
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let found = check(&connection, path)?;
    prepare_writer(&mut connection, found)
        .map_err(|source| LedgerError::from_sqlite(path, source))?;
    Ok(connection)
}

/// Opens the ledger file for reading only, whoever is writing it. It may have an older format.
pub(crate) fn open_reader(path: &Path) -> Result<Connection> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    if check(&connection, path)? == 0 {
        return Err(LedgerError::Damaged {
            path: path.to_owned(),
            source: "it has no tables".into(),
        });
    }
    Ok(connection)
}

fn connect(path: &Path, access: OpenFlags) -> Result<Connection> {
    let connect = || {
        let connection =
            Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(PATIENCE)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(connection)
    };
    connect().map_err(|source| LedgerError::from_sqlite(path, source))
}

/// What a file of some format can hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Format(i64);

impl Format {
    /// That of files which are written.
    pub(crate) const NEWEST: Self = Self(VERSION);

    pub(crate) fn of(connection: &Connection) -> rusqlite::Result<Self> {
        let question = "SELECT user_version FROM pragma_user_version";
        connection.query_row(question, [], |row| row.get(0).map(Self))
    }

    /// Lines of another program.
    pub(crate) const fn holds_imported(self) -> bool {
        self.0 >= WITH_IMPORTED
    }

    /// Places of unfinished readings.
    pub(crate) const fn holds_places(self) -> bool {
        self.0 >= WITH_PLACES
    }

    /// What lists told.
    pub(crate) const fn holds_lists(self) -> bool {
        self.0 >= WITH_LISTS
    }

    /// Changes that are on their way.
    pub(crate) const fn holds_under_way(self) -> bool {
        self.0 >= WITH_UNDER_WAY
    }
}

/// Refuses files that are not ours or not known; the format of the others, 0 if the file is empty
/// so far.
fn check(connection: &Connection, path: &Path) -> Result<i64> {
    let facts = connection.query_row(
        "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)
         FROM pragma_application_id, pragma_user_version",
        [],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    );
    match facts.map_err(|source| LedgerError::from_sqlite(path, source))? {
        (0, 0, 0) => Ok(0),
        (APPLICATION, found, _) if found > VERSION => Err(LedgerError::Newer {
            path: path.to_owned(),
            found,
            known: VERSION,
        }),
        (APPLICATION, found, _) if found > 0 => Ok(found),
        _ => Err(LedgerError::Damaged {
            path: path.to_owned(),
            source: "it is the database of another program".into(),
        }),
    }
}

fn prepare_writer(connection: &mut Connection, found: i64) -> rusqlite::Result<()> {
    // Each commit is on disk before it returns. Keys are scattered, so a batch touches most pages
    // of a small file: a log of up to 256 MiB is folded into the file at once, which writes each
    // page once, and keeps its room, as taking it anew for every log costs much of what writing
    // does. Only 24 MiB of pages are kept at hand, so that a run takes the same memory whatever
    // its size; the operating system keeps the rest.
    connection.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA cache_size = -24576;
         PRAGMA wal_autocheckpoint = 65536;
         PRAGMA journal_size_limit = 268435456;",
    )?;
    if found == VERSION {
        return Ok(());
    }
    let transaction = connection.transaction()?;
    for (_, step) in STEPS.iter().filter(|(version, _)| *version > found) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}
