//! Which files hold which collection.
//!
//! A collection `students` is held by `students.jsonl` and by every file directly inside a
//! folder `students/`, with one of the extensions `jsonl`, `ndjson` or `json`, and `.gz` or `.zst`
//! after it where the file is compressed. Names are compared without case. Several files of one collection are read in the order of their names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use syncline_model::CollectionName;
use syncline_store::{ErrorKind, Result, StoreError};

/// Extensions of files that hold one JSON object per line.
const EXTENSIONS: [&str; 3] = ["jsonl", "ndjson", "json"];

/// The data files of a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DataFiles {
    /// Files by collection name in lower case, in the order in which they are read.
    pub collections: BTreeMap<String, Vec<DataFile>>,
    /// Other files and folders, by name; they are not read.
    pub others: Vec<String>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DataFile {
    /// Its name relative to the data folder, with `/`.
    pub unit: Arc<str>,
    /// Its stem as written, for messages and suggestions.
    pub stem: String,
    /// Its path.
    pub path: PathBuf,
    /// What its lines are.
    pub lines: LineKind,
    /// How it is compressed.
    pub packing: Packing,
}

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Packing {
    /// Not at all.
    None,
    /// By gzip.
    Gzip,
    /// By Zstandard.
    Zstd,
}

/// What the lines of a file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LineKind {
    /// Records.
    Records,
    /// Rejects: objects with a `collection` and a record as `body`.
    Rejects,
}

/// Looks through a folder, one level of subfolders deep.
pub fn discover(folder: &Path) -> Result<DataFiles> {
    let entries = sorted_entries(folder).map_err(|error| {
        StoreError::from(error).with_hint("give the folder that holds the *.jsonl files")
    })?;
    let mut found = DataFiles::default();
    for (name, path) in entries {
        let files = if path.is_dir() {
            files_inside(&name, &path)?
        } else {
            data_file(&name, None, &path).into_iter().collect()
        };
        if files.is_empty() {
            found.others.push(name);
        }
        for file in files {
            found
                .collections
                .entry(file.stem.to_lowercase())
                .or_default()
                .push(file);
        }
    }
    for files in found.collections.values_mut() {
        files.sort();
    }
    Ok(found)
}

fn files_inside(name: &str, folder: &Path) -> Result<Vec<DataFile>> {
    let entries = sorted_entries(folder)?;
    Ok(entries
        .iter()
        .filter_map(|(file, path)| data_file(file, Some(name), path))
        .collect())
}

/// The data file an entry is, if it is one; inside a folder the folder's name is the stem.
fn data_file(name: &str, folder: Option<&str>, path: &Path) -> Option<DataFile> {
    let (packing, plain) = Packing::of(name);
    let (stem, extension) = plain.rsplit_once('.')?;
    let known = EXTENSIONS
        .iter()
        .any(|known| known.eq_ignore_ascii_case(extension));
    if !known || stem.is_empty() || !path.is_file() {
        return None;
    }
    Some(match folder {
        Some(folder) => DataFile {
            unit: format!("{folder}/{name}").into(),
            stem: folder.to_owned(),
            path: path.to_owned(),
            lines: LineKind::Records,
            packing,
        },
        None => DataFile {
            unit: name.into(),
            stem: stem.to_owned(),
            path: path.to_owned(),
            lines: LineKind::Records,
            packing,
        },
    })
}

fn sorted_entries(folder: &Path) -> std::io::Result<Vec<(String, PathBuf)>> {
    let mut entries = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        match entry.file_name().into_string() {
            Ok(name) if !name.starts_with('.') => entries.push((name, entry.path())),
            _ => {}
        }
    }
    entries.sort();
    Ok(entries)
}

impl DataFiles {
    /// The files of a collection, by its short name.
    pub fn of(&self, collection: &str) -> &[DataFile] {
        self.collections
            .get(&collection.to_lowercase())
            .map_or(&[], Vec::as_slice)
    }

    /// The files of a collection: those named with its namespace, as `tpdm.candidates.jsonl`; else
    /// by its short name; else by its whole one, as reject files have it.
    pub fn of_collection(&self, name: &CollectionName) -> &[DataFile] {
        let dotted = format!("{}.{}", name.namespace(), name.short());
        let names = [&dotted, name.short(), name.as_str()];
        let mut found = names.into_iter().map(|name| self.of(name));
        found.find(|files| !files.is_empty()).unwrap_or_default()
    }

    /// An error if there is nothing to read at all.
    pub fn require_any(&self, folder: &Path) -> Result<()> {
        if !self.collections.is_empty() {
            return Ok(());
        }
        let holds = match self.others.as_slice() {
            [] => "it is empty".to_owned(),
            others => format!(
                "it holds {}",
                others
                    .iter()
                    .take(5)
                    .cloned()
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        };
        let message = format!("{} has no *.jsonl files: {holds}", folder.display());
        Err(StoreError::new(ErrorKind::NotFound, message)
            .with_hint("put one file per collection there, for example students.jsonl"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, "{}\n").unwrap();
        }
        folder
    }

    #[test]
    fn files_and_folders_of_every_spelling_are_found() {
        let names = [
            "Students.jsonl",
            "students.ndjson",
            "students/b.JSON",
            "students/a.jsonl.gz",
            "STAFFS/x.jsonl.ZST",
            "notes.txt.gz",
            "notes.txt",
            ".hidden.jsonl",
            "empty/readme.md",
        ];
        let folder = folder(&names);
        let found = discover(folder.path()).unwrap();
        let units: Vec<&str> = found
            .of("students")
            .iter()
            .map(|file| &*file.unit)
            .collect();
        assert_eq!(
            units,
            [
                "Students.jsonl",
                "students.ndjson",
                "students/a.jsonl.gz",
                "students/b.JSON"
            ]
        );
        assert_eq!(found.of("staffs").len(), 1);
        assert_eq!(found.others, ["empty", "notes.txt", "notes.txt.gz"]);
    }

    #[test]
    fn a_folder_without_data_says_what_it_holds() {
        let folder = folder(&["notes.txt"]);
        let error = discover(folder.path())
            .unwrap()
            .require_any(folder.path())
            .unwrap_err();
        assert!(
            error
                .message
                .ends_with("has no *.jsonl files: it holds notes.txt"),
            "{error}"
        );
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = discover(Path::new("/nonexistent/data")).unwrap_err();
        assert!(error.message.contains("/nonexistent/data"), "{error}");
        assert_eq!(error.kind, ErrorKind::NotFound);
    }
}
