//! Frozen views of the whole database, in the style of the version imitated.
//!
//! A snapshot is a copy: it costs what the data takes, and no later write reaches it. With a data
//! file the copies lie beside it (`NAME.snapshot-IDENTIFIER`) and outlive the process.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use axum::response::Response;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::config::SnapshotStyle;
use super::items;
use super::problem::Problem;
use super::service::{Call, Service};
use super::{SandboxError, lock};
use crate::faults::mix;
use crate::storage::{Storage, StorageError};
use crate::web::respond::{header, json_response};

const TIME_NOTE: &str = "snapshot";
const LONGEST_IDENTIFIER: usize = 64;

/// What is known about a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotInfo {
    /// 32 hexadecimal digits.
    pub id: String,
    /// Name that clients of 5.4 and 6.2 ask for.
    pub identifier: String,
    /// When it was taken, ISO 8601 in UTC.
    pub taken: String,
}

#[derive(Debug)]
struct Snapshot {
    info: SnapshotInfo,
    storage: Arc<Mutex<Storage>>,
    file: Option<PathBuf>,
}

/// The snapshots of a server by identifier.
#[derive(Debug, Default)]
pub(crate) struct Snapshots(BTreeMap<String, Snapshot>);

impl Snapshots {
    /// The snapshots that lie beside a data file.
    pub(crate) fn open(data: Option<&Path>) -> Result<Self, StorageError> {
        let mut snapshots = Self::default();
        for (identifier, file) in data.map(beside).unwrap_or_default() {
            let storage = Storage::open(Some(&file))?;
            let taken = storage.note(TIME_NOTE)?.unwrap_or_default();
            snapshots.add(&identifier, taken, storage, Some(file));
        }
        Ok(snapshots)
    }

    fn add(
        &mut self,
        identifier: &str,
        taken: String,
        storage: Storage,
        file: Option<PathBuf>,
    ) -> SnapshotInfo {
        let number = |seed: u64| {
            identifier
                .bytes()
                .fold(seed, |sum, byte| mix(sum ^ u64::from(byte)))
        };
        let info = SnapshotInfo {
            id: format!("{:016x}{:016x}", number(1), number(2)),
            identifier: identifier.to_owned(),
            taken,
        };
        let storage = Arc::new(Mutex::new(storage));
        let snapshot = Snapshot {
            info: info.clone(),
            storage,
            file,
        };
        self.0.insert(identifier.to_owned(), snapshot);
        info
    }

    /// All of them, the oldest first.
    pub(crate) fn list(&self) -> Vec<SnapshotInfo> {
        let mut list: Vec<SnapshotInfo> = self.0.values().map(|one| one.info.clone()).collect();
        list.sort_by(|left, right| left.taken.cmp(&right.taken));
        list
    }

    fn named(&self, identifier: &str) -> Option<Arc<Mutex<Storage>>> {
        self.0.get(identifier).map(|one| Arc::clone(&one.storage))
    }

    fn newest(&self) -> Option<Arc<Mutex<Storage>>> {
        let newest = self
            .0
            .values()
            .max_by(|left, right| left.info.taken.cmp(&right.info.taken));
        newest.map(|one| Arc::clone(&one.storage))
    }
}

impl Service {
    /// Freezes a view of the database under a name; an earlier one of that name is replaced.
    pub(crate) fn take_snapshot(&self, identifier: &str) -> Result<SnapshotInfo, SandboxError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if identifier.is_empty()
            || identifier.len() > LONGEST_IDENTIFIER
            || !identifier.bytes().all(fits)
        {
            return Err(SandboxError::SnapshotName {
                name: identifier.to_owned(),
            });
        }
        self.expire_snapshot(identifier);
        let file = self.metadata.config.data.as_deref();
        let file = file.map(|data| snapshot_file(data, identifier));
        let copy = self.storage().copy(file.as_deref())?;
        let taken = format!("{:.6}", self.now());
        copy.set_note(TIME_NOTE, &taken)?;
        Ok(lock(&self.snapshots).add(identifier, taken, copy, file))
    }

    /// Ends a snapshot; gives whether there was one. Requests under way finish.
    pub(crate) fn expire_snapshot(&self, identifier: &str) -> bool {
        let Some(snapshot) = lock(&self.snapshots).0.remove(identifier) else {
            return false;
        };
        if let Some(file) = snapshot.file {
            remove_database(&file);
        }
        true
    }

    /// What a read is answered from: the database as it is, or a snapshot the client names.
    pub(crate) fn view(&self, call: &Call) -> Result<Arc<Mutex<Storage>>, Problem> {
        match self.api().snapshots() {
            SnapshotStyle::Named => {
                let Some(identifier) = header(&call.headers, "snapshot-identifier") else {
                    return Ok(Arc::clone(&self.storage));
                };
                let found = lock(&self.snapshots).named(identifier);
                found.ok_or_else(Problem::snapshot_gone)
            }
            SnapshotStyle::Single => {
                let asked = header(&call.headers, "use-snapshot");
                if !asked.is_some_and(|text| text.trim().eq_ignore_ascii_case("true")) {
                    return Ok(Arc::clone(&self.storage));
                }
                lock(&self.snapshots)
                    .newest()
                    .ok_or_else(Problem::snapshot_missing)
            }
            SnapshotStyle::None => Ok(Arc::clone(&self.storage)),
        }
    }
}

/// Refuses a write that names a snapshot.
pub(crate) fn refuse_write(service: &Service, call: &Call) -> Result<(), Problem> {
    let name = match service.api().snapshots() {
        SnapshotStyle::Named => "snapshot-identifier",
        SnapshotStyle::Single => "use-snapshot",
        SnapshotStyle::None => return Ok(()),
    };
    let writes = matches!(call.method, Method::POST | Method::PUT | Method::DELETE);
    if writes && call.headers.contains_key(name) {
        return Err(Problem::snapshot_write());
    }
    Ok(())
}

/// A page of the list of snapshots, or one of them by id.
pub(crate) fn answer(
    service: &Service,
    call: &Call,
    id: Option<&str>,
) -> Result<Response, Problem> {
    if service.api().snapshots() != SnapshotStyle::Named {
        return Err(Problem::no_endpoint());
    }
    let entry = |info: &SnapshotInfo| {
        let taken = info.taken.split('.').next().unwrap_or_default();
        json!({"id": info.id, "snapshotIdentifier": info.identifier, "snapshotDateTime": taken})
    };
    let list = lock(&service.snapshots).list();
    let body = match id {
        None => {
            let window = items::offset_window(&call.query, service.api())?;
            let page = list.iter().skip(window.offset as usize);
            let page = page.take(window.limit as usize).map(entry);
            Value::from(page.collect::<Vec<_>>())
        }
        Some(id) => {
            let found = list.iter().find(|info| info.id == id);
            entry(found.ok_or_else(|| Problem::no_item("The specified item could not be found."))?)
        }
    };
    Ok(json_response(StatusCode::OK, &body))
}

/// Removes a database file and what SQLite keeps beside it.
pub(crate) fn remove_database(file: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let mut path = file.as_os_str().to_owned();
        path.push(suffix);
        if let Err(error) = fs_err::remove_file(PathBuf::from(path))
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "cannot remove a database file");
        }
    }
}

fn snapshot_file(data: &Path, identifier: &str) -> PathBuf {
    let mut path = data.as_os_str().to_owned();
    path.push(format!(".snapshot-{identifier}"));
    PathBuf::from(path)
}

/// Identifiers and files of the snapshots beside a data file.
pub(crate) fn beside(data: &Path) -> Vec<(String, PathBuf)> {
    let folder = data
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let prefix = data
        .file_name()
        .map(|name| format!("{}.snapshot-", name.to_string_lossy()));
    let entries = fs_err::read_dir(folder.unwrap_or(Path::new(".")));
    let (Some(prefix), Ok(entries)) = (prefix, entries) else {
        return Vec::new();
    };
    let names = entries.flatten().filter_map(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        let identifier = name.strip_prefix(&prefix)?;
        let auxiliary = ["-wal", "-shm"].iter().any(|end| identifier.ends_with(end));
        (!auxiliary).then(|| (identifier.to_owned(), entry.path()))
    });
    names.collect()
}
