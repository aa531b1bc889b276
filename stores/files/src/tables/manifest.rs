//! The manifest of a `OneRoster` folder: which files it holds, and whether each is everything.

use std::collections::BTreeMap;
use std::path::Path;

use syncline_store::{ErrorKind, Result, StoreError};

use super::cells::Cells;
use super::dialect::Dialect;

/// The name of the file.
pub(super) const FILE: &str = "manifest.csv";
/// How the properties begin that speak of files.
const PREFIX: &str = "file.";

/// The tables that a manifest says are there.
pub(super) struct Manifest {
    /// By name, and why a table is not everything.
    pub(super) tables: BTreeMap<String, Option<&'static str>>,
}

impl Manifest {
    /// The manifest of a folder, if it has one.
    pub(super) fn of(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(FILE);
        if !path.is_file() {
            return Ok(None);
        }
        let (mut rows, _) = Dialect::default().rows(fs_err::File::open(&path)?)?;
        let mut tables = BTreeMap::new();
        let mut cells = Cells::default();
        let broken = |error: Box<dyn std::error::Error + Send + Sync>| {
            let message = format!("{} cannot be read", path.display());
            StoreError::new(ErrorKind::InvalidData, message).with_source(error)
        };
        while let Some(row) = rows
            .next(&mut cells)
            .map_err(|error| broken(error.into()))?
        {
            let texts = cells.iter().map(std::str::from_utf8);
            let texts = texts.collect::<std::result::Result<Vec<_>, _>>();
            let texts = texts.map_err(|error| broken(error.into()))?;
            let [property, value, ..] = texts.as_slice() else {
                continue;
            };
            let Some(name) = property.trim().strip_prefix(PREFIX) else {
                continue;
            };
            let partial = match value.trim() {
                "absent" => continue,
                "bulk" => None,
                "delta" => Some("the manifest calls it a delta"),
                _ => {
                    let message = format!(
                        "{}:{}: `{PREFIX}{name}` is neither bulk nor delta nor absent",
                        path.display(),
                        row.line
                    );
                    return Err(StoreError::new(ErrorKind::InvalidData, message));
                }
            };
            tables.insert(name.to_owned(), partial);
        }
        if tables.is_empty() {
            let message = format!("{} names no files", path.display());
            return Err(StoreError::new(ErrorKind::InvalidData, message)
                .with_hint("a OneRoster manifest has rows such as `file.users,bulk`"));
        }
        Ok(Some(Self { tables }))
    }

    /// An error if a file is not there that the manifest says is.
    pub(super) fn require(&self, folder: &Path) -> Result<()> {
        let missing = self.tables.keys().map(|name| format!("{name}.csv"));
        match missing
            .into_iter()
            .find(|file| !folder.join(file).is_file())
        {
            None => Ok(()),
            Some(file) => {
                let message = format!(
                    "{} says that {file} is there, and it is not",
                    folder.join(FILE).display()
                );
                Err(StoreError::new(ErrorKind::NotFound, message)
                    .with_hint("fetch the export again; it may have been cut off"))
            }
        }
    }
}
