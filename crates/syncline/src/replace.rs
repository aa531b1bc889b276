//! Replacing a file by one that is complete: it is written beside and then renamed. Whatever goes
//! wrong, the file that was there stays, and nothing is left beside it.

use std::io::Write as _;
use std::path::Path;

use tempfile::Builder;

use crate::{Failure, FailureKind};

/// Writes a file as a whole; its folder has to be there.
pub(crate) fn replace_file(path: &Path, content: &[u8]) -> Result<(), Failure> {
    replaced(path, content).map_err(|error| {
        let message = format!("cannot write {}: {error}", path.display());
        Failure::new(FailureKind::Local, message)
    })
}

fn replaced(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut builder = Builder::new();
    builder.prefix(".syncline-").suffix(".new");
    // What other files get: everybody may read as far as the process is told to let them.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut beside = builder.tempfile_in(folder)?;
    beside.write_all(content)?;
    beside.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_replaced_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.json");
        std::fs::create_dir(&path).unwrap();
        let failure = replace_file(&path, b"{}").unwrap_err();
        assert!(failure.message.contains("results.json"), "{failure}");
        let left = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 1);
        std::fs::remove_dir(&path).unwrap();
        replace_file(&path, b"{}").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"{}");
    }
}
