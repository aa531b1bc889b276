//! The manifest of a `OneRoster` folder: which files it holds, and whether each is everything.

use std::collections::BTreeMap;
use std::path::Path;

use syncline_store::{ErrorKind, Result, StoreError};

use super::dialect::{Dialect, Standing};

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
        let mut reader = Dialect::default().reader(fs_err::File::open(&path)?)?;
        let mut tables = BTreeMap::new();
        let mut cells = csv::ByteRecord::new();
        let broken = |error: Box<dyn std::error::Error + Send + Sync>| {
            let message = format!("{} cannot be read", path.display());
            StoreError::new(ErrorKind::InvalidData, message).with_source(error)
        };
        while reader
            .read_byte_record(&mut cells)
            .map_err(|error| broken(error.into()))?
        {
            if Standing::of(&mut cells) == Standing::Behind {
                break;
            }
            let row = csv::StringRecord::from_byte_record(cells.clone());
            let row = row.map_err(|error| broken(error.into()))?;
            let (Some(property), Some(value)) = (row.get(0), row.get(1)) else {
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
                    let line = row.position().map_or(0, csv::Position::line);
                    let message = format!(
                        "{}:{line}: `{PREFIX}{name}` is neither bulk nor delta nor absent",
                        path.display()
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
