//! A folder as a target: one file per collection, JSONL, CSV or Parquet.
//!
//! A file is written beside (`students.jsonl.part`) and takes the place of the one before it only
//! when its collection is complete. Until then nothing that was there is touched, whatever
//! happens; a part that is not completed is removed, or, after a kill, overwritten by the next
//! run. A collection that turns out empty empties a file that is already there, which would
//! otherwise pass for fresh; where there is none, an empty one is written only if asked for.
//!
//! JSONL lines are the payloads byte by byte. A payload with line breaks in it is written without
//! the whitespace around its values, because a line must stay one line; these are counted.

mod csv;
mod flatten;
mod keys;
mod part;
mod table;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use syncline_model::{
    Catalog, Change, ChangeKind, Collection, CollectionName, Done, FailureClass, Mark, Outcome,
    Refusal, StoreIdentity,
};
use syncline_store::{BatchStream, ErrorKind, Query, Result, Store, StoreError, WriteContext};

use crate::Column;
#[cfg(feature = "parquet")]
pub(crate) use flatten::each_cell;
pub use keys::KeyFilter;
use part::Part;
pub(crate) use part::{create, one_line, with_ending};

/// How files are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// One payload per line, as it is.
    Jsonl,
    /// A table: members of objects as columns `a.b`, lists as JSON text.
    Csv,
    /// The same table with typed columns; not in every build.
    Parquet,
}

impl FileFormat {
    /// Whether this build can write it.
    pub const fn is_in_build(self) -> bool {
        !matches!(self, Self::Parquet) || cfg!(feature = "parquet")
    }

    /// The extension of its files.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }
}

/// A folder that collections are written into.
#[derive(Debug)]
pub struct FilesTarget {
    folder: PathBuf,
    format: FileFormat,
    empty_files: bool,
    keys: Arc<KeyFilter>,
    columns: BTreeMap<CollectionName, Vec<Column>>,
    stems: BTreeMap<CollectionName, String>,
    parts: Mutex<BTreeMap<CollectionName, Arc<Mutex<Part>>>>,
    compacted: Arc<AtomicU64>,
    notes: Mutex<Vec<String>>,
}

impl FilesTarget {
    /// A target for some collections; the folder is made when the first file is. Collections are
    /// named by their short names; where two have the same, by namespace and name.
    pub fn new<'name>(
        folder: &Path,
        format: FileFormat,
        collections: impl IntoIterator<Item = &'name CollectionName>,
    ) -> Self {
        Self {
            folder: folder.to_owned(),
            format,
            empty_files: false,
            keys: Arc::default(),
            columns: BTreeMap::new(),
            stems: stems(collections),
            parts: Mutex::default(),
            compacted: Arc::default(),
            notes: Mutex::default(),
        }
    }

    /// The same target, with a file also for a collection that has no records.
    pub fn with_empty_files(mut self) -> Self {
        self.empty_files = true;
        self
    }

    /// The same target, writing only some members of each record.
    pub fn with_keys(mut self, keys: KeyFilter) -> Self {
        self.keys = Arc::new(keys);
        self
    }

    /// The same target, which knows the columns of tables before it sees records. All of them are
    /// in a Parquet file, as far as they belong to members that are written.
    pub fn with_columns(mut self, columns: BTreeMap<CollectionName, Vec<Column>>) -> Self {
        self.columns = columns;
        self
    }

    /// The file of a collection.
    pub fn path(&self, collection: &CollectionName) -> PathBuf {
        let stem = self.stems.get(collection);
        let stem = stem.map_or_else(|| collection.short(), String::as_str);
        self.folder
            .join(format!("{stem}.{}", self.format.extension()))
    }

    /// Payloads that were written without their line breaks.
    pub fn compacted(&self) -> u64 {
        self.compacted.load(Ordering::Relaxed)
    }

    /// What a person should know of the files written so far.
    pub fn notes(&self) -> Vec<String> {
        lock(&self.notes).clone()
    }

    /// The part of a collection, begun if it is not yet.
    fn part(&self, collection: &CollectionName) -> Result<Arc<Mutex<Part>>> {
        let mut parts = lock(&self.parts);
        if let Some(part) = parts.get(collection) {
            return Ok(Arc::clone(part));
        }
        if !self.format.is_in_build() {
            let message = format!("this build cannot write {:?}", self.format);
            return Err(StoreError::new(ErrorKind::Unsupported, message));
        }
        fs_err::create_dir_all(&self.folder)?;
        let declared = self.columns.get(collection).into_iter().flatten();
        let declared = declared.filter(|column| self.keys.keeps_column(&column.name));
        let begun = Part::begin(&self.path(collection), self.format, declared.cloned())?;
        let part = Arc::new(Mutex::new(begun));
        parts.insert(collection.clone(), Arc::clone(&part));
        Ok(part)
    }

    /// Whether a collection without records is to have a file.
    fn wants_empty(&self, collection: &CollectionName) -> bool {
        self.empty_files || self.path(collection).exists()
    }
}

#[async_trait]
impl Store for FilesTarget {
    async fn describe(&self) -> Result<Catalog> {
        let identity = StoreIdentity(format!("files:{}", self.folder.display()));
        Ok(Catalog::empty(identity))
    }

    async fn read(&self, _: Query) -> Result<BatchStream> {
        let message = "a folder that is written is not read by the same store";
        Err(StoreError::new(ErrorKind::Unsupported, message))
    }

    async fn write(&self, changes: &[Change], context: &WriteContext) -> Result<Vec<Outcome>> {
        if let Some(other) = changes.iter().find(|change| !is_write(change)) {
            let message = format!("a file cannot be changed by a {:?}", other.kind);
            let refusal = Refusal::new(FailureClass::Unsupported, 0, message.to_lowercase());
            return Ok(vec![Outcome::Refused(refusal); changes.len()]);
        }
        let part = self.part(&context.collection.name)?;
        let payloads: Vec<Bytes> = changes
            .iter()
            .filter_map(|change| Some(change.after.as_ref()?.payload.clone()))
            .collect();
        let written = payloads.len();
        let keys = Arc::clone(&self.keys);
        let compacted = on_a_thread(move || {
            let chosen: Result<Vec<Bytes>> = payloads.iter().map(|one| keys.apply(one)).collect();
            lock(&part).add(&chosen?)
        })
        .await?;
        self.compacted.fetch_add(compacted, Ordering::Relaxed);
        let done = Outcome::Done {
            done: Done::Created,
            handle: None,
            status: 0,
        };
        Ok(vec![done; written])
    }

    async fn confirm(&self, _: &Mark) -> Result<()> {
        Ok(())
    }

    /// The file takes its place.
    async fn complete(&self, collection: &Collection) -> Result<()> {
        let name = &collection.name;
        let begun = lock(&self.parts).remove(name);
        let part = match begun {
            Some(part) => part,
            None if self.wants_empty(name) => {
                let part = self.part(name)?;
                lock(&self.parts).remove(name);
                part
            }
            None => return Ok(()),
        };
        let found = on_a_thread(move || lock(&part).complete()).await?;
        let found = found
            .into_iter()
            .map(|note| format!("{}: {note}", name.short()));
        lock(&self.notes).extend(found);
        Ok(())
    }
}

/// Work on files, where it does not keep others waiting.
async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| {
            let message = "a file could not be written to its end";
            Err(StoreError::new(ErrorKind::Local, message).with_source(error))
        })
}

const fn is_write(change: &Change) -> bool {
    matches!(change.kind, ChangeKind::Create | ChangeKind::Update) && change.after.is_some()
}

fn stems<'name>(
    collections: impl IntoIterator<Item = &'name CollectionName>,
) -> BTreeMap<CollectionName, String> {
    let mut by_short: BTreeMap<String, Vec<&CollectionName>> = BTreeMap::new();
    for name in collections {
        let short = name.short().to_lowercase();
        by_short.entry(short).or_default().push(name);
    }
    let named = by_short.into_values().flat_map(|names| {
        let alone = names.len() == 1;
        names.into_iter().map(move |name| {
            let stem = if alone {
                name.short().to_owned()
            } else {
                format!("{}.{}", name.namespace(), name.short())
            };
            (name.clone(), stem)
        })
    });
    named.collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collections_of_one_name_have_files_of_their_own() {
        let names = ["ed-fi/students", "ed-fi/candidates", "tpdm/Candidates"];
        let names = names.map(CollectionName::new);
        let target = FilesTarget::new(Path::new("out"), FileFormat::Csv, &names);
        let paths = names.map(|name| target.path(&name).display().to_string());
        assert_eq!(
            paths,
            [
                "out/students.csv",
                "out/ed-fi.candidates.csv",
                "out/tpdm.Candidates.csv"
            ]
        );
    }
}
