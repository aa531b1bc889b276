//! Reading all that is known of a collection, a page at a time, the next one while this one is
//! used.
//!
//! A collection of one page is read where it is asked for; only a longer one is worth a thread.
//! The reading is at its end when a page says so, never because the thread is gone.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use rusqlite::{Connection, Row, params};

use crate::{Known, LedgerError, Result, column, schema};

const PAGE_ROWS: u32 = 8 * 1024;
/// Pages that wait to be used; one more is being read.
const PAGES_AHEAD: usize = 2;

/// What is known about a collection, in ascending key order; ends after an error.
#[derive(Debug)]
pub struct Scan {
    source: Source,
    page: std::vec::IntoIter<Known>,
}

/// Where the next page comes from.
#[derive(Debug)]
enum Source {
    /// There is none.
    Over,
    Here(Pages),
    Ahead(Ahead),
}

impl Scan {
    pub(crate) fn open(path: &Path, collection: Option<i64>) -> Result<Self> {
        let source = match collection {
            None => Source::Over,
            Some(collection) => Source::Here(Pages::open(path, collection)?),
        };
        Ok(Self {
            source,
            page: Vec::new().into_iter(),
        })
    }

    /// The next page; an empty one at the end.
    fn next_page(&mut self) -> Result<Vec<Known>> {
        match std::mem::replace(&mut self.source, Source::Over) {
            Source::Over => Ok(Vec::new()),
            Source::Here(mut pages) => {
                let page = pages.next_page()?;
                if page.len() == PAGE_ROWS as usize {
                    self.source = Source::Ahead(Ahead::start(pages)?);
                }
                Ok(page)
            }
            Source::Ahead(mut ahead) => {
                let page = ahead.next_page()?;
                if !page.is_empty() {
                    self.source = Source::Ahead(ahead);
                }
                Ok(page)
            }
        }
    }
}

impl Iterator for Scan {
    type Item = Result<Known>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(known) = self.page.next() {
            return Some(Ok(known));
        }
        match self.next_page() {
            Ok(page) => self.page = page.into_iter(),
            Err(error) => return Some(Err(error)),
        }
        self.page.next().map(Ok)
    }
}

/// The rows of a collection on a connection of their own.
#[derive(Debug)]
struct Pages {
    connection: Connection,
    path: PathBuf,
    collection: i64,
    /// The last key read; empty before the first.
    after: Vec<u8>,
}

impl Pages {
    fn open(path: &Path, collection: i64) -> Result<Self> {
        Ok(Self {
            connection: schema::open_reader(path)?,
            path: path.to_owned(),
            collection,
            after: Vec::new(),
        })
    }

    /// The next page; an empty one at the end.
    fn next_page(&mut self) -> Result<Vec<Known>> {
        let page = self
            .read_page()
            .map_err(|source| LedgerError::from_sqlite(&self.path, source))?;
        if let Some(last) = page.last() {
            self.after = last.key.as_bytes().to_vec();
        }
        Ok(page)
    }

    fn read_page(&self) -> rusqlite::Result<Vec<Known>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT key, digest, held, status, outcome, at FROM record
             WHERE collection = ?1 AND key > ?2 ORDER BY key LIMIT ?3",
        )?;
        let mut rows = statement.query(params![self.collection, self.after, PAGE_ROWS])?;
        let mut page = Vec::new();
        while let Some(row) = rows.next()? {
            page.push(known(row)?);
        }
        Ok(page)
    }
}

/// Pages read ahead by a thread, which ends with this.
#[derive(Debug)]
struct Ahead {
    pages: Option<Receiver<Result<Vec<Known>>>>,
    thread: Option<JoinHandle<()>>,
}

impl Ahead {
    fn start(pages: Pages) -> Result<Self> {
        let path = pages.path.clone();
        let (sender, receiver) = sync_channel(PAGES_AHEAD);
        let thread = Builder::new()
            .name("ledger scan".to_owned())
            .spawn(move || read_ahead(pages, &sender))
            .map_err(|source| LedgerError::Open {
                path,
                source: source.into(),
            })?;
        Ok(Self {
            pages: Some(receiver),
            thread: Some(thread),
        })
    }

    fn next_page(&mut self) -> Result<Vec<Known>> {
        if let Some(page) = self.pages.as_ref().and_then(|pages| pages.recv().ok()) {
            return page;
        }
        // The thread says when it is at the end, so it panicked: as if it had happened here.
        match self.thread.take().map(JoinHandle::join) {
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            _ => Ok(Vec::new()),
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        // A thread that nobody listens to ends with the page it reads.
        drop(self.pages.take());
        if let Some(thread) = self.thread.take() {
            // What it read is not wanted, nor is how it ended.
            let _ended = thread.join();
        }
    }
}

/// Reads pages to the end, which is an empty one or an error, or until nobody listens.
fn read_ahead(mut pages: Pages, sender: &SyncSender<Result<Vec<Known>>>) {
    loop {
        let page = pages.next_page();
        let is_last = page.as_ref().map_or(true, Vec::is_empty);
        if sender.send(page).is_err() || is_last {
            return;
        }
    }
}

/// A row of `key, digest, held, status, outcome, at`.
pub(crate) fn known(row: &Row<'_>) -> rusqlite::Result<Known> {
    let outcome = column::last_outcome(row, 4)?;
    let digest = column::digest(row, 1)?;
    let held = column::optional_digest(row, 2)?;
    Ok(Known {
        key: column::digest(row, 0)?,
        digest,
        held: if outcome.is_settled() {
            Some(digest)
        } else {
            held
        },
        status: row.get(3)?,
        outcome,
        at: row.get(5)?,
    })
}
