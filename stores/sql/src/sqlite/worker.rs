//! A connection and its thread.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use syncline_store::{ErrorKind, Result, StoreError};
use tokio::sync::oneshot;

use super::ended;
use super::values::fault;
use crate::fault::Fault;

/// How long another writer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

type Work = Box<dyn FnOnce(&mut Connection) + Send>;

/// A connection on a thread of its own, which ends with it.
#[derive(Debug)]
pub(crate) struct Worker {
    work: mpsc::Sender<Work>,
    connection: Arc<Mutex<Connection>>,
}

impl Worker {
    /// Opens a file that is there.
    pub(crate) async fn open(path: &Path) -> Result<Self> {
        if !path.is_file() {
            let message = format!("{} is not there", path.display());
            return Err(StoreError::new(ErrorKind::NotFound, message)
                .with_hint("a database has to be made before it can be read or written"));
        }
        let (work, queue) = mpsc::channel::<Work>();
        let (opened, answer) = oneshot::channel();
        let path = path.to_owned();
        let thread = std::thread::Builder::new().name("sqlite".to_owned());
        let running = thread.spawn(move || {
            let connection = match connect(&path) {
                Ok(connection) => Arc::new(Mutex::new(connection)),
                Err(error) => {
                    let _unheard = opened.send(Err(error));
                    return;
                }
            };
            if opened.send(Ok(Arc::clone(&connection))).is_ok() {
                for work in queue {
                    work(&mut lock(&connection));
                }
            }
        });
        running.map_err(|error| StoreError::new(ErrorKind::Local, error.to_string()))?;
        let connection = answer.await.map_err(|_ended| ended())??;
        Ok(Self { work, connection })
    }

    /// Runs something and waits for what comes of it.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let (sender, answer) = oneshot::channel();
        self.start(move |connection| {
            let _unheard = sender.send(work(connection));
        });
        answer.await.map_err(|_ended| Fault::Store(ended()))?
    }

    /// Starts something.
    pub(crate) fn start(&self, work: impl FnOnce(&mut Connection) + Send + 'static) {
        // Work that nobody takes drops its answer, which is noticed.
        let _untaken = self.work.send(Box::new(work));
    }

    /// The connection itself, once what was started has ended. Whoever waits for the disk anyway has
    /// no use for another thread.
    pub(crate) fn connection(&self) -> MutexGuard<'_, Connection> {
        lock(&self.connection)
    }
}

fn lock(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

fn connect(path: &Path) -> Result<Connection> {
    let problem = |error: &rusqlite::Error| fault(error, None).into_error();
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| problem(&error))?;
    connection
        .busy_timeout(PATIENCE)
        .and_then(|()| {
            connection.execute_batch("PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF")
        })
        .map_err(|error| problem(&error))?;
    // Whether it is a database is seen at the first look.
    let looked = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()));
    looked.map_err(|error| {
        let message = format!("{} cannot be read: {error}", path.display());
        StoreError::new(ErrorKind::InvalidData, message)
    })?;
    Ok(connection)
}
