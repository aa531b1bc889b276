//! One process at a time: an advisory lock that the operating system releases with the process.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{LedgerError, Result};

/// Who holds a ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The command, without secrets.
    pub command: String,
    /// Its process.
    pub process_id: u32,
    /// The machine.
    pub host: String,
    /// Since when, as the caller writes time.
    pub started: String,
}

/// The lock, held until it is dropped or the process ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock and writes down who has it.
    pub(crate) fn take(directory: &Path, holder: &Holder) -> Result<Self> {
        let path = directory.join("ledger.lock");
        let mut file = open(&path).map_err(|source| unusable(&path, source))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held(path)),
            Err(TryLockError::Error(source)) => return Err(unusable(&path, source)),
        }
        write_holder(&mut file, holder).map_err(|source| unusable(&path, source))?;
        Ok(Self { _file: file })
    }
}

/// Opens the lock file without touching what the holder wrote.
fn open(path: &Path) -> io::Result<File> {
    crate::schema::private(
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false),
    )
    .open(path)
}

fn write_holder(file: &mut File, holder: &Holder) -> io::Result<()> {
    let text = serde_json::to_vec(holder)?;
    file.set_len(0)?;
    file.write_all(&text)
}

/// The holder may be between taking the lock and writing its name; it is then not named.
fn held(path: PathBuf) -> LedgerError {
    let text = fs_err::read(&path).unwrap_or_default();
    let holder = serde_json::from_slice(&text).ok().map(Box::new);
    LedgerError::Held { holder, path }
}

fn unusable(path: &Path, source: io::Error) -> LedgerError {
    LedgerError::Open {
        path: path.to_owned(),
        source: source.into(),
    }
}
