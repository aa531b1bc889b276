//! The store.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use syncline_model::{
    Capabilities, Catalog, Change, Collection, CollectionName, Mark, Outcome, PayloadRules, Scope,
    StoreIdentity,
};
use syncline_store::{BatchStream, ErrorKind, Query, Result, Store, StoreError, WriteContext};
use tempfile::NamedTempFile;

use crate::discover::{DataFile, DataFiles, LineKind, discover};
use crate::packed::{Unpacked, spool};
use crate::reader;
use crate::rejects::discover_rejects;

/// A folder of JSONL files.
#[derive(Clone, Debug)]
pub struct FilesStore {
    folder: PathBuf,
    files: DataFiles,
    unpacked: Unpacked,
    /// What came as a stream.
    _spool: Option<Arc<NamedTempFile>>,
}

impl FilesStore {
    /// Opens a folder and looks which files it holds. Files that appear later are not seen.
    pub fn open(folder: &Path) -> Result<Self> {
        Ok(Self {
            folder: folder.to_owned(),
            files: discover(folder)?,
            unpacked: Unpacked::default(),
            _spool: None,
        })
    }

    /// Opens a reject file; its collections carry their whole names.
    pub fn open_rejects(path: &Path) -> Result<Self> {
        Ok(Self {
            folder: path.to_owned(),
            files: discover_rejects(path)?,
            unpacked: Unpacked::default(),
            _spool: None,
        })
    }

    /// One collection whose records come as a stream, compressed or not. It is copied to a
    /// temporary file first, as records may have to be read again.
    pub fn open_stream(collection: &str, stream: impl Read) -> Result<Self> {
        let (spool, packing) = spool(stream)?;
        let file = DataFile {
            unit: "-".into(),
            stem: collection.to_owned(),
            path: spool.path().to_owned(),
            lines: LineKind::Records,
            packing,
        };
        let files = DataFiles {
            collections: [(collection.to_lowercase(), vec![file])].into(),
            others: vec![],
        };
        Ok(Self {
            folder: PathBuf::from("-"),
            files,
            unpacked: Unpacked::default(),
            _spool: Some(Arc::new(spool)),
        })
    }

    /// The folder, or the reject file.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The files found.
    pub const fn files(&self) -> &DataFiles {
        &self.files
    }
}

#[async_trait]
impl Store for FilesStore {
    /// Collections are named by their files alone; keys are the business of whoever compares.
    async fn describe(&self) -> Result<Catalog> {
        let identity = StoreIdentity(format!("files:{}", self.folder.display()));
        let stems = self
            .files
            .collections
            .values()
            .filter_map(|files| files.first());
        let collections: BTreeMap<_, _> = stems
            .map(|file| {
                let name = CollectionName::new(file.stem.as_str());
                let collection = Collection {
                    name: name.clone(),
                    key: vec![],
                    fields: vec![],
                    references: vec![],
                    rules: PayloadRules::default(),
                };
                (name, collection)
            })
            .collect();
        let capabilities = Capabilities {
            count: true,
            ..Capabilities::default()
        };
        Ok(Catalog {
            collections,
            capabilities,
            ..Catalog::empty(identity)
        })
    }

    /// Reads the files that are named as the collection is; none at all is an error, so that a missing file is never taken for an empty collection.
    async fn read(&self, query: Query) -> Result<BatchStream> {
        let is_asked_otherwise = matches!(
            query.scope,
            Scope::Matching(_) | Scope::Keys(_) | Scope::Linked(_)
        );
        if query.since.is_some() || is_asked_otherwise {
            let message = "a folder of files has no filters, no keys and no positions to read from";
            return Err(StoreError::new(ErrorKind::Unsupported, message));
        }
        let name = query.collection.name.short();
        let files = self.files.of_collection(&query.collection.name);
        if files.is_empty() {
            let message = format!("{} has no {name}.jsonl", self.folder.display());
            return Err(StoreError::new(ErrorKind::NotFound, message));
        }
        Ok(reader::stream(files.to_vec(), self.unpacked.clone(), query))
    }

    async fn write(&self, _: &[Change], _: &WriteContext) -> Result<Vec<Outcome>> {
        Err(StoreError::new(
            ErrorKind::Unsupported,
            "folders of files are read only as yet",
        ))
    }

    async fn confirm(&self, _: &Mark) -> Result<()> {
        Ok(())
    }
}
