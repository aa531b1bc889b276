//! Files that are compressed, and input that comes as a stream.
//!
//! Both are read from beginning to end as they are. Places in them cannot be gone to, so whoever
//! reads by place is given an unpacked copy, made once and gone with the store.

use std::collections::BTreeMap;
use std::io::{self, Read, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use syncline_store::{ErrorKind, Result, StoreError};
use tempfile::NamedTempFile;

use crate::discover::{DataFile, Packing};

impl Packing {
    /// How a file of this name is packed, and its name without that.
    pub(crate) fn of(name: &str) -> (Self, &str) {
        let ends = |ending: &str| {
            let at = name.len().checked_sub(ending.len())?;
            let (before, end) = name.split_at_checked(at)?;
            end.eq_ignore_ascii_case(ending).then_some(before)
        };
        if let Some(before) = ends(".gz") {
            (Self::Gzip, before)
        } else if let Some(before) = ends(".zst") {
            (Self::Zstd, before)
        } else {
            (Self::None, name)
        }
    }

    /// How a stream that begins so is packed.
    fn of_bytes(beginning: &[u8]) -> Self {
        match beginning {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            _ => Self::None,
        }
    }
}

impl DataFile {
    /// Opens the file; what is read is unpacked.
    pub fn open(&self) -> Result<Box<dyn Read + Send>> {
        let file = fs_err::File::open(&self.path)?;
        Ok(match self.packing {
            Packing::None => Box::new(file),
            Packing::Gzip => Box::new(flate2::read::MultiGzDecoder::new(file)),
            Packing::Zstd => Box::new(zstd::stream::read::Decoder::new(file)?),
        })
    }

    /// What an error while reading means: a packed file may be cut off or damaged.
    pub(crate) fn problem(&self, error: io::Error) -> StoreError {
        if self.packing == Packing::None {
            return error.into();
        }
        let message = format!("{} cannot be unpacked", self.path.display());
        StoreError::new(ErrorKind::InvalidData, message).with_source(error)
    }
}

/// Unpacked copies, by unit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unpacked {
    copies: Arc<Mutex<BTreeMap<Arc<str>, NamedTempFile>>>,
}

impl Unpacked {
    /// A path at which the places of a file can be gone to.
    pub(crate) fn path(&self, file: &DataFile) -> Result<PathBuf> {
        if file.packing == Packing::None {
            return Ok(file.path.clone());
        }
        let mut copies = self.copies.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(copy) = copies.get(&file.unit) {
            return Ok(copy.path().to_owned());
        }
        let mut copy = NamedTempFile::new()?;
        io::copy(&mut file.open()?, copy.as_file_mut()).map_err(|error| file.problem(error))?;
        let path = copy.path().to_owned();
        copies.insert(Arc::clone(&file.unit), copy);
        Ok(path)
    }
}

/// Copies a stream into a file of its own, readable by its owner only.
pub(crate) fn spool(mut stream: impl Read) -> Result<(NamedTempFile, Packing)> {
    let mut file = NamedTempFile::new()?;
    let mut beginning = Vec::new();
    stream.by_ref().take(4).read_to_end(&mut beginning)?;
    file.write_all(&beginning)?;
    io::copy(&mut stream, file.as_file_mut())?;
    Ok((file, Packing::of_bytes(&beginning)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_is_told_by_name_and_by_beginning() {
        assert_eq!(Packing::of("a.jsonl.gz"), (Packing::Gzip, "a.jsonl"));
        assert_eq!(Packing::of("a.jsonl.ZST"), (Packing::Zstd, "a.jsonl"));
        assert_eq!(Packing::of("é.jsonl"), (Packing::None, "é.jsonl"));
        let zstd = zstd::encode_all(&b"{}"[..], 1).unwrap();
        assert_eq!(Packing::of_bytes(&zstd), Packing::Zstd);
        assert_eq!(Packing::of_bytes(b"{}"), Packing::None);
    }
}
