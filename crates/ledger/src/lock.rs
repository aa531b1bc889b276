//! One process at a time has a ledger, or several have a flow of it each: advisory locks that the
//! operating system releases with the process.
//!
//! Whoever has a flow shares the whole, so that nobody takes the whole meanwhile.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use syncline_model::Digest;

use crate::{LedgerError, Result};

/// The file by which the whole ledger is held, alone or shared by those who hold a flow.
const WHOLE: &str = "ledger.lock";
/// The folder of files by which single flows are held.
const FLOWS: &str = "flows";
/// The file by which the ledger file is made by one process only.
const TURN: &str = "ledger.turn";

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

/// The locks, held until they are dropped or the process ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _whole: File,
    _flow: Option<File>,
}

impl Lock {
    /// Takes the whole ledger, with all its flows, and writes down who has it.
    pub(crate) fn take(directory: &Path, holder: &Holder) -> Result<Self> {
        let path = directory.join(WHOLE);
        let mut file = open(&path).map_err(|source| unusable(&path, source))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held(&file, directory)),
            Err(TryLockError::Error(source)) => return Err(unusable(&path, source)),
        }
        write_holder(&mut file, holder).map_err(|source| unusable(&path, source))?;
        Ok(Self {
            _whole: file,
            _flow: None,
        })
    }

    /// Takes one flow and writes down who has it; other flows go on beside it.
    pub(crate) fn take_flow(directory: &Path, flow: &Digest, holder: &Holder) -> Result<Self> {
        let path = directory.join(WHOLE);
        let whole = open(&path).map_err(|source| unusable(&path, source))?;
        match whole.try_lock_shared() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held_by_writer_of(path)),
            Err(TryLockError::Error(source)) => return Err(unusable(&path, source)),
        }
        let folder = directory.join(FLOWS);
        crate::schema::create_directory(&folder)?;
        let path = folder.join(format!("{flow}.lock"));
        let mut file = open(&path).map_err(|source| unusable(&path, source))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = holder_in(&path);
                return Err(LedgerError::FlowHeld { holder, path });
            }
            Err(TryLockError::Error(source)) => return Err(unusable(&path, source)),
        }
        write_holder(&mut file, holder).map_err(|source| unusable(&path, source))?;
        Ok(Self {
            _whole: whole,
            _flow: Some(file),
        })
    }

    /// Waits for its turn to bring the ledger file into being or up to date, which two flows that
    /// begin together would do twice; the turn ends when what is returned is dropped.
    pub(crate) fn turn(directory: &Path) -> Result<File> {
        let path = directory.join(TURN);
        let file = open(&path).map_err(|source| unusable(&path, source))?;
        file.lock().map_err(|source| unusable(&path, source))?;
        Ok(file)
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

/// Who keeps the whole ledger from being taken: one process that has it all, or a flow.
fn held(whole: &File, directory: &Path) -> LedgerError {
    let path = directory.join(WHOLE);
    if whole.try_lock_shared().is_err() {
        return held_by_writer_of(path);
    }
    let folder = directory.join(FLOWS);
    let files = fs_err::read_dir(&folder).into_iter().flatten().flatten();
    let taken = files.map(|entry| entry.path()).find(|path| {
        let file = open(path);
        file.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
    });
    match taken {
        Some(flow) => LedgerError::Held {
            holder: holder_in(&flow),
            path: flow,
        },
        // It ended this very moment.
        None => LedgerError::Held { holder: None, path },
    }
}

fn held_by_writer_of(path: PathBuf) -> LedgerError {
    LedgerError::Held {
        holder: holder_in(&path),
        path,
    }
}

/// The holder may be between taking the lock and writing its name; it is then not named.
fn holder_in(path: &Path) -> Option<Box<Holder>> {
    let text = fs_err::read(path).unwrap_or_default();
    serde_json::from_slice(&text).ok().map(Box::new)
}

fn unusable(path: &Path, source: io::Error) -> LedgerError {
    LedgerError::Open {
        path: path.to_owned(),
        source: source.into(),
    }
}
