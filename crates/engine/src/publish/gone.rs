//! Keys that went, kept on disk until everything has been written.
//!
//! Their digests stay in memory, so that a key that is written again in the same window is known
//! to be there again and is not deleted.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use syncline_model::{Digest, Key};

/// Keys to be deleted, one per line of an unnamed file.
#[derive(Debug, Default)]
pub(crate) struct Gone {
    file: Option<File>,
    digests: HashSet<Digest>,
}

impl Gone {
    /// Adds keys; the file is made in a folder that exists.
    pub(crate) fn add(&mut self, keys: &[Key], folder: &Path) -> std::io::Result<()> {
        let mut lines = String::new();
        for key in keys {
            if self.digests.insert(key.digest()) {
                lines.push_str(key.as_str());
                lines.push('\n');
            }
        }
        if lines.is_empty() {
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile_in(folder)?),
        };
        file.write_all(lines.as_bytes())
    }

    /// Adds keys as [`Gone::add`] does; how many were not there yet.
    pub(crate) fn add_new(&mut self, keys: &[Key], folder: &Path) -> std::io::Result<u64> {
        let before = self.len();
        self.add(keys, folder)?;
        Ok(self.len() - before)
    }

    /// The key is there, or there again.
    pub(crate) fn is_back(&mut self, key: Digest) {
        if !self.digests.is_empty() {
            self.digests.remove(&key);
        }
    }

    /// How many keys are still to be deleted.
    pub(crate) fn len(&self) -> u64 {
        self.digests.len() as u64
    }

    pub(crate) fn contains(&self, key: Digest) -> bool {
        self.digests.contains(&key)
    }

    /// The keys that are still to be deleted.
    pub(crate) fn into_keys(mut self) -> std::io::Result<Keys> {
        if let Some(file) = &mut self.file {
            file.seek(SeekFrom::Start(0))?;
        }
        Ok(Keys {
            lines: self.file.map(BufReader::new),
            digests: self.digests,
        })
    }
}

/// Keys read back.
pub(crate) struct Keys {
    lines: Option<BufReader<File>>,
    digests: HashSet<Digest>,
}

impl Iterator for Keys {
    type Item = std::io::Result<Key>;

    fn next(&mut self) -> Option<Self::Item> {
        let lines = self.lines.as_mut()?;
        loop {
            let mut line = String::new();
            match lines.read_line(&mut line) {
                Err(error) => return Some(Err(error)),
                Ok(0) => return None,
                Ok(_) => {
                    let key = Key::from_canonical(line.trim_end_matches('\n'));
                    // Removed, so that a key that went twice is deleted once.
                    if self.digests.remove(&key.digest()) {
                        return Some(Ok(key));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_back_is_not_deleted_and_nothing_is_deleted_twice() {
        let folder = tempfile::tempdir().unwrap();
        let key = |text: &str| Key::from_canonical(text);
        let mut gone = Gone::default();
        gone.add(&[key("[1]"), key("[2]")], folder.path()).unwrap();
        gone.add(&[key("[2]"), key("[3]")], folder.path()).unwrap();
        assert!(gone.contains(key("[1]").digest()));
        gone.is_back(key("[1]").digest());
        let keys: Vec<Key> = gone.into_keys().unwrap().map(Result::unwrap).collect();
        assert_eq!(keys, [key("[2]"), key("[3]")]);
        assert_eq!(Gone::default().into_keys().unwrap().count(), 0);
    }
}
