//! Making commits durable together: one flush of the journal answers for every commit before it.
//!
//! A commit writes to the journal and leaves it to the operating system when that reaches the
//! disk, so that the database is never held up by it. Whoever acknowledges a commit waits here;
//! those who come while a flush is under way share the next one.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};

use fs_err::File;
use tokio::sync::oneshot;

/// Told whether the flush that was waited for has succeeded.
type Waiter = oneshot::Sender<bool>;

/// Flushes a journal for as many as wait at once; its thread ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Flusher {
    waiters: Sender<Waiter>,
}

/// A flush could not be made: what was committed may not outlive a loss of power.
#[derive(Debug, thiserror::Error)]
#[error("the journal of the database cannot be flushed")]
pub(crate) struct FlushError;

impl Flusher {
    /// Begins for the journal at this path, which need not be there before the first commit.
    pub(crate) fn start(journal: PathBuf) -> io::Result<Self> {
        let (waiters, queue) = channel();
        std::thread::Builder::new()
            .name("sandbox-flush".to_owned())
            .spawn(move || serve(&journal, &queue))?;
        Ok(Self { waiters })
    }

    /// Comes back when everything committed before this call is on disk.
    pub(crate) async fn flushed(&self) -> Result<(), FlushError> {
        let (waiter, told) = oneshot::channel();
        self.waiters.send(waiter).ok().ok_or(FlushError)?;
        match told.await {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(FlushError),
        }
    }
}

fn serve(journal: &PathBuf, queue: &Receiver<Waiter>) {
    let mut file = None;
    while let Ok(first) = queue.recv() {
        // Only those who wait before the flush begins may be told of it.
        let waiting: Vec<Waiter> = std::iter::once(first).chain(queue.try_iter()).collect();
        let flushed = flush(journal, &mut file);
        if let Err(error) = &flushed {
            tracing::error!(%error, "cannot flush the journal");
        }
        for waiter in waiting {
            // Whoever has gone away does not want to know.
            let _gone = waiter.send(flushed.is_ok());
        }
    }
}

fn flush(journal: &PathBuf, file: &mut Option<File>) -> io::Result<()> {
    let open = match file.take() {
        Some(open) => open,
        None => fs_err::OpenOptions::new()
            .read(true)
            .write(true)
            .open(journal)?,
    };
    open.sync_data()?;
    *file = Some(open);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everyone_who_waits_is_told_and_a_missing_journal_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("journal");
        let flusher = Flusher::start(journal.clone()).unwrap();
        assert!(flusher.flushed().await.is_err());
        fs_err::write(&journal, "x").unwrap();
        let all = futures_util::future::join_all((0..100).map(|_| flusher.flushed())).await;
        assert!(all.iter().all(Result::is_ok));
    }
}
