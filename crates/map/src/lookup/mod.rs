//! Tables that expressions look values up in.
//!
//! A small one is held in memory. A larger one goes into a private file, so that memory does not grow
//! with it; what is found in either is the same.

mod disk;

use std::collections::BTreeMap;
use std::path::Path;

use minijinja::Value;
use syncline_model::RawObject;

use crate::cell::Cell;
use disk::Disk;

/// Most bytes of entries that are held in memory.
const HELD_BYTES_MAX: usize = 32 << 20;
/// About what an entry takes in memory besides its texts.
const ENTRY_BYTES: usize = 112;
/// Most entries of a table.
const ENTRIES_MAX: u64 = 100_000_000;

/// Why a table cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// It has too many entries.
    #[error("it has more than {ENTRIES_MAX} entries")]
    Full,
    /// Its file cannot be made, written or read.
    #[error("its file in the state folder: {0}")]
    File(Box<str>),
}

/// A table: text to value.
#[derive(Debug)]
pub struct Lookup {
    held: BTreeMap<Box<str>, Value>,
    bytes: usize,
    bytes_max: usize,
    /// Where all entries are, once there are many.
    disk: Option<Disk>,
}

impl Default for Lookup {
    fn default() -> Self {
        Self {
            held: BTreeMap::new(),
            bytes: 0,
            bytes_max: HELD_BYTES_MAX,
            disk: None,
        }
    }
}

impl Lookup {
    /// A table of texts.
    pub fn of_texts(entries: impl IntoIterator<Item = (String, String)>) -> Self {
        let entries = entries
            .into_iter()
            .map(|(key, value)| (key.into_boxed_str(), Value::from(value)));
        Self {
            held: entries.collect(),
            ..Self::default()
        }
    }

    /// Adds what a record says: the text of one member leads to the value of another. A record
    /// without the first says nothing. What is too much for memory goes into a file of a folder, which
    /// exists.
    pub fn add(
        &mut self,
        payload: &[u8],
        (key, value): (&str, &str),
        folder: &Path,
    ) -> Result<(), LookupError> {
        let Some(members) = RawObject::of(payload) else {
            return Ok(());
        };
        let key = match members.get(key).map(Cell::of_json) {
            Some(Cell::Text(text) | Cell::Number(text)) => text.into_owned(),
            _ => return Ok(()),
        };
        let json = members.get(value).unwrap_or("null");
        if let Some(disk) = &mut self.disk {
            return disk.put(&key, json);
        }
        self.bytes += key.len() + json.len() + ENTRY_BYTES;
        let value = Cell::of_json(json).into_value();
        self.held.insert(key.into_boxed_str(), value);
        if self.bytes > self.bytes_max {
            self.spill(folder)?;
        }
        Ok(())
    }

    /// Puts all that is held into a file.
    fn spill(&mut self, folder: &Path) -> Result<(), LookupError> {
        let mut disk = Disk::create(folder)?;
        for (key, value) in std::mem::take(&mut self.held) {
            let mut json = Vec::new();
            Cell::of_value(&value).write(&mut json);
            disk.put(&key, &String::from_utf8_lossy(&json))?;
        }
        self.disk = Some(disk);
        Ok(())
    }

    /// The value that a text leads to.
    pub(crate) fn find(&self, key: &str) -> Result<Option<Value>, LookupError> {
        let Some(disk) = &self.disk else {
            return Ok(self.held.get(key).cloned());
        };
        let found = disk.find(key)?;
        Ok(found.map(|json| Cell::of_json(&json).into_value()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found of some keys in a table of rows, which goes to disk beyond so many bytes.
    fn found(bytes_max: usize, keys: &[&str]) -> (bool, Vec<Option<String>>) {
        let folder = tempfile::tempdir().unwrap();
        let mut table = Lookup {
            bytes_max,
            ..Lookup::default()
        };
        let values = [
            "\"a \\\"b\\\" \u{e9}\"",
            "12345678901234567890.10",
            "null",
            "true",
            "[1,\"x\"]",
        ];
        for number in 0..50 {
            let value = values[number % values.len()];
            let row = format!("{{\"id\":\"k{number}\",\"v\":{value}}}");
            table
                .add(row.as_bytes(), ("id", "v"), folder.path())
                .unwrap();
        }
        for row in [
            "{\"id\":\"k7\",\"v\":\"the last\"}",
            "{\"id\":7}",
            "{\"v\":1}",
            "{\"id\":null,\"v\":1}",
            "no object",
        ] {
            table
                .add(row.as_bytes(), ("id", "v"), folder.path())
                .unwrap();
        }
        let text = |key: &&str| {
            let value = table.find(key).unwrap()?;
            let mut json = Vec::new();
            Cell::of_value(&value).write(&mut json);
            Some(String::from_utf8(json).unwrap())
        };
        let is_left = std::fs::read_dir(folder.path()).unwrap().next().is_some();
        assert!(!cfg!(unix) || !is_left, "its file has no name");
        (table.disk.is_some(), keys.iter().map(text).collect())
    }

    #[test]
    fn what_is_found_on_disk_is_what_would_be_found_in_memory() {
        let keys = [
            "k0", "k1", "k2", "k3", "k4", "k7", "k49", "7", "k50", "", "K0",
        ];
        let (is_on_disk, held) = found(usize::MAX, &keys);
        assert!(!is_on_disk);
        let expected = [
            Some("\"a \\\"b\\\" \u{e9}\""),
            // Expressions have such a number as the text that it is.
            Some("\"12345678901234567890.10\""),
            Some("null"),
            Some("true"),
            Some("[1,\"x\"]"),
            Some("\"the last\""),
            Some("[1,\"x\"]"),
            Some("null"),
            None,
            None,
            None,
        ];
        let expected: Vec<_> = expected
            .iter()
            .map(|text| text.map(str::to_owned))
            .collect();
        assert_eq!(held, expected);
        for bytes_max in [0, 20 * ENTRY_BYTES] {
            assert_eq!(
                found(bytes_max, &keys),
                (true, expected.clone()),
                "{bytes_max}"
            );
        }
    }

    #[test]
    fn a_file_that_cannot_be_made_is_an_error() {
        let mut table = Lookup {
            bytes_max: 0,
            ..Lookup::default()
        };
        let folder = Path::new("/nowhere/at/all");
        let added = table.add(b"{\"id\":\"k\",\"v\":\"secret\"}", ("id", "v"), folder);
        let told = added.unwrap_err().to_string();
        assert!(
            told.contains("/nowhere/at/all") && !told.contains("secret"),
            "{told}"
        );
    }
}
