//! Which tables a folder has, and what their files declare.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use syncline_model::{Collection, CollectionName, Field, FieldKind, KeyField};
use syncline_store::{ErrorKind, Result, StoreError};

use super::dialect::Dialect;
use super::manifest::{self, Listing, Manifest};
use super::rows::Rows;
#[cfg(feature = "parquet")]
use crate::parquet::{FileColumn, Layout};

/// How a file holds its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableFormat {
    /// Rows of cells under a header.
    Csv,
    /// One JSON object per line.
    Jsonl,
    /// Typed columns; not in every build.
    Parquet,
}

/// What is declared about the tables of a folder, or about one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableSettings {
    /// The name of the file, where it is not the name of the table.
    pub file: Option<String>,
    /// How cells are written; the extension decides whether there are any.
    pub dialect: Option<Dialect>,
    /// The columns of the key.
    pub key: Vec<String>,
}

/// One table.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: CollectionName,
    /// Its file as messages call it.
    pub(super) unit: Arc<str>,
    pub(super) path: PathBuf,
    pub(super) format: TableFormat,
    pub(super) dialect: Dialect,
    key: Vec<String>,
    /// Why its file, read to its end, does not hold all records.
    pub(super) partial: Option<&'static str>,
    /// The manifest that calls its file absent.
    pub(super) absent_in: Option<PathBuf>,
}

impl Table {
    /// An error if the file is not there.
    pub(super) fn require(&self) -> Result<()> {
        if self.path.is_file() {
            return Ok(());
        }
        let message = format!("{} is not there", self.path.display());
        Err(StoreError::new(ErrorKind::NotFound, message)
            .with_hint("a missing file is never taken for an empty one"))
    }

    /// The collection as far as the file says: its columns, and its key if one is declared.
    pub(super) fn describe(&self) -> Result<Collection> {
        let mut collection = Collection::named(self.name.clone());
        if self.format == TableFormat::Csv && self.path.is_file() {
            let columns = Rows::open(self)?.columns().to_vec();
            let fields = columns.into_iter();
            collection.fields = fields
                .map(|name| Field::new(name, FieldKind::Text))
                .collect();
        }
        #[cfg(feature = "parquet")]
        if self.format == TableFormat::Parquet && self.path.is_file() {
            let layout = Layout::of(&self.path)?;
            collection.fields = layout.columns.iter().map(FileColumn::field).collect();
        }
        for name in &self.key {
            let is_known = collection.fields.is_empty() || collection.field(name).is_some();
            if !is_known {
                let message = format!("{} has no column `{name}` for its key", self.path.display());
                return Err(StoreError::new(ErrorKind::Configuration, message));
            }
        }
        let key = self.key.iter().map(|name| KeyField {
            name: name.clone(),
            path: vec![name.clone()],
        });
        collection.key = key.collect();
        Ok(collection)
    }
}

/// The tables of a folder, those included that a manifest calls absent.
pub(super) fn find(
    folder: &Path,
    shared: &TableSettings,
    declared: &BTreeMap<String, TableSettings>,
) -> Result<BTreeMap<CollectionName, Arc<Table>>> {
    let mut files = files_of(folder)?;
    let manifest = Manifest::of(folder)?;
    if let Some(manifest) = &manifest {
        manifest.require(folder)?;
        let names = manifest.tables.keys();
        files = names
            .map(|name| (name.clone(), format!("{name}.csv")))
            .collect();
    }
    let mut tables = BTreeMap::new();
    for (name, settings) in declared {
        let file = settings.file.clone();
        let file = file.or_else(|| files.get(name).cloned());
        let file = file.unwrap_or_else(|| format!("{name}.csv"));
        files.retain(|_, other| *other != file);
        let dialect = settings.dialect.clone().or_else(|| shared.dialect.clone());
        let key = settings.key.clone();
        tables.insert(name.clone(), (file, dialect, key));
    }
    for (name, file) in files {
        tables.insert(name, (file, shared.dialect.clone(), vec![]));
    }
    let table = |(name, (file, dialect, key)): (String, (String, Option<Dialect>, Vec<String>))| {
        let format = format_of(&file).ok_or_else(|| unknown_format(folder, &file))?;
        let name_of = CollectionName::new(name.as_str());
        let listing = manifest.as_ref().and_then(|one| one.listing(&file));
        let is_absent = listing == Some(Listing::Absent);
        let manifest = manifest.as_ref().filter(|_| is_absent);
        let table = Table {
            name: name_of.clone(),
            unit: file.as_str().into(),
            path: folder.join(&file),
            format,
            dialect: dialect.unwrap_or_else(|| default_dialect(&file)),
            key,
            partial: (listing == Some(Listing::Delta)).then_some("the manifest calls it a delta"),
            absent_in: manifest.map(|one| one.path().to_owned()),
        };
        table.dialect.encoding()?;
        Ok((name_of, Arc::new(table)))
    };
    tables.into_iter().map(table).collect()
}

fn files_of(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    if !folder.exists() {
        return Ok(files);
    }
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let Some((stem, _)) = name.rsplit_once('.').filter(|_| !name.starts_with('.')) else {
            continue;
        };
        if format_of(&name).is_none() || name == manifest::FILE || !entry.path().is_file() {
            continue;
        }
        if let Some(other) = files.insert(stem.to_owned(), name.clone()) {
            let message = format!(
                "{} has {other} and {name}, which are one table by their names",
                folder.display()
            );
            return Err(StoreError::new(ErrorKind::Configuration, message)
                .with_hint("name the file that is meant, as `file` of a table, or move one away"));
        }
    }
    Ok(files)
}

fn format_of(file: &str) -> Option<TableFormat> {
    let (_, extension) = file.rsplit_once('.')?;
    match extension.to_ascii_lowercase().as_str() {
        "csv" | "tsv" | "txt" => Some(TableFormat::Csv),
        "jsonl" | "ndjson" => Some(TableFormat::Jsonl),
        "parquet" if cfg!(feature = "parquet") => Some(TableFormat::Parquet),
        _ => None,
    }
}

fn default_dialect(file: &str) -> Dialect {
    let is_tabbed = file.to_ascii_lowercase().ends_with(".tsv");
    Dialect {
        delimiter: if is_tabbed { b'\t' } else { b',' },
        ..Dialect::default()
    }
}

fn unknown_format(folder: &Path, file: &str) -> StoreError {
    let message = format!("{} is no file of tables", folder.join(file).display());
    let parquet = if cfg!(feature = "parquet") {
        ""
    } else {
        "; Parquet is not in this build"
    };
    StoreError::new(ErrorKind::Configuration, message).with_hint(format!(
        "tables are files that end in .csv, .tsv, .txt, .jsonl, .ndjson or .parquet{parquet}"
    ))
}
